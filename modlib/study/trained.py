"""Trained networks that are asked what they bear, keep or hold: trained once, read by many."""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
from jaxtyping import Float
from torch import Tensor

from modlib.batch.checkout import require
from modlib.batch.files import write_tensors
from modlib.chain import weights
from modlib.penalties.penalty import Penalty, prior
from modlib.tasks import TASKS
from modlib.tasks.task import Task
from modlib.training.fit import fit
from modlib.training.measures import DENSITY
from modlib.training.stacks import Stack, prune_by_magnitude

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

    def change(task: Task | None, new: Stack, strengths: Sequence[float]) -> None:
        if (new.seeds, new.widths) != (network.seeds, network.widths):
            raise ValueError(
                f"pruned networks go on with seeds {network.seeds} and widths {network.widths},"
                f" got {new.seeds} and {new.widths}"
            )
        new.load_state_dict(trained)
        prune_by_magnitude(new, density)

    return prior(CONTROL, change, 1.0)


def with_controls(strengths: Mapping[str, float]) -> dict[str, float]:
    """Return the strengths by penalty, with the control's after that of 'none'."""
    found = {}
    for penalty, strength in strengths.items():
        found[penalty] = strength
        if penalty == "none":
            found[CONTROL] = 1.0
    return found


def train_each(
    task: str,
    strengths: Mapping[str, float],
    seeds: Sequence[int],
    training_steps: int | None,
    sweeps: Sequence[Path | str] = (),
) -> Iterator[Trained]:
    """Yield a stack for each penalty at its strength, and the control after 'none'.

    Stacks that are in one of the files `sweeps` are taken from there; the others are trained. The
    control goes on from the `DENSITY` largest weights of each layer of the networks without a
    penalty, and trains as long again.
    """
    there: dict[tuple[str, float], Trained] = {}
    for path in sweeps:
        there |= read(path, task, seeds, training_steps)
    for name, strength in with_controls(strengths).items():
        if (name, strength) in there:
            stack = there[name, strength]
        else:
            # the control comes right after the networks that it is cut from
            penalty = largest_alone(stack.network, DENSITY) if name == CONTROL else name
            run = fit(task, penalty, strength, seeds, steps=training_steps)
            stack = Trained(run.task, name, strength, run.network)
        yield stack


def write(path: Path | str, stacks: Sequence[Trained], training_steps: int | None) -> None:
    """Write stacks of one task and the same seeds as safetensors, with what they were trained with.

    Their layers are named `0.layers.0.weight` and so on, the stack's number first.

    Raises:
        ValueError: for no stack, or several tasks or seeds.
    """
    of_all = {(stack.task.name, tuple(stack.network.seeds)) for stack in stacks}
    if len(of_all) != 1:
        raise ValueError(
            f"a file of networks needs stacks of one task and the same seeds, got {sorted(of_all)};"
            " write several files"
        )
    ((task, seeds),) = of_all
    tensors = {
        f"{n}.{name}": value
        for n, stack in enumerate(stacks)
        for name, value in stack.network.state_dict().items()
    }
    told = {
        "task": task,
        "seeds": list(seeds),
        "steps": training_steps,
        "stacks": [(stack.penalty, stack.strength) for stack in stacks],
    }
    write_tensors(Path(path), tensors, {"trained": json.dumps(told)})


def read(
    path: Path | str, task: str, seeds: Sequence[int], training_steps: int | None
) -> dict[tuple[str, float], Trained]:
    """Return the stacks that `write` wrote, by penalty and strength.

    Raises:
        ValueError: if there is no such file, or it is of other networks.
    """
    path = Path(path)
    require(path)
    with safetensors.safe_open(path, "pt") as file:
        told = json.loads((file.metadata() or {}).get("trained", '{"stacks": []}'))
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    stacks = told.pop("stacks")
    asked = {"task": task, "seeds": list(seeds), "steps": training_steps}
    if told != asked:
        raise ValueError(
            f"{path} should hold networks of {asked}, got {told}; delete it and train them again,"
            " or read another"
        )
    made, found = TASKS[task](), {}
    for n, (penalty, strength) in enumerate(stacks):
        own = f"{n}."
        state = {k.removeprefix(own): v for k, v in tensors.items() if k.startswith(own)}
        shapes = [state[f"layers.{depth}.weight"].shape for depth in range(len(state) // 2)]
        network = Stack([shapes[0][1], *(shape[2] for shape in shapes)], seeds, made.activation)
        network.load_state_dict(state)
        found[penalty, strength] = Trained(made, penalty, strength, network.eval())
    return found


def stacks(
    strengths: Mapping[str, Mapping[str, float]],
    seeds: Sequence[int],
    training_steps: int | None,
    files: Mapping[str, str] | None = None,
) -> Iterator[Trained]:
    """Yield the stacks of several tasks, given strengths by task and penalty.

    They are read from `files`, by task, or trained where there are none.

    Raises:
        ValueError: if a file lacks one, or as `read` and `fit` do.
    """
    for task, of_penalty in strengths.items():
        if files:
            there, asked = read(files[task], task, seeds, training_steps), with_controls(of_penalty)
            if not asked.items() <= there.keys():
                raise ValueError(
                    f"{files[task]} should hold networks of {task} at {asked}, got"
                    f" {list(there)}; delete it and train them again, or read another"
                )
            yield from (there[one] for one in asked.items())
        else:
            yield from train_each(task, of_penalty, seeds, training_steps)
