"""Networks that are trained once and read by many: what comes back, and what is refused."""

import pytest
import torch

from modlib.batch import storage
from modlib.chain import weights
from modlib.study import trained
from modlib.training.fit import fit, train
from modlib.training.measures import DENSITY

ASKED = {"seeds": [2, 5], "training_steps": 12}
STRENGTHS = {"l2": 0.003, "none": 0.0, "hard_wired": 1.0}


@pytest.fixture(scope="module")
def stacks():
    return list(trained.train_each("retina", STRENGTHS, **ASKED))


@pytest.fixture(scope="module")
def file(tmp_path_factory, stacks):
    path = tmp_path_factory.mktemp("trained") / "new" / "retina.safetensors"
    storage.write(path, stacks)
    return path


def state(stack):
    return stack.network.state_dict()


def test_each_penalty_has_the_networks_that_training_makes_and_none_is_followed_by_its_control(
    stacks,
):
    assert [s.penalty for s in stacks] == ["l2", "none", "pruned", "hard_wired"]
    assert [s.strength for s in stacks] == [0.003, 0.0, 1.0, 1.0]
    for stack in (stacks[0], stacks[1], stacks[3]):
        run = train("retina", stack.penalty, stack.strength, [2, 5], steps=12, nulls=2, restarts=1)
        for own, expected in zip(stack.chain, weights(run.network), strict=True):
            assert torch.equal(own, expected)


def test_the_control_goes_on_from_the_largest_weights_of_the_networks_without_a_penalty(stacks):
    _, free, control, _ = stacks
    for left, whole in zip(control.chain, free.chain, strict=True):
        for n in range(2):
            kept = left[n] != 0
            assert kept.float().mean() == pytest.approx(DENSITY, abs=0.5 / kept.numel())
            assert whole[n][kept].abs().min() >= whole[n][~kept].abs().max()
        assert not torch.equal(left, whole * (left != 0))  # trained further


def test_networks_of_a_sweep_are_taken_and_the_others_trained(tmp_path, stacks):
    shorter = [fit("retina", "l2", s, [2, 5], steps=3).network for s in (0.003, 0.01)]
    swept = [
        *(
            stacks[0]._replace(strength=s, network=n)
            for s, n in zip((0.003, 0.01), shorter, strict=True)
        ),
        stacks[1],
    ]
    sweeps = []
    for n, some in enumerate((swept[:2], swept[2:])):
        sweeps.append(tmp_path / f"{n}.safetensors")
        storage.write(sweeps[-1], some)
    taken = list(trained.train_each("retina", STRENGTHS, **ASKED, sweeps=sweeps))
    assert [s.columns for s in taken] == [s.columns for s in stacks]
    # three steps, not twelve: they are those of the files
    expected = [swept[0], *stacks[1:]]
    for own, of_file in zip(taken, expected, strict=True):
        for W, V in zip(own.chain, of_file.chain, strict=True):
            assert torch.equal(W, V)


def test_networks_of_another_sweep_are_refused(file):
    with pytest.raises(ValueError, match=r"should hold networks of .*\(2, 6\)"):
        next(trained.train_each("retina", STRENGTHS, [2, 6], 12, sweeps=[file]))


def test_networks_come_back_from_a_file_in_the_order_that_is_asked_for(file, stacks):
    back = list(trained.stacks({"retina": STRENGTHS}, **ASKED, files={"retina": str(file)}))
    assert [s.penalty for s in back] == [s.penalty for s in stacks]
    for own, expected in zip(back, stacks, strict=True):
        assert own.strength == expected.strength
        assert own.task.name == "retina"
        assert own.network.seeds == expected.network.seeds
        assert own.network.widths == expected.network.widths
        assert not own.network.training
        assert state(own).keys() == state(expected).keys()
        assert all(torch.equal(state(own)[name], state(expected)[name]) for name in state(own))
        x = torch.rand(2, 7, expected.network.widths[0])
        assert torch.equal(own.network(x), expected.network(x))


def test_a_part_of_a_file_may_be_read_and_the_control_comes_with_none_alone(file):
    files = {"retina": str(file)}
    (only,) = trained.stacks({"retina": {"hard_wired": 1.0}}, **ASKED, files=files)
    assert only.penalty == "hard_wired"
    two = {"retina": {"hard_wired": 1.0, "none": 0.0}}
    both = list(trained.stacks(two, **ASKED, files=files))
    assert [s.penalty for s in both] == ["hard_wired", "none", "pruned"]


@pytest.mark.parametrize(
    "changed",
    [
        {"task": "retina_and"},
        {"strengths": {"l2": 0.01}},
        {"strengths": {"l1": 0.003}},
        {"seeds": [2]},
        {"training_steps": None},
    ],
    ids=str,
)
def test_a_file_of_other_networks_is_refused(file, changed):
    asked = {"task": "retina", "strengths": {"l2": 0.003}} | ASKED | changed
    task, strengths = asked.pop("task"), asked.pop("strengths")
    with pytest.raises(ValueError, match=r"should hold networks of .* got .*; delete it"):
        next(trained.stacks({task: strengths}, **asked, files={task: str(file)}))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        trained.read(tmp_path / "none.safetensors", STRENGTHS, "retina", **ASKED)


def test_stacks_of_several_tasks_are_read_where_there_are_files_and_trained_elsewhere(file, stacks):
    strengths = {"retina": {"l2": 0.003}}
    (read,) = trained.stacks(strengths, **ASKED, files={"retina": str(file)})
    (made,) = trained.stacks(strengths, **ASKED)
    assert torch.equal(read.chain[0], stacks[0].chain[0])
    assert torch.equal(made.chain[0], stacks[0].chain[0])
    two = trained.stacks(strengths | {"retina_and": {"none": 0.0}}, **ASKED)
    told = [(s.task.name, s.penalty) for s in two]
    assert told == [("retina", "l2"), ("retina_and", "none"), ("retina_and", "pruned")]
