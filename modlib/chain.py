"""A network as its chain of weight matrices, input side first.

Rows feed columns: entry (i, j) of a matrix is the weight from neuron i of one
layer to neuron j of the next, so `nn.Linear`, which stores the transpose, enters
as `weight.mT`. Nothing outside this module transposes a weight.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

Chain = Sequence[Float[Tensor, "*stack _ _"]]
"""The weight matrices of a stack of networks, input side first."""


class StackedLinear(nn.Module):
    """One affine layer in each network of a stack: x @ weight + bias."""

    def __init__(
        self, weight: Float[Tensor, "n_stack n_in n_out"], bias: Float[Tensor, "n_stack 1 n_out"]
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)

    def forward(
        self, x: Float[Tensor, "n_stack batch n_in"]
    ) -> Float[Tensor, "n_stack batch n_out"]:
        return torch.baddbmm(self.bias, x, self.weight)


def weights(model: nn.Module) -> list[Float[Tensor, "*stack _ _"]]:
    """Return the weight matrices of a feed-forward network, differentiably.

    Layers are taken in the order in which the model registered them: `nn.Linear`
    transposed; `StackedLinear` as it is; `nn.Conv2d` by channel, each kernel
    counting as the sum of its absolute weights. Where a linear layer reads a
    flattened feature map, the absolute weights from one channel are added up
    too. Biases, and modules of any other type, are left out.

    Raises:
        ValueError: if the model has no such layer, if a convolution is grouped,
            or if two consecutive layers do not fit together.
    """
    chain: list[Tensor] = []
    previous_name, channels = "", False
    for name, layer in model.named_modules():
        if isinstance(layer, StackedLinear):
            matrix = layer.weight
        elif isinstance(layer, nn.Linear):
            matrix = layer.weight.mT
        elif isinstance(layer, nn.Conv2d):
            if layer.groups != 1:
                raise ValueError(
                    f"a chain needs convolutions with groups=1, got groups={layer.groups}"
                    f" in layer '{name}': its channels are not fully connected"
                )
            matrix = layer.weight.abs().sum((-2, -1)).mT
        else:
            continue
        n_in = matrix.shape[-2]
        n_out = chain[-1].shape[-1] if chain else n_in
        if channels and isinstance(layer, nn.Linear) and n_in % n_out == 0:
            matrix = matrix.unflatten(-2, (n_out, n_in // n_out)).abs().sum(-2)
        elif n_in != n_out:
            raise ValueError(
                f"consecutive layers must fit together: '{previous_name}' has {n_out}"
                f" outputs but '{name}' has {n_in} inputs; pass a model (or the part"
                " of one) whose layers are registered in the order in which they run"
            )
        chain.append(matrix)
        previous_name, channels = name, isinstance(layer, nn.Conv2d)
    if not chain:
        raise ValueError(
            "a chain needs at least one nn.Linear, nn.Conv2d or StackedLinear layer,"
            f" got {type(model).__name__} without any"
        )
    return chain
