"""Whether networks of other architectures are modular: the page `architectures`."""

MODULAR = 0.5
"""A network counts as modular if its share of the attainable excess is above this, and so, where
modules are known, is its agreement with them."""

KEPT = 0.01
"""A penalty keeps accuracy if it costs less than this."""
