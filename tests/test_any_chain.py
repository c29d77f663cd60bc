"""Whatever is passed for a chain gives an answer or a ValueError, finite weights a finite one."""

import inspect
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import modlib

NUMBERS = [np.float16, np.float32, np.float64, np.int8, np.int64, np.uint8, bool, ">f4", ">i2"]
OTHERS = [np.complex64, np.longdouble, "U2", "M8[s]", object]
FUNCTIONS = {
    # without jaxtyping's checks of its arguments, which users do not have
    "modularity": lambda chain: inspect.unwrap(modlib.modularity)(chain, nulls=2, restarts=1),
    "relative loops": modlib.relative_loops,
    "walk loops": modlib.walk_loop_penalty,
    "loops": modlib.loop_penalty,
    "sum of loops": modlib.total_loop_sum,
}
OF_ANY_SCALE = ["modularity", "relative loops"]
"""What does not depend on the scale of weights, so that none is too large for it."""


@st.composite
def matrices(draw, shape):
    """Draw an array, or a tensor, of a shape or of another, with whatever numbers it can have."""
    dtype = np.dtype(draw(st.sampled_from(NUMBERS if draw(st.integers(0, 9)) else OTHERS)))
    if not draw(st.integers(0, 9)):
        shape = draw(arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
    if dtype.kind == "O":
        return np.full(shape, None)
    of = st.floats(width=8 * dtype.itemsize) if dtype.kind == "f" and dtype.itemsize < 16 else None
    matrix = draw(arrays.arrays(dtype, shape, elements=of))
    is_taken = dtype.kind in "fiub" and dtype.isnative and dtype.itemsize < 16
    return torch.as_tensor(matrix) if is_taken and draw(st.booleans()) else matrix


@st.composite
def things(draw):
    """Draw what may be passed for a chain."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    stack = draw(st.sampled_from([(), (), (2,), (0,)]))
    return [draw(matrices((*stack, *shape))) for shape in pairwise(sizes)]


def numbers_in(found):
    """All numbers of what a function returned."""
    if isinstance(found, list | tuple):
        return [number for part in found for number in numbers_in(part)]
    return torch.as_tensor(found).double().flatten().tolist()


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=200, deadline=None)
@given(things())
def test_any_chain_gets_an_answer_or_a_value_error(name, chain):
    try:
        found = FUNCTIONS[name](chain)
    except ValueError:
        return
    are_finite = all(np.isfinite(np.asarray(W, float)).all() for W in chain)
    if are_finite and name in OF_ANY_SCALE:
        assert np.isfinite(numbers_in(found)).all()
