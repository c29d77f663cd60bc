"""What to test on: chains of small integers, of normal weights, of blocks; tasks."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from hypothesis import strategies as st

from modlib.tasks.task import on_a_line

INTEGERS = st.integers(-3, 3)
NONZERO = st.sampled_from([-3, -2, -1, 1, 2, 3])


@st.composite
def chains(draw, depth=2, entries=INTEGERS, largest=4):
    """Draw the matrices of a network with `depth` layers of weights."""
    sizes = [draw(st.integers(1, largest)) for _ in range(depth + 1)]

    def matrix(rows, columns):
        row = st.lists(entries, min_size=columns, max_size=columns)
        values = draw(st.lists(row, min_size=rows, max_size=rows))
        return torch.tensor(values, dtype=torch.float64)

    return [matrix(*shape) for shape in pairwise(sizes)]


def random_chain(*sizes, stack=(), seed=0, dtype=torch.float64):
    """Return a chain of normal weights, or a stack of such chains."""
    generator = torch.Generator().manual_seed(seed)
    shapes = pairwise(sizes)
    return [torch.randn(*stack, *shape, generator=generator, dtype=dtype) for shape in shapes]


def blocks(n_blocks, size, depth=2):
    """Return a chain of disconnected full blocks of weights 1."""
    block = torch.ones(size, size, dtype=torch.float64)
    return [torch.block_diag(*[block] * n_blocks) for _ in range(depth)]


def with_modules(task, inputs, outputs):
    """Return the task with other inputs and outputs, of the modules given."""
    return replace(
        task,
        input_modules=np.array(inputs),
        output_modules=np.array(outputs),
        live=np.full(len(inputs), True),
        places=on_a_line(len(inputs)),
    )
