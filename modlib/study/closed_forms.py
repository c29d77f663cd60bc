"""Walk loops of networks that are written down or drawn, not trained."""

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import Chain
from modlib.loops import total_loop_sum
from modlib.penalties.forms import walk_return_sum
from modlib.study import theory
from modlib.walks import normalised, walk_loop_sum


def with_retraced(chain: Chain) -> Float[Tensor, "*stack"]:
    """Return the walk loops with those included that retrace their steps."""
    return total_loop_sum([normalised(W) for W in chain])


def joined(width: int, blocks: int) -> pd.DataFrame:
    """Return both kinds of loops of modules that are joined, relative to those of separate ones.

    By the weight between modules, where that within is 1; the printed loops are taken at the scale
    that suits them best.
    """
    between = np.linspace(0, 1, 101)
    chains = [theory.block_chain([width] * 4, blocks, weight) for weight in between]
    scores = pd.DataFrame(
        {
            "loops": [-theory.best_scale_penalty(W).item() for W in chains],
            "walk_loops": [walk_loop_sum(W).item() for W in chains],
        },
        index=pd.Index(between, name="between"),
    )
    return scores / scores.iloc[0]


def returns(n: int, width: int, seed: int) -> pd.DataFrame:
    """Return the walk loops of random networks, and the probability of a walker's return.

    `rescaled` is the walk loops after each layer was multiplied by a random number.
    """
    generator = torch.Generator().manual_seed(seed)
    unevenness = 1 + 7 * torch.rand(n, 1, 1, generator=generator)
    chain = [torch.rand(n, width, width, generator=generator) ** unevenness for _ in range(3)]
    factors = 10 ** torch.randn(3, n, 1, 1, generator=generator)
    scaled = [factor * W for factor, W in zip(factors, chain, strict=True)]
    scores = {
        "walk_loops": walk_loop_sum(chain),
        "returns": walk_return_sum(chain),
        "rescaled": walk_loop_sum(scaled),
    }
    return pd.DataFrame({name: score.numpy() for name, score in scores.items()})


def divided(width: int) -> pd.DataFrame:
    """Return the loops of a hidden layer that is divided into modules of m neurons, by m.

    `walk_loops`, and `with_retraced` those that retrace their steps included; `closed_form` and
    `closed_form_retraced` are what they are by proof.
    """
    sizes = np.array([m for m in range(1, width + 1) if width % m == 0])
    chains = [theory.block_chain([width] * 3, width // m) for m in sizes.tolist()]
    return pd.DataFrame(
        {
            "walk_loops": [walk_loop_sum(W).item() for W in chains],
            "with_retraced": [with_retraced(W).item() for W in chains],
            "closed_form": width / sizes * (1 - 1 / sizes),
            "closed_form_retraced": width / sizes,
        },
        index=pd.Index(sizes, name="m"),
    )
