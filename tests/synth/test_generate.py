"""Datasets: the same bytes on any number of workers, resumed after a crash, grown, never laid over other work."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docdetect.annotations.native import annotations_from_json
from docdetect.annotations.yolo import labels_from_yolo
from docdetect.config.schema import SynthConfig
from docdetect.datasets.reader import read_dataset
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.errors import OutputExistsError
from docdetect.files import read_json, write_json
from docdetect.synth.generate import generate

SMALL: dict[str, Any] = {"pages": 8, "imgsz": 384, "seed": 2, "val": 0.3, "workers": 1, "system_fonts": False}


def config(output: Path, **changes: Any) -> SynthConfig:
    return SynthConfig(output=str(output), **{**SMALL, **changes})


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("pages.jsonl", "synth.json")
    }


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synth") / "plain"
    report = generate(config(folder, preview=True))
    assert (report.pages, report.made) == (8, 8)
    return folder


def test_images_labels_and_annotations_agree(dataset: Path) -> None:
    annotations = annotations_from_json(read_json(dataset / "annotations.json"), "annotations.json")
    images = sorted((dataset / "images").rglob("*.jpg"))
    assert len(images) == 8
    assert {path.relative_to(dataset / "images").as_posix() for path in images} == set(annotations)
    for path in images:
        name = path.relative_to(dataset / "images")
        page = annotations[name.as_posix()][1]
        assert Image.open(path).size == page.size_wh
        assert max(page.size_wh) == 384
        labels = (dataset / "labels" / name).with_suffix(".txt").read_text(encoding="utf-8")
        boxes = labels_from_yolo(labels, page.size_wh, name.as_posix()).boxes.xyxy
        expected = np.array([mark.xywh for mark in page.marks], np.float32).reshape(-1, 4)
        assert np.allclose(boxes[:, :2], expected[:, :2], atol=0.01)
        assert np.allclose(boxes[:, 2:] - boxes[:, :2], expected[:, 2:], atol=0.01)
    assert any(page[1].marks for page in annotations.values())
    assert "names:\n  0: qr\n  1: signature\n  2: stamp" in (dataset / "data.yaml").read_text(encoding="utf-8")
    assert max(Image.open(dataset / "preview.jpg").size) > 400


def test_a_margin_widens_the_boxes_of_its_class_as_far_as_the_page_reaches(dataset: Path, tmp_path: Path) -> None:
    generate(config(tmp_path / "wide", margin={"stamp": 3}))
    tight, wide = (
        annotations_from_json(read_json(folder / "annotations.json"), "") for folder in (dataset, tmp_path / "wide")
    )
    assert any(mark.category == "stamp" for pages in tight.values() for mark in pages[1].marks)
    for name, pages in tight.items():
        width, height = pages[1].size_wh
        for mark, wider in zip(pages[1].marks, wide[name][1].marks, strict=True):
            margin = 3 if mark.category == "stamp" else 0
            x, y, w, h = mark.xywh
            left, top = max(0, x - margin), max(0, y - margin)
            expected = left, top, min(width, x + w + margin) - left, min(height, y + h + margin) - top
            assert wider.xywh == expected
        image = Path("images") / name
        assert (dataset / image).read_bytes() == (tmp_path / "wide" / image).read_bytes()


def test_training_finds_the_distractors(dataset: Path) -> None:
    found = read_dataset(str(dataset))
    places = {image.name: image.distractors for images in found.splits.values() for image in images}
    stored = read_json(dataset / "distractors.json")
    assert stored
    assert set(stored) == {name for name, boxes in places.items() if len(boxes)}
    for image in (image for images in found.splits.values() for image in images):
        assert image.distractors.tolist() == stored.get(image.name, [])
        assert (image.distractors <= max(image.ground_truth.size_wh)).all()


def test_two_workers_write_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    generate(config(tmp_path / "two", workers=2, preview=True))
    assert hashes(tmp_path / "two") == hashes(dataset)


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    generate(config(folder, pages=5))
    journal = folder / "pages.jsonl"
    # The kill cut off the last line of the journal, and a picture.
    journal.write_text(journal.read_text(encoding="utf-8")[:-15], encoding="utf-8")
    first = sorted((folder / "images").rglob("page_000000.jpg"))[0]
    first.write_bytes(first.read_bytes()[:100])
    assert 0 < generate(config(folder, preview=True)).made < 8
    assert hashes(folder) == hashes(dataset)
    assert generate(config(folder, preview=True)).made == 0


def test_a_validation_split_without_pages_is_told(tmp_path: Path) -> None:
    (note,) = generate(config(tmp_path / "few", pages=1, val=0.1)).notes
    assert note.endswith("--pages 10 makes one")
    assert generate(config(tmp_path / "none", pages=1, val=0.0)).notes == ()


def test_other_settings_and_foreign_folders_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    generate(config(folder, pages=1))
    with pytest.raises(OutputExistsError, match="holds pages made with other settings"):
        generate(config(folder, pages=1, seed=9))
    assert generate(config(folder, pages=1, seed=9, overwrite=True)).made == 1
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputExistsError, match="was not made by docdetect synth"):
        generate(config(foreign, pages=1, overwrite=True))
    assert (foreign / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_a_dataset_of_version_0_1_goes_on(tmp_path: Path) -> None:
    """Version 0.1 wrote the content hash of the settings under the name "fingerprint"."""
    folder = tmp_path / "old"
    generate(config(folder, pages=1))
    stored = read_json(folder / "synth.json")
    write_json(folder / "synth.json", {"fingerprint": stored["content_hash"], "settings": stored["settings"]})
    assert generate(config(folder, pages=2)).made == 1
    write_json(folder / "synth.json", {"fingerprint": "another", "settings": stored["settings"]})
    with pytest.raises(OutputExistsError, match="other settings"):
        generate(config(folder, pages=2))


def test_finer_classes_label_finer(tmp_path: Path) -> None:
    classes = ("qr", "handwritten_signature", "initials", "stamp_official", "stamp_notary", "stamp_company")
    report = generate(config(tmp_path / "fine", classes=classes, pages=6, empty=0.0))
    assert list(report.marks) == list(classes)
    assert report.marks["handwritten_signature"] > 0
    assert sum(report.marks[name] for name in classes[3:]) > 0


def test_pdfs_show_what_the_pictures_show(tmp_path: Path) -> None:
    """When the PDFs are rendered at the pictures' size, their pages have this size, and ink in every box."""
    folder = tmp_path / "pdf"
    papers = {"digital": 0.7, "scan": 0.3}
    generate(config(folder, pdf=True, pages=6, papers=papers, empty=0.0, turned=0.4, imgsz=512))
    annotations = annotations_from_json(read_json(folder / "annotations.json"), "annotations.json")
    files = list_documents(folder / "pdfs")
    assert {file.name for file in files} == set(annotations)
    seen = letters = 0
    for file in files:
        with open_document(file) as document:
            assert document.page_count == len(annotations[file.name])
            for number, page in annotations[file.name].items():
                pixels = document.render(number, LongSide(512)).pixels
                assert np.abs(np.subtract(pixels.shape[1::-1], page.size_wh)).max() <= 1
                for mark in page.marks:
                    x, y, width, height = (int(value) for value in mark.xywh)
                    part = pixels[y : y + height, x : x + width].min(axis=2)
                    assert part.min() < np.median(pixels) - 15
                    for edge in (part[:3], part[-3:], part[:, :3], part[:, -3:]):
                        # Signatures end in hairlines, which are hardly darker than the paper.
                        assert edge.min() < np.median(pixels) - 4
                    seen += 1
        letters += b"/ToUnicode" in file.path.read_bytes()
    assert seen >= 6
    assert letters >= 1
