"""The Dockerfile: what it copies and calls is there, and its Python is one that is supported."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Dockerfile").read_text("utf-8")
STEPS = [
    line.split(" ", 1)
    for line in re.sub(r"\\\n", "", TEXT).splitlines()
    if line and not line.startswith("#")
]
PYTHONS = {"bookworm": (3, 11), "trixie": (3, 13)}
"""The `python3` of Debian's releases."""


def commands(text):
    """The commands of Docker that a text names, without what is said of them."""
    return set(re.findall(r"docker (?:build|run) [^`\n]*?(?=  |[`\n])", text))


def test_what_it_copies_is_there_and_is_the_users():
    copied = [rest.split() for step, rest in STEPS if step == "COPY"]
    assert len(copied) == 2
    (user,) = (rest for step, rest in STEPS if step == "USER")
    for owner, *paths, _ in copied:
        assert owner == f"--chown={user}"
        for path in paths:
            assert (ROOT / path).exists(), path


def test_requirements_are_installed_before_the_sources_are_copied():
    steps = [f"{step} {rest}" for step, rest in STEPS]
    (installed,) = (n for n, step in enumerate(steps) if "--requirement requirements.txt" in step)
    copied = [n for n, step in enumerate(steps) if step.startswith("COPY")]
    assert "requirements.txt" in steps[copied[0]]
    assert copied[0] < installed < copied[1]


def test_what_it_makes_are_targets_and_profiles():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([\w./-]+):", makefile, re.MULTILINE))
    called = re.findall(r'(?:RUN |CMD \["|modlib )make"?,? "?([\w./-]+)', TEXT)
    assert {"book", "reproduce", ".venv/installed"} <= set(called) <= targets
    for profile in re.findall(r"PROFILE=(\w+)", TEXT):
        assert (ROOT / "workflow" / f"{profile}.yaml").exists()


def test_its_python_is_one_that_is_supported():
    (image,) = (rest for step, rest in STEPS if step == "FROM")
    release = re.fullmatch(r"debian:(\w+)-slim", image)[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    floor = tuple(map(int, project["requires-python"].removeprefix(">=").split(".")))
    assert PYTHONS[release] >= floor


def test_it_names_no_index():
    assert "://" not in TEXT
    assert all("=" not in rest for step, rest in STEPS if step == "ARG" and "INDEX" in rest)


def test_docker_ignores_what_git_ignores():
    ignored, docker = (
        {
            line.removeprefix("**/").rstrip("/")
            for line in (ROOT / name).read_text("utf-8").splitlines()
            if not line.startswith("#")
        }
        for name in (".gitignore", ".dockerignore")
    )
    assert docker == ignored


def test_commands_are_told_alike_everywhere():
    for place in ("README.md", "book/reproducing.md"):
        told = commands((ROOT / place).read_text("utf-8"))
        assert told
        assert told <= commands(TEXT), place
