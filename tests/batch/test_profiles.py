"""Profiles that are another's on other seeds: which seeds move, and that all else stays."""

import pytest
import yaml

from modlib.batch import profiles
from modlib.batch.checkout import WORKFLOW
from modlib.batch.plan import all_parts, planned


@pytest.fixture
def paper():
    return yaml.safe_load((WORKFLOW / "paper.yaml").read_text("utf-8"))


@pytest.fixture
def fresh():
    return yaml.safe_load((WORKFLOW / "fresh.yaml").read_text("utf-8"))


def seeds_of(entry, name="", above=""):
    """Yield every list of seeds in tables, with the name of what it stands under."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            yield from seeds_of(value, key, name)
    elif "seeds" in name or "seeds" in above:
        yield name, entry


def test_a_profile_of_its_own_is_left_as_it_is(paper):
    assert profiles.whole(paper) is paper


def test_seeds_are_later_and_fewer_and_none_was_seen(paper, fresh):
    whole = profiles.whole(fresh)
    seen = {seed for _, seeds in seeds_of(paper["tables"]) for seed in seeds}
    found = list(seeds_of(whole["tables"]))
    assert len(found) > len(whole["tables"])  # some have seeds for selection, too
    for name, seeds in found:
        assert not seen & set(seeds)
        assert min(seeds) >= fresh["later"]
        assert len(seeds) <= fresh["most"]["selection" if "selection" in name else "evaluation"]
    for part in all_parts(whole).values():
        assert part["selection_seeds"] == [1100, 1101]
        assert part["evaluation_seeds"] == [*range(1000, 1000 + len(part["evaluation_seeds"]))]
        assert len(part["evaluation_seeds"]) in (5, 6)


def test_all_but_seeds_places_and_tables_left_out_is_as_it_was(paper, fresh):
    whole = profiles.whole(fresh)
    tasks = [{task for group in of["groups"] for task in group["tasks"]} for of in (paper, whole)]
    left_out = set(paper["tables"]) - set(whole["tables"]), tasks[0] - tasks[1]
    assert set.union(*left_out) == set(fresh["without"])
    for name, parameters in whole["tables"].items():
        same = {key for key, value in parameters.items() if paper["tables"][name][key] == value}
        assert all("seeds" in key for key in set(parameters) - same), name
        assert list(parameters) == list(paper["tables"][name])
    for group, old in zip(whole["groups"], paper["groups"], strict=True):
        changed = {"selection_seeds", "evaluation_seeds", "tasks"}
        assert {key for key in group if group[key] != old[key]} <= changed
    assert {key for key in paper if whole[key] != paper[key]} == {
        "build", "groups", "networks_of", "results", "tables",
    }  # fmt: skip


def test_what_is_made_is_what_the_sweep_can_make(fresh, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = planned(profiles.whole(fresh))
    assert set(plan.trained)
    assert len(plan.stale) == len(plan.parts)


def test_a_table_that_there_is_not_cannot_be_left_out(fresh):
    with pytest.raises(
        ValueError, match="'without' needs tables or tasks of paper, got rivales; it has"
    ):
        profiles.whole(fresh | {"without": ["rivales"]})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"later": 100}, "'later' needs to lead to seeds that paper does not have, got 100, which"),
        ({"later": -1}, "'later' needs to lead to seeds that paper does not have, got -1"),
        ({"most": {"selection": 2, "evaluation": 0}}, "'most' needs one network or more for each"),
        ({"like": "papre"}, "there is no file .*papre.yaml"),
    ],
)
def test_what_would_give_old_seeds_or_none_is_refused(fresh, changed, message):
    with pytest.raises(ValueError, match=message):
        profiles.whole(fresh | changed)


def test_what_is_missing_is_named(fresh):
    del fresh["later"], fresh["without"]
    with pytest.raises(
        ValueError, match="needs 'later', 'most' and 'without', got none of later, wi"
    ):
        profiles.whole(fresh)
