"""The page on tasks tells what the tasks are."""

from modlib.study.tasks import summary
from modlib.tasks import TASKS


def test_each_task_has_a_row():
    table = summary()
    assert list(table.index) == list(TASKS)
    row = table.loc["four_digits"]
    assert (row.inputs, row.modules, row.outputs) == (256, 4, "10 + 10 + 10 + 10")
    assert table.loc["retina_xor", ["best guess", "blind to a module"]].tolist() == [0.5, 0.5]
    assert table.loc["digits"].isna().sum() == 2
