"""The answers of Results: what was asked of walk loops, and claims that break."""

import pytest
from rows import table

from modlib.batch import claims, pages
from modlib.study import benefits, results

PAGE = pages.Page("results", own=True)
GOOD = {"share": 0.97, "ari": 0.99, "specialisation": 0.98}


def networks(**walk_loops):
    """Two seeds of no penalty, L1 and walk loops at and beside their default, on one task."""
    runs = {
        ("none", 0.0): {"excess": 0.1, "share": 0.2, "accuracy": 0.9},
        ("l1", 0.001): {"excess": 0.3, "share": 0.6, "accuracy": 0.9},
        ("walk_loops", results.DEFAULT): GOOD | {"excess": 0.41, "accuracy": 0.91} | walk_loops,
        ("walk_loops", 0.5): GOOD | {"excess": 0.42, "share": 0.98, "accuracy": 0.9},
    }
    return table(
        *(
            {"penalty": penalty, "strength": strength, "seed": seed, "role": role}
            | {"validation_accuracy": measures["accuracy"]}
            | measures
            for (penalty, strength), measures in runs.items()
            for role, first in {"selection": 100, "evaluation": 0}.items()
            for seed in (first, first + 1)
        )
    )


def test_what_was_asked_is_computed_by_hand():
    found = results.asked(networks(), ["retina"]).loc["retina"].to_dict()
    expected = {
        "excess": 0.41, "unpenalised": 0.1, "gain": 0.31, "rival": 0.3, "of largest": 0.41 / 0.42,
        "share": 0.97, "agreement": 0.99, "specialisation": 0.98, "accuracy": 1.0,
        "of tuned": 0.41 / 0.42,
    }  # fmt: skip
    assert found.pop("missed") == "–"
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({"excess": 0.39}, "–"),  # a gain below .3, but over nine tenths of the largest
        ({"excess": 0.37}, "excess, untuned"),
        ({"ari": 0.94}, "agreement"),
        ({"specialisation": 0.89}, "specialisation"),
        ({"accuracy": 0.896}, "–"),
        ({"accuracy": 0.894}, "accuracy"),
    ],
)
def test_what_was_missed_is_named(change, missed):
    assert results.asked(networks(**change), ["retina"]).missed.tolist() == [missed]


@pytest.fixture(scope="module")
def evidence():
    return results.networks(), benefits.differences()


def test_a_measure_rises_where_its_difference_is_clear_after_correction(evidence):
    networks, _ = evidence
    counts = results.rises(networks, ["two_digits", "four_digits"])
    pairs = results.selection.differences(networks)
    for penalty in ("walk_loops", "l1"):
        clear = [
            row.low > 0 and row.p < 0.05
            for row in (
                pairs.loc[(task, penalty, "excess")] for task in ("two_digits", "four_digits")
            )
        ]
        assert counts["excess rises"][penalty] == sum(clear)
    assert "none" not in counts.index
    assert counts["strength found"].between(0, 2).all()


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(evidence):
    networks, effects = evidence
    claims.shown(PAGE, results.claims(networks, effects))
    own = (networks.penalty == "walk_loops") & (networks.role == "evaluation")
    worse = networks.assign(specialisation=networks.specialisation.mask(own, 0.5))
    found = results.claims(worse, effects)
    with pytest.raises(AssertionError, match="The lesion of a community hurts one sub-task alone"):
        claims.shown(PAGE, found)
    kept = effects.copy()
    kept.loc[["kept, slow SGD"], ["mean", "low", "high"]] = -0.1
    with pytest.raises(AssertionError, match="Under slow gradient descent networks"):
        claims.shown(PAGE, results.claims(networks, kept))
