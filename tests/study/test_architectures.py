"""The page on other architectures: what it may be run with, and what it claims."""

import pandas as pd
import pytest

from modlib.batch import claims, pages
from modlib.batch.names import PENALTY_NAMES
from modlib.batch.tables import published_table
from modlib.figures import architectures as figures
from modlib.study import architectures
from modlib.study.model_tasks import CASES
from notebooks import execute

SMALL = {"drawn": {"LSTM": "walk_loops"}, "seed": 1, "steps": 2, "nulls": 2}
CHANGED = [
    {"drawn": {"LeNet": "none", "ResNet": "walk_loop_steps"}, "steps": 1},
    {"drawn": {"transformer": "l1"}, "seed": 7, "nulls": 3},
]
REFUSED = {
    "drawn.MLP.*: Input should be 'LeNet'": {"drawn": {"MLP": "l1"}},
    "drawn = {}: Dictionary should have at least 1": {"drawn": {}},
    "drawn.LSTM = 'cut'": {"drawn": {"LSTM": "cut"}},
    "steps = 0": {"steps": 0},
    "nulls = 1": {"nulls": 1},
    "seeds = 3": {"seeds": 3},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    made = execute("architectures", SMALL | changed)
    assert not made["page"].own
    drawn = [f"{a}, {PENALTY_NAMES[penalty]}" for a, penalty in changed["drawn"].items()]
    assert list(made["networks"]) == drawn


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("architectures", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch):
    monkeypatch.setattr(pages, "own_parameters", lambda name: SMALL)
    monkeypatch.setattr(architectures, "MODULAR", 1.5)
    with pytest.raises(AssertionError, match="'The residual network's communities are"):
        execute("architectures", SMALL)
    assert "not here" in execute("architectures", SMALL | {"steps": 1})["held"].to_html()


def test_every_architecture_is_in_the_table_and_may_be_drawn():
    table = published_table("models")
    assert set(table.architecture) == set(CASES)
    assert set(architectures.Architecture.__args__) == set(CASES)
    each = table.groupby(["architecture", "penalty", "strength"]).seed.nunique()
    assert (each == table.seed.nunique()).all()


def test_each_network_of_the_table_is_a_point_of_each_panel():
    table = published_table("models")
    fig = figures.networks(table, architectures.MEASURES)
    for ax, measure in zip(fig.axes, architectures.MEASURES, strict=True):
        drawn = [x for line in ax.lines for x in line.get_xdata() if line.get_marker() != "None"]
        assert pd.Series(drawn).count() == table[measure].count()


def test_walk_loops_are_those_at_their_default_and_seeds_stay_together():
    rows = [("A", "none", 0.0, s, a) for s, a in enumerate([0.9, 0.8, 1.0])]
    rows += [("A", "walk_loops", 0.15, s, a) for s, a in enumerate([0.7, 0.6, 0.8])][::-1]
    rows += [("A", "walk_loops", 0.5, s, 0.0) for s in range(3)]
    table = pd.DataFrame(rows, columns=["architecture", "penalty", "strength", "seed", "accuracy"])
    none, own = (architectures.of_each(table, p, "accuracy", ["A"]) for p in ("none", "walk_loops"))
    assert own.loc["A"].tolist() == [0.7, 0.6, 0.8]
    assert architectures.means(none - own).loc["A"].tolist() == pytest.approx([0.2, 0.2, 0.2])


def test_a_network_is_modular_if_share_and_agreement_are_large_where_there_is_one():
    table = pd.DataFrame({"share": [0.6, 0.6, 0.4, 0.6], "ari": [0.9, 0.2, 0.9, None]})
    assert architectures.is_modular(table).tolist() == [True, False, False, True]


def test_there_is_a_claim_for_each_sentence():
    made = execute("architectures", SMALL)["made"]
    assert len(claims.judged(made)) == len(made) == 14


def test_means_are_of_all_but_networks_of_stronger_walk_loops():
    table = published_table("models")
    means = architectures.summary(table)
    strong = architectures.stronger(table)
    assert set(strong.strength) == {0.5}
    one = table[(table.architecture == "LSTM") & (table.penalty == "walk_loops")]
    one = one[one.strength == architectures.DEFAULT]
    assert means.loc[("LSTM", "walk_loops"), "share"] == pytest.approx(one.share.mean())
    assert len(means) == len(table.groupby(["architecture", "penalty"]))
