"""Repositories of git that tests make."""

import subprocess


def git(folder, *command):
    """What git says of a repository, whoever commits to it."""
    git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.org", *command]
    return subprocess.run(git, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder, message="first"):
    """Commit all that is in a folder; return the commit."""
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", message)
    return git(folder, "rev-parse", "HEAD")
