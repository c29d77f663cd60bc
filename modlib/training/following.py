"""Walk loops that follow an optimiser, whoever calls it: what callbacks of trainers share."""

from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils import _pytree as pytree
from torch.utils.hooks import RemovableHandle

from modlib.penalties.walk_loops import WalkLoops

KEPT = "walk_loops"
"""Where they are in the first group of an optimiser's `state_dict`, which keeps all it is given."""


class Following:
    """Has a step of walk loops after each step of an optimiser, while a model is trained.

    Trainers save the optimiser's state and load it before they train; that of the loops is in it.
    """

    def __init__(self, *inputs: object, **keywords: object) -> None:
        """Remember an example or two of what the model is called with, as for `WalkLoops`."""
        self.inputs, self.keywords = inputs, keywords
        self.loops: WalkLoops | None = None
        self.hooks: list[RemovableHandle | WalkLoops] = []

    def begin(self, model: nn.Module, optimiser: Optimizer, steps: int) -> None:
        """Make the loops, go on where the optimiser's state says that they stood, and follow it."""
        self.end()
        device = next(model.parameters()).device
        inputs, keywords = pytree.tree_map_only(
            Tensor, lambda x: x.to(device), (self.inputs, self.keywords)
        )
        self.loops = loops = WalkLoops(model, *inputs, steps=steps, **keywords)
        stood = optimiser.param_groups[0].pop(KEPT, None)
        if stood is not None:
            loops.load_state_dict(stood)

        def step(optimiser: Optimizer, *_: object) -> None:
            # fused optimisers leave out themselves what overflows; others are not called for it
            if not getattr(optimiser, "found_inf", False):
                loops.step()

        def keep(_: Optimizer, state: dict[str, Any]) -> None:
            state["param_groups"][0][KEPT] = loops.state_dict()

        self.hooks = [
            loops,
            optimiser.register_step_post_hook(step),
            optimiser.register_state_dict_post_hook(keep),
        ]

    def end(self) -> None:
        """Take the noise off the model, and follow no more."""
        for hook in self.hooks:
            hook.remove()
        self.hooks = []
