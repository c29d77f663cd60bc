"""What a penalty is: its record, and the simplest kinds."""

from collections.abc import Callable, Sequence
from functools import partial
from inspect import signature
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from modlib.chain import Chain
from modlib.network.connections import Network
from modlib.network.matrices import Weighted, in_full_precision, matrices
from modlib.tasks.task import Task


def no_penalty(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return zero for each network."""
    first = matrices(chain)[0]
    return first.new_zeros(first.shape[:-2])


def l1_penalty(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return sum |W|."""
    return sum((W.abs().sum((-2, -1)) for W in matrices(chain)), torch.zeros(()))


class OfWeights(nn.Module):
    """A penalty that is a function of the weights and has no state of its own."""

    def __init__(self, function: Callable[[Weighted], Float[Tensor, "*stack"]]) -> None:
        super().__init__()
        self.function = function

    def forward(self, chain: object) -> Float[Tensor, "*stack"]:
        return in_full_precision(self.function)(chain)


class OfChain(nn.Module):
    """A penalty with a state, on layers in a line: a subclass says in `of_chain` what it is."""

    of_chain: Callable[[Chain], Float[Tensor, "*stack"]]

    def forward(self, chain: object) -> Float[Tensor, "*stack"]:
        if isinstance(chain, Network):
            raise ValueError(
                f"{type(self).__name__} needs a chain, layers in a line, got a network of"
                f" {len(chain.sizes)} layers and {len(chain.connections)} connections; pick some"
                " that form a line, modlib.weights(model, *inputs, layers=[...]), or use a penalty"
                " of networks: l1, l2, loops, walk_loops"
            )
        return in_full_precision(self.of_chain)(chain)


def unchanged(task: Task | None, network: nn.Module, strengths: Sequence[float]) -> None:
    """Leave the networks as they are."""


def no_rule(network: nn.Module, strengths: Sequence[float], steps: int) -> Callable[[], None]:
    """Return what does nothing between the steps of an optimiser."""
    return lambda: None


class Penalty(NamedTuple):
    """A penalty's name, how to make it, and its strength where none is given.

    Strength 0 is no penalty, whichever it is.

    Attributes:
        make: `make(task, widths, seeds, strengths)` returns the penalty of a stack of networks,
            one per seed and strength. `widths` are those of all layers, as `graphs.layer_sizes`
            returns them of a chain; a single network has one seed. Without a task (None) nothing
            is known of its inputs and outputs.
        prepare: `prepare(task, network, strengths)` changes a stack of networks before they are
            trained: what a prior does.
        follow: `follow(network, strengths, steps)` returns what is to be called after each of the
            optimiser's steps, of which so many are taken: a rule of its own, on its gradients.
    """

    name: str
    make: Callable[[Task | None, Sequence[int], Sequence[int], Sequence[float]], nn.Module]
    strength: float
    prepare: Callable[[Task | None, nn.Module, Sequence[float]], None] = unchanged
    follow: Callable[[nn.Module, Sequence[float], int], Callable[[], None]] = no_rule


def of_weights(
    name: str, function: Callable[[Weighted], Float[Tensor, "*stack"]], strength: float
) -> Penalty:
    """Return the record of a penalty that is a function of the weights alone."""
    return of_kind(name, partial(OfWeights, function), strength)


def of_kind(name: str, kind: Callable[..., nn.Module], strength: float) -> Penalty:
    """Return the record of a penalty that is made of what its kind names.

    That is any of `task`, `widths`, `seeds` and `strengths`.
    """
    return Penalty(name, partial(_made, kind), strength)


def _made(kind: Callable[..., nn.Module], *values: object) -> nn.Module:
    known = dict(zip(("task", "widths", "seeds", "strengths"), values, strict=True))
    return kind(**{name: known[name] for name in signature(kind).parameters if name in known})


def prior(
    name: str, prepare: Callable[[Task | None, nn.Module, Sequence[float]], None], strength: float
) -> Penalty:
    """Return the record of a prior, which changes the networks and penalises nothing."""
    return of_weights(name, no_penalty, strength)._replace(prepare=prepare)


def rule(
    name: str,
    follow: Callable[[nn.Module, Sequence[float], int], Callable[[], None]],
    strength: float,
) -> Penalty:
    """Return the record of a rule between the steps of an optimiser, which penalises nothing."""
    return of_weights(name, no_penalty, strength)._replace(follow=follow)


def without_rule(penalty: Penalty) -> Penalty:
    """Return a penalty's record; raise ValueError if it has a rule between steps."""
    if penalty.follow is not no_rule:
        raise ValueError(
            f"this training takes what is in the loss or changes networks before it, got"
            f" {penalty.name}, a rule between the optimiser's steps; modlib.fit takes it"
        )
    return penalty


def require_widths_of(task: Task | None, widths: Sequence[int]) -> None:
    """Raise ValueError unless networks of these widths have a task's inputs and outputs."""
    if task is None:
        return
    needed = len(task.input_modules), len(task.output_modules)
    if (widths[0], widths[-1]) != needed:
        raise ValueError(
            f"networks of the task {task.name} have {needed[0]} inputs and {needed[1]} outputs, got"
            f" widths {list(widths)}; give None for a task of your own"
        )


def in_stack(state: Float[Tensor, "n_stack *_"], chain: Chain) -> Float[Tensor, "*_"]:
    """Return what a penalty holds of each network, with the leading dimensions of their chain.

    Raises:
        ValueError: if there are more or fewer networks.
    """
    stack = chain[0].shape[:-2]
    if stack.numel() != len(state):
        raise ValueError(
            f"a penalty that was made for {len(state)} networks got {stack.numel()}; make it with"
            " one seed for each"
        )
    return state.reshape(*stack, *state.shape[1:])
