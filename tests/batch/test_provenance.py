"""Versions, and the commit of this checkout: of no other, and of no other changes than to code."""

import platform
import shutil
import stat
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
import repositories
from repositories import git

from modlib.batch import provenance

ROOT = Path(__file__).parents[2]
# in an archive, the tests have to run too
ARCHIVED, IN_A_CHECKOUT = provenance.ARCHIVED, "$Format:%H$"


def commit():
    return provenance.provenance()["commit"]


def committed(folder, *more):
    """A repository with a package, a notebook and a table; its commit."""
    names = ("modlib/study/reuse.py", "notebooks/reuse.ipynb", "results/networks.csv", *more)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("1\n")
    return repositories.commit(folder, f"first of {folder}")


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = tmp_path / "my papers (1) ü"
    root.mkdir()
    monkeypatch.setattr(provenance, "ROOT", root)
    monkeypatch.setattr(provenance, "ARCHIVED", IN_A_CHECKOUT)
    return root


def test_the_versions_that_numbers_depend_on_are_named():
    versions = provenance.provenance()["versions"].split("; ")
    assert f"python {platform.python_version()}" in versions
    for package in ("modlib", "torch", "numpy", "scikit-learn"):
        assert f"{package} {version(package)}" in versions


@pytest.mark.parametrize("path", ["modlib/study/reuse.py", "notebooks/reuse.ipynb"])
def test_a_changed_module_or_notebook_makes_the_commit_dirty(root, path):
    first = committed(root)
    assert commit() == first
    (root / path).write_text("2\n")
    assert commit() == f"{first}-dirty"
    git(root, "add", ".")
    assert commit() == f"{first}-dirty"
    git(root, "commit", "--quiet", "-m", "second")
    assert commit() == git(root, "rev-parse", "HEAD") != first


@pytest.mark.parametrize("path", ["modlib/study/new.py", "modlib/new/new.py", "notebooks/n.ipynb"])
def test_so_does_a_new_one_and_a_deleted_one(root, path):
    first = committed(root)
    (root / path).parent.mkdir(exist_ok=True)
    (root / path).write_text("1\n")
    assert commit() == f"{first}-dirty"
    (root / path).unlink()
    assert commit() == first
    (root / "modlib" / "study" / "reuse.py").unlink()
    assert commit() == f"{first}-dirty"


@pytest.mark.parametrize(
    "path", ["results/networks.csv", "results/new.csv", "notebooks/mine.csv", "modlib/mine.csv"]
)
def test_tables_do_not(root, path):
    first = committed(root)
    (root / path).write_text("task\n")
    assert commit() == first


def test_nor_do_files_that_have_become_executable(root):
    first = committed(root)
    for path in root.rglob("*.py"):
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    assert git(root, "-c", "core.fileMode=true", "status", "--porcelain")
    assert commit() == first


def test_a_repository_around_this_folder_is_another(root):
    committed(root.parent)
    assert commit() == "unknown"
    # nor is what only looks like a repository
    (root / ".git").mkdir()
    assert commit() == "unknown"


def test_what_git_was_told_of_others_does_not_count(root, tmp_path, monkeypatch):
    first, other = committed(root), tmp_path / "other"
    committed(other, "modlib/other.py")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert commit() == first
    shutil.rmtree(root / ".git")
    assert commit() == "unknown"


def test_a_second_working_tree_has_its_own_commit(root, tmp_path, monkeypatch):
    committed(root)
    git(root, "worktree", "add", "--quiet", tmp_path / "second")
    git(tmp_path / "second", "commit", "--quiet", "--allow-empty", "-m", "second")
    monkeypatch.setattr(provenance, "ROOT", tmp_path / "second")
    assert commit() == git(tmp_path / "second", "rev-parse", "HEAD")
    assert commit() != git(root, "rev-parse", "HEAD")


def test_without_git_and_without_a_commit_it_is_unknown(root, tmp_path, monkeypatch):
    git(root, "init", "--quiet")
    assert commit() == "unknown"
    committed(root)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit() == "unknown"


def test_an_archive_says_which_commit_it_was(root, tmp_path, monkeypatch):
    path = Path("modlib", "batch", "provenance.py")
    (root / path).parent.mkdir(parents=True)
    for name in (path, ".gitattributes"):
        text = (ROOT / name).read_text("utf-8").replace(ARCHIVED, IN_A_CHECKOUT)
        (root / name).write_text(text, "utf-8")
    first = committed(root)
    # inside another repository
    committed(tmp_path)
    archived = tmp_path / "archived"
    archived.mkdir()
    subprocess.run(["git", "-C", root, "archive", "-o", tmp_path / "a.zip", "HEAD"], check=True)
    shutil.unpack_archive(tmp_path / "a.zip", archived)
    code = (archived / path).read_text("utf-8")
    found = {}
    exec(code, found)
    found["ROOT"] = archived
    assert found["provenance"]()["commit"] == f"{first}-archive"


def test_who_made_the_processor_is_named():
    name = provenance.maker()
    assert provenance.provenance()["versions"].endswith(name)
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and "vendor_id" in cpuinfo.read_text():
        assert name in ("AuthenticAMD", "GenuineIntel")
