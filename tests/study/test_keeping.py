"""The page on what is kept at tuned strengths: what it may be run with, and what it claims."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from modlib.batch import claims, statistics, tables
from modlib.study import keeping
from notebooks import execute

CHANGED = [{"drawn": ["l2"]}, {"drawn": ["hard_wired", "none"]}]
REFUSED = {
    "drawn.0 = 'walk_loops'": {"drawn": ["walk_loops"]},
    "none may be there twice": {"drawn": ["none", "none"]},
    "drawn = \\[\\]": {"drawn": []},
    "task = 'retina'": {"task": "retina"},
}


RANDOM = np.random.default_rng(0)


def network(scale, penalty, strength, seed, kept, role="evaluation"):
    return {"task": "two_digits", "scale": scale, "penalty": penalty, "strength": strength,
            "seed": seed, "role": role, "kept": kept, "changed": 0.5}  # fmt: skip


KEPT = dict(zip(product([1.0, 0.3], ["none", "walk_loops"]), RANDOM.random((4, 8)), strict=True))
STRENGTHS = {(1.0, "walk_loops"): 0.5, (0.3, "walk_loops"): 0.2}
BY_HAND = pd.DataFrame(
    [
        *(
            network(*case, STRENGTHS.get(case, 0.0), seed, kept)
            for case, values in KEPT.items()
            for seed, kept in enumerate(values)
        ),
        *(network(1.0, "walk_loops", s, 100, 1.0, "selection") for s in (0.1, 0.2, 0.5)),
        network(1.0, "none", 0.0, 100, 1.0, "selection"),
    ]
)


@pytest.fixture(scope="module")
def retention():
    return tables.published_table("retention")


@pytest.fixture(scope="module")
def retraining():
    return tables.published_table("retraining")


def in_points(values):
    # situations share their resamples, which one by itself draws anew
    ends = (values.mean(), *statistics.interval(values))
    return pytest.approx([100 * end for end in ends], abs=1)


def test_gains_are_of_pairs_in_points_and_selection_networks_do_not_count():
    gains = keeping.gains(BY_HAND)[["mean", "low", "high"]]
    for scale, start in {1.0: "usual", 0.3: "small"}.items():
        pairs = KEPT[scale, "walk_loops"] - KEPT[scale, "none"]
        assert gains.loc["two_digits", start, "none"].tolist() == in_points(pairs)
    lines = keeping.as_lines(gains).index.unique().tolist()
    assert lines == [(start, "two_digits", "none") for start in ("small", "usual")]


@pytest.mark.parametrize("penalty", ["none", "walk_loops"])
def test_a_start_is_compared_with_the_usual_one_by_seed(penalty):
    found = keeping.from_usual(BY_HAND, "small").loc[penalty, ["mean", "low", "high"]]
    assert found.tolist() == in_points(KEPT[0.3, penalty] - KEPT[1.0, penalty])


def test_the_summary_has_a_column_for_each_case_in_order():
    table = keeping.summary(BY_HAND, "kept").loc[["none", "walk_loops"]]
    assert table.columns.tolist() == ["two digits, small", "two digits, usual"]
    low, high = statistics.interval(KEPT[0.3, "none"])
    expected = f"{100 * KEPT[0.3, 'none'].mean():.0f} [{100 * low:.0f}, {100 * high:.0f}]"
    assert table["two digits, small"]["none"] == expected


def test_strengths_are_those_of_networks_that_are_judged_with_their_end():
    table = keeping.chosen(BY_HAND)
    assert table.index.tolist() == ["walk_loops"]
    assert table.loc["walk_loops"].tolist() == ["0.2", "0.5 (highest)"]


def test_rivals_chosen_by_share_are_those_of_slow_descent_with_all_weights_free():
    rows = BY_HAND[(BY_HAND.scale == 1) & (BY_HAND.penalty == "none")]
    rival = rows.assign(penalty="l1", optimiser="SGD 0.01", way="free")
    rival["kept"] = RANDOM.random(len(rival))
    others = [{"optimiser": "Adam 0.005"}, {"way": "module"}, {"penalty": "walk_loops"}]
    others = [rival.assign(kept=0.0, **other) for other in (*others, {"task": "retina"})]
    found = keeping.to_untuned(BY_HAND, pd.concat([rival, *others]))
    assert found.index.tolist() == [("two_digits", "l1")]
    pairs = KEPT[1.0, "walk_loops"] - rival[rival.role == "evaluation"].kept.to_numpy()
    assert found.loc["two_digits", "l1"][["mean", "low", "high"]].tolist() == in_points(pairs)


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    made = execute("keeping", changed)
    assert not made["page"].own
    assert len(made["effects"].axes) == len(made["drawn"])


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("keeping", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(
    monkeypatch, retention, retraining
):
    worse = retention.assign(kept=retention.kept.mask(retention.penalty == "walk_loops", 0.1))
    both = {"retention": worse, "retraining": retraining}
    monkeypatch.setattr(tables, "published_table", both.get)
    with pytest.raises(AssertionError, match="'From every start networks with walk loops"):
        execute("keeping", {})
    assert "not here" in execute("keeping", {"drawn": ["none"]})["held"].to_html()


def test_every_claim_holds_in_each_of_its_situations(retention, retraining):
    assert claims.judged(keeping.claims(retention, retraining)).holds.all()
