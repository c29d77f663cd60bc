"""What a package that was installed without a checkout says, and that text is UTF-8 everywhere."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from modlib.batch import checkout

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what a wheel brings, and nothing else."""
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "modlib", source / "modlib")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (wheel,) = source.glob("dist/*.whl")
    site = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(site)
    return site


def run(site, code):
    environment = {name: v for name, v in os.environ.items() if name != "MODLIB_RESULTS"}
    environment["PYTHONPATH"] = str(site)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=site, env=environment, capture_output=True, text=True
    )


NEED_A_CHECKOUT = """
from modlib.batch import keys, profiles, tables
for function, *arguments in [
    (tables.published,),
    (tables.published_table, "damage"),
    (tables.published_network, "retina", "l2"),
    (profiles.profile,),
    (keys.table_key, "sweep"),
]:
    try:
        function(*arguments)
    except ValueError as error:
        print(error)
"""


def test_tables_notebooks_and_the_batch_are_said_to_come_with_a_checkout(installed):
    messages = run(installed, NEED_A_CHECKOUT).stdout.splitlines()
    assert len(messages) == 5
    for message in messages:
        assert message.startswith(f"there is no file {installed}")
        assert "come with a checkout of the repository" in message
        assert "make reproduce" not in message


def test_a_wheel_holds_the_images_of_mnist_and_where_they_come_from(installed):
    code = "from modlib.tasks.images import mnist_images; print(mnist_images()[0].shape)"
    assert run(installed, code).stdout == "(70000, 196)\n"
    assert "CC BY-SA 3.0" in (installed / "modlib" / "tasks" / "mnist.md").read_text("utf-8")


def test_in_a_checkout_a_missing_table_is_said_to_be_made_by_the_batch(tmp_path):
    for missing in (ROOT / "results" / "missing.csv", tmp_path / "missing.csv"):
        with pytest.raises(
            ValueError, match=re.escape(f"no file {missing}; `make reproduce` writes")
        ):
            checkout.require(missing)
    assert checkout.require(ROOT / "README.md") == ROOT / "README.md"


def test_text_is_read_and_written_in_no_encoding_of_the_locale():
    rule = ["ruff", "check", "--preview", "--select", "PLW1514", "--output-format", "concise"]
    folders = [str(ROOT / name) for name in ("modlib", "workflow", "notebooks")]
    found = subprocess.run([sys.executable, "-m", *rule, *folders], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
