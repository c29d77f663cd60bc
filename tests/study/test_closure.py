"""Starting graphs and measures of the three-node procedure against hand-made cases."""

import numpy as np
import pytest

from modlib.study import closure, mean_field


def test_starting_graphs_have_the_edges_they_promise():
    graphs = closure.starting_graphs(40, 0.1, 4, seed=0)
    shares = [
        mean_field.inside_share(
            closure.adjacency(closure.starting_graphs(40, 0.1, 4, seed)["planted"]), 4
        )
        for seed in range(20)
    ]
    assert np.mean(shares) == pytest.approx(0.75, abs=0.03)  # 150 edges each: error 0.008
    assert graphs["complete"].number_of_edges() == 40 * 39
    with pytest.raises(ValueError, match="7 equal blocks of 40 nodes"):
        closure.starting_graphs(40, 0.1, 7, seed=0)


def test_graph_measures_see_planted_communities_and_hubs():
    blocks = np.kron(np.eye(4), np.ones((5, 5))) - np.eye(20)
    found = closure.graph_measures(blocks, nulls=3, seed=0)
    assert 0.3 < found["excess"] < 3 / 4
    assert found["excess_edges"] == pytest.approx(0)
    assert found["edges"] == 80
    star = np.zeros((20, 20))
    star[1:, 0] = 1.0
    assert closure.graph_measures(star, nulls=3, seed=0)["hubs"] == pytest.approx(1 / 2)
    single = np.zeros((20, 20))
    single[0, 1] = 1.0
    assert closure.graph_measures(single, nulls=3, seed=0)["hubs"] == 1


def test_courses_end_where_one_edge_is_left():
    settings = {"no decay": {}, "removal": {"decay": 0.5, "threshold": 0.9}}
    kinds = {"n_nodes": 12, "density": 0.2, "blocks": 2}
    table = closure.course_table(settings, [0, 50, 4000], range(3), nulls=2, **kinds)
    assert len(table) == 3 * 3 * 2 * 3
    assert table.notna().all(axis=None)
    last = table[table.step == 4000].groupby(["start", "setting"]).edges.agg(["min", "max"])
    assert (last.loc["random", "removal"] == 1).all()
    assert (last.loc["random", "no decay"] > 50).all()


def test_a_course_has_as_many_steps_as_its_checkpoints_say():
    graph = closure.starting_graphs(12, 0.2, 2, seed=0)["complete"]
    before = closure.adjacency(graph).sum()
    gained = [
        closure.adjacency(after).sum() - before
        for after in closure.course(graph, [0, 100, 200], seed=1).values()
    ]
    # nearly every step adds 1
    assert gained[0] == 0
    assert 80 < gained[1] <= 100
    assert 160 < gained[2] <= 200
