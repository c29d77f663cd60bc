"""Rows of a table of networks, to test on."""

import math

import pandas as pd

ROW = {
    "task": "retina", "penalty": "none", "strength": 0.0, "seed": 0, "role": "evaluation",
    "status": "ok", "accuracy": 0.9, "validation_accuracy": 0.9, "q": 0.3, "q_null_mean": 0.2,
    "q_null_std": 0.01, "excess": 0.1, "share": 0.3, "strengths_excess": 0.05,
    "live_excess": 0.12, "conductance": 0.4, "communities": 3.0,
    "ari": math.nan, "connected": 1.0, "connected_ari": math.nan,
    "specialisation": math.nan, "pruned_excess": 0.2, "pruned_accuracy": 0.6,
    "steps": 10, "seconds": 1.5, "versions": "python 3; torch 2", "commit": "0123456",
    "key": "12345678",
}  # fmt: skip


def table(*changes):
    """Return a table of one row per change to the same row, each with a seed of its own."""
    return pd.DataFrame([{**ROW, "seed": seed, **change} for seed, change in enumerate(changes)])
