"""The callback of transformers' trainer, against a loop written out."""

import pytest
import torch
from torch import nn
from torch.utils.data import SequentialSampler
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

pytest.importorskip("accelerate", reason="the extra 'transformers' is not in the lock")
transformers = pytest.importorskip("transformers")

from modlib.training.transformers import WalkLoopsCallback


class Model(nn.Module):
    """A network called by name."""

    def __init__(self, seed=0):
        super().__init__()
        self.net = net(seed)

    def forward(self, x):
        return {"logits": self.net(x)}


class Trainer(transformers.Trainer):
    """Trains in the order of the examples, and notes how much noise there was in its outputs."""

    def __init__(self, *args, overflow=(), **keywords):
        super().__init__(*args, **keywords)
        self.overflow, self.noise = overflow, {True: [], False: []}

    def _get_train_sampler(self, *_):
        return SequentialSampler(self.train_dataset)

    def compute_loss(self, model, inputs, return_outputs=False, **_):
        x = inputs["x"]
        with torch.no_grad():
            noise = (model(x)["logits"] - without_noise(self.model.net, x)).abs().max()
        self.noise[model.training].append(float(noise))
        loss = loss_of(lambda x: model(x)["logits"], x, inputs["labels"])
        if model.training and self.state.global_step in self.overflow:
            loss = loss * torch.inf
        return (loss, model(x)) if return_outputs else loss


def trained(folder, model, checkpoint=None, scaler=None, overflow=(), **settings):
    """A trainer that has trained a model, and the walk loops that it had."""
    callback = WalkLoopsCallback(x=X[:2])
    arguments = transformers.TrainingArguments(
        output_dir=folder, use_cpu=True, report_to="none", disable_tqdm=True,
        per_device_train_batch_size=BATCH, learning_rate=RATE, lr_scheduler_type="constant",
        max_grad_norm=0.0, eval_strategy="epoch", save_strategy="epoch",
        remove_unused_columns=False, label_names=["labels"], dataloader_pin_memory=False,
        **{"num_train_epochs": EPOCHS, "optim": "adamw_torch"} | settings,
    )  # fmt: skip
    trainer = Trainer(
        model, arguments, train_dataset=Examples(), eval_dataset=Examples(), callbacks=[callback],
        overflow=overflow,
    )  # fmt: skip
    trainer.accelerator.scaler = scaler
    trainer.train(resume_from_checkpoint=checkpoint)
    return trainer, callback.loops


@pytest.mark.parametrize("accumulated", [1, 2])
def test_what_is_trained_is_what_a_loop_written_out_trains(tmp_path, accumulated):
    model = Model()
    trainer, loops = trained(tmp_path, model, gradient_accumulation_steps=accumulated)
    plain, their_loops = trained_plainly(accumulated)
    assert loops.taken == loops.steps == trainer.state.global_step == their_loops.taken
    for ours, theirs in zip(model.net.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_trainer_says_how_many_steps_there_are(tmp_path):
    _, loops = trained(tmp_path, Model(), max_steps=7)
    assert loops.taken == loops.steps == 7


def test_noise_is_for_training_alone(tmp_path):
    model = Model()
    trainer, _ = trained(tmp_path, model)
    assert min(trainer.noise[True][: len(X) // BATCH]) > 1e-4
    assert max(trainer.noise[False]) < 1e-5
    x = X[:BATCH]
    torch.testing.assert_close(model.train()(x)["logits"], without_noise(model.net, x))
    assert not model.net[2]._forward_pre_hooks


def test_training_goes_on_from_a_checkpoint_wherever_it_lies(tmp_path):
    whole, resumed = Model(), Model(seed=5)
    trained(tmp_path / "whole", whole)
    checkpoint = tmp_path / "whole" / f"checkpoint-{len(X) // BATCH}"
    trainer, loops = trained(tmp_path / "resumed", resumed, checkpoint=str(checkpoint))
    assert loops.taken == trainer.state.global_step == EPOCHS * len(X) // BATCH
    for ours, theirs in zip(resumed.net.parameters(), whole.net.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_training_again_leaves_no_noise_of_the_first_time(tmp_path):
    model = Model()
    trainer, _ = trained(tmp_path, model, max_steps=3)
    (callback,) = [c for c in trainer.callback_handler.callbacks if type(c) is WalkLoopsCallback]
    trainer.train()
    assert callback.loops.taken == 3
    assert not model.net[2]._forward_pre_hooks


@pytest.mark.parametrize("optim", ["adamw_torch", "adamw_torch_fused"])
def test_steps_that_overflow_are_none(tmp_path, optim):
    scaler, model = torch.amp.GradScaler("cpu", init_scale=4.0), Model()
    trainer, loops = trained(tmp_path, model, scaler=scaler, overflow=[3, 8], optim=optim)
    assert loops.taken == trainer.state.global_step - 2
    assert all(theta.isfinite().all() for theta in model.parameters())
