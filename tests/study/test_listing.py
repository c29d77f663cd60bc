"""The page of all networks: every row, under names that readers know."""

import pandas as pd
import pytest

from modlib.batch import claims, tables
from modlib.batch.names import NAMES
from modlib.batch.pages import Page
from modlib.study import listing
from notebooks import execute

CHANGED = [{"table": "rivals"}, {"table": "pretrained", "shown": 1}, {"shown": 100}]
REFUSED = {
    "table = 'network': Input should be 'networks'": {"table": "network"},
    "shown = 0: Input should be greater than or equal to 1": {"shown": 0},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    made = execute("listing", changed)
    assert not made["page"].own
    assert len(made["rows"]) == len(tables.published_table(changed.get("table", "networks")))


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("listing", REFUSED[message])


def test_rows_keep_their_numbers_under_the_names_that_the_book_has():
    published = tables.published()
    rows = listing.listed(published)
    assert not {"key", "commit", "versions", "seconds"} & set(rows)
    assert rows["agreement (ARI)"].equals(published.ari.rename("agreement (ARI)"))
    named = dict(zip(published.penalty, rows.penalty, strict=True))
    assert named["less_decay"] == "less decay"
    assert all(named[name] == NAMES[name] for name in named if name in NAMES)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"status": "diverged"}, "No network has diverged"),
        ({"task": "retina"}, "Every row of the table is listed"),
    ],
    ids=str,
)
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(changed, sentence):
    published = pd.concat([tables.published().head(20).assign(**changed)] * 2)
    held = listing.claims(
        published, listing.listed(published).iloc[: 40 - 20 * ("task" in changed)]
    )
    with pytest.raises(AssertionError, match=sentence):
        claims.shown(Page("listing", True), held)
