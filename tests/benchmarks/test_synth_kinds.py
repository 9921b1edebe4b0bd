"""The benchmark of kinds of made-up marks counts what is found, and draws a sheet for each kind."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.synth_kinds import Counts, Region, _count_page, _write_real_sheets, _write_sheets, regions
from PIL import Image

from docdetect.config.schema import SynthConfig
from docdetect.synth.fonts import FontBook
from docdetect.synth.page import Materials, make_page


def test_found_marks_and_false_alarms_are_counted_by_kind() -> None:
    shown = [
        Region("signature", "signature", (0, 0, 100, 50)),
        Region("signature", "signature", (0, 200, 100, 250)),
        Region("no mark: date", "", (300, 0, 400, 40)),
        Region("no mark: note", "", (300, 300, 400, 340)),
    ]
    seen = [
        ("signature", (0.0, 0.0, 80.0, 50.0)),
        ("stamp", (0.0, 200.0, 100.0, 250.0)),
        ("signature", (310.0, 5.0, 390.0, 35.0)),
        ("stamp", (500.0, 500.0, 600.0, 600.0)),
    ]
    marks: dict[str, Counts] = defaultdict(Counts)
    distractors: dict[str, Counts] = defaultdict(Counts)
    elsewhere = _count_page(shown, seen, marks, distractors)
    assert (marks["signature"].found, marks["signature"].total) == (1, 2)
    assert marks["signature"].sizes == [pytest.approx((0.8, 1.0))]
    assert distractors["no mark: date"].found == 1
    assert distractors["no mark: note"].found == 0
    # A stamp where a signature lies, and one on white paper.
    assert elsewhere == 2


def test_there_is_a_sheet_for_each_kind(tmp_path: Path) -> None:
    config = SynthConfig()
    materials = Materials(FontBook.scan(system=False), None, config.layouts, config.papers, p_empty=0.0)
    pages = [make_page(1, number, 384, materials) for number in range(4)]
    _write_sheets(iter(pages), tmp_path / "sheets", "")
    names = {region.name for page in pages for region in regions(page)}
    wholes = {page.plan.document_kind for page in pages} | {page.plan.damage.kind for page in pages}
    sheets = list((tmp_path / "sheets").glob("*.png"))
    assert len(sheets) == len(names) + len(wholes)
    assert all(min(Image.open(sheet).size) > 100 for sheet in sheets)


def test_only_labelled_marks_and_distractors_are_regions() -> None:
    config = SynthConfig()
    materials = Materials(FontBook.scan(system=False), None, config.layouts, config.papers, p_empty=1.0)
    page = make_page(1, 0, 384, replace(materials, p_empty=1.0))
    assert all(region.category == "" and region.name.startswith("no mark: ") for region in regions(page))


def test_marks_of_a_dataset_get_sheets_beside_the_made_up_ones(tmp_path: Path) -> None:
    """One for each class that has marks, and one of whole pages."""
    folder = tmp_path / "office"
    for place in ("images", "labels"):
        (folder / place).mkdir(parents=True)
    for number in range(2):
        Image.new("RGB", (200, 300), "white").save(folder / "images" / f"{number}.png")
        (folder / "labels" / f"{number}.txt").write_text("1 0.5 0.5 0.2 0.1\n2 0.2 0.2 0.2 0.1\n", encoding="utf-8")
    text = "train: images\nnames: [qr, signature, stamp]\n"
    (folder / "data.yaml").write_text(text, encoding="utf-8")
    _write_real_sheets(str(folder), tmp_path / "sheets")
    names = sorted(path.name for path in (tmp_path / "sheets").glob("*.png"))
    assert names == ["real-office-pages.png", "real-office-signature.png", "real-office-stamp.png"]
    with Image.open(tmp_path / "sheets" / "real-office-stamp.png") as sheet:
        assert len(sheet.getcolors(1 << 20) or ()) > 1, "the frames of the marks are drawn"
