r"""What walk loops alone make of a difference between modules, in closed form and step by step.

Layers of N neurons belong to n equal modules. With weights 1 + (n - 1) u within modules and 1 - u
between them, in every matrix, a connection has the ratio f of loops to weight

    within   (1 + (n - 1) u^3 - (1 + (n - 1) u) q / N) / (1 + (n - 1) u^4 - q^2 / N),
    between  (1 - u^3 - (1 - u) q / N) / (1 + (n - 1) u^4 - q^2 / N),    q = 1 + (n - 1) u^2,

where 1 / N is what walks that retrace their steps are owed. Their difference has the sign of
u^2 - 1 / (N - n + 1).

Hidden neuron j of two modules may have leanings of its own: weights 1 + s_i e_j from inputs i and
1 + t_l g_j to outputs l, with s and t +1 in one module and -1 in the other. Where leanings have
mean 0,

    f_ij is proportional to  1 + s_i g_j C - (1 + s_i e_j) (1 + g_j^2) / N,    C = mean of e_j g_j.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy.integrate import solve_ivp
from torch import Tensor

from modlib.chain import Chain
from modlib.study import theory
from modlib.walks import relative_loops, walk_loop_sum


def block(lean: float, modules: int, width: int) -> Float[Tensor, "width width"]:
    """Return weights of 1 + (n - 1) u within modules and 1 - u between them."""
    module = torch.arange(width) // (width // modules)
    inside = (module[:, None] == module).double()
    return 1 - lean + modules * lean * inside


def lean_of(W: Float[Tensor, "*stack width width"], modules: int) -> Float[Tensor, "*stack"]:
    """Return u of the mean weights within modules and between them."""
    inside = block(1.0, modules, W.shape[-1]) > 0
    A = W.detach().abs().double()
    within, between = A[..., inside].mean(-1), A[..., ~inside].mean(-1)
    return (within - between) / (within + (modules - 1) * between)


def threshold(modules: int, width: int) -> float:
    """Return the u at which connections within modules and between them close as many loops."""
    return (width - modules + 1) ** -0.5


def ratios(lean: float, modules: int, width: int) -> tuple[float, float]:
    """Return how many loops connections close for their weight, within modules and between."""
    u, rest = lean, modules - 1
    q = 1 + rest * u**2
    total = 1 + rest * u**4 - q**2 / width
    within = 1 + rest * u**3 - (1 + rest * u) * q / width
    return within / total, (1 - u**3 - (1 - u) * q / width) / total


def speed(lean: float, modules: int, width: int) -> float:
    """Return du/dt where connections that close fewer loops than their weight fade."""
    within, between = (max(0.0, 1 - f) for f in ratios(lean, modules, width))
    return (between - within) * (1 - lean) * (1 + (modules - 1) * lean) / modules


def course(
    start: float, modules: int, width: int, times: Sequence[float]
) -> Float[np.ndarray, " n"]:
    """Return u at some times, by integration of `speed`."""

    def slope(_: float, u: Float[np.ndarray, " 1"]) -> list[float]:
        return [speed(u[0], modules, width)]

    return solve_ivp(slope, (0, max(times)), [start], t_eval=times, rtol=1e-8).y[0]


def faded(chain: Chain, lasting: float | int, step: float = 0.2) -> Chain:
    """Let connections fade for some time, in steps: w <- w exp(-step max(0, 1 - f))."""
    for _ in range(round(lasting / step)):
        chain = [
            W * (-step * (1 - ratio).clamp_min(0)).exp()
            for W, ratio in zip(chain, relative_loops(chain), strict=True)
        ]
    return chain


def courses(
    multiples: Sequence[float], modules: int, width: int, lasting: float | int
) -> pd.DataFrame:
    """Return u over time from multiples of the threshold: by `faded` and by `course`."""
    times = np.linspace(0, lasting, 21).tolist()
    rows = []
    for multiple in multiples:
        start = multiple * threshold(modules, width)
        chain, found = [block(start, modules, width)] * 2, [start]
        for _ in times[1:]:
            chain = faded(chain, times[1])
            found.append(lean_of(chain[0], modules).item())
        integrated = course(start, modules, width, times)
        rows.append({"multiple": multiple, "time": times, "lean": found, "integrated": integrated})
    return pd.DataFrame(rows).explode(["time", "lean", "integrated"]).infer_objects()


def ascended(multiples: Sequence[float], modules: int, width: int, steps: int) -> pd.DataFrame:
    """Return u before and after ascent on the walk loops, from multiples of the threshold."""
    starts = [multiple * threshold(modules, width) for multiple in multiples]
    stack = torch.stack([block(start, modules, width) for start in starts])
    adam = partial(torch.optim.Adam, lr=1e-3)
    ascent = theory.descend(lambda chain: -walk_loop_sum(chain), [stack] * 2, steps, adam)
    ends = lean_of(ascent[steps][0], modules)
    return pd.DataFrame({"multiple": multiples, "start": starts, "end": ends.numpy()})


def noisy(
    multiples: Sequence[float], widths: Sequence[int], noise: float, seeds: Sequence[int],
    lasting: float | int,
) -> pd.DataFrame:  # fmt: skip
    """Return u after fading, of two modules whose weights are multiplied by random numbers.

    These have mean 1 and standard deviation `noise`; fading lasts `lasting` times the width.
    """
    tables = []
    for width in widths:
        leans = [multiple * threshold(2, width) for multiple in multiples]
        planted = torch.stack([block(lean, 2, width) for lean in leans])
        chain = [planted * factors for factors in _factors(seeds, width, noise)]
        ends = lean_of(faded(chain, lasting * width, 0.5)[0], 2)
        table = pd.DataFrame(ends.numpy(), seeds, multiples).rename_axis("seed")
        tables.append(table.melt(var_name="multiple", value_name="lean", ignore_index=False))
    return pd.concat(dict(zip(widths, tables, strict=True)), names=["width"]).reset_index()


def _factors(
    seeds: Sequence[int], width: int, noise: float
) -> Float[Tensor, "2 n_seeds 1 width width"]:
    """Return evenly distributed numbers of mean 1 for two matrices of each seed."""
    drawn = [
        torch.rand(2, 1, width, width, generator=torch.Generator().manual_seed(seed)).double()
        for seed in seeds
    ]
    return 1 + noise * 3**0.5 * (2 * torch.stack(drawn, dim=1) - 1)


def leaning_error(width: int, seed: int) -> float:
    """Return the largest difference between the ratios of random leanings and their closed form."""
    e, g = 0.8 * torch.rand(2, width, generator=torch.Generator().manual_seed(seed)).double() - 0.4
    e, g = e - e.mean(), g - g.mean()
    s = torch.ones(width).double()
    s[width // 2 :] = -1
    W, V = 1 + torch.outer(s, e), 1 + torch.outer(g, s)
    shared = (e * g).mean()
    formula = 1 + torch.outer(s, g) * shared - W * (1 + g.square()) / width
    formula = formula * W.sum() / (formula * W).sum()
    return (relative_loops([W, V])[0] - formula).abs().max().item()
