"""The page on costs: ratios, targets and differences by hand, what it takes, what it claims."""

from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest

from modlib.batch import claims, tables
from modlib.batch.names import SEPARATE
from modlib.study import cost_quality, cost_ratios, costs, results
from notebooks import execute

CHANGED = [
    {"without": ["retina"], "widths": [4, 3, 2], "examples": 5},
    {"free": 2.0, "widths": [8, 8, 8, 8, 2], "examples": 1},
    {"free": 1.001, "without": SEPARATE[1:], "widths": [4, 3, 2], "examples": 5},
]
REFUSED = {
    "without = .*: List should have at most 6": {"without": SEPARATE},
    "without.0 = 'mnist'": {"without": ["mnist"]},
    "none may be there twice": {"without": ["retina", "retina"]},
    "free = 1.0: Input should be greater than 1": {"free": 1.0},
    "widths = \\[4, 2\\]: List should have at least 3": {"widths": [4, 2]},
    "examples = 0": {"examples": 0},
    "batch = 128": {"batch": 128},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    names = execute("costs", changed)
    assert not names["page"].own
    assert (names["own"]["mean"] > 0).all()


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("costs", REFUSED[message])


def table(sizes, seconds):
    """Return three rounds of each size: of `seconds`, then a tenth more, then twice."""
    return pd.DataFrame(
        [
            {"widths": w, "batch": b, "penalty": name, "round": n, "seconds": factor * of(n)}
            for (w, b), (n, factor) in product(sizes, enumerate([1.0, 1.1, 2.0]))
            for name, of in seconds.items()
        ]
    )


def plain(_):
    return 0.5


def test_costs_are_ratios_within_a_round():
    rows = table([("4-3-2", 5)], {"none": plain, "l1": lambda n: 0.5 * (2 + n)})
    found = cost_ratios.ratios(rows.sample(frac=1, random_state=0))
    assert found.loc[("4-3-2", 5, "none")].tolist() == pytest.approx([1, 1, 1])
    assert found.loc[("4-3-2", 5, "l1")].tolist() == pytest.approx([2, 3, 4])


@pytest.mark.parametrize(("widths", "batch"), [([2, 3, 4], 1), ([5, 2, 3, 4], 7)])
def test_multiplications_are_those_counted_one_by_one(widths, batch):
    loops = sum(1 for a, b, c in zip(widths, widths[1:], widths[2:], strict=False)
                for _ in product(range(a), range(b), range(c)))  # fmt: skip
    step = sum(1 for a, b in pairwise(widths) for _ in product(range(batch), range(a), range(b)))
    text = "-".join(map(str, widths))
    assert cost_ratios.multiplications(text, batch) == pytest.approx(1 + loops / step)


def test_costs_over_width_have_one_mini_batch_and_over_examples_one_network():
    sizes = [
        ("784-64-64-10", 128),
        ("784-256-256-10", 128),
        ("784-256-256-10", 16),
        ("8-4-4-10", 128),
    ]
    found = cost_ratios.ratios(table(sizes, {"none": plain, "walk_loops": lambda n: 1.5}))
    width, batch = (cost_ratios.over(found, factor) for factor in ("width", "batch"))
    assert width.loc["walk_loops"].index.tolist() == [64, 256]
    assert batch.loc["walk_loops"].index.tolist() == [16, 128]
    assert batch.loc[("walk_loops", 16), "mean"] == pytest.approx(3)
    assert batch.loc[("counted", 16), "mean"] == cost_ratios.multiplications("784-256-256-10", 16)


@pytest.mark.parametrize(("free", "expected"), [(1.05, None), (1.2, 1024), (2.5, 64), (9.0, 16)])
def test_free_from_is_where_no_larger_mini_batch_costs_more(free, expected):
    # with 64 examples it costs less than with 128, which does not make it free there
    by_batch = {16: 5.0, 64: 1.1, 128: 2.0, 1024: 1.1}
    rows = pd.concat(
        table([("784-256-256-10", b)], {"none": plain, "walk_loops": lambda n, c=c: 0.5 * c})
        for b, c in by_batch.items()
    )
    assert cost_ratios.free_from(cost_ratios.ratios(rows), free) == expected


@pytest.mark.parametrize(("steps", "met"), [(1.19, "yes"), (1.21, "no")])
def test_a_target_is_met_where_all_of_the_interval_is_below(steps, met):
    rest = {"walk_loops": lambda n: 1.0, "noise": plain}
    of = {"none": plain, **rest, "walk_loop_steps": lambda n: 0.5 * steps}
    rows = costs.asked(cost_ratios.ratios(table([costs.SMALL], of)))
    assert rows.met.tolist() == [met]
    assert rows.target.tolist() == ["1.2"]
    # a mean below it is not enough
    wide = of | {"walk_loop_steps": lambda n: 0.5 * (1.0, 1.0, 1.5)[n]}
    assert costs.asked(cost_ratios.ratios(table([costs.SMALL], wide))).met.tolist() == ["no"]


def networks(more):
    """Return networks of the retina, in which steps have so much more share than the loss."""
    told = {"task": "retina", "role": "evaluation", "connected_ari": 1.0, "accuracy": 0.9}
    both = [("walk_loops", 0.15, 0.0), ("walk_loops", 0.5, 9.0), ("walk_loop_steps", 1.0, more)]
    return pd.DataFrame(
        [
            told | {"penalty": p, "strength": s, "seed": n, "share": 0.5 + 0.1 * n + extra}
            for p, s, extra in both
            for n in range(4)
        ]
    )


@pytest.mark.parametrize(("more", "kept"), [(0.3, True), (-0.019, True), (-0.021, False)])
def test_differences_are_paired_at_the_defaults_and_kept_within_the_margin(more, kept):
    pairs = cost_quality.short(networks(more), ["retina"])
    assert pairs.loc[("share", "retina"), "mean"] == pytest.approx(more)
    assert pairs.loc[("share", "retina"), "kept"] == kept
    text = cost_quality.named(pairs).loc["retina"]
    assert text.share.endswith("*") != kept
    assert text.accuracy == "+0.0 [+0.0, +0.0]"


@pytest.fixture(scope="module")
def evidence():
    published = results.networks()
    return tables.published_table("step_costs"), published


def test_the_frontier_has_the_published_shares_beside_the_costs(evidence):
    rows, published = evidence
    found = cost_ratios.ratios(rows)
    edge = cost_quality.frontier(found, published, [costs.LARGE], SEPARATE).set_index("penalty")
    of = (published.penalty == "walk_loops") & (published.strength == 0.15)
    judged = published[of & (published.role == "evaluation")]
    for task in SEPARATE:
        mean = judged[judged.task == task].share.mean()
        assert edge.loc["walk_loops", task] == pytest.approx(mean)
    assert edge.loc["l1", "mean"] == pytest.approx(found.loc[(*costs.LARGE, "l1")].mean())
    assert set(edge.widths) == {costs.LARGE[0]}


def test_every_claim_holds(evidence):
    rows, published = evidence
    assert claims.judged(costs.claims(cost_ratios.ratios(rows), published)).holds.all()


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch, evidence):
    rows, _ = evidence
    dear = rows.assign(seconds=np.where(rows.penalty == "walk_loop_steps", 9.0, 1.0) * rows.seconds)
    monkeypatch.setattr(tables, "published_table", lambda _: dear)
    monkeypatch.setattr(results, "networks", lambda: evidence[1])
    with pytest.raises(AssertionError, match="'As steps of their own they cost less than two"):
        execute("costs", {})
    other = {"free": 2.0, "widths": [4, 3, 2], "examples": 5}
    assert "not here" in execute("costs", other)["held"].to_html()
