"""The page on transfer: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, statistics, tables
from modlib.study import transfer
from notebooks import execute

CHANGED = [
    {"drawn": ["none", "walk_loops"]},
    {"drawn": ["pruned"], "way": "donor, free"},
    {"way": "module, free"},
]
REFUSED = {
    "way = 'module'": {"way": "module"},
    "drawn.0 = 'l1'": {"drawn": ["l1"]},
    "x = 1": {"x": 1},
}


@pytest.fixture(scope="module")
def reuse():
    return tables.published_table("reuse")


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("transfer", changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("transfer", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_is_told_by_its_sentence(reuse):
    assert claims.judged(transfer.claims(reuse)).holds.all()
    of_none = (reuse.penalty == "none") & (reuse.way == "module, frozen")
    judged = claims.judged(transfer.claims(reuse.assign(alone=reuse.alone.mask(of_none, 0.95))))
    assert judged[~judged.holds].claim.tolist() == [
        "Communities of unpenalised donors work less well."
    ]


def test_gains_are_paired_differences_to_training_anew_in_points(reuse):
    rows = reuse[reuse.new == "two_digits_larger"].set_index("seed")
    own = rows[(rows.penalty == "l2") & (rows.way == "donor, free")].area
    anew = rows[rows.way == "anew"].area
    gain = transfer.gains(reuse).loc[("two modules", "donor, free", "l2")]
    assert gain["mean"] == pytest.approx(100 * (own - anew).mean())
    assert gain.low == pytest.approx(100 * statistics.interval((own - anew).to_numpy())[0])


def test_what_is_drawn_as_worth_has_the_gains_as_means(reuse):
    rows = transfer.worth(reuse, ["none", "walk_loops"])
    assert set(rows.way) == {"module, frozen", "donor, frozen"}
    means = rows.groupby(["new", "way", "penalty"]).gain.mean()
    assert means.to_dict() == pytest.approx(transfer.gains(reuse)["mean"][means.index].to_dict())


def test_courses_have_each_network_at_each_step(reuse):
    rows = transfer.courses(reuse, "donor, free")["one module"]
    assert set(rows.penalty) == {"anew", *transfer.DONORS}
    own = reuse[(reuse.new == "two_digits_exchanged") & (reuse.way == "donor, free")]
    first = own[(own.penalty == "l2") & (own.seed == own.seed.min())].iloc[0]
    drawn = rows[(rows.penalty == "l2") & (rows.seed == first.seed)].set_index("step").value
    for step, value in drawn.items():
        assert value == first[f"accuracy_{step}"]
