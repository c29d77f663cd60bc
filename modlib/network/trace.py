"""A network that is traced once, and read as often as its weights change."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node

from modlib.chain import weights as in_order_of_registration
from modlib.network.connections import Connection, Network, chain
from modlib.network.elementwise import one_along
from modlib.network.experts import alike_for_all
from modlib.network.exporting import exported
from modlib.network.fixed import evaluated, needed, sources
from modlib.network.neurons import NOTHING
from modlib.network.nodes import outputs, refuse
from modlib.network.operations import read
from modlib.network.reading import Reading
from modlib.network.wiring import joined_layers, matrix, wires_of


class Trace:
    """How a model's neurons are connected; called, it returns them with the present weights.

    Tracing takes about a second, a call some milliseconds. What is left out is told as it was when
    the model was traced: of a constant that scales neurons, whether it did then.

    >>> net = nn.Linear(2, 2)
    >>> trace = Trace(net, torch.zeros(1, 2))
    >>> with torch.no_grad():
    ...     _ = net.weight.fill_(3)
    >>> trace().connections[0].weight.tolist()
    [[3.0, 3.0], [3.0, 3.0]]
    """

    def __init__(self, model: nn.Module, *inputs: object, **keywords: object) -> None:
        if not inputs and not keywords:
            raise ValueError(
                "a network is traced by an example of its inputs, got none; pass one:"
                " modlib.network(model, x)"
            )
        program = exported(model, inputs, keywords)
        self.model, self.program, self.inputs = model, program, (inputs, keywords)
        self.names = names_of_tensors(program)
        with torch.device("cpu"), torch.random.fork_rng(devices=[]):
            reading = Reading(self.names, self.tensors())
            meet_inputs(reading, program)
            for node in program.graph.nodes:
                follow(reading, node)
            if not any((read.rows != NOTHING).any() for read in reading.read):
                raise ValueError(
                    f"a network needs weights between neurons, got {type(model).__name__} in which"
                    " no input meets any; its parameters are"
                    f" {', '.join(name for name, _ in model.named_parameters()) or 'none'}"
                )
            reading.join_crossed()
            alike_for_all(reading)
            for node, numbers, dims in reading.scaled:
                if dims:
                    one_along(reading, node, numbers, dims)
            for layer in reading.unsettled:  # scores that neither values nor weights have read
                reading.leave_out(reading.scored[layer])
            layers = joined_layers(reading)
            self.wires = wires_of(reading, layers)
        self.sizes = dict(zip(layers.names, layers.sizes, strict=True))
        read_nodes = [wire.read.weight for wire in self.wires]
        read_names = {self.names[n] for n in needed(read_nodes, ()) if n in self.names}
        read_ids = {id(p) for name, p in self.parameters().items() if name in read_names}
        unread = [name for name, p in model.named_parameters() if id(p) not in read_ids]
        self.left_out = [*unread, *reading.left_out]

    def parameters(self) -> dict[str, Tensor]:
        """Return the model's present parameters and buffers, under all of their names."""
        parameters = self.model.named_parameters(remove_duplicate=False)
        return {**dict(self.model.named_buffers(remove_duplicate=False)), **dict(parameters)}

    def tensors(self) -> dict[Node, Tensor]:
        """Return the present tensors of the graph's parameters, buffers and constants."""
        present = {**self.program.constants, **self.parameters()}
        gone = [name for name in self.names.values() if name not in present]
        if gone:
            raise ValueError(
                f"the model has lost {', '.join(gone)} since it was traced: trace it anew"
            )
        return {node: present[name] for node, name in self.names.items()}

    def __call__(self) -> Network:
        """Return the network; gradients flow from its matrices to the model's parameters."""
        values = evaluated([wire.read.weight for wire in self.wires], self.tensors())
        connections = []
        for wire in self.wires:
            blocks = wire.read.arrange(values[wire.read.weight])
            W = matrix(blocks, wire, self.sizes[wire.source], self.sizes[wire.target])
            connections.append(Connection(wire.name, wire.source, wire.target, W))
        return Network(dict(self.sizes), connections, list(self.left_out))


def names_of_tensors(program: ExportedProgram) -> dict[Node, str]:
    """Return the graph's placeholders of parameters, buffers and constants, and their names."""
    targets = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
    return {
        node: str(targets[node.name].target)
        for node in program.graph.find_nodes(op="placeholder")
        if targets[node.name].kind != InputKind.USER_INPUT
    }


def meet_inputs(reading: Reading, program: ExportedProgram) -> None:
    """Number the neurons of the inputs: one for each entry of an example.

    The first of several dimensions counts examples; so does an only one as long as that of others.
    """
    inputs = [
        node
        for node in program.graph.find_nodes(op="placeholder")
        if node not in reading.names and isinstance(node.meta.get("val"), Tensor)
    ]
    counts = {node.meta["val"].shape[0] for node in inputs if node.meta["val"].dim() > 1}
    for node in inputs:
        value = node.meta["val"]
        if not value.numel():
            raise ValueError(
                f"a network is traced by an example, got '{node.name}' of shape"
                f" {tuple(value.shape)}, which has no entry; pass one or two examples"
            )
        is_batch = value.dim() > 1 or (value.shape[:1].numel() in counts and value.dim() == 1)
        own = value.shape[1:] if is_batch else value.shape
        name = "input" if len(inputs) == 1 else f"input.{node.name}"
        layer = len(reading.neurons.layers)
        reading.neurons.inputs.add(layer)
        reading.neurons.unread.add(layer)
        if is_batch:
            reading.neurons.examples[layer] = len(value)
        if not value.is_floating_point():
            reading.neurons.conditions.add(layer)
        numbers = reading.neurons.new(name, own.numel()).view(own)
        reading.numbers[node] = numbers.expand(value.shape)


def follow(reading: Reading, node: Node) -> None:
    """Find the neurons of a node's value, unless no input reaches it or it has none."""
    if node.op != "call_function" or not outputs(node):
        return
    if all(operand in reading.fixed for operand in sources(node)):
        reading.fixed.add(node)
        return
    try:
        reading.numbers[node] = read(reading, node)
    except (RuntimeError, TypeError, KeyError, IndexError, AttributeError) as error:
        refuse(node, f"it is unlike what is expected ({error})")


def network(model: nn.Module, *inputs: object, **keywords: object) -> Network:
    """Return the layers of a model's neurons and the connections between them.

    `inputs` and `keywords` are what the model is called with, an example or two of them.

    A neuron is what weights tell apart: a unit, a channel of a feature map, an entry of an
    embedding's table. Values that are added or multiplied entry by entry are the same neurons, so
    that a stream of residual sums is one layer; so are all entries of a head of attention, whose
    queries, keys and values are connections of their own. A connection's weights are the
    parameter itself where it joins neurons one by one, and sums of absolute weights where it
    joins them several times: over a kernel, a flattened map, the gates of a recurrent unit, the
    entries of a head. Parameters are read where they run, twice if they run twice; what
    parametrisations make of them is read, not what they are stored as. Biases, scales of norms and
    gates of whole layers are left out; so is what softmax, norms and means over a layer make each
    of its neurons depend on.

    Raises:
        ValueError: if the model cannot be traced by `torch.export`, or if it does with neurons
            what no rule reads.

    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> network(net, torch.zeros(1, 4)).sizes
    {'input': 4, '0': 3, '2': 2}
    """
    return Trace(model, *inputs, **keywords)()


def weights(
    model: nn.Module, *inputs: object, layers: Sequence[str] | None = None, **keywords: object
) -> list[Float[Tensor, "*stack _ _"]]:
    """Return the weight matrices of a network whose layers form a line, input side first.

    With an example of its inputs the model is traced; `layers` picks connections by name. Without,
    it is read in the order of registration, where that is the order in which layers run.

    Raises:
        ValueError: if the layers form no line, if none has one of the names, or if an example is
            needed.

    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> [W.shape for W in weights(net, torch.zeros(1, 4))]
    [torch.Size([4, 3]), torch.Size([3, 2])]
    """
    if not inputs and not keywords:
        if layers is not None:
            raise ValueError(
                "layers are picked from a traced network: pass an example of its inputs too,"
                " modlib.weights(model, x, layers=[...])"
            )
        return in_order_of_registration(model)
    traced = network(model, *inputs, **keywords)
    return chain(traced if layers is None else picked(traced, layers))


def picked(network: Network, names: Sequence[str]) -> Network:
    """Return a network with the connections of these names alone."""
    there = [connection.name for connection in network.connections]
    missing = [name for name in names if name not in there]
    if missing:
        raise ValueError(
            f"no connection is named {', '.join(missing)}; there are {', '.join(there)}"
        )
    kept = [connection for connection in network.connections if connection.name in names]
    left_out = [name for name in there if name not in names]
    return Network(network.sizes, kept, [*left_out, *network.left_out])
