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
) -> Float[np.ndarray, "*stack"]:
    """Return the adjusted Rand index between communities and known modules.

    Only inputs and outputs that belong to a module count (dead inputs act as
    biases and form communities of their own). NaN where fewer than two modules are
    known.

    Source: Hubert & Arabie (1985), doi 10.1007/BF01908075.
    """
    modules = np.concatenate([input_modules, output_modules])
    known = modules != NO_MODULE
    stack = communities.shape[:-1]
    if len(np.unique(modules[known])) < 2:
        return np.full(stack, np.nan)
    ends = np.r_[: len(input_modules), -len(output_modules) : 0]
    scores = [
        adjusted_rand_score(modules[known], communities[index][ends][known])
        for index in np.ndindex(stack)
    ]
    return np.array(scores).reshape(stack)


def connected(
    chain: Sequence[Float[np.ndarray, "*stack _ _"]],
) -> Bool[np.ndarray, "*stack n_ends"]:
    """Return which inputs and outputs have at least the share `FAINT` of their layer's mean weight.

    >>> connected([np.array([[1.0], [0.001]]), np.ones((1, 2))]).tolist()
    [True, False, True, True]
    """
    ends = np.abs(chain[0]).sum(-1), np.abs(chain[-1]).sum(-2)
    return np.concatenate([each >= FAINT * each.mean(-1, keepdims=True) for each in ends], -1)


def connected_agreement(
    chain: Sequence[Float[np.ndarray, "*stack _ _"]],
    communities: Int[np.ndarray, "*stack n_neurons"],
    input_modules: Int[np.ndarray, " n_in"],
    output_modules: Int[np.ndarray, " n_out"],
) -> Float[np.ndarray, "*stack"]:
    """Return the `agreement` over those inputs and outputs alone that are `connected`.

    An input that was dropped is a community of its own, and lowers the agreement over all.
    """
    there, found = connected(chain), np.empty(communities.shape[:-1])
    for index in np.ndindex(found.shape):
        inputs, outputs = np.split(there[index], [len(input_modules)])
        found[index] = agreement(
            communities[index],
            np.where(inputs, input_modules, NO_MODULE),
            np.where(outputs, output_modules, NO_MODULE),
        )
    return found
