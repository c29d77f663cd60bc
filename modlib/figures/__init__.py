"""The pages' figures."""

from modlib.extras import require_extra

require_extra("plots", "matplotlib", "seaborn")
