"""Networks followed through training, against snapshots of `fit` and a forward pass in numpy."""

import numpy as np
import pytest

from modlib.batch import claims
from modlib.batch.pages import Page
from modlib.study import explorer
from modlib.training.fit import fit
from notebooks import execute

SMALL = {"tasks": ["retina"], "factors": [1.0], "steps": 20}
CHANGED = [
    SMALL | {"tasks": ["planted_25", "two_digits"], "penalties": ["none", "cut"]},
    SMALL | {"penalties": ["walk_loop_steps"], "factors": [3.0, 0.5], "seed": 7},
    SMALL | {"tasks": ["modular_addition"], "penalties": ["l2", "none"], "steps": 33},
]
REFUSED = {
    "tasks.0 = 'retna': Input should be 'retina'": {"tasks": ["retna"]},
    "penalties.0 = 'dropout'": {"penalties": ["dropout"]},
    "none may be there twice": {"factors": [1.0, 1.0]},
    "factors.0 = 0.0: Input should be greater than 0": {"factors": [0.0]},
    "steps = 19: Input should be greater than or equal to 20": {"steps": 19},
    "task = 'retina'": {"task": "retina"},
}
STEPS = 60


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    made = execute("explorer", changed)
    assert not made["page"].own
    assert {each.task.name for each in made["networks"]} == set(changed["tasks"])
    assert {each.measures.index[-1] for each in made["networks"]} == {changed["steps"]}
    assert f'"penalty":"{changed["penalties"][0]}"' in made["data"]


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("explorer", REFUSED[message])


@pytest.fixture(scope="module")
def run():
    """Networks with a rule after each step, in two strengths, and the same with snapshots."""
    made = explorer.trained("two_digits", "walk_loop_steps", [2.0, 0.5], 0, STEPS)
    known = fit(
        "two_digits", "walk_loop_steps", [0.5, 2.0], [0],
        steps=STEPS, snapshots=explorer.frames(STEPS),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explorer, "NULLS", 5)  # of which there are so many in a history
        return explorer.followed(made), known


def test_networks_are_those_of_the_steps_between_which_others_train_on(run):
    networks, known = run
    assert [each.strength for each in networks] == [0.5, 2.0]
    for place, network in enumerate(networks):
        assert network.measures.index.tolist() == list(known.snapshots)
        for frame, stack in enumerate(known.snapshots.values()):
            for W, layer in zip(network.chain, stack.layers, strict=True):
                assert np.array_equal(W[frame], layer.weight[place].detach().numpy())


def test_excess_is_that_of_a_history(run):
    networks, known = run
    for network in networks:
        history = known.history[known.history.strength == network.strength].set_index("step")
        assert network.measures.excess.to_dict() == pytest.approx(history.excess.to_dict())


def outputs(stack, place, x, silent):
    """What a network answers, some of its hidden neurons at zero, computed in numpy."""
    *hidden, last = stack.layers
    for layer, gone in zip(hidden, silent, strict=True):
        W, b = (part[place].detach().numpy() for part in (layer.weight, layer.bias))
        x = np.where(gone, 0, np.tanh(x @ W + b))
    return x @ last.weight[place].detach().numpy() + last.bias[place].detach().numpy()


def test_accuracies_are_those_of_a_forward_pass_without_the_community(run):
    networks, known = run
    x, targets = (part.numpy() for part in known.data[0].test)
    for place, network in enumerate(networks):
        _, *layers, _ = np.split(network.communities, np.cumsum(known.network.widths)[:-1])
        for frame, stack in enumerate(known.snapshots.values()):
            table = {-1: network.intact[frame], **dict(enumerate(network.silenced[frame]))}
            for community, accuracies in table.items():
                silent = [layer == community for layer in layers]
                digits = outputs(stack, place, x, silent).reshape(len(x), 2, 10).argmax(-1)
                # on the edge between two digits rounding decides
                assert (digits == targets).mean(0) == pytest.approx(accuracies, abs=2e-3)
            assert network.measures.accuracy.iloc[frame] == pytest.approx(table[-1].mean())


def test_without_enough_training_the_page_stops_with_its_sentences(run):
    networks, _ = run
    made = explorer.claims(networks, megabytes=0.1)
    with pytest.raises(AssertionError, match="at the largest strength, communities are the task's"):
        claims.shown(Page("explorer", own=True), made)
    held = claims.shown(Page("explorer", own=False), made).data.set_index("quantity").holds
    assert held["megabytes"] == "yes"
    too_large = explorer.claims(networks, megabytes=explorer.MOST)
    assert claims.judged(too_large).set_index("quantity").holds["megabytes"] == False  # noqa: E712


def test_the_strongest_is_each_penalties_last(run):
    networks, _ = run
    (divided,) = explorer.strongest(networks).values()
    assert np.array_equal(divided.chain[0], networks[1].chain[0][-1])
