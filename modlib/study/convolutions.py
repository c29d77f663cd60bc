"""Convolutions as weight matrices: whether it is locality or sharing that makes them modular.

Of a convolution unrolled to its weight matrix, `unrolled` can give up that the weights are local,
and `unshared` that they are shared.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int

from modlib.graphs import arrays_of, neuron_graph
from modlib.modularity.louvain import largest_q
from modlib.modularity.nulls import permuted
from modlib.study.wiring import initial_networks


def window(side: int) -> Int[np.ndarray, "n_offsets 2"]:
    """Return the places that a square kernel of an odd side looks at, from its centre."""
    return np.stack(np.divmod(np.arange(side**2), side), axis=1) - side // 2


def scattered(n_offsets: int, side: int, rng: np.random.Generator) -> Int[np.ndarray, "_ 2"]:
    """Return that many different places drawn from the whole of a square image."""
    return np.stack(np.divmod(rng.choice(side**2, n_offsets, replace=False), side), axis=1)


def unrolled(
    kernel: Float[np.ndarray, "c_out c_in n_offsets"],
    offsets: Int[np.ndarray, "n_offsets 2"],
    side: int,
) -> Float[np.ndarray, "n_in n_out"]:
    """Return the weight matrix of a convolution over square images that wrap around.

    The output at place p of channel o is sum_ik kernel[o, i, k] x[i, p + offsets[k]].
    Offsets from `window` make it PyTorch's `Conv2d` with `padding_mode="circular"`;
    any others share weights in the same way, but not between neighbours.

    Raises:
        ValueError: if two offsets reach the same place, for then their weights add up.
    """
    c_out, c_in, _ = kernel.shape
    to = np.arange(side**2)
    row, column = np.divmod(to, side)
    come_from = [(row + down) % side * side + (column + right) % side for down, right in offsets]
    if len({places[0] for places in come_from}) < len(offsets):
        raise ValueError(
            f"offsets must reach different places of an image of side {side}, got"
            f" {offsets.tolist()}; take a larger image or a smaller kernel"
        )
    W = np.zeros((c_in, side**2, c_out, side**2))
    for places, weights in zip(come_from, np.moveaxis(kernel, -1, 0), strict=True):
        W[:, places, :, to] = weights.T
    return W.reshape(c_in * side**2, c_out * side**2)


def unshared(
    W: Float[np.ndarray, "n_in n_out"], rng: np.random.Generator
) -> Float[np.ndarray, "n_in n_out"]:
    """Return the matrix with its weights other than zero in random order.

    Who is wired to whom is kept; which connections have the same weight is not.
    """
    mixed = W.copy()
    mixed[W != 0] = rng.permutation(W[W != 0])
    return mixed


def convolution_table(
    side: int, kernel: int, n_convolutions: int, feature_maps: Sequence[int], seeds: Sequence[int]
) -> pd.DataFrame:
    """Return the largest Q of stacks of convolutions, with and without what defines them.

    One row per kind and seed, and one column for each number of hidden feature maps. The kinds are
    a stack of convolutions of square images of one channel that wrap around; its non-zero weights
    permuted within each layer; the same two for kernels whose places are drawn from the whole
    image; all entries of each layer permuted; a fully connected network of the same layers.
    """
    return (
        pd.DataFrame(
            {
                f"{n}": pd.concat(
                    {seed: _kinds(side, kernel, [1] + [n] * n_convolutions, seed) for seed in seeds}
                )
                for n in feature_maps
            }
        )
        .rename_axis(["seed", "kind"])
        .reset_index()
    )


def _kinds(side: int, kernel: int, channels: Sequence[int], seed: int) -> pd.Series:
    rng = np.random.default_rng(seed)
    kernels = [
        rng.uniform(-1, 1, (c_out, c_in, kernel**2)) / np.sqrt(c_in * kernel**2)
        for c_in, c_out in pairwise(channels)
    ]
    local = [unrolled(k, window(kernel), side) for k in kernels]
    far = [unrolled(k, scattered(kernel**2, side, rng), side) for k in kernels]
    networks = {
        "local, shared": local,
        "local, not shared": [unshared(W, rng) for W in local],
        "not local, shared": far,
        "not local, not shared": [unshared(W, rng) for W in far],
        "all weights permuted": arrays_of(
            permuted([torch.as_tensor(W) for W in local], torch.Generator().manual_seed(seed))
        ),
        "fully connected": initial_networks([c * side**2 for c in channels], [seed])[0],
    }
    return pd.Series({kind: largest_q(neuron_graph(chain)) for kind, chain in networks.items()})
