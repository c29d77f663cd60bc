"""A chain's neuron graph entry by entry, Newman's Q against networkx, and what pruning keeps."""

import math

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from strategies import chains, random_chain

from modlib.graphs import (
    arrays_of,
    by_community,
    community_order,
    conductance,
    conductances,
    in_order_of_appearance,
    layer_of,
    layer_sizes,
    neuron_graph,
    newman_q,
    pruned,
)


def arrays(chain):
    return [W.numpy() for W in chain]


@given(chains(depth=3))
def test_an_edge_joins_neurons_of_adjacent_layers_and_weighs_the_absolute_weight(chain):
    chain = arrays(chain)
    neurons = [(0, i) for i in range(len(chain[0]))]
    neurons += [(d, i) for d, W in enumerate(chain, 1) for i in range(W.shape[1])]

    def weight(u, v):
        (depth, i), (next_depth, j) = sorted([u, v])
        return abs(chain[depth][i, j]) if next_depth == depth + 1 else 0

    expected = [[weight(u, v) for v in neurons] for u in neurons]
    assert neuron_graph(chain).toarray().tolist() == expected


@given(
    st.lists(st.floats(-9, 9), min_size=24, max_size=24, unique_by=abs),
    st.sampled_from([(1, 24), (4, 6), (24, 1)]),
    st.integers(1, 24),
)
def test_pruning_leaves_the_largest_weights_of_each_layer(weights, shape, k):
    W, other = np.reshape(weights, shape), random_chain(shape[1], 24)[0].numpy()
    left, _ = pruned([W, other], k / 24)
    largest = sorted(weights, key=abs, reverse=True)[:k]
    assert left.ravel().tolist() == [w if w in largest else 0 for w in weights]
    assert W.ravel().tolist() == weights


@pytest.mark.parametrize("density", [0.1, 0.25, 0.29, 0.3, 0.7, 0.99])
def test_pruned_layers_are_equally_dense_whatever_their_weights(density):
    chain = [*arrays(random_chain(10, 20, 5, dtype=torch.float32)), np.ones((5, 20))]
    # 0.3 * 10 and 1 - 0.3 are not exact in binary
    for W, left in zip(chain, pruned(chain, density), strict=True):
        assert np.count_nonzero(left) == round(density * W.size)
        assert left.dtype == W.dtype


@given(chains(depth=2))
def test_pruning_to_a_density_of_1_leaves_everything(chain):
    for W, left in zip(arrays(chain), pruned(arrays(chain), 1.0), strict=True):
        assert (left == W).all()


@pytest.mark.parametrize("density", [0.0, -0.1, 1.1, math.nan])
def test_a_density_out_of_range_is_refused(density):
    with pytest.raises(ValueError, match=f"above 0 and at most 1, got {density}"):
        pruned([np.ones((2, 2))], density)


def test_layers_are_counted_from_the_inputs():
    sizes = layer_sizes(random_chain(3, 1, 2, stack=(4,)))
    assert sizes == [3, 1, 2]
    assert layer_of(sizes).tolist() == [0, 0, 0, 1, 2, 2]


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"matrix 1 .* has 3 columns but matrix 2 has 4 rows"):
        layer_sizes([np.ones((1, 2)), np.ones((2, 3)), np.ones((4, 2))])


def test_neurons_of_each_layer_are_sorted_by_community():
    chain = [np.array([[1.0, 2], [3, 4]]), np.array([[5.0], [6]])]
    communities = np.array([1, 0, 1, 0, 0])
    first, second = by_community(chain, communities)
    assert first.tolist() == [[4, 3], [2, 1]]
    assert second.tolist() == [[6], [5]]
    order = community_order(chain, communities)
    assert [layer.tolist() for layer in order] == [[1, 0], [1, 0], [0]]


def test_neurons_of_one_community_stay_in_their_order():
    chain = [np.arange(100.0).reshape(50, 2)]
    (ordered,) = by_community(chain, np.arange(52) % 2)
    assert ordered[:, 0].tolist() == [*range(0, 100, 4), *range(2, 100, 4)]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_arrays_of_a_chain_are_its_numbers_whatever_their_precision_and_gradient(dtype):
    W = torch.tensor([[0.5, -2.0]], dtype=dtype, requires_grad=True)
    for array in arrays_of([W, W.detach()]):
        assert array.tolist() == [[0.5, -2.0]]
        assert array.dtype == np.float64


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


@given(st.lists(st.integers(0, 5), min_size=1))
def test_communities_are_numbered_in_order_of_appearance(labels):
    numbers = in_order_of_appearance(labels).tolist()
    names = list(dict.fromkeys(labels))
    assert numbers == [names.index(label) for label in labels]
