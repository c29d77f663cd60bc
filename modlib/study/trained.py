"""Trained networks that are asked what they bear, keep or hold: trained once, read by many."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path

from modlib.batch import storage
from modlib.batch.storage import Trained
from modlib.penalties.penalty import Penalty, prior
from modlib.tasks import TASKS
from modlib.tasks.task import Task
from modlib.training.fit import fit
from modlib.training.measures import DENSITY
from modlib.training.stacks import Stack, prune_by_magnitude

CONTROL = "pruned"
"""The control of equal density: networks without a penalty, cut to their largest weights."""


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
    with_control = {}
    for penalty, strength in strengths.items():
        with_control[penalty] = strength
        if penalty == "none":
            with_control[CONTROL] = 1.0
    return with_control


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
    asked = with_controls(strengths)
    swept: dict[tuple[str, float], Trained] = {}
    for path in sweeps:
        swept |= read(path, asked, task, seeds, training_steps)
    for penalty, strength in asked.items():
        if (penalty, strength) in swept:
            stack = swept[penalty, strength]
        else:
            # the control comes right after the networks that it is cut from
            used = largest_alone(stack.network, DENSITY) if penalty == CONTROL else penalty
            run = fit(task, used, strength, seeds, steps=training_steps)
            stack = storage.trained(run)
        yield stack


def read(
    path: Path | str,
    strengths: Mapping[str, float],
    task: str,
    seeds: Sequence[int],
    training_steps: int | None,
) -> dict[tuple[str, float], Trained]:
    """Return those stacks of a file that are asked for and there, by penalty and strength.

    Raises:
        ValueError: if the file is of another task, other seeds or other steps, or as
            `storage.read` does.
    """
    stacks = storage.read(path, strengths.items())
    steps = TASKS[task]().steps if training_steps is None else training_steps
    asked = (task, tuple(seeds), steps)
    for stack in stacks.values():
        held = (stack.task.name, stack.network.seeds, stack.steps)
        if held != asked:
            raise ValueError(
                f"{path} should hold networks of task, seeds and steps {asked}, got {held}; delete"
                " it and train them again, or read another"
            )
    return stacks


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
        if not files:
            yield from train_each(task, of_penalty, seeds, training_steps)
            continue
        asked = with_controls(of_penalty)
        held = read(files[task], asked, task, seeds, training_steps)
        missing = asked.items() - held.keys()
        if missing:
            raise ValueError(
                f"{files[task]} should hold networks of {task} at {asked}, got none of"
                f" {sorted(missing)}; delete it and train them again, or read another"
            )
        yield from (held[each] for each in asked.items())
