"""Correcting on the review page, in a real browser: with a mouse, with keys alone, with a finger, and by two people."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.browser import errors_of, open_browser
from tests.support.fakes import make_pdf
from tests.support.review_page import Reviewer, reviewing
from tests.support.waiting import wait_until

# Points of a page of 200 x 300 pt, of which the run has 200/72 px each: large ones are marks, small ones are
# possible marks.
STAMP, SIGNATURE, POSSIBLE = (20.0, 20.0, 90.0, 80.0), (100.0, 200.0, 170.0, 260.0), (20.0, 220.0, 50.0, 240.0)
PX = 200 / 72


def px(*points: float) -> Any:
    """Points of the PDF as px of the page."""
    return tuple(value * PX for value in points)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the documents `in` and the run `out` over them."""
    folder = tmp_path_factory.mktemp("correct")
    pages = [[("stamp", STAMP), ("signature", SIGNATURE), ("stamp", POSSIBLE)], [("signature", SIGNATURE)], []]
    make_pdf(folder / "in" / "a.pdf", pages)
    make_pdf(folder / "in" / "b.pdf", [[("qr", STAMP)]])
    with reviewing(folder / "in", folder / "out"):
        pass
    return folder


@pytest.fixture(scope="module")
def window() -> Iterator[Any]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def reviewer(made: Path, tmp_path: Path, window: Any) -> Iterator[Reviewer]:
    """A person at a fresh copy of the run."""
    shutil.copytree(made / "out", tmp_path / "out")
    with reviewing(made / "in", tmp_path / "out") as address:
        yield Reviewer(window, address)
        window.get("about:blank")
    assert not [error for error in errors_of(window) if "409" not in error and "ERR_INTERNET" not in error]


def names(reviewer: Reviewer) -> list[str]:
    return [box["name"].split(",")[0] for box in reviewer.shown()]


def boxes_of(reviewer: Reviewer, page: str) -> list[tuple[str, list[float]]]:
    return [(box["category"], box["xyxy"]) for box in reviewer.get(f"/pages/{page}")["boxes"]]


def test_what_the_network_found_is_shown(reviewer: Reviewer) -> None:
    reviewer.open_page()
    assert names(reviewer) == ["Stamp", "Signature", "Below the threshold: Stamp"]
    assert "Not reviewed yet" in reviewer.text(".panel")
    frame = reviewer.js("return document.querySelector('[data-box]').getBoundingClientRect().toJSON()")
    left, top = reviewer.on_screen(*px(*STAMP[:2]))
    right, bottom = reviewer.on_screen(*px(*STAMP[2:]))
    expected = {"left": left, "top": top, "right": right, "bottom": bottom}
    assert {name: frame[name] for name in expected} == pytest.approx(expected, abs=4)


def test_corrections_with_a_mouse_outlive_a_reload(reviewer: Reviewer) -> None:
    page = reviewer.open_page()
    reviewer.press("Signature")  # the category of what is drawn next
    reviewer.drag(px(110, 100), px(160, 130))
    reviewer.saved()
    assert len(boxes_of(reviewer, page)) == 3
    category, xyxy = boxes_of(reviewer, page)[-1]
    assert category == "signature"
    assert xyxy == pytest.approx(list(px(110, 100, 160, 130)), abs=4)

    reviewer.drag(px(135, 115), px(145, 135))  # moves it
    reviewer.saved()
    moved = boxes_of(reviewer, page)[-1][1]
    assert moved == pytest.approx(list(px(120, 120, 170, 150)), abs=5)
    reviewer.drag((moved[2], moved[3]), (moved[2] + px(20)[0], moved[3] + px(10)[0]))  # resizes it at its corner
    reviewer.saved()
    resized = boxes_of(reviewer, page)[-1][1]
    assert resized[:2] == moved[:2]
    assert resized[2:] == pytest.approx([moved[2] + px(20)[0], moved[3] + px(10)[0]], abs=5)

    reviewer.click(*px(55, 50))  # selects the stamp of the network, which is a QR code now
    reviewer.press("QR code")
    reviewer.click(*px(35, 230))  # accepts the possible mark
    wait_until(lambda: len(reviewer.shown()) == 4)
    assert not any(box["possible"] for box in reviewer.shown())
    reviewer.saved()
    assert [category for category, _ in boxes_of(reviewer, page)] == ["qr", "signature", "signature", "stamp"]
    assert not reviewer.get(f"/pages/{page}")["reviewed"]
    assert "Changed, not confirmed yet" in reviewer.text(".panel")

    reviewer.browser.refresh()
    reviewer.wait_for_page(page)
    assert sorted(names(reviewer)) == ["QR code", "Signature", "Signature", "Stamp"]
    reviewer.keys("Enter")
    wait_until(lambda: reviewer.get(f"/pages/{page}")["review_state"] == "corrected")
    lines = [line for line in log_of(reviewer) if (line["document"], line["page"]) == ("a.pdf", 1)]
    assert len(lines) == reviewer.get(f"/pages/{page}")["revision"] >= 6


def log_of(reviewer: Reviewer) -> list[dict[str, Any]]:
    text = httpx2.get(f"{reviewer.address}/v1/jobs/run/review/reviews.jsonl").text
    return [json.loads(line) for line in text.splitlines()]


def test_everything_is_done_with_keys_alone(reviewer: Reviewer) -> None:
    page = reviewer.open_page()
    reviewer.keys("Tab")
    assert reviewer.shown()[0]["focus"]
    assert reviewer.shown()[0]["selected"]
    before = boxes_of(reviewer, page)
    reviewer.keys("Shift+Arrow_right", "Arrow_down", "Alt+Arrow_right")
    reviewer.type("1")
    reviewer.saved()
    wait_until(lambda: boxes_of(reviewer, page)[0][0] == "qr")
    scale = reviewer.js("return parseFloat(document.querySelector('.sheet').style.getPropertyValue('--s'))")
    x0, y0, x1, y1 = before[0][1]
    step = 1 / scale
    expected = [x0 + 10 * step, y0 + step, x1 + 11 * step, y1 + step]
    assert boxes_of(reviewer, page)[0][1] == pytest.approx(expected, abs=0.5)

    reviewer.keys("Tab", "Delete")  # the signature goes
    wait_until(lambda: names(reviewer) == ["QR code", "Below the threshold: Stamp"])
    reviewer.keys("Control+z")
    wait_until(lambda: names(reviewer) == ["QR code", "Signature", "Below the threshold: Stamp"])
    reviewer.keys("Control+Shift+z")
    wait_until(lambda: len(reviewer.shown()) == 2)
    reviewer.type("g")
    wait_until(lambda: len(reviewer.shown()) == 1)
    reviewer.type("g")
    wait_until(lambda: len(reviewer.shown()) == 2)
    reviewer.type("n")  # a new box, of the category that was chosen last
    wait_until(lambda: [box["focus"] for box in reviewer.shown()] == [False, True, False])
    reviewer.type("3")
    reviewer.keys("Tab")
    assert reviewer.shown()[2]["focus"]
    reviewer.keys("Space")
    wait_until(lambda: names(reviewer) == ["QR code", "Stamp", "Stamp"])
    reviewer.keys("Enter")
    wait_until(lambda: "1 of 4" not in reviewer.text(".place") and "2 of 4" in reviewer.text(".place"))
    second = reviewer.get("/pages")["pages"][1]["id"]
    reviewer.wait_for_page(second)
    wait_until(lambda: reviewer.get(f"/pages/{page}")["review_state"] == "corrected")
    assert [category for category, _ in boxes_of(reviewer, page)] == ["qr", "stamp", "stamp"]

    reviewer.keys("Enter")
    wait_until(lambda: reviewer.get(f"/pages/{second}")["review_state"] == "right")
    reviewer.wait_for_page(reviewer.get("/pages")["pages"][2]["id"])
    reviewer.type("u")
    wait_until(lambda: reviewer.get("/pages")["pages"][2]["review_state"] == "unsure")
    reviewer.wait_for_page(reviewer.get("/pages")["pages"][3]["id"])
    reviewer.keys("Enter")
    wait_until(lambda: "That was the last page" in reviewer.text("dialog[open]"))
    wait_until(lambda: reviewer.get("")["reviewed"] == 3)
    reviewer.keys("Enter")  # the button that leads back has the focus
    wait_until(lambda: "3 of 4 pages reviewed" in reviewer.text("main"))


def turned(reviewer: Reviewer, turn: int) -> bool:
    return bool(reviewer.js("return document.querySelector('.sheet')?.dataset.turn") == str(turn))


def test_the_view_turns_and_boxes_stay_where_they_are(reviewer: Reviewer) -> None:
    page = reviewer.open_page()
    before = boxes_of(reviewer, page)
    reviewer.type("r")
    wait_until(lambda: turned(reviewer, 1))
    sheet, stage, box, tag = (
        reviewer.js("return document.querySelector(arguments[0]).getBoundingClientRect().toJSON()", one)
        for one in (".sheet", ".stage", "[data-box]", "[data-box] .tag")
    )
    assert sheet["width"] / sheet["height"] == pytest.approx(1.5, abs=0.02)  # of a page of 200 x 300 pt
    assert stage["left"] < sheet["left"] < sheet["right"] < stage["right"]  # seen as a whole
    (left, bottom), (right, top) = reviewer.on_screen(*px(20, 80)), reviewer.on_screen(*px(90, 20))
    right, left, top, bottom = max(left, right), min(left, right), min(top, bottom), max(top, bottom)
    expected = {"left": left, "top": top, "right": right, "bottom": bottom}
    assert {name: box[name] for name in expected} == pytest.approx(expected, abs=4)
    assert tag["width"] > 1.5 * tag["height"]  # its words are upright
    assert tag["bottom"] <= box["top"] + 2

    reviewer.drag(px(110, 100), px(160, 130))
    reviewer.saved()
    assert boxes_of(reviewer, page)[-1][1] == pytest.approx(list(px(110, 100, 160, 130)), abs=4)
    reviewer.drag(px(160, 100), px(175, 90))  # the corner that lies right below now
    reviewer.saved()
    now = boxes_of(reviewer, page)[-1][1]
    assert now == pytest.approx(list(px(110, 90, 175, 130)), abs=5)
    scale = reviewer.js("return parseFloat(document.querySelector('.sheet').style.getPropertyValue('--s'))")
    reviewer.keys("Shift+Arrow_right", "Arrow_down", "Alt+Arrow_right")  # to the right is up on the page
    reviewer.saved()
    x0, y0, x1, y1 = now
    step = 1 / scale
    expected_box = [x0 + step, y0 - 11 * step, x1 + step, y1 - 10 * step]
    wait_until(lambda: boxes_of(reviewer, page)[-1][1] == pytest.approx(expected_box, abs=0.5))
    assert boxes_of(reviewer, page)[:-1] == before

    reviewer.keys("Page_down")  # a document is scanned the same way from its first page on
    wait_until(lambda: "Page 2" in reviewer.text(".page-title") and turned(reviewer, 1))
    for turn in (2, 3):
        reviewer.press("Turn the view")
        wait_until(partial(turned, reviewer, turn))
        box = reviewer.js("return document.querySelector('[data-box]').getBoundingClientRect().toJSON()")
        middle = reviewer.on_screen(*px(135, 230))
        assert ((box["left"] + box["right"]) / 2, (box["top"] + box["bottom"]) / 2) == pytest.approx(middle, abs=3)
    reviewer.keys("Shift+r", "Page_down", "Page_down")
    wait_until(lambda: "b.pdf" in reviewer.text(".page-title") and turned(reviewer, 0))
    reviewer.keys("Page_up")
    wait_until(lambda: "a.pdf" in reviewer.text(".page-title") and turned(reviewer, 2))


def test_keys_reach_every_control_and_dialogs_give_the_focus_back(reviewer: Reviewer) -> None:
    reviewer.open_page()
    reviewer.type("?")
    wait_until(lambda: "Keys" in reviewer.text("dialog[open]"))
    assert "Page Down" in reviewer.text("dialog[open]")
    reviewer.keys("Escape")
    wait_until(lambda: reviewer.js("return document.activeElement.classList.contains('stage')"))
    wanted = set(
        reviewer.js(
            "return [...document.querySelectorAll('button, a, [tabindex=\"0\"]')].filter((one) => one.checkVisibility()"
            " && one.tabIndex >= 0).map((one, index) => one.dataset.test = String(index))"
        )
    )
    reached: set[str] = set()
    for _ in range(len(wanted) + 5):
        reviewer.keys("Tab")
        active = reviewer.js(
            "const one = document.activeElement, look = (part) => getComputedStyle(one, part);"
            "return [one.dataset.test ?? '', look().outlineStyle !== 'none' || look('::before').boxShadow !== 'none'"
            " || look('::after').borderStyle === 'solid']"
        )
        reached.add(active[0])
        assert not active[0] or active[1], "the focus is not visible"
    assert wanted <= reached


def test_a_finger_selects_draws_and_pans(reviewer: Reviewer) -> None:
    page = reviewer.open_page()
    reviewer.press("Draw")  # now a finger moves the page
    before = len(boxes_of(reviewer, page))
    reviewer.drag(px(110, 100), px(160, 130), "touch")
    assert len(reviewer.shown()) == before + 1  # with the possible mark
    reviewer.press("Draw")
    reviewer.drag(px(110, 100), px(160, 130), "touch")
    reviewer.saved()
    assert boxes_of(reviewer, page)[-1][1] == pytest.approx(list(px(110, 100, 160, 130)), abs=4)
    reviewer.tap(*px(55, 50))
    wait_until(lambda: reviewer.shown()[0]["selected"])
    reviewer.drag(px(55, 50), px(65, 50), "touch")
    reviewer.saved()
    assert boxes_of(reviewer, page)[0][1][0] == pytest.approx(px(30)[0], abs=4)
    reviewer.tap(*px(35, 230))
    reviewer.saved()
    wait_until(lambda: len(boxes_of(reviewer, page)) == before + 2)


def test_two_fingers_and_the_wheel_zoom(reviewer: Reviewer) -> None:
    reviewer.open_page()

    def scale() -> float:
        return float(reviewer.js("return parseFloat(document.querySelector('.sheet').style.getPropertyValue('--s'))"))

    start = scale()
    x, y = reviewer.on_screen(*px(100, 150))
    send = reviewer.browser.execute_cdp_cmd
    for kind, apart in (("touchStart", 40), ("touchMove", 80), ("touchMove", 120)):
        points = [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
        send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    wait_until(lambda: scale() == pytest.approx(start * 3, rel=0.1))
    reviewer.type("0")
    wait_until(lambda: scale() == pytest.approx(start))
    point = reviewer.on_screen(*px(100, 50))
    send("Input.dispatchMouseEvent", {"type": "mouseWheel", "x": point[0], "y": point[1], "deltaX": 0, "deltaY": -300})
    wait_until(lambda: scale() > start * 1.3)
    assert reviewer.on_screen(*px(100, 50)) == pytest.approx(point, abs=3)  # the point under the mouse stays there


def test_two_tabs_never_overwrite_each_other(reviewer: Reviewer) -> None:
    page = reviewer.open_page()
    first = reviewer.browser.current_window_handle
    reviewer.browser.switch_to.new_window("tab")
    try:
        second = Reviewer(reviewer.browser, reviewer.address)
        second.open_page()
        offline(reviewer, True)
        second.drag(px(110, 100), px(160, 130))
        wait_until(lambda: "Not saved" in second.text(".save-status"))
        theirs = reviewer.put(reviewer.get(f"/pages/{page}"), boxes=[])
        offline(reviewer, False)
        wait_until(lambda: "changed by somebody else" in second.text("dialog[open]"))
        assert "Somebody" in second.text("dialog[open]")
        assert boxes_of(reviewer, page) == []
        assert reviewer.js("return document.querySelectorAll('dialog .mini-box').length") == 3  # 3 of mine, 0 of theirs
        second.press("Keep mine")
        wait_until(lambda: len(boxes_of(reviewer, page)) == 3)
        assert reviewer.get(f"/pages/{page}")["revision"] == theirs["revision"] + 1
    finally:
        reviewer.browser.close()
        reviewer.browser.switch_to.window(first)
    # The first tab takes in what the second one did as soon as somebody looks at it again.
    reviewer.js("window.dispatchEvent(new Event('focus'))")
    wait_until(lambda: shows(reviewer, 3))
    reviewer.saved()
    reviewer.keys("Tab", "Delete")
    wait_until(lambda: len(boxes_of(reviewer, page)) == 2)
    assert reviewer.get(f"/pages/{page}")["revision"] == theirs["revision"] + 2


def shows(reviewer: Reviewer, count: int) -> bool:
    return sum(not box["possible"] for box in reviewer.shown()) == count


def offline(reviewer: Reviewer, is_offline: bool) -> None:
    send = reviewer.browser.execute_cdp_cmd
    send("Network.enable", {})
    rates = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    send("Network.emulateNetworkConditions", {"offline": is_offline} | rates)


def test_a_hurried_enter_overrules_nobody(reviewer: Reviewer) -> None:
    page = reviewer.open_page()
    theirs = reviewer.put(reviewer.get(f"/pages/{page}"), boxes=[])
    reviewer.drag(px(110, 100), px(160, 130))
    wait_until(lambda: "changed by somebody else" in reviewer.text("dialog[open]"))
    reviewer.keys("Enter")
    wait_until(lambda: not reviewer.text("dialog[open]"))
    wait_until(lambda: shows(reviewer, 0))
    reviewer.saved()
    assert reviewer.get(f"/pages/{page}")["revision"] == theirs["revision"]
    reviewer.press("Back to mine")
    wait_until(lambda: shows(reviewer, 3))
    wait_until(lambda: len(boxes_of(reviewer, page)) == 3)


def test_both_versions_can_be_joined(reviewer: Reviewer) -> None:
    page = reviewer.open_page()
    now = reviewer.get(f"/pages/{page}")
    drawn = {"category": "qr", "xyxy": list(px(110, 20, 150, 60)), "source": "person"}
    reviewer.put(now, boxes=[*now["boxes"], drawn])
    reviewer.drag(px(110, 100), px(160, 130))
    wait_until(lambda: "changed by somebody else" in reviewer.text("dialog[open]"))
    reviewer.press("Join both")
    wait_until(lambda: len(boxes_of(reviewer, page)) == 4)
    wait_until(lambda: shows(reviewer, 4))


def test_what_could_not_be_saved_is_saved_later(reviewer: Reviewer) -> None:
    page = reviewer.open_page()
    wait_until(lambda: len(reviewer.get("/pages")["pages"]) == 4)
    offline(reviewer, True)
    try:
        reviewer.keys("Tab", "Delete")
        wait_until(lambda: "Not saved" in reviewer.text(".save-status"))
        assert len(boxes_of(reviewer, page)) == 2
        assert reviewer.js("return !window.dispatchEvent(new Event('beforeunload', {cancelable: true}))")
    finally:
        offline(reviewer, False)
    reviewer.saved()
    assert len(boxes_of(reviewer, page)) == 1


def test_what_somebody_else_did_is_shown_when_the_page_is_looked_at_again(reviewer: Reviewer) -> None:
    page = reviewer.open_page()
    reviewer.put(reviewer.get(f"/pages/{page}"), boxes=[], by="Ann")
    reviewer.js("window.dispatchEvent(new Event('focus'))")
    wait_until(lambda: shows(reviewer, 0))
    assert "Ann" in reviewer.text()


def test_an_answer_that_comes_after_a_correction_does_not_take_it_back(reviewer: Reviewer) -> None:
    page = reviewer.open_page()
    reviewer.js(
        "const send = window.fetch, held = new Promise((resolve) => { window.release = resolve; });"
        "window.fetch = async (path, init) => { const answer = await send(path, init);"
        " if (path.endsWith(`/pages/${arguments[0]}`) && (init.method ?? 'GET') === 'GET') { window.asked = true;"
        " await held; setTimeout(() => { window.released = true; }, 100); } return answer; };",
        page,
    )
    reviewer.js("window.dispatchEvent(new Event('focus'))")
    wait_until(lambda: reviewer.js("return window.asked"))
    reviewer.keys("Tab", "Delete")
    wait_until(lambda: len(boxes_of(reviewer, page)) == 1)
    reviewer.saved()
    reviewer.js("window.release()")
    wait_until(lambda: reviewer.js("return window.released"))
    assert shows(reviewer, 1)
    reviewer.keys("Enter")
    reviewer.wait_for_page(reviewer.get("/pages")["pages"][1]["id"])
    wait_until(lambda: reviewer.get(f"/pages/{page}")["review_state"] == "corrected")


def test_a_page_that_the_filter_leaves_out_stands_alone(reviewer: Reviewer) -> None:
    page = reviewer.open_page(2, "?category=signature")  # a page without any mark
    reviewer.js("window.waited = false; setTimeout(() => { window.waited = true; }, 500)")
    wait_until(lambda: reviewer.js("return window.waited"))
    lists = reviewer.js(
        "return performance.getEntriesByType('resource').filter((one) => one.name.includes('/review/pages?')).length"
    )
    assert lists == 1
    reviewer.keys("Enter")
    wait_until(lambda: reviewer.get(f"/pages/{page}")["review_state"] == "right")
