"""How far the training is that a kernel of the batch is busy with, told in its notebook.

A cell may train hundreds of stacks for an hour. Every half minute an output of it says which stack
it is at and which step; papermill writes it to the notebook, where `progress` finds it.
"""

import time
from typing import Any
from weakref import WeakKeyDictionary

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

EVERY = 30.0
"""Seconds between what is told, as often as papermill writes a notebook."""

KIND = "modlib.training"
"""Where the numbers stand in the metadata of an output."""


class Steps:
    """Counts the optimisers that take steps while a cell runs, and the steps of the present one."""

    def __init__(self) -> None:
        self.begin()

    def begin(self, *_: object) -> None:
        """Count afresh, for another cell."""
        self.taken: WeakKeyDictionary[Optimizer, int] = WeakKeyDictionary()
        self.numbers, self.shown = {"stack": 0, "step": 0, "before": 0}, None
        self.told = time.monotonic()

    def __call__(self, optimiser: Optimizer, *_: Any) -> None:
        """Count a step that an optimiser has taken, and tell of it if it is time to."""
        if optimiser not in self.taken:
            self.numbers["stack"] += 1
            self.numbers["before"] = self.numbers["step"]
        self.taken[optimiser] = self.numbers["step"] = self.taken.get(optimiser, 0) + 1
        if time.monotonic() - self.told >= EVERY:
            self.told = time.monotonic()
            self.tell()

    def tell(self) -> None:
        """Show the numbers, in place of those shown before in this cell."""
        told, metadata = {"text/plain": text(self.numbers)}, {KIND: self.numbers}
        if self.shown is None:
            self.shown = display(told, metadata=metadata, raw=True, display_id=True)
        else:
            self.shown.update(told, metadata=metadata, raw=True)


def text(numbers: dict[str, int]) -> str:
    """Return where training is, in words.

    >>> text({"stack": 12, "step": 840, "before": 2000})
    'stack 12, step 840, after one of 2000'
    >>> text({"stack": 1, "step": 840, "before": 0})
    'stack 1, step 840'
    """
    before = f", after one of {numbers['before']}" if numbers["before"] else ""
    return f"stack {numbers['stack']}, step {numbers['step']}{before}"


def tell() -> None:
    """Have this kernel tell of the steps of all optimisers, cell by cell."""
    steps = Steps()
    InteractiveShell.instance().events.register("pre_run_cell", steps.begin)
    register_optimizer_step_post_hook(steps)
