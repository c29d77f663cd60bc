"""Runs of layers, against every other cut and hand-made cases."""

from itertools import pairwise, product

import numpy as np
import pytest

from modlib.graphs import layer_of, neuron_graph, newman_q
from modlib.study.runs import best_runs, depths_of_pairs, layer_map, module_table


@pytest.mark.parametrize("seed", range(5))
def test_best_runs_beat_every_other_cut(seed):
    sizes = np.random.default_rng(seed).integers(1, 5, size=7).tolist()
    rng = np.random.default_rng(seed)
    network = [rng.normal(size=shape) for shape in pairwise(sizes)]
    graph, layer = neuron_graph(network), layer_of(sizes)
    cuts = (np.cumsum([0, *cut]) for cut in product((0, 1), repeat=6))
    best = max(newman_q(graph, cut[layer]) for cut in cuts)
    runs = best_runs(network)
    assert newman_q(graph, runs) == pytest.approx(best, abs=1e-12)
    assert runs[0] == 0
    assert set(np.diff(runs)) <= {0, 1}


def test_pairs_of_layers_are_the_best_runs_of_four_equal_layers_only():
    assert depths_of_pairs(30) == [4]
    assert newman_q(neuron_graph([np.ones((2, 2))] * 3), layer_of((2,) * 4) // 2) == (
        pytest.approx(1 / 6)
    )


def test_module_table_finds_the_layers_of_separate_pairs():
    W, cut = np.ones((6, 6)), np.full((6, 6), 1e-9)
    table = module_table({"four": [[W, cut, W]]})
    assert table.pairs.item() == table.runs.item() == 1
    assert table.q.item() == table.q_runs.item() == pytest.approx(1 / 2, abs=1e-6)
    assert np.array_equal(layer_map([W, cut, W]), [[1, 1, 0, 0], [0, 0, 1, 1]])
