"""Pages as pictures: drawn ones at their own resolution, and clean ones that other tools open with the labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from docdetect.config.schema import InferConfig
from docdetect.datasets.reader import read_dataset
from docdetect.files import read_json
from tests.support.fakes import SETTINGS, make_image, make_pdf, run_once

LABELS = InferConfig(formats=("json", "coco", "yolo"))
STAMP = ("stamp", (40, 60, 100, 120))


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def test_pages_are_drawn_at_their_own_resolution_up_to_a_limit(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "a4.pdf", [[STAMP]], size_pt=(595, 842))
    make_pdf(tmp_path / "in" / "card.pdf", [[STAMP]], size_pt=(200, 300))
    make_image(tmp_path / "in" / "tiny.png", [("stamp", (10, 10, 60, 60))])
    run_once(tmp_path / "in", tmp_path / "out", replace(SETTINGS, save_pages=True))
    pages = tmp_path / "out" / "pages"
    assert size_of(pages / "a4.pdf" / "page_0001.jpg") == (1413, 2000), "200 px/inch would be 2339 px high"
    assert size_of(pages / "card.pdf" / "page_0001.jpg") == (555, 833)
    assert size_of(pages / "tiny.png" / "page_0001.jpg") == size_of(tmp_path / "in" / "tiny.png")


def test_clean_pictures_and_labels_are_a_dataset(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "deep" / "a.pdf", [[STAMP], []])
    settings = replace(SETTINGS, save_pages=True, save_images=True)
    run_once(tmp_path / "in", tmp_path / "out", settings, wanted=LABELS)
    output = tmp_path / "out"
    coco = read_json(output / "detections_coco.json")
    for image in coco["images"]:
        assert size_of(output / "images" / image["file_name"]) == (image["width"], image["height"])
    (annotation,) = coco["annotations"]
    with Image.open(output / "images" / coco["images"][0]["file_name"]) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    left, top, width, height = (round(value) for value in annotation["bbox"])
    inside = pixels[top + 4 : top + height - 4, left + 4 : left + width - 4]
    assert (np.abs(inside - (255, 0, 0)).max(axis=2) < 60).all(), "the box is on the mark, and nothing is drawn there"
    dataset = read_dataset(output / "data.yaml")
    pages = {page.path.relative_to(output).as_posix(): len(page.ground_truth) for page in dataset.splits["train"]}
    assert pages == {"images/deep/a.pdf/page_0001.jpg": 1, "images/deep/a.pdf/page_0002.jpg": 0}


def test_clean_pictures_can_be_added_to_a_finished_run(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    run_once(tmp_path / "in", tmp_path / "out", SETTINGS)
    report = run_once(tmp_path / "in", tmp_path / "out", replace(SETTINGS, save_images=True), on_existing="resume")
    assert report.pages_now == 0
    assert (tmp_path / "out" / "images" / "a.pdf" / "page_0001.jpg").is_file()
