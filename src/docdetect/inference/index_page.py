"""`index.html` of a result folder: one page that shows every document with its marks, without a server.

The page is a template (`index.html` beside this file) with the results as JSON inside it; pictures lie beside the page
in the folders that the results name. Documents are written one after the other, so that memory does not grow with their
number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from docdetect.files import replacing_text
from docdetect.inference.report import Answer, DocumentRow, words_for
from docdetect.inference.settings import RunSettings
from docdetect.inference.shown_values import confidences_of
from docdetect.types import Detections, DocumentResult, PageResult, SizeWH

# Browsers limit how high a page may be (Firefox: about 17.8 million CSS px); a row of the list is up to 124 px high.
MAX_LISTED_DOCUMENTS = 100_000

_PLACEHOLDER = "/*DATA*/"


@dataclass(frozen=True)
class ListedMark:
    """A mark as the page lists it.

    Attributes:
        class_id: its class.
        confidence: in [0, 1].
        text: of a QR code.
        xyxy: left, top, right, bottom in px of the page, of a possible mark, whose frame the drawn page does not have.
    """

    class_id: int
    confidence: float
    text: str | None = None
    xyxy: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class ListedPage:
    """One page of a document.

    Attributes:
        number: page number from 1.
        marks: the marks that count.
        possible_marks: possible marks that a person should check.
        failure: why the page could not be read; "" where it could.
        size_wh: width and height in px that the boxes of possible marks refer to.
    """

    number: int
    marks: tuple[ListedMark, ...] = ()
    possible_marks: tuple[ListedMark, ...] = ()
    failure: str = ""
    size_wh: SizeWH = (1, 1)


@dataclass(frozen=True)
class ListedDocument:
    """One document of the list.

    Attributes:
        name: path relative to the source.
        status: `ok`, `partial` or `failed`.
        page_count: pages that the document says it has.
        answers: category -> answer, for every category of the network.
        pages: in the order of their numbers.
        reason: why the document, or the first of its pages that failed, could not be read; "" for none.
        notes: what else a reader must know (damaged and repaired, attachments that were not opened).
        is_pdf: the document is a PDF, of which there may be a marked copy.
    """

    name: str
    status: str
    page_count: int
    answers: Mapping[str, Answer]
    pages: tuple[ListedPage, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = ()
    is_pdf: bool = False


@dataclass
class IndexHeading:
    """What stands above the list; it may be filled in until the last document is written.

    Attributes:
        title: heading of the page.
        class_names: categories in the order of their ids.
        required: categories that every document should have.
        about: one sentence on the run (weights, settings, time).
        warning: what the reader must know before trusting the list; "" for nothing.
        pages_folder: folder of the drawn pages; "" where none were kept.
        thumbs_folder: folder of small pictures of first pages; "" for none.
        copies_folder: folder of the marked copies of PDFs; "" for none.
        without_copy: documents of which no marked copy could be made.
    """

    title: str
    class_names: tuple[str, ...]
    required: tuple[str, ...] = ()
    about: str = ""
    warning: str = ""
    pages_folder: str = ""
    thumbs_folder: str = ""
    copies_folder: str = ""
    without_copy: tuple[str, ...] = ()
    page_count: int = field(default=0, init=False)


@contextmanager
def index_page(path: Path, heading: IndexHeading) -> Iterator[Callable[[ListedDocument], None]]:
    """Writes the page; gives a function that takes one document after another. The page appears when the block ends.

    Documents after the first `MAX_LISTED_DOCUMENTS` are not listed, and the page says so.

    Raises:
        OutputError: the page cannot be written.
    """
    before, after = _template().split(_PLACEHOLDER)
    with replacing_text(path) as stream:
        stream.write(before)
        stream.write('{"documents":[')
        count = 0

        def add(document: ListedDocument) -> None:
            nonlocal count
            count += 1
            heading.page_count += len(document.pages)
            if count <= MAX_LISTED_DOCUMENTS:
                _write(stream, _document_to_json(document), first=count == 1)

        yield add
        stream.write("\n]," + _text(_heading_to_json(heading, count)).removeprefix("{") + "\n")
        stream.write(after)


def _template() -> str:
    return files("docdetect.inference").joinpath("index.html").read_text(encoding="utf-8")


def _heading_to_json(heading: IndexHeading, count: int) -> dict[str, Any]:
    warnings = [heading.warning] if heading.warning else []
    if count > MAX_LISTED_DOCUMENTS:
        warnings.append(
            f"Only the first {MAX_LISTED_DOCUMENTS:,} of {count:,} documents are listed here; all are in documents.csv."
        )
    return {
        "title": heading.title,
        "classes": list(heading.class_names),
        "words": {name: words_for(name) for name in heading.class_names},
        "required": list(heading.required),
        "about": heading.about,
        "warning": " ".join(warnings),
        "page_count": heading.page_count,
        "pages_folder": heading.pages_folder,
        "thumbs_folder": heading.thumbs_folder,
        "copies_folder": heading.copies_folder,
        "without_copy": list(heading.without_copy),
    }


def _document_to_json(document: ListedDocument) -> dict[str, Any]:
    return {
        "name": document.name,
        "status": document.status,
        "page_count": document.page_count,
        "answers": dict(document.answers),
        "reason": document.reason,
        "notes": list(document.notes),
        "is_pdf": document.is_pdf,
        "pages": [_page_to_json(page) for page in document.pages],
    }


def _page_to_json(page: ListedPage) -> dict[str, Any]:
    values = {
        "number": page.number,
        "failure": page.failure,
        "marks": [_mark_to_json(mark) for mark in page.marks],
        "possible_marks": [_mark_to_json(mark) for mark in page.possible_marks],
    }
    return values | {"size": list(page.size_wh)} if page.possible_marks else values


def _mark_to_json(mark: ListedMark) -> list[Any]:
    plain = [mark.class_id, round(mark.confidence, 3)]
    if mark.xyxy is not None:
        return [*plain, [round(value) for value in mark.xyxy]]
    return plain if mark.text is None else [*plain, mark.text]


def _write(stream: IO[str], item: dict[str, Any], *, first: bool) -> None:
    stream.write(("\n" if first else ",\n") + _text(item))


def _text(item: dict[str, Any]) -> str:
    """JSON that may stand inside a `script` element: no text in it can end the element or begin a comment."""
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def listed_document(row: DocumentRow, result: DocumentResult, settings: RunSettings) -> ListedDocument:
    """A document as the page lists it.

    Args:
        row: its row in the table of documents.
        result: its pages.
        settings: of the run.
    """
    pages = [
        ListedPage(
            page.info.number,
            _listed(page.grouped, page.texts, settings),
            _possible_marks(page, settings),
            size_wh=page.info.size_wh,
        )
        for page in result.good_pages
    ]
    pages += [ListedPage(page.page or 0, failure=page.failure.message) for page in result.failed_pages]
    pages.sort(key=lambda page: page.number)
    is_pdf = row.document.lower().endswith(".pdf")
    remarks = (row.remarks,) if row.remarks else ()
    return ListedDocument(
        row.document, row.status.value, row.page_count, row.answers, tuple(pages), row.reason, remarks, is_pdf
    )


def _possible_marks(page: PageResult, settings: RunSettings) -> tuple[ListedMark, ...]:
    found = page.possible_marks
    if found is None:
        return ()
    listed = _listed(found, (None,) * len(found), settings)
    return tuple(replace(mark, xyxy=tuple(box)) for mark, box in zip(listed, found.xyxy.tolist(), strict=True))


def _listed(found: Detections, texts: Sequence[str | None], settings: RunSettings) -> tuple[ListedMark, ...]:
    confidences = confidences_of(found, settings)
    marks = zip(found.class_ids.tolist(), confidences, texts, strict=True)
    return tuple(ListedMark(class_id, confidence, text) for class_id, confidence, text in marks)
