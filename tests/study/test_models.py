"""Networks of other architectures: their layers, what they are trained on, what is measured."""

import numpy as np
import pytest
import torch

import modlib
from modlib.study import models
from modlib.study.model_tasks import CASES, DELAYS, drawn_bits, drawn_sums, share_recalled
from modlib.study.models import initial, measured, model_table, train_model

LAYERS = {
    "LeNet": [2, 12, 24, 48, 20],
    "ResNet": [2, 24, 24, 24, 20],
    "transformer": [31, 32, 4, 64, 31],
    "transformer, two sums": [22, 32, 4, 64, 22],
    "LSTM": [2, 24, 6],
}
CONNECTIONS = {"LeNet": 4, "ResNet": 6, "transformer": 8, "transformer, two sums": 8, "LSTM": 3}


def example(name):
    case = CASES[name]()
    return case, initial(case, 0), case.draw(0).train.x[:2]


@pytest.mark.parametrize("name", CASES)
def test_a_network_has_the_layers_and_connections_that_it_should_have(name):
    case, model, x = example(name)
    network = modlib.network(model, x)
    assert list(network.sizes.values()) == LAYERS[name]
    assert len(network.connections) == CONNECTIONS[name]
    first, *_, last = network.sizes.values()
    assert (len(case.input_modules), len(case.output_modules)) == (first, last)
    # nothing but biases is left out
    assert all("bias" in left for left in network.left_out)


def separate(model, trace, case):
    """Set to zero all weights that the network says lead from one half of a layer to another's."""
    half = {name: np.arange(n) // (n / 2) for name, n in trace.sizes.items()}
    first, *_, last = trace.sizes
    half[first], half[last] = case.input_modules, case.output_modules
    across = sum(
        c.weight.abs()[torch.tensor(half[c.source][:, None] != half[c.target])].sum()
        for c in trace().connections
    )
    parameters = [*model.parameters()]
    found = torch.autograd.grad(across, parameters, allow_unused=True)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, found, strict=True):
            if gradient is not None:
                parameter[gradient != 0] = 0.0


def other_inputs(name, x):
    """Return inputs that differ in the first module alone: an image, two tokens, a stream."""
    x = x.clone()
    if name == "LSTM":
        x[..., 0] *= -1
    elif name == "transformer, two sums":
        x[:, :2] = (x[:, :2] + 1) % 11
    else:
        x[:, :196] = 1 - x[:, :196]
    return x


@pytest.mark.parametrize("name", [name for name in CASES if name != "transformer"])
def test_without_the_weights_between_modules_an_input_changes_its_own_outputs_alone(name):
    case, model, x = example(name)
    trace = modlib.Trace(model, x)
    separate(model, trace, case)
    with torch.no_grad():
        differs = (model(other_inputs(name, x)) != model(x)).flatten(0, -2).any(0).numpy()
    assert differs[case.output_modules == 0].all()
    assert not differs[case.output_modules == 1].any()
    found = measured(trace(), case.input_modules, case.output_modules, 2, 1, 0)
    assert found["ari"] == 1
    assert found["communities"] == 2
    assert found["share"] == pytest.approx(1)


def test_initial_weights_are_those_of_the_seed_and_leave_torchs_own_alone():
    case = CASES["LSTM"]()
    before = torch.random.get_rng_state()
    first, again, other = (initial(case, seed).out.weight for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("count", [1, 2])
def test_sums_are_of_pairs_that_no_other_part_has(count):
    p, data = 7, drawn_sums(count, 7, 0)
    pairs = []
    for x, targets in data:
        numbers = x.reshape(len(x), count, 2) - p * torch.arange(count)[:, None]
        assert 0 <= numbers.min() <= numbers.max() < p
        assert torch.equal(numbers.sum(-1) % p, targets)
        pairs.append({tuple(pair) for pair in numbers.flatten(0, 1).tolist()})
    assert len(set.union(*pairs)) == sum(map(len, pairs)) == p * p
    assert [len(part) for part in pairs] == [41, 4, 4]


def test_bits_are_recalled_stream_by_stream():
    u, targets = drawn_bits(0).test
    for stream in range(2):
        for place, delay in enumerate(DELAYS):
            told = targets[:, delay:, stream * len(DELAYS) + place]
            assert torch.equal(told, u[:, :-delay, stream])
    half = targets.clone()
    half[..., 3:] *= -1
    assert share_recalled(half, targets).tolist() == [1.0, 0.0]


def test_a_penalty_acts_on_the_weights_that_are_read():
    case = CASES["LSTM"]()
    (free, _), (decayed, _) = (train_model(case, "l2", s, 0, 20) for s in (0.0, 1.0))
    total = [sum(c.weight.square().sum().item() for c in t().connections) for t in (free, decayed)]
    assert total[1] < 0.8 * total[0]


def test_steps_of_walk_loops_act_on_the_weights_that_are_read_and_leave_no_noise():
    case = CASES["LSTM"]()
    (plain, _), (free, _), (faded, data), (again, _) = (
        train_model(case, *asked, 0, 60)
        for asked in [("none", 0.0), ("walk_loop_steps", 0.0)] + 2 * [("walk_loop_steps", 1.0)]
    )
    chains = [[c.weight for c in t().connections] for t in (plain, free, faded, again)]
    assert all(map(torch.equal, chains[0], chains[1]))
    assert all(map(torch.equal, chains[2], chains[3]))
    free_of_all, left = (sum(W.abs().sum().item() for W in chains[n]) for n in (1, 2))
    assert left < 0.98 * free_of_all
    model, x = faded.model, data.test.x
    assert model.training
    assert not any(module._forward_pre_hooks for module in model.modules())
    with torch.no_grad():
        assert torch.equal(model(x), model(x))


def test_a_row_is_what_the_network_gets_right_and_how_it_is_connected():
    (row,) = model_table({"LSTM": {"none": [0.0]}}, [4], 30, 2, 1).to_dict("records")
    case = CASES["LSTM"]()
    trace, data = train_model(case, "none", 0.0, 4, 30)
    with torch.no_grad():
        hit = trace.model(data.test.x) * data.test.targets > 0
    assert row["accuracy"] == pytest.approx(hit[:, 3:].float().mean().item(), abs=1e-6)
    found = modlib.modularity(trace(), 2, 1, 4)
    assert (row["q"], row["share"]) == (found.q, found.share)
    assert np.isclose(row["excess"], row["q"] - row["q_null_mean"])


@pytest.mark.parametrize(
    ("strengths", "message"),
    [
        ({"MLP": {"none": [0.0]}}, r"architectures are \['LeNet'.*got \['MLP'\]"),
        ({"LSTM": {"cut": [1.0]}}, r"a penalty of \['none'.*got 'cut'"),
    ],
)
def test_what_is_not_known_is_refused_by_name(strengths, message):
    with pytest.raises(ValueError, match=message):
        model_table(strengths, [0], 1)


def test_every_penalty_that_is_offered_takes_a_network():
    network = modlib.network(initial(CASES["LSTM"](), 0), torch.zeros(2, 12, 2))
    for name in models.OF_NETWORKS:
        assert modlib.PENALTIES[name].make(None, [], [0], [1.0])(network).isfinite()
