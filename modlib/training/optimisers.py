"""Which optimiser trains what here, at which learning rate."""

from collections.abc import Callable
from functools import partial

import torch

ADAM = partial(torch.optim.Adam, lr=5e-3, fused=True)
"""Of feed-forward networks: those that `fit` trains, and on goals that take turns."""

RECURRENT = partial(ADAM, lr=3e-3)
"""Of recurrent networks."""

RETRAINING: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "SGD 0.1": partial(torch.optim.SGD, lr=0.1, momentum=0.9),
    "SGD 0.01": partial(torch.optim.SGD, lr=0.01, momentum=0.9),
    "Adam 0.005": ADAM,
    "Adam 0.0005": partial(ADAM, lr=5e-4),
}
"""Of networks that learn a sub-task anew, which the paper compares, by name and learning rate."""

FORMULAS = partial(torch.optim.AdamW, lr=2e-3, weight_decay=0.0, fused=True)
"""Of networks on formulas in the setting of Liu, Gan & Tegmark (2024)."""

MNIST = partial(ADAM, lr=1e-3)
"""Of networks on MNIST in the setting of Filan et al. (2021): Adam at its defaults."""

ALONE = partial(torch.optim.Adam, lr=1e-2)
"""Of weights that descend on a penalty alone."""
