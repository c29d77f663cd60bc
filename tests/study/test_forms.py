"""The page on forms of the loop term: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, selection, tables
from modlib.study import forms
from notebooks import execute

CHANGED = [{"tasks": ["retina"]}, {"tasks": ["two_digits", "retina"]}, {"tasks": ["planted_0"]}]
REFUSED = {
    "tasks.0 = 'mnist'": {"tasks": ["mnist"]},
    "tasks = .*at least 1 item": {"tasks": []},
    "task = 'retina'": {"task": "retina"},
}


@pytest.fixture(scope="module")
def networks():
    return tables.published()


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("forms", changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("forms", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_is_told_by_its_sentence(networks):
    assert claims.judged(forms.claims(forms.summary(networks))).holds.all()
    shattered = (networks.penalty == "squared_weights") & (networks.task == "two_digits")
    broken = networks.assign(ari=networks.ari.mask(shattered, 0.95))
    judged = claims.judged(forms.claims(forms.summary(broken)))
    assert judged[~judged.holds].claim.tolist() == ["Loops of squared weights shatter the digits."]


def test_means_are_those_of_the_evaluation_networks_at_the_chosen_strength(networks):
    strength = selection.chosen_strengths(networks)["two_digits", "root"]
    rows = networks[
        (networks.task == "two_digits") & (networks.penalty == "root")
        & (networks.role == "evaluation") & (networks.strength == strength)
    ]  # fmt: skip
    table = forms.compared(forms.summary(networks), "excess", ["two_digits"])
    assert table.loc["root of each layer's loops", "two_digits"] == pytest.approx(
        rows.excess.mean()
    )
    assert list(table.index) == list(forms.FORMS.values())
