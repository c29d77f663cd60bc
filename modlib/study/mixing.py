r"""What training alone makes of two modules: linear networks, rectified ones, and flat minima.

The separation of a network is the share of its paths, weighted by the product of the absolute
weights on them, that join an input to an output of its own module, less the share of those that
join different modules: 1 for separate modules, 0 for even weights, u^2 for those of
`modlib.study.leaning`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn

from modlib.chain import Chain
from modlib.modularity.agreement import connected_agreement
from modlib.penalties import PENALTIES
from modlib.tasks.scores import explained_variance, squared_error
from modlib.tasks.task import Data, Task, in_order, on_a_line
from modlib.training.fit import Run, fit
from modlib.training.measures import stack_modularity
from modlib.training.optimisers import ADAM
from modlib.training.stacks import scaled_start

GAUSSIAN = (np.pi - 2) / (np.pi + 2)
"""The separation of many neurons of a linear network whose directions are drawn evenly, where each
module computes one number."""

SMALL = 0.1
"""What the initial weights of linear networks are multiplied by."""


def separation(chain: Chain, task: Task) -> Float[Tensor, "*stack"]:
    """Return the share of paths within the two modules of a task less that between them."""
    ends = [torch.as_tensor(of) for of in (task.input_modules, task.output_modules)]
    s, t = ((of == 0).float() - (of == 1).float() for of in ends)
    paths = reduce(torch.matmul, [W.detach().abs() for W in chain])
    return (s @ paths @ t) / (s.abs() @ paths @ t.abs())


def two_modules(
    teacher: Callable[[np.ndarray, np.random.Generator], np.ndarray], width: int, noise: float
) -> Task:
    """Return the task of two teachers, each of `width` normal inputs and as many outputs.

    Outputs have variance 1, and noise of a standard deviation of its own is added to each.
    """
    modules = np.repeat([0, 1], width)
    return Task(
        name="two_modules",
        draw=partial(_drawn, teacher, width, noise),
        heads=(1,) * 2 * width,
        input_modules=modules,
        output_modules=modules,
        live=np.ones(2 * width, dtype=bool),
        places=on_a_line(2 * width),
        guess_accuracy=0.0,
        blind_accuracy=np.nan,
        hidden=(32,),
        steps=2_000,
        loss=squared_error,
        accuracy=explained_variance,
    )


def _drawn(teacher: Callable, width: int, noise: float, seed: int) -> Data:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(6_000, 2 * width)).astype(np.float32)
    outputs = np.concatenate([teacher(part, rng) for part in np.split(x, 2, axis=1)], axis=1)
    y = (outputs - outputs.mean(0)) / outputs.std(0) + noise * rng.normal(size=outputs.shape)
    return in_order(x, y.astype(np.float32), 2_000)


def one_number(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return as many copies as there are inputs of one sum of them, with positive weights."""
    number = x @ np.abs(rng.normal(size=x.shape[1]))
    return np.repeat(number[:, None], x.shape[1], axis=1)


def rectified_teacher(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the outputs of a random network with one hidden layer of rectified neurons."""
    n = x.shape[1]
    return np.maximum(x @ rng.normal(size=(n, n)), 0) @ rng.normal(size=(n, n))


class NonNegative(torch.optim.SGD):
    """Gradient descent that puts weights below 0 to 0 after each step."""

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take a step, and go back to where no weight is negative."""
        super().step(closure)
        with torch.no_grad():
            for group in self.param_groups:
                for theta in group["params"]:
                    theta.clamp_(min=0)


def sgd(rate: float) -> Callable[..., torch.optim.Optimizer]:
    """Return what makes gradient descent with the momentum of the other tables."""
    return partial(torch.optim.SGD, lr=rate, momentum=0.9)


def linear_kinds(rate: float) -> dict[str, tuple[Callable, str, float]]:
    """Return optimiser, penalty and strength of each kind of training of a linear network."""
    slow, fast = sgd(rate), sgd(5 * rate)
    return {
        "SGD": (slow, "none", 0.0),
        "SGD, five times the rate": (fast, "none", 0.0),
        "L2": (slow, "l2", 0.01),
        "dropout": (slow, "dropout", 0.3),
        "Adam": (partial(ADAM, lr=rate), "none", 0.0),
        "walk loops": (slow, "walk_loops", 0.1),
        "L1": (slow, "l1", 0.01),
        "no negative weights": (partial(NonNegative, lr=rate, momentum=0.9), "none", 0.0),
    }


def linear(seeds: Sequence[int], width: int, rate: float, steps: int) -> pd.DataFrame:
    """Return separation, and explained variance, of linear networks by kind of training."""
    task = two_modules(one_number, 4, 0.3)
    rows = []
    for kind, (optimiser, penalty, strength) in linear_kinds(rate).items():
        run = fit(
            task, scaled_start(PENALTIES[penalty], SMALL), strength, seeds, hidden=[width],
            activation=nn.Identity(), optimiser=optimiser, steps=steps, batch_size=32,
        )  # fmt: skip
        rows.append(_measured(run).assign(kind=kind))
    return pd.concat(rows, ignore_index=True)


def _measured(run: Run) -> pd.DataFrame:
    """Return separation, firing and test accuracy, one row per network."""
    x, targets = (
        torch.stack([getattr(data.test, part) for data in run.data]) for part in ("x", "targets")
    )
    with torch.no_grad():
        accuracy = run.task.accuracy(run.network(x), targets, run.task.heads).mean(-1)
    return pd.DataFrame(
        {
            "seed": run.table.seed,
            "separation": separation(run.chain, run.task).numpy(),
            "firing": firing(run, x).numpy(),
            "accuracy": accuracy.numpy(),
        }
    )


@torch.no_grad()
def firing(run: Run, x: Float[Tensor, "n_stack n _"]) -> Float[Tensor, " n_stack"]:
    """Return the share of examples that a neuron of the last hidden layer is above 0 for.

    Averaged over those that are for any.
    """
    *hidden, _ = run.network.layers
    for layer in hidden:
        x = run.network.activation(layer(x))
    on = (x > 0).float().mean(1)
    return on.sum(-1) / (on > 0).sum(-1).clamp_min(1)


RECTIFIED: Mapping[str, tuple[Callable, int, str, float]] = {
    **{f"SGD {rate}": (sgd(rate), 128, "none", 0.0) for rate in (0.02, 0.05, 0.1, 0.2)},
    "SGD 0.05, batch 16": (sgd(0.05), 16, "none", 0.0),
    **{f"Adam {rate}": (partial(ADAM, lr=rate), 128, "none", 0.0) for rate in (0.005, 0.02, 0.05)},
    "Adam 0.005, dropout": (ADAM, 128, "dropout", 0.3),
}
"""Optimiser, batch size, penalty and strength of each training of rectified networks."""


def rectified(seeds: Sequence[int], steps: int) -> pd.DataFrame:
    """Return separation, firing, agreement and accuracy of rectified networks on two digits."""
    rows = []
    for training, (optimiser, batch, penalty, strength) in RECTIFIED.items():
        run = fit(
            "two_digits", penalty, strength, seeds, activation=torch.relu, optimiser=optimiser,
            steps=steps, batch_size=batch,
        )  # fmt: skip
        found = stack_modularity(run.network, 2, 1)
        chain = [W.numpy() for W in run.chain]
        ends = run.task.input_modules, run.task.output_modules
        agreed = connected_agreement(chain, found.communities, *ends)
        rows.append(_measured(run).assign(training=training, agreement=agreed))
    return pd.concat(rows, ignore_index=True)


def sharpness(run: Run) -> Float[Tensor, " n_stack"]:
    """Return the trace of the Gauss-Newton matrix of a network with one hidden layer.

    That is the mean over test examples of the squared gradients of the outputs by all weights, the
    trace of half the squared error's Hessian where errors are noise alone.
    """
    x = torch.stack([data.test.x for data in run.data])
    first, V = run.network.layers[0], run.chain[1]
    with torch.no_grad():
        hidden = run.network.activation(first(x))
    on = (hidden != 0).float() * x.square().sum(-1, keepdim=True)
    into = (on.mean(1) * V.square().sum(-1)).sum(-1)
    return into + V.shape[-1] * hidden.square().mean(1).sum(-1)


def flat(seeds: Sequence[int], rates: Sequence[float], steps: int) -> pd.DataFrame:
    """Return separation and sharpness of rectified networks that learn a rectified teacher."""
    task = two_modules(rectified_teacher, 4, 0.5)
    rows = []
    for rate in rates:
        run = fit(
            task, "none", 0.0, seeds, hidden=[48], activation=torch.relu, optimiser=sgd(rate),
            steps=steps, batch_size=32,
        )  # fmt: skip
        rows.append(_measured(run).assign(rate=rate, sharpness=sharpness(run).numpy()))
    return pd.concat(rows, ignore_index=True)
