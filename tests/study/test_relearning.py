"""The page on relearning: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, statistics, tables
from modlib.study import relearning
from notebooks import execute

CHANGED = [{"drawn": ["none", "walk_loops"]}, {"task": "planted_0"}, {"task": "four_digits"}]
REFUSED = {
    "task = 'retina'": {"task": "retina"},
    "drawn.1 = 'none2'": {"drawn": ["none", "none2"]},
    "steps = 1: Extra inputs": {"steps": 1},
}


@pytest.fixture(scope="module")
def retraining():
    return tables.published_table("retraining")


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("relearning", changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("relearning", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_is_told_by_its_sentence(retraining):
    assert claims.judged(relearning.claims(retraining)).holds.all()
    of_none = (retraining.penalty == "none") & (retraining.optimiser == "SGD 0.01")
    of_none &= (retraining.way == "free") & (retraining.task == "two_digits")
    broken = retraining.assign(kept=retraining.kept.mask(of_none, 0.5))
    judged = claims.judged(relearning.claims(broken))
    (told,) = judged[~judged.holds].claim
    assert told.endswith("Those without a penalty keep little.")


def test_gains_are_paired_differences_of_what_is_kept_in_points(retraining):
    rows = retraining[
        (retraining.task == "four_digits") & (retraining.way == "as trained")
        & (retraining.optimiser == "Adam 0.0005")
    ].set_index(["penalty", "seed"])  # fmt: skip
    own = rows.kept["walk_loops"] - rows.kept["l1"]
    gain = relearning.gains(retraining).loc[("slow Adam, as trained", "four_digits", "l1")]
    assert gain["mean"] == pytest.approx(100 * own.mean())
    assert gain.high == pytest.approx(100 * statistics.interval(own.to_numpy())[1])


def test_networks_that_learn_are_counted_of_all(retraining):
    table = relearning.relearned(retraining, "module", ["none", "l1"])
    rows = retraining[
        (retraining.task == "two_digits") & (retraining.way == "module")
        & (retraining.optimiser == "Adam 0.005") & (retraining.penalty == "none")
    ]  # fmt: skip
    expected = f"{rows.relearned.notna().sum()} of {len(rows)}"
    assert table.loc[("two_digits", "fast Adam"), "none"] == expected
    assert len(table) == 8


def test_rows_that_are_drawn_are_in_the_order_of_optimisers(retraining):
    rows = relearning.kept(retraining, "planted_0", ["l2"])
    assert list(rows.optimiser.unique()) == list(relearning.OPTIMISERS.values())
    assert set(rows.way) == set(relearning.WAYS)
