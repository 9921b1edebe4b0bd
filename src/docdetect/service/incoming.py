"""Requests that bring documents: what they bring, until it is gone, and work on it that stops when nobody waits."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from docdetect.files import output_errors
from docdetect.service.options import DetectOptions
from docdetect.service.problems import ProblemError
from docdetect.service.runner import Detected, Service, document_file
from docdetect.service.store import StoredDocument
from docdetect.service.uploads import Limits, OptionsT, Upload, check_disk, receive

# Seconds after which a request may find a place for its documents.
_RETRY_UPLOAD_AFTER_S = 5

# Seconds between two looks whether the sender of a request is still there.
_LOOK_EVERY_S = 0.2


class Incoming:
    """The documents of one request, in a folder of their own that `remove` removes unless a job has taken it.

    While documents are received, and until their pages are counted, the request takes one of the places for that.

    Args:
        service: whose folder and limits count.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._folder = service.incoming_folder()
        self._has_place = False

    async def receive(
        self, request: Request, limits: Limits, options_type: type[OptionsT], *, ignores_others: bool = False
    ) -> Upload[OptionsT]:
        """Writes the documents of a form to the disk; see `receive` of `uploads`.

        Raises:
            ProblemError: so many requests are being received already (429), or see `receive` of `uploads`.
        """
        self._take_place()
        headers = dict(request.headers.items())
        return await receive(
            request.stream(), headers, self._folder, limits, options_type, ignores_others=ignores_others
        )

    async def count_pages(self, upload: Upload[OptionsT]) -> int:
        """The number of pages of all documents; see `Service.check_pages` for what is refused."""
        try:
            return await anyio.to_thread.run_sync(
                self._service.check_pages, upload.folder, upload, limiter=self._service.counting
            )
        finally:
            self._leave_place()

    def store(self, name: str, content: bytes) -> Upload[DetectOptions]:
        """Writes one document to the disk. Raises ProblemError (507), OutputError."""
        with output_errors(self._folder):
            check_disk(self._folder.parent, self._service.limits, len(content))
            self._folder.mkdir(exist_ok=True)
            (self._folder / name).write_bytes(content)
        return Upload(self._folder, (StoredDocument(name, len(content)),), DetectOptions(), "", (name,))

    async def remove(self) -> None:
        """Removes the documents, also when the request was cut off."""
        self._leave_place()
        with anyio.CancelScope(shield=True):
            await run_in_threadpool(shutil.rmtree, self._folder, True)

    def _take_place(self) -> None:
        self._has_place = self._service.uploads.acquire(blocking=False)
        if not self._has_place:
            most = self._service.config.serve.uploads
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-uploads",
                f"the documents of {most} request{'s are' if most > 1 else ' is'} being received already",
                "Try again soon.",
                _RETRY_UPLOAD_AFTER_S,
            )

    def _leave_place(self) -> None:
        if self._has_place:
            self._has_place = False
            self._service.uploads.release()


@asynccontextmanager
async def slot(service: Service, patience_s: float = 0.0) -> AsyncIterator[None]:
    """One of the places for work on single documents.

    Args:
        service: that has the places.
        patience_s: seconds that a place is waited for.

    Raises:
        ProblemError: all places are taken (429).
    """
    deadline_s = time.monotonic() + patience_s
    while not service.slots.acquire(blocking=False):
        if time.monotonic() >= deadline_s or service.stopping.is_set():
            raise service.busy()
        await anyio.sleep(0.05)
    try:
        yield
    finally:
        service.slots.release()


async def detect_watched(
    request: Request | None, service: Service, folder: Path, name: str, options: DetectOptions
) -> Detected:
    """The marks of one document; the work stops when it takes too long, or when the sender has gone.

    Args:
        request: whose sender is waited for; None where the caller is cancelled when the sender goes.
        service: does the work.
        folder: where the document lies.
        name: of the document.
        options: what the sender chose.

    Raises:
        ProblemError: the work took too long (504), or the service ended (503).
        ClientDisconnect: the sender has gone.
    """
    stop = threading.Event()
    limit_s = service.config.serve.detect_timeout_s
    gone = overdue = False
    file = await run_in_threadpool(document_file, folder, name)
    work = asyncio.ensure_future(run_in_threadpool(service.detect, file, options, stop))
    deadline_s = time.monotonic() + limit_s
    try:
        while not (await asyncio.wait({work}, timeout=_LOOK_EVERY_S))[0]:
            gone = gone or (request is not None and await request.is_disconnected())
            overdue = overdue or time.monotonic() > deadline_s
            if gone or overdue or service.stopping.is_set():
                stop.set()
    finally:
        stop.set()  # where this request was cancelled: its document is not to be read any more when it is removed
        with anyio.CancelScope(shield=True):
            await asyncio.wait({work})
    if gone:
        raise ClientDisconnect
    found = work.result()
    if not found.document.complete and overdue:
        raise ProblemError(
            HTTPStatus.GATEWAY_TIMEOUT,
            "too-long",
            f"{name}: the work took longer than {limit_s:g} s",
            "Send the document as a job.",
        )
    if not found.document.complete:
        service.check_open()
    return found
