"""The page on goals that take turns: what it may be run with, and what it claims."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from modlib.batch import claims, tables
from modlib.study import switching
from notebooks import execute

CHANGED = [{"drawn": ["none", "walk_loops"]}, {"drawn": ["l1"]}, {"drawn": ["hard_wired", "l2"]}]
REFUSED = {"drawn.0 = 'cut'": {"drawn": ["cut"]}, "steps = 5: Extra inputs": {"steps": 5}}


@pytest.fixture(scope="module")
def goals():
    return tables.published_table("goals")


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("switching", changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("switching", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_is_told_by_its_sentence(goals):
    assert claims.judged(switching.claims(goals)).holds.all()
    of_l2 = (goals.penalty == "l2") & (goals.schedule == switching.ONCE)
    judged = claims.judged(switching.claims(goals.assign(ari=goals.ari.mask(of_l2, 0.1))))
    assert judged[~judged.holds].claim.tolist() == ["L2 finds the halves there."]


def test_ends_are_means_of_the_last_two_switches_and_of_both_goals_alone(goals):
    ends = switching.ends(goals).set_index(["penalty", "schedule", "seed"])
    own = goals[(goals.penalty == "l2") & (goals.seed == 3)]
    turns = own[own.schedule == switching.SLOW].sort_values("epoch").tail(2)
    assert ends.cost["l2", switching.SLOW, 3] == pytest.approx(turns.cost.mean())
    alone = [own[own.schedule == goal].sort_values("epoch").ari.iloc[-1] for goal in ("AND", "OR")]
    assert ends.ari["l2", "one goal", 3] == pytest.approx(np.mean(alone))


def test_a_rank_correlation_has_the_interval_of_its_resamples():
    x = pd.Series(np.random.default_rng(0).normal(size=40))
    row = switching.rank_correlation(x, x + np.random.default_rng(1).normal(size=40)).iloc[0]
    expected = stats.spearmanr(x, x + np.random.default_rng(1).normal(size=40)).statistic
    assert row["mean"] == pytest.approx(expected)
    assert 0.1 < row.low < row["mean"] < row.high < 1


def test_switches_have_each_network_at_each_step(goals):
    rows = switching.switches(goals)["last two switches"]
    own = goals[(goals.schedule == switching.SLOW) & (goals.penalty == "none") & (goals.seed == 0)]
    last = own.sort_values("epoch").tail(2)
    drawn = rows[(rows.penalty == "none") & (rows.seed == 0)].set_index("step").accuracy
    for step, value in drawn.items():
        assert value == pytest.approx(last[f"seen_{step}"].mean())
    assert drawn.index.max() <= switching.LONGEST


def test_panels_have_the_steps_of_schedules_that_take_turns_alone(goals):
    rows = switching.panels(goals, ["l2"])
    costs = rows[rows.measure == "steps to follow"]
    assert list(costs.schedule.unique()) == ["in turn, every 100 steps", switching.SLOW]
    ends = switching.ends(goals)
    own = ends[(ends.penalty == "l2") & (ends.schedule == switching.SLOW)].cost
    assert costs[costs.schedule == switching.SLOW].value.mean() == pytest.approx(own.mean())
