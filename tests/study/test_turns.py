"""Goals that take turns, against training written out."""

from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from modlib.chain import weights
from modlib.network.matrices import squares
from modlib.penalties.priors import hard_wired
from modlib.study.turns import at_once, follow, with_all_targets
from modlib.tasks import TASKS
from modlib.training.stacks import Stack

AND, OR, BOTH = (TASKS[name]() for name in ("retina_and", "retina_or", "retina"))
SGD = partial(torch.optim.SGD, lr=0.05, momentum=0.9)


def stack(seeds=(3, 8), hidden=(6, 6), outputs=1):
    return Stack([8, *hidden, outputs], list(seeds))


def test_goals_share_their_inputs_and_keep_their_targets():
    together = with_all_targets([AND.draw(3), OR.draw(3)])
    for part, own, other in zip(together, AND.draw(3), OR.draw(3), strict=True):
        assert torch.equal(part.x, own.x)
        assert torch.equal(part.targets, torch.cat([own.targets, other.targets], 1))
        assert (part.targets[:, 0] <= part.targets[:, 1]).all()
    with pytest.raises(ValueError, match="same inputs"):
        with_all_targets([AND.draw(3), OR.draw(4)])


def test_goals_at_once_have_an_output_each():
    task = at_once([AND, OR])
    assert (task.name, task.heads) == ("retina_and+retina_or", (1, 1))
    network = stack(outputs=2)
    found = follow(network, [task], steps=200)
    data = [with_all_targets([AND.draw(seed), OR.draw(seed)]) for seed in (3, 8)]
    hits = [
        ((network(d.test.x.expand(2, -1, -1))[n] > 0) == d.test.targets).float().mean().item()
        for n, d in enumerate(data)
    ]
    assert found[found.step == 200].unseen.tolist() == pytest.approx(hits)


def test_training_is_that_of_one_network_written_out():
    schedule, steps, batch_size = [AND, OR, AND], 7, 16
    network = stack()
    alone = deepcopy(network)
    follow(
        network, schedule, penalty=squares, strength=0.01, optimiser=SGD,
        steps=steps, batch_size=batch_size,
    )  # fmt: skip
    for n, seed in enumerate((3, 8)):
        layers = [(p.weight[n].detach().clone(), p.bias[n].detach().clone()) for p in alone.layers]
        layers = [tuple(part.requires_grad_() for part in layer) for layer in layers]
        parts = [part for layer in layers for part in layer]
        update = SGD(parts)
        rows = np.random.default_rng((seed, 1)).integers(128, size=(3 * steps, batch_size))
        for step, row in enumerate(rows):
            x, targets = schedule[step // steps].draw(seed).train
            out = x[row]
            for depth, (weight, bias) in enumerate(layers):
                out = out @ weight + bias
                out = torch.tanh(out) if depth < 2 else out
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                out, targets[row].float()
            ) + 0.01 * sum(weight.square().sum() for weight, _ in layers)
            update.zero_grad()
            loss.backward()
            update.step()
        for W, (weight, _) in zip(weights(network), layers, strict=True):
            torch.testing.assert_close(W[n], weight, rtol=1e-4, atol=1e-5)


def test_what_is_measured_is_the_accuracy_at_the_goal_of_the_epoch():
    found = follow(stack(), [AND, OR], optimiser=partial(torch.optim.SGD, lr=0.0), steps=4, every=3)
    assert found.step.tolist() == [0, 0, 3, 3, 4, 4] * 2
    for n, seed in enumerate((3, 8)):
        for epoch, goal in enumerate([AND, OR]):
            rows = found[(found.network == n) & (found.epoch == epoch)]
            assert set(rows.goal) == {goal.name}
            data = goal.draw(seed)
            for column, part in (("seen", data.train), ("unseen", data.test)):
                answers = stack()(part.x.expand(2, -1, -1))[n] > 0
                hit = (answers == part.targets).float().mean().item()
                assert rows[column].tolist() == pytest.approx([hit] * 3)


def test_what_is_wired_hard_stays_so_and_a_penalty_that_learns_is_trained():
    network = stack()
    hard_wired(AND, network, [1.0, 1.0])
    learned = torch.nn.Parameter(torch.zeros(2))
    follow(
        network, [AND, OR], penalty=lambda chain: (learned - 1).square(), strength=1.0,
        parameters=[learned], steps=50,
    )  # fmt: skip
    first = weights(network)[0]
    assert not first[:, :4, 3:].any()
    assert not first[:, 4:, :3].any()
    assert first[:, :4, :3].all()
    assert (learned > 0.1).all()


def test_a_schedule_needs_goals_of_one_shape_and_steps():
    with pytest.raises(ValueError, match="same heads"):
        follow(stack(), [AND, BOTH])
    with pytest.raises(ValueError, match="same heads"):
        follow(stack(), [])
    with pytest.raises(ValueError, match="at least 1, got 0 and 5"):
        follow(stack(), [AND], steps=0)


def test_denormal_weights_become_zero():
    network = stack()
    # decay alone, by half at each step
    goal = replace(AND, loss=lambda outputs, targets, heads: outputs.new_zeros(len(outputs)))
    halving = {"penalty": squares, "strength": 1.0, "optimiser": partial(torch.optim.SGD, lr=0.25)}
    follow(network, [goal], steps=135, **halving)
    assert not any(W.any() for W in weights(network))
