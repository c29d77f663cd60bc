"""The page on what modules let one see: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, tables
from modlib.study import interpretability
from notebooks import execute

CHANGED = [{"task": "two_mnist"}, {"drawn": ["cut"]}, {"drawn": ["walk_loops", "l1", "none"]}]
REFUSED = {
    "task = 'four_digits': Input should be 'two_digits' or 'two_mnist'": {"task": "four_digits"},
    "drawn.0 = 'bimd'": {"drawn": ["bimd"]},
    "tsak = 1": {"tsak": 1},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("interpretability", changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("interpretability", REFUSED[message])


@pytest.fixture(scope="module")
def circuits():
    return tables.published_table("circuits")


@pytest.mark.slow
def test_a_claim_broken_on_purpose_is_told_by_its_sentence(circuits):
    assert claims.judged(interpretability.claims(circuits)).holds.all()
    of_l2 = circuits.penalty == "l2"
    broken = circuits.assign(lesion_off_diagonal=circuits.lesion_off_diagonal.mask(of_l2, 0.4))
    judged = claims.judged(interpretability.claims(broken))
    assert judged[~judged.holds].claim.tolist() == ["So it does with L2."]


def test_numbers_are_those_of_the_table(circuits):
    networks = interpretability.networks(circuits)
    one = circuits[(circuits.task == "four_digits") & (circuits.penalty == "l1")]
    row = networks[(networks.task == "four_digits") & (networks.penalty == "l1")]
    by_seed = one.groupby("seed").needed_whole.mean()
    assert row.set_index("seed").needed_whole.to_dict() == pytest.approx(by_seed.to_dict())
    needed = interpretability.needed(row)
    whole = needed[needed.way == "whole network"].needed
    assert whole.mean() == pytest.approx(100 * by_seed.mean())
    read = interpretability.readouts(row)
    others = read[(read.layer == "second hidden layer") & (read.of == "others")].read
    assert others.mean() == pytest.approx(100 * one.read_2_others.mean())
    text = interpretability.off_diagonal(networks).loc["l1", "four_digits"]
    assert text.startswith(f"{one.lesion_off_diagonal.mean():.3f} [")


def test_a_lesion_matrix_has_a_row_for_each_community_with_hidden_neurons():
    matrix = interpretability.lesion_matrix(tables.published_network("two_digits", "hard_wired"))
    assert matrix.shape == (2, 2)
    assert matrix.loc[0, 1] > 50 > 5 > abs(matrix.loc[0, 2])
    assert matrix.loc[1, 2] > 50 > 5 > abs(matrix.loc[1, 1])
