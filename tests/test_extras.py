"""What needs an extra of the package says which; `tests/test_wheel.py` does without any."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import modlib
from modlib import plots, require_extra

ROOT = Path(__file__).parents[1]


ASKING = ["batch", "figures", "study", "plots.py", "training/lightning.py"]
ASKING += ["training/transformers.py"]


def third_party(file):
    """The packages that a file imports, wherever in it, but for Python's and this one."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module.split(".")[0]}
    return found - {"modlib", *sys.stdlib_module_names}


def installed_with(requirements):
    """What these requirements are imported as."""
    imported_as = {"scikit-learn": "sklearn", "pyyaml": "yaml", "ipython": "IPython"}
    names = [re.split("[<>=]", requirement)[0] for requirement in requirements]
    return {imported_as.get(name, name).replace("-", "_") for name in names}


@pytest.mark.parametrize("place", ASKING)
def test_what_is_imported_beyond_the_dependencies_is_asked_for_in_an_extra_that_has_it(place):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    where = Path(modlib.__file__).parent / place
    files = list(where.glob("*.py")) or [where]
    first = where / "__init__.py" if where.is_dir() else where
    (call,) = re.findall(r"^require_extra\((.*?)\)$", first.read_text("utf-8"), re.M | re.S)
    extra, *asked = ast.literal_eval(f"[{call}]")
    imported = set().union(*map(third_party, files))
    assert set(asked) == imported - installed_with(project["dependencies"])
    assert set(asked) <= installed_with(project["optional-dependencies"][extra])


def test_an_extra_that_is_there_is_asked_for_in_vain():
    require_extra("plots", "matplotlib", "seaborn")


def test_an_extra_that_is_not_there_is_named_with_what_it_brings():
    message = r"^no module named absent, missing: pip install 'modlib\[plots\]'$"
    with pytest.raises(ImportError, match=message):
        require_extra("plots", "absent", "matplotlib", "missing")


def test_plots_are_an_attribute_of_the_package_that_is_imported_when_asked_for():
    code = "import sys, modlib; assert 'matplotlib' not in sys.modules; print(modlib.plots.GREY)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == plots.GREY
    with pytest.raises(AttributeError, match="module 'modlib' has no attribute 'plot'"):
        _ = modlib.plot
