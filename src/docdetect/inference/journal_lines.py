"""The lines of the journal of a run: what they say of a page, a document and a marked copy, and how it is read back.

Each line is one JSON object: the run, a finished page, a finished document, or the marked copy of a PDF. The line of a
page holds everything that the other result files are made from: the raw detections as the network gave them, the
marks with the positions of the raw boxes that each of them stands for, and the size of the page. The file itself is in
`journal.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from docdetect.inference.settings import RunSettings
from docdetect.inference.shown_values import code_status, coordinate, mark_confidences, score
from docdetect.types import (
    Detections,
    FailedPage,
    Failure,
    FailureKind,
    Note,
    NoteKind,
    PageInfo,
    PageResult,
    SizeWH,
)

_POSSIBLE_MARKS = "possible_marks"
# The key of the possible marks of a page in journals of before November 2026.
_EARLIER_KEY = "doubtful"

JOURNAL_VERSION = 1

LineKind: TypeAlias = Literal["run", "page", "document", "pdf"]


@dataclass(frozen=True)
class Origin:
    """What a result belongs to.

    Attributes:
        sha256: content hash of the document; "" where it could not be read.
        settings: hash of the settings of the run, see `RunSettings.content_hash`.
    """

    sha256: str
    settings: str


@dataclass(frozen=True)
class DocumentEnd:
    """The line that closes a document.

    Attributes:
        document: path relative to the source, POSIX, NFC.
        page_count: pages the document says it has.
        failure: why the document as a whole failed or ended early.
        notes: what else is to be known about the document.
    """

    document: str
    page_count: int
    failure: Failure | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class PdfEnd:
    """The line that says that the marked copy of a PDF was made, or why it could not be.

    Attributes:
        document: path relative to the source, POSIX, NFC.
        failure: why there is no copy.
    """

    document: str
    failure: Failure | None = None


@dataclass(frozen=True)
class JournalLine:
    """A line that was read back.

    Attributes:
        kind: what the line is about: the run, a page, the end of a document, or the marked copy of a PDF.
        document: name of the document; "" for the run.
        page: page number from 1; 0 for all lines but those of pages.
        origin: the content and the settings that the line belongs to.
        data: the parsed JSON object.
    """

    kind: LineKind
    document: str
    page: int
    origin: Origin
    data: dict[str, Any]


def run_to_line(settings: RunSettings) -> str:
    """The first line of a journal."""
    return _text_of(
        {
            "record": "run",
            "journal": JOURNAL_VERSION,
            "settings": settings.content_hash(),
            "values": settings.influential(),
        }
    )


def page_to_line(result: PageResult | FailedPage, origin: Origin, settings: RunSettings) -> str:
    """The line of a finished page, without line end."""
    if isinstance(result, FailedPage):
        failed: dict[str, Any] = {"record": "page", "document": result.document, "page": result.page} | vars(origin)
        return _text_of(failed | {"failure": failure_to_json(result.failure)})
    info = result.info
    data: dict[str, Any] = {"record": "page", "document": info.document, "page": info.number} | vars(origin)
    data["page_size"] = {"width": info.size_wh[0], "height": info.size_wh[1]}
    data["dpi"] = info.dpi
    data["size_pt"] = None if info.size_pt is None else list(info.size_pt)
    if info.damaged is not None:
        data["damaged"] = info.damaged
    if info.sheet is not None:
        data["sheet"] = [list(corner) for corner in info.sheet]
    data["raw"] = _detections_to_json(result.raw, settings.class_names)
    marks = _detections_to_json(result.grouped, settings.class_names)
    confidences = mark_confidences(result, settings)
    for mark, confidence, members, text in zip(marks, confidences, result.members, result.texts, strict=True):
        if settings.calibration is not None:
            mark["score"], mark["confidence"] = mark["confidence"], confidence
        mark["members"] = list(members)
        status = code_status(mark["category"], text, settings)
        if status is not None:
            mark |= {"text": text, "status": status}
    if result.possible_marks is not None and len(result.possible_marks):
        data[_POSSIBLE_MARKS] = _detections_to_json(result.possible_marks, settings.class_names)
    if result.screened_out:
        data["screened_out"] = True
    return _text_of(data | {"marks": marks})


def page_place(result: PageResult | FailedPage) -> tuple[str, int]:
    """The document name and the number (from 1) of a page."""
    if isinstance(result, FailedPage):
        assert result.page is not None
        return result.document, result.page
    return result.info.document, result.info.number


def document_to_line(end: DocumentEnd, origin: Origin) -> str:
    """The line that closes a document, without line end."""
    data = {"record": "document", "document": end.document} | vars(origin) | {"pages": end.page_count}
    if end.notes:
        data["notes"] = [note_to_json(note) for note in end.notes]
    return _text_of(data | {"failure": None if end.failure is None else failure_to_json(end.failure)})


def pdf_to_line(end: PdfEnd, origin: Origin) -> str:
    """The line about the marked copy of a PDF, without line end."""
    data = {"record": "pdf", "document": end.document} | vars(origin)
    return _text_of(data | {"failure": None if end.failure is None else failure_to_json(end.failure)})


def parse_line(text: str) -> JournalLine | None:
    """The line that a text holds; None for a text that is torn, or no line of a journal."""
    try:
        data = json.loads(text)
        kind = data["record"]
        if kind not in ("run", "page", "document", "pdf"):
            return None
        if _EARLIER_KEY in data:
            data[_POSSIBLE_MARKS] = data.pop(_EARLIER_KEY)
        origin = Origin(str(data.get("sha256", "")), str(data["settings"]))
        return JournalLine(kind, str(data.get("document", "")), int(data.get("page", 0)), origin, data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def line_to_thresholds(line: JournalLine) -> dict[str, float]:
    """Category -> lowest score of a mark, in the order of the class ids, from the line of a run's settings.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: the line is not one that `run_to_line` wrote.
    """
    values = line.data["values"]
    names = [str(name) for name in values["class_names"]]
    conf = [float(value) for value in values.get("class_conf") or [values["conf"]] * len(names)]
    found = dict(zip(names, conf, strict=True))
    if len(found) != len(names):
        raise ValueError("a category twice")
    return found


def line_to_page(line: JournalLine, class_names: tuple[str, ...]) -> PageResult | FailedPage:
    """The result of a page that a line was written from.

    Raises:
        ValueError, KeyError, TypeError: the line is not one that `page_to_line` wrote with these classes.
    """
    data = line.data
    if "failure" in data:
        return FailedPage(line.document, line.page, failure_from_json(data["failure"]))
    size_wh = (int(data["page_size"]["width"]), int(data["page_size"]["height"]))
    size_pt = None if data["size_pt"] is None else (float(data["size_pt"][0]), float(data["size_pt"][1]))
    corners = data.get("sheet")
    sheet = None if corners is None else tuple((float(x), float(y)) for x, y in corners)
    return PageResult(
        info=PageInfo(line.document, line.page, size_wh, data["dpi"], size_pt, data.get("damaged"), sheet),
        raw=_json_to_detections(data["raw"], size_wh, class_names),
        grouped=_json_to_detections(data["marks"], size_wh, class_names),
        members=tuple(tuple(mark["members"]) for mark in data["marks"]),
        texts=tuple(mark.get("text") for mark in data["marks"]),
        possible_marks=(
            _json_to_detections(data[_POSSIBLE_MARKS], size_wh, class_names) if _POSSIBLE_MARKS in data else None
        ),
        screened_out=bool(data.get("screened_out", False)),
    )


def line_to_end(line: JournalLine) -> DocumentEnd:
    """The end of a document that a line was written from; raises as `line_to_page` does."""
    failure = line.data["failure"]
    return DocumentEnd(
        line.document,
        int(line.data["pages"]),
        None if failure is None else failure_from_json(failure),
        tuple(Note(NoteKind(note["kind"]), int(note["count"])) for note in line.data.get("notes", ())),
    )


def line_to_pdf(line: JournalLine) -> PdfEnd:
    """The marked copy that a line was written from; raises as `line_to_page` does."""
    failure = line.data["failure"]
    return PdfEnd(line.document, None if failure is None else failure_from_json(failure))


def failure_to_json(failure: Failure) -> dict[str, str]:
    """`{"kind": ..., "message": ...}`."""
    return {"kind": failure.kind.value, "message": failure.message}


def note_to_json(note: Note) -> dict[str, object]:
    """`{"kind": ..., "count": ..., "message": ...}`."""
    return {"kind": note.kind.value, "count": note.count, "message": note.message}


def failure_from_json(data: dict[str, str]) -> Failure:
    """`failure_to_json` reversed. Raises ValueError, KeyError, TypeError."""
    return Failure(FailureKind(data["kind"]), data["message"])


def _detections_to_json(detections: Detections, class_names: tuple[str, ...]) -> list[dict[str, Any]]:
    scores = detections.scores if detections.scores is not None else np.ones(len(detections), np.float32)
    return [
        {
            "category": class_names[class_id],
            "confidence": score(confidence),
            "xyxy": [coordinate(value) for value in box],
        }
        for class_id, confidence, box in zip(detections.class_ids, scores, detections.xyxy, strict=True)
    ]


def _json_to_detections(items: list[dict[str, Any]], size_wh: SizeWH, class_names: tuple[str, ...]) -> Detections:
    return Detections(
        np.array([item["xyxy"] for item in items], np.float32).reshape(-1, 4),
        np.array([class_names.index(item["category"]) for item in items], np.int64),
        size_wh,
        np.array([item.get("score", item["confidence"]) for item in items], np.float32),
    )


def _text_of(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
