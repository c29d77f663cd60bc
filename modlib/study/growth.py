"""Which edges the reward for loops strengthens, in single loops and in networks."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import weights
from modlib.loops import loop_sum, total_loop_sum
from modlib.training.stacks import Stack


def by_definition(W: Float[Tensor, "n_in n_hid"], V: Float[Tensor, "n_hid n_out"]) -> float:
    """Return `loop_sum` as it is defined, visiting every input, pair of hidden neurons and output.

    That takes a time of the fourth degree in the number of neurons a layer.
    """
    (n_in, n_hid), n_out = W.shape, V.shape[1]
    W, V = W.tolist(), V.tolist()
    return sum(
        W[i][j] * W[i][k] * V[j][o] * V[k][o]
        for i, j, k, o in product(*map(range, (n_in, n_hid, n_hid, n_out)))
    )


def difference_of_forms(n_pairs: int, seed: int, largest: int = 6) -> float:
    """Return the largest relative difference of definition and closed form.

    Of random pairs of matrices between layers of 1 to `largest` neurons.
    """
    rng = np.random.default_rng(seed)
    pairs = [
        [torch.tensor(rng.normal(size=shape)) for shape in ((n_in, n_hid), (n_hid, n_out))]
        for n_in, n_hid, n_out in rng.integers(1, largest + 1, (n_pairs, 3))
    ]
    return max(abs(loop_sum(*pair).item() / by_definition(*pair) - 1) for pair in pairs)


def shares_of_growth(n_loops: int, seed: int) -> pd.DataFrame:
    """Return which share of a loop's growth falls to each of its four edges, by their weight.

    One row per loop, its weights uniform between 0 and 1. The growth of an edge is the product of
    the other three.
    """
    edges = torch.tensor(np.random.default_rng(seed).random((n_loops, 4))).requires_grad_()
    edges.prod(-1).sum().backward()
    growth = edges.grad.gather(-1, edges.detach().argsort(-1))
    shares = growth / growth.sum(-1, keepdim=True)
    return pd.DataFrame(shares, columns=["smallest", "second", "third", "largest"])


def growth_in_networks(widths: Sequence[int], seeds: Sequence[int]) -> pd.DataFrame:
    """Return the size of each weight of untrained networks, and how fast all loops make it grow.

    One row per network and weight: `network`, `size` and `growth`, half the gradient along |w|.
    """
    chain = weights(Stack(widths, seeds))
    slopes = torch.autograd.grad(total_loop_sum(chain).sum(), chain)
    size = torch.cat([W.detach().abs().flatten(1) for W in chain], 1)
    growth = torch.cat(
        [(W.detach().sign() * G / 2).flatten(1) for W, G in zip(chain, slopes, strict=True)], 1
    )
    network = np.repeat(list(seeds), size.shape[1])
    return pd.DataFrame({"network": network, "size": size.ravel(), "growth": growth.ravel()})
