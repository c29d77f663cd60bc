"""The page on layered networks: what it may be run with, and what it claims."""

import numpy as np
import pytest

from modlib.batch import claims, pages
from modlib.graphs import neuron_graph
from modlib.modularity.louvain import largest_q
from modlib.study import layers
from modlib.study.wiring import initial_networks
from notebooks import execute

SMALL = {
    "n_networks": 3, "n_neurons": 24, "depths": [2, 4], "shapes": ["8-8", "6-6-6-3"],
    "n_trained": 3, "trained_steps": 1, "width": 8, "module_depths": [4, 6], "map_depths": [4],
    "side": 4, "n_convolutions": 2, "feature_maps": [1],
}  # fmt: skip
CHANGED = [
    {"n_networks": 10, "n_trained": 1},
    {"depths": [24, 3], "shapes": ["2-1"], "n_networks": 1},
    {"module_depths": [2], "map_depths": [2, 5], "kept": 0.01},
    {"kernel": 1, "feature_maps": [2, 1, 3], "n_convolutions": 1, "side": 1},
]
REFUSED = {
    "depths need to divide n_neurons, 96: \\[2, 5\\]": {"depths": [2, 5]},
    "shapes.0 = '48': String should match": {"shapes": ["48"]},
    "kernel needs to be odd and at most side, 8: 4": {"kernel": 4},
    "kept = 0.0: Input should be greater": {"kept": 0.0},
    "feature_maps.0 = 'one'": {"feature_maps": ["one"]},
    "n_network = 10": {"n_network": 10},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("layers", SMALL | changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("layers", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch):
    small = SMALL | {"kernel": 3, "kept": 0.1}
    monkeypatch.setattr(pages, "own_parameters", lambda name: small)
    # as if random wiring had no modularity at all
    monkeypatch.setattr(layers, "randomly_wired", lambda chain, rng: neuron_graph(chain) * 0)
    with pytest.raises(AssertionError, match="'With at most one hidden layer, networks are less"):
        execute("layers", SMALL)
    assert "not here" in execute("layers", SMALL | {"width": 9})["held"].to_html()


def test_the_wirings_of_a_depth_have_the_same_weights_and_fewest_edges():
    every, few = layers.by_depth(12, [2, 3, 6], [0, 1]).items()
    assert every[0] == "all edges"
    assert few[0] == "20 edges at every depth"
    graph = neuron_graph(initial_networks([4, 4, 4], [1])[0])
    table = every[1].set_index(["network", "copy"])
    assert table.layered[3, 1] == largest_q(graph)
    means = layers.means(every[1], "layered", "random").loc["3 layers"]
    of = table.xs(3)
    assert means["mean"] == pytest.approx(np.mean(of.layered - of.random))


def test_claims_speak_of_the_shapes_and_depths_that_there_are():
    names = execute("layers", SMALL)
    made = names["made"]
    assert [len(claim.values) for claim in made] == [1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 2, 2, 1, 1, 1]
    assert len(claims.judged(made)) == len(made)
    assert len(execute("layers", SMALL | {"shapes": ["3-3-3-3"]})["made"]) == len(made) - 2
