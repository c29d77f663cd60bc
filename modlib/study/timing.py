"""Steps of training, timed in turn: what each costs beside a plain one.

Times are those of the processor, on one thread, so that what else runs beside them counts little;
and each round takes a step of every kind, in an order of its own, so that what slows all of them
leaves the ratios.
"""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from modlib.chain import Chain, weights
from modlib.network.denormals import flushed_denormals
from modlib.penalties import PENALTIES
from modlib.penalties.penalty import l1_penalty
from modlib.penalties.walk_loops import COUNTS, WalkLoops
from modlib.walks import walk_loop_penalty

LEAST = 5
"""So many rounds there are at least."""

APART = 1_000
"""Steps between two counts of loops that are timed: so many that others count none."""


class Training:
    """A rectified perceptron, examples for it, and AdamW; called, it takes a step.

    >>> train = Training((4, 3, 2), batch=5)
    >>> train(lambda chain: sum(W.abs().sum() for W in chain))
    """

    def __init__(
        self, widths: Sequence[int], batch: int, between: Callable[[], nn.Module] = nn.ReLU
    ) -> None:
        *hidden, last = [nn.Linear(*ends) for ends in pairwise(widths)]
        self.model = nn.Sequential(*(m for layer in hidden for m in (layer, between())), last)
        self.update = torch.optim.AdamW(self.model.parameters())
        self.x, self.targets = torch.randn(batch, widths[0]), torch.randint(widths[-1], (batch,))

    def __call__(self, term: Callable[[Chain], Float[Tensor, ""]] | None = None) -> None:
        self.update.zero_grad()
        loss = F.cross_entropy(self.model(self.x), self.targets)
        if term is not None:
            loss = loss + term(weights(self.model))
        loss.backward()
        self.update.step()


def kinds(widths: Sequence[int], batch: int) -> dict[str, Callable[[], None]]:
    """Return steps of each kind, by name, for networks of these widths.

    Those named `steps` have the noise of `WalkLoops` and count no loops; `count` are two of them, of
    which one counts, and lets connections fade.
    """
    train = Training(widths, batch)
    silenced = Training(widths, batch, lambda: nn.Sequential(nn.ReLU(), nn.Dropout(0.2)))
    looped = Training(widths, batch)
    loops = WalkLoops(looped.model, steps=COUNTS * APART)

    def from_step(taken: int, steps: int) -> None:
        loops.taken = taken
        for _ in range(steps):
            looped()
            loops.step()

    strength = PENALTIES["walk_loops"].strength
    late = COUNTS * APART * 3 // 4  # noise then changes with each step
    return {
        "none": train,
        "l1": lambda: train(lambda chain: 3e-4 * l1_penalty(chain)),
        "dropout": silenced,
        "penalty": lambda: train(lambda chain: strength * walk_loop_penalty(chain)),
        "steps": lambda: from_step(late, 1),
        "count": lambda: from_step(late - 2, 2),
    }


def times(widths: Sequence[int], batch: int, seconds: float, seed: int) -> pd.DataFrame:
    """Return the processor's seconds of a step of each of `kinds`, one row per round.

    Args:
        seconds: so long rounds are taken, and `LEAST` of them.

    >>> times((4, 3, 2), batch=5, seconds=0.0, seed=0).shape
    (5, 6)
    """
    rng, threads = np.random.default_rng(seed), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]), flushed_denormals():
            torch.manual_seed(seed)
            steps = kinds(widths, batch)
            for step in steps.values():
                step()
            rounds: list[dict[str, float]] = []
            while len(rounds) < LEAST or sum(sum(row.values()) for row in rounds) < seconds:
                rounds.append({name: timed(steps[name]) for name in rng.permutation([*steps])})
    finally:
        torch.set_num_threads(threads)
    return pd.DataFrame(rounds)[[*steps]]


def timed(step: Callable[[], None]) -> float:
    """Return how many of the processor's seconds a call takes."""
    begun = time.process_time()
    step()
    return time.process_time() - begun


def ratios(found: pd.DataFrame, form: str, every: int) -> pd.Series:
    """Return what a step costs in plain ones, round by round, of the `times` of all kinds.

    Args:
        form: 'none', 'l1' or 'dropout', in each step; 'penalty' in the loss, or 'steps'.
        every: in one of how many steps walk loops are counted.

    >>> found = pd.DataFrame({"none": [2.0], "penalty": [6.0], "steps": [3.0], "count": [10.0]})
    >>> [ratios(found, form, 4).item() for form in ("penalty", "steps")]
    [1.5, 2.0]
    """
    plain = found.none
    if form == "penalty":
        return 1 + (found.penalty - plain) / (every * plain)
    if form == "steps":
        return (found.steps + (found["count"] - 2 * found.steps) / every) / plain
    return found[form] / plain
