"""The page on every peer: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, selection, statistics
from modlib.study import peers, results
from notebooks import execute

CHANGED = [{"task": "mnist"}, {"task": "modular_addition"}]
REFUSED = {"task = 'retna'": {"task": "retna"}, "savefigure = 'x'": {"savefigure": "x"}}


@pytest.fixture(scope="module")
def networks():
    return results.networks()


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("peers", changed)["page"].own


def test_the_figure_of_the_readme_is_saved_where_asked(tmp_path):
    changed = {"task": "retina_xor", "save_figure": str(tmp_path / "comparison.png")}
    assert not execute("peers", changed)["page"].own
    assert (tmp_path / "comparison.png").stat().st_size > 10_000


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("peers", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_is_told_by_its_sentence(networks):
    assert claims.judged(peers.claims(networks)).holds.all()
    scored = networks.penalty.isin(["cut"]) & (networks.task == "retina")
    broken = networks.assign(ari=networks.ari.mask(scored, 0.1))
    judged = claims.judged(peers.claims(broken))
    assert judged[~judged.holds].claim.tolist() == [
        "On the retina and planted teachers they come near the modules."
    ]


def test_wins_and_losses_are_counted_against_each_rival(networks):
    record = peers.record(networks)
    strengths = selection.chosen_strengths(networks)
    wins = 0
    for task in peers.SEPARATE:
        of = networks[(networks.task == task) & (networks.role == "evaluation")]
        own, rival = (
            of[(of.penalty == p) & (of.strength == strengths[task, p])].set_index("seed").excess
            for p in ("walk_loops", "bimt")
        )
        wins += statistics.interval((own - rival).to_numpy())[0] > 0
    assert record.loc["bimt", "excess better"] == wins
    assert record.loc["bimt", "tasks"] == 7
    assert "walk_loops" not in record.index


def test_asides_are_means_over_tasks(networks):
    aside = peers.aside(networks)
    summary = selection.summary(networks)
    expected = summary.xs("l1", level="penalty").loc[peers.SEPARATE].pruned_excess.mean()
    assert aside.loc["l1", "excess, pruned"] == pytest.approx(expected)
    assert aside.loc["none", "step"] == pytest.approx(1)
