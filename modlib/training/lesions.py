"""What a community is for: who loses what when its hidden neurons are silenced."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from modlib.chain import weights
from modlib.graphs import layer_sizes


@torch.no_grad()
def lesion_drops(
    network: nn.Module,
    communities: Int[np.ndarray, "n_stack n_neurons"],
    x: Float[Tensor, "n_stack batch n_in"],
    accuracy: Callable[[Tensor], Float[Tensor, "n_stack n_tasks"]],
) -> Float[Tensor, "n_stack n_communities n_tasks"]:
    """Return the accuracy that each sub-task loses with each community's lesion.

    A lesion holds the activity of a community's hidden neurons at zero; inputs and
    outputs are left alone. Networks with fewer communities than the others get rows of
    zeros.

    Args:
        network: called with inputs and, for each hidden layer, a mask of the neurons to silence,
            of shape (n_stack, n), as a `training.stacks.Stack` is.
        x: each network's examples.
        accuracy: maps the networks' outputs to their accuracy at each sub-task.
    """
    sizes = layer_sizes(weights(network))
    _, *hidden, _ = torch.as_tensor(communities).split(sizes, dim=-1)
    intact = accuracy(network(x))
    drops = []
    for community in range(int(communities.max()) + 1):
        silenced = [layer == community for layer in hidden]
        if any(mask.any() for mask in silenced):
            drops.append(intact - accuracy(network(x, silenced)))
        else:
            drops.append(torch.zeros_like(intact))
    return torch.stack(drops, dim=-2)


def specialisation(
    drops: Float[Tensor, "*stack n_communities n_tasks"],
) -> Float[Tensor, "*stack"]:
    """Return how far lesions hurt one sub-task alone: 1 if each does, 0 if all alike.

    With d_ct the drop of task t under the lesion of community c (gains count as 0)
    and m tasks, the mean over communities, weighted by sum_t d_ct, of

        (m max_t d_ct / sum_t d_ct - 1) / (m - 1),

    which for two tasks is |d_c1 - d_c2| / (d_c1 + d_c2). NaN for one task, or where no
    lesion hurts.
    """
    n_tasks = drops.shape[-1]
    lost = drops.double().clamp_min(0.0)
    if n_tasks == 1:
        return lost.new_full(drops.shape[:-2], torch.nan)
    total = lost.sum((-2, -1))
    share = (n_tasks * lost.amax(-1).sum(-1) - total) / ((n_tasks - 1) * total)
    return share.clamp(0.0, 1.0)  # rounding of the sums aside, it lies there
