"""The explorer: what is packed, against the weights; and its form, by keys in a real browser."""

import json
import zlib
from base64 import b64decode

import matplotlib.pyplot as plt
import numpy as np
import pytest
from browsers import PHONE, faults_of

from modlib.figures import explorer as figures
from modlib.graphs import by_community
from modlib.study import explorer

TASKS, PENALTIES, STEPS = ["planted_0", "retina"], ["none", "walk_loops"], 40


@pytest.fixture(scope="module")
def networks():
    runs = [explorer.trained(t, p, [1.0, 3.0], 0, STEPS) for t in TASKS for p in PENALTIES]
    return [network for run in runs for network in explorer.followed(run)]


@pytest.fixture(scope="module")
def data(networks):
    return figures.packed(networks)


def unpacked(data):
    """The shades of each network, frame and layer."""
    told = json.loads(data)
    left = np.frombuffer(zlib.decompress(b64decode(told["shades"])), np.uint8)
    for network in told["networks"]:
        frames = []
        for _ in network["steps"]:
            chain = []
            for n, m in zip(network["sizes"][:-1], network["sizes"][1:], strict=True):
                W, left = np.split(left, [n * m])
                chain.append(W.reshape(n, m))
            frames.append(chain)
        yield frames
    assert not left.size


def test_weights_are_packed_to_half_a_shade(networks, data):
    for network, frames in zip(networks, unpacked(data), strict=True):
        for frame, chain in enumerate(frames):
            for W, packed in zip(network.chain, chain, strict=True):
                size = np.abs(W[frame])
                share = np.minimum(size / np.quantile(size, 0.99), 1)
                assert np.abs(packed - figures.FULL * share).max() <= 0.5 + 1e-4


def test_what_is_not_known_is_null_and_diverged_weights_are_pale(networks):
    network = networks[0]
    unknown = network._replace(
        measures=network.measures.assign(ari=np.nan),
        chain=[np.full_like(W, np.nan) for W in network.chain],
    )
    data = figures.packed([unknown])
    assert set(json.loads(data)["networks"][0]["measures"]["agreement"]) == {None}
    assert not any(W.any() for frames in unpacked(data) for chain in frames for W in chain)


def test_a_community_without_a_hidden_neuron_or_of_one_alone_is_not_offered(networks):
    network = networks[0]
    communities = np.zeros_like(network.communities)
    communities[:2], communities[40], communities[41:43] = 1, 2, 3
    told = figures.described(network._replace(communities=communities))
    assert (told["offered"], told["hidden"]) == ([0, 3], [61, 0, 1, 2])


SCRIPTS = ("plot/d3.min.js", "plot/plot.min.js", "explorer.js")
READY = ".explorer .graph svg"


@pytest.fixture(scope="module")
def address(data, page_with):
    """A page with nothing but the explorer."""
    return page_with(figures.explorer(data, plt.figure(), "a picture"), SCRIPTS)


@pytest.fixture
def visit(opened, address):
    """Open the page at a state."""
    return lambda state="", **screen: opened(f"{address}#{state}", READY, **screen)


def status(page):
    return page.inner_text(".explorer [role=status]")


def told(network, frame):
    # rounded first, so that no minus stands before a zero
    accuracy, excess, ari = network.measures.iloc[frame].round(2) + 0.0
    return (
        f"after {network.measures.index[frame]} steps: accuracy {accuracy:.2f},"
        f" excess {excess:.2f}, agreement {ari:.2f}."
    )


@pytest.mark.slow
def test_everything_is_reached_and_changed_by_keys(visit, networks):
    page = visit()
    *_, last = networks
    assert status(page) == f"retina, walk loops at 0.45, {told(last, -1)}"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    planted = networks[2]
    assert status(page) == f"planted, walk loops at 0.45, {told(planted, -1)}"
    for key in ("Tab", "Tab", "ArrowUp", "Tab", "ArrowUp", "Tab", "Home", "ArrowRight"):
        page.keyboard.press(key)
    network = networks[1]
    assert status(page) == f"planted, walk loops at 0.15, {told(network, 1)}"
    assert page.get_attribute("[name=frame]", "aria-valuetext") == "after 5 steps"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    community = int(page.input_value("[name=silenced]:checked"))
    left = ", ".join(
        f"sub-task {n + 1} {accuracy:.2f}"
        for n, accuracy in enumerate(network.silenced[1][community])
    )
    assert status(page).endswith(f"Without community {community + 1}: {left}.")
    assert page.url.split("#")[1] == (
        f"task=planted_0&penalty=walk_loops&strength=0.15&order=layer&frame=1&silenced={community}"
    )
    # the last stop is a link to what is shown
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.href") == page.url


@pytest.mark.slow
def test_a_link_leads_to_its_state_and_an_unknown_one_to_the_first(visit, networks):
    state = "task=planted_0&penalty=none&strength=0&order=layer&frame=2&silenced=1"
    page = visit(state)
    assert status(page).startswith(f"planted, no penalty at 0, {told(networks[0], 2)} Without")
    page.evaluate("location.hash = '#silenced=77'")
    page.wait_for_function("document.querySelector('[name=task]').value === 'retina'")
    shown = status(page)
    assert shown == status(visit("task=retna&penalty=x&strength=7&order=y&frame=99&silenced=77"))
    assert shown == status(visit("fig-explorer"))


PIXELS = """canvas => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  return [...data].filter((_, n) => n % 4 === 3);
}"""


@pytest.mark.slow
@pytest.mark.parametrize("order", ["community", "layer"])
def test_matrices_have_the_shades_of_the_weights(visit, networks, data, order):
    place, frame = 1, 3
    page = visit(f"task=planted_0&penalty=walk_loops&strength=0.15&order={order}&frame={frame}")
    chain = list(unpacked(data))[place][frame]
    if order == "community":
        chain = by_community([W.astype(float) for W in chain], networks[place].communities)
    canvases = page.query_selector_all(".explorer canvas")
    for W, canvas in zip(chain, canvases, strict=True):
        seen = np.reshape(canvas.evaluate(PIXELS), W.shape)
        assert np.abs(seen - 255 / figures.FULL * W).max() <= 0.5


@pytest.mark.slow
def test_silenced_neurons_are_blank_and_have_no_edges(visit, networks):
    state = "task=planted_0&penalty=walk_loops&strength=0.15&order=layer&silenced="
    network, community = networks[1], 1
    page, intact = visit(f"{state}{community}"), visit(f"{state}none")
    inputs, hidden, *_ = np.split(network.communities, np.cumsum([32, 32, 32]))
    seen = np.reshape(page.query_selector(".explorer canvas").evaluate(PIXELS), (32, 32))
    assert not seen[:, hidden == community].any()
    # inputs are not silenced
    assert seen[inputs == community][:, hidden != community].any()
    links = ".explorer .graph path"
    assert page.locator(links).count() < intact.locator(links).count()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_and_axe_finds_nothing(visit, scheme):
    page = visit("task=planted_0&silenced=1", viewport=PHONE, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert faults_of(page, ".explorer") == ""
