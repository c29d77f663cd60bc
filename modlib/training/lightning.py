"""Walk loops as a callback of Lightning's trainer."""

import math

from modlib import require_extra

require_extra("lightning", "lightning")

from lightning.pytorch import Callback, LightningModule, Trainer

from modlib.training.following import Following


class WalkLoopsCallback(Following, Callback):
    """Lets connections fade while Lightning trains: `modlib.WalkLoops` after each step.

    It is given an example or two of the batches that the module's `forward` takes; the trainer has
    the number of steps. Steps that a gradient scaler leaves out have none after them, and
    checkpoints that hold the optimiser's state hold where the loops stand.

    Raises:
        ValueError: when training starts, if the trainer does not know how long it is or has
            several optimisers, or if `WalkLoops` refuses the module.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        steps = trainer.estimated_stepping_batches
        if math.isinf(steps):
            raise ValueError(
                "WalkLoopsCallback needs to know how long the training is, got a trainer without"
                " end; give it max_steps or max_epochs"
            )
        if len(trainer.optimizers) != 1:
            raise ValueError(
                f"WalkLoopsCallback follows one optimiser, got {len(trainer.optimizers)}; call"
                " modlib.WalkLoops.step in the module's training_step, after the optimiser's"
            )
        self.begin(pl_module, trainer.optimizers[0], int(steps))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.end()
