"""Recurrent networks and their penalty, held against loops and hand-made cases."""

from functools import partial
from itertools import product

import numpy as np
import pytest
import torch

from modlib.chain import weights
from modlib.modularity.measure import modularity
from modlib.penalties import squares
from modlib.study.avalanches import branching_ratio
from modlib.study.recurrent_measures import (
    avalanche_exponent,
    lesions,
    measure_recurrent,
    recall_accuracy,
    recurrent_network,
    spread,
)
from modlib.study.recurrent_networks import (
    RecurrentStack,
    bits,
    delayed_recall,
    largest_left,
    loss_of,
    n_back,
    train_recurrent,
    unrolled,
)
from modlib.walks import normalised, walk_loop_sum


@torch.no_grad()
def test_the_states_follow_the_definition_one_neuron_at_a_time():
    network = RecurrentStack(2, 3, 4, [5, 6])
    u = torch.randn(2, 4, 6, 2, generator=torch.Generator().manual_seed(0))
    silenced = torch.tensor([[False, False, True], [False, False, False]])
    found = network(u, silenced)
    (A, W, V), biases = weights(network), [layer.bias[:, 0] for layer in network.layers]
    for n, b in product(range(2), range(4)):
        x = torch.zeros(3)
        for t in range(6):
            x = torch.tanh(u[n, b, t] @ A[n] + biases[0][n] + x @ W[n] + biases[1][n])
            x[silenced[n]] = 0
            assert torch.allclose(found[n, b, t], x @ V[n] + biases[2][n], atol=1e-5)


def test_a_network_does_not_depend_on_the_others_of_its_stack():
    both, one = RecurrentStack(2, 5, 4, [3, 9]), RecurrentStack(2, 5, 4, [9])
    assert all(torch.equal(a[1], b[0]) for a, b in zip(weights(both), weights(one), strict=True))


def test_a_stack_needs_neurons_and_seeds():
    with pytest.raises(ValueError, match="widths of at least 1"):
        RecurrentStack(2, 0, 4, [1])
    with pytest.raises(ValueError, match="a seed"):
        RecurrentStack(2, 3, 4, [])


def test_the_walk_loops_of_a_recurrent_network_are_those_of_two_steps_written_out():
    generator = torch.Generator().manual_seed(1)
    A, W, V = (torch.randn(*s, generator=generator).double() for s in ((2, 4), (4, 4), (4, 3)))
    total = 0.0
    for first, second in ((A, W), (W, W), (W, V)):
        N, M = normalised(first), normalised(second)
        for i, k in product(range(len(N)), range(M.shape[1])):
            for j, m in product(range(4), range(4)):
                if j != m:
                    total += N[i, j] * N[i, m] * M[j, k] * M[m, k]
    assert walk_loop_sum(unrolled([A, W, V])) == pytest.approx(float(total))


def test_two_separate_recurrent_blocks_have_more_walk_loops_than_one():
    def blocks(count, size):
        ones = [torch.ones(1, size), torch.ones(size, size), torch.ones(size, 2)]
        return [torch.block_diag(*[one] * count) for one in ones]

    split = walk_loop_sum(unrolled(blocks(2, 4)))
    whole = walk_loop_sum(unrolled([torch.ones(2, 8), torch.ones(8, 8), torch.ones(8, 4)]))
    # each block of m neurons has 1 - 1 / m loops for each of its three pairs of layers
    assert split == pytest.approx(2 * 3 * (1 - 1 / 4))
    assert whole == pytest.approx(3 * (1 - 1 / 8))


def test_targets_are_the_streams_at_their_delays():
    u = torch.tensor([[1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    recalled, same = delayed_recall(u, [1, 2]), n_back(u, [1, 2])
    for t, (stream, (k, delay)) in product((2, 3), product((0, 1), enumerate((1, 2)))):
        assert recalled[t, 2 * stream + k] == u[t - delay, stream]
        assert same[t, 2 * stream + k] == (1 if u[t, stream] == u[t - delay, stream] else -1)


def test_the_loss_is_the_cross_entropy_of_bits():
    outputs = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    targets = next(bits([0, 1], (3, 5, 4)))
    found = loss_of(outputs, targets, 2)
    p = torch.sigmoid(outputs)
    right = torch.where(targets > 0, p, 1 - p)
    assert torch.allclose(found, -2 * right.log().mean((1, 2, 3)), atol=1e-6)


def test_bits_follow_from_their_seed():
    both, one = next(bits([1, 2], (500,))), next(bits([2], (500,)))
    assert torch.equal(both[1], one[0])
    assert set(both.unique().tolist()) == {-1.0, 1.0}
    assert not torch.equal(both[0], both[1])
    assert not torch.equal(next(bits([2], (500,), 1)), one)


def test_training_teaches_recall_and_a_strong_penalty_prevents_it():
    network = RecurrentStack(2, 12, 4, [1, 2, 1, 2])
    strengths = [0.0, 0.0, 10.0, 10.0]
    train_recurrent(network, delayed_recall, [1, 2], squares, strengths, times=6, steps=250)
    u = next(bits(network.seeds, (200, 6, 2), 1))
    found = recall_accuracy(network, delayed_recall, [1, 2], u).mean((1, 2))
    assert found[:2].min() > 0.95
    assert found[2:].max() < 0.6


def test_a_network_learns_the_same_whatever_else_is_in_the_stack():
    both, one = RecurrentStack(2, 6, 2, [1, 2]), RecurrentStack(2, 6, 2, [2])
    for network in (both, one):
        train_recurrent(network, n_back, [1], squares, 0.01, times=4, steps=20)
    for a, b in zip(weights(both), weights(one), strict=True):
        assert torch.allclose(a[1], b[0], atol=1e-4)


def test_denormal_weights_become_zero(monkeypatch):
    # decay alone, by half at each step
    monkeypatch.setattr(
        "modlib.study.recurrent_networks.loss_of", lambda y, aims, n: y.new_zeros(len(y))
    )
    monkeypatch.setattr(
        "modlib.study.recurrent_networks.RECURRENT", partial(torch.optim.SGD, lr=0.25)
    )
    network = RecurrentStack(2, 4, 2, [1, 2])
    train_recurrent(network, n_back, [1], squares, 1.0, times=4, steps=170)
    assert not any(W.any() for W in weights(network))


@pytest.mark.parametrize("delays", [[0], [6]])
def test_delays_have_to_fit_into_a_sequence(delays):
    with pytest.raises(ValueError, match="between 1 and times"):
        train_recurrent(RecurrentStack(2, 3, 2, [1]), n_back, delays, times=6)


def test_only_the_largest_weights_are_left_and_trained():
    network = RecurrentStack(2, 8, 2, [1, 2])
    whole = [W.detach().clone() for W in weights(network)]
    sparse = largest_left(network, 0.25)
    assert all(torch.equal(a, b) for a, b in zip(whole, weights(network), strict=True))
    before = [W.detach().clone() for W in weights(sparse)]
    for W, left in zip(weights(network), before, strict=True):
        share = (left != 0).double().mean((1, 2))
        assert torch.allclose(share, torch.tensor(0.25).double())
        for k in range(2):
            kept = left[k] != 0
            assert torch.equal(left[k][kept], W[k][kept])
            assert W[k][kept].abs().min() >= W[k][~kept].abs().max()
    train_recurrent(sparse, delayed_recall, [1], times=4, steps=5)
    for old, new in zip(before, weights(sparse), strict=True):
        assert torch.equal(old == 0, new == 0)
        assert not torch.equal(old, new)


def test_hidden_neurons_of_a_recurrent_network_lead_to_themselves():
    A, W, V = torch.randn(2, 1, 3), torch.randn(2, 3, 3), torch.randn(2, 3, 4)
    network = recurrent_network([A, W, V])
    assert network.sizes == {"inputs": 1, "hidden": 3, "outputs": 4}
    ends = [(each.source, each.target) for each in network.connections]
    assert ends == [("inputs", "hidden"), ("hidden", "hidden"), ("hidden", "outputs")]
    assert all(each.weight is M for each, M in zip(network.connections, (A, W, V), strict=True))


def test_separate_streams_are_found_and_permuted_ones_are_not():
    rng = np.random.default_rng(0)
    shapes = [(1, 6), (6, 6), (6, 3)]
    blocks = [torch.tensor(np.kron(np.eye(2), rng.uniform(1, 2, size=shape))) for shape in shapes]
    found = modularity(recurrent_network(blocks), nulls=3, restarts=2)
    assert found.communities.tolist() == [0, 1] + [0] * 6 + [1] * 6 + [0] * 3 + [1] * 3
    # each matrix has half of its weight in either stream, but for the balance of random weights
    assert found.q == pytest.approx(0.5, abs=0.01)
    assert found.share == pytest.approx(1)
    mixed = [torch.rand(W.shape, generator=torch.Generator().manual_seed(0)) for W in blocks]
    assert abs(modularity(recurrent_network(mixed), nulls=10).excess) < 0.05


def hand_made():
    """Return a network of two separate delay lines, which recalls its streams perfectly."""
    network = RecurrentStack(2, 4, 4, [0])
    line = [torch.tensor([[9.0, 0.0]]), torch.tensor([[0.0, 9.0], [0.0, 0.0]]), torch.eye(2)]
    with torch.no_grad():
        for layer, block in zip(network.layers, line, strict=True):
            layer.weight[0] = torch.block_diag(block, block)
            layer.bias.zero_()
    return network


def now_and_before(u, delays):
    return delayed_recall(u, [0, 1])


def test_lesions_of_a_hand_made_network_hurt_one_stream_each():
    network = hand_made()
    u = next(bits([0], (500, 8, 2)))
    assert recall_accuracy(network, now_and_before, [0, 1], u).min() == 1
    communities = np.array([[0, 1, 0, 0, 1, 1, 0, 0, 1, 1]])
    drops = lesions(network, communities, now_and_before, [0, 1], u)[0]
    # a silenced stream's outputs are 0, which counts as wrong
    assert torch.equal(drops, torch.eye(2).double())


def test_a_hand_made_network_is_measured_as_it_is():
    (row,) = measure_recurrent(
        hand_made(), now_and_before, [0, 1], times=8, nulls=2, restarts=1
    ).to_dict("records")
    assert row["accuracy"] == row["validation_accuracy"] == row["accuracy_1"] == 1
    assert row["ari"] == row["specialisation"] == 1
    assert row["radius"] == pytest.approx(0)
    assert row["capacity"] == pytest.approx(2, abs=0.2)  # one step back, in each of two streams
    assert row["information"] == pytest.approx(2, abs=0.2)
    assert row["lyapunov"] < -3
    # two neurons wake one other each, for certain, and these none: with as many waking by
    # themselves in both pairs, a third of the variance of activity comes again a step later
    assert row["branching"] == pytest.approx(1 / 3, abs=0.15)
    assert np.isnan(row["exponent"])  # avalanches of one or two neurons have none


def test_activity_spreads_critically_along_a_random_network():
    W = np.random.default_rng(0).normal(size=(2, 40, 40))
    activity = spread(W, [4, 5])
    # below 1, as several active neurons meet in one
    assert branching_ratio(activity) == pytest.approx(0.91, abs=0.05)
    found = np.array([avalanche_exponent(of_one) for of_one in activity])
    assert found == pytest.approx(1.5, abs=0.15)
    assert np.array_equal(spread(W[1:], [5]), activity[1:])
