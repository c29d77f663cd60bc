"""Trained networks that are asked what they bear, keep or hold: trained once, read by many."""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import weights
from modlib.data import Task
from modlib.measures import DENSITY
from modlib.networks import Stack, prune_by_magnitude
from modlib.penalties import Penalty, prior
from modlib.results import renamed_to, require
from modlib.tasks import TASKS
from modlib.training import train

CONTROL = "pruned"
"""The control of equal density: networks without a penalty, cut to their largest weights."""


class Trained(NamedTuple):
    """A trained stack, one network per seed, and what it was trained on and with."""

    task: Task
    penalty: str
    strength: float
    network: Stack

    @property
    def chain(self) -> list[Float[Tensor, "n_stack _ _"]]:
        """The weights of the whole stack, without their gradient."""
        return [W.detach() for W in weights(self.network)]

    @property
    def told(self) -> dict[str, str | float]:
        """The columns of a table that say which networks these are."""
        return {"task": self.task.name, "penalty": self.penalty, "strength": self.strength}


def largest_alone(network: Stack, density: float) -> Penalty:
    """Return the prior that starts from the largest weights of trained networks, held alone.

    In each layer of each network the share `density` is left, and trained further; the other
    weights stay zero. The new stack has to have the old one's seeds and widths.
    """
    trained = deepcopy(network.state_dict())

    def change(task: Task, new: Stack, strengths: Sequence[float]) -> None:
        if (new.seeds, new.widths) != (network.seeds, network.widths):
            raise ValueError(
                f"pruned networks go on with seeds {network.seeds} and widths {network.widths},"
                f" got {new.seeds} and {new.widths}"
            )
        new.load_state_dict(trained)
        prune_by_magnitude(new, density)

    return prior("pruned", change, 1.0)


def with_controls(strengths: Mapping[str, float]) -> dict[str, float]:
    """Return the strengths by penalty, with the control's after that of 'none'."""
    found = {}
    for penalty, strength in strengths.items():
        found[penalty] = strength
        if penalty == "none":
            found[CONTROL] = 1.0
    return found


def train_each(
    task: str, strengths: Mapping[str, float], seeds: Sequence[int], training_steps: int | None
) -> Iterator[Trained]:
    """Train and yield a stack for each penalty at its strength, and the control after 'none'.

    The control goes on from the `DENSITY` largest weights of each layer of the networks without
    a penalty, and trains as long again.
    """
    for name, strength in with_controls(strengths).items():
        # the control comes right after the networks that it is cut from
        penalty: str | Penalty = largest_alone(run.network, DENSITY) if name == CONTROL else name
        # what is measured in training is not asked for
        run = train(task, penalty, strength, seeds, steps=training_steps, nulls=2, restarts=1)
        yield Trained(run.task, name, strength, run.network)


def write(
    path: Path | str,
    task: str,
    strengths: Mapping[str, float],
    seeds: Sequence[int],
    training_steps: int | None,
) -> None:
    """Write what `train_each` yields as safetensors, with what it was asked for."""
    tensors = {
        f"{stack.penalty}.{name}": value
        for stack in train_each(task, strengths, seeds, training_steps)
        for name, value in stack.network.state_dict().items()
    }
    told = {"task": task, "seeds": list(seeds), "steps": training_steps}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with renamed_to(path) as temporary:
        safetensors.torch.save_file(
            tensors,
            temporary,
            {"trained": json.dumps(told), "strengths": json.dumps(dict(strengths))},
        )


def read(
    path: Path | str,
    task: str,
    strengths: Mapping[str, float],
    seeds: Sequence[int],
    training_steps: int | None,
) -> Iterator[Trained]:
    """Yield what `train_each` does, from a file that `write` wrote for these penalties or more.

    Raises:
        ValueError: if there is no such file, or it is of other networks.
    """
    path = Path(path)
    require(path)
    with safetensors.safe_open(path, "pt") as file:
        told, there = (json.loads(file.metadata()[name]) for name in ("trained", "strengths"))
        asked = {"task": task, "seeds": list(seeds), "steps": training_steps}
        if told != asked or not strengths.items() <= there.items():
            raise ValueError(
                f"{path} should hold networks of {asked} at the strengths {dict(strengths)}, got"
                f" {told} at {there}; delete it and train them again, or read another"
            )
        made = TASKS[task]()
        for penalty, strength in with_controls(strengths).items():
            names = [name for name in file.keys() if name.startswith(f"{penalty}.")]  # noqa: SIM118
            state = {name.removeprefix(f"{penalty}."): file.get_tensor(name) for name in names}
            shapes = [state[f"layers.{d}.weight"].shape for d in range(len(state) // 2)]
            widths = [shapes[0][1], *(shape[2] for shape in shapes)]
            network = Stack(widths, seeds, made.activation)
            network.load_state_dict(state)
            yield Trained(made, penalty, strength, network.eval())


def stacks(
    strengths: Mapping[str, Mapping[str, float]],
    seeds: Sequence[int],
    training_steps: int | None,
    files: Mapping[str, str] | None = None,
) -> Iterator[Trained]:
    """Yield the stacks of several tasks, given strengths by task and penalty.

    They are read from `files`, by task, or trained where there are none.
    """
    for task, of_penalty in strengths.items():
        if files:
            yield from read(files[task], task, of_penalty, seeds, training_steps)
        else:
            yield from train_each(task, of_penalty, seeds, training_steps)
