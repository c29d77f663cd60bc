"""Newman's measure of a network: its Q, nulls and search; and the table that has both measures."""

from itertools import cycle, pairwise

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from strategies import blocks, random_chain

from modlib.batch.storage import trained
from modlib.graphs import neuron_graph
from modlib.modularity.measure import modularity
from modlib.study import whole_graph
from modlib.study.whole_graph import newman, whole_graph_table
from modlib.training.fit import fit

CHAIN = random_chain(8, 10, 6)


def graph_of(chain):
    return nx.from_numpy_array(neuron_graph([W.abs().numpy() for W in chain]).toarray())


def parts_of(communities):
    return [set(np.flatnonzero(communities == c).tolist()) for c in np.unique(communities)]


@pytest.mark.parametrize("n_blocks", [2, 5])
def test_b_separate_blocks_have_a_q_of_1_minus_1_over_b(n_blocks):
    found = newman(blocks(n_blocks, 3), nulls=2, restarts=2, seed=0)
    assert found.q == pytest.approx(1 - 1 / n_blocks, abs=1e-12)
    assert found.communities.tolist() == np.tile(np.repeat(range(n_blocks), 3), 3).tolist()


def test_unequal_parts_have_the_q_that_is_computed_by_hand():
    # weights 6 and 2, signs aside: 1 - (6/8)^2 - (2/8)^2
    W, V = (torch.diag(torch.tensor(d, dtype=torch.float64)) for d in ([-4, 1], [2, -1]))
    found = newman([W, V], nulls=2, restarts=2, seed=0)
    assert found.q == pytest.approx(1 - (6**2 + 2**2) / 8**2, abs=1e-12)
    assert found.communities.tolist() == [0, 1, 0, 1, 0, 1]


def test_q_is_networkx_of_the_communities_returned():
    found = newman(CHAIN, nulls=2, restarts=2, seed=0)
    expected = nx.community.modularity(graph_of(CHAIN), parts_of(found.communities))
    assert found.q == pytest.approx(expected, abs=1e-12)


def test_networkx_finds_no_better_communities_on_average():
    ours, theirs = [], []
    for seed in range(6):
        chain = random_chain(12, 16, 16, 8, seed=seed)
        ours.append(newman(chain, nulls=1, restarts=3, seed=seed).q)
        graph = graph_of(chain)
        found = [nx.community.louvain_communities(graph, seed=10 * seed + i) for i in range(3)]
        theirs.append(max(nx.community.modularity(graph, parts) for parts in found))
    # spread over seeds is 0.01
    assert np.mean(ours) >= np.mean(theirs) - 0.002


def test_planted_modules_are_found():
    rng = np.random.default_rng(0)
    within = np.kron(np.eye(4), np.ones((6, 6)))
    chain = [within * rng.uniform(0.5, 1.5, (24, 24)) + 0.1 * rng.random((24, 24)) for _ in "12"]
    order = rng.permutation(24)
    found = newman([W[np.ix_(order, order)] for W in chain], nulls=2, restarts=2, seed=0)
    assert adjusted_rand_score(np.tile(order // 6, 3), found.communities) == 1
    assert found.excess > 0.2


def test_the_excess_is_q_minus_the_mean_of_the_nulls(monkeypatch):
    # nulls are in turn the network itself, with a Q of 1/2, and even weights, with none
    network = [torch.block_diag(torch.ones(2, 2), torch.ones(2, 2)).double()]
    nulls = cycle([network, [torch.ones(4, 4).double()]])
    monkeypatch.setattr(whole_graph, "permuted", lambda weights, generator: next(nulls))
    for number, mean in {1: 1 / 2, 4: 1 / 4, 5: 3 / 10}.items():
        nulls = cycle([network, [torch.ones(4, 4).double()]])
        found = newman(network, nulls=number, restarts=2, seed=0)
        assert (found.q, found.excess) == pytest.approx((1 / 2, 1 / 2 - mean), abs=1e-12)


def test_nulls_are_of_the_network_and_each_another_that_follows_from_the_seed(monkeypatch):
    drawn, permuted = [], whole_graph.permuted

    def recorded(weights, generator):
        assert all(torch.equal(W, V.abs()) for W, V in zip(weights, CHAIN, strict=True))
        drawn.append(permuted(weights, generator)[0])
        return [drawn[-1], *weights[1:]]

    monkeypatch.setattr(whole_graph, "permuted", recorded)
    for seed in (5, 5, 6):
        newman(CHAIN, nulls=2, restarts=1, seed=seed)
    first, second, first_again, second_again, *others = drawn
    assert torch.equal(first, first_again)
    assert torch.equal(second, second_again)
    assert len({tuple(W.flatten().tolist()) for W in (first, second, *others)}) == 4


def test_the_network_and_its_nulls_are_searched_as_often_as_is_asked(monkeypatch):
    asked = []
    for name in ("communities_of", "largest_q"):
        found = getattr(whole_graph, name)
        monkeypatch.setattr(
            whole_graph, name, lambda *told, found=found: asked.append(told[1]) or found(*told)
        )
    newman(CHAIN, nulls=2, restarts=4, seed=0)
    assert asked == [4, 4, 4]


@pytest.fixture(scope="module")
def stack():
    return trained(fit("retina", "l2", 0.003, seeds=[2, 7], steps=60))


def test_the_table_has_both_measures_of_each_network(stack):
    table = whole_graph_table(stack, nulls=3, restarts=2)
    assert table.seed.tolist() == [2, 7]
    found = modularity(stack.chain, 3, 2, [2, 7])
    for name in ("q", "excess", "share"):
        assert np.array_equal(table[name], getattr(found, name))
    modules = np.r_[stack.task.input_modules, stack.task.output_modules]
    ends = np.r_[: len(stack.task.input_modules), -len(stack.task.output_modules) : 0]
    for n, row in enumerate(table.itertuples()):
        whole = newman([W[n] for W in stack.chain], 3, 2, row.seed)
        assert (row.newman_q, row.newman_excess) == (whole.q, whole.excess)
        assert row.newman_ari == adjusted_rand_score(modules, whole.communities[ends])
        assert row.ari == adjusted_rand_score(modules, found.communities[n][ends])
        # as much enters each hidden neuron as leaves it
        W, *others = [W[n].double().abs().numpy() for W in stack.chain]
        for _ in range(200):
            for before, after in pairwise([W, *others]):
                factors = np.sqrt(after.sum(1) / before.sum(0))
                before *= factors
                after /= factors[:, None]
        even = newman([W, *others], 3, 2, row.seed)
        assert row.rescaled_excess == pytest.approx(even.excess, abs=1e-6)
        assert row.rescaled_ari == adjusted_rand_score(modules, even.communities[ends])


def test_separate_networks_agree_with_their_modules_by_either_measure():
    apart = trained(fit("retina", "hard_wired", 1.0, seeds=[0], steps=60))
    table = whole_graph_table(apart, nulls=2, restarts=3)
    assert table.ari.tolist() == [1]
    assert table.share.tolist() == pytest.approx([1])
    # the whole graph divides each half further
    assert 0 < table.newman_ari.item() <= 1


@pytest.fixture
def measured():
    names = ["task", "penalty", "seed"]
    tasks, penalties = (
        ["two_digits", "four_digits", "planted_0"],
        ["l1", "soft_modularity", "walk_loops"],
    )
    rows = pd.MultiIndex.from_product([tasks, penalties, range(4)], names=names).to_frame(
        index=False
    )
    rng = np.random.default_rng(1)
    return rows.assign(**dict(zip(whole_graph.EITHER, rng.random((6, len(rows))), strict=True)))


def test_either_measure_has_its_means_and_intervals(measured):
    found = whole_graph.either(measured)
    of = measured[(measured.task == "planted_0") & (measured.penalty == "l1")]
    row = found.loc["planted_0", "l1"]
    for measure in whole_graph.EITHER:
        assert row[measure] == pytest.approx(of[measure].mean())
        assert row[f"{measure}_low"] < row[measure] < row[f"{measure}_high"]


def test_places_begin_with_the_largest_share(measured):
    found = whole_graph.either(measured)
    listed = whole_graph.places(found, "two_digits")
    assert listed["place by share"].tolist() == [1, 2, 3]
    by_newman = listed.sort_values("excess, whole graph", ascending=False)
    assert by_newman["place by whole graph"].tolist() == [1, 2, 3]
    assert listed.loc["l1", "agreement"] == found.loc[("two_digits", "l1"), "ari"]


def test_soft_modularity_is_held_against_l1_of_the_same_seed_and_task(measured):
    found = whole_graph.beyond_l1(measured, "share")
    assert sorted(found.index) == ["four_digits", "planted_0", "two_digits"]
    of = measured[measured.task == "four_digits"].set_index(["penalty", "seed"]).share
    difference = (of["soft_modularity"] - of["l1"]).mean()
    assert found.loc["four_digits", "mean"] == pytest.approx(difference)


def test_agreement_is_compared_network_by_network(measured):
    found = whole_graph.gained(measured)
    rows = measured.assign(gained=measured.ari - measured.newman_ari)
    means = rows.groupby(["task", "penalty"]).gained.mean()
    assert found["mean"].to_dict() == pytest.approx(means.to_dict())
    half = whole_graph.gained(measured, least=0.5)
    larger = measured.groupby(["task", "penalty"])[["ari", "newman_ari"]].mean().max(axis=1)
    assert set(half.index) == set(larger.index[larger >= 0.5]) < set(found.index)
