"""The package at another commit: what is found there, and what is refused."""

import pytest
from repositories import commit, git

import modlib
from modlib.batch import commits, provenance


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a package of one function, which has changed in its second commit."""
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    (tmp_path / "modlib").mkdir()
    (tmp_path / "modlib" / "__init__.py").touch()
    for then in ("first", "second"):
        loops = f"def loop_sum(W, V):\n    print('told')\n    return '{then}', W + V, __file__\n"
        (tmp_path / "modlib" / "loops.py").write_text(loops)
        commit(tmp_path)
    return tmp_path


def test_a_function_is_that_of_the_commit(repository):
    with commits.checked_out("HEAD~1") as folder:
        assert folder.name == git(repository, "rev-parse", "--short", "HEAD~1")
        place = str(folder / "modlib" / "loops.py")
        assert commits.called(folder, modlib.loop_sum, 1, 2) == ("first", 3, place)
    assert commits.called(repository, modlib.loop_sum, 1, 2)[0] == "second"


def test_no_checkout_stays_when_something_fails(repository):
    def failing():
        with commits.checked_out("HEAD") as folder:
            assert len(git(repository, "worktree", "list").splitlines()) == 2
            commits.called(folder, modlib.retraced_sum)

    with pytest.raises(ValueError, match="retraced_sum"):
        failing()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_function_that_fails_or_is_not_there_is_told(repository):
    with pytest.raises(ValueError, match=r"loop_sum should return at .*, got TypeError"):
        commits.called(repository, modlib.loop_sum, 1, "2")
    with pytest.raises(ValueError, match=r"retraced_sum should return at .*, got AttributeError"):
        commits.called(repository, modlib.retraced_sum, 1, 2)


def test_the_last_commit_that_changed_a_file_is_found(repository):
    (repository / "else").touch()
    third = commit(repository)
    assert commits.last_to_change("else") == third
    assert commits.last_to_change("modlib/loops.py") == git(repository, "rev-parse", "HEAD~1")
    assert commits.last_to_change("nothing") == ""


def test_what_git_does_not_know_is_refused(repository, tmp_path_factory, monkeypatch):
    with pytest.raises(ValueError, match=r"needs a git checkout that has it, got.*nowhere"):
        commits.checked_out("nowhere").__enter__()
    monkeypatch.setattr(provenance, "ROOT", tmp_path_factory.mktemp("archive"))
    with pytest.raises(ValueError, match="needs a git checkout"):
        commits.last_to_change("modlib/loops.py")
