"""Networks as they are traced through any model: layers of neurons and what connects them."""

from modlib.tracing.trace import Trace, network, weights

__all__ = ["Trace", "network", "weights"]
