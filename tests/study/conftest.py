"""Pages and tables are tested with few sweeps in each search, and ask for nothing twice."""

from pathlib import Path

import pytest
import searches
from remembered import remembered

from modlib.batch import selection, statistics, tables
from modlib.figures import style
from modlib.figures import tables as shown_tables


@pytest.fixture(scope="module", autouse=True)
def _searches_are_brief():
    with searches.brief():
        yield


@pytest.fixture(scope="module", autouse=True)
def _same_tables_and_rows_are_asked_for_once(remembering):
    with pytest.MonkeyPatch.context() as patch:
        for owner, name, function in remembering:
            patch.setattr(owner, name, function)
        yield


@pytest.fixture(autouse=True)
def _tables_that_pages_show_are_short(monkeypatch):
    shown = shown_tables.shown

    def short(rows, caption, *form):
        assert len(rows) <= 15, f"{len(rows)} rows: {caption}"
        return shown(rows, caption, *form)

    monkeypatch.setattr(shown_tables, "shown", short)


@pytest.fixture(scope="session")
def remembering():
    """Functions that remember their answers, and the places that they are called from."""
    intervals, paired = remembered(statistics.intervals), remembered(statistics.paired)
    read = remembered(lambda name, path, changed: read_table(name, path))
    read_table = tables.read_table

    def read_once(name, path):
        if not isinstance(path, Path) or not path.exists():
            return read_table(name, path)
        return read(name, path, path.stat().st_mtime_ns)

    return [
        *((owner, "intervals", intervals) for owner in (statistics, selection, style)),
        *((owner, "paired", paired) for owner in (statistics, selection)),
        (tables, "read_table", read_once),
    ]
