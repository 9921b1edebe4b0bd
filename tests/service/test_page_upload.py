"""The start of the review page, in a real browser: documents are sent, jobs are followed, results are taken home."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from docdetect.inference.detector import Detector
from docdetect.types import ByteArray, Detections
from tests.service.conftest import fake_detector
from tests.support.browser import errors_of, open_browser
from tests.support.fakes import ColourEngine, make_image, make_pdf
from tests.support.review_page import Reviewer, taking_jobs
from tests.support.waiting import wait_until

STAMP = ("stamp", (20.0, 20.0, 90.0, 80.0))
TOKEN = "a token of the tests"


class SlowEngine(ColourEngine):
    """Takes its time for every page."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        time.sleep(0.25 * len(pages))
        return super().detect(pages, conf, iou)


def slow_detector() -> Detector:
    return fake_detector(SlowEngine())


@pytest.fixture(scope="module")
def window() -> Iterator[Any]:
    with open_browser() as browser:
        yield browser


def send(reviewer: Reviewer, *documents: Path) -> None:
    field = reviewer.browser.find_element("css selector", "[data-input=documents]")
    field.send_keys("\n".join(map(str, documents)))


def test_documents_are_sent_and_followed_and_taken_home(window: Any, tmp_path: Path) -> None:
    documents = [
        make_pdf(tmp_path / "in" / "contract.pdf", [[STAMP], [], [STAMP]]),
        make_image(tmp_path / "in" / "Подпись.png", [("signature", (20, 20, 120, 90))]),
    ]
    with taking_jobs(tmp_path / "serve", slow_detector) as address:
        reviewer = Reviewer(window, address)
        reviewer.open("")
        wait_until(lambda: "There is no job yet" in reviewer.text())
        send(reviewer, *documents)
        wait_until(lambda: "of 4 pages" in reviewer.text(".job"))
        wait_until(lambda: "contract.pdf" in reviewer.text(".job"))
        seen = set()
        while reviewer.js("return document.querySelector('.job')?.dataset.state") != "done":
            seen.add(reviewer.js("return document.querySelector('.job .progress')?.ariaValueNow"))
        assert len(seen - {None}) >= 2, seen  # pages are counted as they come
        wait_until(lambda: "2 stamps" in reviewer.text(".job"))
        assert "1 signature" in reviewer.text(".job")

        reviewer.press("Review")
        wait_until(lambda: "Подпись.png" in reviewer.text(".documents"))
        assert "2 documents, 4 pages" in reviewer.text()
        reviewer.press("Start reviewing")
        wait_until(lambda: reviewer.js("return !!document.querySelector('.sheet .whole')?.naturalWidth"))
        assert len(reviewer.shown()) == 1
        reviewer.press("Downloads")
        wait_until(lambda: "detections.json" in reviewer.text("main"))
        links = reviewer.js("return [...document.querySelectorAll('a.file-row')].map((one) => one.href)")
        assert {link.rpartition("/")[2] for link in links} >= {
            "annotations.json",
            "reviews.jsonl",
            "detections.json",
            "detections.csv",
            "documents.csv",
            "summary.json",
        }
        for link in links:
            assert reviewer.js("return fetch(arguments[0]).then((answer) => answer.status)", link) == 200, link
        window.get("about:blank")
    assert not errors_of(window)


def test_documents_are_dropped_and_a_job_is_cancelled_and_deleted(window: Any, tmp_path: Path) -> None:
    document = make_pdf(tmp_path / "long.pdf", [[STAMP]] * 40)
    with taking_jobs(tmp_path / "serve", slow_detector) as address:
        reviewer = Reviewer(window, address)
        reviewer.open("")
        wait_until(lambda: "There is no job yet" in reviewer.text())
        reviewer.js(
            "const data = new DataTransfer(); data.items.add(new File([new Uint8Array(arguments[0])], 'long.pdf'));"
            "const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true});"
            "document.querySelector('.intake').dispatchEvent(drop)",
            list(document.read_bytes()),
        )
        wait_until(lambda: "of 40 pages" in reviewer.text(".job"))
        wait_until(lambda: reviewer.js("return document.querySelector('.job').dataset.state") == "running")
        reviewer.press("Look at results")  # also while the job runs
        wait_until(lambda: "long.pdf" in reviewer.text("main"))
        reviewer.press("Cancel the job")
        reviewer.press("docdetect: start")
        wait_until(lambda: reviewer.js("return document.querySelector('.job')?.dataset.state") == "cancelled")
        reviewer.press("Delete the job")
        wait_until(lambda: "cannot be undone" in reviewer.text("dialog[open]"))
        reviewer.press("Delete")
        wait_until(lambda: "There is no job yet" in reviewer.text())
        window.get("about:blank")
    errors_of(window)


def test_a_job_that_is_done_says_how_many_documents_could_not_be_read(window: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_text("%PDF-1.7 and no more", encoding="utf-8")
    documents = [make_image(tmp_path / "whole.png", [("stamp", (20, 20, 120, 90))]), broken]
    with taking_jobs(tmp_path / "serve", fake_detector) as address:
        reviewer = Reviewer(window, address)
        reviewer.open("")
        wait_until(lambda: "There is no job yet" in reviewer.text())
        send(reviewer, documents[0])
        wait_until(lambda: reviewer.js("return document.querySelector('.job')?.dataset.state") == "done")
        assert "could not be read" not in reviewer.text(".job")
        send(reviewer, *documents)
        wait_until(lambda: reviewer.js("return document.querySelectorAll('.job[data-state=done]').length") == 2)
        wait_until(lambda: "1 document could not be read." in reviewer.text(".job"))
        window.get("about:blank")
    errors_of(window)


def test_what_the_service_refuses_is_told_with_its_remedy(window: Any, tmp_path: Path) -> None:
    documents = [make_image(tmp_path / f"{name}.png", []) for name in "ab"]
    with taking_jobs(tmp_path / "serve", fake_detector, most_documents=1) as address:
        reviewer = Reviewer(window, address)
        reviewer.open("")
        wait_until(lambda: "There is no job yet" in reviewer.text())
        send(reviewer, *documents)
        wait_until(lambda: "more than 1 document" in reviewer.text("[role=alert]"))
        reviewer.press("Leave it")
        wait_until(lambda: not reviewer.text("[role=alert]"))
        window.get("about:blank")
    errors_of(window)


def test_a_token_is_asked_for_once(window: Any, tmp_path: Path) -> None:
    with taking_jobs(tmp_path / "serve", fake_detector, TOKEN) as address:
        reviewer = Reviewer(window, address)
        reviewer.open("")
        wait_until(lambda: "asks for its token" in reviewer.text("dialog[open]"))
        reviewer.type(TOKEN)
        reviewer.keys("Enter")
        wait_until(lambda: "There is no job yet" in reviewer.text())
        send(reviewer, make_image(tmp_path / "a.png", [("stamp", (20, 20, 120, 90))]))
        wait_until(lambda: reviewer.js("return document.querySelector('.job')?.dataset.state") == "done")
        reviewer.press("Review")
        reviewer.press("Start reviewing")
        wait_until(lambda: reviewer.js("return !!document.querySelector('.sheet .whole')?.naturalWidth"))
        window.get("about:blank")
    assert not [error for error in errors_of(window) if "401" not in error]


@pytest.mark.parametrize("width", [390, 2560])
def test_the_options_say_what_holds_without_them(window: Any, tmp_path: Path, width: int) -> None:
    screen = {"width": width, "height": 1300, "deviceScaleFactor": 1, "mobile": False}
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    with taking_jobs(tmp_path / "serve", fake_detector) as address:
        reviewer = Reviewer(window, address)
        reviewer.open("")
        reviewer.press("Options")
        text, room = reviewer.js(
            "const field = document.querySelector('input[type=number]'), style = getComputedStyle(field);"
            "const canvas = document.createElement('canvas').getContext('2d');"
            "canvas.font = style.fontSize + ' ' + style.fontFamily;"
            "const sides = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);"
            "return [canvas.measureText(field.placeholder).width, field.clientWidth - sides]"
        )
        assert text < room
        assert reviewer.js("return document.documentElement.scrollWidth") <= width
        window.get("about:blank")
    assert not errors_of(window)
