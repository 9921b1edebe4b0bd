"""The result files of a run that hold its marks, and the page that lists its documents.

There is one function for each result format. It opens a file and gives back a function that takes one document after
the other, in the order of their names, so that memory does not grow with the number of documents; the file appears
when the last document is in. `ResultFiles` keeps all formats of a run and `index.html` open at once, and counts.
`report.py` says what the run came to.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, TypeAlias

from docdetect import boxes
from docdetect.annotations.native import AnnotatedPage, Mark, annotations_to_json
from docdetect.annotations.yolo import detections_to_yolo
from docdetect.errors import MissingDependencyError
from docdetect.files import json_text, replacing, replacing_text, write_text
from docdetect.inference.folder import INDEX_NAME, LABELS_FOLDER, PAGES_FOLDER, PDF_FOLDER, THUMBS_FOLDER, page_path
from docdetect.inference.index_page import IndexHeading, index_page, listed_document
from docdetect.inference.journal import (
    DocumentEnd,
    code_status,
    coordinate,
    mark_confidences,
)
from docdetect.inference.report import Totals
from docdetect.inference.settings import RunSettings
from docdetect.inference.workbook import MAX_ROWS
from docdetect.tables import BYTE_ORDER_MARK, safe_cell
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


def _scratch(output: Path) -> IO[str]:
    """A nameless file in the result folder: what does not fit there shows before anything is replaced."""
    return tempfile.TemporaryFile("w+", encoding="utf-8", dir=output)


@contextmanager
def annotations_file(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`detections.json`, in the format of `annotations.json`; documents and pages without a result are left out."""
    with replacing_text(output / "detections.json") as stream:
        documents = marks = 0
        stream.write("{")

        def add(result: DocumentResult) -> None:
            nonlocal documents, marks
            pages = annotated_pages(result.good_pages, settings, marks + 1)
            marks += sum(len(page.grouped) for page in result.good_pages)
            if pages:
                text = json_text(annotations_to_json({result.document: pages}))
                stream.write((",\n" if documents else "\n") + text.removeprefix("{\n").removesuffix("\n}\n"))
                documents += 1

        yield add
        stream.write("\n}\n" if documents else "}\n")


@contextmanager
def csv_file(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`detections.csv`, a row per mark with the columns of `COLUMNS`."""
    with replacing_text(output / "detections.csv") as stream:
        stream.write(BYTE_ORDER_MARK)
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)

        def add(result: DocumentResult) -> None:
            for page in result.good_pages:
                for row in mark_rows(page, settings):
                    writer.writerow([safe_cell(cell) for cell in row])

        yield add


@contextmanager
def coco_file(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`detections_coco.json`: COCO's images, annotations (with `score`) and categories, ids from 1.

    Images are named `<document>/page_0001.jpg`, as `--save-images` writes them into `images/`; the number of the page
    and the document stand beside the name.
    """
    with replacing_text(output / "detections_coco.json") as stream, _scratch(output) as later:
        images = marks = 0
        categories = [{"id": number, "name": name} for number, name in enumerate(settings.class_names, start=1)]
        stream.write('{"categories":' + json.dumps(categories, ensure_ascii=False) + ',\n"images":[')

        def add(result: DocumentResult) -> None:
            nonlocal images, marks
            for page in result.good_pages:
                images += 1
                info = page.info
                image = {"id": images, "file_name": page_path(Path(), info.document, info.number, ".jpg").as_posix()}
                size = {"width": info.size_wh[0], "height": info.size_wh[1]}
                where = {"document": info.document, "page": info.number}
                _write_item(stream, image | size | where, first=images == 1)
                for annotation in _coco_annotations(page, settings):
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
    """`labels/<document>/page_0001.txt` for every page, without confidences (labels to correct), and their classes.

    With the pictures that `--save-images` writes into `images/`, the result folder is a YOLO dataset: its `data.yaml`
    says so, and docdetect, Ultralytics and FiftyOne read it.
    """
    folder = output / LABELS_FOLDER
    write_text(output / "classes.txt", "".join(f"{name}\n" for name in settings.class_names))
    names = "".join(f"  {number}: {json.dumps(name)}\n" for number, name in enumerate(settings.class_names))
    write_text(
        output / "data.yaml", f"# Marks found by docdetect infer.\npath: .\ntrain: images\nval: images\nnames:\n{names}"
    )

    def add(result: DocumentResult) -> None:
        for page in result.good_pages:
            write_text(page_path(folder, result.document, page.info.number, ".txt"), detections_to_yolo(page.grouped))

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
        for page in result.good_pages:
            rows.extend(mark_rows(page, settings))

    yield add
    with replacing(output / "detections.parquet") as stream:  # Python's own stream: its errors are OSErrors
        polars.DataFrame(rows, schema=kinds, orient="row").write_parquet(stream)


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
    xywh, confidences = boxes.xyxy_to_xywh(page.grouped.xyxy), mark_confidences(page, settings)
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
        yield (info.document, info.number, name, confidences[position], *box, *size_and_code)


def annotated_pages(pages: Iterable[PageResult], settings: RunSettings, first: int) -> dict[int, AnnotatedPage]:
    """Page number -> page in the format of annotations; marks are named `annotation_<first>` and so on."""
    annotated = {}
    for page in pages:
        keys = [f"annotation_{number}" for number in range(first, first + len(page.grouped))]
        annotated[page.info.number] = _annotated(page, keys, settings)
        first += len(keys)
    return annotated


def _annotated(page: PageResult, keys: list[str], settings: RunSettings) -> AnnotatedPage:
    xywh, confidences = boxes.xyxy_to_xywh(page.grouped.xyxy), mark_confidences(page, settings)
    marks = []
    for position, class_id in enumerate(page.grouped.class_ids.tolist()):
        x, y, width, height = (coordinate(value) for value in xywh[position])
        name, text = settings.class_names[class_id], page.texts[position]
        status = code_status(name, text, settings)
        marks.append(Mark(name, (x, y, width, height), keys[position], confidences[position], text, status))
    return AnnotatedPage(page.info.size_wh, tuple(marks))


def _coco_annotations(page: PageResult, settings: RunSettings) -> Iterator[dict[str, object]]:
    xywh, confidences = boxes.xyxy_to_xywh(page.grouped.xyxy), mark_confidences(page, settings)
    for position, class_id in enumerate(page.grouped.class_ids.tolist()):
        box = [coordinate(value) for value in xywh[position]]
        area = round(box[2] * box[3], 2)
        yield {
            "category_id": class_id + 1,
            "bbox": box,
            "area": area,
            "iscrowd": 0,
            "score": confidences[position],
        }


def _write_item(stream: IO[str], item: dict[str, object], *, first: bool) -> None:
    stream.write(("\n" if first else ",\n") + json.dumps(item, ensure_ascii=False))


class ResultFiles:
    """The result files of a run, open for one document after the other; a context manager.

    The files replace those of an earlier run when the block ends well; when it fails, the earlier files stay.

    Args:
        output: the result folder.
        settings: of the run.
        formats: names of `FORMATS`, or `xlsx`; others are passed over.
        required: classes that every document should have.

    Raises:
        OutputError: a file cannot be written.
        MissingDependencyError: a format needs a package that is not installed.
    """

    def __init__(
        self, output: Path, settings: RunSettings, formats: Iterable[str], required: tuple[str, ...] = ()
    ) -> None:
        self.totals = Totals(settings.class_names, code_class=settings.code_class if settings.read_codes else "")
        self._stack = ExitStack()
        self._output, self._settings = output, settings
        wanted = tuple(dict.fromkeys(formats))
        self._formats = [FORMATS[name] for name in wanted if name in FORMATS]
        self._adders: list[AddDocument] = []
        self.heading = _heading(settings, required)
        self.mark_rows: list[tuple[Cell, ...]] | None = [] if "xlsx" in wanted else None

    def __enter__(self) -> ResultFiles:
        with ExitStack() as stack:
            self._adders = [stack.enter_context(open_file(self._output, self._settings)) for open_file in self._formats]
            self._list = stack.enter_context(index_page(self._output / INDEX_NAME, self.heading))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def add(self, result: DocumentResult, end: DocumentEnd | None) -> None:
        """Writes one document into every file; call it in the order of the documents' names.

        Args:
            result: the pages of the document.
            end: None when the run stopped before the last page of the document.
        """
        row = self.totals.add(result, end)
        for add in self._adders:
            add(result)
        self._list(listed_document(row, result, self._settings))
        if self.mark_rows is not None:
            for page in result.good_pages:
                if len(self.mark_rows) < MAX_ROWS:
                    self.mark_rows += mark_rows(page, self._settings)


def _heading(settings: RunSettings, required: tuple[str, ...]) -> IndexHeading:
    thresholds = zip(settings.class_names, settings.thresholds, strict=True)
    counts = ", ".join(f"{conf:g} ({name})" for name, conf in thresholds)
    return IndexHeading(
        "Marks found by docdetect",
        settings.class_names,
        required,
        about=f"a mark counts from confidence {counts}",
        pages_folder=PAGES_FOLDER if settings.save_pages else "",
        thumbs_folder=THUMBS_FOLDER if settings.save_pages else "",
        copies_folder=PDF_FOLDER if settings.save_pdf else "",
    )
