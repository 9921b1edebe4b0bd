"""Lines of the journal: one JSON object each for the run, a finished page and a finished document; pure text <-> data.

A page's line holds all that the other result files are made from: the raw detections as the model gave them, the marks
with the positions of the raw boxes they stand for, and the page's size.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from docdetect.inference.settings import RunSettings
from docdetect.types import Detections, Failure, FailureKind, PageInfo, PageResult, SizeWH

JOURNAL_VERSION = 1
_UNKNOWN_SIZE = (1, 1)  # of a page that could not be opened: PageInfo wants a size, nothing shows it

RecordKind: TypeAlias = Literal["run", "page", "document", "pdf"]


@dataclass(frozen=True)
class Stamp:
    """What a result belongs to: the content of the document and the settings of the run."""

    sha256: str
    settings: str


@dataclass(frozen=True)
class DocumentEnd:
    """The line that closes a document.

    Attributes:
        document: path relative to the source, POSIX, NFC.
        page_count: pages the document says it has.
        failure: why the document as a whole failed or ended early.
    """

    document: str
    page_count: int
    failure: Failure | None = None


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
class Record:
    """A line read back: which kind, and its page or document where it is of one.

    Attributes:
        kind: run, page, document or pdf.
        document: name; "" for the run.
        page: number from 1; 0 for all but pages.
        stamp: what the line belongs to.
        data: the parsed object.
    """

    kind: RecordKind
    document: str
    page: int
    stamp: Stamp
    data: dict[str, Any]


def run_to_line(settings: RunSettings) -> str:
    """The first line of a journal."""
    return _line(
        {
            "record": "run",
            "journal": JOURNAL_VERSION,
            "settings": settings.fingerprint(),
            "values": settings.influential(),
        }
    )


def page_to_line(result: PageResult, stamp: Stamp, settings: RunSettings) -> str:
    """The line of a finished page, without line end."""
    info = result.info
    data: dict[str, Any] = {"record": "page", "document": info.document, "page": info.number} | vars(stamp)
    if result.failure is not None:
        return _line(data | {"failure": failure_to_json(result.failure)})
    data["page_size"] = {"width": info.size_wh[0], "height": info.size_wh[1]}
    data["dpi"] = info.dpi
    data["size_pt"] = None if info.size_pt is None else list(info.size_pt)
    data["raw"] = _detections_to_json(result.raw, settings.class_names)
    marks = _detections_to_json(result.grouped, settings.class_names)
    for mark, members, text in zip(marks, result.members, result.texts, strict=True):
        mark["members"] = list(members)
        status = code_status(mark["category"], text, settings)
        if status is not None:
            mark |= {"text": text, "status": status}
    return _line(data | {"marks": marks})


def document_to_line(end: DocumentEnd, stamp: Stamp) -> str:
    """The line that closes a document, without line end."""
    data = {"record": "document", "document": end.document} | vars(stamp) | {"pages": end.page_count}
    return _line(data | {"failure": None if end.failure is None else failure_to_json(end.failure)})


def pdf_to_line(end: PdfEnd, stamp: Stamp) -> str:
    """The line about the marked copy of a PDF, without line end."""
    data = {"record": "pdf", "document": end.document} | vars(stamp)
    return _line(data | {"failure": None if end.failure is None else failure_to_json(end.failure)})


def line_to_record(line: str) -> Record | None:
    """The record of one line, None when it is torn or no record at all."""
    try:
        data = json.loads(line)
        kind = data["record"]
        if kind not in ("run", "page", "document", "pdf"):
            return None
        stamp = Stamp(str(data.get("sha256", "")), str(data["settings"]))
        return Record(kind, str(data.get("document", "")), int(data.get("page", 0)), stamp, data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def record_to_page(record: Record, class_names: tuple[str, ...]) -> PageResult:
    """The result that a page's line was written from.

    Raises:
        ValueError, KeyError, TypeError: the line is not one that `page_to_line` wrote with these classes.
    """
    data = record.data
    if "failure" in data:
        return failed_page(record.document, record.page, failure_from_json(data["failure"]))
    size_wh = (int(data["page_size"]["width"]), int(data["page_size"]["height"]))
    size_pt = None if data["size_pt"] is None else (float(data["size_pt"][0]), float(data["size_pt"][1]))
    return PageResult(
        info=PageInfo(record.document, record.page, size_wh, data["dpi"], size_pt),
        raw=_json_to_detections(data["raw"], size_wh, class_names),
        grouped=_json_to_detections(data["marks"], size_wh, class_names),
        members=tuple(tuple(mark["members"]) for mark in data["marks"]),
        texts=tuple(mark.get("text") for mark in data["marks"]),
    )


def record_to_end(record: Record) -> DocumentEnd:
    """What a document's line was written from. Raises ValueError, KeyError, TypeError as `record_to_page` does."""
    failure = record.data["failure"]
    return DocumentEnd(
        record.document, int(record.data["pages"]), None if failure is None else failure_from_json(failure)
    )


def record_to_pdf(record: Record) -> PdfEnd:
    """What a line about a copy was written from. Raises ValueError, KeyError, TypeError as `record_to_page` does."""
    failure = record.data["failure"]
    return PdfEnd(record.document, None if failure is None else failure_from_json(failure))


def failed_page(document: str, number: int, failure: Failure) -> PageResult:
    """The result of a page that has none; its size is not known and must not be shown."""
    nothing = Detections.none(_UNKNOWN_SIZE)
    return PageResult(PageInfo(document, number, _UNKNOWN_SIZE), nothing, nothing, failure=failure)


def failure_to_json(failure: Failure) -> dict[str, str]:
    """`{"kind": ..., "message": ...}`."""
    return {"kind": failure.kind.value, "message": failure.message}


def failure_from_json(data: dict[str, str]) -> Failure:
    """`failure_to_json` reversed. Raises ValueError, KeyError, TypeError."""
    return Failure(FailureKind(data["kind"]), data["message"])


def code_status(category: str, text: str | None, settings: RunSettings) -> str | None:
    """`decoded` or `unreadable` for a QR code that the run tried to read; None for every other mark."""
    if not settings.read_codes or category != settings.code_class:
        return None
    return "unreadable" if text is None else "decoded"


def coordinate(value: float) -> float:
    """A coordinate in px as results show it: float32 noise beyond 1/100 px removed."""
    return round(float(value), 2)


def score(value: float) -> float:
    """A confidence as results show it: four decimals."""
    return round(float(value), 4)


def rounded(detections: Detections) -> Detections:
    """The detections as results show them, so that grouping from the journal gives what grouping in the run gave."""
    scores = None if detections.scores is None else np.round(detections.scores.astype(np.float64), 4)
    xyxy = np.round(detections.xyxy.astype(np.float64), 2)
    return Detections(
        xyxy.astype(np.float32),
        detections.class_ids,
        detections.size_wh,
        None if scores is None else scores.astype(np.float32),
    )


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
        np.array([item["confidence"] for item in items], np.float32),
    )


def _line(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
