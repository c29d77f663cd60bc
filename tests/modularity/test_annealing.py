"""The search for communities against all partitions, and against another library's search."""

from itertools import pairwise
from pathlib import Path

import igraph as ig
import leidenalg
import numpy as np
import pytest
import torch
from strategies import random_chain

from modlib.batch import storage
from modlib.chain import weights
from modlib.modularity import annealing
from modlib.modularity.annealing import search
from modlib.modularity.communities import between, layers_of
from modlib.modularity.gauge import chained
from modlib.modularity.nulls import permuted

CHECKED = pytest.mark.usefixtures("_types_are_checked")
RESULTS = Path(__file__).parents[2] / "results"


def found_in(chain, restarts=5, seed=0, ends=None):
    """Q and the communities of one network."""
    layers = layers_of([torch.as_tensor(W).abs()[None] for W in chain], ends or chained(len(chain)))
    q, labels = search(layers, restarts, [seed])
    return float(q), [layer[0] for layer in labels]


def surplus(chain, ends=None):
    """The matrix whose entries within communities add up to Q, by the definition in loops."""
    ends = ends or chained(len(chain))
    sizes = {}
    for W, (source, target) in zip(chain, ends, strict=True):
        sizes[source], sizes[target] = W.shape
    starts = np.cumsum([0, *(sizes[layer] for layer in sorted(sizes))])
    B = np.zeros((starts[-1], starts[-1]))
    for W, (source, target) in zip(chain, ends, strict=True):
        A = np.abs(np.asarray(W))
        m = A.sum()
        for i in range(A.shape[0]):
            for j in range(A.shape[1]):
                expected = A[i].sum() * A[:, j].sum() / m**2 if m else 0
                B[starts[source] + i, starts[target] + j] += (A[i, j] / m if m else 0) - expected
    return B / len(chain)


def within(B, labels):
    return B[labels[:, None] == labels].sum()


def every_partition(n):
    """All ways to divide n things, as restricted growth strings."""
    found = [[0]]
    for _ in range(n - 1):
        found = [[*labels, new] for labels in found for new in range(max(labels) + 2)]
    return np.array(found)


PARTITIONS = {n: every_partition(n) for n in range(3, 10)}


def small(seed):
    """A random network of three to nine neurons: dense, sparse, or of a few levels."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, rng.integers(2, 5))
    while not 3 <= sizes.sum() <= 9:
        sizes = rng.integers(1, 5, rng.integers(2, 5))
    chain = [np.abs(rng.normal(size=shape)) for shape in pairwise(sizes)]
    if seed % 3 == 1:
        chain = [W * (rng.random(W.shape) < 0.6) for W in chain]
    if seed % 3 == 2:
        chain = [np.round(2 * W) for W in chain]
    return chain


@pytest.mark.parametrize("seed", range(100))
def test_it_finds_the_best_of_all_partitions_of_up_to_nine_neurons(seed):
    chain = small(seed)
    B = surplus(chain)
    every = PARTITIONS[len(B)]
    best = max(
        ((part[:, :, None] == part[:, None]) * B).sum((1, 2)).max()
        for part in np.array_split(every, len(every) // 5000 + 1)
    )
    q, labels = found_in(chain)
    assert q == pytest.approx(best, abs=1e-12)
    assert q == pytest.approx(within(B, torch.cat(labels).numpy()), abs=1e-12)


RING = [(0, 1), (1, 2), (0, 2), (2, 2)]
"""A skip from the first layer to the third, which leads to itself."""


@CHECKED
@pytest.mark.parametrize("seed", range(10))
def test_it_finds_the_best_in_networks_with_skips_and_loops(seed):
    rng = np.random.default_rng(seed)
    chain = [np.abs(rng.normal(size=shape)) for shape in ((2, 3), (3, 3), (2, 3), (3, 3))]
    B = surplus(chain, RING)
    every = PARTITIONS[8]
    best = ((every[:, :, None] == every[:, None]) * B).sum((1, 2)).max()
    q, labels = found_in(chain, ends=RING)
    assert q == pytest.approx(best, abs=1e-12)
    assert q == pytest.approx(within(B, torch.cat(labels).numpy()), abs=1e-12)


@CHECKED
def test_surplus_between_communities_is_that_of_the_definition():
    chain = random_chain(4, 5, 3)
    layers = layers_of([W.abs()[None] for W in chain], chained(2))
    labels = [torch.tensor([0, 1, 2, 0]), torch.tensor([1, 1, 0, 2, 0]), torch.tensor([2, 0, 1])]
    B, joined = surplus(chain), torch.cat(labels).numpy()
    (M,) = between(layers, [layer[None, :, None] for layer in labels], 3)[0]
    both = B + B.T
    expected = [[both[joined == a][:, joined == b].sum() for b in range(3)] for a in range(3)]
    assert M.numpy() == pytest.approx(np.array(expected), abs=1e-12)


@CHECKED
def test_more_communities_than_at_first_are_found():
    # 40 pairs that lead to pairs: as many communities, far more than a search begins with
    block = torch.block_diag(*[torch.ones(2, 2).double()] * 40)
    q, labels = found_in([block, block])
    assert q == pytest.approx(1 - 1 / 40)
    assert len(torch.cat(labels).unique()) == 40 > annealing.COMMUNITIES


@CHECKED
def test_what_is_found_does_not_depend_on_the_other_networks_of_a_batch():
    stack = random_chain(12, 10, 8, stack=(3,))
    sparse = torch.rand(12, 10, generator=torch.Generator().manual_seed(0)) < 0.15
    stack[0][1] *= sparse  # one that needs more communities
    layers = layers_of([W.abs() for W in stack], chained(2))
    q, labels = search(layers, 3, [5, 6, 5])
    for n, seed in enumerate([5, 6, 5]):
        alone, of_alone = found_in([W[n] for W in stack], 3, seed)
        assert alone == q[n]
        assert all(torch.equal(a, b[n]) for a, b in zip(of_alone, labels, strict=True))


def test_no_global_seed_is_read_or_set():
    chain = random_chain(12, 10, 8)
    torch.manual_seed(1)
    first = found_in(chain)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(after, torch.rand(1))
    torch.manual_seed(2)
    assert found_in(chain)[0] == first[0]


def by_leiden(chain, searches):
    """The largest Q that leidenalg finds: between two layers directed modularity is Barber's."""
    starts = np.cumsum([0, *(len(W) for W in chain), chain[-1].shape[1]])
    B, graphs = np.zeros((starts[-1], starts[-1])), []
    for depth, W in enumerate(chain):
        A = W.numpy() / W.sum().item()
        (u, v), place = np.nonzero(A), starts[depth : depth + 3]
        edges = np.c_[u + place[0], v + place[1]]
        graphs.append(ig.Graph(int(starts[-1]), edges.tolist(), directed=True))
        graphs[-1].es["weight"] = A[u, v].tolist()
        expected = np.outer(A.sum(1), A.sum(0))
        B[place[0] : place[1], place[1] : place[2]] = (A - expected) / len(chain)
    found = [
        leidenalg.find_partition_multiplex(
            graphs,
            leidenalg.ModularityVertexPartition,
            weights="weight",
            seed=seed,
            n_iterations=-1,
        )[0]
        for seed in range(searches)
    ]
    return max(within(B, np.array(labels)) for labels in found)


TRAINED = [
    *("two_digits-none", "two_digits-l1", "two_digits-l2", "two_digits-walk_loops"),
    *("two_digits-soft_modularity", "mnist-none", "mnist-l1", "mnist-soft_modularity"),
]


@pytest.mark.slow
def test_it_finds_as_much_as_leiden_on_trained_and_random_networks_and_their_nulls():
    networks = [
        [W[0].detach().abs().double() for W in weights(stack.network)]
        for name in TRAINED
        for stack in storage.read(RESULTS / "networks" / f"{name}.safetensors").values()
    ]
    networks += [[W.abs() for W in random_chain(128, 48, 48, 20)]]
    generator = torch.Generator().manual_seed(0)
    networks += [permuted(chain, generator) for chain in networks]
    large = [W.abs() for W in random_chain(784, 256, 256, 10)]
    more = [found_in(chain)[0] - by_leiden(chain, 5) for chain in networks]
    more.append(found_in(large)[0] - by_leiden(large, 1))
    # so that an excess is not biased, nulls are searched as well as what they are held against
    assert np.mean(more[: len(TRAINED)]) > -1e-3
    assert np.mean(more[len(TRAINED) :]) > -1e-3
    assert min(more) > -5e-3
