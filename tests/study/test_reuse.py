"""Tables of reuse, against what the transplants and their training give one by one."""

import numpy as np
import pytest
import torch

from modlib.chain import weights
from modlib.study.changed_tasks import few
from modlib.study.modules import accuracy_alone, module_of_head, transplant
from modlib.study.reuse import FRESH, anew, learned, new_networks, new_tasks, reused
from modlib.tasks import TASKS
from modlib.training.measures import stacked
from modlib.training.stacks import Stack

RETINA, DIGITS = TASKS["retina"](), TASKS["two_digits"]()
SEEDS = [3, 8]
HALVES = np.tile(np.concatenate([np.repeat([0, 1], n // 2) for n in (8, 12, 12, 2)]), (2, 1))


@pytest.fixture(scope="module")
def donor():
    return Stack([8, *RETINA.hidden, 2], SEEDS)


def test_new_tasks_exchange_labels_or_combine_in_a_further_layer():
    names = [new.name for new, _ in new_tasks(RETINA)]
    assert names == ["retina_exchanged", "retina_and", "retina_xor"]
    assert [new.name for new, _ in new_tasks(DIGITS)] == [
        "two_digits_exchanged",
        "two_digits_larger",
    ]
    own = [8, *RETINA.hidden, 2]
    for _, widths in new_tasks(RETINA)[1:]:
        assert widths == [*own[:-1], 2 + FRESH, 1]
    assert new_tasks(RETINA)[0][1] == own


def test_new_networks_have_the_donors_data_and_other_weights(donor):
    new = new_networks(RETINA, donor.widths, SEEDS)
    assert new.seeds == donor.seeds
    assert torch.equal(weights(new)[0], weights(Stack(donor.widths, [1_003, 1_008]))[0])


def test_a_row_of_what_is_learned_has_its_curve():
    less = few(RETINA, 32)
    table = learned(less, new_networks(RETINA, [8, *RETINA.hidden, 2], SEEDS), 40)
    assert list(table.filter(regex=r"^accuracy_")) == ["accuracy_0", "accuracy_20", "accuracy_40"]
    assert np.allclose(table.accuracy, table.accuracy_40)
    by_hand = (table.accuracy_0 + 2 * table.accuracy_20 + table.accuracy_40) / 4
    assert np.allclose(table.area, by_hand)
    assert list(table.seed) == SEEDS
    assert set(table.new) == {"retina"}


def test_new_networks_that_learn_by_themselves_learn_each_new_task():
    table = anew(RETINA, SEEDS, 32, 20)
    assert list(table.new.unique()) == ["retina_exchanged", "retina_and", "retina_xor"]
    assert set(table.way) == {"anew"}
    (new, widths), *_ = new_tasks(RETINA)
    alone = learned(few(new, 32), new_networks(new, widths, SEEDS), 20)
    assert np.allclose(table.accuracy[:2], alone.accuracy)


def test_modules_are_told_with_their_size_and_what_they_can_alone(donor):
    table = reused(donor, RETINA, HALVES, 32, 20)
    ways = ["module, frozen", "module, free", "donor, frozen", "donor, free"]
    assert table.groupby("new").way.unique().map(list).tolist() == [ways] * 3
    modules = [module_of_head(donor, HALVES, RETINA.heads, one) for one in (0, 1)]
    test = stacked(RETINA.draw(seed).test for seed in SEEDS)
    alone = [accuracy_alone(donor, modules[n], RETINA, test)[:, n].numpy() for n in (0, 1)]
    exchanged, combined = (
        table[(table.new == name) & (table.way == "module, frozen")]
        for name in ("retina_exchanged", "retina_and")
    )
    assert np.allclose(exchanged.alone, alone[0])
    assert np.allclose(exchanged["size"], 0.5)
    assert np.allclose(combined.alone, (alone[0] + alone[1]) / 2)
    assert np.allclose(combined["size"], 1.0)

    network = new_networks(RETINA, donor.widths, SEEDS)
    transplant(network, donor, modules[0])
    free = learned(few(new_tasks(RETINA)[0][0], 32), network, 20)
    row = table[(table.new == "retina_exchanged") & (table.way == "module, free")]
    assert np.allclose(row.accuracy, free.accuracy)
