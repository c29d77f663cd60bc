"""Closed forms and bounds against search, enumeration and hand-computed cases."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from strategies import random_chain

from modlib import loop_penalty, walk_loop_sum
from modlib.modularity.measure import modularity
from modlib.study.theory import (
    best_scale_penalty,
    block_chain,
    descend,
    descent_table,
    effective_rank,
    loop_optimum,
    module_count,
)

WIDTHS = st.lists(st.integers(1, 5), min_size=3, max_size=5)


def test_square_chain_by_hand():
    # one clique of weights 1/2: M = 24^4 / 16, so -sqrt(M) = -144; the decay adds 2 * 576 / 16
    optimum = loop_optimum([24, 24, 24])
    assert optimum.penalty == pytest.approx(-72, rel=1e-12)
    assert optimum.magnitudes == pytest.approx([0.5, 0.5], rel=1e-12)


@pytest.mark.parametrize(("widths", "decay"), [([2, 3, 2], 1.0), ([2, 2, 3, 1], 0.5)])
def test_no_search_finds_less_than_the_minimum_and_the_best_finds_it(widths, decay):
    shapes = list(pairwise(widths))

    def penalty(flat):
        parts = np.split(flat, np.cumsum([a * b for a, b in shapes])[:-1])
        chain = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        loops = sum(np.square(W @ V).sum() for W, V in pairwise(chain))
        return decay * np.sum(flat**4) - np.sqrt(loops)

    rng = np.random.default_rng(0)
    n_weights = sum(a * b for a, b in shapes)
    found = min(minimize(penalty, rng.normal(size=n_weights)).fun for _ in range(20))
    # BFGS stops where its finite differences end, at about 1e-8 of the value
    assert found == pytest.approx(loop_optimum(widths, decay).penalty, rel=1e-6)


@given(WIDTHS, st.floats(0.1, 10), st.integers(0, 1000))
def test_one_clique_takes_the_minimum_whatever_its_signs(widths, decay, seed):
    generator = torch.Generator().manual_seed(seed)
    signs = [torch.randint(2, (n,), generator=generator).double() * 2 - 1 for n in widths]
    optimum = loop_optimum(widths, decay)
    chain = [
        w * torch.outer(s, t) for w, (s, t) in zip(optimum.magnitudes, pairwise(signs), strict=True)
    ]
    assert loop_penalty(chain, decay).item() == pytest.approx(optimum.penalty, rel=1e-9)
    assert [effective_rank(W).item() for W in chain] == pytest.approx([1] * len(chain))


@given(WIDTHS, st.integers(0, 1000))
def test_no_chain_scores_less_than_the_minimum(widths, seed):
    chain = random_chain(*widths, seed=seed)
    assert best_scale_penalty(chain).item() >= loop_optimum(widths).penalty * (1 + 1e-12)


@pytest.mark.parametrize("widths", [[24, 24], [24, 0, 24]])
def test_widths_without_loops_are_refused(widths):
    with pytest.raises(ValueError, match="three widths or more"):
        loop_optimum(widths)


def test_without_decay_there_is_no_minimum():
    with pytest.raises(ValueError, match="decay > 0"):
        loop_optimum([2, 2, 2], decay=0.0)


@given(WIDTHS, st.floats(0.1, 10), st.integers(0, 1000))
def test_best_scale_against_a_search_over_scales(widths, decay, seed):
    chain = random_chain(*widths, seed=seed)
    search = minimize_scalar(
        lambda log_scale: loop_penalty([np.exp(log_scale) * W for W in chain], decay).item(),
        bounds=(-6, 6),
        method="bounded",
        options={"xatol": 1e-7},
    )
    assert best_scale_penalty(chain, decay).item() == pytest.approx(search.fun, rel=1e-6)


@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 6])
def test_equal_blocks_score_one_over_their_number_squared(blocks):
    widths = [12, 24, 12]
    together = best_scale_penalty(block_chain(widths, blocks)).item()
    alone = best_scale_penalty(block_chain([w // blocks for w in widths], 1)).item()
    assert together == pytest.approx(loop_optimum(widths).penalty / blocks**2, rel=1e-12)
    assert alone == pytest.approx(together, rel=1e-12)


def test_block_chain_by_hand():
    W, V = block_chain([2, 4, 2], 2, background=0.5)
    assert W.tolist() == [[1, 1, 0.5, 0.5], [0.5, 0.5, 1, 1]]
    assert V.tolist() == [[1, 0.5], [1, 0.5], [0.5, 1], [0.5, 1]]


@pytest.mark.parametrize(("widths", "blocks"), [([4, 6, 4], 4), ([4, 4], 0)])
def test_blocks_that_do_not_divide_the_widths_are_refused(widths, blocks):
    with pytest.raises(ValueError, match="multiples"):
        block_chain(widths, blocks)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 1000))
def test_effective_rank_against_singular_values(n_in, n_out, seed):
    W = torch.randn(n_in, n_out, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    s = np.linalg.svd(W.numpy(), compute_uv=False)
    assert effective_rank(W).item() == pytest.approx((s**2).sum() ** 2 / (s**4).sum(), rel=1e-9)
    assert effective_rank(-3 * W).item() == pytest.approx(effective_rank(W).item(), rel=1e-9)


def test_effective_rank_of_a_stack_of_known_matrices():
    stack = torch.stack([torch.eye(3), torch.ones(3, 3), torch.diag(torch.tensor([1.0, 1.0, 0.0]))])
    assert effective_rank(stack).tolist() == [3, 1, 2]


@given(WIDTHS, st.integers(0, 1000), st.integers(1, 8))
def test_walk_loops_are_at_most_a_quarter_of_the_hidden_neurons(widths, seed, power):
    chain = [W.pow(power) for W in random_chain(*widths, seed=seed)]
    assert -1e-12 <= walk_loop_sum(chain).item() <= sum(widths[1:-1]) / 4 + 1e-12


@pytest.mark.parametrize("pairs", [1, 2, 5])
def test_pairs_with_any_shared_weights_reach_the_bound(pairs):
    generator = torch.Generator().manual_seed(pairs)
    each = [torch.rand(3, 1, generator=generator).expand(3, 2) for _ in range(pairs)]
    W = torch.block_diag(*each).double()
    V = torch.block_diag(*(torch.rand(1, 2, generator=generator).expand(2, 2),) * pairs).double()
    assert walk_loop_sum([W, V]).item() == pytest.approx(2 * pairs / 4, rel=1e-6)


@given(st.integers(2, 6), st.integers(0, 1000))
def test_one_clique_is_a_local_maximum_of_walk_loops(width, seed):
    clique = block_chain([width] * 3, 1)
    noise = random_chain(width, width, width, seed=seed)
    near = [W + 1e-3 * E for W, E in zip(clique, noise, strict=True)]
    best = walk_loop_sum(clique).item()
    assert best == pytest.approx(1 - 1 / width, rel=1e-12)
    assert walk_loop_sum(near).item() < best


@given(WIDTHS, st.integers(0, 1000))
def test_gradient_descent_on_squares_shrinks_at_the_known_rate(widths, seed):
    chain = random_chain(*widths, seed=seed)
    before = [W.clone() for W in chain]
    kept = descend(
        lambda c: sum(W.square().sum() for W in c),
        chain,
        steps=5,
        optimiser=partial(torch.optim.SGD, lr=0.1),
        snapshots=[0, 2],
    )
    assert list(kept) == [0, 2, 5]
    for step, now in kept.items():
        for W, start, given_chain in zip(now, before, chain, strict=True):
            assert torch.allclose(W, 0.8**step * start, rtol=1e-12)
            assert torch.equal(given_chain, start)


def test_descent_ends_in_the_minimum_of_the_loop_penalty():
    widths = [3, 4, 2]
    stack = random_chain(*widths, stack=(3,))
    adam = partial(torch.optim.Adam, lr=0.03)
    (last,) = descend(loop_penalty, stack, steps=1_000, optimiser=adam).values()
    optimum = loop_optimum(widths).penalty
    assert loop_penalty(last).tolist() == pytest.approx([optimum] * 3, rel=1e-4)


def test_snapshots_beyond_the_last_step_are_refused():
    with pytest.raises(ValueError, match="from 0 to 3"):
        descend(loop_penalty, block_chain([2, 2, 2], 1), 3, torch.optim.SGD, snapshots=[4])


@pytest.mark.parametrize("blocks", [1, 2, 3, 6])
def test_separate_blocks_are_counted(blocks):
    assert module_count(block_chain([6, 12, 18, 6], blocks)).item() == pytest.approx(blocks)


@given(WIDTHS, st.integers(0, 1000))
def test_module_count_against_degrees_taken_by_hand(widths, seed):
    chain = random_chain(*widths, seed=seed)
    product_of_layers = np.eye(widths[0])
    for W in (np.abs(W.numpy()) for W in chain):
        rows, columns = np.diag(W.sum(1) ** -0.5), np.diag(W.sum(0) ** -0.5)
        product_of_layers = product_of_layers @ rows @ W @ columns
    expected = np.linalg.norm(product_of_layers) ** 2
    assert module_count(chain).item() == pytest.approx(expected, rel=1e-9)


def test_descent_table_says_of_each_network_what_it_would_say_of_it_alone():
    stack = random_chain(4, 6, 4, stack=(3,))
    passed = {0: stack, 7: [2 * W for W in stack]}
    table = descent_table(passed, loop_penalty)
    assert table.step.tolist() == [0] * 3 + [7] * 3
    assert table.network.tolist() == [0, 1, 2] * 2
    chain = [2 * W[1] for W in stack]
    row = table.iloc[4]
    assert row.penalty == pytest.approx(loop_penalty(chain).item())
    assert row["rank"] == pytest.approx(np.mean([effective_rank(W).item() for W in chain]))
    assert row.walk_loops == pytest.approx(walk_loop_sum(chain).item())
    assert row.modules == pytest.approx(module_count(chain).item())
    alone = modularity(chain, nulls=5, restarts=1)
    assert (row.q, row.q_null_mean, row.excess) == (alone.q, alone.null_mean, alone.excess)


@given(st.integers(2, 8), st.floats(0, 2), st.integers(0, 1000))
def test_below_the_threshold_no_layer_of_equal_degrees_beats_one_clique(n, unevenness, seed):
    W, V = (1 + unevenness * E.abs() for E in random_chain(n + 1, n, n + 2, seed=seed))
    W, V = W / W.sum(0), V / V.sum(1, keepdim=True)
    A, B = W.numpy(), V.numpy()
    first = A / np.sqrt(np.outer(A.sum(1), A.sum(0)))
    second = B / np.sqrt(np.outer(B.sum(1), B.sum(0)))
    tau = max(np.linalg.svd(N, compute_uv=False)[1] for N in (first, second))
    assume(tau**2 <= 2 / n)
    assert walk_loop_sum([W, V]).item() <= 1 - 1 / n + 1e-12
