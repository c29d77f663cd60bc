"""Lesions of any model that can be traced: neurons whose weights to others are cut.

A neuron is silenced where weights read it, whatever was done to it before: a channel after its
norm and its activation, an entry of a residual stream in each branch that reads the stream, a head
of attention where its output is projected, a recurrent unit where others and itself read it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx import Interpreter, Node, map_arg
from torch.utils import _pytree as pytree

from modlib.network.connections import of_neurons
from modlib.network.nodes import shape
from modlib.network.trace import Trace
from modlib.network.wiring import Wire

Cuts = dict[tuple[Node, Node], Bool[Tensor, "..."]]
"""For a node and weights that it reads, which of them are cut there."""


class Lesioned(Interpreter):
    """A graph that runs without some of the weights at some of its nodes."""

    def __init__(self, graph: torch.fx.GraphModule, cuts: Cuts) -> None:
        super().__init__(graph)
        self.cuts = cuts

    def fetch_args_kwargs_from_env(self, n: Node) -> tuple[tuple, dict]:
        """Return a node's arguments, weights that are cut being zero."""

        def value(operand: Node) -> Any:
            cut = self.cuts.get((n, operand))
            known = self.env[operand]
            return known if cut is None else known.masked_fill(cut.to(known.device), 0)

        return map_arg(n.args, value), map_arg(n.kwargs, value)


def lesioned(
    trace: Trace, silenced: Mapping[str, Bool[np.ndarray | Tensor, " n_neurons"]]
) -> object:
    """Return what a traced model makes of the inputs it was traced with, some neurons silenced.

    `silenced` marks neurons of layers by name; the model is in evaluation, with its present
    weights.

    Raises:
        ValueError: if there is no such layer, or if it has another number of neurons.

    >>> net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1, bias=False))
    >>> trace = Trace(net, torch.ones(3, 1))
    >>> lesioned(trace, {"0": torch.tensor([True, True])}).tolist()
    [[0.0], [0.0], [0.0]]
    """
    marks = {name: torch.as_tensor(mask, device="cpu") for name, mask in silenced.items()}
    for name, mask in marks.items():
        if trace.sizes.get(name) != len(mask):
            raise ValueError(
                f"neurons are silenced by layers of a network, {trace.sizes}; got {len(mask)} of"
                f" '{name}'"
            )
    cuts: Cuts = {}
    for wire in trace.wires:
        if wire.source in marks:
            cut = weights_from(wire, marks[wire.source])
            for place in ((node, wire.read.weight) for node in wire.read.nodes):
                cuts[place] = cuts.get(place, cut) | cut
    return ran(trace, cuts)


def weights_from(wire: Wire, silenced: Bool[Tensor, " n_source"]) -> Bool[Tensor, "..."]:
    """Return which of the weights that a wire reads come from silenced neurons."""
    rows = silenced[wire.rows] & (wire.rows >= 0)
    weight = torch.ones(shape(wire.read.weight), device="cpu", requires_grad=True)
    with torch.enable_grad():
        total = (wire.read.arrange(weight) * rows[:, :, None]).sum()
    return torch.autograd.grad(total, weight)[0] != 0


def ran(trace: Trace, cuts: Cuts) -> object:
    """Return what a model returns, run by its graph."""
    signature = trace.program.graph_signature
    given, tensors = iter(pytree.tree_leaves(trace.inputs)), trace.tensors()
    nodes = {node.name: node for node in trace.program.graph.find_nodes(op="placeholder")}
    arguments = [
        next(given) if spec.kind == InputKind.USER_INPUT else tensors[nodes[spec.arg.name]]
        for spec in signature.input_specs
    ]
    values = Lesioned(trace.program.graph_module, cuts).run(*arguments)
    structure: Any = trace.program.call_spec.out_spec
    returned = [
        value
        for value, spec in zip(values, signature.output_specs, strict=True)
        if spec.kind == OutputKind.USER_OUTPUT
    ]
    return pytree.tree_unflatten(returned, structure)


@torch.no_grad()
def community_drops(
    model: nn.Module,
    *inputs: object,
    communities: Int[np.ndarray, " n_neurons"],
    score: Callable[[object], Float[Tensor, "*tasks"]],
    **keywords: object,
) -> Float[Tensor, "n_communities *tasks"]:
    """Return what each sub-task loses when the neurons of a community are silenced.

    `communities` are those of `modlib.modularity(modlib.network(model, *inputs))`. Neurons that
    no connection reaches, the inputs, are left alone, and so are the outputs, which none leaves.

    Args:
        inputs: the examples, all that are scored, as the model takes them.
        score: maps what the model returns to a number for each sub-task, such as its accuracy.

    >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False))
    >>> with torch.no_grad():
    ...     for layer in (net[0], net[2]):
    ...         _ = layer.weight.copy_(torch.eye(2))
    >>> x, halves = torch.ones(3, 2), np.array([0, 1] * 3)
    >>> community_drops(net, x, communities=halves, score=lambda y: y.mean(0)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    trace = Trace(model, *inputs, **keywords)
    numbers = of_neurons(communities, trace.sizes)
    parts = torch.as_tensor(numbers).split([*trace.sizes.values()])
    reached = {wire.target for wire in trace.wires}
    between = {n: p for n, p in zip(trace.sizes, parts, strict=True) if n in reached}
    intact = score(lesioned(trace, {}))
    return torch.stack(
        [
            intact - score(lesioned(trace, {n: part == c for n, part in between.items()}))
            for c in range(int(numbers.max()) + 1)
        ]
    )
