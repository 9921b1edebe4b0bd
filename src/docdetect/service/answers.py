"""The JSON that the service answers with, as models, from which its OpenAPI description is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from docdetect import __version__
from docdetect.files import LOCK_NAME
from docdetect.inference.pages import Document
from docdetect.review.log import LOCK_NAME as REVIEWS_LOCK_NAME
from docdetect.service.problems import ProblemError
from docdetect.service.root_path import job_address
from docdetect.service.runner import Service
from docdetect.service.store import Job, State


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = Field(description="Name of the problem for programs, such as urn:docdetect:problem:queue-full.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="Status of HTTP.")
    detail: str = Field(description="What is wrong.")
    remedy: str | None = Field(None, description="What can be done about it.")
    request_id: str | None = Field(None, description="Id under which the log of the service has the request.")


class FailureAnswer(BaseModel):
    """A page or document without a result."""

    page: int | None = Field(description="Number of the page; null for the document as a whole.")
    kind: str = Field(description="Kind of the reason, such as unreadable or encrypted.")
    message: str = Field(description="The reason in words.")


class Times(BaseModel):
    """Seconds that a request took."""

    upload_s: float = Field(description="Until the document was on the disk of the service.")
    detect_s: float = Field(description="Until its marks were found.")


class BoxAnswer(BaseModel):
    """A box in px of the page as displayed, origin top left."""

    x: float = Field(description="Left edge.")
    y: float = Field(description="Top edge.")
    width: float
    height: float


class MarkAnswer(BaseModel):
    """A mark of a page."""

    category: str = Field(description="The class, such as qr, signature or stamp.")
    bbox: BoxAnswer
    area: float = Field(description="Of the box, in square px.")
    confidence: float = Field(description="From 0 to 1.")
    text: str = Field("", description="What a QR code says; left out where none was read.")
    status: str = Field("", description="Whether a QR code could be read; left out where none was tried.")


class SizeAnswer(BaseModel):
    """The size of a page in px."""

    width: int
    height: int


class PageDetections(BaseModel):
    """The marks of a page as in detections.json."""

    annotations: list[dict[str, MarkAnswer]] = Field(description="One member each: the name of the mark, and the mark.")
    page_size: SizeAnswer


class TotalsAnswer(BaseModel, extra="allow"):
    """Counts of a job, as in summary.json."""

    documents: int = 0
    ok: int = Field(0, description="Documents of which every page has a result.")
    partial: int = Field(0, description="Documents of which some pages have none.")
    failed: int = Field(0, description="Documents without a result.")
    pages: int = Field(0, description="Pages with a result.")
    failed_pages: int = 0
    marks: dict[str, int] = Field({}, description="Class -> number of marks.")


class DetectAnswer(BaseModel):
    """The marks of one document."""

    document: str = Field(description="Name of the document.")
    status: str = Field(description="ok: every page has a result; partial: some pages have none.")
    size_bytes: int = Field(description="Size of the document.")
    pages: int = Field(description="Pages that the document says it has.")
    detections: dict[str, dict[str, PageDetections]] = Field(
        description="Document -> page_1, page_2 and so on -> its marks, in the format of detections.json."
    )
    failures: list[FailureAnswer] = Field(description="Pages without a result.")
    notes: list[str] = Field(description="What else is to be known about the document.")
    times: Times


class DocumentAnswer(BaseModel):
    """A document of a job."""

    name: str
    size_bytes: int


class PagesAnswer(BaseModel):
    """How far a job is."""

    done: int = Field(description="Pages that are done; after a kill of the service only those that it has counted.")
    total: int = Field(description="Pages that the documents say they have.")


class Links(BaseModel):
    """Addresses that belong to a job."""

    self: str
    events: str
    results: str


class JobAnswer(BaseModel):
    """A job."""

    id: str
    state: State = Field(description="queued, running, done, failed or cancelled.")
    position: int | None = Field(description="1 for the job that is next; null for jobs that do not wait.")
    created: datetime
    started: datetime | None
    ended: datetime | None
    documents: int = Field(description="Number of documents.")
    size_bytes: int = Field(description="Size of all documents.")
    pages: PagesAnswer
    totals: TotalsAnswer | None = Field(description="Counts of documents, pages and marks, once the job is done.")
    problem: Problem | None = Field(description="Why the job failed.")
    links: Links


class JobDetails(JobAnswer):
    """A job with its documents and options."""

    files: list[DocumentAnswer] = Field(description="The documents in the order in which they were sent.")
    options: dict[str, Any] = Field(description="What the sender chose.")


class Jobs(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobAnswer]


class ResultFile(BaseModel):
    """A file of the results."""

    name: str
    size_bytes: int
    url: str


class Results(BaseModel):
    """The files of the result folder of a job."""

    files: list[ResultFile]


class Health(BaseModel):
    """Whether the service works."""

    status: str


class About(BaseModel):
    """What answers here."""

    service: str = "docdetect"
    version: str = __version__
    licence: str = "AGPL-3.0-or-later"
    docs: str = Field(description="What describes the service.")
    source: str = Field(description="The source code of this service.")


def job_answer(service: Service, job: Job) -> JobAnswer:
    """A job as the service shows it."""
    return JobAnswer(**_job_facts(service, job))


def job_details(service: Service, job: Job) -> JobDetails:
    """A job with its documents and options."""
    files = [DocumentAnswer(name=one.name, size_bytes=one.size_bytes) for one in job.documents]
    return JobDetails(**_job_facts(service, job), files=files, options=job.options)


def _job_facts(service: Service, job: Job) -> dict[str, Any]:
    running = service.running(job.id)
    done = job.done if running is None else running.pages_before + running.pages_now
    if job.totals is not None:
        done = job.totals["pages"]
    base = job_address(service.config.serve.root_path, job.id)
    return {
        "id": job.id,
        "state": job.state,
        "position": service.store.position(job.id) if job.state == "queued" else None,
        "created": _moment(job.created_s),
        "started": _moment(job.started_s),
        "ended": _moment(job.ended_s),
        "documents": len(job.documents),
        "size_bytes": sum(one.size_bytes for one in job.documents),
        "pages": PagesAnswer(done=done, total=job.pages),
        "totals": job.totals,
        "problem": job.problem,
        "links": Links(self=base, events=f"{base}/events", results=f"{base}/results"),
    }


def detect_answer(found: Document, size_bytes: int, upload_s: float, detect_s: float) -> DetectAnswer:
    """The marks of one document as the service shows them."""
    failures = [
        FailureAnswer(page=one.page, kind=one.failure.kind.value, message=one.failure.message) for one in found.failures
    ]
    return DetectAnswer(
        document=found.name,
        status=found.status.value,
        size_bytes=size_bytes,
        pages=found.page_count,
        detections={
            name: {key: PageDetections.model_validate(page) for key, page in pages.items()}
            for name, pages in found.to_dict().items()
        },
        failures=failures,
        notes=[note.message for note in found.notes],
        times=Times(upload_s=round(upload_s, 3), detect_s=round(detect_s, 3)),
    )


def result_files(folder: Path, base: str) -> Results:
    """The files of a result folder; files that are being written are left out.

    Args:
        folder: the result folder, which may not be there yet.
        base: address of the results, without slash at the end.
    """
    files = [
        ResultFile(name=name, size_bytes=size, url=f"{base}/{quote(name)}") for name, size in sorted(_walk(folder))
    ]
    return Results(files=files)


def _walk(folder: Path) -> Iterator[tuple[str, int]]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if is_shown(path.relative_to(folder).as_posix()) and path.is_file():
                with suppress(FileNotFoundError):  # it was removed just now
                    yield path.relative_to(folder).as_posix(), path.stat().st_size


class CutFileResponse(FileResponse):
    """A file to the length that it had when the answer began: a journal grows while it is sent, and what is longer than
    the header says breaks the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        left = 0

        async def send_cut(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.start":
                left = int(Headers(raw=message["headers"])["content-length"])
            elif message["type"] == "http.response.body" and scope["method"] != "HEAD":
                body = message.get("body", b"")[:left]
                is_over, left = left == 0, left - len(body)
                if is_over and message.get("more_body"):
                    return
                message = {**message, "body": body}
            await send(message)

        await super().__call__(scope, receive, send_cut)


def result_file(folder: Path, name: str, base: str) -> FileResponse:
    """A file of a result folder; nothing outside the folder is ever given.

    Args:
        folder: the result folder.
        name: of the file, relative to the folder.
        base: address of the results, without slash at the end.

    Raises:
        ProblemError: there is no such file (404).
    """
    path = file_inside(folder, name)
    found = None
    if path is not None and is_shown(path.name):
        with suppress(OSError):  # it was deleted just now
            found = path.stat()
    if path is None or found is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "no-such-file",
            f"the results have no file {name[:200]!r}",
            f"{base} lists the files.",
        )
    return CutFileResponse(path, stat_result=found)


def file_inside(folder: Path, name: str) -> Path | None:
    """The file of that name below a folder; None where there is none, or it lies outside, also behind a link."""
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):
        return None


def is_shown(name: str) -> bool:
    """Whether a file of a result folder is shown: locks and files that are being written are not."""
    last = name.rpartition("/")[2]
    return last not in (LOCK_NAME, REVIEWS_LOCK_NAME) and not (last.startswith(".") and last.endswith(".tmp"))


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
