"""Wiring lengths and swaps against loops and brute force; communicability against scipy."""

from dataclasses import replace
from itertools import combinations, pairwise, product
from math import dist, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm
from strategies import random_chain

from modlib import train
from modlib.graphs import neuron_graph
from modlib.penalties import PENALTIES
from modlib.penalties.connection_costs import (
    BIMT,
    Communicability,
    ConnectionCost,
    LearnedConnectionCost,
    layer_places,
    sinh,
    spread,
    squared_lengths,
)
from modlib.penalties.penalty import l1_penalty
from modlib.tasks.retina import retina
from modlib.tasks.task import in_rows, on_a_line

TASK = retina()
SIZES = (8, 6, 5, 2)


def cost_of(kind, sizes=SIZES, n_stack=1, task=TASK):
    """A connection cost of networks of these sizes."""
    return kind(task, sizes, *([range(n_stack)] if kind is LearnedConnectionCost else []))


def entries(chain):
    """Every connection of one network: its layer, its ends and its absolute weight."""
    for depth, W in enumerate(chain):
        for (i, j), w in np.ndenumerate(W.detach().numpy()):
            yield depth, i, j, abs(float(w))


def lengths(places):
    """Distance of each pair of neurons in adjacent layers, one unit apart."""
    places = [layer.tolist() for layer in places]
    return {
        (depth, i, j): dist((0, *a), (1, *b))
        for depth, (here, there) in enumerate(pairwise(places))
        for (i, a), (j, b) in product(enumerate(here), enumerate(there))
    }


@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.booleans())
def test_as_many_places_as_asked_for_lie_apart_within_the_inputs_rectangle(
    n, height, width, images, in_one_row
):
    inputs = in_rows(height, width, images)
    places = spread(n, inputs, in_one_row).tolist()
    assert len(places) == n
    assert all(dist(a, b) > 1e-3 for a, b in combinations(places, 2))
    for x, y in places:
        assert -0.5 < x < width * images - 0.5
        assert -0.5 < y < height - 0.5


@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 5))
def test_a_row_runs_evenly_along_the_middle(n, height, width):
    places = spread(n, in_rows(height, width), in_one_row=True)
    expected = [[(i + 0.5) * width / n - 0.5, (height - 1) / 2] for i in range(n)]
    np.testing.assert_allclose(places, expected, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(1, 7), (2, 4), (8, 8), (6, 3)])
def test_as_many_places_as_pixels_are_the_pixels(height, width):
    pixels = in_rows(height, width)
    places = spread(height * width, pixels).tolist()
    assert sorted(places) == pytest.approx(np.array(sorted(pixels.tolist())), abs=1e-6)


def test_layers_lie_where_the_task_and_their_widths_put_them():
    inputs, first, second, outputs = layer_places(TASK, SIZES)
    assert inputs.tolist() == TASK.places.tolist()
    assert torch.equal(first, spread(6, TASK.places))
    assert torch.equal(second, spread(5, TASK.places))
    # the retina is four columns wide and two rows high
    assert outputs.tolist() == [[0.5, 0.5], [2.5, 0.5]]


@pytest.mark.parametrize("stack", [(), (3,), (2, 2)])
def test_squared_lengths_are_those_of_each_pair_of_neurons(stack):
    rng = torch.Generator().manual_seed(0)
    places = [torch.randn(*stack, n, 2, generator=rng) for n in (3, 4, 2)]
    found = squared_lengths(places)
    assert [d.shape for d in found] == [(*stack, 3, 4), (*stack, 4, 2)]
    for index in np.ndindex(stack):
        for (depth, i, j), length in lengths([layer[index] for layer in places]).items():
            assert found[depth][index][i, j].item() == pytest.approx(length**2, rel=1e-5)


def test_places_of_a_stack_and_places_of_all_networks_go_together():
    rng = torch.Generator().manual_seed(0)
    inputs, hidden = torch.randn(3, 2, generator=rng), torch.randn(5, 4, 2, generator=rng)
    for _ in range(20):  # a check of annotations looks at places by chance
        (together,) = squared_lengths([inputs, hidden])
    for n in range(5):
        (alone,) = squared_lengths([inputs, hidden[n]])
        torch.testing.assert_close(together[n], alone)


def connection_cost(chain, places):
    squared = {key: length**2 for key, length in lengths(places).items()}
    mean = np.mean(list(squared.values()))
    return sum(w * squared[depth, i, j] for depth, i, j, w in entries(chain)) / mean


@pytest.mark.parametrize("kind", [ConnectionCost, LearnedConnectionCost])
@pytest.mark.parametrize("sizes", [SIZES, (8, 3, 4, 3, 2), (8, 2)])
def test_connection_cost_is_absolute_weight_by_squared_length(kind, sizes):
    chain = random_chain(*sizes, stack=(2,))
    costs = cost_of(kind, sizes, 2)(chain)
    for n, cost in enumerate(costs):
        expected = connection_cost([W[n] for W in chain], layer_places(TASK, sizes))
        assert cost.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", [ConnectionCost, LearnedConnectionCost])
def test_the_cost_of_equal_weights_is_their_sum(kind):
    chain = [torch.full_like(W, -0.3) for W in random_chain(*SIZES, stack=(1,))]
    torch.testing.assert_close(cost_of(kind)(chain), l1_penalty(chain), rtol=1e-5, atol=0.0)


def test_connection_cost_has_nothing_to_learn():
    assert list(ConnectionCost(TASK, SIZES).parameters()) == []


def test_learned_places_cost_what_their_lengths_say_at_the_first_mean_length():
    chain = random_chain(*SIZES, stack=(2,))
    penalty = LearnedConnectionCost(TASK, SIZES, [0, 1])
    inputs, *hidden, outputs = layer_places(TASK, SIZES)
    first = [length**2 for length in lengths([inputs, *hidden, outputs]).values()]
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in penalty.hidden:
            layer += 0.3 * torch.randn(layer.shape, generator=rng)
    for n, cost in enumerate(penalty(chain)):
        # the inputs' span of four pixels is the unit
        places = [inputs, *(4 * layer[n].detach() for layer in penalty.hidden), outputs]
        total = sum(
            w * lengths(places)[d, i, j] ** 2 for d, i, j, w in entries([W[n] for W in chain])
        )
        assert cost.item() == pytest.approx(total / np.mean(first), rel=1e-5)


def test_gradients_of_learned_places_agree_with_finite_differences():
    penalty = LearnedConnectionCost(TASK, (8, 3, 2, 2), [0, 1]).double()
    chain = [W.requires_grad_() for W in random_chain(8, 3, 2, 2, stack=(2,))]
    places = list(penalty.parameters())
    assert [tuple(p.shape) for p in places] == [(2, 3, 2), (2, 2, 2)]
    assert torch.autograd.gradcheck(lambda *_: penalty(chain), [*places, *chain])


def trained_places(strengths, seeds):
    kept = []

    def make(task, widths, seeds, strengths):
        kept.append(LearnedConnectionCost(task, widths, seeds))
        return kept[0]

    train(
        TASK, PENALTIES["learned_places"]._replace(make=make), strengths, seeds,
        hidden=(6, 5), steps=30, batch_size=16, nulls=2, restarts=1,
    )  # fmt: skip
    return [layer.detach() for layer in kept[0].hidden]


def test_places_are_learned_in_training_by_each_network_for_itself():
    first = LearnedConnectionCost(TASK, SIZES, range(4)).hidden
    together = trained_places([0.0, 0.1], [0, 1])
    for before, after in zip(first, together, strict=True):
        # a cost that does not count moves nothing
        assert torch.equal(before[:2], after[:2])
        assert ((before[2:] - after[2:]).abs() > 0.01).any()
        assert not torch.equal(after[2], after[3])
    for after, alone in zip(together, trained_places([0.1], [1]), strict=True):
        torch.testing.assert_close(after[3], alone[0], atol=1e-3, rtol=0)


def bimt_cost(chain, places):
    return sum(
        w * (abs(float(places[depth][i]) - float(places[depth + 1][j])) + 0.1)
        for depth, i, j, w in entries(chain)
    )


def bimt_places(penalty, n=0):
    return [p[n].numpy().copy() for p in penalty.buffers()]


def best_swaps(depth, chain, places, swapped):
    """Places once the neurons of largest weight have swapped with the best of all partners."""
    importance = np.zeros(len(places[depth]))
    for d, i, j, w in entries(chain):
        if d == depth:
            importance[i] += w
        if d == depth - 1:
            importance[j] += w

    def after(neuron, partner):
        changed = [layer.copy() for layer in places]
        changed[depth][[neuron, partner]] = changed[depth][[partner, neuron]]
        return changed

    for neuron in np.argsort(-importance)[:swapped]:
        choices = [after(neuron, partner) for partner in range(len(importance))]
        places = min(choices, key=lambda choice: bimt_cost(chain, choice))
    return places


def test_bimt_charges_absolute_weight_by_distance_and_a_tenth():
    chain = random_chain(*SIZES, stack=(2,))
    places = [(np.arange(n) + 0.5) / n for n in SIZES]
    for n, cost in enumerate(BIMT(SIZES, [0, 1])(chain)):
        assert cost.item() == pytest.approx(bimt_cost([W[n] for W in chain], places), rel=1e-6)


@pytest.mark.parametrize("sizes", [(6, 7, 3), (3, 6, 4, 2)])
@pytest.mark.parametrize("swapped", [1, 3, 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_each_swap_is_the_best_of_all(sizes, swapped, dtype):
    chain = random_chain(*sizes, stack=(3,), dtype=dtype)
    for depth, n_neurons in enumerate(sizes):
        penalty = BIMT(sizes, range(3), swapped=swapped)
        before = bimt_places(penalty)
        penalty.swap(depth, chain)
        for n in range(3):
            alone = [W[n] for W in chain]
            found, expected = bimt_places(penalty, n), best_swaps(depth, alone, before, swapped)
            for a, b in zip(found, expected, strict=True):
                assert a.tolist() == b.tolist()
            assert sorted(found[depth]) == pytest.approx((np.arange(n_neurons) + 0.5) / n_neurons)
            assert bimt_cost(alone, found) <= bimt_cost(alone, before)


@given(st.integers(0, 10**6), st.lists(st.integers(1, 5), min_size=2, max_size=4))
def test_swaps_move_neurons_about_their_own_layer_and_never_add_to_the_cost(seed, sizes):
    chain = random_chain(*sizes, stack=(2,), seed=seed)
    penalty = BIMT(sizes, [0, 1], every=1)
    with torch.no_grad():
        before = penalty(chain)
    for _ in range(3):
        after = penalty(chain)
        assert (after <= before + 1e-9).all()
        before = after
    for n in range(2):
        for places, size in zip(bimt_places(penalty, n), sizes, strict=True):
            assert sorted(places) == pytest.approx((np.arange(size) + 0.5) / size)


def test_swaps_come_layer_by_layer_before_the_cost_at_every_so_many_steps():
    chain = random_chain(*SIZES, stack=(1,))
    alone = [W[0] for W in chain]
    penalty = BIMT(SIZES, [0], every=3, swapped=2)
    expected = bimt_places(penalty)
    for step in range(1, 8):
        with torch.no_grad():
            penalty(chain)  # looking does not count as a step
        cost = penalty(chain)
        if step % 3 == 0:
            for depth in range(len(SIZES)):
                expected = best_swaps(depth, alone, expected, swapped=2)
        for a, b in zip(bimt_places(penalty), expected, strict=True):
            assert a.tolist() == b.tolist()
        assert cost.item() == pytest.approx(bimt_cost(alone, expected), rel=1e-6)


def test_swaps_undo_a_shuffle_that_wires_each_neuron_to_one_far_away():
    order = torch.randperm(6, generator=torch.Generator().manual_seed(0))
    chain = [torch.eye(6)[order][None]]
    penalty = BIMT((6, 6), [0], every=1)
    for _ in range(3):
        cost = penalty(chain)
    assert cost.item() == pytest.approx(0.6, rel=1e-5)


def test_the_networks_of_a_stack_swap_as_they_do_alone():
    chain = random_chain(*SIZES, stack=(4,), dtype=torch.float32)
    together = BIMT(SIZES, range(4), every=1)
    for _ in range(3):
        together(chain)
    for n in range(4):
        alone = BIMT(SIZES, [0], every=1)
        for _ in range(3):
            alone([W[n : n + 1] for W in chain])
        for a, b in zip(bimt_places(together, n), bimt_places(alone), strict=True):
            assert a.tolist() == b.tolist()


def test_swaps_have_no_gradient_and_the_cost_has_one():
    chain = [W.requires_grad_() for W in random_chain(4, 5, 2, stack=(2,))]
    penalty = BIMT((4, 5, 2), [0, 1], every=1)
    penalty(chain)
    penalty.every = 10**6
    assert torch.autograd.gradcheck(lambda *chain: penalty(chain), chain)
    assert not any(p.requires_grad for p in penalty.buffers())


def communicability(chain, places):
    """|w| by length by exp of the balanced adjacency matrix, with every index spelled out."""
    A = neuron_graph([W.numpy() for W in chain]).toarray()
    strength = A.sum(0)
    balanced = [
        [a and a / sqrt(strength[u] * strength[v]) for v, a in enumerate(row)]
        for u, row in enumerate(A)
    ]
    C = expm(np.array(balanced))
    starts = np.cumsum([0, *(len(W) for W in chain)])
    d = lengths(places)
    total = sum(
        w * d[depth, i, j] * C[starts[depth] + i, starts[depth + 1] + j]
        for depth, i, j, w in entries(chain)
    )
    return total / np.mean(list(d.values()))


@pytest.mark.parametrize("sizes", [SIZES, (8, 3, 4, 3, 2), (8, 2)])
@pytest.mark.parametrize("scale", [0.0, 0.1, 30.0])
def test_communicability_is_that_of_scipys_matrix_exponential(sizes, scale):
    chain = [scale * W for W in random_chain(*sizes, stack=(2,))]
    chain[0][1, 3] = 0  # a neuron without weights
    for n, value in enumerate(Communicability(TASK, sizes)(chain)):
        expected = communicability([W[n] for W in chain], layer_places(TASK, sizes))
        assert value.item() == pytest.approx(expected, rel=1e-5)


def test_gradients_of_communicability_agree_with_finite_differences():
    chain = [W.requires_grad_() for W in random_chain(8, 3, 2, stack=(2,))]
    penalty = Communicability(TASK, (8, 3, 2)).double()
    assert torch.autograd.gradcheck(lambda *chain: penalty(chain), chain)


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (5, 5)])
def test_sinh_is_that_of_the_singular_values(shape):
    M = random_chain(*shape)[0]
    M = M / torch.linalg.matrix_norm(M, ord=2)
    U, S, Vh = torch.linalg.svd(M, full_matrices=False)
    torch.testing.assert_close(sinh(M), U @ torch.diag(S.sinh()) @ Vh, rtol=0.0, atol=1e-11)


@pytest.mark.parametrize("kind", [ConnectionCost, LearnedConnectionCost, Communicability])
def test_it_matters_where_the_task_puts_its_inputs(kind):
    line = replace(TASK, places=on_a_line(8))
    chain = random_chain(*SIZES, stack=(1,))
    assert not torch.allclose(cost_of(kind, task=line)(chain), cost_of(kind)(chain))


def test_without_a_task_inputs_lie_on_a_line():
    line = replace(TASK, places=on_a_line(8))
    for found, expected in zip(layer_places(None, SIZES), layer_places(line, SIZES), strict=True):
        assert torch.equal(found, expected)
    assert layer_places(None, (3, 2))[0].tolist() == [[0, 0], [1, 0], [2, 0]]


def test_networks_without_the_tasks_inputs_and_outputs_are_refused():
    for widths in [(7, 6, 2), (8, 6, 3)]:
        with pytest.raises(ValueError, match=r"8 inputs and 2 outputs, got widths \[.*; give None"):
            layer_places(TASK, widths)


@pytest.mark.parametrize("stack", [(), (2,), (2, 3)])
def test_swaps_of_networks_in_any_stack_are_those_of_each_alone(stack):
    chain = random_chain(*SIZES, stack=stack, dtype=torch.float32)
    n_stack = torch.Size(stack).numel()
    together = BIMT(SIZES, range(n_stack), every=1)
    for _ in range(2):
        cost = together(chain)
    assert cost.shape == stack
    for n, index in enumerate(np.ndindex(stack)):
        alone = BIMT(SIZES, [0], every=1)
        for _ in range(2):
            expected = alone([W[index] for W in chain])
        torch.testing.assert_close(cost[index], expected)
        for a, b in zip(bimt_places(together, n), bimt_places(alone), strict=True):
            assert a.tolist() == b.tolist()
