"""A network as its chain of weight matrices, input side first.

Rows feed columns: entry (i, j) of a matrix is the weight from neuron i of one
layer to neuron j of the next, so `nn.Linear`, which stores the transpose, enters
as `weight.mT`. Nothing outside this module transposes a weight.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

Chain = Sequence[Float[Tensor, "*stack _ _"]]
"""The weight matrices of a stack of networks, input side first."""

SMALLEST_DEGREE = 1e-12
"""A neuron whose absolute weights sum to less counts as one of this degree."""

NEUTRAL = {
    "torch.nn.modules.activation",
    "torch.nn.modules.batchnorm",
    "torch.nn.modules.dropout",
    "torch.nn.modules.instancenorm",
    "torch.nn.modules.normalization",
}
"""Where PyTorch keeps the modules that leave each neuron on its own."""


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
        # faster than baddbmm, which begins with a copy of the bias for each example
        return torch.bmm(x, self.weight).add_(self.bias)


def weights(model: nn.Module) -> list[Float[Tensor, "*stack _ _"]]:
    """Return the weight matrices of a network that says by itself how it runs, differentiably.

    Such are an `nn.Sequential` of layers and what leaves neurons as they are, and a model all of
    whose parameters are in `StackedLinear`s, which run in the order of their registration.
    `nn.Linear` enters transposed; `StackedLinear` as it is; `nn.Conv2d` by channel, each kernel
    counting as the sum of its absolute weights. Where a linear layer reads a flattened feature
    map, the absolute weights from one channel are added up too. Biases and norms are left out.

    Raises:
        ValueError: if the model does not say by itself in what order it runs, if it has no such
            layer, if a convolution is grouped, or if two consecutive layers do not fit together.

    >>> [W.shape for W in weights(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)))]
    [torch.Size([4, 3]), torch.Size([3, 2])]
    """
    chain: list[Tensor] = []
    previous_name, is_map, is_flat = "", False, False
    for name, layer in in_order(model):
        if isinstance(layer, StackedLinear):
            matrix = layer.weight
        elif isinstance(layer, nn.Linear):
            matrix = present_weight(layer).mT
        elif isinstance(layer, nn.Conv2d):
            if layer.groups != 1:
                raise ValueError(
                    f"a chain needs convolutions with groups=1, got groups={layer.groups}"
                    f" in layer '{name}': its channels are not fully connected; pass an example"
                    " of the inputs, modlib.network(model, x)"
                )
            matrix = present_weight(layer).abs().sum((-2, -1)).mT
        else:
            is_flat = is_flat or isinstance(layer, nn.Flatten)
            continue
        n_in = matrix.shape[-2]
        n_out = chain[-1].shape[-1] if chain else n_in
        if is_map and is_flat and n_in % n_out == 0:
            matrix = matrix.unflatten(-2, (n_out, n_in // n_out)).abs().sum(-2)
        elif n_in != n_out or (chain and is_map != isinstance(layer, nn.Conv2d)):
            raise ValueError(
                f"consecutive layers must fit together: '{previous_name}' has {n_out}"
                f" outputs but '{name}' has {n_in} inputs, and a feature map is flattened before a"
                " linear layer; pass an example of the inputs, modlib.weights(model, x)"
            )
        chain.append(matrix)
        previous_name, is_map, is_flat = name, isinstance(layer, nn.Conv2d), False
    if not chain:
        raise ValueError(
            "a chain needs at least one nn.Linear, nn.Conv2d or StackedLinear layer,"
            f" got {type(model).__name__} without any"
        )
    return chain


def in_order(model: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield a model's layers in the order in which they run, with their names.

    Raises:
        ValueError: if that order cannot be known from how they are registered.
    """
    owners = [m for m in model.modules() if next(m.parameters(recurse=False), None) is not None]
    if owners and all(type(owner) is StackedLinear for owner in owners):
        yield from model.named_modules()
    elif isinstance(model, nn.Sequential) and type(model).forward is nn.Sequential.forward:
        for key, child in zip(model._modules, model, strict=True):
            yield from in_order(child, f"{name}.{key}".lstrip("."))
    elif leaves_neurons(model) or has_weight(model):
        yield name, model
    else:
        raise ValueError(
            f"which layers {type(model).__name__}{f' {name!r}' if name else ''} runs, and in what"
            " order, is not known from how they are registered; pass an example of the inputs,"
            " modlib.weights(model, x)"
        )


def has_weight(layer: nn.Module) -> bool:
    """Return whether a layer is of a known type, with a weight that `present_weight` returns."""
    kind = parametrize.type_before_parametrizations(layer)
    is_live = (
        "weight" in layer._parameters
        or parametrize.is_parametrized(layer, "weight")
        or any(map(of_weight, layer._forward_pre_hooks.values()))
    )
    return kind in (nn.Linear, nn.Conv2d, StackedLinear) and is_live


def of_weight(hook: object) -> bool:
    """Return whether a hook makes a layer's weight of other parameters before each run."""
    name = getattr(hook, "name", getattr(hook, "_tensor_name", None))
    return name == "weight" and isinstance(hook, BasePruningMethod | SpectralNorm | WeightNorm)


def present_weight(layer: nn.Module) -> Tensor:
    """Return a layer's weight as it would be in a run, made anew where a hook makes it.

    Such are `torch.nn.utils.prune` and the old `weight_norm` and `spectral_norm`, which leave the
    weight of the last run in the layer.
    """
    weight = None
    for hook in filter(of_weight, layer._forward_pre_hooks.values()):
        if isinstance(hook, BasePruningMethod):
            weight = hook.apply_mask(layer)
        elif isinstance(hook, SpectralNorm):
            # copies, since the next run changes them in place
            u, v = (layer.get_buffer(f"weight_{side}").clone() for side in "uv")
            W = layer.get_parameter("weight_orig")
            weight = W / torch.dot(u, torch.mv(hook.reshape_weight_to_matrix(W), v))
        else:
            weight = hook.compute_weight(layer)
    return cast(Tensor, layer.weight) if weight is None else weight


def leaves_neurons(layer: nn.Module) -> bool:
    """Return whether a layer without weights or a norm leaves each neuron on its own."""
    kind = type(layer)
    if isinstance(layer, nn.Flatten):
        return (layer.start_dim, layer.end_dim) == (1, -1)
    if kind.__module__ == "torch.nn.modules.pooling":
        return kind.__name__.endswith("2d")
    return kind is nn.Identity or (
        kind.__module__ in NEUTRAL and kind not in (nn.GLU, nn.MultiheadAttention, nn.PReLU)
    )


def layer_degrees(chain: Chain) -> list[Float[Tensor, "*stack _"]]:
    """Return the sum of absolute weights at each neuron, layer by layer."""
    forward = [W.abs().sum(-1) for W in chain]
    backward = [W.abs().sum(-2) for W in chain]
    inner = [b + f for b, f in zip(backward[:-1], forward[1:], strict=True)]
    return [forward[0], *inner, backward[-1]]


def inverse_roots(chain: Chain) -> list[Float[Tensor, "*stack _"]]:
    """Return 1 / sqrt(d) of each neuron's degree d, layer by layer."""
    return [degrees.clamp_min(SMALLEST_DEGREE).rsqrt() for degrees in layer_degrees(chain)]


def normalised_half(chain: Chain) -> tuple[Float[Tensor, "*stack n_even n_odd"], list[slice]]:
    """Return the half of D^(-1/2) A D^(-1/2) that joins even layers to odd ones.

    A is the adjacency matrix of the neurons, weighted by |w|, and D its degrees. Neurons of
    even layers are joined to those of odd layers alone, so that the other half is this one's
    transpose and the rest is zero. The slices say where each layer lies, among the rows or
    among the columns.
    """
    roots = inverse_roots(chain)
    sizes = [root.shape[-1] for root in roots]
    ends = [[0, *accumulate(sizes[side::2])] for side in (0, 1)]
    places = [slice(*ends[d % 2][d // 2 : d // 2 + 2]) for d in range(len(sizes))]
    half = chain[0].new_zeros(*chain[0].shape[:-2], ends[0][-1], ends[1][-1])
    for depth, (W, (here, there)) in enumerate(zip(chain, pairwise(roots), strict=True)):
        joined = W.abs() * here[..., :, None] * there[..., None, :]
        between(half, places, depth)[...] = joined
    return half, places


def between(
    half: Float[Tensor, "*stack n_even n_odd"], places: Sequence[slice], depth: int
) -> Float[Tensor, "*stack _ _"]:
    """Return the part of such a half that joins layer `depth` to the next, as a view."""
    if depth % 2 == 0:
        return half[..., places[depth], places[depth + 1]]
    return half[..., places[depth + 1], places[depth]].mT
