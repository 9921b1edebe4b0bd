"""The addresses and JSON of the original system, so that its front end and its clients work with docdetect.

Results always belong to the file they are listed with, `confidence` acts on one request, and answers are written page
by page, so that the pictures of pages are never in memory together.

The original system also corrected the perspective of photographs. This service does not: `scan.applied` is always
false, and a picture is called a photograph by its EXIF data alone.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import anyio
from fastapi import FastAPI, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from docdetect.documents.sources import DocumentKind
from docdetect.inference.run import run_settings
from docdetect.service.incoming import Incoming, detect_watched, slot
from docdetect.service.options import DetectOptions
from docdetect.service.pictures import camera_facts, page_png
from docdetect.service.problems import ProblemError
from docdetect.service.runner import Detected, Service, document_file, unreadable
from docdetect.service.uploads import Limits, Upload
from docdetect.types import DocumentStatus, Failure, PageResult

CONFIDENCE = 0.15
"""The threshold of a request that names none."""

PATHS = ("/health", "/detect", "/process-document", "/batch-detect", "/batch-detect-hq")
"""The addresses of the original system."""

_LISTS = {"stamp": "stamps", "signature": "signatures", "qr": "qrs"}
_MOST_FILES = {"/batch-detect": 2000, "/batch-detect-hq": 1000}
# Seconds that a page may take to be drawn for an answer, and a picture to say what camera took it.
_LIMIT_S = 60.0

# Share of the facts that cameras note in a picture from which on it is called a photograph.
_PHOTO_THRESHOLD = 0.5

Confidence = Annotated[float, Query(ge=0, le=1, description="Lowest confidence of a mark.")]
Flag = Annotated[bool, Query()]


def add_compat(app: FastAPI, service: Service) -> None:
    """Adds the addresses of the original system to the application; they are not in the OpenAPI description."""

    @app.get("/health", include_in_schema=False)
    def health() -> dict[str, Any]:
        return _health(service)

    @app.post("/detect", include_in_schema=False)
    async def detect(request: Request, confidence: Confidence = CONFIDENCE) -> Response:
        return await _one(request, service, confidence)

    @app.post("/process-document", include_in_schema=False)
    async def process(
        request: Request, confidence: Confidence = CONFIDENCE, force_scan: Flag = False, skip_scan: Flag = False
    ) -> Response:
        flag = "skip_scan_flag" if skip_scan else "force_scan_flag" if force_scan else ""
        return await _one(request, service, confidence, scan_flag=flag, is_processed=True)

    @app.post("/batch-detect", include_in_schema=False)
    @app.post("/batch-detect-hq", include_in_schema=False)
    async def batch(request: Request, confidence: Confidence = CONFIDENCE) -> Response:
        return await _batch(request, service, confidence)

    @app.websocket("/ws/detect")
    async def frames(socket: WebSocket) -> None:
        await _frames(socket, service)


def original_root(service: Service) -> dict[str, Any]:
    """What the original system answers at `/`."""
    return {
        "message": "Document Detection API",
        "status": "running",
        "model_loaded": service.is_ready,
    }


def problem_response(error: ProblemError) -> Response:
    """A refusal in the form of the original system: `{"detail": ...}`; wrong input has status 400."""
    status = error.status
    if status in (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.UNSUPPORTED_MEDIA_TYPE) or error.kind in (
        "too-many-documents",
        "too-many-pages",
    ):
        status = HTTPStatus.BAD_REQUEST
    return JSONResponse({"detail": f"{error.detail}. {error.remedy}".strip()}, int(status), error.headers())


def _health(service: Service) -> dict[str, Any]:
    detector = service.detector if service.is_ready else None
    if detector is None:
        return {"status": "model_not_loaded", "model_loaded": False, "model_path": None, "classes": {}}
    settings = run_settings(service.config, detector)
    return {
        "status": "healthy",
        "model_loaded": True,
        "model_path": _model(service),
        "classes": {str(number): name for number, name in enumerate(detector.class_names)},
        "grouping_enabled": settings.grouping.method != "none",
        "group_iou_threshold": settings.grouping.iou,
        "confidence_threshold": settings.conf,
    }


def _model(service: Service) -> str:
    """The name of the weights, without the folder that they lie in."""
    weights = None if service.detector is None else service.detector.weights
    return "" if weights is None else weights.name


# ------------------------------------------------------------------------------------------------------ one document


async def _one(
    request: Request, service: Service, confidence: float, *, scan_flag: str = "", is_processed: bool = False
) -> Response:
    service.ready_detector()
    started_s = time.monotonic()
    incoming = Incoming(service)
    try:
        limits = Limits(service.limits.most_bytes, 1, service.limits.free_bytes)
        upload = await incoming.receive(request, limits, DetectOptions)
        await run_in_threadpool(service.check_pages, upload.folder, upload)
        name = upload.documents[0].name
        received_s = time.monotonic()
        processing = None
        if is_processed:
            processing = await run_in_threadpool(_processing, service, upload, scan_flag)
        async with slot(service):
            found = await detect_watched(request, service, upload.folder, name, _options(confidence))
        if found.document.status is DocumentStatus.FAILED:
            raise unreadable(found)
        if processing is not None:
            processing["page_count"] = found.document.page_count
        answer = _Answer(service, upload, found, confidence, time.monotonic() - received_s)
        total_ms = _ms(time.monotonic() - started_s)
        stream = _json_pieces(answer.whole(total_ms, processing))
    except BaseException:
        await incoming.remove()
        raise
    return StreamingResponse(_then_remove(stream, incoming), media_type="application/json")


def _options(confidence: float) -> DetectOptions:
    return DetectOptions(conf=confidence)


@dataclass
class _Answer:
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

    def whole(self, total_ms: float, processing: dict[str, Any] | None) -> Any:
        """PAGE for a document of one page, else DOC."""
        meta = {"total_processing_time_ms": total_ms, "is_pdf": self.is_pdf}
        more = {} if processing is None else {"processing": processing}
        if not self.has_many_pages:
            return lambda: self.page(self.found.results[0], meta) | more
        return {
            "document_type": "pdf",
            "total_pages": self.found.document.page_count,
            "pages": self.pages(),
            "summary": self.summary(),
            "meta": meta | {"confidence_threshold": self.confidence, "batch_optimized": True},
        } | more

    def pages(self, **more: Any) -> list[Callable[[], dict[str, Any]]]:
        """PAGE for each page, made when it is its turn to be sent."""

        def make(result: PageResult) -> Callable[[], dict[str, Any]]:
            return lambda: (
                self.page(result, {"is_pdf": self.is_pdf})
                | ({"page_number": result.info.number} | more if more else {})
            )

        return [make(result) for result in self.found.results]

    def page(self, result: PageResult, meta: dict[str, Any]) -> dict[str, Any]:
        """PAGE."""
        settings, info = self.found.settings, result.info
        lists = mark_lists(self.found, result)
        answer: dict[str, Any] = {
            "image_size": {"width_px": info.size_wh[0], "height_px": info.size_wh[1]},
            **lists,
            "summary": page_summary(self.found, result),
            "meta": {
                "model_version": _model(self.service),
                "inference_time_ms": _ms(self.took_s / max(1, len(self.found.results))),
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

    def summary(self) -> dict[str, int]:
        """Counts of all pages."""
        return add_up([page_summary(self.found, result) for result in self.found.results])


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


def page_summary(found: Detected, result: PageResult) -> dict[str, Any]:
    """`summary` of a page."""
    lists = mark_lists(found, result)
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


# -------------------------------------------------------------------------------------- what kind of picture it is


def classification(facts: dict[str, object]) -> dict[str, Any]:
    """CLASSIFICATION by the EXIF data of a picture.

    Args:
        facts: see `camera_facts`.
    """
    named = ("make", "model")
    noted = ("has_exposure_time", "has_aperture", "has_iso", "has_focal_length")
    evidence = [bool(facts.get(name)) for name in (*named, *noted)]
    score = round(sum(evidence) / len(evidence), 3)
    is_photo = score > _PHOTO_THRESHOLD
    return {
        "classification": "camera_photo" if is_photo else "digital_document",
        "confidence": score if is_photo else round(1 - score, 3),
        "scores": {"exif": score, "visual": None, "final": score},
        "indicators": {"exif": facts, "visual": {"skipped": True}},
        "recommendation": "apply_perspective_correction" if is_photo else "use_as_is",
        "threshold": _PHOTO_THRESHOLD,
    }


def _classified(service: Service, path: Path) -> dict[str, Any]:
    facts = service.process.call(_LIMIT_S, camera_facts, str(path))
    return classification({"has_exif": False} if isinstance(facts, Failure) else facts)


def _processing(service: Service, upload: Upload[DetectOptions], scan_flag: str) -> dict[str, Any]:
    """`processing` of /process-document."""
    started_s = time.monotonic()
    document = upload.documents[0]
    file = document_file(upload.folder, document.name)
    is_pdf = file.kind is DocumentKind.PDF
    kind = classification({"has_exif": False}) if is_pdf else _classified(service, file.path)
    scan: dict[str, Any] = {"applied": False, "reason": "perspective is not corrected by this service"}
    if scan_flag == "force_scan_flag":
        scan = {
            "applied": False,
            "scan_success": False,
            "error": "perspective is not corrected by this service",
            "fallback_to_original": True,
        }
    return {
        "filename": upload.sent_names[0],
        "file_size_bytes": document.size_bytes,
        "format": PurePosixPath(document.name).suffix.lower(),
        "classification": kind,
        "scan_reason": "pdf_never_scanned" if is_pdf else scan_flag or f"classifier_decision_{kind['recommendation']}",
        "scan": scan,
        "preprocessing_time_ms": _ms(time.monotonic() - started_s),
    }


# ------------------------------------------------------------------------------------------------------------ batches


async def _batch(request: Request, service: Service, confidence: float) -> Response:
    service.ready_detector()
    started_s = time.monotonic()
    incoming = Incoming(service)
    most = _MOST_FILES[request.url.path]
    try:
        ours = service.limits
        limits = Limits(ours.most_bytes, min(most, ours.most_documents), ours.free_bytes)
        upload = await incoming.receive(request, limits, DetectOptions)
        await run_in_threadpool(service.check_pages, upload.folder, upload)
        service.check_slot()
    except BaseException:
        await incoming.remove()
        raise
    batch = _Batch(service, upload, confidence, started_s, read_s=time.monotonic() - started_s)
    batch.is_high_quality = request.url.path == "/batch-detect-hq"
    return StreamingResponse(_then_remove(batch.pieces(), incoming), media_type="application/json")


@dataclass
class _Batch:
    """BATCH, written file by file."""

    service: Service
    upload: Upload[DetectOptions]
    confidence: float
    started_s: float
    read_s: float
    is_high_quality: bool = False
    _summaries: list[dict[str, Any]] = field(default_factory=list)
    _pages: int = 0
    _failed: int = 0
    _detecting_s: float = 0.0
    _classifying_s: float = 0.0

    async def pieces(self) -> AsyncIterator[str]:
        """The JSON in pieces."""
        yield '{"results": ['
        for index in range(len(self.upload.documents)):
            if index:
                yield ", "
            async for piece in _json_pieces(await self._result(index)):
                yield piece
        yield "], "
        yield json.dumps(self._rest())[1:]

    async def _result(self, index: int) -> Any:
        document, filename = self.upload.documents[index], self.upload.sent_names[index]
        head = {"file_index": index, "filename": filename}
        before_s = time.monotonic()
        path = self.upload.folder / document.name
        kind = await run_in_threadpool(_classified, self.service, path)
        self._classifying_s += time.monotonic() - before_s
        before_s = time.monotonic()
        try:
            async with slot(self.service, patience_s=self.service.config.serve.detect_timeout_s):
                found = await detect_watched(
                    None, self.service, self.upload.folder, document.name, _options(self.confidence)
                )
            if found.document.status is DocumentStatus.FAILED:
                raise unreadable(found)
        except ProblemError as problem:
            self._failed += 1
            return head | {"success": False, "error": problem.detail}
        took_s = time.monotonic() - before_s
        self._detecting_s += took_s
        self._pages += len(found.results)
        answer = _Answer(self.service, self.upload, found, self.confidence, took_s)
        self._summaries.append(answer.summary())
        if answer.has_many_pages:
            return head | {
                "success": True,
                "document_type": "multi_page_pdf",
                "total_pages": found.document.page_count,
                "pages": answer.pages(document_type="pdf_page"),
                "summary": answer.summary(),
            }
        more = head | {"success": True, "classification": kind, "scan_applied": False}
        return lambda: answer.page(found.results[0], {"is_pdf": answer.is_pdf}) | more

    def _rest(self) -> dict[str, Any]:
        files, total_s = len(self.upload.documents), time.monotonic() - self.started_s
        meta: dict[str, Any] = {
            "total_processing_time_ms": _ms(total_s),
            "read_time_ms": _ms(self.read_s),
            "preprocessing_time_ms": _ms(self._classifying_s),
            "detection_time_ms": _ms(self._detecting_s),
            "avg_time_per_file_ms": _ms(total_s / files),
            "avg_time_per_image_ms": _ms(total_s / max(1, self._pages)),
            "throughput_files_per_sec": round(files / total_s, 3),
            "throughput_images_per_sec": round(self._pages / total_s, 3),
            "confidence_threshold": self.confidence,
            "batch_optimization": True,
        }
        if self.is_high_quality:
            detector = self.service.detector
            assert detector is not None
            meta |= {
                "quality_mode": "high",
                "inference_resolution": f"{detector.imgsz}px",
                "classification_mode": "exif",
            }
        return {
            "total_files": files,
            "total_images_processed": self._pages,
            "successful_detections": files - self._failed,
            "failed_detections": self._failed,
            "summary": add_up(self._summaries),
            "meta": meta,
        }


# ------------------------------------------------------------------------------------------------------------- frames


async def _frames(socket: WebSocket, service: Service) -> None:
    """Answers frames of a camera; of the frames that come while one is worked on, the newest is next."""
    await socket.accept()
    newest: list[str] = []
    came = anyio.Event()
    is_open = True

    async def take() -> None:
        nonlocal is_open, came
        with suppress(WebSocketDisconnect):
            while True:
                newest[:] = [await socket.receive_text()]
                came.set()
        is_open = False
        came.set()

    session = _Session(service)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take)
        while True:
            await came.wait()
            came = anyio.Event()
            if not is_open or service.stopping.is_set():
                break
            if newest:
                with suppress(WebSocketDisconnect, RuntimeError):  # the other side is gone
                    await socket.send_json(await session.answer(newest.pop()))
        tasks.cancel_scope.cancel()


@dataclass
class _Session:
    """The frames of one connection."""

    service: Service
    _count: int = 0
    _seconds: float = 0.0

    async def answer(self, text: str) -> dict[str, Any]:
        """FRAME, or `{error, message}`."""
        started_s = time.monotonic()
        incoming = Incoming(self.service)
        try:
            upload = await run_in_threadpool(incoming.store, "frame.jpg", _frame(text))
            async with slot(self.service):
                found = await detect_watched(None, self.service, upload.folder, "frame.jpg", DetectOptions())
            took_s = time.monotonic() - started_s
            if not found.results:
                raise unreadable(found)
            kind = await run_in_threadpool(_classified, self.service, upload.folder / "frame.jpg")
        except ProblemError as problem:
            return {"error": problem.kind, "message": problem.detail}
        finally:
            await incoming.remove()
        self._count += 1
        self._seconds += took_s
        (result,) = found.results
        total_s = time.monotonic() - started_s
        return {
            "image_size": {"width": result.info.size_wh[0], "height": result.info.size_wh[1]},
            **mark_lists(found, result),
            "summary": page_summary(found, result),
            "classification": {
                "is_camera_photo": kind["classification"] == "camera_photo",
                "confidence": kind["confidence"],
                "reasons": [],
                "exif_data": {},
                "visual_features": {},
                "classification_time_ms": _ms(total_s - took_s),
            },
            "meta": {
                "frame_count": self._count,
                "avg_inference_time_ms": _ms(self._seconds / self._count),
                "inference_time_ms": _ms(took_s),
                "total_processing_time_ms": _ms(total_s),
                "quality_mode": "high",
                "detector_type": "docdetect",
            },
        }


def _frame(text: str) -> bytes:
    """The picture of a message `{"frame": "<base64 or data URL>"}`. Raises ProblemError."""
    try:
        frame = json.loads(text)["frame"]
        return base64.b64decode(frame.rpartition(",")[2], validate=True)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, RecursionError) as error:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "no-frame", 'expected {"frame": "<a picture in base64, or as a data URL>"}'
        ) from error


# --------------------------------------------------------------------------------------------------------------- JSON


async def _json_pieces(value: Any) -> AsyncIterator[str]:
    """JSON of a value; functions in it are called, in a thread, when it is their turn to be sent."""
    if callable(value):
        yield json.dumps(await run_in_threadpool(value), ensure_ascii=False)
    elif isinstance(value, list) and value and callable(value[0]):
        yield "["
        for position, item in enumerate(value):
            yield ", " if position else ""
            async for piece in _json_pieces(item):
                yield piece
        yield "]"
    elif isinstance(value, dict):
        yield "{"
        for position, (name, member) in enumerate(value.items()):
            yield f"{', ' if position else ''}{json.dumps(name)}: "
            async for piece in _json_pieces(member):
                yield piece
        yield "}"
    else:
        yield json.dumps(value, ensure_ascii=False)


async def _then_remove(pieces: AsyncIterator[str], incoming: Incoming) -> AsyncIterator[str]:
    """The pieces; the documents are removed at their end, also when nobody reads on."""
    try:
        async for piece in pieces:
            yield piece
    finally:
        await incoming.remove()


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 2)
