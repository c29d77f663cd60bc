"""The callback of Lightning, against a loop written out."""

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins import MixedPrecision
from torch.utils.data import DataLoader
from two_modules import (
    BATCH,
    EPOCHS,
    RATE,
    Examples,
    X,
    loss_of,
    net,
    trained_plainly,
    without_noise,
)

from modlib.training.lightning import WalkLoopsCallback

pytestmark = [
    pytest.mark.filterwarnings(r"ignore:`isinstance\(treespec, LeafSpec\)` is deprecated"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:The dirpath has changed"),
]


class Module(LightningModule):
    """Trains a network, and notes how much noise there was in its outputs."""

    def __init__(self, seed=0, fused=False, overflow=()):
        super().__init__()
        self.net, self.fused, self.overflow = net(seed), fused, overflow
        self.noise = {"training": [], "validation": []}

    def forward(self, x):
        return self.net(x)

    def note(self, when, x):
        with torch.no_grad():
            noise = (self(x) - without_noise(self.net, x)).abs().max()
        self.noise[when].append(float(noise))

    def training_step(self, batch, index):
        self.note("training", batch["x"])
        loss = loss_of(self, batch["x"], batch["labels"])
        return loss * torch.inf if self.global_step in self.overflow else loss

    def validation_step(self, batch, index):
        self.note("validation", batch["x"])

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), RATE, weight_decay=0.0, fused=self.fused)


def fitted(folder, module, checkpoint=None, **settings):
    """A trainer that has trained a module, and the walk loops that it had."""
    callback = WalkLoopsCallback(X[:2])
    kept = ModelCheckpoint(folder, "{epoch}", save_top_k=-1)
    trainer = Trainer(
        callbacks=[callback, kept], accelerator="cpu", logger=False, default_root_dir=folder,
        enable_progress_bar=False, enable_model_summary=False, **{"max_epochs": EPOCHS} | settings,
    )  # fmt: skip
    batches = DataLoader(Examples(), BATCH)
    trainer.fit(module, batches, batches, ckpt_path=checkpoint)
    return trainer, callback.loops


@pytest.mark.parametrize("accumulated", [1, 2])
def test_what_is_trained_is_what_a_loop_written_out_trains(tmp_path, accumulated):
    module = Module()
    trainer, loops = fitted(tmp_path, module, accumulate_grad_batches=accumulated)
    plain, their_loops = trained_plainly(accumulated)
    assert loops.taken == loops.steps == trainer.global_step == their_loops.taken
    for ours, theirs in zip(module.net.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_trainer_says_how_many_steps_there_are(tmp_path):
    _, loops = fitted(tmp_path, Module(), max_steps=7)
    assert loops.taken == loops.steps == 7


def test_noise_is_for_training_alone(tmp_path):
    module = Module()
    fitted(tmp_path, module)
    assert min(module.noise["training"][: len(X) // BATCH]) > 1e-4
    assert max(module.noise["validation"]) < 1e-5
    x = X[:BATCH]
    torch.testing.assert_close(module.train()(x), without_noise(module.net, x))
    assert not module.net[2]._forward_pre_hooks


def test_training_goes_on_from_a_checkpoint_wherever_it_lies(tmp_path):
    whole, resumed = Module(), Module(seed=5)
    fitted(tmp_path / "whole", whole)
    checkpoint = tmp_path / "whole" / "epoch=0.ckpt"
    trainer, loops = fitted(tmp_path / "resumed", resumed, checkpoint)
    assert loops.taken == trainer.global_step == EPOCHS * len(X) // BATCH
    for ours, theirs in zip(resumed.net.parameters(), whole.net.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("fused", [False, True])
def test_steps_that_overflow_are_none(tmp_path, fused):
    precision = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=4.0))
    module = Module(fused=fused, overflow=[3, 8])
    trainer, loops = fitted(tmp_path, module, plugins=[precision])
    assert loops.taken == trainer.global_step - 2
    assert all(theta.isfinite().all() for theta in module.parameters())


def test_what_cannot_be_followed_is_refused(tmp_path):
    class Two(Module):
        def configure_optimizers(self):
            return [torch.optim.SGD(self.net[i].parameters(), 0.1) for i in (0, 2)]

        def training_step(self, batch, index):
            pass

    module = Two()
    module.automatic_optimization = False
    with pytest.raises(ValueError, match="follows one optimiser, got 2"):
        fitted(tmp_path, module)
    with pytest.raises(ValueError, match="needs to know how long"):
        fitted(tmp_path, Module(), max_epochs=-1)
