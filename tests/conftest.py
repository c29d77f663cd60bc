"""Settings of every test: Hypothesis without chance, figures off screen, nothing twice."""

from dataclasses import replace

import matplotlib as mpl
import pytest
import torch
from hypothesis import settings
from remembered import remembered
from scipy import stats
from searches import check_types

mpl.use("Agg")
# networks this small only wait for each other on several threads
torch.set_num_threads(1)
settings.register_profile("modlib", deadline=None, derandomize=True)
settings.load_profile("modlib")
# where the search is tested they are checked
check_types(False)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    # looked up late, so that a test without figures does not pay for pyplot
    from matplotlib import pyplot as plt

    plt.close("all")


@pytest.fixture(scope="session", autouse=True)
def _same_numbers_are_asked_once():
    """Pages that run with other parameters have most of their intervals and tests in common."""

    bootstrap = stats.bootstrap

    def ends(*args, **told):
        # without the resamples themselves, which take far more room
        return replace(bootstrap(*args, **told), bootstrap_distribution=None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stats, "wilcoxon", remembered(stats.wilcoxon))
        patch.setattr(stats, "bootstrap", remembered(ends))
        yield
