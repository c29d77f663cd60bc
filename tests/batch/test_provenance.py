"""Versions, and the commit of this checkout."""

import platform
import subprocess
from importlib.metadata import version

import pytest

from modlib.batch import provenance


def test_the_versions_that_numbers_depend_on_are_named():
    versions = provenance.provenance()["versions"].split("; ")
    assert f"python {platform.python_version()}" in versions
    for package in ("modlib", "torch", "numpy", "networkit", "scikit-learn"):
        assert f"{package} {version(package)}" in versions


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    for name, place in (("ROOT", ""), ("PACKAGE", "modlib"), ("NOTEBOOKS", "notebooks")):
        (tmp_path / place).mkdir(exist_ok=True)
        monkeypatch.setattr(provenance, name, tmp_path / place)
    return tmp_path


def test_outside_a_checkout_the_commit_is_unknown(checkout):
    assert provenance.provenance()["commit"] == "unknown"


def test_the_commit_is_dirty_where_the_code_was_changed_but_not_the_results(checkout):
    (checkout / "modlib" / "chain.py").write_text("1")
    git = ["git", "-C", str(checkout), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "first"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    commit = head.stdout.strip()
    assert provenance.provenance()["commit"] == commit
    (checkout / "networks.csv").write_text("task")
    assert provenance.provenance()["commit"] == commit
    (checkout / "modlib" / "chain.py").write_text("2")
    assert provenance.provenance()["commit"] == f"{commit}-dirty"
