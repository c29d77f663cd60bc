"""Networks of many weight matrices, trained: do their communities run through all of them?

Hidden layers are all as wide as the task's own first one, so that with three matrices the networks
are those of the other tables. Weights start as in `nn.Linear`, with variance 1 / (3 n) for n
inputs to a neuron, or with 1 / n, which carries the variance of what enters through any number of
layers.

Source: LeCun, Bottou, Orr & Müller (1998), doi 10.1007/3-540-49430-8_2, for the second start.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch.nn.functional import one_hot

from modlib.batch import statistics
from modlib.batch.claims import Claim, Together, above, below, exact, together
from modlib.chain import Chain
from modlib.graphs import layer_sizes
from modlib.modularity.agreement import NO_MODULE, agreement, connected
from modlib.modularity.gauge import balanced, chained
from modlib.penalties import PENALTIES
from modlib.study.whole_graph import newman
from modlib.tasks import TASKS
from modlib.training.fit import fit
from modlib.training.measures import finite, overview, stack_modularity
from modlib.training.stacks import scaled_start

STARTS = {"linear": 1.0, "lecun": 3**0.5}
"""What the initial weights are multiplied by, by the name of the start."""

OWN = "walk_loops"


def assortativities(
    chain: Chain, communities: Int[np.ndarray, "n_stack n_neurons"]
) -> Float[np.ndarray, "n_stack n_matrices"]:
    """Return the assortativity coefficient of the communities in each weight matrix,

        (sum_k e_kk - sum_k a_k b_k) / (1 - sum_k a_k b_k),

    with e_kl the share of the weight that leads from community k to l, and a and b its sums. It is
    1 where no weight leaves its community, and 0 where as much stays as the sums let expect, or
    where all weight is in one community. Weights are as `modularity` takes them, with as much
    entering each hidden neuron as leaves it.

    Source: Newman (2003), doi 10.1103/PhysRevE.67.026126.
    """
    members = one_hot(torch.as_tensor(communities)).double().split(layer_sizes(chain), dim=1)
    found = []
    weights = balanced([W.double() for W in chain], chained(len(chain)))
    for W, (rows, columns) in zip(weights, pairwise(members), strict=True):
        mixing = rows.mT @ W @ columns
        mixing /= mixing.sum((-2, -1), keepdim=True).clamp_min(torch.finfo(W.dtype).tiny)
        within = mixing.diagonal(dim1=-2, dim2=-1).sum(-1)
        expected = (mixing.sum(-1) * mixing.sum(-2)).sum(-1)
        room = 1 - expected
        found.append(torch.where(room > 1e-9, (within - expected) / room, 0.0))
    return torch.stack(found, dim=-1).numpy()


def through(
    chain: Sequence[Float[np.ndarray, "_ _"]],
    communities: Int[np.ndarray, " n_neurons"],
    input_modules: Int[np.ndarray, " n_in"],
    output_modules: Int[np.ndarray, " n_out"],
) -> float:
    """Return the share of the known modules that a community of their own runs through.

    It holds more than half of the module's inputs and more than half of its outputs, of those that
    are `connected`, at least one neuron of each layer between, and the same of no other module.
    """
    layers = np.split(communities, np.cumsum(layer_sizes(chain))[:-1])
    there = np.split(connected(chain), [len(input_modules)])
    ends = list(zip(layers[:: len(chain)], (input_modules, output_modules), there, strict=True))
    modules = np.setdiff1d(np.union1d(input_modules, output_modules), NO_MODULE)
    homes = []
    for module in modules:
        home, of_outputs = (_majority(labels[(of == module) & here]) for labels, of, here in ends)
        if home == of_outputs and all((layer == home).any() for layer in layers):
            homes.append(home)
    return sum(homes.count(home) == 1 for home in homes) / len(modules)


def _majority(labels: Int[np.ndarray, " n"]) -> int | None:
    """Return the label of more than half, if there is one."""
    values, counts = np.unique(labels, return_counts=True)
    most = values[2 * counts > len(labels)]
    return int(most[0]) if len(most) else None


def deep_table(
    task: str,
    penalty: str,
    strength: float,
    depth: int,
    start: str,
    seeds: Sequence[int],
    *,
    steps: int | None = None,
    nulls: int = 5,
    restarts: int = 2,
) -> pd.DataFrame:
    """Train networks of `depth` weight matrices; return one row per network.

    Its `overview`; `assortativity`, the least of its `assortativities`; `through`; and of the
    whole graph `newman_excess` and `newman_ari`, over as many nulls and searches. A diverged
    network's measures are NaN.
    """
    of = TASKS[task]()
    run = fit(
        of, scaled_start(PENALTIES[penalty], STARTS[start]), strength, seeds,
        hidden=of.hidden[:1] * (depth - 1), steps=steps,
    )  # fmt: skip
    found = stack_modularity(run.network, nulls, restarts)
    rows = overview(run.network, of, run.data, found)
    sound = finite(run.chain)
    chain = [W.where(sound[:, None, None], 0.0) for W in run.chain]
    modules = of.input_modules, of.output_modules
    each = [[W[n].numpy() for W in chain] for n in range(len(seeds))]
    whole = [newman(one, nulls, restarts, seed) for one, seed in zip(each, seeds, strict=True)]
    measures = {
        "assortativity": assortativities(chain, found.communities).min(1),
        "through": [
            through(one, labels, *modules)
            for one, labels in zip(each, found.communities, strict=True)
        ],
        "newman_excess": [one.excess for one in whole],
        "newman_ari": agreement(np.stack([one.communities for one in whole]), *modules),
    }
    measured = pd.DataFrame(measures).where(pd.Series(sound.numpy()), axis=0)
    grid = run.table[["task", "penalty", "strength", "seed"]]
    told = {"depth": depth, "start": start, "role": "evaluation"}
    return pd.concat([grid.assign(**told), rows, measured], axis=1)


def learned(table: pd.DataFrame) -> pd.Series:
    """Return which networks made up more than half of what the best constant guess lacks."""
    guess = {task: TASKS[task]().guess_accuracy for task in table.task.unique()}
    return table.accuracy > (1 + table.task.map(guess)) / 2


def from_start(table: pd.DataFrame, start: str) -> pd.DataFrame:
    """Return the rows of one start with `learned`, and no other measures of those that did not.

    `within` is the weight that stays within communities, which follows from excess and share where
    there is some.
    """
    rows = table[table.start == start].assign(learned=learned(table))
    rows["within"] = (1 + rows.excess - rows.excess / rows.share).where(rows.share > 0)
    measures = ["share", "within", "ari", "assortativity", "through", "newman_excess", "newman_ari"]
    return rows.assign(**rows[measures].where(rows.learned, axis=0))


def by_seed(rows: pd.DataFrame, penalty: str, measure: str) -> pd.DataFrame:
    """Return one row per task and depth, and one column per seed."""
    of_penalty = rows[rows.penalty == penalty]
    return of_penalty.pivot(index=["task", "depth"], columns="seed", values=measure)


def change(values: pd.DataFrame) -> pd.DataFrame:
    """Return by task, with an interval, how `by_seed` changes from the least depth to the most."""
    wide = values.stack().unstack("depth")
    return statistics.intervals((wide[wide.columns.max()] - wide[wide.columns.min()]).unstack())


def claims(table: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page `depth` claims of trained networks."""
    rows, usual = from_start(table, "lecun"), from_start(table, "linear")
    rivals = [penalty for penalty in ("l1", "l2") if penalty in set(table.penalty)]
    deepest = usual[(usual.depth == usual.depth.max()) & usual.penalty.isin([*rivals, OWN])]
    share, least, runs = (by_seed(rows, OWN, m) for m in ("share", "assortativity", "through"))
    depths, tasks = (runs.index.get_level_values(name) for name in ("depth", "task"))
    lead = {rival: statistics.intervals(share - by_seed(rows, rival, "share")) for rival in rivals}
    hard_wired = {m: by_seed(rows, "hard_wired", m) for m in ("share", "newman_excess")}
    return [
        together(Claim(
            "Most deep networks learn if their weights start with variance 1 / n.",
            "share that learned", exact(rows.groupby(["task", "penalty", "depth"]).learned.mean()),
            above(0.5), ".2f",
        ), Claim(
            "From the usual start, few of the deepest do with L1, L2 or walk loops.",
            "share that learned", exact(deepest.groupby(["task", "penalty"]).learned.mean()),
            below(0.5), ".2f",
        )),
        together(Claim(
            "Hard-wired networks have all that is attainable at any depth.",
            "share", statistics.intervals(hard_wired["share"]), above(0.99), ".2f",
        ), Claim(
            "The excess of the whole graph falls with their depth.",
            "change of excess", change(hard_wired["newman_excess"]), below(-0.05), "+.2f",
        )),
        Claim(
            "At any depth walk loops attain a larger share than L1 and L2.",
            "difference of shares", pd.concat(lead), above(0), "+.2f",
        ),
        together(Claim(
            "With up to six matrices, most weight of each stays within walk loops' communities.",
            "least assortativity", statistics.intervals(least[depths <= 6]), above(0.5), ".2f",
        ), Claim(
            "In the deepest, some matrix mixes them.",
            "change of least assortativity", change(least), below(-0.2), "+.2f",
        )),
        Claim(
            "The share that walk loops attain falls with depth.",
            "change of share", change(share), below(0), "+.2f",
        ),
        together(Claim(
            "On two digits, each module has a community of its own at any depth.",
            "share of modules", statistics.intervals(runs[tasks == "two_digits"]), above(0.9),
            ".2f",
        ), Claim(
            "Of planted teachers, not every module has in the deepest.",
            "share of modules",
            statistics.intervals(runs[(tasks == "planted_0") & (depths == depths.max())]),
            below(0.9), ".2f",
        )),
    ]  # fmt: skip
