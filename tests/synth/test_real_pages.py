"""Real pages without marks: where marks are plausible on them, and how they look with marks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from docdetect.config.schema import SynthConfig
from docdetect.datasets.reader import read_dataset
from docdetect.documents.drawing import write_image
from docdetect.errors import InputError
from docdetect.files import write_text
from docdetect.synth.fonts import FontBook
from docdetect.synth.generate import generate, load_materials
from docdetect.synth.page import make_page
from docdetect.synth.real_pages import load_real_pages, places_on
from docdetect.types import ByteArray

WIDTH, HEIGHT = 700, 990
PX_PER_MM = HEIGHT / 297


def letter(fonts: FontBook, *, rows: int = 14, tint: tuple[int, int, int] = (255, 255, 255)) -> ByteArray:
    """A page with rows of print, and a line to sign on below them."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), tint)
    pen = ImageDraw.Draw(picture)
    font = fonts.faces[0].sized(17)
    for row in range(rows):
        pen.text(
            (60, 60 + 26 * row), "The parties agree on what follows, and sign it in two copies", (15, 15, 15), font
        )
    pen.line((80, 820, 320, 820), (20, 20, 20), 2)
    return np.asarray(picture)


@pytest.fixture
def folder(tmp_path: Path, fonts: FontBook) -> Path:
    """Two pages: a white one and one on tinted paper."""
    write_image(tmp_path / "pages" / "white.png", letter(fonts))
    write_image(tmp_path / "pages" / "tinted.jpg", letter(fonts, tint=(240, 232, 205)))
    return tmp_path / "pages"


def config(folder: Path, output: Path, **changes: object) -> SynthConfig:
    base = {
        "output": str(output), "real_pages": str(folder), "real_share": 1.0, "imgsz": 640, "workers": 1, "seed": 3,
        "system_fonts": False, "empty": 0.0, "pages": 4,
    }  # fmt: skip
    return SynthConfig.model_validate(base | changes)


def test_lines_to_sign_on_blank_places_and_text_are_found(fonts: FontBook) -> None:
    pixels = letter(fonts)
    places = places_on(pixels, PX_PER_MM)
    signatures = [place for place in places if place.kind == "signature"]
    assert len(signatures) == 1
    assert signatures[0].x_mm == pytest.approx(200 / PX_PER_MM, abs=3)
    assert signatures[0].y_mm == pytest.approx(820 / PX_PER_MM, abs=3)
    for place in places:
        if place.kind in ("free", "code"):
            left, right = ((place.x_mm + side * place.width_mm / 2) * PX_PER_MM for side in (-1, 1))
            top, bottom = ((place.y_mm + side * place.height_mm / 2) * PX_PER_MM for side in (-1, 1))
            part = pixels[int(top) + 2 : int(bottom) - 2, int(left) + 2 : int(right) - 2]
            assert (part < 128).mean() < 0.01
    assert {"free", "stamp", "code"} <= {place.kind for place in places}
    on_text = [place for place in places if place.kind == "stamp" and place.y_mm * PX_PER_MM < 430]
    assert on_text


def test_marks_lie_on_the_real_page_and_nothing_else_changes(folder: Path, tmp_path: Path) -> None:
    materials = load_materials(config(folder, tmp_path / "out"))
    assert materials.real is not None
    marks = 0
    for number in range(8):
        page = make_page(3, number, 640, materials)
        assert page.plan.real is not None
        before = page.plan.real.pixels(page.plan.sheet_wh)
        inside = np.zeros(page.pixels.shape[:2], bool)
        for patch in page.drawn:
            width, height = patch.patch.size_wh
            inside[max(0, patch.y_px) : patch.y_px + height, max(0, patch.x_px) : patch.x_px + width] = True
        changed = (page.pixels != before).any(axis=2)
        if not page.plan.damage.grey:
            assert not changed[~inside].any()
        for mark in page.marks:
            left, top, right, bottom = mark.box
            assert changed[top:bottom, left:right].mean() > 0.01
        marks += len(page.marks)
    assert marks >= 6


def test_grey_pages_stay_grey_and_keep_their_compression(tmp_path: Path, fonts: FontBook) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    grey = np.clip(letter(fonts).astype(int) - 12, 0, 255).astype(np.uint8)
    Image.fromarray(grey).save(folder / "grey.jpg", quality=55)
    write_image(folder / "black.png", np.where(letter(fonts) < 128, 0, 255).astype(np.uint8))
    pages = load_real_pages(config(folder, tmp_path / "out"))
    by_name = {page.file.name: page for page in pages.pages}
    assert by_name["grey.jpg"].jpeg_quality == pytest.approx(55, abs=3)
    assert by_name["grey.jpg"].look.grey
    assert not by_name["grey.jpg"].look.black_and_white
    assert by_name["black.png"].look.black_and_white
    materials = load_materials(config(folder, tmp_path / "out"))
    for number in range(3):
        pixels = make_page(3, number, 640, materials).pixels
        assert (pixels[:, :, 0] == pixels[:, :, 2]).all()


def test_a_dataset_on_real_pages_is_whole_and_is_made_again_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    report = generate(config(folder, tmp_path / "a", real_share=0.7))
    assert report.pages == 4
    generate(config(folder, tmp_path / "b", real_share=0.7))
    for path in sorted((tmp_path / "a" / "images").rglob("*.jpg")):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
    images = [one for split in read_dataset(str(tmp_path / "a"), ("train",)).splits.values() for one in split]
    assert sum(len(one.ground_truth) for one in images) > 0
    assert '"real"' in (tmp_path / "a" / "pages.jsonl").read_text(encoding="utf-8")


def test_only_pages_without_labels_of_a_dataset_are_taken(tmp_path: Path, fonts: FontBook) -> None:
    root = tmp_path / "set"
    for name, labels in (("empty", ""), ("marked", "2 0.5 0.5 0.1 0.1\n"), ("unlabelled", None)):
        write_image(root / "images" / f"{name}.png", letter(fonts))
        if labels is not None:
            write_text(root / "labels" / f"{name}.txt", labels)
    write_text(root / "data.yaml", "train: images\nval: images\nnames: [qr, signature, stamp]\n")
    pages = load_real_pages(config(root, tmp_path / "out"))
    assert {page.file.path.stem for page in pages.pages} == {"empty", "unlabelled"}
    assert "because they carry marks: 1" in pages.notes[0]
    # Where only stamps are labelled, a page without labels may carry a signature.
    write_text(root / "data.yaml", "train: images\nval: images\nnames: [qr, signature, stamp]\nlabelled: [stamp]\n")
    with pytest.raises(InputError, match="some class is not labelled on them: 3"):
        load_real_pages(config(root, tmp_path / "out"))


def test_broken_pages_are_told_and_nothing_to_read_is_an_error(folder: Path, tmp_path: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 and no more")
    pages = load_real_pages(config(folder, tmp_path / "out"))
    assert len(pages.pages) == 2
    assert any("broken.pdf" in note for note in pages.notes)
    with pytest.raises(InputError, match="no such file or folder"):
        load_real_pages(config(tmp_path / "nowhere", tmp_path / "out"))
