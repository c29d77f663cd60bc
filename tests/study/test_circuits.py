"""Circuits and probes, held against loops, scikit-learn and networks wired by hand."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler

import modlib
from modlib.chain import weights
from modlib.study.circuits import (
    at_home,
    circuit_accuracy,
    circuit_table,
    dealt,
    home_communities,
    named,
    off_diagonal_share,
    orders,
    ranks,
    share_needed,
)
from modlib.study.modules import module_of_head, of_kind
from modlib.study.probes import best_guess, hidden_activity, probe
from modlib.tasks import TASKS
from modlib.tasks.task import Examples
from modlib.training.lesions import lesion_drops
from modlib.training.measures import stacked
from modlib.training.stacks import Stack

TASK = TASKS["retina"]()
WIDTHS = (8, 6, 4, 2)
# inputs, hidden layers and outputs of the two halves
HALVES = np.concatenate([np.repeat([0, 1], n // 2) for n in WIDTHS])[None].repeat(2, axis=0)


def patterns(part, seeds):
    return stacked(getattr(TASK.draw(seed), part) for seed in seeds)


@pytest.fixture(scope="module")
def wired():
    """Two networks wired hard into halves, trained for a while."""
    return modlib.train(
        TASK, "hard_wired", seeds=[0, 1], hidden=WIDTHS[1:-1], steps=400, nulls=2, restarts=1
    ).network


def test_the_lesion_matrix_of_a_hard_wired_network_is_diagonal(wired):
    test = patterns("test", wired.seeds)
    drops = lesion_drops(wired, HALVES, test.x, TASK.scored(test))
    assert (drops.diagonal(dim1=1, dim2=2) > 0.1).all()
    assert (drops * (1 - torch.eye(2)) == 0).all()
    assert off_diagonal_share(drops).tolist() == [0.0, 0.0]
    assert torch.equal(at_home(drops, home_communities(HALVES, TASK.heads)), drops)


def test_the_off_diagonal_share_is_what_falls_on_others():
    drops = np.random.default_rng(0).normal(0.1, 0.2, size=(5, 4, 3))
    for found, matrix in zip(off_diagonal_share(torch.tensor(drops)), drops, strict=True):
        total = elsewhere = 0.0
        for row in np.maximum(matrix, 0.0):
            total += sum(row)
            elsewhere += sum(row) - max(row)
        assert found.item() == pytest.approx(elsewhere / total)


def test_the_off_diagonal_share_of_equal_losses_is_that_of_all_tasks_but_one():
    assert off_diagonal_share(torch.ones(2, 4)).item() == pytest.approx(3 / 4)
    assert off_diagonal_share(torch.zeros(2, 4)).isnan()


def test_a_sub_tasks_home_holds_most_of_its_outputs():
    communities = np.array([[9, 9, 9, 2, 1, 2, 3, 0], [9, 9, 9, 0, 0, 0, 5, 4]])
    # three outputs of one head, two of the other; the first of equals
    assert home_communities(communities, [3, 2]).tolist() == [[2, 0], [0, 4]]


def test_each_sub_task_gets_the_row_of_its_home():
    gains = torch.arange(12.0).reshape(2, 3, 2)
    found = at_home(gains, np.array([[2, 0], [1, 1]]))
    assert found.tolist() == [[[4.0, 5.0], [0.0, 1.0]], [[8.0, 9.0], [8.0, 9.0]]]


@pytest.mark.parametrize(
    ("matrix", "share"),
    [
        ([[0.3, 0.1], [0.2, 0.4]], 1.0),
        ([[0.3, 0.3], [0.2, 0.4]], 0.5),
        # one home for both can name one of them only
        ([[0.3, 0.1], [0.3, 0.1]], 0.5),
        # nothing is named by a loss
        ([[-0.1, -0.2], [-0.2, -0.1]], 0.0),
    ],
)
def test_a_home_names_what_it_has_most_for(matrix, share):
    assert named(torch.tensor([matrix])).tolist() == [share]


def test_the_best_guess_is_the_commonest_class():
    targets = torch.tensor([[[0, 2], [1, 2], [1, 0], [1, 2]], [[0, 0], [0, 1], [1, 2], [1, 0]]])
    assert best_guess(targets).tolist() == [[0.75, 0.75], [0.5, 0.5]]


def random_chain(seed=0):
    rng = np.random.default_rng(seed)
    return [torch.tensor(rng.normal(size=(2, *shape))).float() for shape in pairwise(WIDTHS)]


def test_weights_rank_by_size_behind_those_that_come_first():
    chain = random_chain()
    chain[0][:, 0] = 0.0
    first = [W > 0.2 for W in chain]
    first[0][:, 0] = True
    found = ranks(chain, first)
    for n in range(2):
        flat = [
            (not (ahead and w != 0), -abs(w), place)
            for W, mask, places in zip(chain, first, found, strict=True)
            for w, ahead, place in zip(
                W[n].flatten().tolist(),
                mask[n].flatten().tolist(),
                places[n].flatten().tolist(),
                strict=True,
            )
        ]
        places = [place for *_, place in sorted(flat)]
        n_zeros = WIDTHS[1]
        assert places[:-n_zeros] == list(range(len(flat) - n_zeros))
        assert sorted(places[-n_zeros:]) == list(range(len(flat) - n_zeros, len(flat)))


def test_a_circuit_is_the_network_with_its_other_weights_at_zero():
    stack = Stack(WIDTHS, [3, 8])
    examples = patterns("train", [3, 8])
    first = [W > 0 for W in modlib.weights(stack)]
    shares = [0.3, 0.7, 1.0]
    found = circuit_accuracy(stack, first, examples, TASK, 1, shares)
    n_weights = sum(a * b for a, b in pairwise(WIDTHS))
    for n in range(2):
        chain = [layer.weight[n].detach().numpy() for layer in stack.layers]
        biases = [layer.bias[n].detach().numpy() for layer in stack.layers]
        size = np.concatenate([np.where(W > 0, 10 + W, -W).flatten() for W in chain])
        for share, hit in zip(shares, found[:, n], strict=True):
            smallest = np.sort(size)[::-1][round(share * n_weights) - 1]
            x = examples.x[n].numpy()
            for depth, (W, b) in enumerate(zip(chain, biases, strict=True)):
                x = x @ np.where(np.where(W > 0, 10 + W, -W) >= smallest, W, 0.0) + b
                x = np.tanh(x) if depth < 2 else x
            label = examples.targets[n, :, 1].numpy()
            assert hit.item() == pytest.approx(np.mean((x[:, 1] < 0) == (label == 0)))


def test_half_of_a_hard_wired_network_is_the_circuit_of_its_sub_task(wired):
    examples = patterns("test", wired.seeds)
    for one in range(2):
        first = of_kind(module_of_head(wired, HALVES, TASK.heads, one), "weight")
        inside = sum(mask[0].sum().item() for mask in first)
        share = inside / sum(mask[0].numel() for mask in first)
        assert share == pytest.approx(1 / 4, abs=0.01)
        # the other half first: nothing is left of the sub-task
        other = of_kind(module_of_head(wired, HALVES, TASK.heads, 1 - one), "weight")
        intact = TASK.accuracy(wired(examples.x), examples.targets, TASK.heads)[:, one]
        assert torch.equal(circuit_accuracy(wired, first, examples, TASK, one, [share])[0], intact)
        assert (circuit_accuracy(wired, other, examples, TASK, one, [share])[0] < intact).all()


@pytest.mark.parametrize("shares", [[0.0], [0.5, 1.1], [float("nan")]])
def test_circuits_need_shares(shares):
    stack = Stack(WIDTHS, [0])
    nothing = [torch.zeros_like(W, dtype=torch.bool) for W in modlib.weights(stack)]
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        circuit_accuracy(stack, nothing, patterns("test", [0]), TASK, 0, shares)


def test_the_share_needed_is_the_first_that_keeps_enough_above_guessing():
    curve = torch.tensor([[0.5, 0.5, 0.5], [0.94, 0.76, 0.5], [0.9, 0.7, 0.5], [1.0, 0.8, 0.4]])
    found = share_needed(curve, torch.tensor([0.5, 0.5, 0.5]), [0.1, 0.2, 0.5, 1.0], kept=0.8)
    # 0.4 and 0.24 above the guess are asked for; the last network is worse than guessing
    assert found.tolist() == pytest.approx([0.2, 0.2, np.nan], nan_ok=True)


def test_a_probe_is_scikit_learns_ridge_classifier_of_one_community_and_layer():
    stack = Stack(WIDTHS, [3, 8])
    fitted, judged = patterns("train", [3, 8]), patterns("test", [3, 8])
    communities = np.random.default_rng(1).integers(3, size=(2, sum(WIDTHS)))
    communities[0, 14:18] = 2  # no neuron of the others in the second hidden layer
    found = probe(stack, communities, fitted, judged, TASK.heads)
    assert found.shape == (2, 2, 3, 2)
    assert (found[1, 0, :2] == 0).all()
    layers = np.split(communities[:, 8:18], [6], axis=1)
    for depth, n, c, one in np.ndindex(2, 2, 3, 2):
        own = layers[depth][n] == c
        if own.any():
            seen, unseen = (
                hidden_activity(stack, part.x)[depth][n, :, own].detach().double().numpy()
                for part in (fitted, judged)
            )
            scale = StandardScaler().fit(seen)
            label = judged.targets[n, :, one].numpy()
            classifier = RidgeClassifier().fit(scale.transform(seen), fitted.targets[n, :, one])
            # coded as -1 and 1 there, 0 and 1 here: the same classes
            hit = classifier.score(scale.transform(unseen), label)
            guess = max(np.mean(label), 1 - np.mean(label))
            assert found[depth, n, c, one].item() == pytest.approx(hit - guess, abs=1e-6)


def test_hidden_activity_leads_to_the_outputs():
    stack = Stack(WIDTHS, [3, 8])
    x = patterns("test", [3, 8]).x
    *_, last = hidden_activity(stack, x)
    assert torch.allclose(stack.layers[-1](last), stack(x))


def test_nothing_of_the_other_half_can_be_read_from_a_hard_wired_network(wired):
    # all patterns of both halves, so that they are independent
    x, targets = (torch.cat(parts) for parts in zip(*TASK.draw(0), strict=True))
    all_patterns = Examples(x.expand(2, -1, -1), targets.expand(2, -1, -1))
    found = probe(wired, HALVES, all_patterns, all_patterns, TASK.heads)
    own = found.diagonal(dim1=2, dim2=3)
    assert (own > 0.1).all()
    assert (found * (1 - torch.eye(2)) < 1e-6).all()
    assert (off_diagonal_share(found) < 1e-5).all()


def test_a_probe_needs_classes():
    task = TASKS["formulas_independence"]()
    examples = stacked([task.draw(0).test])
    stack = Stack((4, 3, 2), [0])
    with pytest.raises(ValueError, match="a probe needs classes"):
        probe(stack, np.zeros((1, 9), dtype=int), examples, examples, task.heads)


def test_dealing_keeps_the_sizes_of_communities_in_each_layer_and_both_ends():
    labels = np.array([[0, 1, 2, 0, 0, 1, 2, 2, 2, 1, 1], [3, 1, 1, 0, 1, 0, 2, 2, 1, 1, 3]])
    widths, found = (2, 5, 3, 1), dealt(labels, (2, 5, 3, 1), [7, 8])
    ends = np.cumsum(widths)[:-1]
    layers = zip(np.split(found, ends, 1), np.split(labels, ends, 1), strict=True)
    for depth, (new, old) in enumerate(layers):
        assert np.array_equal(np.sort(new), np.sort(old))
        if depth in (0, 3):
            assert np.array_equal(new, old)
    assert not np.array_equal(found, labels)
    assert np.array_equal(dealt(labels[1:], widths, [8]), found[1:])


def test_weights_come_first_by_the_outputs_they_lead_to_and_by_community(wired):
    first = orders(wired, HALVES, TASK.heads, 1)
    assert not any(mask.any() for mask in first["whole"])
    *hidden, last = first["outputs"]
    assert all(mask.all() for mask in hidden)
    assert last[0].tolist() == [[False, True]] * 4
    for mask, W in zip(first["community"], weights(wired), strict=True):
        half = torch.zeros_like(mask)
        half[:, W.shape[1] // 2 :, W.shape[2] // 2 :] = True
        assert torch.equal(mask, half & (W != 0))


def test_the_table_of_circuits_has_what_each_measure_finds(wired):
    table = circuit_table(wired, TASK, HALVES, tested=20)
    assert list(table.sub_task) == [0, 0, 1, 1]
    assert list(table.seed) == [0, 1, 0, 1]
    assert (table.weights == 80).all()
    assert table.inside.to_numpy() == pytest.approx((4 * 3 + 3 * 2 + 2) / 80)
    assert not table.lesion_off_diagonal.any()
    assert not table.lesion_others.any()
    validation, test = (patterns(part, wired.seeds) for part in ("validation", "test"))
    drops = lesion_drops(wired, HALVES, test.x, TASK.scored(test))
    read = probe(wired, HALVES, validation, test, TASK.heads)
    some = Examples(*(part[:, :20] for part in test))
    for one, rows in table.groupby("sub_task"):
        assert rows.lesion.to_numpy() == pytest.approx(drops[:, one, one].numpy())
        assert rows.read_1.to_numpy() == pytest.approx(read[0, :, one, one].numpy())
        assert rows.read_2_others.to_numpy() == pytest.approx(read[1, :, one, 1 - one].numpy())
        whole = orders(wired, HALVES, TASK.heads, one)["whole"]
        curve = circuit_accuracy(wired, whole, some, TASK, one)
        guess = best_guess(some.targets)[:, one]
        assert rows.accuracy.to_numpy() == pytest.approx(curve[-1].numpy())
        assert rows.needed_whole.to_numpy() == pytest.approx(share_needed(curve, guess))
