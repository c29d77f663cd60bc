r"""The balance of a network in which a layer leads to itself.

The sum of absolute weights, sum_e A_e exp(x_target - x_source), is convex in the logarithms x of
the factors, and its second derivative is the Laplacian of the weights as they are. Newton's steps,
none of which changes a factor by more than a factor of exp(1/2), descend to its minimum.

A weight counts if it lies on a closed circuit, all layers of fixed scale taken as one node. Any
other can be made as small as one likes without a change of those that count: it is zero in the
limit, and no finite factors reach it. Without layers that lead to themselves these are the weights
of neurons that something enters and something leaves.

Source: Cohen, Madry, Tsipras & Vladu (2017), arXiv:1704.02310, for Newton's steps in a box.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components
from torch import Tensor

STEPS, TOLERANCE = 200, 1e-10


def joined(
    absolute: Sequence[Float[Tensor, "batch _ _"]], ends: Sequence[tuple[int, int]]
) -> tuple[Float[Tensor, "batch nodes nodes"], dict[int, Tensor]]:
    """Return one matrix of all weights, and the node of each layer's neurons.

    Node 0 stands for all layers that no matrix leads to, or none leads from.
    """
    hidden = {source for source, _ in ends} & {target for _, target in ends}
    places: dict[int, Tensor] = {}
    n_nodes = 1
    for A, (source, target) in zip(absolute, ends, strict=True):
        for layer, size in ((source, A.shape[1]), (target, A.shape[2])):
            if layer not in places:
                free = layer in hidden
                places[layer] = torch.arange(size, device=A.device) * free + n_nodes * free
                n_nodes += size * free
    whole = absolute[0].new_zeros(len(absolute[0]), n_nodes**2, dtype=torch.float64)
    for A, (source, target) in zip(absolute, ends, strict=True):
        index = places[source][:, None] * n_nodes + places[target]
        whole.index_add_(1, index.flatten(), A.flatten(1).double())
    return whole.unflatten(1, (n_nodes, n_nodes)), places


def circuits(whole: Float[Tensor, "batch nodes nodes"]) -> Float[Tensor, "batch nodes nodes"]:
    """Return which pairs of nodes lie on a closed circuit, as zeros and ones."""
    labels = torch.stack(
        [
            torch.as_tensor(connected_components(one, connection="strong")[1])
            for one in whole.detach().cpu().numpy()
        ]
    ).to(whole.device)
    return (labels[:, :, None] == labels[:, None]).to(whole.dtype)


def balanced_circuits(
    absolute: Sequence[Float[Tensor, "batch _ _"]], ends: Sequence[tuple[int, int]]
) -> tuple[list[Float[Tensor, "batch _ _"]], float]:
    """Return the balanced weights, and the largest step that was left."""
    whole, places = joined(absolute, ends)
    together = circuits(whole)
    whole = whole * together
    whole.diagonal(dim1=1, dim2=2).zero_()
    logs, left = whole.new_zeros(whole.shape[:2]), 0.0
    for _ in range(STEPS):
        now = whole * (logs[:, None] - logs[:, :, None]).exp()
        entering, leaving = now.sum(1), now.sum(2)
        laplacian = torch.diag_embed(entering + leaving) - now - now.mT
        # neurons of a circuit of their own share a scale that changes no weight
        size = (entering + leaving).amax(-1, keepdim=True).clamp(min=1e-300)
        tied = 1e-13 * size + ((entering + leaving) == 0) * size
        tied[:, 0] += size[:, 0]
        step = torch.linalg.solve(laplacian + torch.diag_embed(tied), leaving - entering)
        step = step - step[:, :1]
        left = float(step.abs().amax())
        logs = logs + step / (2 * step.abs().amax(-1, keepdim=True)).clamp(min=1)
        if left <= TOLERANCE:
            break
    weights = []
    for A, (source, target) in zip(absolute, ends, strict=True):
        a, b = places[source], places[target]
        factor = (logs[:, b][:, None] - logs[:, a][:, :, None]).exp()
        weights.append((A * factor * together[:, a][:, :, b]).to(A.dtype))
    return weights, left
