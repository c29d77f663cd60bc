"""Tables: what is refused and how it is said, and what is kept."""

import math

import pandas as pd
import pytest

from modlib.results import check, publish, published, read, write

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
