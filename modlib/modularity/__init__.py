"""The modularity of layered networks: measure, search, nulls, and agreement with known modules."""

from modlib.modularity.measure import Modularity, modularity

__all__ = ["Modularity", "modularity"]
