"""Figures as drawings: text as text, the same bytes each time, and not too many."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from modlib.figures import pictures
from modlib.figures.narrow import in_one_column
from modlib.figures.style import use_style


@pytest.fixture(autouse=True)
def _styled():
    with plt.rc_context():
        use_style()
        yield


def scattered(count):
    figure, ax = plt.subplots()
    ax.scatter(*np.random.default_rng(0).random((2, count)))
    ax.set_xlabel("excess")
    return figure


def test_the_text_of_a_drawing_is_text():
    assert re.search("<text[^>]*>excess</text>", pictures.svg(scattered(3)))


def test_a_drawing_is_the_same_each_time():
    assert pictures.svg(scattered(3)) == pictures.svg(scattered(3))


def test_thousands_of_points_are_an_image_and_their_labels_text():
    small, large = pictures.svg(scattered(100)), pictures.svg(scattered(10_000))
    assert "<image" not in small
    assert "<image" in large
    assert ">excess</text>" in large
    assert len(large) < pictures.LARGEST


def test_the_numbers_and_the_narrow_form_of_a_figure_are_noted_by_what_is_drawn(monkeypatch):
    noted = []
    monkeypatch.setattr(pictures.kernel, "say", lambda *said: noted.append(said))
    figure, ax = plt.subplots()
    ax.plot([0, 1], [1 / 3, 2], label="loops")
    shown = pictures.shown(figure)
    (name, kind, csv), narrow = noted
    # whatever lines the drawing's text is kept in
    drawing = shown["image/svg+xml"].replace("\n", "\r\n")
    assert name == pictures.data_of(drawing)
    assert kind == "text/csv"
    assert csv == "panel,series,x,y\n1,loops,0,0.333333\n1,loops,1,2\n"
    assert narrow[:2] == (pictures.narrow_of(drawing), "image/svg+xml")
    assert narrow[2] == pictures.svg(in_one_column(figure))


def test_a_figure_that_has_no_narrow_form_is_shown_all_the_same(monkeypatch):
    noted = []
    monkeypatch.setattr(pictures.kernel, "say", lambda *said: noted.append(said))
    figure, ax = plt.subplots(subplot_kw={"projection": "polar"})
    ax.yaxis.set_major_formatter(
        lambda *_, state=(n for n in ()): f"{state and 1}"
    )  # none can copy it
    assert "<svg" in pictures.shown(figure)["image/svg+xml"]
    assert [kind for _, kind, _ in noted] == ["text/csv"]
