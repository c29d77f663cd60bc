"""Regrowth: its score against all paths that networkx finds, its cuts and its training."""

import copy
import math
import pickle
from itertools import product

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import modlib
from modlib import weights
from modlib.penalties.decay import with_decay
from modlib.penalties.regrowth import EVERY, follow, path_scores, regrown, regrowth
from modlib.penalties.rivals import RIVALS
from modlib.tasks.retina import retina
from modlib.training.stacks import Stack

TASK = retina()
WIDTHS = (8, 12, 10, 2)
RECORD = RIVALS["regrowth"]
BRIEF = {"hidden": (12, 10), "batch_size": 16}


@st.composite
def connections(draw):
    n, m = (draw(st.integers(1, 6)) for _ in range(2))
    row = st.lists(st.booleans(), min_size=m, max_size=m)
    return torch.tensor(draw(st.lists(row, min_size=n, max_size=n)))


def scores_of_paths(there):
    """CH3-L3p by its definition: paths of length 3, and each inner neuron's links to outside."""
    n, m = there.shape
    graph = nx.Graph()
    graph.add_nodes_from(("in", i) for i in range(n))
    graph.add_nodes_from(("out", j) for j in range(m))
    graph.add_edges_from((("in", i), ("out", j)) for i, j in there.nonzero().tolist())
    found = np.zeros((n, m))
    for i, j in product(range(n), range(m)):
        ends = ("in", i), ("out", j)
        if graph.has_edge(*ends):
            continue
        paths = [p for p in nx.all_simple_paths(graph, *ends, cutoff=3) if len(p) == 4]
        inside = {node for path in paths for node in path}
        for _, b, a, _ in paths:
            outside = [1 + len(set(graph[node]) - inside) for node in (a, b)]
            found[i, j] += 1 / math.sqrt(outside[0] * outside[1])
    return found


@given(connections())
def test_scores_are_those_of_all_paths_of_length_three(there):
    np.testing.assert_allclose(path_scores(there).numpy(), scores_of_paths(there), atol=1e-12)


def test_scores_of_a_denser_layer_are_those_of_all_paths_too():
    there = torch.rand(12, 9, generator=torch.Generator().manual_seed(0)) < 0.4
    np.testing.assert_allclose(path_scores(there).numpy(), scores_of_paths(there), atol=1e-12)


def test_a_score_that_is_written_down_by_hand():
    # inputs 0, 1, 2; outputs 0, 1, 2: 0-0, 1-0, 1-1, 2-0, 2-2
    there = torch.tensor([[1, 0, 0], [1, 1, 0], [1, 0, 1]]).bool()
    # 0 to 1 leads over output 0, one of whose neighbours lies elsewhere, and input 1, with none
    assert path_scores(there)[0, 1].item() == pytest.approx(1 / math.sqrt(2))
    # 1 to 2 leads over output 0 and input 2; 0 lies elsewhere
    assert path_scores(there)[1, 2].item() == pytest.approx(1 / math.sqrt(2))


def test_the_missing_connection_of_a_block_grows_before_one_between_blocks():
    there = torch.block_diag(torch.ones(4, 4), torch.ones(4, 4)).bool()
    there[0, 0] = False
    there[1, 7] = True
    scores = path_scores(there)
    assert scores.argmax() == 0
    assert scores[0, 0] > 2 * scores.flatten()[1:].max()


@given(connections(), st.floats(0, 1), st.integers(0, 1000))
def test_the_smallest_are_cut_and_as_many_of_the_largest_scores_grow(there, share, seed):
    W = torch.randn(there.shape, generator=torch.Generator().manual_seed(seed)) * there
    after = regrown(W, there, share, np.random.default_rng(seed))
    assert after.sum() == there.sum()
    number = int(share * int(there.sum()))
    by_size = sorted(there.nonzero().tolist(), key=lambda at: abs(W[tuple(at)].item()))
    kept = torch.zeros_like(there)
    for at in by_size[number:]:
        kept[tuple(at)] = True
    assert after[kept].all()
    scores = scores_of_paths(kept)
    grown, left = scores[(after & ~kept).numpy()], scores[(~after).numpy()]
    assert len(grown) == number
    if number and len(left):
        assert grown.min() >= left.max() - 1e-12


def test_of_equal_scores_chance_decides():
    there = torch.eye(6).bool()  # no path of length three
    W = torch.randn(6, 6) * there
    found = {tuple(regrown(W, there, 0.5, np.random.default_rng(s)).flatten().tolist())
             for s in range(8)}  # fmt: skip
    assert len(found) > 4


def densities(chain):
    return [(W != 0).float().mean((-2, -1)).tolist() for W in chain]


def test_networks_start_sparse_by_their_strength_but_for_the_last_layer():
    network, plain = Stack(WIDTHS, [0, 1, 2]), Stack(WIDTHS, [0, 1, 2])
    regrowth(TASK, network, [0.0, 0.5, 0.8])
    first, second, last = densities(weights(network))
    assert first == pytest.approx([1, 48 / 96, 19 / 96])
    assert second == pytest.approx([1, 60 / 120, 24 / 120])
    assert last == [1, 1, 1]
    for W, V in zip(weights(network), weights(plain), strict=True):
        assert torch.equal(W[0], V[0])
    W, V = weights(network)[0], weights(plain)[0]
    for column, before in zip(W[1].T, V[1].T, strict=True):
        there = column != 0
        if there.any():
            torch.testing.assert_close(column[there], before[there] * (8 / there.sum()) ** 0.5)


def connected(network):
    """Which connections of the layers that are cut are there."""
    return [there.clone() for there in network.get_submodule("regrowth").buffers()]


def test_training_keeps_the_density_and_changes_the_connections():
    steps = 2 * EVERY + 20
    kept = [0, EVERY - 1]
    run = modlib.fit(TASK, RECORD, seeds=[0, 1], steps=steps, snapshots=kept, **BRIEF)
    start, same, end = (connected(of) for of in (*run.snapshots.values(), run.network))
    for before, between, after, W in zip(start, same, end, run.chain, strict=False):
        assert torch.equal(before, between)
        assert (W[~after] == 0).all()
        for n in range(2):
            assert after[n].sum() == before[n].sum()
            assert 1 <= (after[n] & ~before[n]).sum() <= 0.6 * before[n].sum()
            assert (W[n][after[n] & ~before[n]] != 0).any()
    assert (run.chain[2] != 0).all()


def test_a_network_regrows_in_a_stack_as_it_does_alone():
    steps = {"steps": EVERY + 5}
    both = modlib.fit(TASK, RECORD, [0.5, 0.8], seeds=[0, 1], **steps, **BRIEF)
    alone = modlib.fit(TASK, RECORD, 0.8, seeds=[1], **steps, **BRIEF)
    for W, V in zip(both.chain, alone.chain, strict=True):
        torch.testing.assert_close(W[3:], V, atol=1e-3, rtol=1e-2)
        assert torch.equal(W[3:] != 0, V != 0)


def test_strength_0_is_training_without_it():
    steps = {"steps": EVERY + 5}
    run = modlib.fit(TASK, RECORD, 0.0, seeds=[0], **steps, **BRIEF)
    plain = modlib.fit(TASK, "none", seeds=[0], **steps, **BRIEF)
    for W, V in zip(run.chain, plain.chain, strict=True):
        torch.testing.assert_close(W, V)


def test_momentum_moves_no_weight_that_is_not_there():
    network = Stack(WIDTHS, [0])
    regrowth(TASK, network, [0.5])
    x = torch.randn(1, 16, 8)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    there = network.get_submodule("regrowth").get_buffer("there0")
    rule, passed, moved = follow(network, [0.5], 2 * EVERY), [there.clone()], 0
    for _ in range(2 * EVERY):
        optimiser.zero_grad()
        network(x).square().sum().backward()
        assert (network.layers[0].weight.grad[~there] == 0).all()
        optimiser.step()
        moved += (weights(network)[0][~there] != 0).sum()
        rule()
        assert (weights(network)[0][~there] == 0).all()
        passed.append(there.clone())
    assert moved > 0
    # nothing grows after the last step
    assert [n for n in range(2 * EVERY) if not torch.equal(*passed[n : n + 2])] == [EVERY - 1]


def test_copies_have_rules_of_their_own():
    network = Stack(WIDTHS, [0])
    regrowth(TASK, network, [0.5])
    x = torch.randn(1, 16, 8)
    assert not any("regrowth.layers" in name for name in network.state_dict())
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert torch.equal(other(x), network(x))
        rule = other.get_submodule("regrowth")
        assert rule.layers[0] is other.layers[0]
        assert len(list(other.parameters())) == len(list(network.parameters()))


def test_a_decay_goes_beside_it():
    run = modlib.fit(TASK, with_decay(RECORD, 0.1), seeds=[0], steps=EVERY + 5, **BRIEF)
    plain = modlib.fit(TASK, RECORD, seeds=[0], steps=EVERY + 5, **BRIEF)
    for here, there in zip(connected(run.network), connected(plain.network), strict=True):
        assert here.sum() == there.sum()
    assert run.chain[0].square().sum() < plain.chain[0].square().sum()


@pytest.mark.parametrize("bad", [1.0, -0.1, math.nan])
def test_strengths_that_leave_no_connection_are_refused(bad):
    with pytest.raises(ValueError, match="regrowth needs strengths of at least 0 and below 1, got"):
        regrowth(TASK, Stack(WIDTHS, [0, 1]), [0.5, bad])


def test_other_networks_are_refused():
    with pytest.raises(ValueError, match=r"stack of networks, .* got Linear without layers"):
        regrowth(None, nn.Linear(3, 2), [0.5])
