"""The pages of a document in the words of the original system, and JSON that is written piece by piece."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.concurrency import run_in_threadpool

from docdetect.documents.sources import DocumentKind
from docdetect.service.incoming import Incoming
from docdetect.service.options import DetectOptions
from docdetect.service.pictures import page_png
from docdetect.service.runner import Detected, Service, document_file
from docdetect.service.uploads import Upload
from docdetect.types import Failure, PageResult

_LISTS = {"stamp": "stamps", "signature": "signatures", "qr": "qrs"}

# Seconds that a page may take to be drawn for an answer.
_LIMIT_S = 60.0


@dataclass
class Answer:
    """What was found in one document, in the words of the original system."""

    service: Service
    upload: Upload[DetectOptions]
    found: Detected
    confidence: float
    took_s: float

    @property
    def is_pdf(self) -> bool:
        return document_file(self.upload.folder, self.found.document.name).kind is DocumentKind.PDF

    @property
    def has_many_pages(self) -> bool:
        return self.found.document.page_count > 1

    def whole(self, total_ms: float, more: dict[str, Any]) -> Any:
        """PAGE for a document of one page, else DOC, with further members."""
        meta = {"total_processing_time_ms": total_ms, "is_pdf": self.is_pdf}
        if not self.has_many_pages:
            return lambda: self.page(self.found.results[0], meta) | more
        return {
            "document_type": "pdf",
            "total_pages": self.found.document.page_count,
            "pages": self.pages(),
            "summary": self.summary,
            "meta": meta | {"confidence_threshold": self.confidence, "batch_optimized": True},
        } | more

    def pages(self, first_index: int = 0, **more: Any) -> list[Callable[[], dict[str, Any]]]:
        """PAGE for each page, made when it is its turn to be sent.

        Args:
            first_index: number of the images of the request before the first page.
            more: further members of each page.
        """

        def make(index: int, result: PageResult) -> Callable[[], dict[str, Any]]:
            return lambda: (
                self.page(result, {"is_pdf": self.is_pdf} | self.batch_meta(index))
                | ({"page_number": result.info.number} | more if more else {})
            )

        return [make(index, result) for index, result in enumerate(self.found.results, first_index)]

    def batch_meta(self, image_index: int) -> dict[str, Any]:
        """What `meta` of a page has where several images were looked at in one go: here, the pages of one document."""
        pages = max(1, len(self.found.results))
        return {
            "batch_inference_time_ms": as_ms(self.took_s),
            "avg_time_per_image_ms": as_ms(self.took_s / pages),
            "batch_size": pages,
            "image_index": image_index,
        }

    def page(self, result: PageResult, meta: dict[str, Any]) -> dict[str, Any]:
        """PAGE."""
        settings, info = self.found.settings, result.info
        lists = mark_lists(self.found, result)
        answer: dict[str, Any] = {
            "image_size": {"width_px": info.size_wh[0], "height_px": info.size_wh[1]},
            **lists,
            "summary": page_summary(self.found, result, lists),
            "meta": {
                "model_version": model_name(self.service),
                "inference_time_ms": as_ms(self.took_s / max(1, len(self.found.results))),
                "confidence_threshold": self.confidence,
                "grouping_enabled": settings.grouping.method != "none",
                "group_iou_threshold": settings.grouping.iou,
                "page_number": info.number if self.is_pdf else None,
            }
            | meta,
        }
        if self.is_pdf:
            file = document_file(self.upload.folder, self.found.document.name)
            png = self.service.process.call(_LIMIT_S, page_png, file, info.number, info.size_wh, self.service.opener)
            if not isinstance(png, Failure):
                answer["page_image"] = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        return answer

    @cached_property
    def summary(self) -> dict[str, int]:
        """Counts of all pages."""
        found = self.found
        return add_up([page_summary(found, result, mark_lists(found, result)) for result in found.results])


def mark_lists(found: Detected, result: PageResult) -> dict[str, list[dict[str, Any]]]:
    """`stamps`, `signatures` and `qrs` of a page; marks of other classes have no list there."""
    (page,) = (page for page in found.document.pages if page.number == result.info.number)
    lists: dict[str, list[dict[str, Any]]] = {name: [] for name in _LISTS.values()}
    for position, mark in enumerate(page.marks):
        if mark.category not in _LISTS:
            continue
        detection: dict[str, Any] = {
            "id": f"{mark.category}_{position}",
            "bbox": [round(value) for value in mark.xyxy],
            "confidence": mark.confidence,
            "class_name": mark.category,
            "class_id": int(result.grouped.class_ids[position]),
        }
        if len(result.members[position]) > 1:
            detection |= {"grouped": True, "group_count": len(result.members[position])}
        lists[_LISTS[mark.category]].append(detection)
    return lists


def page_summary(found: Detected, result: PageResult, lists: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """`summary` of a page; `lists` are its marks, see `mark_lists`."""
    is_grouped = found.settings.grouping.method != "none"
    return {
        **{f"total_{name}": len(marks) for name, marks in lists.items()},
        "total_detections": sum(map(len, lists.values())),
        "raw_detections": len(result.raw),
        "grouped_detections": len(result.raw) - len(result.grouped) if is_grouped else None,
    }


def add_up(summaries: list[dict[str, Any]]) -> dict[str, int]:
    """The totals of several summaries."""
    names = ("total_stamps", "total_signatures", "total_qrs", "total_detections")
    return {name: sum(summary[name] for summary in summaries) for name in names}


def model_name(service: Service) -> str:
    """The name of the weights, without the folder that they lie in."""
    weights = None if service.detector is None else service.detector.weights
    return "" if weights is None else weights.name


async def json_pieces(value: Any) -> AsyncIterator[str]:
    """JSON of a value; functions in it are called, in a thread, when it is their turn to be sent."""
    if callable(value):
        yield json.dumps(await run_in_threadpool(value), ensure_ascii=False)
    elif isinstance(value, list) and value and callable(value[0]):
        yield "["
        for position, item in enumerate(value):
            yield ", " if position else ""
            async for piece in json_pieces(item):
                yield piece
        yield "]"
    elif isinstance(value, dict):
        yield "{"
        for position, (name, member) in enumerate(value.items()):
            yield f"{', ' if position else ''}{json.dumps(name)}: "
            async for piece in json_pieces(member):
                yield piece
        yield "}"
    else:
        yield json.dumps(value, ensure_ascii=False)


async def then_remove(pieces: AsyncIterator[str], incoming: Incoming) -> AsyncIterator[str]:
    """The pieces; the documents are removed at their end, also when nobody reads on."""
    try:
        async for piece in pieces:
            yield piece
    finally:
        await incoming.remove()


def as_ms(seconds: float) -> float:
    """Seconds as milliseconds."""
    return round(1000 * seconds, 2)
