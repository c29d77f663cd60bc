"""Networks on disk: what comes back, and what is refused."""

import errno
import json
import os

import pytest
import safetensors.torch
import torch

from modlib.batch import storage
from modlib.training.fit import fit


@pytest.fixture(scope="module")
def runs():
    return [fit("retina", "l2", s, [4, 7], hidden=(6, 5), steps=3) for s in (0.0, 0.003)]


@pytest.fixture(scope="module")
def stacks(runs):
    return [storage.trained(run) for run in runs]


@pytest.fixture
def path(stacks, tmp_path):
    storage.write(tmp_path / "new" / "retina.safetensors", stacks)
    return tmp_path / "new" / "retina.safetensors"


def state(stack):
    return stack.network.state_dict()


def test_stacks_come_back_as_they_were(path, stacks):
    read = storage.read(path)
    assert list(read) == [("l2", 0.0), ("l2", 0.003)]
    for back, stack in zip(read.values(), stacks, strict=True):
        assert back.columns == {"task": "retina", "penalty": "l2", "strength": stack.strength}
        assert back.task.name == "retina"
        assert back.steps == 3
        assert back.network.widths == (8, 6, 5, 2)
        assert back.network.seeds == (4, 7)
        assert not back.network.training
        assert state(back).keys() == state(stack).keys()
        assert all(torch.equal(state(back)[name], state(stack)[name]) for name in state(stack))
        x = torch.rand(2, 9, 8)
        assert torch.equal(back.network(x), stack.network(x))


def test_the_stacks_that_are_wanted_come_back_alone(path):
    assert list(storage.read(path, {("l2", 0.003), ("l1", 0.1)})) == [("l2", 0.003)]
    assert storage.read(path, []) == {}


def test_the_first_network_of_a_stack_is_a_stack(stacks, tmp_path):
    first = stacks[1].first()
    assert first.network.seeds == (4,)
    for own, whole in zip(first.chain, stacks[1].chain, strict=True):
        assert torch.equal(own, whole[:1])
    storage.write(tmp_path / "first", [first])
    (back,) = storage.read(tmp_path / "first").values()
    assert torch.equal(back.chain[2], first.chain[2])


@pytest.mark.parametrize(
    "activation", [torch.relu, torch.nn.functional.gelu, torch.nn.functional.relu]
)
def test_networks_come_back_with_their_activation(activation, tmp_path):
    run = fit("retina", seeds=[3], activation=activation, hidden=(6, 5), steps=1)
    storage.write(tmp_path / "file", [storage.trained(run)])
    (back,) = storage.read(tmp_path / "file").values()
    x = run.task.draw(0).test.x[None]
    assert torch.equal(back.network(x), run.network(x))


def test_an_activation_without_a_name_is_refused_before_anything_is_written(tmp_path):
    run = fit("retina", seeds=[3], activation=lambda x: x.tanh(), hidden=(6,), steps=1)
    with pytest.raises(ValueError, match=r"torch.nn.functional has by name, got <lambda>"):
        storage.write(tmp_path / "new" / "file", [storage.trained(run)])
    assert not list(tmp_path.iterdir())


def test_a_run_at_several_strengths_is_no_stack():
    run = fit("retina", "l2", [0.0, 0.1], [3], hidden=(6,), steps=1)
    with pytest.raises(ValueError, match=r"needs one strength, got \[0.0, 0.1\]"):
        storage.trained(run)


def test_stacks_that_differ_in_more_than_penalty_and_strength_are_no_file(stacks, tmp_path):
    like = {"hidden": (6, 5), "steps": 3}
    others = [
        fit("retina_and", "l2", 0.0, [4, 7], **like),
        fit("retina", "l2", 0.0, [4], **like),
        fit("retina", "l2", 0.0, [4, 7], **like | {"steps": 1}),
        fit("retina", "l2", 0.0, [4, 7], **like | {"hidden": (6, 4)}),
        fit("retina", "l2", 0.0, [4, 7], **like, activation=torch.relu),
    ]
    for several in ([], *([stacks[0], storage.trained(other)] for other in others)):
        with pytest.raises(ValueError, match="differ in penalty and strength alone, got"):
            storage.write(tmp_path / "new" / "file", several)
    assert not (tmp_path / "new").exists()


def test_a_file_tells_what_its_networks_were_trained_with_and_names_tensors_by_layer(path):
    with safetensors.safe_open(path, "pt") as file:
        metadata = json.loads(file.metadata()["trained"])
    assert metadata == {
        "task": "retina",
        "steps": 3,
        "seeds": [4, 7],
        "widths": [8, 6, 5, 2],
        "activation": "tanh",
        "stacks": [["l2", 0.0], ["l2", 0.003]],
    }
    tensors = safetensors.torch.load_file(path)
    assert tensors["1.layers.0.weight"].shape == (2, 8, 6)
    assert tensors["1.layers.2.bias"].shape == (2, 1, 2)


def test_networks_have_the_same_bytes_each_time(stacks, tmp_path):
    for n in range(10):
        storage.write(tmp_path / f"{n}", stacks)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_a_file_that_is_written_by_half_leaves_the_old_one(stacks, path, monkeypatch):
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        storage.write(path, stacks[:1])
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def rewritten(path, tensors=lambda of: of, metadata=lambda of: of):
    """Write a file's tensors and metadata anew, changed."""
    with safetensors.safe_open(path, "pt") as file:
        of_file = json.loads(file.metadata()["trained"])
    changed = tensors(safetensors.torch.load_file(path))
    safetensors.torch.save_file(changed, path, {"trained": json.dumps(metadata(of_file))})


def without(name):
    return lambda of: {key: value for key, value in of.items() if key != name}


FAULTS = {
    "a layer missing": (lambda p: rewritten(p, without("1.layers.2.weight")), "layers.2.weight"),
    "another shape": (
        lambda p: rewritten(p, lambda of: of | {"0.layers.0.weight": torch.zeros(2, 8, 7)}),
        "size mismatch",
    ),
    "an infinite weight": (
        lambda p: rewritten(p, lambda of: of | {"0.layers.1.bias": torch.ones(2, 1, 5) / 0}),
        r"weights of l2 at 0.0 that are not finite",
    ),
    "an unknown task": (
        lambda p: rewritten(p, metadata=lambda of: of | {"task": "mars"}), "unknown task 'mars'"
    ),
    "another task": (
        lambda p: rewritten(p, metadata=lambda of: of | {"task": "two_digits"}),
        r"widths \[8, 6, 5, 2\] on a task of 128 inputs",
    ),
    "no function": (
        lambda p: rewritten(p, metadata=lambda of: of | {"activation": "pi"}),
        "needs an activation",
    ),
    "no widths": (lambda p: rewritten(p, metadata=without("widths")), "widths"),
    "no metadata": (
        lambda p: safetensors.torch.save_file({"weight0": torch.zeros(2, 2)}, p),
        "KeyError: 'trained'",
    ),
    "no safetensors": (lambda p: p.write_bytes(b"damaged"), "SafetensorError"),
    "nothing": (lambda p: p.write_bytes(b""), "SafetensorError"),
    "half a file": (lambda p: p.write_bytes(p.read_bytes()[:500]), "SafetensorError"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_cannot_be_trusted_is_refused_with_what_is_wrong(fault, path):
    damage, message = FAULTS[fault]
    damage(path)
    with pytest.raises(ValueError, match=rf"(?s)should hold networks .*got .*{message}.*delete it"):
        storage.read(path)


def test_a_stack_that_is_not_wanted_may_have_diverged(path):
    FAULTS["an infinite weight"][0](path)
    assert list(storage.read(path, {("l2", 0.003)})) == [("l2", 0.003)]


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        storage.read(tmp_path / "none.safetensors")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"should hold networks .*OSError"):
        storage.read(tmp_path)
