"""Rows that a reader sorts, chooses and takes away, in a real browser, against pandas."""

import json
import zlib
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
from browsers import PHONE, faults_of

from modlib.figures import listing as figures

ROWS = pd.DataFrame({
    "task": ["retina", "two digits", "retina", "planted"] * 11,
    "note": [f'{n}, "so"' for n in range(44)],
    "seed": range(44),
    "share": [np.nan, *np.random.default_rng(0).normal(size=43)],
})  # fmt: skip
SHARE = ROWS.share.map(lambda value: float(f"{value:.4g}"))


def unpacked(html):
    text = html.split('json">')[1].split("</script>")[0]
    return json.loads(zlib.decompress(b64decode(text)))


def test_rows_are_packed_with_four_digits_and_what_is_missing_is_null():
    told = unpacked(figures.packed(ROWS, 7))
    assert (told["columns"], told["shown"]) == (list(ROWS), 7)
    assert told["rows"][0] == ["retina", '0, "so"', 0, None]
    assert [row[3] for row in told["rows"][1:]] == SHARE[1:].tolist()
    assert all(isinstance(row[2], int) for row in told["rows"])


@pytest.fixture(scope="module")
def address(page_with):
    return page_with(figures.packed(ROWS, 7), ["records.js"])


@pytest.fixture
def visit(opened, address):
    return lambda state="", **screen: opened(f"{address}#{state}", ".records tbody tr", **screen)


def column(page, number):
    return page.locator(f".records tbody td:nth-child({number + 1})").all_inner_texts()


def status(page):
    return page.inner_text(".records [role=status]")


@pytest.mark.slow
def test_rows_are_sorted_up_and_down_by_keys_and_what_is_missing_comes_last(visit):
    page = visit()
    assert status(page) == "1 to 7 of 44"
    page.focus(".records th:nth-child(4) button")
    ordered = SHARE.sort_values()
    for text, rows in [("ascending", ordered), ("descending", ordered[:-1][::-1])]:
        page.keyboard.press("Enter")
        assert page.get_attribute(".records th:nth-child(4)", "aria-sort") == text
        assert [float(value) for value in column(page, 3)] == rows[:7].tolist()
    for _ in range(6):
        page.click("text=next")
    assert status(page) == "43 to 44 of 44"
    assert column(page, 3)[-1] == "–"
    assert page.is_disabled("text=next")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "met"),
    [
        ("> 0.5", SHARE > 0.5), ("<-.1", SHARE < -0.1), ("-0.5 .. 0.5", SHARE.between(-0.5, 0.5)),
        (str(SHARE[4]), SHARE.eq(SHARE[4])), ("> 9", SHARE > 9),
    ],
)  # fmt: skip
def test_a_number_is_met_by_its_condition(visit, typed, met):
    page = visit()
    page.fill(".records th:nth-child(4) input", typed)
    number = min(met.sum(), 7)
    assert status(page) == f"{min(met.sum(), 1)} to {number} of {met.sum()}, chosen of 44"
    assert column(page, 2) == [str(seed) for seed in ROWS.seed[met][:7]]
    page.fill(".records th:nth-child(4) input", "> x")
    assert page.get_attribute(".records th:nth-child(4) input", "aria-invalid") == "true"
    assert status(page) == "1 to 7 of 44"


@pytest.mark.slow
def test_the_address_keeps_what_was_chosen_and_the_rows_can_be_taken_away(visit):
    page = visit()
    page.select_option(".records th:nth-child(1) select", "retina")
    page.fill(".records th:nth-child(2) input", "1")
    page.click(".records th:nth-child(3) button")
    page.click(".records th:nth-child(3) button")
    met = ROWS[(ROWS.task == "retina") & ROWS.note.str.contains("1")].sort_values("seed")[::-1]
    state = page.url.split("#")[1]
    for same in (page, visit(state)):
        assert column(same, 1) == met.note[:7].tolist()
    with page.expect_download() as download:
        page.click("text=these rows as CSV")
    taken = pd.read_csv(download.value.path())
    pd.testing.assert_frame_equal(taken, met.assign(share=SHARE).reset_index(drop=True))


CLAIMS = """<section><h2><a>Loops</a></h2><table>
<thead><tr><th>claim</th><th>holds</th></tr></thead>
<tbody><tr><td>They close.</td><td>yes</td></tr></tbody></table></section>"""


@pytest.mark.slow
def test_lists_of_claims_on_the_page_are_one(opened, page_with):
    lists = CLAIMS + CLAIMS.replace("Loops", "Walks").replace("yes", "not here")
    address = page_with(f'<div class="records"></div>{lists}', ["records.js"])
    page = opened(f"{address}#holds=yes", ".records tbody tr")
    assert page.locator(".records tbody tr").all_inner_texts() == ["Loops\tThey close.\tyes"]
    assert status(page) == "1 to 1 of 1, chosen of 2"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_and_axe_finds_nothing(visit, scheme):
    page = visit(viewport=PHONE, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert faults_of(page, ".records") == ""
