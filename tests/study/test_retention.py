"""What is kept from initial weights of any scale, and which strength is chosen for it."""

import pandas as pd
import pytest
import torch

from modlib.chain import weights
from modlib.study.retention import JUDGE, best_kept, from_scale, retained
from modlib.study.retraining import retraining_table
from modlib.tasks import TASKS
from modlib.training.fit import fit
from modlib.training.optimisers import RETRAINING
from modlib.training.stacks import Stack

RETINA = TASKS["retina"]()


@pytest.mark.parametrize("penalty", ["none", "l2", "hard_wired", "dropout"])
def test_initial_weights_alone_are_multiplied_before_a_prior_sees_them(penalty):
    plain, scaled = (Stack((8, 8, 8, 2), [3, 8]) for _ in range(2))
    from_scale(penalty, 1.0).prepare(RETINA, plain, [0.2, 0.2])
    from_scale(penalty, 3.0).prepare(RETINA, scaled, [0.2, 0.2])
    for W, V in zip(weights(plain), weights(scaled), strict=True):
        torch.testing.assert_close(3 * W, V)
    for one, other in zip(plain.layers, scaled.layers, strict=True):
        assert torch.equal(one.bias, other.bias)
    assert type(plain.noise) is type(scaled.noise)


def test_at_scale_one_networks_are_those_of_the_penalty():
    one, other = (fit("retina", p, 0.1, seeds=[3], steps=5) for p in ("l2", from_scale("l2", 1.0)))
    assert all(torch.equal(W, V) for W, V in zip(one.chain, other.chain, strict=True))
    assert other.table.penalty.item() == "l2"


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_is_positive_and_finite(scale):
    with pytest.raises(ValueError, match=f"a positive, finite scale, got {scale}"):
        from_scale("none", scale)


def test_each_network_has_its_strength_and_the_accuracy_of_all_its_sub_tasks():
    rows = retained("retina", 0.5, "l2", [0.0, 0.1], [3, 8], 30, 20)
    assert len(rows) == 4 * len(RETRAINING)
    run = fit("retina", from_scale("l2", 0.5), [0.1], [8], steps=30)
    own = rows[(rows.strength == 0.1) & (rows.seed == 8)].set_index("optimiser")
    validation = run.data[0].validation
    right = RETINA.accuracy(run.network(validation.x[None]), validation.targets[None], (1, 1))
    assert own.validation_accuracy.tolist() == [pytest.approx(right.mean().item())] * 4
    alone = retraining_table(run.network, RETINA, {"free": {}}, 20).set_index("optimiser")
    assert own.kept.to_dict() == pytest.approx(alone.kept.to_dict())
    assert own.accuracy.to_dict() == pytest.approx(alone.accuracy.to_dict())


def selection(*rows):
    names = ["strength", "validation_accuracy", "kept", "optimiser"]
    return pd.DataFrame([dict(zip(names, (*row, JUDGE), strict=False)) for row in rows])


def test_the_strength_that_keeps_most_is_chosen_of_those_that_keep_the_accuracy():
    rows = selection((0.0, 0.9, 0.3), (0.1, 0.896, 0.5), (0.2, 0.91, 0.4), (0.3, 0.89, 0.9))
    assert best_kept(rows) == 0.1
    assert best_kept(rows[rows.strength.isin([0.0, 0.3])]) == 0.0
    # means of networks count, and those under other optimisers do not
    more = selection((0.1, 0.8, 0.5), (0.2, 0.9, 0.4), (0.3, 0.89, 0.9), (0.0, 0.9, 0.3))
    others = rows.assign(optimiser="Adam 0.005", kept=rows.strength)
    assert best_kept(pd.concat([rows, more, others])) == 0.2
