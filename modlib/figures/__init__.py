"""The pages' figures."""

from modlib import require_extra

require_extra("plots", "cloudpickle", "matplotlib", "seaborn")
