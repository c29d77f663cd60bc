"""Rows of measures, each against the network, data and function that it stands for."""

import math
from collections import Counter

import pytest
import torch

from modlib import modularity, weights
from modlib.measures import finite, measure, progress, repeated, stacked
from modlib.modularity import agreement
from modlib.networks import Stack
from modlib.penalties import PENALTIES
from modlib.tasks import Examples, retina

TASK = retina()
SEEDS = [5, 6]
DATA = [TASK.draw(seed) for seed in SEEDS]


@pytest.fixture
def network():
    """Two strengths of two seeds; the weights of the last network of all but one are zero."""
    stack = Stack([8, 7, 2], seeds=[0, 1, 2, 3])
    with torch.no_grad():
        stack.layers[0].weight[3] = 0
        stack.layers[0].weight[3, 0, 0] = 1
        stack.layers[1].weight[3] = 0
    return stack


def share_right(network, n, examples):
    """Accuracy of network n, example by example."""
    x = examples.x.expand(4, -1, -1)
    signs = (network(x)[n] > 0).tolist()
    right = [
        sign == bool(label)
        for s, labels in zip(signs, examples.labels.tolist(), strict=True)
        for sign, label in zip(s, labels, strict=True)
    ]
    return sum(right) / len(right)


def test_a_row_says_what_its_network_does_on_its_own_data(network):
    rows = measure(network, TASK, DATA, nulls=2, restarts=1)
    assert len(rows) == 4
    for n, row in rows.iterrows():
        data = DATA[n % 2]
        assert row.status == "ok"
        assert row.accuracy == pytest.approx(share_right(network, n, data.test))
        assert row.validation_accuracy == pytest.approx(share_right(network, n, data.validation))
        found = modularity([W[n] for W in weights(network)], nulls=2, restarts=1)
        assert row[["q", "q_null_mean", "q_null_std", "excess"]].tolist() == [
            found.q, found.null_mean, found.null_std, found.excess,
        ]  # fmt: skip
        sizes = Counter(found.communities.tolist()).values()
        assert row.communities == sum(size >= 2 for size in sizes)
        labels = agreement(found.communities, TASK.input_modules, TASK.output_modules)
        assert row.ari == labels
        assert 0 <= row.specialisation <= 1 or math.isnan(row.specialisation)
    # one edge makes one community of two; the other neurons are on their own
    assert rows.communities[3] == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_diverged_network_has_a_status_and_no_measures(network, bad):
    sound = measure(network, TASK, DATA, nulls=2, restarts=1)
    with torch.no_grad():
        network.layers[1].weight[1, 2, 0] = bad
    rows = measure(network, TASK, DATA, nulls=2, restarts=1)
    assert finite(weights(network)).tolist() == [True, False, True, True]
    assert rows.status.tolist() == ["ok", "diverged", "ok", "ok"]
    assert rows.loc[1].drop("status").isna().all()
    others = [0, 2, 3]
    assert rows.loc[others, "q"].tolist() == sound.loc[others, "q"].tolist()
    now = progress(network, PENALTIES["l2"].make(TASK, SEEDS * 2), TASK, DATA)
    assert now.isna().all(axis=1).tolist() == [False, True, False, False]


def test_stacked_examples_are_repeated_in_blocks_for_each_strength():
    sets = [Examples(torch.full((3, 2), float(n)), torch.full((3, 1), n)) for n in (0, 1)]
    together = repeated(stacked(sets), 2)
    assert together.x[:, 0, 0].tolist() == [0, 1, 0, 1]
    assert together.labels[:, 0, 0].tolist() == [0, 1, 0, 1]
    assert together.x.shape == (4, 3, 2)
