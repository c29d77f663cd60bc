"""Where the checkout lies, and what is where in it."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parent
NOTEBOOKS = ROOT / "notebooks"
WORKFLOW = ROOT / "workflow"


def require(path: Path) -> Path:
    """Return the path of a file that is there; a missing one raises ValueError."""
    if path.exists():
        return path
    if path.is_relative_to(ROOT) and not NOTEBOOKS.exists():
        raise ValueError(
            f"there is no file {path}: published tables, notebooks and the batch come with a"
            " checkout of the repository, and modlib was installed without; get one, and `pip"
            " install --editable .` there"
        )
    raise ValueError(
        f"there is no file {path}; `make reproduce` writes tables and networks, git restores others"
    )
