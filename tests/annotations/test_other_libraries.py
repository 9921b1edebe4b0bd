"""Other libraries read what docdetect writes, and docdetect reads what they write; each test needs its library.

Tried with datumaro 1.13.12, label-studio-sdk 2.1.2 and supervision 0.31.2. The first two are large and stand in no
extra of docdetect: these tests are skipped where they are not installed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from docdetect.annotations.exchange import ReadSettings
from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.datasets.label_files import READERS, sizes_in
from tests.support.fakes import make_image
from tests.support.labels import CLASSES, same_pages, written

# Names that every library takes: no spaces and no letters beyond ASCII.
PAGES: Annotations = {
    "act.pdf": {
        1: AnnotatedPage((200, 300), (Mark("stamp", (10.0, 20.0, 50.0, 40.0)), Mark("qr", (100.0, 200.0, 30.0, 30.0)))),
        2: AnnotatedPage((200, 300), ()),
    },
    "photo.png": {1: AnnotatedPage((320, 240), (Mark("signature", (5.0, 6.0, 100.0, 40.0)),))},
}


def put(files: dict[str, str], folder: Path) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def put_pictures(folder: Path) -> None:
    for document, pages in PAGES.items():
        for number, page in pages.items():
            make_image(folder / document / f"page_{number:04d}.jpg", [], size_wh=page.size_wh)


def with_marks(annotations: Annotations) -> Annotations:
    """Without the pages that have no mark."""
    return {name: {n: page for n, page in pages.items() if page.marks} for name, pages in annotations.items()}


def boxes_of(dataset: Any) -> dict[str, list[tuple[str, list[float]]]]:
    """Name of a picture -> category and box of each of its marks, from a dataset of datumaro."""
    datumaro = pytest.importorskip("datumaro")
    names = [label.name for label in dataset.categories()[datumaro.AnnotationType.label]]
    return {
        item.id: sorted(
            (names[one.label], [round(value, 2) for value in one.get_bbox()])
            for one in item.annotations
            if one.type == datumaro.AnnotationType.bbox
        )
        for item in dataset
    }


EXPECTED = {
    "act.pdf/page_0001": [("qr", [100.0, 200.0, 30.0, 30.0]), ("stamp", [10.0, 20.0, 50.0, 40.0])],
    "act.pdf/page_0002": [],
    "photo.png/page_0001": [("signature", [5.0, 6.0, 100.0, 40.0])],
}


def test_datumaro_reads_cvat_and_coco(tmp_path: Path) -> None:
    datumaro = pytest.importorskip("datumaro")
    put(written("cvat", PAGES), tmp_path / "cvat")
    put_pictures(tmp_path / "cvat" / "images")
    assert boxes_of(datumaro.Dataset.import_from(str(tmp_path / "cvat" / "labels.xml"), "cvat")) == EXPECTED
    put({"annotations/instances_train.json": written("coco", PAGES)["labels.json"]}, tmp_path / "coco")
    put_pictures(tmp_path / "coco" / "images" / "train")
    assert boxes_of(datumaro.Dataset.import_from(str(tmp_path / "coco"), "coco_instances")) == EXPECTED


@pytest.mark.parametrize(
    ("name", "theirs", "place"),
    [
        ("cvat", "cvat", "train.xml"),
        ("coco", "coco_instances", "annotations/instances_train.json"),
        ("voc", "voc_detection", "Annotations"),
        ("yolo", "yolo_ultralytics", "data.yaml"),
    ],
)
def test_docdetect_reads_what_datumaro_writes(name: str, theirs: str, place: str, tmp_path: Path) -> None:
    datumaro = pytest.importorskip("datumaro")
    put_pictures(tmp_path / "pictures")
    items = [
        datumaro.DatasetItem(
            id=f"{document}/page_{number:04d}",
            subset="val" if name == "yolo" and document == "photo.png" else "train",
            media=datumaro.Image.from_file(str(tmp_path / "pictures" / document / f"page_{number:04d}.jpg")),
            annotations=[
                datumaro.Bbox(*mark.xywh, label=CLASSES.index(mark.category), id=position, group=position)
                for position, mark in enumerate(page.marks, start=1)
            ],
        )
        for document, pages in PAGES.items()
        for number, page in pages.items()
    ]
    datumaro.Dataset.from_iterable(items, categories=list(CLASSES)).export(
        str(tmp_path / "made"), theirs, save_media=True
    )
    # Its Pascal VOC has no sizes and no file for a page without marks.
    read = READERS[name](tmp_path / "made" / place, ReadSettings(sizes_in(tmp_path / "pictures")))
    same_pages(read.annotations, with_marks(PAGES) if name == "voc" else PAGES, within_px=0.01)


def test_the_converter_of_label_studio_understands_completed_tasks(tmp_path: Path) -> None:
    converter = pytest.importorskip("label_studio_sdk.converter")
    files = written("label-studio", PAGES)
    tasks = json.loads(files["labels.json"])
    for number, task in enumerate(tasks, start=1):
        (prediction,) = task.pop("predictions")
        task |= {"id": number, "annotations": [{"id": number, "completed_by": 1, "result": prediction["result"]}]}
    put({"export.json": json.dumps(tasks)}, tmp_path)
    tool = converter.Converter(files["labels.config.xml"], str(tmp_path), download_resources=False)
    tool.convert_to_coco(str(tmp_path / "export.json"), str(tmp_path / "out"), is_dir=False)
    made = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    names = {one["id"]: one["name"] for one in made["categories"]}
    found = {(names[one["category_id"]], *(round(value, 2) for value in one["bbox"])) for one in made["annotations"]}
    expected = {
        (mark.category, *mark.xywh) for pages in PAGES.values() for page in pages.values() for mark in page.marks
    }
    assert found == expected


def test_docdetect_reads_tasks_that_label_studio_makes_of_coco(tmp_path: Path) -> None:
    imports = pytest.importorskip("label_studio_sdk.converter.imports.coco")
    put({"coco.json": written("coco", PAGES)["labels.json"]}, tmp_path)
    imports.convert_coco_to_ls(str(tmp_path / "coco.json"), str(tmp_path / "tasks.json"))
    put_pictures(tmp_path / "images")
    settings = ReadSettings(sizes_in(tmp_path / "images"))
    read = READERS["label-studio"](tmp_path / "tasks.json", settings)
    same_pages(with_marks(read.annotations), with_marks(PAGES), within_px=0.01)


def test_supervision_reads_coco_yolo_and_voc(tmp_path: Path) -> None:
    supervision = pytest.importorskip("supervision")
    put_pictures(tmp_path / "images")
    put({"coco.json": written("coco", PAGES)["labels.json"]}, tmp_path)
    found = supervision.DetectionDataset.from_coco(str(tmp_path / "images"), str(tmp_path / "coco.json"))
    boxes = {
        Path(path).relative_to(tmp_path / "images").with_suffix("").as_posix(): sorted(
            (found.classes[class_id], [*box[:2], *(box[2:] - box[:2])])
            for class_id, box in zip(marks.class_id, marks.xyxy, strict=True)
        )
        for path, _, marks in found
    }
    assert boxes == EXPECTED
