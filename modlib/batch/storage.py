"""Trained networks on disk: stacks of one task as safetensors, with what they were trained with."""

import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import safetensors.torch
import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from torch import Tensor

from modlib.batch.checkout import require
from modlib.batch.files import renamed_to
from modlib.chain import weights
from modlib.tasks import TASKS
from modlib.tasks.task import Task
from modlib.training.fit import Run
from modlib.training.measures import finite
from modlib.training.stacks import Stack

UNREADABLE = (
    safetensors.SafetensorError, KeyError, OSError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What reading a file raises that was not written here, or is damaged."""

METADATA = "trained"
"""Under this name a file tells, as JSON, what its networks were trained with."""


class Told(BaseModel):
    """What a file tells of its networks; `stacks` are pairs of a penalty and its strength."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    task: str
    steps: NonNegativeInt
    seeds: Annotated[list[NonNegativeInt], Field(min_length=1)]
    widths: Annotated[list[PositiveInt], Field(min_length=2)]
    activation: str
    stacks: Annotated[list[tuple[str, NonNegativeFloat]], Field(min_length=1)]


class Trained(NamedTuple):
    """A trained stack, one network per seed, and what it was trained on and with."""

    task: Task
    penalty: str
    strength: float
    steps: int
    network: Stack

    @property
    def chain(self) -> list[Float[Tensor, "n_stack _ _"]]:
        """The weights of the whole stack, without their gradient."""
        return [W.detach() for W in weights(self.network)]

    @property
    def columns(self) -> dict[str, str | float]:
        """The columns of a table that say which networks these are."""
        return {"task": self.task.name, "penalty": self.penalty, "strength": self.strength}

    def first(self) -> "Trained":
        """Return the stack of its first network alone."""
        network = self.network
        alone = Stack(network.widths, network.seeds[:1], network.activation)
        alone.load_state_dict({name: value[:1] for name, value in network.state_dict().items()})
        return self._replace(network=alone.eval())


def trained(run: Run) -> Trained:
    """Return the networks of a run at one strength; one at several raises ValueError."""
    settings = run.table[["penalty", "strength", "steps"]].drop_duplicates()
    if len(settings) != 1:
        raise ValueError(f"a stack to keep needs one strength, got {settings.strength.tolist()}")
    ((penalty, strength, steps),) = settings.itertuples(index=False)
    return Trained(run.task, penalty, strength, steps, run.network)


def write(path: Path | str, stacks: Sequence[Trained]) -> None:
    """Write stacks that differ in penalty and strength alone, in the same bytes each time.

    Their tensors are named `0.layers.0.weight` and so on, the stack's number first.

    Raises:
        ValueError: for no stack; for several tasks, seeds, steps, widths or activations; or for an
            activation that is no function of torch or of torch.nn.functional.
    """
    shared = {
        json.dumps(
            {
                "task": stack.task.name,
                "steps": stack.steps,
                "seeds": list(stack.network.seeds),
                "widths": list(stack.network.widths),
                "activation": stack.network.activation.__name__,
            }
        )
        for stack in stacks
    }
    if len(shared) != 1:
        raise ValueError(
            "a file of networks needs stacks that differ in penalty and strength alone, got"
            f" {sorted(shared)}; write several files"
        )
    metadata = json.loads(shared.pop())
    metadata["stacks"] = [(stack.penalty, stack.strength) for stack in stacks]
    _activation(metadata["activation"])
    tensors = {
        f"{n}.{name}": value.contiguous()
        for n, stack in enumerate(stacks)
        for name, value in stack.network.state_dict().items()
    }
    with renamed_to(Path(path)) as temporary:
        # a single entry, since safetensors orders several differently from run to run
        safetensors.torch.save_file(tensors, temporary, {METADATA: json.dumps(metadata)})


def read(
    path: Path | str, wanted: Collection[tuple[str, float]] | None = None
) -> dict[tuple[str, float], Trained]:
    """Return the stacks of a file, by penalty and strength: all, or those of `wanted` it has.

    Raises:
        ValueError: if there is no such file, or it is no file that `write` wrote, lacks a layer,
            has one too many or of another shape or type, or a weight that is not finite.
    """
    require(Path(path))
    try:
        with safetensors.safe_open(path, "pt") as file:
            told = Told.model_validate_json((file.metadata() or {})[METADATA])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        task, activation = _task(told.task), _activation(told.activation)
        ends = len(task.input_modules), len(task.output_modules)
        if (told.widths[0], told.widths[-1]) != ends:
            raise ValueError(
                f"widths {told.widths} on a task of {ends[0]} inputs and {ends[1]} outputs"
            )
        of_stack = _by_stack(tensors, len(told.stacks))
        stacks = {}
        for (penalty, strength), state in zip(told.stacks, of_stack, strict=True):
            if wanted is None or (penalty, strength) in wanted:
                network = Stack(told.widths, told.seeds, activation)
                network.load_state_dict(state)
                if not finite([*network.parameters()]).all():
                    raise ValueError(f"weights of {penalty} at {strength} that are not finite")
                stacks[penalty, strength] = Trained(
                    task, penalty, strength, told.steps, network.eval()
                )
    except UNREADABLE as error:
        raise ValueError(
            f"{path} should hold networks as `storage.write` writes them, got"
            f" {type(error).__name__}: {error}; delete it and make it again, or restore it"
        ) from error
    return stacks


def _by_stack(tensors: dict[str, Tensor], count: int) -> list[dict[str, Tensor]]:
    """Return the tensors of each stack, of whose number their names in a file begin."""
    states = [{} for _ in range(count)]
    for name, value in tensors.items():
        number, _, own = name.partition(".")
        if value.dtype != torch.float32 or number not in map(str, range(count)):
            raise ValueError(f"{name} of {value.dtype} among {count} stacks of torch.float32")
        states[int(number)][own] = value
    return states


def _task(name: str) -> Task:
    if name not in TASKS:
        raise ValueError(f"the unknown task {name!r}; the known ones are {', '.join(TASKS)}")
    return TASKS[name]()


def _activation(name: str) -> Callable[[Tensor], Tensor]:
    for module in (torch, torch.nn.functional):
        function = getattr(module, name, None)
        if callable(function) and not name.startswith("_"):
            return function
    raise ValueError(
        f"a file of networks needs an activation that torch or torch.nn.functional has by name, got"
        f" {name}; keep the network by `torch.save`"
    )
