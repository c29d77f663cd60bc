"""Figures in one column: where panels are, what stands beside them, and that all has room."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from modlib.figures.narrow import WIDTH, in_one_column
from modlib.figures.style import name_lines, use_style


@pytest.fixture(autouse=True)
def _styled():
    with plt.rc_context():
        use_style()
        yield
        plt.close("all")


def tops(figure):
    """Where each panel begins, in the order of the panels, once the figure is laid out."""
    figure.draw_without_rendering()
    return [ax.get_position().y1 for ax in figure.axes]


def letters(figure):
    """The boxes of all that is written in a figure, by what it says."""
    figure.draw_without_rendering()
    found = figure.findobj(lambda artist: isinstance(artist, plt.Text) and artist.get_visible())
    return {text.get_text(): text.get_window_extent() for text in found if text.get_text()}


def test_panels_of_a_grid_stand_below_each_other_row_by_row():
    figure, axes = plt.subplots(2, 3, figsize=(8, 4))
    for number, ax in enumerate(axes.flat):
        ax.plot([0, number])
    narrow = in_one_column(figure)
    assert narrow.get_size_inches().tolist() == [WIDTH, 6 * 2]
    below = tops(narrow)
    assert below == sorted(below, reverse=True)
    assert len({round(ax.get_position().x0, 2) for ax in narrow.axes}) == 1
    assert [ax.lines[0].get_ydata()[1] for ax in narrow.axes] == [0, 1, 2, 3, 4, 5]
    assert plt.get_fignums() == [figure.number]  # a page shows what pyplot holds
    # the figure itself is as it was
    assert figure.get_size_inches().tolist() == [8, 4]
    assert len({round(top, 2) for top in tops(figure)}) == 2


def test_each_panel_has_the_labels_of_its_row_and_column():
    figure, axes = plt.subplots(2, 2, sharex="col", sharey="row")
    for ax, title, below in zip(axes[0], ("share", "agreement"), ("steps", "epochs"), strict=True):
        ax.set_title(title)
        axes[1, list(axes[0]).index(ax)].set_xlabel(below)
    for ax, name in zip(axes[:, 0], ("planted", "digits"), strict=True):
        ax.set_ylabel(name)
    told = [(ax.get_title(), ax.get_ylabel(), ax.get_xlabel()) for ax in in_one_column(figure).axes]
    assert told == [
        ("share", "planted", "steps"), ("agreement", "planted", "epochs"),
        ("share", "digits", "steps"), ("agreement", "digits", "epochs"),
    ]  # fmt: skip


@pytest.mark.parametrize("shared", ["all", "row", "col", "none"])
def test_each_panel_has_its_ticks_named(shared):
    figure, _ = plt.subplots(2, 3, sharex=shared, sharey=shared)
    narrow = in_one_column(figure)
    narrow.draw_without_rendering()
    for ax in narrow.axes:
        assert all(tick.label1.get_visible() for tick in ax.xaxis.get_major_ticks())
        assert all(tick.label1.get_visible() for tick in ax.yaxis.get_major_ticks())


def test_long_names_are_broken_and_do_not_meet():
    names = [f"printed loops, quartic decay, C = {n}" for n in range(15)]
    figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True)
    name_lines(axes[0], names)
    narrow = in_one_column(figure)
    for ax in narrow.axes:
        narrow.draw_without_rendering()
        boxes = [name.get_window_extent() for name in ax.get_yticklabels()]
        assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))
        assert ax.get_position().width > 0.45
        assert [" ".join(name.get_text().split()) for name in ax.get_yticklabels()] == names


def test_a_legend_has_as_many_entries_side_by_side_as_there_is_room_for():
    figure, axes = plt.subplots(1, 2, figsize=(8, 3))
    for name in ("walk loops", "a far longer name than the others", "L1", "L2"):
        axes[0].plot([0, 1], label=name)
    figure.legend(loc="outside lower center", ncols=4)
    narrow = in_one_column(figure)
    (legend,) = narrow.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        text.get_text() for text in figure.legends[0].get_texts()
    ]
    box = letters(narrow)["a far longer name than the others"]
    assert box.x0 >= 0
    assert box.x1 <= WIDTH * narrow.dpi


def test_a_readers_own_figure_may_hold_anything():
    figure, axes = plt.subplots(2, 2)
    axes[0, 0].xaxis.set_major_formatter(lambda value, _: f"{value:g} steps")
    axes[0, 1].set_yticks([])
    axes[1, 0].axis("off")  # nothing is drawn there
    axes[1, 1].set(xticks=[], yticks=[])
    figure.legend([], [])
    narrow = in_one_column(figure)
    assert len(narrow.axes) == 3
    assert "0 steps" in letters(narrow)


def test_what_panels_do_not_share_is_not_told_of_all():
    figure, axes = plt.subplots(2, 1)
    axes[0].set(title="(a) weights", xlabel="size", ylabel="count")
    axes[1].set(xlabel="step")
    narrow = in_one_column(figure)
    assert [ax.get_title() for ax in narrow.axes] == ["(a) weights", ""]
    assert [ax.get_xlabel() for ax in narrow.axes] == ["size", "step"]
    figure, axes = plt.subplots(1, 2)
    axes[0].set(ylabel="loss")
    assert [ax.get_ylabel() for ax in in_one_column(figure).axes] == ["loss", ""]
    figure, axes = plt.subplots(2, 2)
    axes[0, 0].set_title("one")
    axes[1, 1].set_title("four")
    assert [ax.get_title() for ax in in_one_column(figure).axes] == ["one", "", "", "four"]


def twin():
    plt.subplots()[1].twinx()


def colorbar():
    figure, ax = plt.subplots(layout="none")
    figure.colorbar(ax.imshow(np.eye(2)), ax=ax)


def two_legends():
    figure, ax = plt.subplots()
    ax.plot([0, 1], label="one")
    figure.legend(loc="outside upper left")
    figure.legend(loc="outside upper right")


ELSE = {
    "at 1 places": twin, "one legend at most, got 2": two_legends, "constrained ": colorbar,
    "got 0 panels": plt.figure,
    "got 3 panels": lambda: plt.subplot_mosaic("AA;BC"),
    "of 2 grids": lambda: [part.subplots(2) for part in plt.figure().subfigures(1, 2)],
    "constrained layout": lambda: plt.subplots(layout="tight"),
}  # fmt: skip


@pytest.mark.parametrize("told", ELSE)
def test_figures_that_are_no_grid_are_refused(told):
    ELSE[told]()
    with pytest.raises(ValueError, match=told.strip()):
        in_one_column(plt.gcf())


def test_what_texts_look_like_and_the_lines_they_have_stay():
    figure, axes = plt.subplots(1, 2, figsize=(8, 3))
    axes[0].set_title("a title in bold\nof two lines", fontweight="bold", pad=30)
    axes[1].set_title("small", loc="left", fontsize=6)
    axes[1].set_ylabel(r"what of $a + b + c + d + e + f + g + h + i + j$ is left")
    figure.suptitle(r"a formula $\sum_i a_i + b_i + c_i + d_i + e_i + f_i + g_i$ stays whole")
    written = in_one_column(figure).findobj(plt.Text)
    looks = {text.get_text(): (text.get_fontweight(), text.get_fontsize()) for text in written}
    assert looks["a title in bold\nof two lines"][0] == "bold"
    assert looks["small"][1] == 6
    assert figure.get_suptitle() in looks


def test_a_panel_that_holds_text_alone_stays():
    figure, axes = plt.subplots(1, 4)
    axes[0].plot([0, 1], label="one")
    axes[1].text(0.5, 0.5, "a remark")
    axes[2].legend(*axes[0].get_legend_handles_labels())
    axes[3].inset_axes([0, 0, 1, 1]).plot([0, 1])
    for ax in axes[1:]:
        ax.axis("off")
    assert len(in_one_column(figure).axes) == 4


def test_a_legend_keeps_its_title_and_all_that_an_entry_is_drawn_with():
    figure, ax = plt.subplots()
    ax.errorbar([0, 1], [0, 1], yerr=0.1, marker="o", label="means")
    figure.legend(loc="outside lower center", title="Seeds")
    legends = figure.legends[0], in_one_column(figure).legends[0]
    drawn = [len(legend.findobj(plt.Line2D)) for legend in legends]
    assert drawn[0] == drawn[1]
    assert [legend.get_title().get_text() for legend in legends] == ["Seeds", "Seeds"]


def test_matrices_stay_side_by_side():
    figure, axes = plt.subplots(2, 4, figsize=(8, 4))
    for ax in axes.flat:
        ax.imshow(np.eye(4))
        ax.set(xticks=[], yticks=[])
    axes[0, 0].set_title("a title of many words")
    narrow = in_one_column(figure)
    assert narrow.axes[0].get_subplotspec().get_gridspec().get_geometry() == (2, 4)
    assert narrow.get_size_inches().tolist() == [WIDTH, pytest.approx(1.7)]
    assert narrow.axes[0].get_title() == "a title of\nmany words"


def test_what_stands_beside_all_panels_is_as_long_as_there_is_room_for():
    figure, _ = plt.subplots(1, 2, figsize=(8, 3))
    figure.supxlabel("accuracy on combinations that were seen, and on those that never were")
    narrow = in_one_column(figure)
    (box,) = (box for text, box in letters(narrow).items() if text.startswith("accuracy"))
    assert box.x0 >= 0
    assert box.x1 <= WIDTH * narrow.dpi
