"""What a community is for: who loses what when its hidden neurons are silenced."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from modlib.tasks.task import Examples, Task
from modlib.training.stacks import Stack


@torch.no_grad()
def lesion_drops(
    network: Stack,
    communities: Int[np.ndarray, "n_stack n_neurons"],
    examples: Examples,
    task: Task,
) -> Float[Tensor, "n_stack n_communities n_tasks"]:
    """Return the accuracy that each sub-task loses with each community's lesion.

    A lesion holds the activity of a community's hidden neurons at zero; inputs and
    outputs are left alone. `examples` hold one set per network, along a leading
    dimension. Networks with fewer communities than the others get rows of zeros.
    """
    hidden_sizes = [layer.weight.shape[-1] for layer in network.layers[:-1]]
    n_in, n_out = network.layers[0].weight.shape[-2], network.layers[-1].weight.shape[-1]
    hidden = torch.as_tensor(communities)[:, n_in:-n_out].split(hidden_sizes, dim=-1)
    intact = task.accuracy(network(examples.x), examples.targets, task.heads)
    drops = []
    for community in range(int(communities.max()) + 1):
        silenced = [layer == community for layer in hidden]
        if any(mask.any() for mask in silenced):
            lesioned = task.accuracy(network(examples.x, silenced), examples.targets, task.heads)
            drops.append(intact - lesioned)
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
