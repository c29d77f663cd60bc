"""Penalties on trial: which strength is chosen, how it is judged, and against what."""

import math

import numpy as np
import pandas as pd
import pytest
from rows import ROW, table
from scipy import stats

from modlib.batch.selection import (
    COMPARED,
    SUMMARISED,
    chosen_strengths,
    differences,
    end_of_grid,
    judged,
    summary,
    summary_at,
    with_end,
)
from modlib.batch.statistics import FEWEST_PAIRS, interval
from modlib.batch.tables import read, text


def networks(penalty, strength, validation, excess, role="selection", **change):
    """Rows of one penalty and strength, three or one per value, with accuracy, excess and share."""
    count = max(3, np.size(validation), np.size(excess))
    pairs = zip(np.broadcast_to(validation, count), np.broadcast_to(excess, count), strict=True)
    return [
        {
            "penalty": penalty, "strength": strength, "role": role, "seed": seed,
            "validation_accuracy": float(v), "excess": float(e),
            "share": float(e), **change,
        }
        for seed, (v, e) in enumerate(pairs, 100 if role == "selection" else 0)
    ]  # fmt: skip


NONE = networks("none", 0.0, [0.89, 0.90, 0.91], 0.0)


def test_the_strength_of_largest_share_within_the_accuracy_margin_is_chosen():
    rows = [
        *NONE,
        *networks("l1", 0.1, 0.92, 0.10),
        # 0.4 points below no penalty's mean of 0.900
        *networks("l1", 0.2, [0.88, 0.90, 0.908], 0.20),
        # 0.6 points below
        *networks("l1", 0.3, 0.894, 0.30),
    ]
    chosen = chosen_strengths(table(*rows))
    assert chosen.to_dict() == {("retina", "none"): 0.0, ("retina", "l1"): 0.2}


def test_a_strength_of_which_a_network_diverged_is_not_chosen():
    rows = [*NONE, *networks("l1", 0.1, 0.9, 0.1), *networks("l1", 0.2, 0.9, [0.5, 0.6, 0.7])]
    assert chosen_strengths(table(*rows))["retina", "l1"] == 0.2
    rows[-1] |= {"status": "diverged", "validation_accuracy": math.nan, "excess": math.nan}
    assert chosen_strengths(table(*rows))["retina", "l1"] == 0.1


def test_a_summary_at_a_strength_is_that_of_its_networks_whichever_was_chosen():
    rows = [
        *NONE,
        *networks("l1", 0.1, 0.9, [0.1, 0.2, 0.6]),
        *networks("l1", 0.2, 0.9, 0.9),
        *networks("l1", 0.1, 0.9, [0.1, 0.2, 0.6], role="evaluation"),
        *networks("l1", 0.2, 0.9, 0.9, role="evaluation"),
    ]
    assert chosen_strengths(table(*rows))["retina", "l1"] == 0.2
    row = summary_at(table(*rows), "l1", 0.1).loc["retina"]
    assert (row.strength, row.networks) == (0.1, 3)
    assert row.excess == pytest.approx(0.3)


def test_a_penalty_without_an_eligible_strength_is_left_out():
    rows = [*NONE, *networks("l1", 0.1, 0.8, 0.5), *networks("l2", 0.1, 0.9, 0.1)]
    assert set(chosen_strengths(table(*rows)).index) == {("retina", "none"), ("retina", "l2")}


def test_strengths_are_chosen_by_the_selection_seeds_alone():
    rows = [
        *NONE,
        *networks("l1", 0.1, 0.9, 0.2),
        *networks("l1", 0.2, 0.9, 0.1),
        *networks("l1", 0.1, 0.5, 0.0, role="evaluation"),
        *networks("l1", 0.2, 0.9, 0.9, role="evaluation"),
    ]
    assert chosen_strengths(table(*rows))["retina", "l1"] == 0.1


def test_each_task_is_held_against_its_own_networks_without_penalty():
    other = {"task": "two_digits"}
    rows = [
        *NONE,
        *networks("none", 0.0, 0.7, 0.0, **other),
        *networks("l1", 0.1, 0.8, 0.1),
        *networks("l1", 0.1, 0.8, 0.1, **other),
    ]
    chosen = chosen_strengths(table(*rows))
    assert ("two_digits", "l1") in chosen.index
    assert ("retina", "l1") not in chosen.index


def test_each_strength_is_held_against_networks_without_penalty_of_the_same_seeds():
    # those of seeds 103 and 104, on which only no penalty was tried, are worse than others
    other = [{**NONE[0], "seed": seed, "validation_accuracy": 0.2} for seed in (103, 104)]
    rows = [*NONE, *networks("l1", 0.1, 0.9, 0.1), *networks("l1", 0.2, 0.7, 0.5)]
    for all_rows in (rows, [*rows, *other]):
        assert chosen_strengths(table(*all_rows))["retina", "l1"] == 0.1


def test_nothing_is_chosen_where_no_network_without_penalty_is_left():
    lost = [row | {"status": "diverged", "validation_accuracy": math.nan} for row in NONE]
    chosen = chosen_strengths(table(*lost, *networks("l1", 0.1, 0.9, 0.1)))
    assert chosen.get(("retina", "l1")) is None


def test_a_run_and_its_table_choose_the_same_strength_even_at_the_margin(tmp_path):
    rng = np.random.default_rng(0)
    rows, expected = [], {}
    for task in (f"task_{n}" for n in range(60)):
        reference, more = rng.integers(1_000, 1_900, 3), rng.integers(-1, 2)
        # on average ten of 2,000 examples fewer, which is the margin, or a third more or less
        own = rng.permutation(reference) - 10 + [0, 0, more]
        rows += [
            *networks("none", 0.0, reference / 2_000, 0.0, task=task),
            *networks("l1", 0.1, 0.95, 0.1, task=task),
            *networks("l1", 0.2, own / 2_000, 0.2, task=task),
        ]
        expected[task, "none"], expected[task, "l1"] = 0.0, 0.2 if more >= 0 else 0.1
    run = table(*rows)
    # as in a run, where accuracies have single precision
    run["validation_accuracy"] = run.validation_accuracy.astype(np.float32)
    content = text("networks", run.astype({"validation_accuracy": float}))
    (tmp_path / "networks.csv").write_text(content)
    for same in (run, read(tmp_path / "networks.csv")):
        assert chosen_strengths(same).to_dict() == expected


def test_a_summary_judges_the_chosen_strength_on_the_evaluation_seeds():
    judged = [0.1, 0.2, 0.6]
    rows = [
        *NONE,
        *networks("none", 0.0, 0.9, 0.0, role="evaluation"),
        *networks("l1", 0.1, 0.9, 0.2),
        *networks("l1", 0.2, 0.9, 0.1),
        *networks("l1", 0.1, 0.9, judged, role="evaluation", ari=0.5),
        *networks("l1", 0.2, 0.9, 0.9, role="evaluation"),
        *networks("l2", 0.1, 0.5, 0.2),
        *networks("l2", 0.1, 0.5, 0.2, role="evaluation"),
    ]
    rows.append(rows[-1] | {"seed": 7, "penalty": "l1", "status": "diverged", "excess": math.nan})
    found = summary(table(*rows))
    l1, l2 = found.loc[("retina", "l1")], found.loc[("retina", "l2")]
    assert (l1.strength, l1.networks, l1.diverged) == (0.1, 3, 1)
    assert l1.excess == pytest.approx(0.3)
    assert (l1.excess_low, l1.excess_high) == tuple(interval(judged))
    assert l1.ari == l1.ari_low == l1.ari_high == 0.5
    assert l1[["specialisation", "specialisation_low"]].isna().all()
    # no strength of L2 keeps the accuracy
    assert math.isnan(l2.strength)
    assert (l2.networks, l2.diverged) == (0, 0)
    assert math.isnan(l2.excess)


def test_a_summary_judges_other_strengths_where_they_are_given():
    rows = [
        *NONE,
        *networks("none", 0.0, 0.9, 0.0, role="evaluation"),
        *networks("l1", 0.1, 0.9, 0.2),
        *networks("l1", 0.1, 0.9, 0.3, role="evaluation"),
        *networks("l1", 0.2, 0.9, 0.6, role="evaluation"),
        *networks("l2", 0.1, 0.9, 0.4, role="evaluation"),
    ]
    given_ = pd.Series({("retina", "none"): 0.0, ("retina", "l1"): 0.2})
    found = summary(table(*rows), given_)
    assert found.strength.loc["retina", ["none", "l1"]].tolist() == [0.0, 0.2]
    assert found.excess.loc["retina", ["none", "l1"]].tolist() == pytest.approx([0.0, 0.6])
    assert math.isnan(found.strength["retina", "l2"])
    assert found.networks.to_dict() == {
        ("retina", "none"): 3, ("retina", "l1"): 3, ("retina", "l2"): 0,
    }  # fmt: skip
    assert summary(table(*rows)).excess["retina", "l1"] == pytest.approx(0.3)


def test_every_measure_that_is_named_is_summarised_and_no_other():
    names = ["strengths_excess", "live_excess", "conductance", "pruned_excess", "pruned_accuracy"]
    # each a value of its own, so that none can stand for another
    values = {name: [0.1 * k, 0.1 * k + 0.02, 0.1 * k + 0.07] for k, name in enumerate(names, 1)}
    judged = networks("none", 0.0, 0.9, 0.0, role="evaluation")
    for row, *own in zip(judged, *values.values(), strict=True):
        row |= dict(zip(names, own, strict=True))
    found = summary(table(*NONE, *judged)).loc["retina", "none"]
    for name, own in values.items():
        assert found[name] == pytest.approx(np.mean(own))
        assert (found[f"{name}_low"], found[f"{name}_high"]) == tuple(interval(own))
    assert set(names) < set(SUMMARISED) < set(ROW)
    assert len(found) == 3 + 3 * len(SUMMARISED)


def test_differences_pair_the_evaluation_seeds():
    own, reference = [0.5, 0.1, 0.9], [0.2, 0.1, 0.3]
    rows = [
        *NONE,
        *networks("none", 0.0, 0.9, reference, role="evaluation"),
        *networks("l1", 0.1, 0.9, 0.2),
        # in another order, the seeds are paired all the same
        *networks("l1", 0.1, 0.9, own, role="evaluation")[::-1],
        *networks("l1", 0.2, 0.9, 0.1),
        *networks("l1", 0.2, 0.9, 0.9, role="evaluation"),
    ]
    found = differences(table(*rows))
    excess = found.loc[("retina", "l1", "excess")]
    paired = [0.5 - 0.2, 0.1 - 0.1, 0.9 - 0.3]
    assert excess.networks == 3
    assert excess["mean"] == pytest.approx(0.3)
    assert (excess.low, excess.high) == pytest.approx(interval(paired))
    assert list(found.index.get_level_values("measure")) == COMPARED
    # no network has a specialisation, and no penalty is compared with itself
    assert found.loc[("retina", "l1", "specialisation")].networks == 0
    assert set(found.index.get_level_values("penalty")) == {"l1"}


@pytest.mark.parametrize(("lost", "is_chosen"), [(0.005 + 5e-7, True), (0.005 + 2e-6, False)])
def test_a_strength_may_cost_the_margin_and_what_six_digits_round(lost, is_chosen):
    rows = [*NONE, *networks("l1", 0.1, 0.9, 0.1), *networks("l1", 0.2, 0.9 - lost, 0.2)]
    assert chosen_strengths(table(*rows))["retina", "l1"] == (0.2 if is_chosen else 0.1)


def test_strengths_are_not_chosen_without_unpenalised_networks():
    with pytest.raises(ValueError, match="add rows with the penalty 'none'"):
        chosen_strengths(table(*networks("l1", 0.1, 0.9, 0.2)))


def paired(count):
    """The differences of a penalty to none with so many pairs, and the two penalties' excess."""
    rng = np.random.default_rng(0)
    own, reference = rng.normal(0.3, 0.1, count), rng.normal(0.2, 0.1, count)
    rows = [
        *NONE,
        *networks("none", 0.0, 0.9, list(reference), role="evaluation"),
        *networks("l1", 0.1, 0.9, 0.2),
        *networks("l1", 0.1, 0.9, list(own), role="evaluation"),
    ]
    return differences(table(*rows)).loc["retina", "l1"], own, reference


def test_p_values_are_wilcoxons_corrected_by_holm():
    found, own, reference = paired(FEWEST_PAIRS)
    # accuracy is equal throughout, the share is the excess, the others are not defined
    assert found.p.accuracy == 1.0
    assert found.p[["ari", "specialisation"]].isna().all()
    assert found.p.excess == pytest.approx(3 * stats.wilcoxon(own - reference).pvalue)


def test_there_are_no_p_values_of_fewer_pairs_than_can_reject():
    found, own, reference = paired(FEWEST_PAIRS - 1)
    assert found.p.isna().all()
    assert found["mean"].excess == pytest.approx(np.mean(own - reference))
    assert (found.low.excess, found.high.excess) == pytest.approx(interval(own - reference))
    least = [stats.wilcoxon(np.arange(1, n + 1)).pvalue for n in (FEWEST_PAIRS - 1, FEWEST_PAIRS)]
    assert least[1] < 0.05 < least[0]


def test_a_strength_at_an_end_of_its_grid_is_told_to_be_there():
    ends = [end_of_grid(strength, [0.1, 0.003, 0.01]) for strength in (0.003, 0.01, 0.1)]
    assert ends == ["lowest", "", "highest"]
    assert end_of_grid(1.0, [1.0]) == ""
    assert with_end(0.003, [0.003, 0.1]) == "0.003 (lowest)"
    assert with_end(0.01, [0.003, 0.01, 0.1]) == "0.01"


def test_networks_are_judged_at_the_chosen_strength_or_the_weakest_judged():
    rows = [
        *NONE,
        *networks("none", 0.0, 0.9, 0.0, role="evaluation"),
        *networks("l1", 0.1, 0.9, 0.1),
        *networks("l1", 0.1, 0.9, 0.1, role="evaluation"),
        *networks("l1", 0.2, 0.9, 0.2),
        *networks("l1", 0.2, 0.9, 0.2, role="evaluation"),
        # costs too much at any strength, of which the weakest is not judged
        *networks("l2", 0.05, 0.5, 0.1),
        *networks("l2", 0.1, 0.5, 0.1),
        *networks("l2", 0.1, 0.5, 0.1, role="evaluation"),
        *networks("l2", 0.3, 0.5, 0.1, role="evaluation"),
    ]
    found = judged(table(*rows))
    assert (found.role == "evaluation").all()
    at = found.groupby("penalty").strength.unique().map(list)
    assert at.to_dict() == {"l1": [0.2], "l2": [0.1], "none": [0.0]}
