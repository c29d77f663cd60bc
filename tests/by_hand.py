"""Networks that are written down by hand, to be compared with those that are traced."""

import torch
from torch import nn


class Model(nn.Module):
    """Layers by name, and what they do to inputs."""

    def __init__(self, run, **layers):
        super().__init__()
        self.run = run
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, *inputs):
        return self.run(self, *inputs)


def assert_is(network, sizes, connections):
    """Assert that a network has these layers and, in this order, these connections.

    A connection is its name, its source, its target and what `torch.testing` takes for its weights.
    """
    assert list(network.sizes.items()) == list(sizes.items())
    assert [c[:3] for c in network.connections] == [c[:3] for c in connections]
    for connection, (name, *_, expected) in zip(network.connections, connections, strict=True):
        # sums of absolute weights may be added in another order
        torch.testing.assert_close(connection.weight, expected, msg=lambda m, n=name: f"{n}: {m}")


def by_channel(weight):
    """A convolution's weight matrix, kernel by kernel."""
    kernels = weight.detach().abs()
    return torch.stack([torch.stack([kernel.sum() for kernel in k]) for k in kernels], 1)


def by_block(matrix, n_rows=None, n_columns=None):
    """A matrix whose rows, columns or both are added up by absolute value, in equal blocks."""
    W = matrix.detach().abs()
    if n_rows is not None:
        W = torch.stack([part.sum(0) for part in W.chunk(n_rows, 0)])
    if n_columns is not None:
        W = torch.stack([part.sum(1) for part in W.chunk(n_columns, 1)], 1)
    return W
