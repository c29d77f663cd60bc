"""The page on closing triads: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, pages
from modlib.study import closure
from notebooks import execute

SMALL = {
    "seeds": [0, 1, 2], "n_nodes": 16, "density": 0.2, "blocks": 2, "checkpoints": [0, 50, 2_000],
    "nulls": 1, "gain_runs": 100, "increments": [1.0], "rounds": 20,
}  # fmt: skip
CHANGED = [
    SMALL | {"seeds": [0, 1]},
    SMALL | {"seeds": [7], "blocks": 4, "checkpoints": [0, 1]},
    SMALL | {"density": 0.05, "strong_decay": 0.9, "decay": 0.0, "checkpoints": [0, 5_000]},
    SMALL | {"increments": [5.0, 0.5], "threshold": 2.0, "rounds": 1, "density": 0.5},
]
REFUSED = {
    "seeds = .*: Input should be a valid list": {"seeds": "[0, 1]"},
    "checkpoints = \\[300, 1000\\]: Value error, they need to rise": {"checkpoints": [300, 1000]},
    "5 equal blocks of 48 nodes": {"blocks": 5},
    "decay = 1.0": {"decay": 1.0},
    "decays = 0.2": {"decays": 0.2},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=range(len(CHANGED)))
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("triads", changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("triads", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch):
    own = SMALL | {"decay": 0.1, "strong_decay": 0.3, "threshold": 0.5, "rounds": 1}
    monkeypatch.setattr(pages, "own_parameters", lambda name: own)
    # as if the procedure did nothing
    monkeypatch.setattr(closure, "close_triads", lambda graph, *_, **__: graph)
    with pytest.raises(AssertionError, match="'At the end they are gone\\.' does not hold"):
        execute("triads", SMALL | {"rounds": 1})
    assert "not here" in execute("triads", SMALL)["held"].to_html()


def test_claims_rest_on_every_start_setting_and_step():
    names = execute("triads", SMALL)
    made = names["made"]
    assert [len(claim.values) for claim in made] == [12, 3, 1, 3, 1, 4, 2, 1, 1, 2, 1, 1, 1, 2, 2]
    assert len(claims.judged(made)) == len(made)
    edges, hubs = made[5].values, made[6].values
    assert edges.index.to_list()[0] == ("planted", "decay")
    assert (edges["mean"] > 50).all()
    means = names["courses"].groupby(["start", "setting", "step"]).hubs.mean()
    gained = [means["random", setting, 2_000] for setting in ("decay and removal", "no decay")]
    assert hubs["mean"]["random", 2_000] == pytest.approx(gained[0] - gained[1])
    assert hubs.index.to_list() == [("planted", 2_000), ("random", 2_000)]
