"""Networks beside their input show what they are given; training is stepped through offline."""

import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from modlib.figures import images, weights
from modlib.plots import PALETTE
from modlib.study.weights import Divided
from modlib.tasks.task import in_rows, on_a_line


def network(factor=1.0):
    rng = np.random.default_rng(0)
    chain = [factor * rng.normal(size=(4, 6)), factor * rng.normal(size=(6, 2))]
    return Divided(chain, np.arange(12) % 2)


@pytest.mark.parametrize("places", [in_rows(2, 2), on_a_line(4)])
def test_a_gallery_has_an_input_the_matrices_and_a_graph_for_each_network(places):
    networks = {"none": network(), "other": network(-2.0)}
    fig = weights.gallery(networks, np.array([1.0, 0.5, 0.0, 0.0]), places)
    rows = np.array(fig.axes).reshape(2, 4)
    assert [row[0].get_ylabel() for row in rows] == ["no penalty", "other"]
    for (chain, _), row in zip(networks.values(), rows, strict=True):
        for ax, W in zip(row[1:], chain, strict=False):
            assert np.asarray(ax.images[0].get_array()).shape == (*W.shape, 3)
    first, second = np.asarray(rows[0, 0].images[0].get_array()).reshape(-1, 3)[:2]
    assert first == pytest.approx(to_rgb(PALETTE[0]))
    assert second == pytest.approx(1 - 0.5 * (1 - np.array(to_rgb(PALETTE[1]))))


def test_weights_have_the_colour_of_their_community_and_are_grey_between():
    W = np.array([[4.0, 0.0], [-2.0, 1.0]])
    colours = np.array([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]])
    image = weights.tinted(W, (np.array([1, 0]), np.array([1, 0])), colours)
    # neurons of the first community come first, which are the second row and column
    full = np.quantile(np.abs(W), 0.99)
    assert image[0, 0] == pytest.approx(1 - 1 / full * (1 - colours[1]))
    assert image[0, 1] == pytest.approx(1 - 2 / full * (1 - weights.BETWEEN))
    assert image[1] == pytest.approx(np.stack([np.ones(3), colours[0]]))


def test_pixels_are_paler_where_they_weigh_less():
    W = np.array([[1.0, 1.0], [0.0, -1.0], [0.0, 0.0], [-1.0, -1.0]])
    assert images.read(W) == pytest.approx([1.0, 0.5, 0.0, 1.0])
    places = np.array([[3.0, 1.0], [4.0, 1.0], [3.0, 2.0], [4.0, 2.0]])
    image = images.coloured(images.read(W), np.array([0, 0, 1, 1, 0, 1]), places)
    assert image[0, 0] == pytest.approx(to_rgb(PALETTE[0]))
    assert image[1, 1] == pytest.approx(to_rgb(PALETTE[1]))
    assert image[1, 0] == pytest.approx(1.0)
    assert image[0, 1] == pytest.approx(1 - 0.5 * (1 - np.array(to_rgb(PALETTE[0]))))


def test_training_has_a_frame_per_snapshot_shows_the_last_and_asks_no_other_host():
    chain, communities = network()
    chains = {step: [(1 + step) * W for W in chain] for step in (0, 10, 1_500)}
    page = weights.training(chains, communities)
    frames = re.findall("<img.*?>", page)
    assert [re.search(r"after ([\d,]+) steps", frame)[1] for frame in frames] == [
        "0",
        "10",
        "1,500",
    ]
    assert ["hidden" in frame for frame in frames] == [True, True, False]
    assert 'max="2" value="2"' in page
    assert (
        re.findall(r"(?:src|href)=\"(?!data:)|https?:|//", re.sub('base64,[^"]*', "", page)) == []
    )
