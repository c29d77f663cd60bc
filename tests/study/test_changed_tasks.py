"""Changed tasks, against labels and examples one by one."""

import pytest
import torch

from modlib.study.changed_tasks import exchanged, few, larger, relabelled
from modlib.tasks import TASKS

RETINA, DIGITS = TASKS["retina"](), TASKS["two_digits"]()


def test_no_class_keeps_its_label_and_other_sub_tasks_keep_theirs():
    examples = DIGITS.draw(4).train
    changed = relabelled(examples, DIGITS.heads, 1, seed=4)
    pairs = {
        tuple(pair)
        for pair in torch.stack([examples.targets[:, 1], changed.targets[:, 1]], 1).tolist()
    }
    assert sorted(old for old, _ in pairs) == list(range(10))
    assert sorted(new for _, new in pairs) == list(range(10))
    assert all(old != new for old, new in pairs)
    assert torch.equal(changed.targets[:, 0], examples.targets[:, 0])
    assert torch.equal(changed.x, examples.x)


def test_two_classes_are_exchanged():
    examples = RETINA.draw(0).train
    changed = relabelled(examples, RETINA.heads, 0, seed=0)
    assert torch.equal(changed.targets[:, 0], 1 - examples.targets[:, 0])


def test_new_labels_follow_from_the_seed_alone():
    data = DIGITS.draw(4)
    first, again, other = (
        relabelled(part, DIGITS.heads, 0, seed).targets[:, 0]
        for part, seed in ((data.test, 1), (data.test, 1), (data.test, 2))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_other_labels_need_classes_and_a_sub_task():
    formulas = TASKS["formulas_independence"]()
    with pytest.raises(ValueError, match="need classes"):
        relabelled(formulas.draw(0).test, formulas.heads, 0, 0)
    with pytest.raises(ValueError, match="one of 2, got 2"):
        relabelled(RETINA.draw(0).test, RETINA.heads, 2, 0)


def test_new_tasks_change_targets_alone():
    swapped, compared = exchanged(DIGITS, 1), larger(DIGITS)
    for seed in (0, 4):
        for old, other, one in zip(
            DIGITS.draw(seed), swapped.draw(seed), compared.draw(seed), strict=True
        ):
            assert torch.equal(old.x, other.x)
            assert torch.equal(old.x, one.x)
            assert torch.equal(other.targets, relabelled(old, DIGITS.heads, 1, seed).targets)
            by_hand = [[int(left > right)] for left, right in old.targets.tolist()]
            assert one.targets.tolist() == by_hand
    assert (swapped.heads, compared.heads) == ((10, 10), (1,))


def test_few_examples_are_the_first_and_the_others_are_left():
    data, less = DIGITS.draw(4), few(DIGITS, 7).draw(4)
    assert torch.equal(less.train.x, data.train.x[:7])
    assert torch.equal(less.train.targets, data.train.targets[:7])
    assert torch.equal(less.test.x, data.test.x)
    with pytest.raises(ValueError, match="128 training examples, got n_train=129"):
        few(RETINA, 129).draw(0)
