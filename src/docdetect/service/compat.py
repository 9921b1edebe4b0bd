"""The addresses and JSON of the original system, so that its front end and its clients work with docdetect.

Results always belong to the file they are listed with, `confidence` acts on one request, and answers are written page
by page, so that the pictures of pages are never in memory together.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any

import anyio
from fastapi import FastAPI, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from docdetect.errors import OutputError
from docdetect.inference.run import run_settings
from docdetect.service.compat_batches import MOST_FILES, batch_answer
from docdetect.service.compat_pages import Answer, as_ms, json_pieces, mark_lists, model_name, page_summary, then_remove
from docdetect.service.compat_photographs import ScanFlags, flat_or_whole, jpeg_url, kind_of, prepared
from docdetect.service.incoming import Incoming, detect_watched, slot
from docdetect.service.logs import log
from docdetect.service.options import DetectOptions
from docdetect.service.problems import ProblemError
from docdetect.service.refusals import unreadable
from docdetect.service.runner import Service, document_file
from docdetect.service.uploads import Upload
from docdetect.types import DocumentStatus

REQUEST_HEADERS = ("ngrok-skip-browser-warning",)
"""Headers that the front end of the original system sends with its requests; they have no meaning here."""

CONFIDENCE = 0.15
"""The threshold of a request that names none."""

PATHS = ("/health", "/detect", "/scan-document", "/classify-document", "/process-document", *MOST_FILES)
"""The addresses of the original system."""

Confidence = Annotated[float, Query(ge=0, le=1, description="Lowest confidence of a mark.")]
Flag = Annotated[bool, Query()]


def add_compat(app: FastAPI, service: Service) -> None:
    """Adds the addresses of the original system to the application; they are not in the OpenAPI description."""

    @app.get("/health", include_in_schema=False)
    def health() -> dict[str, Any]:
        return _health(service)

    @app.get("/redoc", include_in_schema=False)
    def redoc() -> Response:
        return RedirectResponse(f"{service.config.serve.root_path}/docs")

    @app.post("/detect", include_in_schema=False)
    async def detect(request: Request, confidence: Confidence = CONFIDENCE) -> Response:
        return await _one(request, service, confidence)

    @app.post("/process-document", include_in_schema=False)
    async def process(
        request: Request, confidence: Confidence = CONFIDENCE, force_scan: Flag = False, skip_scan: Flag = False
    ) -> Response:
        return await _one(request, service, confidence, ScanFlags(force_scan, skip_scan))

    @app.post("/scan-document", include_in_schema=False)
    async def scan(request: Request) -> Response:
        return await _scan(request, service)

    @app.post("/classify-document", include_in_schema=False)
    async def classify(request: Request) -> Response:
        return await _classify(request, service)

    @app.post("/batch-detect", include_in_schema=False)
    @app.post("/batch-detect-hq", include_in_schema=False)
    @app.post("/batch-process-document", include_in_schema=False)
    async def batch(
        request: Request,
        confidence: Confidence = CONFIDENCE,
        force_scan: Flag = False,
        skip_scan: Flag = False,
        max_workers: Annotated[int, Query(ge=1)] = 10,
    ) -> Response:
        return await batch_answer(request, service, confidence, ScanFlags(force_scan, skip_scan), max_workers)

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
        return {"status": "model_not_loaded", "model_loaded": False, "model_path": None, "classes": None}
    settings = run_settings(service.config, detector)
    return {
        "status": "healthy",
        "model_loaded": True,
        "model_path": model_name(service),
        "classes": {str(number): name for number, name in enumerate(detector.class_names)},
        "grouping_enabled": settings.grouping.method != "none",
        "group_iou_threshold": settings.grouping.iou,
        "confidence_threshold": settings.conf,
    }


# ------------------------------------------------------------------------------------------------------ one document


async def _one(request: Request, service: Service, confidence: float, flags: ScanFlags | None = None) -> Response:
    service.ready_detector()
    started_s = time.monotonic()
    incoming = Incoming(service)
    try:
        upload = await _one_document(request, service, incoming)
        await incoming.count_pages(upload)
        name = upload.documents[0].name
        received_s = time.monotonic()
        ready, options = None, DetectOptions(conf=confidence)
        if flags is not None:  # the perspective is corrected here, and the marks are those of the corrected picture
            ready = await run_in_threadpool(prepared, service, upload, 0, flags)
            name, options = ready.name, DetectOptions(conf=confidence, dewarp="off")
        async with slot(service):
            found = await detect_watched(request, service, upload.folder, name, options)
        if found.document.status is DocumentStatus.FAILED:
            raise unreadable(found.document)
        answer = Answer(service, upload, found, confidence, time.monotonic() - received_s)
        total_ms = as_ms(time.monotonic() - started_s)
        more: dict[str, Any] = {}
        if ready is not None:
            page_count = {"page_count": found.document.page_count}
            more = {"processing": ready.json | page_count} | ready.more
        stream = json_pieces(answer.whole(total_ms, more))
    except BaseException:
        await incoming.remove()
        raise
    return StreamingResponse(then_remove(stream, incoming), media_type="application/json")


# ---------------------------------------------------------------------------------------------------------- photographs


async def _scan(request: Request, service: Service) -> Response:
    """The sheet in a picture, laid flat; the whole picture where none is seen."""
    incoming = Incoming(service)
    try:
        upload = await _one_document(request, service, incoming)
        file = document_file(upload.folder, upload.documents[0].name)
        flat = await run_in_threadpool(flat_or_whole, service, file, upload.sent_names[0])
    finally:
        await incoming.remove()
    corners = [list(corner) for corner in flat.corners]
    return JSONResponse({"success": True, "corners": corners, "transformed_image": jpeg_url(flat.jpeg)})


async def _classify(request: Request, service: Service) -> Response:
    """Whether a document is a photograph."""
    incoming = Incoming(service)
    try:
        upload = await _one_document(request, service, incoming)
        document = upload.documents[0]
        kind = await run_in_threadpool(kind_of, service, document_file(upload.folder, document.name))
    finally:
        await incoming.remove()
    answer = {
        "filename": upload.sent_names[0],
        "file_size_bytes": document.size_bytes,
        "is_camera_photo": kind.is_photo,
        "classification": kind.json["classification"],
        "confidence": kind.json["confidence"],
        "recommendation": kind.json.get("recommendation", "use_as_is"),
        "details": kind.json,
    }
    return JSONResponse(answer)


async def _one_document(request: Request, service: Service, incoming: Incoming) -> Upload[DetectOptions]:
    limits = replace(service.limits, most_documents=1)
    return await incoming.receive(request, limits, DetectOptions, ignores_others=True)


# ------------------------------------------------------------------------------------------------------------- frames


async def _frames(socket: WebSocket, service: Service) -> None:
    """Answers frames of a camera; of the frames that come while one is worked on, the newest is next."""
    await socket.accept()
    newest: list[str] = []
    came = anyio.Event()
    is_open = True

    async def take() -> None:
        nonlocal is_open, came
        while (message := await socket.receive())["type"] == "websocket.receive":
            newest[:] = [message.get("text") or ""]  # bytes are no frame, and are answered so
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
            if await incoming.count_pages(upload) > 1:
                raise ProblemError(HTTPStatus.BAD_REQUEST, "no-frame", "a frame is one picture, and this has several")
            async with slot(self.service):
                found = await detect_watched(None, self.service, upload.folder, "frame.jpg", DetectOptions())
            took_s = time.monotonic() - started_s
            if not found.results:
                raise unreadable(found.document)
            kind = await run_in_threadpool(kind_of, self.service, document_file(upload.folder, "frame.jpg"))
        except ProblemError as problem:
            return {"error": problem.kind, "message": problem.detail}
        except OutputError as error:
            log("cannot write", logging.ERROR, error=error)
            return {"error": "not-kept", "message": "the service cannot write into its folder"}
        finally:
            await incoming.remove()
        self._count += 1
        self._seconds += took_s
        (result,) = found.results
        total_s = time.monotonic() - started_s
        return {
            "image_size": {"width": result.info.size_wh[0], "height": result.info.size_wh[1]},
            **(lists := mark_lists(found, result)),
            "summary": page_summary(found, result, lists),
            "classification": {
                "is_camera_photo": kind.is_photo,
                "confidence": kind.json["confidence"],
                "reasons": [],
                "exif_data": {},
                "visual_features": {},
                "classification_time_ms": as_ms(total_s - took_s),
            },
            "meta": {
                "frame_count": self._count,
                "avg_inference_time_ms": as_ms(self._seconds / self._count),
                "inference_time_ms": as_ms(took_s),
                "total_processing_time_ms": as_ms(total_s),
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
