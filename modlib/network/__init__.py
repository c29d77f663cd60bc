"""Networks as they are traced through any model: layers of neurons and what connects them."""

from modlib.network.connections import Connection, Network
from modlib.network.lesions import community_drops, lesioned
from modlib.network.trace import Trace, network, weights

__all__ = [
    "Connection",
    "Network",
    "Trace",
    "community_drops",
    "lesioned",
    "network",
    "weights",
]
