"""One function per result format. Each opens a file and gives back a function that takes one document after another, so
that memory does not grow with their number; the file appears when the last one is in."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, TypeAlias

from docdetect import boxes
from docdetect.errors import MissingDependencyError
from docdetect.files import json_text, output_errors, write_text
from docdetect.inference.folder import YOLO_FOLDER
from docdetect.inference.records import code_status, coordinate, score
from docdetect.inference.settings import RunSettings
from docdetect.labels.annotations import AnnotatedPage, Mark, annotations_to_json
from docdetect.labels.yolo import detections_to_yolo
from docdetect.types import DocumentResult, PageResult

AddDocument: TypeAlias = Callable[[DocumentResult], None]
OpenFormat: TypeAlias = Callable[[Path, RunSettings], AbstractContextManager[AddDocument]]
Cell: TypeAlias = str | int | float | None

COLUMNS = (
    *("document", "page", "category", "confidence", "x", "y", "width", "height", "page_width", "page_height"),
    *("x0_pt", "y0_pt", "x1_pt", "y1_pt", "text", "status"),
)
"""Of detections.csv: boxes in px of the page, and for PDFs in points of the page as displayed; origin top left.
`status` is `decoded` or `unreadable` for QR codes and empty for all else."""


@contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """A text stream (UTF-8, \\n) that becomes `path` when the block ends well. Raises OutputError."""
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            with temporary.open("w", encoding="utf-8", newline="") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _scratch(output: Path) -> IO[str]:
    """A nameless file in the result folder: what does not fit there shows before anything is replaced."""
    return tempfile.TemporaryFile("w+", encoding="utf-8", dir=output)


@contextmanager
def annotations_file(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`detections.json`, in the format of `annotations.json`; documents and pages without a result are left out."""
    with replacing(output / "detections.json") as stream:
        documents = marks = 0
        stream.write("{")

        def add(result: DocumentResult) -> None:
            nonlocal documents, marks
            pages = {}
            for page in _good_pages(result):
                keys = [f"annotation_{marks + position}" for position in range(1, len(page.grouped) + 1)]
                pages[page.info.number] = _annotated(page, keys, settings)
                marks += len(keys)
            if pages:
                text = json_text(annotations_to_json({result.document: pages}))
                stream.write((",\n" if documents else "\n") + text.removeprefix("{\n").removesuffix("\n}\n"))
                documents += 1

        yield add
        stream.write("\n}\n" if documents else "}\n")


@contextmanager
def csv_file(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`detections.csv`, a row per mark with the columns of `COLUMNS`."""
    with replacing(output / "detections.csv") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)

        def add(result: DocumentResult) -> None:
            for page in _good_pages(result):
                writer.writerows(mark_rows(page, settings))

        yield add


@contextmanager
def coco_file(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`detections_coco.json`: COCO's images, annotations (with `score`) and categories, ids from 1.

    Images are named `<document>/page_0001`; the number of the page and the document stand beside it.
    """
    with replacing(output / "detections_coco.json") as stream, _scratch(output) as later:
        images = marks = 0
        categories = [{"id": number, "name": name} for number, name in enumerate(settings.class_names, start=1)]
        stream.write('{"categories":' + json.dumps(categories, ensure_ascii=False) + ',\n"images":[')

        def add(result: DocumentResult) -> None:
            nonlocal images, marks
            for page in _good_pages(result):
                images += 1
                info = page.info
                image = {"id": images, "file_name": f"{info.document}/page_{info.number:04d}"}
                size = {"width": info.size_wh[0], "height": info.size_wh[1]}
                where = {"document": info.document, "page": info.number}
                _write_item(stream, image | size | where, first=images == 1)
                for annotation in _coco_annotations(page):
                    marks += 1
                    _write_item(later, {"id": marks, "image_id": images} | annotation, first=marks == 1)

        yield add
        later.seek(0)
        stream.write('\n],\n"annotations":[')
        while chunk := later.read(1 << 20):
            stream.write(chunk)
        stream.write("\n]}\n")


@contextmanager
def yolo_files(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`yolo/<document>/page_0001.txt` for every page, without confidences (labels to correct), and their classes."""
    folder = output / YOLO_FOLDER
    write_text(folder / "classes.txt", "".join(f"{name}\n" for name in settings.class_names))

    def add(result: DocumentResult) -> None:
        for page in _good_pages(result):
            write_text(folder / result.document / f"page_{page.info.number:04d}.txt", detections_to_yolo(page.grouped))

    yield add


@contextmanager
def parquet_file(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`detections.parquet`: the rows of `detections.csv` with types; they are held in memory until the end.

    Raises:
        MissingDependencyError: polars is not installed.
    """
    try:
        import polars
    except ImportError as error:
        raise MissingDependencyError.for_extra("polars", "parquet", "--format parquet") from error
    kinds: dict[str, type[polars.DataType]] = dict.fromkeys(COLUMNS, polars.Float64)
    kinds.update(dict.fromkeys(("document", "category", "text", "status"), polars.String))
    kinds.update(dict.fromkeys(("page", "page_width", "page_height"), polars.Int64))
    rows: list[tuple[Cell, ...]] = []

    def add(result: DocumentResult) -> None:
        for page in _good_pages(result):
            rows.extend(mark_rows(page, settings))

    yield add
    path = output / "detections.parquet"
    temporary = path.with_name(f".{path.name}.tmp")
    with output_errors(path):
        try:
            table = polars.DataFrame(rows, schema=kinds, orient="row")
            with temporary.open("wb") as stream:  # through Python's own file: its errors are OSErrors
                table.write_parquet(stream)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


FORMATS: dict[str, OpenFormat] = {
    "json": annotations_file,
    "csv": csv_file,
    "coco": coco_file,
    "yolo": yolo_files,
    "parquet": parquet_file,
}
"""Name in the configuration -> format; `jsonl` is the journal, which is always there."""


def mark_rows(page: PageResult, settings: RunSettings) -> Iterator[tuple[Cell, ...]]:
    """One row of `COLUMNS` for each mark of a page."""
    info = page.info
    xywh = boxes.xyxy_to_xywh(page.grouped.xyxy)
    for position, class_id in enumerate(page.grouped.class_ids.tolist()):
        box = tuple(coordinate(value) for value in xywh[position])
        points: tuple[float | None, ...] = (None,) * 4
        if info.size_pt is not None:
            points = tuple(
                round(float(value) * info.size_pt[axis % 2] / info.size_wh[axis % 2], 3)
                for axis, value in enumerate(page.grouped.xyxy[position])
            )
        text, name = page.texts[position], settings.class_names[class_id]
        size_and_code = (*info.size_wh, *points, text, code_status(name, text, settings))
        yield (info.document, info.number, name, _score_of(page, position), *box, *size_and_code)


def _annotated(page: PageResult, keys: list[str], settings: RunSettings) -> AnnotatedPage:
    xywh = boxes.xyxy_to_xywh(page.grouped.xyxy)
    marks = []
    for position, class_id in enumerate(page.grouped.class_ids.tolist()):
        x, y, width, height = (coordinate(value) for value in xywh[position])
        name, text = settings.class_names[class_id], page.texts[position]
        status = code_status(name, text, settings)
        marks.append(Mark(name, (x, y, width, height), keys[position], _score_of(page, position), text, status))
    return AnnotatedPage(page.info.size_wh, tuple(marks))


def _coco_annotations(page: PageResult) -> Iterator[dict[str, object]]:
    xywh = boxes.xyxy_to_xywh(page.grouped.xyxy)
    for position, class_id in enumerate(page.grouped.class_ids.tolist()):
        box = [coordinate(value) for value in xywh[position]]
        area = round(box[2] * box[3], 2)
        yield {
            "category_id": class_id + 1,
            "bbox": box,
            "area": area,
            "iscrowd": 0,
            "score": _score_of(page, position),
        }


def _write_item(stream: IO[str], item: dict[str, object], *, first: bool) -> None:
    stream.write(("\n" if first else ",\n") + json.dumps(item, ensure_ascii=False))


def _score_of(page: PageResult, position: int) -> float:
    assert page.grouped.scores is not None  # detections are never truth
    return score(page.grouped.scores[position])


def _good_pages(result: DocumentResult) -> Iterator[PageResult]:
    return (page for page in result.pages if page.failure is None)
