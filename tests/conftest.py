"""Settings of every test: Hypothesis without chance or deadlines, figures off screen."""

import matplotlib as mpl
import pytest
import torch
from hypothesis import settings

mpl.use("Agg")
# networks this small only wait for each other on several threads
torch.set_num_threads(1)
settings.register_profile("modlib", deadline=None, derandomize=True)
settings.load_profile("modlib")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    # looked up late, so that a test without figures does not pay for pyplot
    from matplotlib import pyplot as plt

    plt.close("all")
