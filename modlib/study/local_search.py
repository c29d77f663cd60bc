"""A model of social networks in which walks strengthen links and communities emerge.

Source: Kumpula, Onnela, Saramaki, Kaski & Kertesz (2007), doi 10.1103/PhysRevLett.99.228701.
"""

import numpy as np
from jaxtyping import Float


def local_search(
    n_nodes: int,
    rounds: int,
    seed: int,
    gain: float = 0.5,
    closing: float = 0.15,
    random_links: float = 0.0015,
    deletion: float = 0.003,
) -> Float[np.ndarray, "n_nodes n_nodes"]:
    """Return the symmetric weights that the model of Kumpula et al. (2007) grows from none.

    In each round every node i in turn walks to a neighbour j, in proportion to weight,
    and on to another neighbour k of j. The links walked gain `gain`; so does the link
    i-k that closes the triad, or, if missing, it is made with probability `closing`. A
    node without links, and any other with probability `random_links`, is linked
    to a random one. At the end of a round each node loses all its links with probability
    `deletion`. New links weigh 1.

    The authors' probabilities are smaller, and their runs longer.
    """
    rng = np.random.default_rng(seed)
    W = np.zeros((n_nodes, n_nodes))

    def neighbour(weights: Float[np.ndarray, " n_nodes"], draw: float) -> int | None:
        cumulative = weights.cumsum()
        if cumulative[-1] == 0:
            return None
        return int(cumulative.searchsorted(draw * cumulative[-1], side="right"))

    def link(a: int, b: int, weight: float) -> None:
        W[a, b] += weight
        W[b, a] += weight

    for _ in range(rounds):
        for i, draws in enumerate(rng.random((n_nodes, 5)).tolist()):
            j = neighbour(W[i], draws[0])
            if j is not None:
                others = W[j].copy()
                others[i] = 0.0
                k = neighbour(others, draws[1])
                link(i, j, gain)
                if k is not None:
                    link(j, k, gain)
                    if W[i, k] > 0:
                        link(i, k, gain)
                    elif draws[2] < closing:
                        link(i, k, 1.0)
            if j is None or draws[3] < random_links:
                other = int(draws[4] * (n_nodes - 1))
                other += other >= i
                if W[i, other] == 0:
                    link(i, other, 1.0)
        deleted = rng.random(n_nodes) < deletion
        W[deleted] = 0.0
        W[:, deleted] = 0.0
    return W
