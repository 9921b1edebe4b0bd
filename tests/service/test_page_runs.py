"""Runs on the review page, in a real browser: a page of 10,000 px, 500 pages, filters, and the wall of crops."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from tests.support.browser import errors_of, open_browser
from tests.support.fakes import COLOURS, make_pdf
from tests.support.review_page import Reviewer, reviewing
from tests.support.waiting import wait_until

LARGE, SMALL = (20.0, 20.0, 90.0, 80.0), (20.0, 220.0, 50.0, 240.0)


@pytest.fixture(scope="module")
def window() -> Iterator[Any]:
    with open_browser(network=True) as browser:
        yield browser


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 documents with 500 pages: every third has a signature, every seventh a possible stamp only."""
    folder = tmp_path_factory.mktemp("runs")
    for number in range(300):
        first = [("signature", LARGE)] if number % 3 == 0 else [("qr", LARGE)]
        if number % 7 == 0:
            first.append(("stamp", SMALL))
        name = folder / "in" / f"document {number:03}.pdf"
        make_pdf(name, [first, []] if number >= 100 else [first], size_pt=(100 * 1.5, 300))
    (folder / "in" / "broken.pdf").write_bytes(b"no PDF")
    with reviewing(folder / "in", folder / "out", ("signature",)):
        pass
    return folder


@pytest.fixture
def reviewer(made: Path, tmp_path: Path, window: Any) -> Iterator[Reviewer]:
    shutil.copytree(made / "out", tmp_path / "out")
    with reviewing(made / "in", tmp_path / "out", ("signature",)) as address:
        yield Reviewer(window, address)
        window.get("about:blank")
    errors_of(window)


def rows(reviewer: Reviewer) -> list[str]:
    found: list[str] = reviewer.js("return [...document.querySelectorAll('.row-name')].map((one) => one.textContent)")
    return found


def counted(reviewer: Reviewer) -> str:
    return reviewer.text(".counted").partition("\n")[0]


def test_a_run_of_500_pages(reviewer: Reviewer) -> None:
    reviewer.hosts()
    reviewer.open("jobs/run")
    wait_until(lambda: counted(reviewer) == "All 301 documents")
    assert "301 documents, 500 pages" in reviewer.text("main")
    assert 5 < len(rows(reviewer)) < 40  # only what is seen is made
    reviewer.js("window.scrollTo(0, document.body.scrollHeight)")
    wait_until(lambda: "document 299.pdf" in rows(reviewer))
    reviewer.js("window.scrollTo(0, 0)")

    page = reviewer.open_page(477)  # deep in the run: no page before it is asked for
    wait_until(lambda: "478 of 500" in reviewer.text(".place"))
    reviewer.keys("Page_up")
    wait_until(lambda: "477 of 500" in reviewer.text(".place"))
    reviewer.keys("Page_down")
    reviewer.wait_for_page(page)
    for following in reviewer.get("/pages", limit=5000)["pages"][478:]:
        reviewer.keys("Enter")
        reviewer.wait_for_page(following["id"])
    wait_until(lambda: reviewer.get("")["reviewed"] == 22)

    asked = {url for url in reviewer.hosts() if not url.startswith(("data:", "blob:", "about:", "chrome"))}
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(reviewer.address).netloc}
    assert any("/image" in url for url in asked)


def test_filters(reviewer: Reviewer) -> None:
    reviewer.open("jobs/run")
    wait_until(lambda: counted(reviewer) == "All 301 documents")
    reviewer.press("Signatures")
    wait_until(lambda: counted(reviewer) == "100 of 301 documents")
    reviewer.press("Signatures")
    reviewer.press("Failed")
    wait_until(lambda: rows(reviewer) == ["broken.pdf"])
    reviewer.press("Failed")
    lacks = reviewer.js(
        "const field = document.querySelector('.filters select'); field.value = 'signature';"
        "field.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    assert lacks is None
    wait_until(lambda: counted(reviewer) == "200 of 301 documents")
    reviewer.press("Clear the filters")
    wait_until(lambda: counted(reviewer) == "All 301 documents")
    reviewer.js(
        "const field = document.querySelector('input[type=range]'); field.value = '0.95';"
        "field.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    wait_until(lambda: counted(reviewer) == "0 of 301 documents")
    reviewer.press("Clear the filters")
    field = reviewer.browser.find_element("css selector", "input[type=search]")
    field.send_keys("29")
    wait_until(lambda: counted(reviewer) == "13 of 301 documents")
    reviewer.press("document 029.pdf")
    wait_until(lambda: reviewer.js("return !!document.querySelector('.sheet .whole')?.naturalWidth"))
    reviewer.keys("Enter")
    wait_until(lambda: reviewer.get("")["reviewed"] == 1)
    reviewer.open("jobs/run?unreviewed=1")
    wait_until(lambda: counted(reviewer) == "299 of 301 documents")  # neither that one nor the broken one
    reviewer.keys("Tab")


def test_arrows_walk_through_the_documents_and_keep_the_focus(reviewer: Reviewer) -> None:
    reviewer.open("jobs/run")
    wait_until(lambda: counted(reviewer) == "All 301 documents")
    reviewer.js("document.querySelector('[data-row=\"0\"]').focus()")
    for _ in range(30):
        reviewer.keys("Arrow_down")
    wait_until(lambda: reviewer.js("return document.activeElement.dataset.row") == "30")
    assert reviewer.js(
        "const at = document.activeElement.getBoundingClientRect(); return at.top >= 0 && at.bottom <= innerHeight"
    )
    reviewer.keys("Enter")
    wait_until(lambda: "document 029.pdf" in reviewer.text(".page-title"))


def test_the_wall_of_crops(reviewer: Reviewer) -> None:
    reviewer.open("jobs/run/wall?category=signature")
    wait_until(lambda: "100 signatures" in reviewer.text(".wall-bar"))
    wait_until(lambda: reviewer.js("return !!document.querySelector('.crop img')?.naturalWidth"))
    reviewer.js("document.querySelector('[data-crop=\"0\"]').focus()")
    reviewer.type("a")
    reviewer.type("x")
    wait_until(lambda: reviewer.js("return document.activeElement.dataset.crop") == "2")
    reviewer.keys("Arrow_right", "Delete")
    wait_until(lambda: "1 accepted, 2 rejected here, saved" in reviewer.text(".wall-bar"))
    counts = [one["counts"]["signature"] for one in reviewer.get("")["documents"]]
    assert sum(counts) == 98
    reviewer.keys("Arrow_left")
    reviewer.type("a")  # the crop that was rejected is a mark after all
    wait_until(lambda: "2 accepted, 1 rejected here, saved" in reviewer.text(".wall-bar"))
    assert sum(one["counts"]["signature"] for one in reviewer.get("")["documents"]) == 99

    seen = reviewer.js(
        "return [...document.querySelectorAll('.crop')].filter((one) => one.dataset.state === 'open' &&"
        " one.getBoundingClientRect().top < innerHeight && one.getBoundingClientRect().bottom > 0).length"
    )
    reviewer.press("Accept all that are seen")
    wait_until(lambda: f"{2 + seen} accepted, 1 rejected here, saved" in reviewer.text(".wall-bar"))

    reviewer.open("jobs/run/wall?category=stamp&possible=1")
    wait_until(lambda: "43 stamps" in reviewer.text(".wall-bar"))
    reviewer.js("document.querySelector('[data-crop=\"0\"]').focus()")
    reviewer.keys("Enter")
    wait_until(lambda: "1 accepted, 0 rejected here, saved" in reviewer.text(".wall-bar"))
    assert sum(one["counts"]["stamp"] for one in reviewer.get("")["documents"]) == 1


def marks_of(reviewer: Reviewer, crop: dict[str, Any]) -> tuple[str, list[Any]]:
    """The review state of the page of a crop, and its boxes without their order."""
    page = reviewer.get(f"/pages/{crop['page']['id']}")
    return page["review_state"], sorted(page["boxes"], key=lambda box: str(box["id"]))


def test_decisions_on_the_wall_are_taken_back(reviewer: Reviewer) -> None:
    reviewer.open("jobs/run/wall?category=signature")
    wait_until(lambda: "100 signatures" in reviewer.text(".wall-bar"))
    first, second, third = reviewer.get("/crops", category="signature", limit=3)["crops"]
    before = [marks_of(reviewer, crop) for crop in (first, second, third)]
    reviewer.js("document.querySelector('[data-crop=\"0\"]').focus()")
    reviewer.type("a")
    reviewer.type("x")
    wait_until(lambda: "1 accepted, 1 rejected here, saved" in reviewer.text(".wall-bar"))
    assert [marks_of(reviewer, crop) for crop in (first, second)] != before[:2]
    reviewer.type("x")  # not sent yet when it is taken back
    reviewer.keys("Control+z", "Control+z")
    wait_until(lambda: "1 accepted, 0 rejected here, saved" in reviewer.text(".wall-bar"))
    assert [marks_of(reviewer, crop) for crop in (second, third)] == before[1:]
    assert reviewer.js("return document.activeElement.dataset.crop") == "1"
    reviewer.keys("Control+Shift+z")
    wait_until(lambda: "1 accepted, 1 rejected here, saved" in reviewer.text(".wall-bar"))
    assert reviewer.get(f"/pages/{second['page']['id']}")["counts"].get("signature", 0) == 0
    reviewer.type("a")  # decided otherwise: taking that back rejects again
    wait_until(lambda: "2 accepted, 0 rejected here, saved" in reviewer.text(".wall-bar"))
    reviewer.keys("Control+z")
    wait_until(lambda: "1 accepted, 1 rejected here, saved" in reviewer.text(".wall-bar"))
    assert reviewer.get(f"/pages/{second['page']['id']}")["counts"].get("signature", 0) == 0
    reviewer.press("Undo")
    reviewer.press("Undo")
    wait_until(lambda: reviewer.text(".wall-bar").startswith("100 signatures\n"))
    wait_until(lambda: [marks_of(reviewer, crop) for crop in (first, second, third)] == before)
    assert reviewer.js("return document.querySelector('.wall-bar .button').ariaDisabled") == "true"


def test_what_was_accepted_below_the_threshold_is_taken_back(reviewer: Reviewer) -> None:
    reviewer.open("jobs/run/wall?category=stamp&possible=1")
    wait_until(lambda: " stamps" in reviewer.text(".wall-bar"))
    crop = reviewer.get("/crops", category="stamp", possible_marks=True, order="confidence-desc", limit=1)["crops"][0]
    before = marks_of(reviewer, crop)
    reviewer.js("document.querySelector('[data-crop=\"0\"]').focus()")
    reviewer.type("a")
    wait_until(lambda: "1 accepted, 0 rejected here, saved" in reviewer.text(".wall-bar"))
    assert len(marks_of(reviewer, crop)[1]) == len(before[1]) + 1
    reviewer.keys("Control+z")
    wait_until(lambda: marks_of(reviewer, crop) == before)


def test_taking_back_never_overwrites_what_somebody_else_did(reviewer: Reviewer) -> None:
    reviewer.open("jobs/run/wall?category=signature")
    wait_until(lambda: "100 signatures" in reviewer.text(".wall-bar"))
    crop = reviewer.get("/crops", category="signature", limit=1)["crops"][0]
    reviewer.js("document.querySelector('[data-crop=\"0\"]').focus()")
    reviewer.type("x")
    wait_until(lambda: "1 rejected here, saved" in reviewer.text(".wall-bar"))
    theirs = reviewer.put(reviewer.get(f"/pages/{crop['page']['id']}"), boxes=[])
    reviewer.keys("Control+z")
    wait_until(lambda: "Not undone: somebody changed" in reviewer.text(".notices"))
    assert reviewer.get(f"/pages/{crop['page']['id']}")["revision"] == theirs["revision"]
    assert "1 rejected here, saved" in reviewer.text(".wall-bar")


def test_the_wall_never_overwrites_what_somebody_else_did(reviewer: Reviewer) -> None:
    reviewer.open("jobs/run/wall?category=signature")
    wait_until(lambda: "100 signatures" in reviewer.text(".wall-bar"))
    crop = reviewer.get("/crops", category="signature", limit=1)["crops"][0]
    page = reviewer.get(f"/pages/{crop['page']['id']}")
    reviewer.put(page, boxes=[])
    reviewer.js("document.querySelector('[data-crop=\"0\"]').focus()")
    reviewer.type("a")
    wait_until(lambda: "Somebody changed" in reviewer.text(".notices"))
    assert reviewer.get(f"/pages/{page['id']}")["boxes"] == []
    assert reviewer.js("return document.querySelector('.crop').dataset.state") == "open"
    reviewer.press("Open the page")
    wait_until(lambda: page["document"] in reviewer.text(".page-title"))


def test_a_page_of_10000_px_is_sharp_when_it_is_enlarged(window: Any, tmp_path: Path) -> None:
    pixels = np.full((7000, 10_000, 3), 255, np.uint8)
    pixels[600:3000, 600:4000] = COLOURS["stamp"]
    pixels[5000:5010:2, 8000:8100] = 0  # lines of one px, which no small picture shows
    (tmp_path / "in").mkdir()
    Image.fromarray(pixels).save(tmp_path / "in" / "drawing.png", compress_level=1)
    with reviewing(tmp_path / "in", tmp_path / "out") as address:
        reviewer = Reviewer(window, address)
        reviewer.open_page()
        (box,) = reviewer.shown()
        whole = reviewer.js("return document.querySelector('.sheet .whole').naturalWidth")
        assert whole <= 1600
        x, y = reviewer.on_screen(8050, 5005)
        for _ in range(12):
            wheel = {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": -400}
            reviewer.browser.execute_cdp_cmd("Input.dispatchMouseEvent", wheel)
        zoom = "return parseFloat(document.querySelector('.sheet').style.getPropertyValue('--s'))"
        wait_until(lambda: reviewer.js(zoom) > 1)
        # Of a column of the picture across the lines, as it lies on the page: darkest against brightest value.
        contrast = """
            const picture = document.querySelector('.sheet .detail');
            if (!picture?.complete) return 0;
            const sheet = document.querySelector('.sheet'), s = parseFloat(sheet.style.getPropertyValue('--s'));
            const page = sheet.getBoundingClientRect(), at = picture.getBoundingClientRect();
            const share = picture.naturalWidth / at.width;
            const canvas = document.createElement('canvas');
            canvas.width = 1; canvas.height = 40;
            const left = (page.left + 8050 * s - at.left) * share, top = (page.top + 4990 * s - at.top) * share;
            canvas.getContext('2d').drawImage(picture, left, top, 1, 40 * s * share, 0, 0, 1, 40);
            const values = canvas.getContext('2d').getImageData(0, 0, 1, 40).data.filter((_, index) => index % 4 === 0);
            return Math.max(...values) - Math.min(...values);
        """
        wait_until(lambda: reviewer.js(contrast) > 100, patience_s=90)  # each part is cut out of 70 megapixels anew
        reviewer.type("0")
        reviewer.keys("Tab", "Delete")
        reviewer.saved()
        reviewer.drag((7900, 4900), (8200, 5100))
        reviewer.saved()
        (drawn,) = reviewer.get("/pages/" + reviewer.get("/pages")["pages"][0]["id"])["boxes"]
        scale = reviewer.js(zoom)
        assert drawn["xyxy"] == pytest.approx([7900, 4900, 8200, 5100], abs=2 / scale)
        assert drawn["id"] != box["id"]
        window.get("about:blank")
    errors_of(window)
