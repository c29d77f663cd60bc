"""What null networks keep, and what they leave to chance."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import NONZERO, blocks, chains, random_chain

from modlib.modularity.nulls import permuted, same_strengths

NULLS = pytest.mark.parametrize("null", [permuted, same_strengths])


def generator(seed):
    return torch.Generator().manual_seed(seed)


def absolute(chain):
    return [W.abs() for W in chain]


def heavy_tailed(*shape, seed=0, share=1.0):
    """Weights as of a trained network: of random size over decades, a share of them not zero."""
    torch.manual_seed(seed)
    return torch.randn(shape).double().mul(2).exp() * (torch.rand(shape) < share)


@given(chains(depth=3), st.integers(0, 9))
def test_permuting_keeps_the_weights_of_each_matrix(chain, seed):
    chain = absolute(chain)
    before = [W.clone() for W in chain]
    for W, P, original in zip(chain, permuted(chain, generator(seed)), before, strict=True):
        assert P.shape == W.shape
        assert torch.equal(P.flatten().sort().values, W.flatten().sort().values)
        assert torch.equal(original, W)


def test_permuting_moves_weights_within_and_between_rows():
    (W,) = random_chain(20, 30)
    (P,) = permuted([W], generator(0))
    place = {w.item(): (i, j) for i, row in enumerate(W) for j, w in enumerate(row)}
    ends = torch.tensor([[place[p.item()] for p in row] for row in P])
    # a uniform draw keeps a weight's row once in 20 times, its column once in 30
    same_row = (ends[..., 0] == torch.arange(20)[:, None]).double().mean()
    same_column = (ends[..., 1] == torch.arange(30)).double().mean()
    assert abs(same_row - 1 / 20) < 0.05
    assert abs(same_column - 1 / 30) < 0.04


def test_every_order_is_as_likely():
    W = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    source, counts = generator(0), {}
    for _ in range(2400):
        (P,) = permuted([W], source)
        order = tuple(P.flatten().tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 24
    # a hundred each; the chance that one of 24 lies 40 off is below 2 in a thousand
    assert all(60 < count < 140 for count in counts.values())


@pytest.mark.usefixtures("_types_are_checked")
@NULLS
def test_each_null_differs(null):
    chain, source = absolute(random_chain(4, 5)), generator(0)
    assert not torch.equal(null(chain, source)[0], null(chain, source)[0])


@NULLS
@given(chain=chains(depth=2, largest=5), seed=st.integers(0, 9))
def test_neurons_without_weight_stay_without(null, chain, seed):
    chain = absolute(chain)
    for W, P in zip(chain, null(chain, generator(seed)), strict=True):
        assert P.isfinite().all()
        assert (P >= 0).all()
        assert not P[~W.any(1)].any()
        assert not P[:, ~W.any(0)].any()


def strengths(W):
    return W.sum(0), W.sum(1)


@given(chains(depth=2, entries=NONZERO), st.integers(0, 9))
def test_the_strength_of_each_neuron_towards_each_side_is_kept(chain, seed):
    chain = absolute(chain)
    for W, P in zip(chain, same_strengths(chain, generator(seed)), strict=True):
        assert (P > 0).all()
        for kept, given_ in zip(strengths(P), strengths(W), strict=True):
            assert torch.allclose(kept, given_, rtol=1e-6)


@pytest.mark.usefixtures("_types_are_checked")
@pytest.mark.parametrize(("share", "seed"), [(1.0, 0), (0.6, 1), (0.6, 2)])
def test_strengths_and_the_number_of_weights_of_trained_layers_are_kept(share, seed):
    W = heavy_tailed(30, 40, seed=seed, share=share)
    (P,) = same_strengths([W], generator(seed))
    assert (P > 0).sum() == (W > 0).sum()
    columns, rows = strengths(P)
    assert torch.allclose(columns, strengths(W)[0], rtol=1e-12)
    # the rows' turn comes before the columns', so that a small error is left in them
    assert torch.allclose(rows, strengths(W)[1], rtol=1e-3)


def interactions(W):
    """What is left of log W without a factor per row and per column."""
    logs = W.log()
    return logs - logs.mean(0) - logs.mean(1)[:, None] + logs.mean()


def test_at_one_strength_the_weights_are_those_of_the_even_matrix_permuted():
    W = heavy_tailed(20, 30)
    even = W
    for _ in range(2000):
        even = even / even.sum(1, keepdim=True)
        even = even / even.sum(0)
    (P,), (shuffled,) = same_strengths([W], generator(3)), permuted([even], generator(3))
    assert torch.allclose(interactions(P), interactions(shuffled), atol=1e-4)


def test_strengths_alone_make_no_difference():
    W = heavy_tailed(20, 30)
    loud = W * heavy_tailed(20, 1, seed=1) * heavy_tailed(1, 30, seed=2)
    (P,), (L,) = same_strengths([W], generator(3)), same_strengths([loud], generator(3))
    assert torch.allclose(interactions(P), interactions(L), atol=1e-4)


def test_a_matrix_of_equal_weights_is_left_alone():
    W = torch.full((6, 9), 0.7).double()
    (P,) = same_strengths([W], generator(0))
    assert torch.allclose(P, W, rtol=1e-12)


def test_who_is_wired_to_whom_is_left_to_chance():
    W = blocks(2, 15, depth=1)[0] + 0.01
    source = generator(0)
    (first,), (second,) = same_strengths([W], source), same_strengths([W], source)
    assert not torch.equal(first, second)
    # blocks hold 99 % of the weight before, and half of it, as they do of the pairs, after
    within = [float(P[:15, :15].sum() + P[15:, 15:].sum()) / W.sum() for P in (W, first, second)]
    assert within[0] > 0.98
    assert within[1:] == pytest.approx([0.5, 0.5], abs=0.1)
