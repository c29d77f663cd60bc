"""Published tables are those of the present code; others get its keys after a sample."""

import shutil

import pandas as pd
import pytest
import yaml
from repositories import commit, git

from modlib.batch import checkout, commits, keys, profiles, provenance, rekey, tables
from modlib.batch.plan import all_parts
from modlib.batch.publishing import publish

SEEDS = {"selection_seeds": [100, 1], "evaluation_seeds": [0, 3]}
STRENGTHS = {"none": [], "l1": [1e-3], "walk_loops": [0.1, 0.2]}
GROUP = SEEDS | {"tasks": ["retina"], "strengths": STRENGTHS}
CONFIG = {"groups": [GROUP], "also_judged": {}, "selection_nulls": 2}
CONFIG |= {"steps": 30, "nulls": 2, "restarts": 1}


@pytest.mark.parametrize("profile", ["paper", "fresh"])
def test_published_keys_are_those_of_the_code(profile, monkeypatch):
    config = yaml.safe_load((checkout.WORKFLOW / f"{profile}.yaml").read_text("utf-8"))
    monkeypatch.setattr(tables, "FOLDER", checkout.ROOT / config["results"])
    rows, others = rekey.stale(profiles.whole(config))
    pairs = sorted({f"{row.task}-{row.penalty}" for row in rows.itertuples()})
    assert not pairs, f"{len(pairs)} parts of networks.csv are stale, {pairs[0]} first: make rekey"
    assert not others, f"{', '.join(others)} are stale: make rekey, or make reproduce"


@pytest.fixture
def published(networks, goals, goals_parameters, tmp_path, monkeypatch):
    """A folder of results of which all keys are old."""
    publish({"networks": networks, "goals": goals.assign(key="0")}, tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(CONFIG | {"tables": {"goals": goals_parameters}}))
    monkeypatch.setattr(profiles, "CONFIG", config)
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["rekey"])
    return tmp_path


@pytest.mark.slow
@pytest.mark.usefixtures("_in_this_process")
def test_keys_are_written_if_a_sample_has_the_same_digits(published, capsys):
    before, config = tables.published(published), profiles.profile()
    assert rekey.main() == 0
    assert "3 parts of networks.csv and 1 other tables are stale" in capsys.readouterr().out
    after = tables.published(published)
    pd.testing.assert_frame_equal(after.drop(columns="key"), before.drop(columns="key"))
    now = {(of["task"], of["penalty"]): part[-16:] for part, of in all_parts(config).items()}
    assert {("retina", row.penalty): row.key for row in after.itertuples()} == now
    goals = keys.table_key("goals", **config["tables"]["goals"])
    assert set(tables.published_table("goals", published).key) == {goals}
    rows, others = rekey.stale(config)
    assert rows.empty
    assert not others


@pytest.mark.slow
@pytest.mark.usefixtures("_in_this_process")
@pytest.mark.parametrize("name", ["networks", "goals"])
def test_nothing_is_written_if_a_digit_differs(published, name):
    table = tables.published_table(name, published)
    measure = "q" if name == "networks" else "seen"
    publish({name: table.assign(**{measure: table[measure] + 1e-4})}, published)
    before = contents(published)
    assert rekey.main() == 1
    assert contents(published) == before


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*.csv")}


@pytest.fixture
def elsewhere(published, networks, goals, tmp_path_factory, monkeypatch):
    """Publish tables made elsewhere, under keys of a repository that makes its optimiser so.

    Return what does so; the repository is then in the place of that of this checkout.
    """
    repository = tmp_path_factory.mktemp("repository")
    monkeypatch.setattr(provenance, "ROOT", repository)
    monkeypatch.setenv("MODLIB_RESULTS", str(published))
    config = CONFIG | {"groups": [GROUP | {"strengths": {"l1": [1e-3]}}]}
    config["tables"] = profiles.profile()["tables"]
    profiles.CONFIG.write_text(yaml.safe_dump(config))

    def published_by(adam):
        for name in ("modlib", "notebooks"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(checkout.ROOT / name, repository / name, ignore=ignored)
        optimisers = repository / "modlib" / "training" / "optimisers.py"
        optimisers.write_text(optimisers.read_text().replace("Adam, lr=5e-3, fused=True", adam, 1))
        (repository / "results").mkdir()
        (repository / "results" / "SHA256SUMS").touch()
        publish({"networks": networks[networks.penalty == "l1"]}, published)
        rows, others = commits.called(repository, rekey.stale, config)
        rows = rows.assign(key=rows.now, q=rows.q + 0.01, versions="others")
        part = goals.assign(key=others["goals"], seen=goals.seen + 0.01, versions="others")
        publish({"networks": rows, "goals": part}, published)
        return commit(repository)

    return published_by


@pytest.mark.slow
@pytest.mark.usefixtures("_in_this_process")
def test_elsewhere_the_code_of_the_published_keys_has_to_make_the_same(
    elsewhere, published, capsys
):
    first = elsewhere("Adam, fused=True, lr=5e-3")
    # what comes after it is not asked
    shutil.rmtree(provenance.ROOT / "modlib")
    commit(provenance.ROOT)
    before = tables.published(published)
    assert rekey.main() == 0
    told = capsys.readouterr().out
    assert "1 parts of networks.csv and 1 other tables are stale" in told
    short = git(provenance.ROOT, "rev-parse", "--short", first)
    assert told.count(f"rows, six digits (against {short}, made here)") == 2
    assert rekey.stale(profiles.profile())[0].empty
    assert not rekey.stale(profiles.profile())[1]
    after = tables.published(published)
    pd.testing.assert_frame_equal(after.drop(columns="key"), before.drop(columns="key"))


@pytest.mark.slow
@pytest.mark.usefixtures("_in_this_process")
def test_code_that_changes_a_number_is_found_out_elsewhere(
    elsewhere, published, goals, goals_parameters, capsys, monkeypatch
):
    elsewhere("Adam, lr=5.01e-3, fused=True")
    current = keys.table_key("goals", **goals_parameters)
    publish({"goals": goals.assign(key=current)}, published)
    before = contents(published)
    monkeypatch.setattr("sys.argv", ["rekey", "--base", "HEAD"])
    assert rekey.main() == 1
    assert contents(published) == before
    assert "DIFFERS networks, retina l1: 3 rows, six digits (against" in capsys.readouterr().out


@pytest.mark.slow
def test_a_base_has_the_published_keys(elsewhere, published):
    elsewhere("Adam, fused=True, lr=5e-3")
    for name in ("networks", "goals"):
        publish({name: tables.published_table(name, published).assign(key="0")}, published)
    with pytest.raises(ValueError, match=r"retina-l1, goals have others.*BASE="):
        rekey.main()


def test_what_was_made_elsewhere_needs_a_repository(published, networks, tmp_path, monkeypatch):
    publish({"networks": networks.assign(versions="others")}, published)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    with pytest.raises(ValueError, match="needs a git checkout"):
        rekey.main()
