r"""Walk loops as a step of their own, after the optimiser's, in any training loop.

A connection that closes fewer loops than its weight would lead one to expect fades:

    w <- w exp(-rate max(0, 1 - f)),

with f the share of its matrix's walk loops that pass through it over its share of the matrix's
weight (`modlib.walks.relative_loops`). That is the old local rule, sample a connection and
strengthen what closes a loop with it, turned round: what closes few is weakened. Nothing else of
the weights changes, whatever their scale, number or optimiser.

All is counted in runs, not in steps. The rate grows linearly over the first half of the run, to
`FADE` per run, and falls to 0 in its last fifth. It is held to what the task can bear: to first
order fading may undo the share `BEARABLE` of what the optimiser's last steps gained on their own
mini-batches. Loops are counted, and connections fade, `COUNTS` times in a run.

Which loops are worth closing, the task has to say, and in networks of rectified neurons it says
little: what is computed of separate inputs cancels wherever it is not wanted. Noise on hidden
neurons (`modlib.penalties.noise`) leaves nothing to cancel with. It stays for half of the run, and
fades after it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from modlib.chain import weights
from modlib.loops import require_hidden_layer
from modlib.network.denormals import flushed_denormals
from modlib.network.matrices import Weighted, checked, matrices
from modlib.network.trace import Trace
from modlib.penalties.noise import DrawsOfSeeds, add_noise, noise_left, read_from
from modlib.penalties.priors import parts_of
from modlib.walks import relative_loops, walk_loop_penalty

FADE, BEARABLE, COUNTS = 130.0, 0.2, 32
"""Found on the development settings of `modlib.study.hyperparameter_grid`."""

MEMORY = 0.9
"""How much of the running means of gain and harm is kept from one count to the next."""


class WalkLoops:
    """Lets connections fade that close few loops, in one call after each step of an optimiser.

    One default is for any training; the book's page of that name says where it finds modules and
    where not.

    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> loops = WalkLoops(net, torch.zeros(1, 4), steps=10)
    >>> optimiser = torch.optim.AdamW(net.parameters())
    >>> for _ in range(10):
    ...     optimiser.zero_grad()
    ...     net(torch.ones(5, 4)).square().sum().backward()
    ...     optimiser.step()
    ...     loops.step()
    >>> loops.taken, float(loops.noise)
    (10, 0.0)
    """

    def __init__(
        self,
        model: nn.Module,
        *inputs: object,
        steps: int,
        strength: float | Sequence[float] = 1.0,
        draw: Callable[..., Tensor] = torch.rand,
        **keywords: object,
    ) -> None:
        """Read the model, and put noise before what reads its hidden layers, in training alone.

        Args:
            inputs, keywords: an example or two of what the model is called with, as in
                `modlib.network`; not needed where `modlib.weights` needs none.
            steps: of the whole training.
            strength: what the rate is multiplied by, for each network of a stack where there are
                several; where it is 0, nothing fades and there is no noise.
            draw: `draw(shape, device=device)` returns the uniform numbers that noise is made of.

        Raises:
            ValueError: if `steps` is below 1, if a strength is negative or not finite, if the
                model cannot be read or has no hidden layer, or if its weights are not parameters
                themselves.
        """
        if steps < 1:
            raise ValueError(
                f"WalkLoops needs the number of training steps, at least 1, got {steps}"
            )
        self.steps, self.taken = steps, 0
        self.every = max(1, steps // COUNTS)
        self.read: Callable[[], Weighted] = (
            Trace(model, *inputs, **keywords) if inputs or keywords else lambda: weights(model)
        )
        network = checked(self.read())
        require_hidden_layer(network)
        self.parameters = list(_parameters_of(model, network))
        self.before = [theta.detach().clone() for theta in self.parameters]
        stack = matrices(network)[0].shape[:-2]
        device = self.parameters[0].device
        self.gain = torch.zeros(stack, dtype=torch.float32, device=device)
        self.harm = torch.zeros(stack, dtype=torch.float32, device=device)
        self.strength = _of_each(strength, stack).to(device)
        # one number, or one for all activity of each network
        self.noisy = (self.strength > 0).float().reshape((*stack, *[1] * 2 * bool(stack)))
        self.noise = self.noisy.clone()
        self.hooks = add_noise(model, network, self.noise, draw)

    def penalty(self) -> Float[Tensor, "*stack"]:
        """Return `walk_loop_penalty` of the present weights, for a loss, in place of steps."""
        return walk_loop_penalty(self.read())

    @torch.no_grad()
    def step(self) -> None:
        """Let connections fade; to be called after the optimiser's step, with its gradients there.

        Raises:
            ValueError: if there are no gradients.
        """
        gradients = [theta.grad for theta in self.parameters]
        if all(gradient is None for gradient in gradients):
            raise ValueError(
                "WalkLoops.step needs the gradients of the optimiser's step, got none; call it"
                " after optimiser.step() and before optimiser.zero_grad()"
            )
        self.taken += 1
        time = min(1.0, self.taken / self.steps)
        self.noise.copy_(self.noisy * noise_left(self.taken, self.steps))
        if self.taken % self.every == 0:
            rate = FADE * min(1.0, 2 * time, 5 * (1 - time))
            with flushed_denormals():
                self._fade(gradients, rate * self.every / self.steps)
        if self.taken % self.every == self.every - 1:
            for theta, old in zip(self.parameters, self.before, strict=True):
                old.copy_(theta)

    @torch.no_grad()
    def _fade(self, gradients: Sequence[Tensor | None], rate: float) -> None:
        """Let connections fade at a rate, or at as much of it as the task can bear."""
        most = rate * self.strength
        fades, stack = self._fades(), self.gain.shape
        gain, harm = torch.zeros_like(self.gain), torch.zeros_like(self.harm)
        for theta, old, fade, gradient in zip(
            self.parameters, self.before, fades, gradients, strict=True
        ):
            if gradient is not None:
                gain -= self.every * (gradient * (theta - old)).reshape(*stack, -1).sum(-1)
                harm -= (gradient * theta * fade).reshape(*stack, -1).sum(-1)
        # a step that was left out, as at an overflow, says nothing
        sound = gain.isfinite() & harm.isfinite()
        for mean, now in ((self.gain, gain), (self.harm, harm)):
            mean.copy_(torch.where(sound, MEMORY * mean + (1 - MEMORY) * now, mean))
        borne = BEARABLE * self.gain.clamp_min(0) / self.harm
        rates = torch.where(self.harm > 0, borne.minimum(most), most)
        for theta, fade in zip(self.parameters, fades, strict=True):
            each = rates.reshape(*stack, *[1] * (theta.dim() - len(stack)))
            theta.mul_((-each * fade).exp().to(theta.dtype))

    def _fades(self) -> list[Tensor]:
        """Return max(0, 1 - f) for each entry of each parameter."""
        with torch.enable_grad():
            network = self.read()
            ratios = relative_loops(network)
            fading = [
                ((1 - ratio).clamp_min(0).to(W.dtype) * W.abs()).sum()
                for W, ratio in zip(matrices(network), ratios, strict=True)
                if W.requires_grad
            ]
            found = torch.autograd.grad(fading, self.parameters)
        # matrices hold parameters or sums of their absolute values: the slope is the fade
        return [slope.abs().clamp_max(1) for slope in found]

    def remove(self) -> None:
        """Take the noise off the model."""
        for hook in self.hooks:
            hook.remove()

    def state_dict(self) -> dict[str, Any]:
        """Return where the training stands, for `load_state_dict`."""
        tensors = {name: getattr(self, name).clone() for name in ("gain", "harm")}
        before = [old.clone() for old in self.before]
        return {"taken": self.taken, "before": before, **tensors}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a training stood."""
        self.taken = int(state["taken"])
        self.noise.copy_(self.noisy * noise_left(self.taken, self.steps))
        for name in ("gain", "harm"):
            getattr(self, name).copy_(state[name])
        for old, then in zip(self.before, state["before"], strict=True):
            old.copy_(then)


def follow(network: nn.Module, strengths: Sequence[float], steps: int) -> Callable[[], None]:
    """Return a step of walk loops for a stack of networks, whose noise follows from their seeds."""
    _, _, seeds = parts_of(network)
    loops = WalkLoops(network, steps=steps, strength=strengths, draw=DrawsOfSeeds(seeds, 13))
    return loops.step


def _of_each(strength: float | Sequence[float], stack: torch.Size) -> Float[Tensor, "*stack"]:
    """Return the strength of each network of a stack."""
    found = torch.as_tensor(strength, dtype=torch.float32)
    if not (found.isfinite() & (found >= 0)).all() or found.shape not in ((), stack):
        raise ValueError(
            "WalkLoops needs a finite strength of at least 0, one for all or one for each of"
            f" {stack.numel()} networks, got {strength}"
        )
    return found.expand(stack).clone()


def _parameters_of(model: nn.Module, network: Weighted) -> Iterator[nn.Parameter]:
    """Yield the parameters that a network's matrices are read from, and that are trained.

    Raises:
        ValueError: if there are none, if a parametrisation makes one of them, or if one is of half
            precision.
    """
    every = dict(model.named_parameters())
    read = read_from(matrices(network), list(every.values()))
    if not any(read):
        raise ValueError(
            "WalkLoops needs weights that are trained, got none that requires a gradient; let some"
            " be trained with requires_grad_()"
        )
    for name, parameter in (each for each, of in zip(every.items(), read, strict=True) if of):
        if "parametrizations." in name or name.endswith(("_orig", "_g", "_v")):
            raise ValueError(
                f"WalkLoops needs weights that are parameters themselves, got '{name}', of which a"
                " parametrisation makes them; remove it, or put modlib.walk_loop_penalty in the"
                " loss"
            )
        if parameter.dtype.itemsize < 4:
            raise ValueError(
                f"WalkLoops needs weights of single precision, got '{name}' of {parameter.dtype},"
                " in which small changes are lost; keep the model in float32 under torch.autocast"
            )
        yield parameter
