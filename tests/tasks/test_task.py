"""What every task is made of, against counts and places spelled out."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modlib.tasks.retina import retina
from modlib.tasks.scores import accuracy, cross_entropy
from modlib.tasks.task import NO_MODULE, guess_accuracy, in_rows, on_a_line


@given(
    st.integers(1, 3).flatmap(
        lambda n_tasks: st.lists(
            st.lists(st.integers(0, 4), min_size=n_tasks, max_size=n_tasks), min_size=1
        )
    )
)
def test_the_best_constant_guess_is_the_commonest_label_of_each_sub_task(labels):
    columns = list(zip(*labels, strict=True))
    shares = [max(Counter(column).values()) / len(labels) for column in columns]
    assert guess_accuracy(np.array(labels)) == pytest.approx(sum(shares) / len(shares))


@given(st.integers(0, 9))
def test_a_line_has_its_places_one_unit_apart(n):
    assert on_a_line(n).tolist() == [[i, 0] for i in range(n)]


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_pixels_lie_row_by_row_and_images_beside_each_other(height, width, images):
    places = []
    for image in range(images):
        for row in range(height):
            for column in range(width):
                places.append([image * width + column, row])
    assert in_rows(height, width, images).tolist() == places


@pytest.mark.parametrize(
    ("inputs", "outputs", "known"),
    [
        ([3, NO_MODULE, 0], [1], [0, 1, 3]),
        ([NO_MODULE, 2], [NO_MODULE], [2]),
        ([NO_MODULE], [NO_MODULE], []),
    ],
)
def test_modules_are_known_if_an_input_or_an_output_belongs_to_them(inputs, outputs, known):
    n = len(inputs)
    task = replace(
        retina(),
        input_modules=np.array(inputs),
        output_modules=np.array(outputs),
        live=np.full(n, True),
        places=on_a_line(n),
    )
    assert task.known_modules == known


def test_classes_are_what_a_task_predicts_unless_it_says_otherwise():
    assert retina().loss is cross_entropy
    assert retina().accuracy is accuracy
