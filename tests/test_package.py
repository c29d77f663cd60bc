"""What `import modlib` brings, and what it leaves to those who ask."""

import doctest
import json
import os
import subprocess
import sys

import pytest

import modlib

PROBE = """
import json, sys
import modlib
top = {name.split(".")[0] for name in sys.modules}
from modlib.batch import tables
print(json.dumps([sorted(top), str(tables.FOLDER)]))
"""


def test_importing_the_package_imports_nothing_that_draws_or_runs_batches(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True,
        env={**os.environ, "MODLIB_RESULTS": str(tmp_path)},
    )  # fmt: skip
    imported, folder = json.loads(run.stdout)
    heavy = {"matplotlib", "seaborn", "IPython", "snakemake", "papermill", "networkit", "pandera"}
    heavy |= {"safetensors", "nbformat", "yaml", "lightning", "transformers"}
    assert "modlib" in imported
    assert not heavy & set(imported)
    # and the pages' tables can be those of another run
    assert folder == str(tmp_path)


def test_every_public_name_exists_and_says_what_it_is():
    for name in modlib.__all__:
        thing = getattr(modlib, name)
        assert isinstance(thing, dict) or thing.__doc__.strip()


@pytest.mark.parametrize("name", sorted(set(modlib.__all__) - {"PENALTIES", "TASKS"}))
def test_the_example_of_every_public_name_runs(name):
    thing = getattr(modlib, name)
    names = vars(sys.modules[thing.__module__])
    (found,) = doctest.DocTestFinder(recurse=False).find(thing, name, globs=dict(names))
    assert found.examples, f"{name} has no example"
    output = []
    doctest.DocTestRunner().run(found, out=output.append)
    assert not output, "".join(output)
