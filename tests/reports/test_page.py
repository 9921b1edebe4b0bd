"""The report page: self-contained, escaped, whole."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from docdetect.reports.page import Cell, Picture, Report, Section, Table, Tile, jpeg_uri, picture_bytes, report_to_html
from docdetect.reports.plots import (
    Axis,
    Line,
    Span,
    bar_plot,
    interval_plot,
    line_plot,
    matrix_plot,
    panels_plot,
    reliability_plot,
)
from tests.support.browser import open_browser

HOSTILE = "<script>alert('договор')</script>.pdf"


class _Page(HTMLParser):
    """Collects tags, attribute values and visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def _svg(picture: Picture) -> bytes:
    head, _, data = picture.uri.partition(",")
    assert head == "data:image/svg+xml;base64"
    return base64.b64decode(data)


def _report() -> Report:
    table = Table(
        ("class", "AP50"), [["qr", Cell("90.1", "85.0 to 94.2")], [HOSTILE, Cell("–", tone="muted")]], "Folded", True
    )
    photo = Picture(jpeg_uri(np.full((20, 30, 3), 200, np.uint8)), "missed stamp", HOSTILE)
    plot = line_plot("F1", [Line("печать", [0, 1], [0, 1], (1, 2, 3))], Axis("confidence"), Axis("F1"))
    section = Section("Accuracy", ("A paragraph.",), [plot], [table], [photo])
    return Report(
        HOSTILE,
        "on 6 pages",
        [Tile("AP50", "90.1", "95%")],
        ["Few marks."],
        [section, Section("Empty")],
        [("sha", "ab")],
    )


def test_the_page_is_whole_escaped_and_self_contained() -> None:
    html = report_to_html(_report())
    page = _Page(html)
    assert "script" not in page.tags
    assert HOSTILE in page.words
    for text in ("on 6 pages", "90.1", "85.0 to 94.2", "Few marks.", "A paragraph.", "missed stamp", "sha", "ab"):
        assert text in page.words
    assert all(address.startswith(("data:", "#s")) for address in page.addresses)
    assert not re.search(r"https?://", html)
    assert page.tags.count("img") == 2
    assert page.tags.count("details") == 1


def test_an_empty_report_is_a_page() -> None:
    page = _Page(report_to_html(Report("Nothing")))
    assert "Nothing" in page.words
    assert "table" not in page.tags


def test_ragged_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="every row needs 2 cells"):
        Table(("a", "b"), [["1"]], "t")


def test_plots_are_svg_and_the_same_twice() -> None:
    line = Line("qr", [0.0, 0.5, 1.0], [1.0, float("nan"), 0.2], (25, 90, 230), dashed=True, bold=True)

    def draw() -> list[bytes]:
        return [
            _svg(line_plot("F1", [line], Axis("x", 0, 1), Axis("y", 0, 1), mark_x=0.25)),
            _svg(line_plot("nothing", [], Axis("x"), Axis("y"))),
            _svg(interval_plot("AP", [Span("qr", 90, 80, 95), Span("stamp", 70, 60, 75)], Axis("%"), mark_x=0)),
            _svg(interval_plot("none", [], Axis("%"))),
            _svg(
                bar_plot(
                    "errors", ["missed", "false"], [("qr", [1, 2], (1, 2, 3)), ("s", [0, 4], (4, 5, 6))], Axis("n")
                )
            ),
            _svg(reliability_plot("reliability", [line])),
        ]

    first, second = draw(), draw()
    assert first == second
    assert all(b"<svg" in svg for svg in first)


def test_plots_are_files_of_their_own_too() -> None:
    lines = [Line("qr", [1.0, 2.0], [0.1, 0.4], (0, 0, 255)), Line("stamp", [1.0], [0.2], (255, 0, 0))]
    for picture in (
        line_plot("AP50", lines, Axis("epoch"), Axis("share"), form="png"),
        panels_plot([("AP50", lines), ("loss", lines), ("rate", lines[:1])], Axis("epoch"), form="png"),
        matrix_plot("confusion", [[3, 0.0], [1, 0]], ["qr", "nothing"], ("ground truth", "prediction"), form="png"),
    ):
        assert picture_bytes(picture).startswith(b"\x89PNG")
    cells = _svg(matrix_plot("confusion", [[3, 0], [1, 0]], ["qr", "nothing"], ("ground truth", "prediction")))
    assert cells.startswith(b"<?xml")


def test_a_long_title_does_not_widen_the_page_on_a_phone(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    report = Report("Training of yolo11s_frozen10_20261126_221608")
    page.write_text(report_to_html(report), encoding="utf-8")
    with open_browser(390, 800) as browser:
        browser.get(page.as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
