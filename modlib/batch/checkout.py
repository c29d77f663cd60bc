"""Where the checkout lies, and what is where in it."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parent
NOTEBOOKS = ROOT / "notebooks"
WORKFLOW = ROOT / "workflow"
