"""Learning modularity from scratch: the regulariser, its rivals and the measures."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from modlib.graphs import newman_q
from modlib.loops import loop_penalty, loop_sum, retraced_sum, total_loop_sum
from modlib.modularity import Modularity, modularity
from modlib.network import (
    Connection,
    Network,
    Trace,
    community_drops,
    lesioned,
    network,
    weights,
)
from modlib.penalties import PENALTIES
from modlib.penalties.walk_loops import WalkLoops
from modlib.tasks import TASKS
from modlib.training.fit import Run, fit, train
from modlib.triads import close_triads
from modlib.walks import relative_loops, walk_loop_penalty, walk_loop_sum

__all__ = [
    "PENALTIES",
    "TASKS",
    "Connection",
    "Modularity",
    "Network",
    "Run",
    "Trace",
    "WalkLoops",
    "close_triads",
    "community_drops",
    "fit",
    "lesioned",
    "loop_penalty",
    "loop_sum",
    "modularity",
    "network",
    "newman_q",
    "relative_loops",
    "retraced_sum",
    "total_loop_sum",
    "train",
    "walk_loop_penalty",
    "walk_loop_sum",
    "weights",
]


def __getattr__(name: str) -> ModuleType:
    """Return `plots`, which is imported when it is asked for: it needs an extra."""
    if name == "plots":
        return import_module("modlib.plots")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def require_extra(extra: str, *modules: str) -> None:
    """Raise ImportError that says which extra to install, unless its modules are there."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ImportError(f"no module named {', '.join(missing)}: pip install 'modlib[{extra}]'")
