"""The page on settings: what it may be run with, how settings are judged, and what it claims."""

import numpy as np
import pandas as pd
import pytest

from modlib.batch import claims, tables
from modlib.study import hyperparameters as page
from modlib.study import results
from modlib.study.hyperparameter_grid import BASE, FACTORS
from modlib.tasks import TASKS
from notebooks import execute

CHANGED = [
    {"length": 0.02, "share": 1.0},
    {"length": 0.01, "optimiser": "SGD 0.2", "activation": "sigmoid", "loss": 0.0},
    {"length": 0.03, "agreement": 0.01, "share": 0.01, "loss": 1.0},
]
REFUSED = {
    "optimiser = 'Adam 5e-3': Input should be 'Adam 0.005'": {"optimiser": "Adam 5e-3"},
    "share = 0.0: Input should be greater than 0": {"share": 0.0},
    "length = 4.0: Input should be less than or equal to 3": {"length": 4.0},
    "width = 48": {"width": 48},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    names = execute("hyperparameters", changed)
    assert not names["page"].own
    assert len(names["own"]) == 2


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("hyperparameters", REFUSED[message])


def table(*settings, role="selection"):
    """Return a table of the base setting, changed, with each method's measures of two networks."""
    rows = []
    for changed, methods in settings:
        told = BASE._replace(**changed)._asdict()
        for method, both in methods.items():
            for seed, measures in enumerate(both):
                columns = ("accuracy", "share", "connected_ari", "communities")
                rows.append(told | dict(zip(columns, measures, strict=True)) | {"method": method})
                rows[-1]["seed"] = seed
    return pd.DataFrame(rows).assign(role=role)


NONE = [(0.9, 0.1, 0.5, 4), (0.9, 0.1, 0.5, 4)]
NETWORKS = pd.DataFrame(
    {"task": ["planted_0"], "penalty": "none", "role": "evaluation", "accuracy": [0.9]}
)


def test_settings_are_judged_on_means_and_only_where_they_are_learned():
    guess = TASKS["two_digits"]().guess_accuracy
    just = guess + 0.9 * (0.9 - guess)
    rows = page.judged(
        table(
            ({}, {"none": NONE, "steps": [(0.9, 0.8, 1.0, 2), (0.89, 0.9, 0.8, 2)]}),
            ({"width": 16}, {"none": [(just, 0, 0, 1)] * 2, "steps": [(just, 1, 0.89, 2)] * 2}),
            ({"width": 256}, {"none": [(just - 0.01, 0, 0, 1)] * 2, "steps": NONE}),
            ({"task": "planted_0", "width": 16}, {"none": [(0.7, 0, 0, 1)] * 2, "steps": NONE}),
        ),
        NETWORKS,
    ).reset_index()
    steps = rows[rows.method == "steps"].set_index(["task", "width"])
    assert steps.learned.to_dict() == {
        ("two_digits", 48): True,
        ("two_digits", 16): True,
        ("two_digits", 256): False,
        ("planted_0", 16): False,
    }
    conditions = steps[["divided", "agreed", "kept", "met"]]
    assert conditions.loc["two_digits", 48].tolist() == [True, True, True, True]
    assert conditions.loc["two_digits", 16].tolist() == [True, False, True, False]


def test_a_diverged_network_meets_nothing():
    steps = [(1.0, 1.0, 1.0, 2), (np.nan, np.nan, np.nan, np.nan)]
    rows = page.judged(table(({}, {"none": NONE, "steps": steps})), NETWORKS)
    of = rows.xs("steps", level="method").iloc[0]
    assert of[["divided", "agreed", "kept", "met"]].tolist() == [False] * 4
    counts = page.by_task(rows).loc["selection", "two_digits"]
    assert counts.to_dict() == {"divided": 1, "agreed": 1, "kept": 1, "met": 0, "settings": 1}


def test_settings_are_counted_by_role_and_method():
    met, missed = [(0.9, 1.0, 1.0, 2)] * 2, [(0.8, 1.0, 0.5, 2)] * 2
    settings = ({}, {"none": NONE, "steps": met}), ({"width": 16}, {"none": NONE, "steps": missed})
    other = ({"task": "planted_0"}, {"none": NONE, "steps": met})
    both = pd.concat([table(*settings), table(other, role="evaluation")])
    rows = page.judged(both, NETWORKS)
    counts = page.counted(rows)
    assert list(counts.index) == [
        ("selection", "none"),
        ("selection", "steps"),
        ("evaluation", "none"),
        ("evaluation", "steps"),
    ]
    assert counts.loc[("selection", "steps")].to_dict() == {
        "met": 1, "divided": 2, "agreed": 1, "kept": 1, "settings": 2,
    }  # fmt: skip
    assert counts.loc[("evaluation", "steps")].tolist() == [1, 1, 1, 1, 1]
    by_task = page.by_task(rows)[["met", "kept"]]
    assert by_task.loc["selection", "two_digits"].tolist() == [1, 1]
    assert by_task.loc["evaluation", "planted_0"].tolist() == [1, 0]


def test_departures_and_drawn_combinations_are_told_apart():
    rows = page.judged(
        table(
            ({}, {"none": NONE}),
            ({"width": 256}, {"none": NONE}),
            ({"width": 16}, {"none": NONE}),
            ({"width": 16, "layers": 3}, {"none": NONE}),
        ),
        NETWORKS,
    )
    assert page.departures(rows, "width").width.tolist() == [16, 48, 256]
    assert page.departures(rows, "layers").layers.tolist() == [2]
    assert page.drawn(rows, "two_digits")[["width", "layers"]].to_numpy().tolist() == [[16, 3]]
    assert page.drawn(rows, "planted_0").empty
    assert list(page.by_factor(rows, "two_digits")) == list(FACTORS)
    assert all(of.empty for of in page.by_factor(rows, "planted_0").values())


@pytest.mark.slow
def test_a_claim_broken_on_purpose_is_told_by_its_sentence():
    published = tables.published_table("hyperparameter_grid")
    networks = results.networks()
    made = page.claims(page.judged(published, networks))
    assert claims.judged(made).holds.all()
    spoilt = published.assign(share=published["share"].where(published.method != "steps", 0.0))
    broken = claims.judged(page.claims(page.judged(spoilt, networks)))
    assert "They meet it in more than six tenths of the settings that were held back." in set(
        broken[~broken.holds].claim
    )
