"""Agreement of communities with modules that are known beforehand."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.metrics import adjusted_rand_score

NO_MODULE = -1
"""The module of an input or output that belongs to none, or to several."""

FAINT = 0.01
"""An input or output with less than this share of its layer's mean strength is not connected."""


def agreement(
    communities: Int[np.ndarray, "*stack n_neurons"],
    input_modules: Int[np.ndarray, " n_in"],
    output_modules: Int[np.ndarray, " n_out"],
    counted: Bool[np.ndarray, "*stack n_ends"] | bool = True,
) -> Float[np.ndarray, "*stack"]:
    """Return the adjusted Rand index between communities and known modules.

    Only inputs and outputs that belong to a module and are `counted` enter (dead inputs act as
    biases and form communities of their own). NaN where these are of fewer than two modules.

    Source: Hubert & Arabie (1985), doi 10.1007/BF01908075.
    """
    modules = np.concatenate([input_modules, output_modules])
    found = communities[..., np.r_[: len(input_modules), -len(output_modules) : 0]]
    known = np.broadcast_to((modules != NO_MODULE) & counted, found.shape)
    scores = np.full(found.shape[:-1], np.nan)
    for index in np.ndindex(scores.shape):
        here = known[index]
        if len(np.unique(modules[here])) > 1:
            scores[index] = adjusted_rand_score(modules[here], found[index][here])
    return scores


def connected(
    chain: Sequence[Float[np.ndarray, "*stack _ _"]],
) -> Bool[np.ndarray, "*stack n_ends"]:
    """Return which inputs and outputs have at least the share `FAINT` of their layer's mean weight.

    >>> connected([np.array([[1.0], [0.001]]), np.ones((1, 2))]).tolist()
    [True, False, True, True]
    """
    ends = np.abs(chain[0]).sum(-1), np.abs(chain[-1]).sum(-2)
    return np.concatenate([each >= FAINT * each.mean(-1, keepdims=True) for each in ends], -1)
