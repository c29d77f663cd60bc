"""Tables: what is refused and how it is said, what is kept, which strength is chosen."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from modlib.results import (
    check,
    chosen_strengths,
    differences,
    interval,
    publish,
    published,
    read,
    summary,
    write,
)

ROW = {
    "task": "retina", "penalty": "none", "strength": 0.0, "seed": 0, "role": "evaluation",
    "status": "ok", "accuracy": 0.9, "validation_accuracy": 0.9, "q": 0.3, "q_null_mean": 0.2,
    "q_null_std": 0.01, "excess": 0.1, "communities": 3.0, "ari": math.nan,
    "specialisation": math.nan, "steps": 10, "seconds": 1.5, "versions": "python 3; torch 2",
    "commit": "0123456", "key": "12345678",
}  # fmt: skip


def table(*changes):
    """Return a table of one row per change to the same row, each with a seed of its own."""
    return pd.DataFrame([{**ROW, "seed": seed, **change} for seed, change in enumerate(changes)])


def test_a_table_comes_back_as_it_was_written(tmp_path):
    original = table(
        {"penalty": "l2", "strength": 1e-5, "ari": 0.25, "accuracy": 0.123456},
        {"status": "diverged", "accuracy": math.nan, "q": math.nan, "commit": "00012e5"},
        # read back, neither is a missing value or a number
        {"task": "NA", "key": "0000000000000001", "versions": "nan"},
    )
    write(original, tmp_path / "new" / "networks.csv")
    back = read(tmp_path / "new" / "networks.csv")
    # whole numbers of a column of floats come back as integers
    pd.testing.assert_frame_equal(back, original, check_dtype=False)


def test_columns_are_written_in_the_order_of_the_schema(tmp_path):
    write(table({})[sorted(ROW)], tmp_path / "networks.csv")
    assert list(read(tmp_path / "networks.csv")) == list(ROW)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accuracy": 1.2}, "row 1, .*'accuracy'.*in_range"),
        ({"q": -0.6}, "row 1, .*'q'.*in_range"),
        ({"specialisation": 1.1}, "row 1, .*'specialisation'"),
        ({"q_null_std": -0.1}, "row 1, .*'q_null_std'"),
        ({"strength": -1e-3}, "row 1, .*'strength'.*in_range"),
        ({"strength": math.nan}, "row 1, .*'strength'.*null"),
        ({"seed": -1}, "row 1, .*'seed'"),
        ({"steps": 0}, "row 1, .*'steps'"),
        ({"seconds": -1.0}, "row 1, .*'seconds'"),
        ({"role": "training"}, "row 1, .*'role'.*selection"),
        ({"status": "fine"}, "row 1, .*'status'.*diverged"),
        ({"task": None}, "row 1, .*'task'.*null"),
        ({"accuracy": math.nan}, "row 1, column 'accuracy': .* needs a value, got none"),
        ({"communities": math.nan}, "row 1, column 'communities': .* needs a value, got none"),
        ({"excess": math.nan}, "row 1, column 'excess': .* needs a value, got none"),
        ({"seed": 0}, "row 0, .*seed.*not unique"),
        ({"accuracy": "high"}, "'accuracy'.*high"),
    ],
)
def test_a_bad_row_is_refused_by_its_number_and_column(change, message):
    # over several lines, so that what is in between may hold breaks
    with pytest.raises(ValueError, match=f"(?s){message}"):
        check(table({}, change, {}))


@pytest.mark.parametrize("column", ROW)
def test_a_missing_column_is_refused_by_its_name(column):
    with pytest.raises(ValueError, match=f"column '{column}' not in dataframe"):
        check(table({}).drop(columns=column))


def test_an_unknown_column_is_refused_by_its_name():
    with pytest.raises(ValueError, match="'colour'"):
        check(table({}).assign(colour="red"))


def test_the_same_network_under_another_strength_or_penalty_is_another():
    same = [{"seed": 0, "strength": 0.5}, {"seed": 0, "penalty": "l1"}, {"seed": 0, "task": "x"}]
    assert len(check(table({}, *same))) == 4


def test_a_diverged_network_needs_no_measures():
    empty = dict.fromkeys(
        ["accuracy", "validation_accuracy", "q", "excess", "communities"], math.nan
    )
    assert len(check(table({}, {"status": "diverged", **empty}))) == 2


def test_a_table_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "networks.csv"
    publish(table({}), tmp_path)
    before = path.read_bytes()
    for function, place in ((write, path), (publish, tmp_path)):
        with pytest.raises(ValueError, match="row 0"):
            function(table({"accuracy": 2.0}), place)
    assert path.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"networks.csv", "SHA256SUMS"}
    published(tmp_path)


def test_a_table_is_replaced_whole_and_nothing_else_is_left_behind(tmp_path):
    publish(table({}, {}, {}), tmp_path)
    publish(table({"accuracy": 0.5}), tmp_path)
    assert published(tmp_path).accuracy.tolist() == [0.5]
    assert {p.name for p in tmp_path.iterdir()} == {"networks.csv", "SHA256SUMS"}


def test_a_missing_table_is_refused_with_the_way_to_make_it(tmp_path):
    for function, place in ((read, tmp_path / "networks.csv"), (published, tmp_path)):
        with pytest.raises(ValueError, match=r"no table .*networks\.csv; `make reproduce`"):
            function(place)


def test_a_published_table_that_was_changed_is_refused(tmp_path):
    publish(table({}), tmp_path)
    path = tmp_path / "networks.csv"
    path.write_text(path.read_text().replace("0.9", "0.8"))
    with pytest.raises(ValueError, match=r"SHA-256 checksum .*changed by hand or not copied"):
        published(tmp_path)


@pytest.mark.parametrize("kept", [0, 50])
def test_a_published_table_that_was_cut_off_is_refused_by_its_checksum(tmp_path, kept):
    publish(table({}), tmp_path)
    path = tmp_path / "networks.csv"
    path.write_text(path.read_text()[:kept])
    with pytest.raises(ValueError, match=r"SHA-256 checksum .*changed by hand or not copied"):
        published(tmp_path)


def test_a_published_table_without_checksum_is_refused(tmp_path):
    publish(table({}), tmp_path)
    (tmp_path / "SHA256SUMS").unlink()
    with pytest.raises(ValueError, match="SHA256SUMS"):
        published(tmp_path)


def networks(penalty, strength, validation, excess, role="selection", **change):
    """Rows of one penalty and strength, one per validation accuracy, with their excess."""
    pairs = zip(np.broadcast_to(validation, 3), np.broadcast_to(excess, 3), strict=True)
    return [
        {
            "penalty": penalty, "strength": strength, "role": role, "seed": seed,
            "validation_accuracy": float(v), "excess": float(e), **change,
        }
        for seed, (v, e) in enumerate(pairs, 100 if role == "selection" else 0)
    ]  # fmt: skip


NONE = networks("none", 0.0, [0.89, 0.90, 0.91], 0.0)


def test_the_strength_of_largest_excess_within_the_accuracy_margin_is_chosen():
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
    assert (l1.excess_low, l1.excess_high) == interval(judged)
    assert l1.ari == l1.ari_low == l1.ari_high == 0.5
    assert l1[["specialisation", "specialisation_low"]].isna().all()
    # no strength of L2 keeps the accuracy
    assert math.isnan(l2.strength)
    assert (l2.networks, l2.diverged) == (0, 0)
    assert math.isnan(l2.excess)


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
    # no network has a specialisation, and no penalty is compared with itself
    assert found.loc[("retina", "l1", "specialisation")].networks == 0
    assert set(found.index.get_level_values("penalty")) == {"l1"}


VALUES = np.random.default_rng(0).lognormal(size=40)


@pytest.mark.parametrize("seed", [0, 1])
def test_an_interval_is_scipys_bca_bootstrap_of_the_mean(seed):
    expected = stats.bootstrap(
        (VALUES,), np.mean, confidence_level=0.95, method="BCa", rng=np.random.default_rng(seed)
    ).confidence_interval
    assert interval(VALUES, seed) == (expected.low, expected.high)
    assert interval(VALUES) == interval(VALUES.tolist(), seed=0)


def test_an_interval_of_many_symmetric_values_is_that_of_the_normal_distribution():
    values = stats.norm.ppf((np.arange(400) + 0.5) / 400)
    half_width = 1.96 * values.std() / 20
    # 9,999 resamples place a 2.5 % quantile to about two parts in a hundred
    assert interval(values) == pytest.approx((-half_width, half_width), rel=0.05)


def test_the_interval_of_equal_values_is_that_value():
    assert interval([0.3, 0.3, 0.3]) == (0.3, 0.3)


@pytest.mark.parametrize("values", [[0.1, 0.2], [], [0.1, 0.2, math.nan], [0.1, 0.2, math.inf]])
def test_an_interval_of_too_little_is_refused(values):
    with pytest.raises(ValueError, match="three finite values or more, got"):
        interval(values)
