"""Strength and decay of a rival: what is tried beside what, and which setting is chosen."""

import pandas as pd
import pytest
import torch

from modlib.batch import selection
from modlib.study import rivals
from modlib.training.fit import fit, train, trial


def row(penalty, strength, decay, share, accuracy=0.9, seed=100, **others):
    told = {"task": "retina", "penalty": penalty, "strength": strength, "decay": decay}
    told |= {"share": share, "validation_accuracy": accuracy, "seed": seed}
    return told | {"role": "selection", "status": "ok"} | others


BY_HAND = pd.DataFrame(
    [
        row("none", 0.0, 0.0, 0.1),
        row("l1", 0.1, 0.0, 0.2),
        row("l1", 0.1, 0.003, 0.3),
        row("l1", 0.3, 0.0, 0.4, accuracy=0.896),
        row("l1", 0.3, 0.003, 0.9, accuracy=0.894),  # costs more than half a point
        row("l1", 0.3, 0.01, 0.8, status="diverged"),
        row("l1", 0.1, 0.01, 1.0, role="evaluation"),
        row("cut", 1.0, 0.0, 0.9, accuracy=0.7),
        row("cut", 1.0, 0.003, 0.5, accuracy=0.8),
        row("cut", 3.0, 0.003, 0.5, role="evaluation"),
    ]
)


def test_the_setting_has_the_largest_share_of_those_that_keep_the_accuracy():
    found = rivals.eligible(BY_HAND)
    assert found.loc[("retina", "l1")].to_dict() == {"strength": 0.3, "decay": 0.0}
    assert found.loc[("retina", "none")].to_dict() == {"strength": 0.0, "decay": 0.0}
    assert ("retina", "cut") not in found.index


def test_where_none_keeps_it_the_most_accurate_is_judged():
    found = rivals.chosen(BY_HAND)
    assert found.loc[("retina", "cut")].to_dict() == {"strength": 1.0, "decay": 0.003}
    assert found.loc[("retina", "l1")].to_dict() == {"strength": 0.3, "decay": 0.0}


def test_without_decays_the_rule_is_that_of_strengths():
    plain = BY_HAND[BY_HAND.decay == 0]
    assert rivals.eligible(plain).strength.equals(selection.chosen_strengths(plain))


def test_no_penalty_and_l2_have_no_decay_beside_them():
    assert (
        rivals.decays_beside("none", [0.0, 0.01])
        == rivals.decays_beside("l2", [0.0, 0.01])
        == [0.0]
    )
    assert rivals.decays_beside("walk_loops", [0.0, 0.01]) == [0.0, 0.01]


@pytest.mark.parametrize("method", ["l1", "regrowth", "hard_wired"])
def test_a_decay_beside_a_method_is_l2s(method):
    chain = [torch.tensor([[3.0, -4.0]]), torch.tensor([[1.0], [2.0]])]
    beside, alone = (
        0.5 * rivals.record(method, decay).make(None, (1, 2, 1), [0], [0.5])(chain)
        for decay in (0.01, 0.0)
    )
    assert beside - alone == pytest.approx(0.01 * (9 + 16 + 1 + 4))


def test_without_a_decay_a_method_is_as_registered():
    plain, also = (
        fit("retina", penalty, [0.1], seeds=[0], steps=3).chain
        for penalty in ("l1", rivals.record("l1", 0.0))
    )
    assert all(torch.equal(W, V) for W, V in zip(plain, also, strict=True))


SETTINGS = {"steps": 3, "nulls": 2, "restarts": 1}


def test_a_method_is_tried_at_every_strength_and_decay():
    rows = rivals.tried("retina", "l1", [0.1, 0.3], [0.0, 0.003], [100, 101], **SETTINGS)
    assert rows.groupby(["decay", "strength"]).seed.apply(list).to_dict() == {
        (decay, strength): [100, 101] for decay in (0.0, 0.003) for strength in (0.1, 0.3)
    }
    assert set(rows.role) == {"selection"}
    assert set(rows.penalty) == {"l1"}
    alone = trial("retina", rivals.record("l1", 0.003), [0.1, 0.3], [100, 101], **SETTINGS).table
    pd.testing.assert_series_equal(rows[rows.decay == 0.003].share, alone.share)


def test_networks_are_judged_with_the_decay_beside_their_method():
    rows = rivals.trained(train, "retina", "l1", [0.1], 0.003, [0, 1], **SETTINGS)
    same = train("retina", rivals.record("l1", 0.003), [0.1], [0, 1], **SETTINGS).table
    assert rows.specialisation.tolist() == same.specialisation.tolist()
    told = rows[["penalty", "strength", "decay", "seed"]]
    assert told.values.tolist() == [["l1", 0.1, 0.003, 0], ["l1", 0.1, 0.003, 1]]
