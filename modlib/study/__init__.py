"""The paper: one module for each table or page, named as its notebook."""

from modlib.extras import require_extra

require_extra("batch", "powerlaw", "pydantic")
