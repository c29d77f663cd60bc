"""Deep networks: how they start, and whether communities run through all of their matrices."""

from fractions import Fraction

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch
from strategies import blocks

from modlib.batch import tables
from modlib.batch.claims import judged, parts
from modlib.chain import weights
from modlib.study import deep
from modlib.study.deep import STARTS, assortativities, deep_table, through
from modlib.tasks import TASKS
from modlib.training.fit import fit
from modlib.training.stacks import Stack, scale_weights

HALVES = np.array([0, 0, 1, 1])
DEPTH = 3
CHAIN = [np.kron(np.eye(2), np.ones((2, 2)))] * DEPTH
COMMUNITIES = np.tile(HALVES, DEPTH + 1)


def stacked(chain):
    return [torch.as_tensor(W).double()[None] for W in chain]


@pytest.mark.parametrize(("start", "variance"), [("linear", 1 / 3), ("lecun", 1)])
def test_weights_start_with_their_variance_over_the_number_of_inputs(start, variance):
    network = Stack((300, 200, 200), [0, 1])
    scale_weights(network, STARTS[start])
    for W in weights(network):
        assert W.var().item() == pytest.approx(variance / W.shape[1], rel=0.02)


def test_separate_blocks_are_wholly_assortative_in_each_matrix():
    found = assortativities(stacked(blocks(3, 2)), np.tile(np.repeat(range(3), 2), 3)[None])
    assert found.tolist() == [[1.0, 1.0]]


def test_one_community_and_no_weight_have_none():
    alone = np.zeros((1, 16), dtype=int)
    assert assortativities(stacked(CHAIN), alone).tolist() == [[0.0] * DEPTH]
    assert assortativities([0 * W for W in stacked(CHAIN)], alone).tolist() == [[0.0] * DEPTH]


def test_a_matrix_that_mixes_is_told_by_its_place():
    # 6 within and 2 between, against 4 that the sums let expect: (6 - 4) / (8 - 4)
    mixed = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 1]])
    found = assortativities(stacked([CHAIN[0], mixed, CHAIN[0]]), COMMUNITIES[None])
    expected = Fraction(6 - 4, 8 - 4)
    assert found[0].tolist() == pytest.approx([1, float(expected), 1])
    graph = nx.from_numpy_array(np.kron([[0, 1], [0, 0]], mixed), create_using=nx.DiGraph)
    nx.set_node_attributes(graph, dict(enumerate(np.tile(HALVES, 2).tolist())), "half")
    of_networkx = nx.attribute_assortativity_coefficient(graph, "half")
    assert of_networkx == pytest.approx(float(expected))


def test_rescaled_neurons_change_no_coefficient():
    rng = np.random.default_rng(0)
    W, V = rng.uniform(0.5, 1, (2, 4, 4))
    labels, factors = np.tile(HALVES, 3)[None], np.exp(rng.standard_normal(4))
    found = [assortativities(stacked(c), labels) for c in ([W, V], [W * factors, V.T / factors])]
    assert not np.allclose(*found)
    again = assortativities(stacked([W * factors, V / factors[:, None]]), labels)
    assert again == pytest.approx(found[0])


def changed(place, value):
    communities = COMMUNITIES.copy()
    communities[place] = value
    return communities


@pytest.mark.parametrize(
    ("communities", "share"),
    [
        (COMMUNITIES, 1),
        (0 * COMMUNITIES, 0),  # one community is home to both
        (changed([6, 7], 2), Fraction(1, 2)),  # the first hidden layer lacks the second module's
        (changed([7], 2), 1),
        (changed([3], 2), Fraction(1, 2)),  # half of the inputs are no majority
        (changed([14, 15], 2), Fraction(1, 2)),  # other outputs
        (changed([12, 13, 14, 15], [1, 1, 0, 0]), 0),  # outputs of the other module
    ],
)
def test_modules_run_through_where_a_community_of_their_own_does(communities, share):
    assert through(CHAIN, communities, HALVES, HALVES) == share


def test_inputs_that_were_dropped_or_have_no_module_do_not_count():
    chain = [CHAIN[0] * np.array([[1], [1], [1], [0]]), *CHAIN[1:]]
    lost = changed([3], 2)
    assert through(chain, lost, HALVES, HALVES) == 1
    assert through(CHAIN, lost, np.array([0, 0, 1, -1]), HALVES) == 1


def test_the_table_has_one_row_per_network_and_says_what_it_is():
    table = deep_table(
        "retina", "hard_wired", 1.0, 4, "lecun", [3, 5], steps=30, nulls=2, restarts=1
    )
    assert table.seed.tolist() == [3, 5]
    same = {"task": "retina", "penalty": "hard_wired", "depth": 4, "start": "lecun"}
    assert (table[list(same)] == list(same.values())).all(axis=None)
    assert table.status.tolist() == ["ok", "ok"]
    assert table.assortativity.tolist() == pytest.approx([1, 1])
    assert table.through.tolist() == [1, 1]
    assert table.ari.tolist() == [1, 1]
    assert (table.newman_excess.abs() > 0).all()


def test_networks_have_as_many_matrices_as_asked_for(monkeypatch):
    asked = {}
    monkeypatch.setattr(
        deep, "fit", lambda *told, **settings: asked.update(settings) or fit(*told, **settings)
    )
    deep_table("retina", "none", 0.0, 5, "linear", [0], steps=1, nulls=2, restarts=1)
    first = TASKS["retina"]().hidden[0]
    assert asked["hidden"] == (first,) * 4


def test_a_diverged_network_keeps_its_row(monkeypatch):
    def diverging(*told, **settings):
        run = fit(*told, **settings)
        with torch.no_grad():
            run.network.layers[0].weight[0] = torch.nan
        return run

    monkeypatch.setattr(deep, "fit", diverging)
    table = deep_table("retina", "none", 0.0, 2, "linear", [0, 1], steps=1, nulls=2, restarts=1)
    assert table.status.tolist() == ["diverged", "ok"]
    measures = ["accuracy", "q", "assortativity", "through", "newman_excess", "newman_ari"]
    assert table.loc[0, measures].isna().all()
    assert table.loc[1, measures].notna().all()


def rows_of(*changes):
    """Rows of networks that learned from the second start, each changed."""
    one = {"task": "two_digits", "penalty": "walk_loops", "depth": 2, "start": "lecun", "seed": 0}
    one |= {"accuracy": 0.9, "share": 0.5, "ari": 1.0, "assortativity": 0.6, "through": 1.0}
    one |= {"excess": 0.2, "newman_excess": 0.1, "newman_ari": 0.2}
    return pd.DataFrame([one | change for change in changes])


def test_a_network_has_learned_if_it_made_up_half_of_what_a_guess_lacks():
    two, planted = (TASKS[name]().guess_accuracy for name in ("two_digits", "planted_0"))
    half = {"two_digits": (1 + two) / 2, "planted_0": (1 + planted) / 2}
    assert half["planted_0"] == 0.75
    table = rows_of(
        *({"task": t, "accuracy": a + step} for t, a in half.items() for step in (-0.01, 0.01))
    )
    assert deep.learned(table).tolist() == [False, True] * 2


def test_what_did_not_learn_is_counted_and_has_no_other_measure():
    table = rows_of({}, {"accuracy": 0.1, "seed": 1}, {"start": "linear"})
    found = deep.from_start(table, "lecun")
    assert found.learned.tolist() == [True, False]
    assert found.accuracy.tolist() == [0.9, 0.1]
    measures = ["share", "ari", "assortativity", "through", "newman_excess", "newman_ari"]
    assert found.loc[0, measures].notna().all()
    assert found.loc[1, [*measures, "within"]].isna().all()


def test_the_weight_within_communities_follows_from_excess_and_share():
    # q 0.4, the nulls' 0.2, and 0.6 attainable: 0.2 of the weight leaves its community
    table = rows_of({}, {"seed": 1, "share": -0.5, "excess": -0.1})
    assert deep.from_start(table, "lecun").within.tolist() == pytest.approx(
        [0.8, np.nan], nan_ok=True
    )


def test_a_change_is_from_the_least_depth_to_the_most_in_pairs():
    values = {2: [0.5, 0.6, 0.7], 4: [0.0, 0.0, 0.0], 12: [0.4, 0.3, 0.2]}
    table = rows_of(
        *(
            {"depth": depth, "seed": seed, "share": share}
            for depth, shares in values.items()
            for seed, share in enumerate(shares)
        ),
        {"penalty": "none", "share": 9.0},
    )
    found = deep.change(deep.by_seed(table, "walk_loops", "share"))
    assert found.index.tolist() == ["two_digits"]
    assert found.loc["two_digits", "mean"] == pytest.approx(-0.3)
    assert found.loc["two_digits", "networks"] == 3


@pytest.fixture(scope="module")
def published():
    return tables.published_table("deep")


BROKEN = {
    "Most deep networks learn": ("start == 'lecun' and depth == 8", {"accuracy": 0.1}),
    "From the usual start, few": ("start == 'linear'", {"accuracy": 0.9}),
    "Hard-wired networks have all": ("penalty == 'hard_wired' and depth == 4", {"share": 0.9}),
    "The excess of the whole graph": ("penalty == 'hard_wired'", {"newman_excess": 0.2}),
    "At any depth walk loops": ("penalty == 'l2' and depth == 12", {"share": 0.95}),
    "With up to six": ("penalty == 'walk_loops' and depth == 6", {"assortativity": 0.4}),
    "In the deepest, some": ("penalty == 'walk_loops'", {"assortativity": 0.9}),
    "The share that walk loops": ("penalty == 'walk_loops'", {"share": 0.9}),
    "On two digits, each": ("penalty == 'walk_loops' and depth == 8", {"through": 0.5}),
    "Of planted teachers": ("penalty == 'walk_loops' and depth == 12", {"through": 1.0}),
}


@pytest.mark.slow
@pytest.mark.parametrize("sentence", BROKEN)
def test_a_claim_broken_on_purpose_is_told_by_its_sentence(published, sentence):
    where, change = BROKEN[sentence]
    broken = published.copy()
    broken.loc[broken.query(where).index, list(change)] = list(change.values())
    told = judged(deep.claims(broken)).query("not holds").claim
    assert told.str.contains(sentence, regex=False).any()


def test_all_claims_hold_of_the_published_networks(published):
    assert sum(len(parts(claim)) for claim in deep.claims(published)) == len(BROKEN)
    assert judged(deep.claims(published)).holds.all()
