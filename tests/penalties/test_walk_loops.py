"""Steps of walk loops, against the rule written out and in training loops as others write them."""

from itertools import pairwise

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import modlib
from modlib.chain import weights
from modlib.modularity.agreement import agreement
from modlib.penalties.noise import NOISE
from modlib.penalties.walk_loops import BEARABLE, COUNTS, FADE, MEMORY, WalkLoops
from modlib.tasks import TASKS
from modlib.training.fit import fit
from modlib.training.stacks import Stack
from modlib.walks import relative_loops


def net(*widths, seed=0):
    torch.manual_seed(seed)
    layers = [layer for two in pairwise(widths) for layer in (nn.Linear(*two), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def example(n_in=6, n=32, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, n_in, generator=generator)


def trained(model, steps, start=0, stop=None, loops=None, rate=0.05):
    """Train in the plainest of loops, without noise, which depends on what was drawn before."""
    loops = WalkLoops(model, example(), steps=steps) if loops is None else loops
    optimiser = torch.optim.SGD(model.parameters(), lr=rate)
    for step in range(start, steps if stop is None else stop):
        loops.noise.zero_()
        optimiser.zero_grad()
        x = example(seed=step)
        (model(x) - x[:, :2]).square().mean().backward()
        optimiser.step()
        loops.step()
    return loops


def test_connections_fade_as_the_rule_says():
    model, steps = net(6, 5, 4, 2), 4 * COUNTS + 1
    loops = WalkLoops(model, example(), steps=steps)
    plain = {name: theta.clone() for name, theta in model.named_parameters()}
    for theta in model.parameters():
        theta.grad = torch.zeros_like(theta)
    fades = [(1 - ratio).clamp_min(0).mT for ratio in relative_loops(weights(model))]
    for _ in range(4):
        loops.step()
    rate = FADE * 4 / steps * 2 * 4 / steps
    for place, fade in zip((0, 2, 4), fades, strict=True):
        expected = plain[f"{place}.weight"] * torch.exp(-rate * fade)
        torch.testing.assert_close(model[place].weight, expected)
        assert torch.equal(model[place].bias, plain[f"{place}.bias"])


@pytest.mark.parametrize("moved", [0.01, -0.01])
def test_the_rate_is_held_to_what_the_step_gained(moved):
    model, steps = net(6, 5, 2), 3 * COUNTS
    loops = WalkLoops(model, example(), steps=steps)
    loops.taken = 3 * (COUNTS // 2 - 1)  # at half of the run fading is fastest, unless it is held
    for _ in range(2):
        for theta in model.parameters():
            theta.grad = torch.zeros_like(theta)
        loops.step()
    thetas = [model[0].weight, model[2].weight]
    for theta in thetas:  # fading all connections costs
        theta.grad = -theta.detach().sign()
    gain = 0.0
    with torch.no_grad():
        for theta in thetas:
            theta += moved * theta.sign()
            gain += 3 * moved * theta.numel()
    fades = [(1 - ratio).clamp_min(0).mT for ratio in relative_loops(weights(model))]
    harm = sum(
        (theta.detach().abs() * fade).sum() for theta, fade in zip(thetas, fades, strict=True)
    )
    before = [theta.detach().clone() for theta in thetas]
    loops.step()
    rate = max(0.0, BEARABLE * gain / float(harm))
    assert rate < FADE * 3 / steps / 2
    torch.testing.assert_close(float(loops.harm), (1 - MEMORY) * float(harm))
    for theta, old, fade in zip(thetas, before, fades, strict=True):
        torch.testing.assert_close(theta.detach(), old * torch.exp(-rate * fade))


def test_networks_of_a_stack_do_not_influence_each_other(monkeypatch):
    monkeypatch.setattr("modlib.penalties.walk_loops.COUNTS", 6)

    def last(seeds):
        stack = Stack((6, 5, 4, 2), seeds)
        loops = WalkLoops(stack, steps=24)
        optimiser = torch.optim.SGD(stack.parameters(), lr=0.1)
        for step in range(24):
            loops.noise.zero_()
            optimiser.zero_grad()
            x = example(seed=step).expand(len(seeds), -1, -1)
            (stack(x) - x[..., :2]).square().mean((1, 2)).sum().backward()
            optimiser.step()
            loops.step()
        return [W.detach() for W in weights(stack)]

    for both, alone in zip(last([3, 8]), last([8]), strict=True):
        torch.testing.assert_close(both[1], alone[0])


def test_a_channel_fades_with_its_whole_kernel():
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2)
    )
    x = torch.randn(4, 2, 5, 5)
    loops = WalkLoops(model, x, steps=4)
    before = model[0].weight.detach().clone()
    for _ in range(3):
        model(x).sum().backward()
        loops.step()
    for theta in model.parameters():
        theta.grad = torch.zeros_like(theta)
    loops.gain.zero_(), loops.harm.zero_()
    loops._fade([theta.grad for theta in loops.parameters], 0.5)
    factor = model[0].weight / before
    assert factor.std() > 0.01
    torch.testing.assert_close(factor, factor[:, :, :1, :1].expand_as(factor))


def test_noise_is_for_training_alone_falls_to_nothing_and_spares_the_mean():
    model = net(6, 30, 150, 2)
    loops = WalkLoops(model, example(), steps=8)
    assert float(loops.noise) == 1
    seen = []
    model[2].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    x = example(n=500)
    with torch.no_grad():
        model(x)
        model.eval()
        model(x)
    noisy, quiet = seen
    silenced = ((noisy == 0) & (quiet > 0)).sum() / (quiet > 0).sum()
    variance = 30 * (NOISE / 2) ** 2
    assert silenced.item() == pytest.approx(variance / (1 + variance), abs=0.01)
    assert noisy.mean().item() == pytest.approx(quiet.mean().item(), rel=0.02)
    model.train()
    trained(model, 8, loops=loops)
    assert float(loops.noise) == 0
    loops.noise.fill_(0.5)
    loops.remove()
    with torch.no_grad():
        assert torch.equal(model(x), model.eval()(x))


def test_inputs_have_no_noise_and_channels_have_it_as_one():
    model = nn.Sequential(
        nn.Conv2d(2, 30, 3), nn.ReLU(), nn.Conv2d(30, 4, 3), nn.Flatten(), nn.Linear(4, 2)
    )
    x = torch.ones(8, 2, 5, 5)
    loops = WalkLoops(model, x, steps=4)
    seen = {}
    for name, module in model.named_modules():
        module.register_forward_pre_hook(
            lambda module, inputs, name=name: seen.setdefault(name, inputs[0])
        )
    model(x)
    assert len(loops.hooks) == 2
    assert torch.equal(seen["0"], x)
    with torch.no_grad():
        channels = (model[0](x) > 0).flatten(2).all(-1)
    silent = (seen["2"] == 0).flatten(2)[channels]
    assert torch.equal(silent.any(-1), silent.all(-1))
    assert 0 < silent.float().mean() < 1


@pytest.mark.parametrize("counts", [6, 24])
def test_training_goes_on_where_it_stood(monkeypatch, counts):
    monkeypatch.setattr("modlib.penalties.walk_loops.COUNTS", counts)
    whole = net(6, 5, 4, 2)
    trained(whole, 24)
    first = net(6, 5, 4, 2)
    loops = trained(first, 24, stop=11)
    second = net(6, 5, 4, 2, seed=9)
    second.load_state_dict(first.state_dict())
    resumed = WalkLoops(second, example(), steps=24)
    resumed.load_state_dict(loops.state_dict())
    trained(second, 24, start=11, loops=resumed)
    for a, b in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_gradients_may_be_accumulated():
    def step(model, parts):
        loops = WalkLoops(model, example(), steps=4)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        for step in range(4):
            loops.noise.zero_()
            optimiser.zero_grad()
            for part in example(seed=step).chunk(parts):
                ((model(part) - part[:, :2]).square().mean() / parts).backward()
            optimiser.step()
            loops.step()
        return model

    for a, b in zip(
        step(net(6, 5, 2), 1).parameters(), step(net(6, 5, 2), 4).parameters(), strict=True
    ):
        torch.testing.assert_close(a, b)


def test_autocast_with_a_scaler_that_leaves_steps_out():
    model = net(6, 5, 4, 2)
    loops = WalkLoops(model, example(), steps=8)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for step in range(8):
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(example(seed=step)).square().mean()
        scaler.scale(loss * (torch.inf if step == 3 else 1.0)).backward()
        scaler.step(optimiser)
        scaler.update()
        loops.step()
    assert all(theta.isfinite().all() for theta in model.parameters())
    assert loops.gain.isfinite()
    assert loops.gain > 0


def test_compiled_models_are_compiled_once():
    model = net(6, 5, 4, 2)
    loops = WalkLoops(model, example(), steps=12)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch._dynamo.reset()
    counter = torch._dynamo.utils.counters
    counter.clear()
    trained(model, 12, loops=loops)
    for step in range(4):
        compiled(example(seed=step)).sum().backward()
        loops.noise.fill_(0.1 * step)
    assert counter["stats"]["unique_graphs"] == 1


def _of_process(rank, file):
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    model = net(6, 5, 4, 2)
    loops = WalkLoops(model, example(), steps=12)
    parallel = DistributedDataParallel(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01)
    for step in range(12):
        optimiser.zero_grad()
        x = example(seed=2 * step + rank)
        (parallel(x) - x[:, :2]).square().mean().backward()
        optimiser.step()
        loops.step()
    own = torch.cat([theta.detach().flatten() for theta in model.parameters()])
    every = [torch.empty_like(own) for _ in range(2)]
    dist.all_gather(every, own)
    assert torch.equal(*every)
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_keep_one_model(tmp_path):
    mp.spawn(_of_process, (tmp_path / "meeting",), nprocs=2)


def test_rectified_networks_under_adamw_find_the_modules():
    task = TASKS["two_digits"]()
    data, test = task.draw(100).train, task.draw(100).test
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(128, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 20)
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    loops = modlib.WalkLoops(model, data.x[:2], steps=1_000)
    for _ in range(1_000):
        drawn = torch.randint(len(data.x), (128,))
        loss = task.loss(model(data.x[drawn])[None], data.targets[drawn][None], task.heads).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loops.step()
    model.eval()
    found = modlib.modularity(modlib.weights(model), nulls=5, restarts=2)
    assert found.share > 0.85
    assert agreement(found.communities[None], task.input_modules, task.output_modules)[0] > 0.9
    assert task.accuracy(model(test.x)[None], test.targets[None], task.heads).mean() > 0.95


def test_penalty_is_that_of_the_present_weights():
    model = net(6, 5, 2)
    loops = WalkLoops(model, example(), steps=4)
    with torch.no_grad():
        model[0].weight.mul_(2)
    assert loops.penalty() == modlib.walk_loop_penalty(weights(model))
    loops.penalty().backward()
    assert model[0].weight.grad is not None


def test_what_cannot_be_done_is_refused():
    with pytest.raises(ValueError, match="number of training steps, at least 1, got 0"):
        WalkLoops(net(6, 5, 2), example(), steps=0)
    with pytest.raises(ValueError, match="without a hidden layer"):
        WalkLoops(net(6, 2), example(), steps=4)
    with pytest.raises(ValueError, match=r"after optimiser\.step"):
        WalkLoops(net(6, 5, 2), example(), steps=4).step()
    with pytest.raises(ValueError, match=r"single precision, got '0\.weight' of torch\.bfl"):
        WalkLoops(net(6, 5, 2).bfloat16(), example().bfloat16(), steps=4)
    for made in (nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm):
        model = net(6, 5, 2)
        made(model[0])
        with pytest.raises(ValueError, match="a parametrisation makes them"):
            WalkLoops(model, example(), steps=4)


def test_frozen_weights_stay_as_they_are():
    model = net(6, 5, 4, 2)
    model[2].weight.requires_grad_(False)
    frozen, before = model[2].weight.clone(), model[0].weight.detach().clone()
    trained(model, 24)
    assert torch.equal(model[2].weight, frozen)
    assert not torch.equal(model[0].weight, before)
    with pytest.raises(ValueError, match="got none that requires a gradient"):
        WalkLoops(model.requires_grad_(False), example(), steps=4)


def test_recurrent_and_attending_networks_are_trained():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.units, self.out = nn.LSTM(6, 5, batch_first=True), nn.Linear(5, 2)

        def forward(self, x):
            return self.out(input=self.units(x)[0][:, -1])

    layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)
    for model in (Last(), nn.Sequential(nn.Linear(6, 6), layer, nn.Linear(6, 2))):
        x = torch.randn(4, 3, 6)
        loops = WalkLoops(model, x, steps=8)
        assert loops.hooks
        optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(8):
            optimiser.zero_grad()
            model(x).square().mean().backward()
            optimiser.step()
            before = [theta.detach().clone() for theta in loops.parameters]
            loops.step()
            for theta, old in zip(loops.parameters, before, strict=True):
                assert (theta.abs() <= old.abs()).all()
        assert all(theta.isfinite().all() for theta in model.parameters())


def test_after_the_last_step_nothing_changes():
    model = net(6, 5, 2)
    loops = trained(model, 8)
    before = [theta.detach().clone() for theta in model.parameters()]
    for _ in range(8):
        loops.step()
    for theta, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(theta, old)


def stack(seeds):
    return Stack((6, 8, 5, 2), seeds, torch.relu)


@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_the_strength_multiplies_the_rate(monkeypatch, strength):
    def final(factor, **options):
        monkeypatch.setattr("modlib.penalties.walk_loops.FADE", FADE * factor)
        network = stack([0, 1])
        loops = WalkLoops(network, steps=4, **options)
        for theta in network.parameters():
            theta.grad = torch.zeros_like(theta)
        for _ in range(4):
            loops.step()
        return weights(network)

    for W, expected in zip(final(1, strength=strength), final(strength), strict=True):
        torch.testing.assert_close(W, expected)


def test_a_network_of_strength_0_is_as_without_walk_loops_and_one_in_a_stack_as_alone():
    def fitted(seeds, strengths):
        return fit("retina", "walk_loop_steps", strengths, seeds, hidden=(6, 5), steps=70)

    together = fitted([3, 4], [0.0, 1.0])
    plain = fit("retina", "none", seeds=[3, 4], hidden=(6, 5), steps=70)
    alone = fitted([4], [1.0])
    for W, P, A in zip(together.chain, plain.chain, alone.chain, strict=True):
        torch.testing.assert_close(W[:2], P, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(W[3], A[0], rtol=1e-3, atol=1e-4)
        assert not torch.allclose(W[2:], P, rtol=1e-2)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf"), [1.0], [1.0, 1.0, 1.0]])
def test_a_strength_that_is_none_or_not_of_these_networks_is_refused(bad):
    with pytest.raises(ValueError, match="finite strength of at least 0"):
        WalkLoops(stack([0, 1]), steps=4, strength=bad)
