"""What is told of a batch that was harmed."""

import pandas as pd
import pytest

from modlib.batch import survival


def test_faults_are_counted_with_their_exit_statuses(tmp_path, monkeypatch):
    monkeypatch.setattr(survival, "FOLDER", tmp_path)
    told = {
        "fault": ["kill", "kill", survival.PLAIN],
        "exit": [1, -9, 0],
        "whole": [True, False, True],
    }
    pd.DataFrame(told).to_csv(tmp_path / "faults.csv", index=False)
    table = survival.survived()
    assert table.loc["kill"].tolist() == [2, "-9, 1", 1]
    assert table.loc[survival.PLAIN].tolist() == [1, "0", 1]


def test_nothing_that_was_published_was_harmed_and_the_plain_command_mended_the_rest():
    table = survival.survived()
    assert (table["times whole"] == table.times).all()
    assert table.index[-1] == "then the plain command"
    kills = table[table.index.str.startswith("kill of")]
    assert kills.times.sum() == 25
    assert table.loc["then the plain command", "exit status"] == "0"


def test_a_missing_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(survival, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="there is no file"):
        survival.survived()
