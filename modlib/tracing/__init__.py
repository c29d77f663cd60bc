"""Networks as they are traced through any model: layers of neurons and what connects them."""

from modlib.tracing.lesions import community_drops, lesioned
from modlib.tracing.trace import Trace, network, weights

__all__ = ["Trace", "community_drops", "lesioned", "network", "weights"]
