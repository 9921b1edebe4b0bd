"""The result files of a run that hold its marks, and the page that lists its documents.

There is one function for each result format. It opens a file and gives back a function that takes one document after
the other, in the order of their names, so that memory does not grow with the number of documents; the file appears
when the last document is in. `ResultFiles` keeps all formats of a run and `index.html` open at once, and counts.
`report.py` says what the run came to.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from docdetect import boxes
from docdetect.annotations.formats import FORMATS
from docdetect.annotations.marks import AnnotatedPage, Mark
from docdetect.annotations.writing import WriteSettings
from docdetect.datasets.piece_files import PieceFiles
from docdetect.documents.drawing import colours_of
from docdetect.errors import MissingDependencyError
from docdetect.files import replacing, replacing_text
from docdetect.inference.folder import (
    IMAGES_FOLDER,
    INDEX_NAME,
    LABELME_FOLDER,
    PAGES_FOLDER,
    PDF_FOLDER,
    THUMBS_FOLDER,
    VOC_FOLDER,
)
from docdetect.inference.index_page import IndexHeading, index_page, listed_document
from docdetect.inference.journal_lines import DocumentEnd
from docdetect.inference.report import Totals
from docdetect.inference.settings import RunSettings
from docdetect.inference.shown_values import code_status, coordinate, mark_confidences
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
"""The columns of detections.csv. Boxes are in px of the page, and for PDFs also in points of the page as displayed,
from the top left. `status` is `decoded` or `unreadable` for QR codes and empty for all else."""


def annotation_format(name: str, *, file: str = "", folder: str = "") -> OpenFormat:
    """The result format that writes annotations of another tool, or docdetect's own; see `annotations/formats.py`.

    Documents and pages without a result are left out. Pictures of pages are named as `--save-images` keeps them.

    Args:
        name: one of the formats of `annotations/formats.py`.
        file: name of the one file, where the format has one.
        folder: folder in the result folder that the files lie in; empty for the result folder itself.
    """

    @contextmanager
    def open_format(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
        names = settings.class_names
        images = f"../{IMAGES_FOLDER}" if folder else IMAGES_FOLDER
        writer = FORMATS[name].writer(WriteSettings(names, file, images, colours=colours_of(names)))
        with PieceFiles(output / folder) as files:
            files.put(writer.begin())

            def add(result: DocumentResult) -> None:
                if pages := annotated_pages(result.good_pages, settings):
                    files.put(writer.add(result.document, pages))

            yield add
            files.put(writer.end())

    return open_format


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


RESULT_FORMATS: dict[str, OpenFormat] = {
    "json": annotation_format("native", file="detections.json"),
    "csv": csv_file,
    "coco": annotation_format("coco", file="detections_coco.json"),
    "yolo": annotation_format("yolo"),
    "label-studio": annotation_format("label-studio", file="label_studio.json"),
    "cvat": annotation_format("cvat", file="cvat.xml"),
    "voc": annotation_format("voc", folder=VOC_FOLDER),
    "labelme": annotation_format("labelme", folder=LABELME_FOLDER),
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


def annotated_pages(pages: Iterable[PageResult], settings: RunSettings) -> dict[int, AnnotatedPage]:
    """Page number -> page in the form of annotations; its marks have no keys, which the writer numbers."""
    return {page.info.number: _annotated(page, settings) for page in pages}


def _annotated(page: PageResult, settings: RunSettings) -> AnnotatedPage:
    xywh, confidences = boxes.xyxy_to_xywh(page.grouped.xyxy), mark_confidences(page, settings)
    marks = []
    for position, class_id in enumerate(page.grouped.class_ids.tolist()):
        x, y, width, height = (coordinate(value) for value in xywh[position])
        name, text = settings.class_names[class_id], page.texts[position]
        status = code_status(name, text, settings)
        marks.append(Mark(name, (x, y, width, height), "", confidences[position], text, status))
    return AnnotatedPage(page.info.size_wh, tuple(marks))


class ResultFiles:
    """The result files of a run, open for one document after the other; a context manager.

    The files replace those of an earlier run when the block ends well; when it fails, the earlier files stay.

    Args:
        output: the result folder.
        settings: of the run.
        formats: names of `RESULT_FORMATS`, or `xlsx`; others are passed over.
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
        self._formats = [RESULT_FORMATS[name] for name in wanted if name in RESULT_FORMATS]
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
