"""Rows of measures, each against the network, data and function that it stands for."""

import math
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import mean_squared_error, r2_score

from modlib import modularity, weights
from modlib.batch.checkout import PACKAGE
from modlib.graphs import conductance, neuron_graph, pruned
from modlib.modularity.agreement import agreement
from modlib.modularity.nulls import same_strengths
from modlib.penalties import PENALTIES
from modlib.tasks.formulas import formulas
from modlib.tasks.retina import retina
from modlib.tasks.task import Data, Examples
from modlib.training.lesions import lesion_drops, specialisation
from modlib.training.measures import (
    DENSITY,
    finite,
    measure,
    overview,
    progress,
    repeated,
    stack_modularity,
    stacked,
)
from modlib.training.stacks import Stack

TASK = retina()
SEEDS = [5, 6]
DATA = [TASK.draw(seed) for seed in SEEDS]
QUICK = {"nulls": 2, "restarts": 1}


@pytest.fixture
def network():
    """Two strengths of two seeds; the last network has one path alone."""
    stack = Stack([8, 7, 2], seeds=[0, 1, 2, 3])
    with torch.no_grad():
        stack.layers[0].weight[3] = 0
        stack.layers[0].weight[3, 0, 0] = 1
        stack.layers[1].weight[3] = 0
        stack.layers[1].weight[3, 0, 0] = 1
    return stack


def share_right(network, n, examples):
    """Accuracy of network n, example by example."""
    x = examples.x.expand(len(network.seeds), -1, -1)
    signs = (network(x)[n] > 0).tolist()
    right = [
        sign == bool(target)
        for s, targets in zip(signs, examples.targets.tolist(), strict=True)
        for sign, target in zip(s, targets, strict=True)
    ]
    return sum(right) / len(right)


def test_a_row_says_what_its_network_does_on_its_own_data(network):
    rows = measure(network, TASK, DATA, **QUICK)
    assert len(rows) == 4
    for n, row in rows.iterrows():
        data = DATA[n % 2]
        assert row.status == "ok"
        assert row.accuracy == pytest.approx(share_right(network, n, data.test))
        assert row.validation_accuracy == pytest.approx(share_right(network, n, data.validation))


def test_a_row_says_how_modular_its_network_is(network):
    rows = measure(network, TASK, DATA, **QUICK)
    for n, row in rows.iterrows():
        chain = [W[n].detach() for W in weights(network)]
        found = modularity(chain, **QUICK, seed=network.seeds[n])
        assert row[["q", "q_null_mean", "q_null_std", "excess"]].tolist() == [
            found.q, found.null_mean, found.null_std, found.excess,
        ]  # fmt: skip
        sizes = Counter(found.communities.tolist()).values()
        assert row.communities == sum(size >= 2 for size in sizes)
        assert row.ari == agreement(found.communities, TASK.input_modules, TASK.output_modules)
        at_strengths = modularity(chain, **QUICK, seed=network.seeds[n], null=same_strengths)
        assert row.strengths_excess == at_strengths.excess
        graph = neuron_graph([W.numpy() for W in chain])
        assert row.conductance == pytest.approx(conductance(graph, found.communities))
    assert not np.allclose(rows.strengths_excess, rows.excess)
    # a path makes one community; the other neurons are on their own
    assert rows.communities[3] == 1
    assert rows.conductance[3] == 0
    assert rows.conductance[:3].min() > 0


def test_a_row_says_what_lesions_of_its_communities_do_on_test_examples(network):
    rows = measure(network, TASK, DATA, **QUICK)
    for n, row in rows.iterrows():
        alone = Stack(network.widths, seeds=[0])
        for mine, theirs in zip(alone.parameters(), network.parameters(), strict=True):
            mine.data = theirs.data[n : n + 1]
        communities = modularity(weights(alone), **QUICK, seed=network.seeds[n]).communities
        test = stacked([DATA[n % 2].test])
        drops = lesion_drops(alone, communities, test.x, TASK.scored(test))
        expected = specialisation(drops).item()
        assert row.specialisation == pytest.approx(expected, nan_ok=True)
    assert rows.specialisation.notna().any()


def test_a_row_says_what_is_left_of_its_network_at_a_quarter_of_the_weights(network):
    rows = measure(network, TASK, DATA, **QUICK)
    assert DENSITY == 0.25
    sparse = Stack(network.widths, network.seeds)
    sparse.load_state_dict(network.state_dict())
    for n, row in rows.iterrows():
        left = pruned([W[n].detach().numpy() for W in weights(network)], 0.25)
        # 14 of 56 and 4 of 14, or the one that there is
        assert [np.count_nonzero(W) for W in left] == ([14, 4] if n < 3 else [1, 1])
        found = modularity(left, **QUICK, seed=network.seeds[n])
        assert row.pruned_excess == found.excess
        for layer, W in zip(sparse.layers, left, strict=True):
            layer.weight.data[n] = torch.tensor(W)
        assert row.pruned_accuracy == pytest.approx(share_right(sparse, n, DATA[n % 2].test))
    assert not np.allclose(rows.pruned_accuracy, rows.accuracy)
    assert not np.allclose(rows.pruned_excess, rows.excess)


def test_dead_inputs_are_left_out_of_the_live_excess(network):
    dead = np.isin(np.arange(len(TASK.live)), [1, 6])
    rows = measure(network, replace(TASK, live=~dead), DATA, **QUICK)
    for n, row in rows.iterrows():
        first, *others = [W[n].detach().numpy() for W in weights(network)]
        alone = modularity([first[~dead], *others], **QUICK, seed=network.seeds[n])
        assert row.live_excess == alone.excess
    assert not np.allclose(rows.live_excess, rows.excess)
    everything = measure(network, TASK, DATA, **QUICK)
    assert everything.live_excess.tolist() == everything.excess.tolist() == rows.excess.tolist()


OF_NULLS = [
    "q_null_mean", "q_null_std", "excess", "strengths_excess", "live_excess", "pruned_excess",
]  # fmt: skip


def test_nulls_follow_a_networks_seed_wherever_it_is_in_the_stack():
    network = Stack([8, 7, 2], seeds=[3, 4, 3, 9])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter[:1].expand_as(parameter))
    rows = measure(network, TASK, DATA, **QUICK)[OF_NULLS]
    assert rows.loc[0].tolist() == rows.loc[2].tolist()
    for other in (1, 3):
        assert (rows.loc[0] != rows.loc[other]).all()


def test_of_numbers_to_be_predicted_a_row_says_what_share_of_their_variance_is_explained():
    task, network = formulas("sharing"), Stack([3, 6, 3], seeds=[0, 1])

    def noisy(n, part):
        generator = torch.Generator().manual_seed(10 * n + part)
        x, noise = torch.randn(2, 40, 3, generator=generator)
        outputs = network(x.expand(2, -1, -1))[n].detach()
        # the last number is lost in noise
        return Examples(x, outputs + noise * torch.tensor([0.01, 0.2, 5.0]))

    data = [Data(*(noisy(n, part) for part in range(3))) for n in (0, 1)]
    rows = measure(network, task, data, **QUICK)
    l2 = PENALTIES["l2"].make(task, network.widths, network.seeds, [0.1] * 2)
    now = progress([network], [l2], task, data)
    for n in (0, 1):
        outputs = {
            part: network(getattr(data[n], part).x.expand(2, -1, -1))[n].detach()
            for part in ("validation", "test")
        }
        explained = {
            part: r2_score(getattr(data[n], part).targets, found, multioutput="raw_values")
            for part, found in outputs.items()
        }
        assert explained["test"][2] < 0.5 < explained["test"][0]
        expected = {part: np.maximum(r2, 0).mean() for part, r2 in explained.items()}
        assert rows.accuracy[n] == pytest.approx(expected["test"], abs=1e-5)
        assert rows.validation_accuracy[n] == pytest.approx(expected["validation"], abs=1e-5)
        assert now.accuracy[n] == pytest.approx(expected["validation"], abs=1e-5)
        error = mean_squared_error(data[n].validation.targets, outputs["validation"])
        assert now.task_loss[n] == pytest.approx(3 * error, rel=1e-5)
    # no modules are known to agree with
    assert rows.ari.isna().all()


def test_the_overview_is_the_first_part_of_a_row(network):
    found = stack_modularity(network, **QUICK)
    first = overview(network, TASK, DATA, found)
    rows = measure(network, TASK, DATA, **QUICK)
    pd.testing.assert_frame_equal(first, rows[first.columns])
    assert first.columns.tolist() == [
        *("status", "accuracy", "validation_accuracy"),
        *("q", "q_null_mean", "q_null_std", "excess", "share", "communities", "ari"),
    ]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_diverged_network_has_a_status_and_no_measures(network, bad):
    sound = measure(network, TASK, DATA, **QUICK)
    with torch.no_grad():
        network.layers[1].weight[1, 2, 0] = bad
    rows = measure(network, TASK, DATA, **QUICK)
    assert finite(weights(network)).tolist() == [True, False, True, True]
    assert rows.status.tolist() == ["ok", "diverged", "ok", "ok"]
    assert rows.loc[1].drop("status").isna().all()
    others = [0, 2, 3]
    assert rows.loc[others, "q"].tolist() == sound.loc[others, "q"].tolist()
    l2 = PENALTIES["l2"].make(TASK, network.widths, network.seeds, [0.1] * 4)
    now = progress([network], [l2], TASK, DATA)
    assert now.isna().all(axis=1).tolist() == [False, True, False, False]


def test_stacked_examples_are_repeated_in_blocks_for_each_strength():
    sets = [Examples(torch.full((3, 2), float(n)), torch.full((3, 1), n)) for n in (0, 1)]
    together = repeated(stacked(sets), 2)
    assert together.x[:, 0, 0].tolist() == [0, 1, 0, 1]
    assert together.targets[:, 0, 0].tolist() == [0, 1, 0, 1]
    assert together.x.shape == (4, 3, 2)


SEEN = """
from modlib.batch import schemas, selection
from modlib.figures.comparisons import MEASURE_NAMES
assert schemas.schema("networks").columns["made_up"].metadata["needed"] == ("evaluation",)
assert "made_up" in selection.SUMMARISED and "made_up" in selection.COMPARED
assert MEASURE_NAMES["made_up"] == "what is made up"
"""


def test_a_measure_that_is_declared_is_seen_by_all_that_read_the_declaration(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "modlib")
    place = tmp_path / "modlib" / "training" / "measures.py"
    line = 'MEASURES = [\n    Measure("made_up", "what is made up", 0, 1, JUDGED, True, True),'
    place.write_text(place.read_text().replace("MEASURES = [", line))
    command = [sys.executable, "-c", SEEN]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
