"""Recurrent networks whose modules are given: what they remember depends on how these are joined.

A recurrent network is x(t) = f(x(t - 1) W + u(t) W_in): rows feed columns, as in a chain. Stacks
of networks run at once, each with a generator of its own.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

GAIN = 20.0
"""How steeply a threshold-like neuron answers, per unit of its input."""


def communities_of(n: int, communities: int) -> Int[np.ndarray, " n"]:
    """Return the community of each of n neurons: equal ones, in order."""
    return np.arange(n) * communities // n


def modular_sources(
    n: int, communities: int, between: float, degree: int, rng: np.random.Generator
) -> Int[np.ndarray, "n degree"]:
    """Return the neurons that each neuron hears, a share of them in other communities.

    Each hears `degree` different neurons, each of them in another community with the probability
    `between`, so that the number of connections does not depend on how modular the network is.

    Source: after Rodriguez, Izquierdo & Ahn (2019), doi 10.1162/netn_a_00082.

    Raises:
        ValueError: if `between` is no probability, or `degree` does not fit into a community.
    """
    of = communities_of(n, communities)
    if not 0 <= between <= 1 or not 1 <= degree < np.bincount(of).min():
        raise ValueError(
            "modular networks need a share between communities from 0 to 1 and a degree below"
            f" the size of a community, got {between}, and {degree} of {np.bincount(of).min()}"
        )
    outside = rng.binomial(degree, between, size=n) if communities > 1 else np.zeros(n, int)
    heard = np.empty((n, degree), dtype=int)
    for j, k in enumerate(outside):
        own, other = np.flatnonzero(of == of[j]), np.flatnonzero(of != of[j])
        heard[j, :k] = rng.choice(other, k, replace=False) if k else []
        heard[j, k:] = rng.choice(own[own != j], degree - k, replace=False)
    return heard


def weights_of(
    sources: Int[np.ndarray, "n degree"], values: Float[np.ndarray, "n degree"]
) -> Float[np.ndarray, "n n"]:
    """Return the weight matrix in which neuron j hears its sources with the values given."""
    W = np.zeros((len(sources), len(sources)))
    W[sources, np.arange(len(sources))[:, None]] = values
    return W


def of_radius(W: Float[np.ndarray, "n_stack n n"], radius: float) -> Float[np.ndarray, "..."]:
    """Return the weights scaled so that their largest eigenvalue has the absolute value given."""
    return W * radius / np.abs(np.linalg.eigvals(W)).max(-1)[:, None, None]


def threshold_like(threshold: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return the activation of neurons that are silent below a threshold and fire above it."""
    return lambda drive: expit(GAIN * (drive - threshold))


def states(
    W: Float[np.ndarray, "n_stack n n"],
    W_in: Float[np.ndarray, "n_stack n_in n"],
    u: Float[np.ndarray, "n_stack time n_in"],
    activation: Callable[[np.ndarray], np.ndarray] = np.tanh,
) -> Float[np.ndarray, "n_stack time n"]:
    """Return the states that follow from zero activity."""
    x = np.zeros((len(W), 1, W.shape[-1]))
    found = np.empty((len(W), u.shape[1], W.shape[-1]))
    for t, drive in enumerate(np.moveaxis(u @ W_in, 1, 0)):
        x = activation(x @ W + drive[:, None])
        found[:, t] = x[:, 0]
    return found


def narma(u: Float[np.ndarray, "*stack time"], order: int = 10) -> Float[np.ndarray, "*stack time"]:
    """Return the nonlinear autoregressive moving average of inputs between 0 and 1/2.

    y(t + 1) = 0.3 y(t) + 0.05 y(t) sum y(t - i) + 1.5 u(t - order + 1) u(t) + 0.1, the sum over
    i < order.

    Source: Atiya & Parlos (2000), doi 10.1109/72.846741.

    Raises:
        ValueError: if inputs lie elsewhere, where it may diverge.
    """
    if u.min() < 0 or u.max() > 0.5:
        raise ValueError(f"NARMA needs inputs from 0 to 0.5, got {u.min():.3g} to {u.max():.3g}")
    y = np.zeros(u.shape)
    for t in range(order - 1, u.shape[-1] - 1):
        past = y[..., t - order + 1 : t + 1].sum(-1)
        product = u[..., t - order + 1] * u[..., t]
        y[..., t + 1] = 0.3 * y[..., t] + 0.05 * y[..., t] * past + 1.5 * product + 0.1
    return y
