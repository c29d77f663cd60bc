"""The page on memory and criticality: what it may be run with, and what it claims."""

import numpy as np
import pytest

from modlib.batch import claims, tables
from modlib.study import criticality
from notebooks import execute

BUDGET = {"drawn": 2, "times": 1_000}
CHANGED = [BUDGET, BUDGET | {"model": "threshold"}, {"drawn": 1, "times": 2_000}]
REFUSED = {
    "model = 'relu': Input should be 'tanh' or 'threshold'": {"model": "relu"},
    "drawn = 0: Input should be greater than or equal to 1": {"drawn": 0},
    "times = 2000.0: Input should be a valid integer": {"times": 2e3},
    "radius = 0.95": {"radius": 0.95},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("criticality", changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("criticality", REFUSED[message])


@pytest.fixture(scope="module")
def published():
    return tables.published_table("reservoirs"), tables.published_table("recurrent")


@pytest.mark.slow
def test_a_claim_broken_on_purpose_is_told_by_its_sentence(published):
    table, recurrent = published
    assert claims.judged(criticality.claims(table, recurrent)).holds.all()
    spread = (table.measure == "activity") & (table.between == 0.0)
    broken = table.assign(value=table.value.mask(spread, 0.9))
    judged = claims.judged(criticality.claims(broken, recurrent))
    (sentence,) = judged[~judged.holds].claim
    assert sentence.startswith("Modules contain activity")


def test_the_best_share_is_chosen_on_even_seeds_and_judged_on_odd_ones(published):
    wide = criticality.by_share(published[0], "tanh", "half", 1.1)
    assert wide.shape == (20, 7)
    even, odd = wide[wide.index % 2 == 0], wide[wide.index % 2 == 1]
    best = max(even, key=lambda share: even[share].sum())
    row = criticality.at_best(wide, 0.9)
    assert row["mean"] == pytest.approx(np.mean([odd[best][n] - odd[0.9][n] for n in odd.index]))


def test_information_peaks_are_looked_for_at_each_kind(published):
    edge = criticality.edge_of_chaos(published[0])
    rows = criticality.peaks(edge)
    own = edge[(edge.between == 0.9) & (edge["level"] == rows.radius["mixed"])]
    odd = own[own.seed % 2 == 1]
    assert rows.bits["mixed"] == pytest.approx(odd.information.mean())
    assert rows.exponent["mixed"] == pytest.approx(odd.lyapunov.mean())


def test_order_is_the_branching_ratio_less_that_of_permuted_weights(published):
    rows = criticality.judged(published[1])
    assert set(rows.role) == {"evaluation"}
    assert np.allclose(rows.order, rows.branching - rows.branching_permuted)
