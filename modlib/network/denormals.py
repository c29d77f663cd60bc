"""Numbers that are too small to matter, and dear."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Take numbers below the smallest normal one, about 1e-38 in 32 bits, for zero.

    Weights that nothing but decay moves come to be so small, and some processors compute a
    hundred times more slowly with them. Afterwards the thread does as it did before.
    """
    before = sys.float_info.min / 2 == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
