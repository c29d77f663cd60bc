"""Walk loops as a callback of transformers' trainer."""

from modlib import require_extra

require_extra("transformers", "transformers")

from torch import nn
from torch.optim import Optimizer
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from modlib.training.following import Following


class WalkLoopsCallback(Following, TrainerCallback):
    """Lets connections fade while transformers' `Trainer` trains: `modlib.WalkLoops` in it.

    It is given an example or two of what the model is called with, by name; the trainer has the
    number of steps. Steps that a gradient scaler leaves out have none after them, and checkpoints
    that hold the optimiser's state hold where the loops stand.

    Raises:
        ValueError: when training starts, if `WalkLoops` refuses the model.
    """

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        *,
        model: nn.Module,
        optimizer: Optimizer,
        **others: object,
    ) -> None:
        # accelerate wraps the optimiser that is stepped
        self.begin(model, getattr(optimizer, "optimizer", optimizer), state.max_steps)

    def on_train_end(self, *args: object, **others: object) -> None:
        self.end()
