"""The paper: one module for each table or page, named as its notebook."""

from modlib import require_extra

require_extra("batch", "nbformat", "powerlaw", "pydantic", "safetensors", "yaml")
