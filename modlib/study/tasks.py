"""What the tasks are, as the page on them tells it."""

import pandas as pd

from modlib.tasks import TASKS
from modlib.tasks.task import NO_MODULE


def summary() -> pd.DataFrame:
    """Return one row per task of `TASKS`: its sizes, modules and what can be guessed."""
    rows = {
        name: {
            "inputs": len(task.input_modules),
            "of known module": int((task.input_modules != NO_MODULE).sum()),
            "modules": len(task.known_modules) or None,
            "outputs": " + ".join(map(str, task.heads)),
            "hidden": ", ".join(map(str, task.hidden)),
            "steps": f"{task.steps:,}",
            "best guess": task.guess_accuracy,
            "blind to a module": task.blind_accuracy if task.known_modules else None,
        }
        for name, task in ((name, make()) for name, make in TASKS.items())
    }
    table = pd.DataFrame(rows).T.rename_axis("task")
    return table.astype({"modules": "Int64", "best guess": float, "blind to a module": float})
