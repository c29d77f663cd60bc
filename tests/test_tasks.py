"""Tasks against Kashtan & Alon's rule, spelled out, and against scikit-learn's images."""

from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from modlib.tasks import NO_MODULE, TASKS, retina, two_digits

# a left object, as the set of its black pixels: 0 and 1 are the outer column
LEFT_OBJECTS = {
    *(frozenset(c) for n in (3, 4) for c in combinations(range(4), n)),
    *(frozenset(c) for n in (1, 2) for c in combinations((0, 1), n)),
}
RULES = {
    "and": lambda left, right: [left and right],
    "or": lambda left, right: [left or right],
    "xor": lambda left, right: [left != right],
    "both": lambda left, right: [left, right],
}


def parts(data):
    return [data.train, data.validation, data.test]


@pytest.mark.parametrize("goal", RULES)
def test_retina_labels_follow_kashtan_and_alon(goal):
    seen = {}
    for part in parts(retina(goal).draw(0)):
        for x, label in zip(part.x.tolist(), part.labels.tolist(), strict=True):
            black = [pixel == 1.0 for pixel in x]
            left, right = (
                frozenset(p for p in range(4) if black[4 * half + p]) in LEFT_OBJECTS
                for half in (0, 1)
            )
            assert label == RULES[goal](left, right)
            seen[tuple(x)] = label
    # every pattern once, in one part alone
    assert set(seen) == set(product([-1.0, 1.0], repeat=8))


@pytest.mark.parametrize(("goal", "positives"), [("and", 64), ("or", 192), ("xor", 128)])
def test_retina_goals_have_the_published_numbers_of_positives(goal, positives):
    assert sum(part.labels.sum().item() for part in parts(retina(goal).draw(3))) == positives


@pytest.mark.parametrize(
    ("goal", "accuracy"), [("and", 0.75), ("or", 0.75), ("xor", 0.5), ("both", 0.5)]
)
def test_retina_guesses_are_as_good_as_the_commonest_label(goal, accuracy):
    assert retina(goal).guess_accuracy == accuracy


def test_retina_parts_hold_128_64_and_64_patterns():
    assert [len(part.x) for part in parts(retina().draw(0))] == [128, 64, 64]


def test_retina_modules_are_its_sides():
    assert retina("both").input_modules.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert retina("both").output_modules.tolist() == [0, 1]
    assert retina("and").output_modules.tolist() == [NO_MODULE]


def test_an_unknown_goal_is_refused():
    with pytest.raises(ValueError, match="out of and, or, xor, both; got 'nand'"):
        retina("nand")


@pytest.mark.parametrize("name", TASKS)
def test_a_task_fits_together(name):
    task = TASKS[name]()
    assert task.name == name
    assert sum(task.heads) == len(task.output_modules)
    for part in parts(task.draw(0)):
        assert part.x.shape == (len(part.x), len(task.input_modules))
        assert part.labels.shape == (len(part.x), len(task.heads))
        for head, labels in zip(task.heads, part.labels.T, strict=True):
            assert set(labels.tolist()) == set(range(max(head, 2)))


@pytest.mark.parametrize("name", ["retina", "two_digits"])
def test_a_seed_fixes_the_data(name):
    task = TASKS[name]()
    first, again, other = task.draw(7), task.draw(7), task.draw(8)
    for a, b, c in zip(parts(first), parts(again), parts(other), strict=True):
        assert torch.equal(a.x, b.x)
        assert torch.equal(a.labels, b.labels)
        assert not torch.equal(a.x, c.x)


@pytest.fixture(scope="module")
def digits():
    """Each image of the data set, as its bytes, with its label."""
    images, labels = load_digits(return_X_y=True)
    return {
        (image / 16).astype(np.float32).tobytes(): label
        for image, label in zip(images, labels, strict=True)
    }


@pytest.fixture(scope="module")
def pairs():
    return two_digits(n_train=3_000).draw(1)


def halves(part):
    return [[half.tobytes() for half in side.numpy()] for side in part.x.split(64, dim=1)]


def test_left_and_right_halves_are_the_digits_that_the_labels_say(digits, pairs):
    for part in parts(pairs):
        for column, side in enumerate(halves(part)):
            assert [digits[image] for image in side] == part.labels[:, column].tolist()


def test_no_image_is_in_two_parts_and_all_are_used(digits, pairs):
    used = [set().union(*halves(part)) for part in parts(pairs)]
    # drawn with replacement, 6,000 or 4,000 times: 99.6 % of 1,078 images, all of 360
    assert [len(images) for images in used] == pytest.approx([1078, 359, 360], rel=0.01)
    assert not any(a & b for a, b in combinations(used, 2))


def test_pairs_come_in_the_numbers_asked_for(pairs):
    assert [len(part.x) for part in parts(pairs)] == [3_000, 2_000, 2_000]
    assert len(two_digits().draw(0).train.x) == 10_000


def test_the_two_digits_of_a_pair_are_independent(pairs):
    # one pair in ten has equal digits; five standard deviations either way
    equal = (pairs.train.labels[:, 0] == pairs.train.labels[:, 1]).float().mean().item()
    assert abs(equal - 0.1) < 5 * (0.1 * 0.9 / 3_000) ** 0.5


def test_dead_pixels_and_only_those_have_no_module():
    images = load_digits().data
    live = [sum(image[p] > 0 for image in images) > 0.01 * len(images) for p in range(64)]
    expected = [side if live[p] else NO_MODULE for side in (0, 1) for p in range(64)]
    task = two_digits()
    assert task.input_modules.tolist() == expected
    assert 0 < expected.count(NO_MODULE) < 64
    assert task.output_modules.tolist() == [0] * 10 + [1] * 10


def test_the_best_guess_names_the_commonest_digit():
    labels = load_digits().target.tolist()
    assert two_digits().guess_accuracy == max(Counter(labels).values()) / len(labels)


@pytest.mark.parametrize("n_train", [0, -1])
def test_a_task_without_training_pairs_is_refused(n_train):
    with pytest.raises(ValueError, match=f"n_train >= 1, got {n_train}"):
        two_digits(n_train)
