"""Cut-outs as a source of marks: in their places, at their size, labelled, reproducible, never without a label."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from docdetect.config.schema import SynthConfig
from docdetect.errors import InputError, OutputExistsError
from docdetect.files import write_bytes, write_text
from docdetect.synth.cutouts.folder import Cutout, list_text, picture_bytes
from docdetect.synth.fonts import FontBook
from docdetect.synth.generate import generate, load_materials
from docdetect.synth.page import make_page
from docdetect.synth.pasting import load_cutouts
from docdetect.synth.stream import page_parts
from docdetect.types import ByteArray

RED = (190, 30, 40)


def cutout(width: int, height: int, rgb: tuple[int, int, int] = RED) -> ByteArray:
    """A zigzag in one ink, uint8 (H, W, 4)."""
    alpha = np.zeros((height, width), np.uint8)
    points = np.array([(x, (height - 3) * (x // 6 % 2) + 1) for x in range(2, width - 2, 6)], np.int32)
    cv2.polylines(alpha, [points], False, 230, 2)
    return np.dstack([np.full((height, width, 3), rgb, np.uint8), alpha])


def folder_of(folder: Path, marks: dict[str, tuple[int, int]], size_mm: tuple[float, float] = (30.0, 12.0)) -> Path:
    """A folder of cut-outs: category -> (width, height) px of its one cut-out."""
    listed = []
    for category, (width, height) in marks.items():
        file = f"{category}/a.png"
        write_bytes(folder / file, picture_bytes(cutout(width, height), "png"))
        listed.append(Cutout(file, category, "a.pdf", 1, (0, 0, width, height), (9, 9), size_mm, "red", 0.9, True))
    write_text(folder / "cutouts.csv", list_text(listed))
    return folder


def settings(folder: Path, output: Path, **changes: object) -> SynthConfig:
    base = {
        "output": str(output), "marks": str(folder), "marks_share": 1.0, "imgsz": 512, "workers": 1, "seed": 5,
        "system_fonts": False, "empty": 0.0, "pages": 3,
    }  # fmt: skip
    return SynthConfig.model_validate(base | changes)


def test_marks_of_the_source_are_drawn_at_their_size_turned_and_faded(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"signature": (300, 120), "stamp": (300, 120)})
    source = pickle.loads(pickle.dumps(load_cutouts(folder, SynthConfig())))
    rng = np.random.default_rng(0)
    stamps = [source.draw(rng, "stamp", 5.0, None) for _ in range(60)]
    widths = np.array([patch.size_wh[0] for patch in stamps if patch is not None])
    assert len(widths) == 60
    # 30 mm at 5 px/mm, scaled by 0.75 to 1.35 and turned.
    assert 130 < np.median(widths) < 175
    assert widths.min() > 40
    strength = [patch.rgba[:, :, 3].max() for patch in stamps if patch is not None]
    assert min(strength) < 0.75 * max(strength)
    assert {patch.kind for patch in stamps if patch is not None} == {"stamp"}
    inks = {tuple(patch.rgba[patch.ink][0, :3]) for patch in stamps if patch is not None}
    assert len(inks) > 5
    same = [source.draw(np.random.default_rng(9), "stamp", 5.0, None) for _ in range(2)]
    assert same[0] is not None
    assert same[1] is not None
    assert np.array_equal(same[0].rgba, same[1].rgba)


def test_each_cut_out_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path, {"signature": (300, 120), "stamp": (300, 120)})
    opened: list[str] = []
    standard = io.open

    def noted(file: Any, *more: Any, **named: Any) -> Any:
        opened.append(str(file))
        return standard(file, *more, **named)

    for place in ("io.open", "builtins.open"):  # of pathlib, and of Pillow
        monkeypatch.setattr(place, noted)
    source = load_cutouts(folder, SynthConfig())
    assert sum(map(len, source.marks.values())) == 2
    assert sorted(Path(name).parent.name for name in opened if name.endswith(".png")) == ["signature", "stamp"]


def test_a_signature_stays_in_its_room_and_a_coarse_cut_out_is_not_enlarged(tmp_path: Path) -> None:
    source = load_cutouts(folder_of(tmp_path, {"signature": (300, 120)}), SynthConfig())
    rng = np.random.default_rng(1)
    for _ in range(20):
        patch = source.draw(rng, "signature", 5.0, (20.0, 30.0))
        assert patch is not None
        assert patch.size_wh[0] <= 20 * 5 * 1.2  # turned by a few degrees
    assert source.draw(rng, "signature", 60.0, None) is None
    assert source.draw(rng, "signature", 0.3, None) is None
    assert source.draw(rng, "qr", 5.0, (20.0, 20.0)) is None


def test_pages_hold_cut_outs_with_boxes_around_their_ink(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "cut", {"signature": (300, 120), "stamp": (300, 300), "qr": (200, 200)})
    config = settings(folder, tmp_path / "out", papers={"digital": 1.0}, turned=0.0)
    materials = load_materials(config)
    seen = set()
    for number in range(6):
        page = make_page(5, number, 512, materials)
        for mark in page.marks:
            if mark.kind not in ("signature", "stamp", "qr"):
                continue
            seen.add(mark.kind)
            placed = mark.placed
            left, top, right, bottom = mark.box
            width, height = placed.patch.size_wh
            assert placed.x_px - 2 <= left < right <= placed.x_px + width + 2
            assert placed.y_px - 2 <= top < bottom <= placed.y_px + height + 2
    assert {"signature", "stamp"} <= seen


def test_drawn_marks_remain_beside_cut_outs_and_without_a_folder_nothing_changes(
    tmp_path: Path, fonts: FontBook
) -> None:
    folder = folder_of(tmp_path / "cut", {"signature": (300, 120), "stamp": (300, 300)})
    mixed = load_materials(settings(folder, tmp_path / "out", marks_share=0.5))
    kinds = [mark.kind for number in range(8) for mark in make_page(5, number, 384, mixed).marks]
    pasted = sum(kind in ("signature", "stamp") for kind in kinds)
    assert 0 < pasted < sum(kind != "qr" for kind in kinds)
    none = load_materials(settings(folder, tmp_path / "out", marks=""))
    never = load_materials(settings(folder, tmp_path / "out", marks="", marks_share=1.0))
    assert np.array_equal(make_page(5, 1, 256, none).pixels, make_page(5, 1, 256, never).pixels)


def test_a_dataset_goes_on_only_with_the_same_cut_outs(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "cut", {"signature": (300, 120), "stamp": (300, 300)})
    config = settings(folder, tmp_path / "out", pages=2)
    first = generate(config)
    assert sum(first.marks.values()) > 0
    moved = tmp_path / "moved"
    (tmp_path / "cut").rename(moved)
    assert generate(config.model_copy(update={"marks": str(moved), "pages": 3})).pages == 3
    (moved / "stamp" / "a.png").unlink()
    with pytest.raises(OutputExistsError, match="other settings"):
        generate(config.model_copy(update={"marks": str(moved), "pages": 3}))
    report = generate(config.model_copy(update={"marks": str(moved), "output": str(tmp_path / "new"), "pages": 1}))
    assert "1 whose files were deleted" in report.notes[0]


def test_categories_without_a_class_are_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"logo": (100, 100), "stamp": (100, 100)})
    with pytest.raises(InputError, match=r"cut-outs of categories that are no class: logo \(1\); the classes are qr"):
        load_cutouts(folder, SynthConfig())
    own = SynthConfig(classes=("qr", "signature", "stamp", "logo"))
    assert {mark.kind for mark in load_cutouts(folder, own).marks["stamp"]} == {"logo", "stamp"}


def test_pages_that_are_made_while_a_network_trains_hold_cut_outs(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "cut", {"signature": (300, 120), "stamp": (300, 300)})
    config = settings(folder, tmp_path / "out")
    materials = load_materials(config)
    drawn = load_materials(config.model_copy(update={"marks": ""}))
    pasted = [page_parts(config, materials, number) for number in range(3)]
    assert sum(len(boxes) for _, boxes, _ in pasted) > 0
    assert {int(class_id) for _, boxes, _ in pasted for class_id in boxes.class_ids} <= {0, 1, 2}
    assert any(pasted[number][0] != page_parts(config, drawn, number)[0] for number in range(3))
