"""When networks separate: closed forms against steps and definitions, and the page."""

from copy import deepcopy
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch

from modlib.batch import claims
from modlib.batch.pages import Page
from modlib.penalties import PENALTIES
from modlib.study import leaning, mixing, separation, theory
from modlib.training.fit import fit
from modlib.training.stacks import scaled_start
from notebooks import execute

SMALL = {"n_linear": 3, "linear_steps": 10, "steps": 10, "widths": [8], "width": 8, "lasting": 0.5}
CHANGED = [
    {"seed": 5, "modules": 4, "noise": 0.0},
    {"n_seeds": 4, "rate": 0.02, "widths": [12, 8], "lasting": 1},
]
REFUSED = {
    "width must be a multiple of modules, and at least twice as many, got 32 and 5": {"modules": 5},
    "n_seeds = 2": {"n_seeds": 2},
    "widths.0 = 9": {"widths": [9]},
    "raet = 0.1": {"raet": 0.1},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    names = execute("separation", SMALL | changed)
    assert not names["page"].own
    assert "nan" not in names["held"].to_html()


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("separation", REFUSED[message])


@pytest.mark.parametrize(("modules", "width"), [(2, 8), (3, 12), (4, 16)])
def test_ratios_are_those_of_walk_loops_at_any_depth(modules, width):
    assert separation.closed_form_error(modules, width) < 1e-12
    deep = leaning.relative_loops([leaning.block(0.3, modules, width)] * 4)
    for found in deep:
        ends = found[0, 0].item(), found[0, -1].item()
        assert ends == pytest.approx(leaning.ratios(0.3, modules, width), rel=1e-12)


def test_ratios_are_alike_at_the_threshold():
    within, between = leaning.ratios(leaning.threshold(3, 12), 3, 12)
    assert within == pytest.approx(between, rel=1e-12)
    assert leaning.threshold(3, 12) == 10**-0.5


def test_random_leanings_have_the_ratios_of_their_closed_form():
    assert leaning.leaning_error(10, 3) < 1e-12


@pytest.mark.parametrize("lean", [0.1, 0.3, 0.8])
def test_speed_is_that_of_a_small_step(lean):
    W, step = leaning.block(lean, 3, 12), 1e-6
    after = leaning.faded([W, W], step, step)[0]
    assert leaning.lean_of(W, 3).item() == pytest.approx(lean, rel=1e-12)
    slope = (leaning.lean_of(after, 3).item() - lean) / step
    # a step of 1e-6 leaves an error of its own size
    assert slope == pytest.approx(leaning.speed(lean, 3, 12), rel=1e-4, abs=1e-8)


def test_time_to_separate_goes_with_the_inverse_square_of_the_difference():
    ends = leaning.course(0.05, 3, 3_000_000, [0.0, 0.7 * 3 / 2 / 0.05**2, 3 / 2 / 0.05**2])
    assert ends[0] == 0.05
    assert ends[1] < 0.2
    assert ends[2] > 0.99


def test_noise_has_the_mean_and_deviation_that_were_asked_for():
    factors = leaning._factors(range(4), 64, 0.3)
    assert factors.shape == (2, 4, 1, 64, 64)
    # 32,768 numbers: five standard errors
    assert factors.mean().item() == pytest.approx(1, abs=5 * 0.3 / 181)
    assert factors.std().item() == pytest.approx(0.3, rel=0.02)


def test_separation_counts_paths_within_and_between():
    task = mixing.two_modules(mixing.one_number, 1, 0.0)
    W, V = torch.tensor([[1.0, -2.0], [3.0, 0.0]]), torch.tensor([[1.0, 0.0], [-1.0, 2.0]])
    # paths: 1 + 2 and 0 within, 4 and 3 between
    P = W.abs() @ V.abs()
    assert P.tolist() == [[3.0, 4.0], [3.0, 0.0]]
    assert mixing.separation([W, V], task).item() == pytest.approx((3 - 7) / 10)
    task = mixing.two_modules(mixing.one_number, 4, 0.0)
    blocks = [leaning.block(0.4, 2, 8).float()] * 2
    assert mixing.separation(blocks, task).item() == pytest.approx(0.4**2)


def test_evenly_drawn_directions_have_the_separation_of_the_dotted_line():
    first, second = np.abs(np.random.default_rng(0).normal(size=(2, 1_000_000)))
    found = np.square(first - second).mean() / np.square(first + second).mean()
    assert found == pytest.approx(mixing.GAUSSIAN, abs=2e-3)


def test_gradient_descent_commutes_with_rotations_and_adam_does_not():
    draw = torch.Generator().manual_seed(0)
    W, V, target = (torch.randn(4, 4, generator=draw).double() for _ in range(3))
    G = torch.linalg.qr(torch.randn(4, 4, generator=draw).double())[0]

    def turned(optimiser):
        loss = lambda chain: (chain[0] @ chain[1] - target).square().sum()  # noqa: E731
        ends = [
            theory.descend(loss, start, 5, optimiser)[5][0] for start in ([W, V], [W @ G, G.mT @ V])
        ]
        return (ends[0] @ G - ends[1]).abs().max().item()

    assert turned(mixing.sgd(0.01)) < 1e-12
    assert turned(mixing.linear_kinds(0.01)["Adam"][0]) > 1e-3


def test_no_weight_is_negative_where_none_may_be():
    theta = torch.nn.Parameter(torch.tensor([1.0, 0.1]))
    theta.grad = torch.tensor([1.0, 1.0])
    mixing.NonNegative([theta], lr=0.5).step()
    assert theta.tolist() == [0.5, 0.0]


@pytest.fixture(scope="module")
def run():
    task = mixing.two_modules(mixing.rectified_teacher, 2, 0.5)
    return fit(task, seeds=[0, 1], hidden=[5], activation=torch.relu, steps=3)


def test_networks_begin_small_and_keep_their_priors(run):
    penalty = scaled_start(PENALTIES["dropout"], 0.5)
    small = fit(run.task, penalty, 0.3, [0, 1], hidden=[5], steps=1, snapshots=[0])
    usual = fit(run.task, "none", 0.0, [0, 1], hidden=[5], steps=1, snapshots=[0])
    for a, b in product([0], [0, 1]):
        layers = small.snapshots[a].layers[b], usual.snapshots[a].layers[b]
        assert torch.equal(layers[0].weight, 0.5 * layers[1].weight)
    assert type(small.network.noise).__name__ == "Dropout"


def test_sharpness_is_the_mean_of_squared_gradients_of_all_outputs(run):
    few = [data._replace(test=type(data.test)(*(v[:7] for v in data.test))) for data in run.data]
    run = replace(run, data=few)
    W, V = (layer.weight for layer in run.network.layers)
    x = torch.stack([data.test.x for data in few])
    outputs = run.network(x)
    total = torch.zeros(2)
    for n, k in product(range(7), range(4)):
        found = torch.autograd.grad(outputs[:, n, k].sum(), [W, V], retain_graph=True)
        total += sum(slope.square().sum((-2, -1)) for slope in found)
    assert torch.allclose(mixing.sharpness(run), total / 7, rtol=1e-5)


def test_firing_is_averaged_over_neurons_that_fire_at_all(run):
    x = torch.stack([data.test.x for data in run.data])
    run = replace(run, network=deepcopy(run.network))
    with torch.no_grad():
        run.network.layers[0].bias[:, :, 0] = -100.0  # a dead neuron
    hidden = torch.relu(run.network.layers[0](x)).detach()
    for n in range(2):
        shares = [float((column > 0).float().mean()) for column in hidden[n].T]
        expected = np.mean([share for share in shares if share > 0])
        assert mixing.firing(run, x)[n].item() == pytest.approx(expected, rel=1e-6)


def test_noise_is_added_to_outputs_of_variance_one():
    train = mixing.two_modules(mixing.one_number, 3, 2.0).draw(0).train
    assert train.targets.std(0).numpy() == pytest.approx(np.full(6, 5**0.5), rel=0.1)
    copies = mixing.two_modules(mixing.one_number, 3, 0.0).draw(0).train.targets
    assert torch.allclose(copies[:, 0], copies[:, 2])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence():
    rows = pd.DataFrame({"rate": [0.1] * 3 + [0.01] * 3, "seed": [0, 1, 2] * 2})
    rows = rows.assign(sharpness=[1, 1.1, 1.2, 2, 2.2, 2.5], separation=[0.1] * 3 + [0.2] * 3)
    assert claims.judged(separation.of_flat(rows)).holds.all()
    broken = separation.of_flat(rows.assign(sharpness=-rows.sharpness))
    with pytest.raises(AssertionError, match="'Large steps find flatter minima"):
        claims.shown(Page("separation", own=True), broken)
