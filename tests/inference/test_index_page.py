"""The page of a result folder, looked at in a real browser."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docdetect.documents.drawing import write_image
from docdetect.inference import index_page as module
from docdetect.inference.index_page import (
    IndexHeading,
    ListedDocument,
    ListedMark,
    ListedPage,
    index_page,
)
from docdetect.inference.report import Answer
from tests.support.browser import errors_of, open_browser
from tests.support.waiting import wait_until

CLASSES = ("qr", "signature", "stamp")
HOSTILE = 'a </script><script>document.title="hacked"</script> & "b" #1?.pdf'


def answers(**changed: Answer) -> dict[str, Answer]:
    every: dict[str, Answer] = dict.fromkeys(CLASSES, "none")
    return every | changed


def documents() -> list[ListedDocument]:
    signature, faint, code = ListedMark(1, 0.9), ListedMark(1, 0.2), ListedMark(0, 0.5, "https://x")
    unknown = answers(qr="unknown", signature="unknown", stamp="unknown")
    maybe = ListedMark(1, 0.2, xyxy=(900.0, 1200.0, 1350.0, 1500.0))
    doubtful = (ListedPage(1), ListedPage(2, (), (maybe,), size_wh=(1800, 2400)))
    return [
        ListedDocument(HOSTILE, "ok", 2, answers(signature="has"), (ListedPage(1), ListedPage(2, (signature,)))),
        ListedDocument("Договор.pdf", "ok", 1, answers(qr="has"), (ListedPage(1, (code,)),)),
        ListedDocument("faint.png", "ok", 1, answers(signature="has"), (ListedPage(1, (faint,)),)),
        ListedDocument("doubt.pdf", "ok", 2, answers(signature="check"), doubtful),
        ListedDocument("locked.pdf", "failed", 0, unknown, (), "encrypted: needs a password"),
        ListedDocument("torn.pdf", "ok", 1, unknown, (ListedPage(1),), "", ("damaged and repaired",)),
    ]


def write_page(folder: Path, listed: list[ListedDocument], pictures: bool = True) -> Path:
    heading = IndexHeading("scans", CLASSES, ("signature",), "weights docdetect-s")
    heading.pages_folder = heading.thumbs_folder = "pages" if pictures else ""
    with index_page(folder / "index.html", heading) as add:
        for document in listed:
            add(document)
            for page in document.pages if pictures else ():
                picture = np.full((120, 90, 3), 255, np.uint8)
                write_image(folder / "pages" / document.name / f"page_{page.number:04d}.jpg", picture)
    return folder / "index.html"


def embedded(page: Path) -> Any:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def names(browser: Any) -> list[str]:
    return [node.text for node in browser.find_elements("css selector", ".row .name")]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    page = write_page(tmp_path_factory.mktemp("results"), documents())
    with open_browser() as browser:
        yield browser, page.as_uri()


def test_texts_cannot_leave_their_place(tmp_path: Path) -> None:
    page = write_page(tmp_path, documents()[:1], pictures=False)
    assert embedded(page)["documents"][0]["name"] == HOSTILE
    assert "</script><script>document" not in page.read_text(encoding="utf-8")


def test_an_unfinished_page_does_not_replace_the_old_one(tmp_path: Path) -> None:
    page = write_page(tmp_path, documents()[:1], pictures=False)
    before = page.read_bytes()
    broken = ListedDocument("x", "ok", 1, answers(), (ListedPage(1, (ListedMark(0, 0.5, b"x"),)),))  # type: ignore[arg-type]
    with pytest.raises(TypeError), index_page(page, IndexHeading("x", CLASSES)) as add:
        add(broken)
    assert page.read_bytes() == before


def test_too_many_documents_are_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LISTED_DOCUMENTS", 2)
    data = embedded(write_page(tmp_path, documents(), pictures=False))
    assert len(data["documents"]) == 2
    assert "Only the first 2 of 6 documents" in data["warning"]


def test_every_document_is_listed_and_filters_choose_among_them(shown: tuple[Any, str]) -> None:
    browser, url = shown
    browser.get(url)
    everything = [document.name for document in documents()]
    assert names(browser) == everything
    assert browser.title == "scans: docdetect"
    for state, expected in (
        ("lacks-signature", ["Договор.pdf"]),
        ("check", ["doubt.pdf"]),
        ("failed", ["locked.pdf"]),
        ("noted", ["torn.pdf"]),
    ):
        browser.find_element("css selector", f"button[data-state='{state}']").click()
        assert names(browser) == expected, state
    browser.execute_script(
        "const state = document.getElementById('state'); state.value = 'none-stamp';"
        "state.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    assert names(browser) == [HOSTILE, "Договор.pdf", "faint.png", "doubt.pdf"], "also where nobody requires the class"
    browser.find_element("css selector", "button[data-state='all']").click()
    assert "page" not in browser.find_elements("css selector", ".row .detail")[4].text, "nobody knows how many it has"
    browser.find_element("css selector", "input[value='signature']").click()
    assert names(browser) == [HOSTILE, "faint.png"]
    browser.execute_script(
        "const range = document.getElementById('confidence'); range.value = 0.5;"
        "range.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    assert names(browser) == [HOSTILE]
    browser.find_element("css selector", "input[value='signature']").click()
    browser.find_element("id", "text").send_keys("договор")
    assert names(browser) == ["Договор.pdf"]
    assert errors_of(browser) == []


def test_a_document_opens_at_the_first_page_with_a_mark_of_the_chosen_class(shown: tuple[Any, str]) -> None:
    browser, url = shown
    browser.get(url)
    browser.refresh()
    browser.find_element("css selector", "input[value='signature']").click()
    browser.find_element("css selector", ".row").click()
    assert browser.find_element("id", "viewer-name").text == f"{HOSTILE}, page 2 of 2"


def test_marks_are_counted_in_plain_english(tmp_path: Path) -> None:
    code, stamp = ListedMark(0, 0.9), ListedMark(2, 0.9)
    marked = ListedPage(1, (code, code, stamp, stamp, ListedMark(1, 0.9)))
    page = write_page(tmp_path, [ListedDocument("a.pdf", "ok", 1, answers(), (marked,))], pictures=False)
    with open_browser() as browser:
        browser.get(page.as_uri())
        chips = [node.text for node in browser.find_elements("css selector", ".chip.good")]
    assert chips == ["2 QR codes", "1 signature", "2 stamps"]


def test_pages_are_walked_with_the_keyboard(shown: tuple[Any, str]) -> None:
    from selenium.webdriver.common.keys import Keys

    browser, url = shown
    browser.get(url)
    browser.refresh()
    browser.find_element("css selector", ".row").click()
    title = browser.find_element("id", "viewer-name")
    assert title.text == f"{HOSTILE}, page 1 of 2"
    picture = browser.find_element("css selector", "#page img")
    assert browser.execute_script("return arguments[0].decode().then(() => arguments[0].naturalWidth)", picture) == 90
    body = browser.find_element("css selector", "body")
    body.send_keys(Keys.ARROW_RIGHT)
    assert title.text == f"{HOSTILE}, page 2 of 2"
    assert "signature" in browser.find_element("id", "side").text
    body.send_keys(Keys.ARROW_RIGHT)
    assert title.text == "Договор.pdf, page 1 of 1"
    assert "QR code" in browser.find_element("id", "side").text
    assert "https://x" in browser.find_element("id", "side").text
    body.send_keys(Keys.ARROW_LEFT)
    assert title.text == f"{HOSTILE}, page 2 of 2"
    body.send_keys(Keys.ESCAPE)
    assert not browser.find_element("id", "viewer").is_displayed()
    assert errors_of(browser) == []


def test_what_was_not_read_says_why(shown: tuple[Any, str]) -> None:
    browser, url = shown
    browser.get(f"{url}#4/0")
    browser.refresh()
    assert "needs a password" in browser.find_element("id", "page").text
    browser.get(url)
    browser.refresh()
    browser.find_element("css selector", "button[data-state='check']").click()
    browser.find_element("css selector", ".row").click()
    assert browser.find_element("id", "viewer-name").text == "doubt.pdf, page 2 of 2"
    assert "possible signature (0.20)" in browser.find_element("id", "side").text
    browser.find_element("id", "back").click()
    browser.find_element("css selector", "button[data-state='all']").click()
    browser.find_elements("css selector", ".row")[3].click()
    assert browser.find_element("id", "viewer-name").text == "doubt.pdf, page 2 of 2", "also among all documents"


def test_a_possible_mark_has_a_frame_on_the_picture_of_its_page(tmp_path: Path) -> None:
    page = write_page(tmp_path, documents())
    with open_browser() as browser:
        browser.get(f"{page.as_uri()}#3/2")
        picture = browser.find_element("css selector", "#page img")
        wait_until(lambda: browser.find_elements("css selector", "#page .possible"))
        for _ in range(2):  # as large as the window, and enlarged
            sheet, frame = picture.rect, browser.find_element("css selector", "#page .possible").rect
            assert frame["x"] + 4 == pytest.approx(sheet["x"] + sheet["width"] / 2, abs=2)
            assert frame["y"] + 4 == pytest.approx(sheet["y"] + sheet["height"] / 2, abs=2)
            assert frame["width"] - 8 == pytest.approx(sheet["width"] / 4, abs=2)
            assert frame["height"] - 8 == pytest.approx(sheet["height"] / 8, abs=2)
            picture.click()
        assert "It has a dashed frame." in browser.find_element("id", "side").text
        browser.execute_script("location.hash = '#2/1'")
        wait_until(lambda: browser.find_element("id", "viewer-name").text.startswith("faint.png"))
        assert browser.find_elements("css selector", "#page .possible") == []
        assert errors_of(browser) == []


def test_the_printed_list_has_every_shown_document(shown: tuple[Any, str]) -> None:
    browser, url = shown
    browser.get(url)
    browser.refresh()
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    rows = browser.execute_script("return [...document.querySelectorAll('#printed tbody tr')].map(r => r.textContent)")
    assert len(rows) == len(documents())
    assert "no signature" in rows[1]
    assert "signature not known" in rows[5], "a part of this document was not seen"


def test_nothing_is_asked_for_that_is_not_there(shown: tuple[Any, str]) -> None:
    browser, url = shown
    browser.get(f"{url}#3/2")
    browser.refresh()
    assert browser.find_element("id", "viewer-name").text == "doubt.pdf, page 2 of 2"
    assert errors_of(browser) == [], "the next document could not be read and has no picture"


def test_ten_thousand_documents_on_a_phone_do_not_freeze(tmp_path: Path) -> None:
    one = documents()[0]
    many = [ListedDocument(f"{number}.pdf", "ok", 2, one.answers, one.pages) for number in range(10_000)]
    page = write_page(tmp_path, many, pictures=False)
    with open_browser(390, 800) as browser:
        browser.get(page.as_uri())
        assert len(browser.find_elements("css selector", ".row")) < 60
        start_s = time.monotonic()
        for _ in range(5):
            browser.execute_script("window.scrollTo(0, document.body.scrollHeight * Math.random())")
            browser.find_element("css selector", ".row")
        browser.execute_script("window.scrollTo(0, document.body.scrollHeight)")
        browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        assert "9999.pdf" in names(browser)
        assert time.monotonic() - start_s < 30  # a page that draws all rows anew takes minutes
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= 390
        assert errors_of(browser) == []
