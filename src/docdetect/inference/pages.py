"""What a Detector finds: documents, pages and marks, and their conversion to other libraries' types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from docdetect.annotations.native import annotations_to_json
from docdetect.errors import MissingDependencyError
from docdetect.inference.results import COLUMNS, annotated_pages, mark_rows
from docdetect.inference.settings import RunSettings
from docdetect.inference.shown_values import code_status, confidences_of, mark_confidences, shown_marks
from docdetect.types import ByteArray, DocumentStatus, FailedPage, Failure, Note, PageResult, SizeWH

if TYPE_CHECKING:
    import pandas
    import supervision

PLOT_PX = 2000
"""Long side of a drawn page in px, unless another is asked for."""

Render: TypeAlias = Callable[[int, int], ByteArray]
"""Renders page `number` (from 1) with a long side of at most so many px: uint8 (H, W, 3) RGB."""


@dataclass(frozen=True)
class Mark:
    """A QR code, signature or stamp on a page.

    Attributes:
        category: the name of its class, such as `signature`.
        confidence: in [0, 1]; the probability that the detection is a mark where the weights have a calibration, else
            the score of the network.
        xyxy: left, top, right, bottom in px of a page of `Page.size_wh`, origin top left.
        text: what a QR code says; None for marks of other categories, and for codes that could not be read.
        status: `decoded` or `unreadable` for a QR code; None for marks of other categories, and where codes are not
            read.
    """

    category: str
    confidence: float
    xyxy: tuple[float, float, float, float]
    text: str | None = None
    status: str | None = None


@dataclass(frozen=True)
class Page:
    """A page and the marks on it.

    Attributes:
        document: the name of the document.
        number: page number from 1.
        size_wh: (width, height) px of the page that boxes refer to: of a PDF at the `dpi` of the call, of an image or
            array in its own pixels.
        dpi: px/inch of that page; None where an image does not say.
        size_pt: (width, height) of the displayed page of a PDF in points; None for images and arrays.
        marks: by descending confidence.
        possible_marks: possible marks below the threshold that a person should check, by descending confidence.
        damaged: what may be missing of a page from a damaged file, in words for people; None for a sound page.
    """

    document: str
    number: int
    size_wh: SizeWH
    dpi: float | None
    size_pt: tuple[float, float] | None
    marks: tuple[Mark, ...]
    possible_marks: tuple[Mark, ...]
    damaged: str | None
    _result: PageResult = field(repr=False, compare=False)
    _settings: RunSettings = field(repr=False, compare=False)
    _render: Render = field(repr=False, compare=False)

    @classmethod
    def from_result(cls, result: PageResult, settings: RunSettings, render: Render) -> Page:
        """The page of a result.

        Args:
            result: what the pipeline found.
            settings: of the run.
            render: renders pages of the document.
        """
        grouped, info = result.grouped, result.info
        confidences = mark_confidences(result, settings)
        marks = []
        for position, class_id in enumerate(grouped.class_ids.tolist()):
            left, top, right, bottom = (round(float(value), 2) for value in grouped.xyxy[position])
            name, text = settings.class_names[class_id], result.texts[position]
            status = code_status(name, text, settings)
            marks.append(Mark(name, confidences[position], (left, top, right, bottom), text, status))
        return cls(
            info.document,
            info.number,
            info.size_wh,
            info.dpi,
            info.size_pt,
            tuple(marks),
            _possible_marks(result, settings),
            info.damaged,
            result,
            settings,
            render,
        )

    @property
    def sheet(self) -> tuple[tuple[float, float], ...] | None:
        """Where the page is a photograph whose sheet of paper was laid flat (`dewarp`), the (x, y) px of the corners of
        the sheet: top left, top right, bottom right, bottom left. None for every other page."""
        return self._result.info.sheet

    def to_dict(self) -> dict[str, Any]:
        """The page in the format of `detections.json`; see `to_dict`."""
        return to_dict([Document(self.document, (self,))])

    def to_pandas(self) -> pandas.DataFrame:
        """A row for each mark, with the columns of `detections.csv`; see `to_pandas`."""
        return to_pandas([Document(self.document, (self,))])

    def to_supervision(self) -> supervision.Detections:
        """The marks as `supervision.Detections`.

        Boxes are float32 (N, 4) px of the page; `data` has `class_name` and, with what QR codes say, `text`.

        Raises:
            MissingDependencyError: supervision is not installed.
        """
        try:
            import supervision
        except ImportError as error:
            raise MissingDependencyError(
                "to_supervision() needs the package 'supervision', which is not installed",
                "Install it with: pip install supervision",
            ) from error
        import numpy as np

        grouped = self._result.grouped
        return supervision.Detections(
            xyxy=grouped.xyxy.copy(),
            confidence=np.array([mark.confidence for mark in self.marks], np.float32),
            class_id=grouped.class_ids.copy(),
            data={
                "class_name": np.array([mark.category for mark in self.marks], dtype=str),
                "text": np.array([mark.text or "" for mark in self.marks], dtype=str),
            },
        )

    def plot(self, long_side_px: int = PLOT_PX) -> ByteArray:
        """The page with its marks drawn, uint8 (H, W, 3) RGB.

        The page is rendered again, so the file of the document must still be there; bytes and arrays are kept.

        Args:
            long_side_px: long side of the picture in px; images and arrays are not enlarged.

        Raises:
            DocumentError: the document cannot be read any more.
        """
        from docdetect.documents.drawing import draw_detections

        pixels = self._render(self.number, min(long_side_px, self._longest_px()))
        return draw_detections(pixels, shown_marks(self._result, self._settings), self._settings.class_names)

    def _longest_px(self) -> int:
        return max(self.size_wh) if self.size_pt is None else 1 << 30


def _possible_marks(result: PageResult, settings: RunSettings) -> tuple[Mark, ...]:
    found = result.possible_marks
    if found is None:
        return ()
    confidences = confidences_of(found, settings)
    marks = []
    for class_id, box, confidence in zip(found.class_ids.tolist(), found.xyxy, confidences, strict=True):
        left, top, right, bottom = (round(float(value), 2) for value in box)
        marks.append(Mark(settings.class_names[class_id], confidence, (left, top, right, bottom)))
    return tuple(sorted(marks, key=lambda mark: -mark.confidence))


@dataclass(frozen=True)
class Document:
    """A document with its pages, and what could not be read of it.

    Attributes:
        name: as it was given: a path, or `document_1` for the first document of a call if that is bytes or an array.
        pages: the pages that have a result, in page order.
        failures: the pages that have none, with their reasons, and with `page` None the reason why the document as a
            whole failed or ended early.
        page_count: pages that the document says it has; 0 when it could not be opened.
        complete: False when the run was stopped before the last page.
        notes: what else is to be known about the document, such as a repair or attached files that were not opened;
            `note.message` says it in words.
    """

    name: str
    pages: tuple[Page, ...]
    failures: tuple[FailedPage, ...] = ()
    page_count: int = 0
    complete: bool = True
    notes: tuple[Note, ...] = ()

    def __iter__(self) -> Iterator[Page]:
        return iter(self.pages)

    @property
    def failure(self) -> Failure | None:
        """Why the document as a whole failed or ended early; None when it did not."""
        return next((failed.failure for failed in self.failures if failed.page is None), None)

    @property
    def status(self) -> DocumentStatus:
        """ok: every page has a result; failed: none has; partial: in between, or stopped."""
        if not self.pages:
            return DocumentStatus.FAILED if self.failures else DocumentStatus.PARTIAL
        return DocumentStatus.PARTIAL if self.failures or not self.complete else DocumentStatus.OK

    def to_dict(self) -> dict[str, Any]:
        """The document in the format of `detections.json`; see `to_dict`."""
        return to_dict([self])

    def to_pandas(self) -> pandas.DataFrame:
        """A row for each mark, with the columns of `detections.csv`; see `to_pandas`."""
        return to_pandas([self])


def to_dict(documents: Iterable[Document]) -> dict[str, Any]:
    """Documents in the format of `detections.json`, which is that of `annotations.json` with confidences.

    Args:
        documents: their marks are numbered in this order; documents without any result are left out.

    Returns:
        `{document: {"page_1": {"annotations": [{"annotation_1": mark}, ...], "page_size": size}}}`, with
        `mark = {"category": ..., "bbox": {"x": ..., "y": ..., "width": ..., "height": ...}, "confidence": ...}` and
        `size = {"width": ..., "height": ...}`, all in px.
    """
    annotations = {
        document.name: annotated_pages([page._result for page in document.pages], document.pages[0]._settings)
        for document in documents
        if document.pages
    }
    return annotations_to_json(annotations)


def to_pandas(documents: Iterable[Document]) -> pandas.DataFrame:
    """A row for each mark of the documents, with the columns of `detections.csv`.

    The columns are document, page, category, confidence; x, y, width, height of the box and page_width, page_height in
    px; x0_pt, y0_pt, x1_pt, y1_pt in points for PDFs (empty for images); text and status of QR codes.
    """
    import pandas

    rows = [row for document in documents for page in document.pages for row in mark_rows(page._result, page._settings)]
    table = pandas.DataFrame(rows, columns=list(COLUMNS))
    whole = dict.fromkeys(("page", "page_width", "page_height"), "int64")
    real = dict.fromkeys(("confidence", "x", "y", "width", "height", "x0_pt", "y0_pt", "x1_pt", "y1_pt"), "float64")
    typed: pandas.DataFrame = table.astype(whole | real)
    return typed
