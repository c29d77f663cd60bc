"""What is kept from initial weights of any scale, and which strength is chosen for it."""

import numpy as np
import pandas as pd
import pytest

from modlib.penalties import PENALTIES
from modlib.study.retention import SLOW, best_kept, retained
from modlib.study.retraining import retrained, retraining_table
from modlib.tasks import TASKS
from modlib.training.fit import fit
from modlib.training.stacks import scaled_start

RETINA = TASKS["retina"]()


@pytest.fixture(scope="module")
def rows():
    return retained("retina", 0.5, "l2", [0.0, 0.1], [3, 8], 30, 20)


def test_there_is_a_row_for_each_strength_and_seed(rows):
    assert rows[["strength", "seed"]].values.tolist() == [[0, 3], [0, 8], [0.1, 3], [0.1, 8]]
    assert set(rows.scale) == {0.5}
    assert set(rows.task + rows.penalty) == {"retinal2"}


@pytest.mark.parametrize("strength", [0.0, 0.1])
def test_a_network_has_what_it_has_alone_from_weights_so_scaled(rows, strength):
    run = fit("retina", scaled_start(PENALTIES["l2"], 0.5), [strength], [8], steps=30)
    own = rows[(rows.strength == strength) & (rows.seed == 8)].iloc[0]
    (data,) = run.data
    before = RETINA.accuracy(run.network(data.test.x[None]), data.test.targets[None], (1, 1))[0]
    assert own.accuracy == pytest.approx(before[0].item())
    validation = data.validation
    right = RETINA.accuracy(run.network(validation.x[None]), validation.targets[None], (1, 1))
    assert own.validation_accuracy == pytest.approx(right.mean().item())
    after = retrained(run.network, RETINA, run.data, 1, SLOW, steps=20).iloc[-1]
    assert [own.kept, own.changed] == pytest.approx([after.kept, after.changed])


def test_from_weights_as_they_are_it_is_the_table_of_retraining():
    own = retained("retina", 1.0, "walk_loops", [0.15], [4], 30, 20).iloc[0]
    network = fit("retina", "walk_loops", 0.15, [4], steps=30).network
    other = retraining_table(network, RETINA, {"free": {}}, 20).set_index("optimiser")
    for column in ("accuracy", "kept", "changed"):
        assert own[column] == pytest.approx(other[column]["SGD 0.01"])
    assert not np.isclose(own.kept, other.kept["Adam 0.005"])


def selection(*rows):
    return pd.DataFrame(rows, columns=["strength", "validation_accuracy", "kept"])


def test_the_strength_that_keeps_most_is_chosen_of_those_that_keep_the_accuracy():
    rows = selection((0.0, 0.9, 0.3), (0.1, 0.896, 0.5), (0.2, 0.91, 0.4), (0.3, 0.89, 0.9))
    assert best_kept(rows) == 0.1
    # means of networks count
    more = selection((0.0, 0.9, 0.3), (0.1, 0.89, 0.5), (0.2, 0.9, 0.4), (0.3, 0.89, 0.9))
    assert best_kept(pd.concat([rows, more])) == 0.2


def test_where_no_strength_keeps_the_accuracy_or_more_it_is_no_penalty():
    assert best_kept(selection((0.0, 0.9, 0.3), (0.3, 0.894, 0.9))) == 0.0
    assert best_kept(selection((0.0, 0.9, 0.3), (0.3, 0.9, 0.2))) == 0.0
