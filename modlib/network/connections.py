"""A network as layers of neurons and the connections between them.

Rows feed columns, as in a chain, which is the special case of layers in a line.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from modlib.chain import Chain

ADVICE = (
    "use modlib.network(model, *inputs), or pick connections that form a line with"
    " modlib.weights(model, *inputs, layers=[...])"
)


class Connection(NamedTuple):
    """The weights by which one layer feeds another, or itself.

    >>> Connection("loop", "state", "state", Tensor(3, 3)).target
    'state'
    """

    name: str
    source: str
    target: str
    weight: Float[Tensor, "*stack n_source n_target"]


class Network(NamedTuple):
    """Layers of neurons, inputs first, and the connections between them.

    `sizes` holds the number of neurons of each layer; `left_out` names what was not read.

    >>> skip = Connection("skip", "x", "y", Tensor(2, 3))
    >>> Network({"x": 2, "y": 3}, [skip, skip], []).sizes["y"]
    3
    """

    sizes: dict[str, int]
    connections: list[Connection]
    left_out: list[str]

    @classmethod
    def from_chain(cls, chain: Chain) -> "Network":
        """Return a chain's layers, named by their depth, and its matrices between them."""
        sizes = {str(depth): W.shape[-2] for depth, W in enumerate(chain)}
        sizes[str(len(chain))] = chain[-1].shape[-1]
        connections = [
            Connection(str(depth), str(depth), str(depth + 1), W) for depth, W in enumerate(chain)
        ]
        return cls(sizes, connections, [])


def of_neurons(communities: object, sizes: Mapping[str, int]) -> Int[np.ndarray, " n_neurons"]:
    """Return the community of each neuron of layers of these sizes.

    Raises:
        ValueError: if it is not one whole number, 0 or above, for each of them.
    """
    numbers = np.asarray(communities)
    n_neurons = sum(sizes.values())
    if numbers.shape != (n_neurons,) or numbers.dtype.kind not in "iu" or (numbers < 0).any():
        raise ValueError(
            f"a community, a whole number from 0, is needed for each of {n_neurons} neurons in the"
            f" layers {dict(sizes)}, got an array of {numbers.dtype} of shape {numbers.shape}; pass"
            " modlib.modularity(network).communities"
        )
    return numbers


def chain(network: Network) -> list[Float[Tensor, "*stack _ _"]]:
    """Return the matrices of a network whose layers form a line, input side first.

    Raises:
        ValueError: if it has no connections, or if they do not form one line through its layers.
    """
    if not network.connections:
        raise ValueError("a chain needs at least one connection, got a network without any")
    for ends, ways in (("source", "out of"), ("target", "into")):
        met = [getattr(connection, ends) for connection in network.connections]
        for layer in met:
            names = [c.name for c in network.connections if getattr(c, ends) == layer]
            if len(names) > 1:
                raise ValueError(
                    f"a chain needs layers in a line, but {len(names)} connections lead {ways}"
                    f" layer '{layer}': {', '.join(names)}; {ADVICE}"
                )
    following = {connection.source: connection for connection in network.connections}
    starts = following.keys() - {connection.target for connection in network.connections}
    line, layer = [], min(starts, default=None)
    while layer in following:
        line.append(following[layer])
        layer = line[-1].target
    if len(line) < len(network.connections):
        apart = [c.name for c in network.connections if c not in line]
        raise ValueError(
            f"a chain needs layers in one line; {', '.join(apart)} stands apart from it; {ADVICE}"
        )
    return [connection.weight for connection in line]
