"""The page on communities of pixels: what it may be run with, and what it claims."""

import numpy as np
import pytest

from modlib import TASKS
from modlib.batch import claims, tables
from modlib.study import images
from notebooks import execute

CHANGED = [
    {"drawn": ["walk_loops"]},
    {"drawn": ["none", "cut", "hard_wired", "l2"]},
    {"drawn": ["none"], "task": "mnist"},
]
REFUSED = {
    "drawn = '\\[none\\]'": {"drawn": "[none]"},
    "drawn.0 = 'communicability'": {"drawn": ["communicability"]},
    "task = 'retna'": {"task": "retna"},
    "strenghts = 0.2": {"strenghts": 0.2},
}


@pytest.fixture(scope="module")
def networks():
    return images.of_page(tables.published())


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_penalties(changed):
    made = execute("images", changed)
    assert not made["page"].own
    assert list(made["two"]) == changed["drawn"]


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("images", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch, networks):
    worse = networks.assign(ari=networks.ari.where(networks.penalty != "walk_loops", 0.1))
    monkeypatch.setattr(tables, "published", lambda: worse)
    with pytest.raises(AssertionError, match="'and along the digits"):
        execute("images", {})


def test_pixels_astray_are_those_outside_the_commonest_community_of_their_half():
    live = TASKS["two_mnist"]().live
    communities = np.repeat([7, 3], [196, 216])
    mistaken = np.flatnonzero(live)[[0, 5]]
    communities[mistaken] = 3
    found = images.astray(images.Pixels(np.ones((392, 20)), communities))
    assert list(found.index[found.astray]) == list(mistaken)
    assert len(found) == live.sum()
    assert images.lit(found).pixels.to_dict() == {
        "their own digit": live.sum() - 2,
        "the other digit": 2,
    }


def test_the_weight_at_dead_pixels_is_a_share_of_the_first_layer():
    W = tables.published_network("two_mnist", "cut").chain[0][0].abs()
    live = TASKS["two_mnist"]().live
    rest = sum(float(row.sum()) for row, lit in zip(W, live, strict=True) if lit)
    assert images.dead_weight("two_mnist", "cut") == pytest.approx(1 - rest / float(W.sum()))


def test_every_claim_holds_in_each_of_its_situations(networks):
    made = images.claims(networks, images.pixels("two_mnist", "walk_loops"))
    assert [len(claim.values) for claim in made] == [1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 2]
    assert claims.judged(made).holds.all()
