"""Combinations of digits: which are seen, and accuracies held against loops over networks."""

from collections import Counter
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch

from modlib.study.combinations import (
    CHANGES,
    composed,
    enlarged,
    inverted,
    recombined,
    restricted,
    seen,
    unseen,
    unseen_examples,
    with_one_changed,
)
from modlib.tasks import TASKS
from modlib.training.fit import fit

DIGITS, FOUR = TASKS["two_digits"](), TASKS["four_digits"]()


def gaps(labels):
    return {(b - a) % 10 for row in labels.tolist() for a, b in pairwise(row)}


def images_of(examples, count=2):
    return {tuple(image) for image in examples.x.unflatten(1, (count, -1)).flatten(0, 1).tolist()}


@pytest.mark.parametrize("width", [1, 3, 10])
def test_seen_pairs_are_those_of_the_width(width):
    pairs = torch.tensor([[a, b] for a in range(10) for b in range(10)])
    by_hand = [(b - a) % 10 < width for a, b in pairs.tolist()]
    assert seen(width, pairs).tolist() == by_hand
    assert unseen(width, pairs).tolist() == [not pair for pair in by_hand]
    left, right = (Counter(pairs[seen(width, pairs), n].tolist()) for n in (0, 1))
    assert set(left.values()) == set(right.values()) == {width}


def test_of_four_digits_one_new_pair_is_enough():
    rows = torch.tensor([[1, 1, 2, 3], [1, 1, 3, 3], [9, 0, 1, 1]])
    assert seen(2, rows).tolist() == [True, False, True]


@pytest.mark.parametrize(("task", "width"), [(DIGITS, 1), (DIGITS, 5), (FOUR, 3)])
def test_a_restricted_task_has_these_combinations_in_every_part(task, width):
    old, new = task.draw(4), restricted(task, width).draw(4)
    for before, part in zip(old, new, strict=True):
        assert part.x.shape == before.x.shape
        assert gaps(part.targets) == set(range(width))


def test_test_images_are_in_no_training_example_and_keep_their_labels():
    data = restricted(DIGITS, 3).draw(4)
    new = unseen_examples(data, 3, 4)
    assert images_of(new) <= images_of(DIGITS.draw(4).test)
    assert not images_of(new) & images_of(data.train)
    assert gaps(new.targets) == set(range(3, 10))
    labelled = zip(map(tuple, data.test.x[:, :64].tolist()), data.test.targets[:, 0], strict=True)
    known = dict(labelled)
    for image, target in zip(map(tuple, new.x[:, 64:].tolist()), new.targets[:, 1], strict=True):
        assert known.get(image, target) == target


def test_draws_follow_from_the_seed_and_differ_between_parts():
    one, again = (restricted(DIGITS, 5).draw(4) for _ in range(2))
    assert all(torch.equal(a.x, b.x) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one.validation.targets, one.test.targets)
    rng = np.random.default_rng(0)
    drawn = recombined(one.test, partial(seen, 1), 7, rng)
    assert drawn.targets[:, 0].tolist() == drawn.targets[:, 1].tolist()


def test_a_width_is_from_1_to_10():
    for width in (0, 11):
        with pytest.raises(ValueError, match=f"from 1 to 10, got {width}"):
            restricted(DIGITS, width)


def test_changed_images_by_hand():
    rng, images = np.random.default_rng(0), torch.arange(16.0).reshape(1, 4, 4) / 16
    assert torch.equal(inverted(images, rng), 1 - images)
    doubled = [[5, 5, 6, 6], [5, 5, 6, 6], [9, 9, 10, 10], [9, 9, 10, 10]]
    assert (16 * enlarged(images, rng))[0].tolist() == doubled
    assert enlarged(torch.rand(3, 14, 14), rng).shape == (3, 14, 14)


@pytest.mark.parametrize("change", CHANGES)
def test_one_image_is_changed_and_dead_pixels_are_dark(change):
    examples = FOUR.draw(4).test
    changed = with_one_changed(examples, FOUR, 2, CHANGES[change], seed=4)
    assert torch.equal(changed.targets, examples.targets)
    same = (changed.x == examples.x * torch.from_numpy(FOUR.live)).unflatten(1, (4, 64))
    assert same[:, [0, 1, 3]].all()
    assert not same[:, 2].all(1).any()
    assert (changed.x[:, ~FOUR.live] == 0).all()


@pytest.mark.parametrize(("task", "width"), [(DIGITS, 3), (FOUR, 5)])
def test_accuracies_are_those_of_each_network_alone(task, width):
    run = fit(restricted(task, width), "l2", [0.0, 0.01], seeds=[3, 8], steps=60)
    found = composed(run, width)
    count = len(task.heads)
    for n, (seed, data) in enumerate(zip([3, 8] * 2, run.data * 2, strict=True)):

        def right(examples, n=n):
            outputs = run.network(examples.x.expand(4, -1, -1))[n].unflatten(1, (count, 10))
            return (outputs.argmax(2) == examples.targets).float().mean(0)

        new = right(unseen_examples(data, width, seed)).mean().item()
        assert found.unseen[n] == pytest.approx(new, abs=1e-6)
        for name, change in CHANGES.items():
            kept = []
            for place in range(count):
                of_all = right(with_one_changed(data.test, task, place, change, seed))
                kept += [of_all[other].item() for other in range(count) if other != place]
            assert found[name][n] == pytest.approx(np.mean(kept), abs=1e-6)


def test_with_all_combinations_seen_none_is_new_and_diverged_networks_have_nothing():
    run = fit(restricted(DIGITS, 10), seeds=[3, 8], steps=1)
    with torch.no_grad():
        run.network.layers[0].weight[1] = torch.nan
    found = composed(run, 10)
    assert found.unseen.isna().all()
    assert found.noise.notna().tolist() == [True, False]
