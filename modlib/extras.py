"""What an extra of the package brings, and a plain installation lacks."""

from importlib.util import find_spec


def require_extra(extra: str, *modules: str) -> None:
    """Raise ImportError that says which extra to install, unless its modules are there."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ImportError(f"no module named {', '.join(missing)}: pip install 'modlib[{extra}]'")
