"""Tasks against their definitions, spelled out: Kashtan & Alon's rule, teachers, formulas, sums."""

import math
import statistics
from itertools import combinations, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.neighbors import KNeighborsClassifier

from modlib.tasks import TASKS
from modlib.tasks.addition import modular_addition
from modlib.tasks.formulas import FORMULAS, formulas
from modlib.tasks.planted import planted
from modlib.tasks.retina import retina
from modlib.tasks.scores import explained_variance, squared_error
from modlib.tasks.task import LIVE, NO_MODULE

# a left object, as the set of its black pixels: 0 and 1 are the outer column
LEFT_OBJECTS = {
    *(frozenset(c) for n in (3, 4) for c in combinations(range(4), n)),
    *(frozenset(c) for n in (1, 2) for c in combinations((0, 1), n)),
}
RULES = {
    "and": lambda left, right: [left and right],
    "or": lambda left, right: [left or right],
    "xor": lambda left, right: [left != right],
    "both": lambda left, right: [left, right],
}


def parts(data):
    return [data.train, data.validation, data.test]


def joined(data):
    """Return the inputs and the targets of all three parts."""
    return [torch.cat(values) for values in zip(*parts(data), strict=True)]


@pytest.mark.parametrize("goal", RULES)
def test_retina_targets_follow_kashtan_and_alon(goal):
    seen = {}
    for part in parts(retina(goal).draw(0)):
        for x, target in zip(part.x.tolist(), part.targets.tolist(), strict=True):
            black = [pixel == 1.0 for pixel in x]
            left, right = (
                frozenset(p for p in range(4) if black[4 * half + p]) in LEFT_OBJECTS
                for half in (0, 1)
            )
            assert target == RULES[goal](left, right)
            seen[tuple(x)] = target
    # every pattern once, in one part alone
    assert set(seen) == set(product([-1.0, 1.0], repeat=8))


@pytest.mark.parametrize(("goal", "positives"), [("and", 64), ("or", 192), ("xor", 128)])
def test_retina_goals_have_the_published_numbers_of_positives(goal, positives):
    assert sum(part.targets.sum().item() for part in parts(retina(goal).draw(3))) == positives


@pytest.mark.parametrize(
    ("goal", "accuracy"), [("and", 0.75), ("or", 0.75), ("xor", 0.5), ("both", 0.5)]
)
def test_retina_guesses_are_as_good_as_the_commonest_label(goal, accuracy):
    assert retina(goal).guess_accuracy == accuracy


@pytest.mark.parametrize("goal", RULES)
def test_retina_guesses_that_see_one_side_are_right_as_often_as_the_commonest_label_beyond(goal):
    sides = [frozenset(c) for n in range(5) for c in combinations(range(4), n)]
    right_guesses = []
    for unseen in (0, 1):
        # of the two outputs of `both`, the unseen side's is the one that needs it
        output = unseen if goal == "both" else 0
        for seen in sides:
            targets = []
            for other in sides:
                left, right = (other, seen) if unseen == 0 else (seen, other)
                both = left in LEFT_OBJECTS, right in LEFT_OBJECTS
                targets.append(RULES[goal](*both)[output])
            right_guesses.append(max(targets.count(True), targets.count(False)) / 16)
    assert retina(goal).blind_accuracy == statistics.fmean(right_guesses)


def test_retina_parts_hold_128_64_and_64_patterns():
    assert [len(part.x) for part in parts(retina().draw(0))] == [128, 64, 64]


def test_retina_modules_are_its_sides():
    assert retina("both").input_modules.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert retina("both").output_modules.tolist() == [0, 1]
    assert retina("and").output_modules.tolist() == [NO_MODULE]


def test_retina_pixels_lie_in_four_columns_of_two_the_right_side_mirrored():
    x, y = retina().places.T.reshape(2, 2, 2, 2)  # side, outer and inner column, row
    assert x.tolist() == [[[0, 0], [1, 1]], [[3, 3], [2, 2]]]
    assert y.tolist() == [[[0, 1], [0, 1]], [[0, 1], [0, 1]]]


def test_an_unknown_goal_is_refused():
    with pytest.raises(ValueError, match="out of and, or, xor, both; got 'nand'"):
        retina("nand")


@st.composite
def teachers(draw):
    """Draw a number of modules, a width, and how many of a module's inputs are shared."""
    width = draw(st.integers(1, 9))
    return draw(st.integers(1, 5)), width, draw(st.integers(0, width))


@given(teachers())
def test_each_module_of_a_teacher_has_inputs_of_its_own_and_shares_the_rest(teacher):
    modules, width, shared = teacher
    task = planted(modules, width, shared / width)
    own = [module for module in range(modules) for _ in range(width - shared)]
    separate = modules > 1 and shared < width
    assert len(task.input_modules) == modules * (width - shared) + shared
    if separate:
        assert task.input_modules.tolist() == own + [NO_MODULE] * shared
        assert task.output_modules.tolist() == list(range(modules))
    else:
        # with everything shared, or one module alone, there is nothing to tell apart
        assert task.known_modules == []
    assert task.heads == (1,) * modules
    known = not separate or shared == 0
    assert task.blind_accuracy == 0.5 if known else math.isnan(task.blind_accuracy)


@pytest.mark.parametrize(
    ("name", "n_in"),
    [("planted_0", 32), ("planted_25", 26), ("planted_50", 20), ("planted_100", 8)],
)
def test_the_more_teachers_share_the_fewer_inputs_there_are(name, n_in):
    assert len(TASKS[name]().input_modules) == n_in


@pytest.mark.parametrize("overlap", [0.0, 0.5, 1.0])
def test_half_of_a_teachers_labels_are_ones(overlap):
    task = planted(3, 4, overlap, n_train=1_001)
    data = task.draw(0)
    assert [len(part.x) for part in parts(data)] == [1_001, 2_000, 2_000]
    # the median of an odd number of examples is one of them, and not above itself
    assert joined(data)[1].sum(0).tolist() == [2_500] * 3
    assert task.guess_accuracy == 0.5


@pytest.mark.parametrize("seed", range(4))
def test_a_teacher_of_one_neuron_compares_its_input_with_the_median(seed):
    x, targets = joined(planted(5, 1, n_train=100).draw(seed))
    for value, target in zip(x.T.tolist(), targets.T.tolist(), strict=True):
        middle = statistics.median(value)
        above = [int(v > middle) for v in value]
        assert target in (above, [1 - a for a in above])


def test_a_seed_draws_a_teacher_of_its_own():
    # whether a teacher of one neuron answers 1 above the median or below it, for five of them
    rising = {
        tuple((x[targets[:, m] == 1, m].mean() > 0).item() for m in range(5))
        for x, targets in (joined(planted(5, 1, n_train=100).draw(seed)) for seed in range(6))
    }
    assert len(rising) > 1


def loops_of_a_teacher(x, inner, outer):
    width = len(outer)
    return sum(
        outer[j] * math.tanh(2 / math.sqrt(width) * sum(x[i] * inner[i][j] for i in range(width)))
        for j in range(width)
    )


@pytest.mark.parametrize("shared", [0, 1, 3])
def test_a_teachers_labels_are_those_of_its_networks_in_loops(shared):
    n_train, modules, width = 10, 2, 3
    x, targets = joined(planted(modules, width, shared / width, n_train).draw(5))
    rng = np.random.default_rng(5)
    drawn = rng.normal(size=(n_train + 4_000, modules * (width - shared) + shared))
    assert np.array_equal(x.numpy(), drawn.astype(np.float32))
    for module in range(modules):
        inner, outer = rng.normal(size=(width, width)).tolist(), rng.normal(size=width).tolist()
        first = module * (width - shared)
        read = [*range(first, first + width - shared), *range(modules * (width - shared), len(x.T))]
        outputs = [loops_of_a_teacher([row[i] for i in read], inner, outer) for row in x.tolist()]
        middle = statistics.median(outputs)
        assert targets[:, module].tolist() == [int(output > middle) for output in outputs]


@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_a_label_can_be_told_from_its_modules_inputs_and_not_from_the_others(overlap):
    task = planted(2, 4, overlap, n_train=4_000)
    data = task.draw(0)

    def told(inputs, module):
        search = KNeighborsClassifier(25).fit(
            data.train.x[:, inputs], data.train.targets[:, module]
        )
        return search.score(data.test.x[:, inputs], data.test.targets[:, module])

    for module in (0, 1):
        own = task.input_modules == module
        others = task.input_modules == 1 - module
        assert told(~others, module) > 0.8
        # five standard deviations of 2,000 guesses
        assert told(others, module) == pytest.approx(0.5, abs=5 * 0.5 / 2_000**0.5)
        if overlap:
            assert told(own, module) < told(~others, module) - 0.05


@pytest.mark.parametrize(
    "setting",
    [
        {"modules": 0}, {"width": 0}, {"n_train": 0},
        {"overlap": -0.01}, {"overlap": 1.01}, {"overlap": math.nan},
    ],
)  # fmt: skip
def test_a_teacher_that_cannot_be_is_refused(setting):
    values = {"modules": 4, "width": 8, "n_train": 10, "overlap": 0.0, **setting}
    got = "{modules}, {width}, {n_train} and {overlap}".format(**values)
    with pytest.raises(ValueError, match=f"at least 1 and an overlap .*, got {got}"):
        planted(**values)


def independence(x):
    return [(x[0] + x[2]) ** 3, x[1] ** 2 + math.sin(math.pi * x[3])]


def sharing(x):
    return [sum(v**2 for v in x[:n]) for n in (1, 2, 3)]


def composition(x):
    return [math.hypot(x[0] - x[1], x[2] - x[3])]


@pytest.mark.parametrize("function", [independence, sharing, composition])
def test_targets_of_formulas_are_standardised_values_of_the_formula(function):
    task = formulas(function.__name__, n_train=30)
    data = task.draw(2)
    assert [len(part.x) for part in parts(data)] == [30, 2_000, 2_000]
    x, targets = joined(data)
    values = zip(*map(function, x.tolist()), strict=True)
    for value, target in zip(values, targets.T.tolist(), strict=True):
        mean, spread = statistics.fmean(value), statistics.pstdev(value)
        assert target == pytest.approx([(v - mean) / spread for v in value], abs=1e-4)
    assert (task.loss, task.accuracy) == (squared_error, explained_variance)


@pytest.mark.parametrize("name", FORMULAS)
def test_inputs_of_formulas_are_uniform_between_minus_1_and_1(name):
    x, _ = joined(formulas(name).draw(0))
    # 5,000 of them: the mean is known to 0.008, the spread to 0.004
    assert x.abs().max() <= 1
    assert x.mean(0).tolist() == pytest.approx([0] * len(x.T), abs=0.04)
    assert x.std(0).tolist() == pytest.approx([3**-0.5] * len(x.T), abs=0.02)


@given(*[st.lists(st.floats(-1, 1), min_size=4, max_size=4)] * 2)
def test_a_target_of_independent_formulas_depends_on_its_modules_inputs_alone(x, other):
    task, function = formulas("independence"), FORMULAS["independence"][0]
    for target, module in enumerate(task.output_modules):
        mixed = np.where(task.input_modules == module, x, other)
        assert function(*mixed)[target] == function(*np.array(x))[target]


@pytest.mark.parametrize(
    ("name", "accuracy"), [("independence", 0.0), ("sharing", 0.0), ("composition", None)]
)
def test_what_a_formulas_other_module_tells_is_nothing_or_not_known(name, accuracy):
    assert formulas(name).guess_accuracy == 0
    blind = formulas(name).blind_accuracy
    assert math.isnan(blind) if accuracy is None else blind == accuracy


def test_an_unknown_formula_is_refused():
    with pytest.raises(ValueError, match="out of independence, sharing, composition; got 'sums'"):
        formulas("sums")


def test_formulas_without_training_examples_are_refused():
    with pytest.raises(ValueError, match="formulas_sharing needs n_train >= 1, got 0"):
        formulas("sharing", n_train=0)


@pytest.mark.parametrize("p", [4, 7, 59])
def test_all_pairs_are_added_modulo_p(p):
    task = modular_addition(p)
    data = task.draw(1)
    seen = []
    for x, targets in zip(*joined(data), strict=True):
        a, b = x.nonzero().flatten().tolist()
        assert x.sum() == 2
        assert targets.tolist() == [(a + (b - p)) % p]
        seen.append((a, b - p))
    assert sorted(seen) == [(a, b) for a in range(p) for b in range(p)]
    held_out = p * p // 10
    assert [len(part.x) for part in parts(data)[1:]] == [held_out, held_out]
    # every sum comes p times, whatever one of the two numbers is
    assert task.guess_accuracy == task.blind_accuracy == 1 / p


@pytest.mark.parametrize("p", [-1, 3])
def test_numbers_too_small_to_hold_pairs_out_are_refused(p):
    with pytest.raises(ValueError, match=f"p >= 4, so that pairs are held out, got {p}"):
        modular_addition(p)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_fits_together(name):
    task = TASKS[name]()
    assert task.name == name
    assert sum(task.heads) == len(task.output_modules)
    assert min(task.hidden) >= 1 <= task.steps
    for part in parts(task.draw(0)):
        assert part.x.shape == (len(part.x), len(task.input_modules))
        assert part.x.dtype == torch.float32
        assert part.targets.shape == (len(part.x), len(task.heads))
        for head, targets in zip(task.heads, part.targets.T, strict=True):
            if targets.is_floating_point():
                assert head == 1
                assert targets.isfinite().all()
            else:
                assert set(targets.tolist()) == set(range(max(head, 2)))


@pytest.mark.parametrize("name", TASKS)
def test_a_tasks_modules_are_none_or_several_and_hold_no_dead_inputs(name):
    task = TASKS[name]()
    assert task.known_modules == list(range(len(task.known_modules)))
    assert len(task.known_modules) != 1
    assert (task.input_modules[~task.live] == NO_MODULE).all()


@pytest.mark.parametrize("name", TASKS)
def test_live_inputs_are_those_that_the_examples_use(name):
    task = TASKS[name]()
    share = (joined(task.draw(0))[0] != 0).double().mean(0).numpy()
    # images are drawn with replacement, so that shares close to the limit are not known
    clear = abs(share - LIVE) > 0.003
    assert clear.mean() > 0.9
    assert np.array_equal(task.live[clear], share[clear] > LIVE)


@pytest.mark.parametrize("name", TASKS)
def test_every_input_lies_one_unit_from_its_nearest_neighbour(name):
    task = TASKS[name]()
    distance = cdist(task.places, task.places)
    np.fill_diagonal(distance, np.inf)
    assert (distance.min(0) == 1).all()


@pytest.mark.parametrize("name", TASKS)
def test_no_example_is_in_two_parts(name):
    rows = [{x.tobytes() for x in part.x.numpy()} for part in parts(TASKS[name]().draw(0))]
    assert not any(a & b for a, b in combinations(rows, 2))


@pytest.mark.parametrize("name", TASKS)
def test_a_seed_fixes_the_data(name):
    task = TASKS[name]()
    first, again, other = (joined(task.draw(seed)) for seed in (7, 7, 8))
    for a, b in zip(first, again, strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first[0], other[0])


@given(st.sampled_from(["retina_xor", "planted_50", "digits"]), st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_drawing_leaves_the_global_random_states_alone(name, seed):
    ours, theirs = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    TASKS[name]().draw(seed)
    assert torch.equal(torch.get_rng_state(), ours)
    assert np.array_equal(np.random.get_state()[1], theirs)  # noqa: NPY002
