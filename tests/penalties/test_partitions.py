"""Cuts against dense eigenvalues, blocks and Q against loops and networkx."""

from dataclasses import replace
from itertools import pairwise, product

import networkx as nx
import numpy as np
import pytest
import scipy
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import blocks as blocks_of_ones
from strategies import chains, random_chain, with_modules

from modlib.chain import layer_degrees
from modlib.graphs import neuron_graph
from modlib.modularity.agreement import NO_MODULE
from modlib.penalties.partitions import (
    BlockFraction,
    Cut,
    SoftModularity,
    blocks,
    joined,
    smallest_eigenvectors,
)
from modlib.tasks.retina import retina

TASK = retina()
# an even and an odd number of layers, more neurons in the even ones, in the odd ones, too few
SHAPES = [
    (6, 5), (5, 9), (8, 6, 4), (4, 12, 3), (8, 6, 5, 2), (3, 7, 7, 8), (7, 3, 8, 6, 5),
    (8, 3, 2), (8, 1, 2), (2, 9, 2), (1, 7),
]  # fmt: skip


def adjacency(chain):
    return neuron_graph([W.detach().numpy() for W in chain]).toarray()


def laplacian(chain):
    """1 - D^(-1/2) A D^(-1/2) of all neurons, differentiably, from the upper triangle on."""
    sizes = [chain[0].shape[0], *(W.shape[1] for W in chain)]
    rows = []
    for depth, n in enumerate(sizes):
        row = [torch.zeros(n, m, dtype=chain[0].dtype) for m in sizes]
        if depth > 0:
            row[depth - 1] = chain[depth - 1].abs().T
        if depth < len(chain):
            row[depth + 1] = chain[depth].abs()
        rows.append(torch.cat(row, dim=1))
    A = torch.cat(rows)
    degrees = A.sum(1)
    return torch.eye(len(A)).to(A) - A / torch.outer(degrees, degrees).sqrt()


def mean_of_smallest(chain, k):
    """Mean of the k smallest eigenvalues of the dense Laplacian, the zero left out."""
    A = adjacency(chain)
    degrees = A.sum(0)
    roots = np.where(degrees > 0, degrees.clip(1e-300) ** -0.5, 0)
    L = np.eye(len(A)) - roots[:, None] * A * roots
    return scipy.linalg.eigvalsh(L)[1 : k + 1].mean()


@given(chains(depth=3))
def test_degrees_are_the_row_sums_of_the_graph(chain):
    assert torch.cat(layer_degrees(chain)).tolist() == adjacency(chain).sum(1).tolist()


def test_degrees_of_one_layer_are_its_row_and_column_sums():
    (W,) = random_chain(3, 2)
    inputs, outputs = layer_degrees([W])
    assert torch.equal(inputs, W.abs().sum(1))
    assert torch.equal(outputs, W.abs().sum(0))


@pytest.mark.parametrize("sizes", SHAPES)
@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_cut_is_the_mean_of_the_smallest_eigenvalues_of_the_dense_laplacian(sizes, k):
    chain = random_chain(*sizes, stack=(3,))
    for n, value in enumerate(Cut(k)(chain)):
        assert value.item() == pytest.approx(mean_of_smallest([W[n] for W in chain], k), abs=1e-9)


@given(st.integers(2, 4).flatmap(lambda depth: chains(depth, largest=5)), st.integers(1, 4))
def test_the_cut_of_networks_with_zeros_is_that_of_the_dense_laplacian(chain, k):
    sizes = [chain[0].shape[0], *(W.shape[1] for W in chain)]
    if max(sum(sizes[0::2]), sum(sizes[1::2])) > k:
        # where an eigenvalue is 1, what belongs to it is known to the root of 1e-12
        assert Cut(k)(chain).item() == pytest.approx(mean_of_smallest(chain, k), abs=1e-5)


@pytest.mark.parametrize("sizes", SHAPES[:7])
def test_eigenvectors_are_those_of_the_dense_laplacian(sizes):
    k = 2
    chain = random_chain(*sizes)
    y = torch.cat(smallest_eigenvectors(chain, k))
    degrees = torch.tensor(adjacency(chain).sum(0))
    x = y * degrees.sqrt()[:, None]
    L = laplacian(chain)
    values = torch.linalg.eigvalsh(L)
    torch.testing.assert_close(L @ x, x * values[1 : k + 1].flip(0))
    # each side has a norm of 1; they are orthogonal to each other and to the trivial one
    torch.testing.assert_close(x.T @ x, 2 * torch.eye(k).to(x), atol=1e-9, rtol=0)
    torch.testing.assert_close(degrees.sqrt() @ x, torch.zeros(k).to(x), atol=1e-9, rtol=0)


@pytest.mark.parametrize("sizes", SHAPES[:7])
@pytest.mark.parametrize("k", [1, 2])
def test_the_gradient_of_the_cut_is_that_of_the_eigenvalues(sizes, k):
    chain = [W.requires_grad_() for W in random_chain(*sizes, stack=(2,))]
    found = torch.autograd.grad(Cut(k, every=1)(chain).sum(), chain)
    for n in range(2):
        alone = [W[n].detach().requires_grad_() for W in chain]
        exact = torch.linalg.eigvalsh(laplacian(alone))[1 : k + 1].mean()
        for a, b in zip(found, torch.autograd.grad(exact, alone), strict=True):
            torch.testing.assert_close(a[n], b, atol=1e-9, rtol=1e-6)


def test_the_gradient_of_the_cut_agrees_with_finite_differences():
    chain = [W.requires_grad_() for W in random_chain(5, 4, 4, 2, stack=(2,))]
    cut = Cut(k=2, every=1)
    assert torch.autograd.gradcheck(lambda *chain: cut(chain), chain)


@pytest.mark.parametrize(("n_blocks", "k", "expected"), [(5, 4, 0), (4, 4, 1 / 4), (2, 2, 1 / 2)])
def test_a_network_in_more_parts_than_eigenvalues_has_no_cut(n_blocks, k, expected):
    # a block of equal weights has the eigenvalues 0 and, beyond that, 1
    chain = blocks_of_ones(n_blocks, 3)
    assert Cut(k)(chain).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 7.0])
def test_the_scale_and_signs_of_weights_do_not_matter_to_the_cut(scale):
    chain = random_chain(8, 6, 5, 2)
    torch.testing.assert_close(Cut()([-scale * W for W in chain]), Cut()(chain))


def ratio(chain, y, k):
    """The mean over y of sum_ij |w_ij| (y_i - y_j)^2 / sum_i d_i y_i^2, edge by edge."""
    A, y = adjacency(chain), torch.cat(y).numpy()
    n = len(A)
    total = 0
    for v in y.T:
        across = sum(A[i, j] * (v[i] - v[j]) ** 2 for i in range(n) for j in range(i))
        total += across / sum(A[i].sum() * v[i] ** 2 for i in range(n))
    return total / k


@pytest.mark.parametrize("every", [1, 2, 3])
def test_between_refreshes_the_cut_is_the_ratio_at_the_last_vectors(every):
    k = 2
    cut = Cut(k, every)
    steps = [[W[None] for W in random_chain(8, 6, 5, 2, seed=seed)] for seed in range(7)]
    for step, chain in enumerate(steps):
        alone = [W[0] for W in chain]
        with torch.no_grad():
            # looking is exact and does not count as a step
            assert cut(chain).item() == pytest.approx(mean_of_smallest(alone, k), abs=1e-9)
        last = [W[0] for W in steps[step - step % every]]
        expected = ratio(alone, smallest_eigenvectors(last, k), k)
        assert cut(chain).item() == pytest.approx(expected, abs=1e-9)
        is_exact = abs(expected - mean_of_smallest(alone, k)) < 1e-9
        assert is_exact == (step % every == 0)


def test_the_estimate_errs_by_the_square_of_the_change_in_the_weights():
    chain, change = random_chain(8, 6, 5, 2), random_chain(8, 6, 5, 2, seed=1)
    errors = []
    for size in (1e-3, 1e-4):
        cut = Cut(k=2)
        cut(chain)
        moved = [W + size * C for W, C in zip(chain, change, strict=True)]
        errors.append(abs(cut(moved).item() - mean_of_smallest(moved, 2)))
    assert errors[0] < 1e-4
    assert errors[1] < errors[0] / 50


def test_descending_the_cut_divides_a_network():
    chain = [W.requires_grad_() for W in random_chain(8, 10, 4, stack=(2,), dtype=torch.float32)]
    optimiser, cut = torch.optim.Adam(chain, lr=0.02), Cut(k=1, every=5)
    with torch.no_grad():
        before = cut(chain)
    for _ in range(100):
        optimiser.zero_grad()
        cut(chain).sum().backward()
        optimiser.step()
    with torch.no_grad():
        after = cut(chain)
    assert (before > 0.4).all()
    assert (after < 0.1).all()


@pytest.mark.parametrize(("sizes", "k"), [((3, 4, 1), 4), ((2, 2), 2), ((1, 1), 1)])
def test_fewer_neurons_than_eigenvectors_are_refused(sizes, k):
    even, odd = sum(sizes[0::2]), sum(sizes[1::2])
    with pytest.raises(ValueError, match=f"{k} eigenvectors need more .* got {even} and {odd}"):
        Cut(k)(random_chain(*sizes))


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        # the retina's two sides
        ([0, 0, 1, 1], [0, 1], [[0, 0, 1, 1], [0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1], [0, 1]]),
        # three modules, an input of none
        ([0, -1, 1, 2], [0, 2], [[0, -1, 1, 2], [0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2], [0, 2]]),
        # no module known: halves
        ([-1] * 4, [-1] * 2, [[0, 0, 1, 1], [0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1], [0, 1]]),
    ],
)
def test_blocks_are_the_tasks_modules_and_equal_parts_of_hidden_layers(inputs, outputs, expected):
    found = blocks(with_modules(TASK, inputs, outputs), (4, 5, 6, 2))
    assert [layer.tolist() for layer in found] == expected


def test_without_a_task_every_layer_is_split_in_two():
    expected = [[0, 0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1]]
    assert [layer.tolist() for layer in blocks(None, (5, 4, 3))] == expected


@pytest.mark.parametrize("modules", [[0, 0, 1, 1], [NO_MODULE] * 4])
def test_dead_inputs_lie_within_no_block(modules):
    task = replace(with_modules(TASK, modules, [0, 1]), live=np.array([True, False, True, True]))
    widths = (4, 6, 2)
    first, *_ = joined(blocks(task, widths))
    assert not first[1].any()
    assert first[[0, 2, 3]].any(1).all()
    chain = [torch.zeros(1, 4, 6), torch.ones(1, 6, 2)]
    chain[0][0, 1] = 1.0
    # all of the first layer lies outside the blocks, and half of the second
    assert BlockFraction(task, widths)(chain) == 0.75


MODULES = st.lists(st.sampled_from([NO_MODULE, 0, 1, 2]), min_size=1, max_size=5)


@given(st.lists(MODULES, min_size=2, max_size=4))
def test_connections_within_a_module_or_of_no_module_are_joined(modules):
    masks = joined([np.array(layer) for layer in modules])
    for mask, (here, there) in zip(masks, pairwise(modules), strict=True):
        expected = [[a == b or NO_MODULE in (a, b) for b in there] for a in here]
        assert mask.tolist() == expected


def test_the_block_fraction_is_the_share_of_squares_between_blocks_averaged_over_layers():
    widths = (8, 5, 6, 2)
    chain = random_chain(*widths, stack=(2,))
    modules = blocks(TASK, widths)
    for n, value in enumerate(BlockFraction(TASK, widths)(chain)):
        shares = []
        for W, (here, there) in zip(chain, pairwise(modules), strict=True):
            squares = {(i, j): W[n, i, j].item() ** 2 for i, j in product(*map(range, W[n].shape))}
            between = sum(square for (i, j), square in squares.items() if here[i] != there[j])
            shares.append(between / sum(squares.values()))
        assert value.item() == pytest.approx(np.mean(shares), rel=1e-6)


def test_the_block_fraction_is_0_of_blocks_and_1_of_what_lies_between_them():
    widths = (8, 4, 2)
    penalty = BlockFraction(TASK, widths)
    chain = random_chain(8, 4, 2, stack=(1,), dtype=torch.float32)
    masks = joined(blocks(TASK, widths))
    within = [W * mask for W, mask in zip(chain, masks, strict=True)]
    between = [W * ~mask for W, mask in zip(chain, masks, strict=True)]
    assert penalty(within).item() == pytest.approx(0, abs=1e-6)
    assert penalty(between) == 1


def test_gradients_of_the_block_fraction_agree_with_finite_differences():
    chain = [W.requires_grad_() for W in random_chain(8, 3, 2, stack=(2,))]
    penalty = BlockFraction(TASK, (8, 3, 2))
    assert torch.autograd.gradcheck(lambda *chain: penalty(chain), chain)


@given(chains(depth=2), st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_soft_modularity_of_a_hard_assignment_is_that_of_networkx(chain, labels):
    A = adjacency(chain)
    labels = np.array(labels[: len(A)])
    sizes = (chain[0].shape[0], *(W.shape[1] for W in chain))
    penalty = SoftModularity(sizes, [0], communities=3)
    with torch.no_grad():
        penalty.logits.copy_(1e3 * torch.eye(3)[torch.tensor(labels)])
    value = penalty([W[None] for W in chain]).item()
    if not A.any():
        assert value == 0
    else:
        parts = [set(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]
        expected = -nx.community.modularity(nx.from_numpy_array(A), parts)
        assert value == pytest.approx(expected, abs=1e-12)


def test_soft_modularity_equals_its_definition_in_loops():
    sizes = (3, 4, 2)
    chain = random_chain(*sizes, stack=(2,))
    penalty = SoftModularity(sizes, [0, 1], communities=3)
    with torch.no_grad():
        penalty.logits *= 10
    shares = penalty.logits.detach().double().softmax(-1)
    for n, value in enumerate(penalty(chain)):
        A, S = adjacency([W[n] for W in chain]), shares[n].numpy()
        k, two_m = A.sum(1), A.sum()
        q = 0.0
        for u, v in product(range(9), repeat=2):
            q += (A[u, v] - k[u] * k[v] / two_m) / two_m * sum(S[u, c] * S[v, c] for c in range(3))
        assert value.item() == pytest.approx(-q, abs=1e-9)


def test_gradients_of_soft_modularity_agree_with_finite_differences():
    chain = [W.requires_grad_() for W in random_chain(3, 4, 2, stack=(2,))]
    penalty = SoftModularity((3, 4, 2), [0, 1], communities=3).double()
    arguments = [penalty.logits, *chain]
    assert torch.autograd.gradcheck(lambda *_: penalty(chain), arguments)


def test_assignments_start_nearly_even_and_follow_from_a_networks_seed():
    together = SoftModularity((8, 12, 2), [3, 5], communities=4)
    assert together.logits.shape == (2, 22, 4)
    assert not torch.equal(together.logits[0], together.logits[1])
    assert (together.logits.softmax(-1) - 1 / 4).abs().max() < 0.1
    alone = SoftModularity((8, 12, 2), [5], communities=4)
    assert torch.equal(together.logits[1:], alone.logits)


@pytest.mark.parametrize("n_blocks", [2, 4])
def test_learned_assignments_find_the_blocks(n_blocks):
    chain = [W[None].float() for W in blocks_of_ones(n_blocks, 3)]
    size = 3 * n_blocks
    penalty = SoftModularity((size,) * 3, [0], communities=8)
    optimiser = torch.optim.Adam(penalty.parameters(), lr=0.1)
    for _ in range(300):
        optimiser.zero_grad()
        value = penalty(chain).sum()
        value.backward()
        optimiser.step()
    assert value.item() == pytest.approx(-(1 - 1 / n_blocks), abs=0.01)
