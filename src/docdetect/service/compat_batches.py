"""Many documents in one request, in the words of the original system: the answer is written file by file."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from docdetect.documents.sources import DocumentKind
from docdetect.service.compat_pages import Answer, add_up, as_ms, json_pieces, then_remove
from docdetect.service.compat_photographs import ScanFlags, kind_of, prepared
from docdetect.service.incoming import Incoming, detect_watched, slot
from docdetect.service.options import DetectOptions
from docdetect.service.problems import ProblemError
from docdetect.service.refusals import unreadable
from docdetect.service.root_path import address_of
from docdetect.service.runner import Detected, Service, document_file
from docdetect.service.uploads import Upload
from docdetect.types import DocumentStatus

MOST_FILES = {"/batch-detect": 2000, "/batch-detect-hq": 1000, "/batch-process-document": 2000}
"""Most files of a request, by address."""


async def batch_answer(
    request: Request, service: Service, confidence: float, flags: ScanFlags, max_workers: int
) -> Response:
    """BATCH or BATCH2, by the address of the request; `max_workers` is told back and means nothing."""
    service.ready_detector()
    started_s = time.monotonic()
    incoming = Incoming(service)
    try:
        most = min(MOST_FILES[address_of(request.scope)], service.limits.most_documents)
        limits = replace(service.limits, most_documents=most)
        upload = await incoming.receive(request, limits, DetectOptions, ignores_others=True)
        await incoming.count_pages(upload)
        service.check_slot()
    except BaseException:
        await incoming.remove()
        raise
    read_s = time.monotonic() - started_s
    batch: _Batch
    if address_of(request.scope) == "/batch-process-document":
        batch = _ProcessedBatch(service, upload, confidence, flags, started_s, read_s, max_workers=max_workers)
    else:
        batch = _Batch(service, upload, confidence, flags, started_s, read_s)
        batch.is_high_quality = address_of(request.scope) == "/batch-detect-hq"
    return StreamingResponse(then_remove(batch.pieces(), incoming), media_type="application/json")


@dataclass
class _Batch:
    """BATCH, written file by file. Boxes refer to the pictures as they were sent, also to photographs."""

    service: Service
    upload: Upload[DetectOptions]
    confidence: float
    flags: ScanFlags
    started_s: float
    read_s: float
    is_high_quality: bool = False
    _summaries: list[dict[str, Any]] = field(default_factory=list)
    _pages: int = 0
    _failed: int = 0
    _detecting_s: float = 0.0
    _preparing_s: float = 0.0

    async def pieces(self) -> AsyncIterator[str]:
        """The JSON in pieces."""
        yield '{"results": ['
        for index in range(len(self.upload.documents)):
            if index:
                yield ", "
            async for piece in json_pieces(await self._result(index)):
                yield piece
        yield "], "
        yield json.dumps(self._rest())[1:]

    async def _result(self, index: int) -> Any:
        head = {"file_index": index, "filename": self.upload.sent_names[index]}
        try:
            return head | {"success": True} | await self._of_document(index)
        except ProblemError as problem:
            self._failed += 1
            return head | {"success": False, "error": problem.detail}

    async def _of_document(self, index: int) -> dict[str, Any]:
        """What the result of a document has beside its place and name. Raises ProblemError."""
        name, before_s = self.upload.documents[index].name, time.monotonic()
        kind = await run_in_threadpool(kind_of, self.service, document_file(self.upload.folder, name))
        self._preparing_s += time.monotonic() - before_s
        first_index = self._pages
        answer = await self._detected(name, DetectOptions(conf=self.confidence, dewarp=self.flags.dewarp))
        if answer.has_many_pages:
            return {
                "document_type": "multi_page_pdf",
                "total_pages": answer.found.document.page_count,
                "pages": answer.pages(first_index, document_type="pdf_page"),
                "summary": answer.summary,
            }
        result = answer.found.results[0]
        meta = {"is_pdf": answer.is_pdf} | answer.batch_meta(first_index)
        page = await run_in_threadpool(answer.page, result, meta)
        return page | {"classification": kind.json, "scan_applied": result.info.sheet is not None}

    async def _detected(self, name: str, options: DetectOptions) -> Answer:
        """The marks of a file. Raises ProblemError."""
        before_s = time.monotonic()
        async with slot(self.service, patience_s=self.service.config.serve.detect_timeout_s):
            found: Detected = await detect_watched(None, self.service, self.upload.folder, name, options)
        if found.document.status is DocumentStatus.FAILED:
            raise unreadable(found.document)
        took_s = time.monotonic() - before_s
        self._detecting_s += took_s
        self._pages += len(found.results)
        answer = Answer(self.service, self.upload, found, self.confidence, took_s)
        self._summaries.append(answer.summary)
        return answer

    def _meta(self) -> dict[str, Any]:
        files, total_s = len(self.upload.documents), time.monotonic() - self.started_s
        return {
            "total_processing_time_ms": as_ms(total_s),
            "read_time_ms": as_ms(self.read_s),
            "preprocessing_time_ms": as_ms(self._preparing_s),
            "detection_time_ms": as_ms(self._detecting_s),
            "avg_time_per_file_ms": as_ms(total_s / files),
            "avg_time_per_image_ms": as_ms(total_s / max(1, self._pages)),
            "throughput_files_per_sec": round(files / total_s, 3),
            "throughput_images_per_sec": round(self._pages / total_s, 3),
            "confidence_threshold": self.confidence,
            "batch_optimization": True,
        }

    def _rest(self) -> dict[str, Any]:
        meta = self._meta()
        if self.is_high_quality:
            detector = self.service.detector
            assert detector is not None
            meta |= {
                "quality_mode": "high",
                "inference_resolution": f"{detector.imgsz}px",
                "classification_mode": "full_analysis",
            }
        return {
            "total_files": len(self.upload.documents),
            "total_images_processed": self._pages,
            "successful_detections": len(self.upload.documents) - self._failed,
            "failed_detections": self._failed,
            "summary": add_up(self._summaries),
            "meta": meta,
        }


@dataclass
class _ProcessedBatch(_Batch):
    """BATCH2: every document as /process-document answers it."""

    max_workers: int = 1

    async def _of_document(self, index: int) -> dict[str, Any]:
        before_s = time.monotonic()
        ready = await run_in_threadpool(prepared, self.service, self.upload, index, self.flags)
        self._preparing_s += time.monotonic() - before_s
        first_index = self._pages
        answer = await self._detected(ready.name, DetectOptions(conf=self.confidence, dewarp="off"))
        is_pdf = ready.kind is DocumentKind.PDF
        head = {
            "document_type": "pdf" if is_pdf else "image",
            "processing": ready.json | {"page_count": answer.found.document.page_count},
            "summary": answer.summary,
        }
        if answer.has_many_pages:
            return head | {"pages": answer.pages(first_index)}
        meta = {"is_pdf": is_pdf} | answer.batch_meta(first_index)
        page = await run_in_threadpool(answer.page, answer.found.results[0], meta)
        return head | ready.more | {"result": page}

    def _rest(self) -> dict[str, Any]:
        files = len(self.upload.documents)
        more = {
            "documents_ready_for_detection": files - self._failed,
            "pages_processed": self._pages,
            "max_workers": self.max_workers,
        }
        return {
            "total_files": files,
            "successful_documents": files - self._failed,
            "failed_documents": self._failed,
            "summary": add_up(self._summaries),
            "meta": self._meta() | more,
        }
