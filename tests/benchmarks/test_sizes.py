"""The benchmark of sizes: its modes are those of `infer`, sources stay apart, and a second call needs no network."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks.other_origins import OriginSet
from benchmarks.size_modes import Figures, Look, Looked, Mode, cost_of, sources_of

from benchmarks import sizes
from docdetect.annotations.native import annotations_to_json
from docdetect.files import write_json
from docdetect.inference.multi_view.views import MultiView, PagePictures
from docdetect.metrics.matching import Sample
from docdetect.models.letterbox import PADDING_VALUE
from docdetect.models.weights import resolve_weights
from docdetect.types import ByteArray, Detections
from tests.support.fakes import COLOURS, Box, ColourEngine, make_image

ALL = frozenset(("qr", "signature", "stamp"))
LARGE, SMALL = (20.0, 20.0, 240.0, 200.0), (40.0, 300.0, 90.0, 330.0)


class PageColourEngine(ColourEngine):
    """As ColourEngine; grey around the page is no part of it, so that scores do not depend on the page's size."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        found = []
        for page in pages:
            rows, columns = (np.flatnonzero((page != PADDING_VALUE).any(axis=(axis, 2))) for axis in (1, 0))
            inner = super().detect([page[: rows[-1] + 1, : columns[-1] + 1]], conf, iou)[0]
            found.append(replace(inner, size_wh=(page.shape[1], page.shape[0])))
        return found


def page_at(long_px: int, *marks: tuple[str, Box]) -> ByteArray:
    """A page of 256 x 384 px with rectangles, at another size."""
    pixels = np.full((384, 256, 3), 255, np.uint8)
    for name, (left, top, right, bottom) in marks:
        pixels[int(top) : int(bottom), int(left) : int(right)] = COLOURS[name]
    wide = round(256 * long_px / 384)
    return np.asarray(cv2.resize(pixels, (wide, long_px), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("text", ["384+192", "192+384", "192>384"])
def test_a_mode_finds_what_infer_finds(text: str) -> None:
    unsure, sure = page_at(384, ("stamp", SMALL), ("signature", LARGE)), page_at(384, ("stamp", (0, 0, 250, 380)))
    mode = Mode.parse(text)
    conf = np.full(3, 0.01, np.float32)
    views = MultiView(
        PageColourEngine(), conf, None, 0.7, 1, threading.Event(), (1.0, 0.5), mode.unsure_from is not None
    )
    for page, again in ((unsure, True), (sure, mode.unsure_from is None)):
        small = np.asarray(cv2.resize(page, (128, 192), interpolation=cv2.INTER_AREA), np.uint8)
        by_look = {}
        for px, pixels in ((384, page), (192, small)):
            found = PageColourEngine().detect([pixels], 0.001, 0.7)[0]
            by_look[Look(px)] = Sample("a", 1, "a", Detections.none(found.size_wh, scored=False), found)
        expected = views([PagePictures(page)])[0].marks
        seen, seen_again = mode.of_page(by_look)
        assert seen_again == again
        assert len(expected)
        assert expected.scores is not None
        np.testing.assert_allclose(seen.found.xyxy, expected.xyxy, atol=0.01)
        np.testing.assert_allclose(seen.scores, expected.scores, atol=1e-6)
        assert seen.found.class_ids.tolist() == expected.class_ids.tolist()


def test_modes_are_read() -> None:
    assert Mode.parse("1024") == Mode("1024", (Look(1024),))
    assert Mode.parse("640+1024").looks == (Look(640), Look(1024))
    assert Mode.parse("640>1024~0.02") == Mode("640>1024~0.02", (Look(640), Look(1024)), 0.02)
    networks = Mode.parse("docdetect-n@640>1024+runs/a@b/best.pt@768")
    assert networks.looks == (Look(640, "docdetect-n"), Look(1024), Look(768, "runs/a@b/best.pt"))
    assert networks.unsure_from == 0.05
    with pytest.raises(ValueError, match="invalid literal"):
        Mode.parse("large")


def sample(name: str, truth: int, scores: Sequence[float]) -> Sample:
    """A page with `truth` signatures, of which the first detections find one each; the others are false alarms."""
    boxes = np.array([[10, 20 * row, 60, 20 * row + 10] for row in range(max(truth, len(scores)))], np.float32)
    boxes = boxes.reshape(-1, 4)
    marks = Detections(boxes[:truth], np.ones(truth, np.int64), (100, 500))
    confidences = np.array(scores, np.float32)
    found = Detections(boxes[: len(scores)], np.ones(len(scores), np.int64), (100, 500), confidences)
    return Sample(name, 1, name, marks, found)


def figures_of(*sets: OriginSet, mode: str = "640>1024") -> Figures:
    armeta = OriginSet("armeta", ALL, (sample("x", 1, (0.9,)),))
    every = [armeta, *sets]
    return Figures(Looked.of(Mode.parse(mode), {Look(1024): every, Look(640): every}))


def test_sets_of_one_origin_are_one_source_and_go_together() -> None:
    sets = [OriginSet(name, ALL, ()) for name in ("armeta", "sig_fedreg", "usgov_fedreg_eo", "sig_unc", "jfk_nara2")]
    assert {source: len(of) for source, of in sources_of(sets).items()} == {"federal_register": 2, "sig_unc": 1}
    assert set(sources_of(sets, {"sig_fedreg"})) == {"sig_unc", "jfk"}


def test_pages_without_marks_weigh_as_much_as_the_archive_says() -> None:
    pages = (sample("a", 6, (0.9, 0.85, 0.84, 0.83, 0.82, 0.81)), sample("b", 0, (0.95,)))
    letters = OriginSet("neg_letters", ALL, (sample("c", 0, (0.88,)), sample("d", 0, ())))
    signatures_only = OriginSet("web_signatures", frozenset(("signature",)), (sample("e", 0, (0.99,)),))
    one = figures_of(OriginSet("sig_unc", ALL, pages), letters, signatures_only, mode="1024")
    assert one.by_source(1, 0.3, "marked") == {"sig_unc": 1.0}
    assert one.by_source(1, 0.3)["sig_unc"] == pytest.approx(6 / 7)
    # Nine pages without marks: 4.5 official papers with a false alarm above all marks, 4.5 letters, half of them with
    # one above all marks but the first.
    assert one.by_source(1, 0.3, "mostly empty")["sig_unc"] == pytest.approx(6 / (6 + 4.5 + 2.25), abs=1e-3)
    assert one.kinds() == [("official papers", 1), ("letters", 2)]
    conf = {"qr": 0.5, "signature": 0.86, "stamp": 0.5}
    assert (one.alarms("letters", conf), one.alarms("receipts", conf)) == ("0.50", "")


def test_the_cost_of_a_second_look_depends_on_how_many_pages_are_unsure() -> None:
    pages = (sample("a", 1, (0.9,)), sample("b", 2, (0.5,)), sample("c", 0, ()), sample("d", 0, (0.1,)))
    looked = figures_of(OriginSet("sig_unc", ALL, pages)).looked
    assert looked.share_seen_again(marked=True) == looked.share_seen_again(marked=False) == 0.5
    large, small = Look(1024), Look(640)
    seconds = {"marked": {large: 1.0, small: 0.4}, "without": {large: 0.8, small: 0.3}}
    assert cost_of(looked, "marked", seconds) == pytest.approx(0.4 + 0.5)
    assert cost_of(looked, "mostly empty", seconds) == pytest.approx(0.1 * 0.9 + 0.9 * (0.3 + 0.4))
    assert cost_of(figures_of(mode="1024+640").looked, "marked", seconds) == pytest.approx(1.4)
    assert cost_of(looked, "marked", {"marked": {large: 1.0}}) is None


def test_a_smaller_network_first_loses_the_marks_of_pages_on_which_it_sees_nothing() -> None:
    pages = (*(sample(str(number), 1, (0.9,)) for number in range(5)), sample("f", 2, (0.9, 0.1)), sample("g", 0, ()))
    first = figures_of(OriginSet("sig_unc", ALL, pages), mode="1024")
    seen = tuple(replace(page, found=page.found.select(page.scores > 0.95)) for page in pages[:-2])
    faint = sample("f", 2, (0.04,))
    smaller = [first.armeta, OriginSet("sig_unc", ALL, (*seen[:-1], pages[4], faint, pages[-1]))]
    rows = {row[0]: row for row in sizes.screen_rows(first, smaller, {"qr": 0.5, "signature": 0.3, "stamp": 0.25})[1:]}
    # The smaller network sees something on one page, and on another one if 0.04 is enough.
    assert rows["0.02"][1:3] == ("4 of 6", "qr 0, 0; signature 4, 4; stamp 0, 0")
    assert rows["0.05"][1:3] == ("5 of 6", "qr 0, 0; signature 6, 5; stamp 0, 0")
    assert rows["0.02"][3].startswith("-0.574 ")  # 3 of 7 marks are left
    assert rows["0.05"][3].startswith("-0.851 ")  # 1 of 7
    assert rows["0.05"][4:] == ("", "100%")


def made_up_folder(data: Path) -> None:
    """A folder laid out like the real documents, with two sets of which one is without marks."""
    make_image(data / "armeta/pdfs/a.png", [("stamp", LARGE)], size_wh=(256, 384))
    write_json(data / "armeta/annotations.json", annotations_to_json({}))
    rows = [
        "folder\tlabelled completely",
        "sig_unc\tqr signature stamp",
        "neg_letters\tqr signature stamp",
        "aws_idp\tqr",
    ]
    (data / "train").mkdir()
    (data / "train/sources.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for number in range(6):
        make_image(data / f"train/sig_unc/images/{number}.png", [("signature", SMALL)], size_wh=(256, 384))
        labels = data / f"train/sig_unc/labels/{number}.txt"
        labels.parent.mkdir(exist_ok=True)
        left, top, right, bottom = SMALL
        middle = (left + right) / 512, (top + bottom) / 768
        labels.write_text(
            f"1 {middle[0]} {middle[1]} {(right - left) / 256} {(bottom - top) / 384}\n", encoding="utf-8"
        )
    make_image(data / "train/neg_letters/images/n.png", [("stamp", SMALL)], size_wh=(256, 384))
    make_image(data / "forms/f.png", [], size_wh=(256, 384))


def test_all_tables_are_printed_and_a_second_call_only_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up_folder(tmp_path / "data")
    loaded: list[int] = []

    def engine(weights: Path, imgsz: int, *, precision: str, trim: bool) -> ColourEngine:
        loaded.append(imgsz)
        assert (precision, trim) == ("fp32" if imgsz == 1024 else "int8", True)
        return ColourEngine()

    monkeypatch.setattr(sizes, "origin_engine", engine)
    monkeypatch.setattr(sizes, "TIMED_PAGES", 2)
    keep = tmp_path / "keep"
    command = ["sizes", "--data", str(tmp_path / "data"), "--keep", str(keep), "--sets"]
    monkeypatch.setattr(sys, "argv", [*command, "--modes", "384,192,192>384", "--times"])
    sizes.main()
    assert loaded == [192, 384, 192, 384]  # to find marks at each size, and to measure
    printed = capsys.readouterr().out
    assert "| signature | 384 | 1 | 1.000 (1.000 to 1.000) |" in printed
    assert "| false alarms a page | armeta (1) | letters (1) | tax forms (1) |" in printed
    assert "| 384 | 1.00 | 1.00 | 0.00 |" in printed
    assert "| sig_unc | signature | 6 | 1.00 / 1.00 | 1.00 / 1.00 | 1.00 / 1.00 |" in printed
    assert "| 192>384 | 1.00, 0% seen again | 1.00, 100% seen again | 0.00, 0% seen again |" in printed
    assert "100%, 100%" in printed  # every mark of these pages is unsure, the stamp on the letter too
    loaded.clear()
    monkeypatch.setattr(sys, "argv", [*command, "--modes", "384+192,384", "--screen", str(resolve_weights("", Path()))])
    sizes.main()
    again = capsys.readouterr().out
    assert loaded == [1024]  # the smaller network, at its own size
    assert "| 0.05 | 0 of 6 | qr 0, 0; signature 0, 0; stamp 0, 0 | +0.000 (+0.000 to +0.000) |" in again
    assert resolve_weights("", Path("runs/train")).name in again
    assert "| 384 | 0." in again  # the cost, from the kept seconds
    monkeypatch.setattr(sys, "argv", ["sizes", "--data", str(tmp_path / "nothing"), "--keep", str(keep)])
    sizes.main()
    assert "skipped" in capsys.readouterr().err
