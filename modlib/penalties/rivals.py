"""Rivals that the published tables do not have yet: for `fit`, by record, each with its strength.

>>> from modlib import fit
>>> fit("retina", with_decay(RIVALS["topography"], 3e-3), seeds=[0], steps=1).table.penalty.item()
'topography_decay_0.003'
"""

from modlib.penalties.decay import with_decay
from modlib.penalties.layered_modularity import SoftLayeredModularity
from modlib.penalties.penalty import Penalty, of_kind, prior
from modlib.penalties.regrowth import follow, regrowth
from modlib.penalties.topography import Topography
from modlib.penalties.weighted_activity import weighted_activity

__all__ = ["RIVALS", "with_decay"]

RIVALS: dict[str, Penalty] = {
    "soft_layered_modularity": of_kind("soft_layered_modularity", SoftLayeredModularity, 1.0),
    "topography": of_kind("topography", Topography, 1.0),
    "weighted_activity": prior("weighted_activity", weighted_activity, 1e-2),
    "regrowth": prior("regrowth", regrowth, 0.8)._replace(follow=follow),
}
