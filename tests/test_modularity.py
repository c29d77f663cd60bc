"""Q against networkx and hand-computed cases; searches against what was planted."""

import math

import networkit as nk
import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import adjusted_rand_score
from strategies import blocks, random_chain

from modlib import modularity
from modlib.graphs import balanced, neuron_graph
from modlib.modularity import (
    NO_MODULE,
    agreement,
    conductance,
    conductances,
    find_communities,
    in_order_of_appearance,
    newman_q,
)

QUICK = {"nulls": 3, "restarts": 2}


@st.composite
def partitioned_graphs(draw):
    n = draw(st.integers(2, 8))
    entries = draw(st.lists(st.integers(0, 4), min_size=n * n, max_size=n * n))
    upper = np.triu(np.array(entries, dtype=float).reshape(n, n), 1)
    labels = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    return upper + upper.T, np.array(labels)


@given(partitioned_graphs())
def test_q_is_that_of_networkx(case):
    A, labels = case
    q = newman_q(sparse.csr_array(A), labels)
    if not A.any():
        assert q == 0
    else:
        parts = [set(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]
        expected = nx.community.modularity(nx.from_numpy_array(A), parts)
        assert q == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("labels", "q"),
    [
        ([0, 0, 0, 1, 1, 1], 1 / 2),  # two of two communities: 1/2 + 1/2 - (1/4 + 1/4)
        ([0, 0, 0, 0, 0, 0], 0),
        ([0, 1, 2, 3, 4, 5], -1 / 6),  # no edge inside, six times (2/12)^2
    ],
)
def test_q_of_two_disjoint_triangles(labels, q):
    triangle = np.ones((3, 3)) - np.eye(3)
    A = sparse.csr_array(sparse.block_diag([triangle, triangle]))
    assert newman_q(A, np.array(labels)) == pytest.approx(q, abs=1e-15)


@given(partitioned_graphs())
def test_conductance_is_the_mean_share_of_weight_that_leaves_a_community_in_networkx(case):
    A, labels = case
    graph = nx.from_numpy_array(A)
    parts = [set(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]
    with_weight = [part for part in parts if nx.volume(graph, part, weight="weight")]
    shares = [
        nx.cut_size(graph, part, weight="weight") / nx.volume(graph, part, weight="weight")
        for part in with_weight
    ]
    expected = np.mean(shares) if shares else 0
    assert conductances(sparse.csr_array(A), labels) == pytest.approx(shares, abs=1e-12)
    assert conductance(sparse.csr_array(A), labels) == pytest.approx(expected, abs=1e-12)
    if len(parts) == len(with_weight) == 2:
        both = nx.normalized_cut_size(graph, *parts, weight="weight")
        assert expected == pytest.approx(both / 2)
        assert max(shares) == pytest.approx(nx.conductance(graph, *parts, weight="weight"))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([0, 0, 0, 1, 1, 1, 2], 1 / 7),  # one edge in seven ends leaves either triangle
        ([0, 0, 0, 0, 0, 0, 0], 0),
        ([0, 1, 2, 3, 4, 5, 6], 1),
        ([0, 0, 0, 4, 4, 4, 4], 1 / 7),  # a number that no community has does not count
        ([0, 0, 1, 1, 1, 1, 2], (2 / 4 + 2 / 10) / 2),
    ],
)
def test_the_conductance_of_two_triangles_joined_by_an_edge_and_a_lone_neuron(labels, expected):
    edges = nx.Graph([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 3)])
    edges.add_node(6)
    A = nx.to_scipy_sparse_array(edges, range(7), dtype=float)
    assert conductance(A, np.array(labels)) == pytest.approx(expected)


@pytest.mark.parametrize("n_blocks", [2, 5])
def test_b_disconnected_blocks_have_a_q_of_1_minus_1_over_b(n_blocks):
    found = modularity(blocks(n_blocks, 3), **QUICK)
    assert found.q == pytest.approx(1 - 1 / n_blocks, abs=1e-12)
    assert found.communities.tolist() == np.tile(np.repeat(range(n_blocks), 3), 3).tolist()


def planted(n_blocks, size, noise, seed):
    """A chain of blocks of weights about 1 on a floor of noise, and each neuron's block."""
    rng = np.random.default_rng(seed)
    mask = np.kron(np.eye(n_blocks), np.ones((size, size)))
    chain = [
        mask * rng.uniform(0.5, 1.5, mask.shape) + noise * rng.random(mask.shape) for _ in "12"
    ]
    return chain, np.tile(np.repeat(np.arange(n_blocks), size), 3)


@pytest.mark.parametrize("seed", range(3))
def test_planted_communities_are_found(seed):
    chain, truth = planted(4, 6, noise=0.1, seed=seed)
    order = np.random.default_rng(seed).permutation(24)
    # rewired so that a community is no contiguous range
    shuffled = [W[np.ix_(order, order)] for W in chain]
    expected = np.concatenate([layer[order] for layer in np.split(truth, 3)])
    found = find_communities(neuron_graph(shuffled))
    assert adjusted_rand_score(expected, found) == 1
    assert list(dict.fromkeys(found.tolist())) == [0, 1, 2, 3]


def test_searches_are_as_good_as_networkx_louvain_on_average():
    ours, theirs = [], []
    for seed in range(6):
        graph = nx.gnp_random_graph(40, 0.12, seed=seed)
        A = nx.to_scipy_sparse_array(graph, dtype=float)
        ours.append(newman_q(A, find_communities(A, restarts=3, seed=seed)))
        found = [nx.community.louvain_communities(graph, seed=10 * seed + i) for i in range(3)]
        theirs.append(max(nx.community.modularity(graph, parts) for parts in found))
    assert np.mean(ours) >= np.mean(theirs) - 1e-12


def test_more_restarts_never_find_less_where_the_searches_are_the_same():
    A = neuron_graph([W.numpy() for W in random_chain(20, 20, 20)])
    # the searches of seed 0 with more restarts include those with fewer
    q = [newman_q(A, find_communities(A, restarts, seed=0)) for restarts in (1, 4, 16)]
    assert q == sorted(q)
    assert q[0] < q[-1]


@pytest.fixture
def two_threads():
    before = nk.getMaxNumberOfThreads()
    nk.setNumberOfThreads(2)
    yield
    nk.setNumberOfThreads(before)


def test_a_search_gives_the_same_answer_on_any_number_of_threads(two_threads):
    A = neuron_graph([W.numpy() for W in random_chain(20, 30, 20)])
    first = find_communities(A, restarts=1)
    assert nk.getMaxNumberOfThreads() == 2
    nk.setNumberOfThreads(1)
    for _ in range(5):
        assert np.array_equal(find_communities(A, restarts=1), first)


def test_the_same_seed_gives_the_same_measure_and_another_other_nulls():
    chain = random_chain(8, 10, 6)
    first, again, other = (modularity(chain, **QUICK, seed=seed) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert first.null_mean != other.null_mean


def test_the_scale_and_signs_of_weights_do_not_matter():
    chain = random_chain(8, 10, 6)
    first, scaled = modularity(chain, **QUICK), modularity([-4 * W for W in chain], **QUICK)
    # powers of two scale without rounding
    assert all(np.array_equal(a, b) for a, b in zip(first, scaled, strict=True))
    assert modularity([1e-30 * W for W in chain], **QUICK).q == pytest.approx(first.q, rel=1e-9)


def test_q_is_that_of_the_communities_returned():
    chain = random_chain(8, 10, 6)
    found = modularity(chain, **QUICK)
    graph = nx.from_numpy_array(neuron_graph([W.numpy() for W in chain]).toarray())
    parts = [set(np.flatnonzero(found.communities == c).tolist()) for c in set(found.communities)]
    assert found.q == pytest.approx(nx.community.modularity(graph, parts), abs=1e-12)


def test_networks_without_weights_have_no_modularity():
    found = modularity([np.zeros((2, 3)), np.zeros((3, 1))], **QUICK)
    assert found.q == found.null_mean == found.excess == 0
    assert math.isnan(found.z)
    assert found.communities.tolist() == list(range(6))


@pytest.mark.parametrize("stack", [(3,), (2, 2)])
def test_a_network_in_a_stack_gets_the_answer_that_it_gets_alone(stack):
    chain = random_chain(5, 6, 4, stack=stack)
    together = modularity(chain, **QUICK)
    assert together.q.shape == stack
    assert together.communities.shape == (*stack, 15)
    for index in np.ndindex(stack):
        alone = modularity([W[index] for W in chain], **QUICK)
        for a, b in zip(together, alone, strict=True):
            assert np.array_equal(a[index], b)


@pytest.mark.parametrize("seeds", [(7, 0, 7), np.array([[4, 3], [2, 1]])])
def test_seeds_may_be_given_for_each_network(seeds):
    stack = np.shape(seeds)
    chain = random_chain(5, 6, 4, stack=stack)
    together = modularity(chain, **QUICK, seed=seeds)
    for index in np.ndindex(stack):
        seed = int(np.array(seeds)[index])
        alone = modularity([W[index] for W in chain], **QUICK, seed=seed)
        for a, b in zip(together, alone, strict=True):
            assert np.array_equal(a[index], b)


def test_a_network_of_the_same_seed_gets_the_same_nulls_whatever_the_others():
    chain = [W.expand(3, -1, -1) for W in random_chain(8, 10, 6)]
    found = modularity(chain, **QUICK, seed=np.array([5, 6, 5]))
    assert found.null_mean[0] == found.null_mean[2] != found.null_mean[1]


def test_nulls_are_those_that_are_asked_for():
    chain, drawn = [W.numpy() for W in random_chain(8, 10, 6)], []

    def null(given_chain, rng):
        assert all(np.array_equal(a, b) for a, b in zip(given_chain, chain, strict=True))
        drawn.append(balanced(given_chain, rng))
        return drawn[-1]

    found = modularity(chain, **QUICK, seed=4, null=null)
    graphs = [neuron_graph(c) for c in drawn]
    q = [newman_q(A, find_communities(A, QUICK["restarts"], seed=4)) for A in graphs]
    assert len(q) == QUICK["nulls"]
    assert (found.null_mean, found.null_std) == (np.mean(q), np.std(q))
    assert found.null_mean == modularity(chain, **QUICK, seed=4, null=balanced).null_mean
    assert found.q == modularity(chain, **QUICK, seed=4).q


def test_over_balanced_nulls_blocks_are_an_excess_and_random_weights_are_none():
    blocks_and_noise, _ = planted(4, 6, noise=0.1, seed=0)
    assert modularity(blocks_and_noise, **QUICK, null=balanced).excess > 0.2
    assert abs(modularity(random_chain(24, 24, 24), **QUICK, null=balanced).excess) < 0.02


def test_weights_may_be_arrays_or_tensors_that_need_a_gradient():
    chain = random_chain(5, 6, 4)
    tensors = modularity([W.requires_grad_() for W in chain], **QUICK)
    arrays = modularity([W.detach().numpy() for W in chain], **QUICK)
    assert all(np.array_equal(a, b) for a, b in zip(tensors, arrays, strict=True))


def test_excess_and_z_are_what_they_say():
    found = modularity(random_chain(8, 10, 6, stack=(2,)), nulls=4, restarts=1)
    assert np.array_equal(found.excess, found.q - found.null_mean)
    assert np.array_equal(found.z, found.excess / found.null_std)


def test_a_network_of_blocks_is_more_modular_than_its_nulls():
    chain, _ = planted(4, 6, noise=0.0, seed=0)
    found = modularity(chain, **QUICK)
    assert found.excess > 0.2
    assert found.null_std > 0
    # a null keeps the sparsity, which alone gives it a Q
    assert 0.1 < found.null_mean < found.q


def test_a_network_that_permutation_leaves_alone_is_its_own_null():
    found = modularity([np.ones((3, 4)), np.ones((4, 2))], **QUICK)
    assert found.q == found.null_mean
    assert found.excess == found.null_std == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_refused(bad):
    chain = random_chain(3, 4, 2)
    chain[1][0, 0] = bad
    with pytest.raises(ValueError, match="finite weights, got NaN or infinity in matrix 1"):
        modularity(chain)


@pytest.mark.parametrize(("nulls", "restarts"), [(1, 5), (2, 0)])
def test_too_few_nulls_or_restarts_are_refused(nulls, restarts):
    with pytest.raises(
        ValueError, match=f"nulls >= 2 and restarts >= 1, got {nulls} and {restarts}"
    ):
        modularity(random_chain(3, 4, 2), nulls=nulls, restarts=restarts)


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"matrix 0 .* has 3 columns but matrix 1 has 4 rows"):
        modularity([torch.ones(2, 3), torch.ones(4, 2)])


@pytest.mark.parametrize("first", [(2,), (3, 1), ()])
def test_matrices_of_unequal_stacks_are_refused(first):
    with pytest.raises(ValueError, match="as many networks in each matrix, got leading"):
        modularity([torch.ones(*first, 3, 3), torch.ones(3, 3, 3)])


@given(st.lists(st.integers(0, 5), min_size=1))
def test_communities_are_numbered_in_order_of_appearance(labels):
    numbers = in_order_of_appearance(labels).tolist()
    names = list(dict.fromkeys(labels))
    assert numbers == [names.index(label) for label in labels]


def test_agreement_is_the_adjusted_rand_index_of_inputs_and_outputs():
    inputs, outputs = np.array([0, 0, 1, 1]), np.array([0, 1])
    # three hidden neurons between them do not count
    communities = np.array([[0, 0, 1, 1, 9, 9, 9, 0, 1], [0, 1, 0, 1, 0, 0, 0, 0, 1]])
    expected = [1.0, adjusted_rand_score([0, 0, 1, 1, 0, 1], [0, 1, 0, 1, 0, 1])]
    assert agreement(communities, inputs, outputs).tolist() == expected


def test_agreement_leaves_out_neurons_without_a_module():
    inputs, outputs = np.array([0, NO_MODULE, 1, NO_MODULE]), np.array([NO_MODULE, 1])
    communities = np.array([3, 7, 5, 8, 0, 0, 3, 5])
    assert agreement(communities, inputs, outputs) == 1
    communities[0] = 5
    assert agreement(communities, inputs, outputs) < 1


@pytest.mark.parametrize("inputs", [[0, 0], [0, NO_MODULE], [NO_MODULE, NO_MODULE]])
def test_agreement_with_fewer_than_two_modules_is_undefined(inputs):
    communities = np.zeros((3, 4), dtype=int)
    found = agreement(communities, np.array(inputs), np.array([NO_MODULE]))
    assert found.shape == (3,)
    assert np.isnan(found).all()
