"""Each rival trains, can be pickled, and goes into a stack and beside a decay."""

import pickle

import pytest
import torch
from strategies import random_chain

import modlib
from modlib import PENALTIES
from modlib.penalties.forms import FORMS
from modlib.penalties.rivals import RIVALS, with_decay

SIZES = (8, 12, 12, 2)
BRIEF = {"steps": 3, "hidden": (6, 6), "snapshots": [1]}


def made(name, seeds):
    record = RIVALS[name]
    return record.make(modlib.TASKS["retina"](), SIZES, seeds, [record.strength] * len(seeds))


@pytest.mark.parametrize("name", RIVALS)
def test_a_record_carries_its_name_and_a_usable_default(name):
    assert RIVALS[name].name == name
    assert RIVALS[name].strength > 0
    assert name not in PENALTIES | FORMS


@pytest.mark.parametrize("name", RIVALS)
def test_a_run_can_be_pickled_and_gone_on_from(name):
    for record in (RIVALS[name], with_decay(RIVALS[name], 0.1)):
        run = modlib.fit("retina", record, seeds=[0, 1], **BRIEF)
        loaded = pickle.loads(pickle.dumps(run))
        assert all(torch.equal(W, V) for W, V in zip(run.chain, loaded.chain, strict=True))
        x = run.data[0].test.x.expand(2, -1, -1)
        assert torch.equal(loaded.network(x), run.network(x))
        assert torch.equal(loaded.snapshots[1](x), run.snapshots[1](x))
        again = [modlib.fit(of.task, of.penalty, seeds=[2], steps=2) for of in (run, loaded)]
        assert all(torch.equal(*pair) for pair in zip(*(of.chain for of in again), strict=True))


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [0.0, 1e-30, 0.3])
def test_gradients_are_finite_whatever_the_weights(name, dtype, scale):
    chain = [(scale * W).requires_grad_() for W in random_chain(*SIZES, stack=(3,), dtype=dtype)]
    penalty = made(name, [4, 5, 6])
    value = penalty(chain)
    assert value.shape == (3,)
    (value.sum() + sum(0 * W.sum() for W in chain)).backward()
    learned = [W.grad for W in [*chain, *penalty.parameters()]]
    assert all(gradient.isfinite().all() for gradient in learned)


@pytest.mark.parametrize("name", RIVALS)
def test_a_network_in_a_stack_is_penalised_as_it_is_alone(name):
    chain = random_chain(*SIZES, stack=(3,), dtype=torch.float32)
    for W in chain:
        W[1] = torch.nan  # one that diverged, which the others do not feel
    together = made(name, [4, 5, 6])(chain)
    for n, seed in enumerate([4, 5, 6]):
        alone = made(name, [seed])([W[n : n + 1] for W in chain])
        torch.testing.assert_close(together[n : n + 1], alone, equal_nan=True)
    assert together[[0, 2]].isfinite().all()


@pytest.mark.parametrize("name", RIVALS)
def test_strength_0_is_training_without_a_rival(name):
    run, plain = (
        modlib.fit("retina", of, strength, seeds=[0], **BRIEF).chain
        for of, strength in ((RIVALS[name], 0.0), ("none", None))
    )
    for W, V in zip(run, plain, strict=True):
        torch.testing.assert_close(W, V, atol=1e-6, rtol=1e-5)
