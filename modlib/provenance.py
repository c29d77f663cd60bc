"""Where a number comes from: versions, commit, and the content that a run follows from."""

import ast
import hashlib
import json
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

PACKAGE = Path(__file__).parent
SWEEP = PACKAGE.parent / "notebooks" / "sweep.ipynb"


def provenance() -> dict[str, str]:
    """Return the versions that numbers depend on, and the commit of this checkout."""
    packages = ("modlib", "torch", "numpy", "networkit", "scikit-learn")
    versions = [f"python {platform.python_version()}", *(f"{p} {version(p)}" for p in packages)]
    git = [
        "git",
        "-C",
        str(PACKAGE),
        "describe",
        "--always",
        "--exclude=*",
        "--abbrev=40",
        "--dirty",
    ]
    commit = subprocess.run(git, capture_output=True, text=True).stdout.strip()
    return {"versions": "; ".join(versions), "commit": commit or "unknown"}


def part_key(**parameters: object) -> str:
    """Return what a part of the batch follows from, as 16 hexadecimal digits.

    A hash of its parameters, of the notebook that makes it, and of `modlib.training` and
    every module that it imports, less comments, docstrings and blank lines.
    """
    cells = json.loads(SWEEP.read_text())["cells"]
    cells = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    modules = sorted(_imported("training"))
    code = [_bare((PACKAGE / f"{module}.py").read_text()) for module in modules]
    content = json.dumps([parameters, cells, modules, code], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _imported(module: str) -> set[str]:
    """Return a module of this package and those that it imports, directly or not."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    names = {
        node.module.removeprefix("modlib.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("modlib.")
    }
    return {module}.union(*(_imported(name) for name in names))


def _bare(source: str) -> str:
    """Return source code without comment lines, docstrings and blank lines."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))
