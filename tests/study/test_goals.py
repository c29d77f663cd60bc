"""What is kept of networks whose goals take turns, and costs counted by hand."""

import pandas as pd

from modlib.study.goals import Schedule, switch_costs, trained
from modlib.tasks import TASKS

AND, OR = (TASKS[name]() for name in ("retina_and", "retina_or"))


def test_switch_costs_count_the_steps_until_the_level_before_is_back():
    def part(network, epoch, seen):
        steps = [0, 5, 10]
        return pd.DataFrame(
            {"network": network, "epoch": epoch, "goal": "ab"[epoch % 2], "step": steps}
        ).assign(seen=seen)

    history = pd.concat(
        [
            part(0, 0, [0.5, 0.8, 1.0]),
            part(1, 0, [0.5, 0.6, 0.8]),
            part(0, 1, [0.5, 0.949, 0.951]),
            part(1, 1, [0.5, 0.77, 0.7]),
            part(0, 2, [0.96, 0.2, 0.3]),
            part(1, 2, [0.5, 0.5, 0.5]),
        ]
    )
    found = switch_costs(history).set_index(["network", "epoch"])
    assert found.cost.to_dict() == {(0, 1): 10, (0, 2): 0, (1, 1): 5, (1, 2): 10}
    assert found.before.to_dict() == {(0, 1): 1.0, (0, 2): 0.951, (1, 1): 0.8, (1, 2): 0.7}
    assert found.back.to_dict() == {(0, 1): True, (0, 2): True, (1, 1): True, (1, 2): False}
    assert found.goal[0, 1] == "b"


def test_goals_that_switch_keep_two_epochs_at_either_end():
    rows = trained(Schedule([AND, OR], 5, 5), "none", 0.0, [0, 1], 30, nulls=2, restarts=1)
    assert sorted(rows.epoch) == [1, 1, 2, 2, 4, 4, 5, 5]
    assert rows.groupby("epoch").goal.first().to_dict() == {
        1: "retina_or",
        2: "retina_and",
        4: "retina_and",
        5: "retina_or",
    }
    assert rows[["cost", "seen_0", "seen_5", "share", "size"]].notna().all(axis=None)


def test_a_goal_that_stays_keeps_its_last_epoch():
    rows = trained(Schedule([AND], 10, 10), "none", 0.0, [3], 30, nulls=2, restarts=1)
    assert (rows.epoch.tolist(), rows.seed.tolist()) == ([2], [3])
    assert "cost" not in rows
