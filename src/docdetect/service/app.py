"""The addresses of the service: `make_app` gives the ASGI application."""

from __future__ import annotations

import time
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse

from docdetect import __version__
from docdetect.service import compat
from docdetect.service.access import Access
from docdetect.service.answers import (
    About,
    DetectAnswer,
    Health,
    JobAnswer,
    JobDetails,
    Jobs,
    Results,
    detect_answer,
    job_answer,
    job_details,
    result_file,
    result_files,
)
from docdetect.service.docs_page import docs_page
from docdetect.service.events import END_ID, job_events
from docdetect.service.incoming import Incoming, detect_watched, slot
from docdetect.service.metrics import CONTENT_TYPE
from docdetect.service.options import DetectOptions, JobOptions
from docdetect.service.page import add_page
from docdetect.service.problems import ProblemError
from docdetect.service.refusals import add_refusals, problems, unreadable
from docdetect.service.review_routes import add_review
from docdetect.service.reviewed import JobRuns, no_such_job
from docdetect.service.root_path import address_of, check_root_path, job_address
from docdetect.service.runner import Service
from docdetect.service.source import source_archive
from docdetect.service.store import Job, State
from docdetect.types import DocumentStatus

_ABOUT = (
    "Finds QR codes, signatures and stamps in documents.\n\nDocuments are sent as forms (multipart/form-data): "
    "documents as parts named file or files, and options as JSON in a part named options. What is refused is answered "
    "with problem details (RFC 9457), which name the problem, what can be done about it and the id of the request."
)
_LONGEST_KEY = 200


def make_app(service: Service, *, token: str = "", any_host: bool = True) -> Access:
    """The ASGI application of a service.

    Args:
        service: does the work; its block has to be entered before the first request.
        token: that requests have to bring; "" for none.
        any_host: see `Access`.

    Raises:
        ConfigError: `serve.root_path` is the beginning of an address of the service.
    """

    app = FastAPI(title="docdetect", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None)
    app.state.service = service
    add_refusals(app, service.metrics, lambda request, error: _original_refusal(service, request, error))
    runs = JobRuns(service)
    root_path = service.config.serve.root_path
    source = service.config.serve.source_url or f"{root_path}/source"
    about = About(docs=f"{root_path}/docs", source=source)
    add_page(
        app,
        runs.categories,
        (lambda: compat.original_root(service)) if service.config.serve.compat else (lambda: about),
        token_required=bool(token),
        source_url=source,
    )
    add_descriptions(app, service.config.serve.source_url)
    _add_health(app, service)
    _add_detect(app, service)
    _add_jobs(app, service)
    add_review(app, runs)
    if service.config.serve.compat:
        compat.add_compat(app, service)
    check_root_path(root_path, (getattr(route, "path", "") for route in app.routes))
    origins = service.config.serve.allow_origins
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=[
                *("Authorization", "X-API-Key", "Idempotency-Key", "If-Match", "Last-Event-ID", "X-Request-ID"),
                *(compat.REQUEST_HEADERS if service.config.serve.compat else ()),
            ],
            expose_headers=["X-Request-ID", "Location", "Retry-After", "ETag"],
        )
    return Access(app, service.metrics, token, any_host, origins, root_path)


def _original_refusal(service: Service, request: Request, error: ProblemError) -> Response | None:
    """The refusal in the form of the original system, at its addresses; None elsewhere."""
    is_original = service.config.serve.compat and address_of(request.scope) in compat.PATHS
    return compat.problem_response(error) if is_original else None


def _form(options: type[DetectOptions], *, several: bool) -> dict[str, Any]:
    """The body of a request for the OpenAPI description."""
    binary = {"type": "string", "format": "binary"}
    properties = {
        "file": binary | {"description": "A document: PDF, TIFF, PNG, JPEG and other pictures."},
        "options": options.model_json_schema() | {"type": "object"},
    }
    if several:
        properties["files"] = {"type": "array", "items": binary, "description": "Documents."}
    schema = {"type": "object", "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def add_descriptions(app: FastAPI, source_url: str) -> None:
    """Adds what describes the service to an application: `/docs` and `/source`.

    Args:
        app: the application.
        source_url: where the source code is; "" where the service gives its own.
    """

    @app.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(docs_page(app.openapi(), request.scope.get("root_path", "")), headers=headers)

    @app.get("/source", summary="The source code of this service", tags=["about"], response_class=Response)
    def source_code() -> Response:
        """A .tar.gz of the package as it runs, or the place where its source code is."""
        if source_url:
            return RedirectResponse(source_url)
        headers = {"Content-Disposition": f'attachment; filename="docdetect-{__version__}.tar.gz"'}
        return Response(source_archive(), media_type="application/gzip", headers=headers)


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/livez", summary="Whether the service runs", tags=["health"])
    async def livez() -> Health:
        return Health(status="alive")

    @app.get("/readyz", summary="Whether the network is warm", tags=["health"], responses=problems(503))
    async def readyz() -> Health:
        service.ready_detector()
        return Health(status="ready")

    @app.get("/metrics", summary="Figures for Prometheus", tags=["health"], response_class=Response)
    def metrics() -> Response:
        for state, count in service.store.counts().items():
            service.metrics.jobs.labels(state).set(count)
        return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def _add_detect(app: FastAPI, service: Service) -> None:
    @app.post(
        "/v1/detect",
        summary="Find the marks of one document",
        tags=["detect"],
        response_model_exclude_unset=True,
        responses=problems(400, 408, 413, 415, 422, 429, 503, 504, 507),
        openapi_extra=_form(DetectOptions, several=False),
    )
    async def detect(request: Request) -> DetectAnswer:
        """Waits for the result. Documents of many pages are better sent as a job."""
        service.ready_detector()
        service.check_slot()
        started_s = time.monotonic()
        incoming = Incoming(service)
        try:
            one = replace(service.limits, most_documents=1)
            upload = await incoming.receive(request, one, DetectOptions)
            await incoming.count_pages(upload)
            document = upload.documents[0]
            received_s = time.monotonic()
            async with slot(service):
                detected = await detect_watched(request, service, upload.folder, document.name, upload.options)
            if detected.document.status is DocumentStatus.FAILED:
                raise unreadable(detected.document)
            took_s = time.monotonic() - received_s
            return detect_answer(detected.document, document.size_bytes, received_s - started_s, took_s)
        finally:
            await incoming.remove()


def _add_jobs(app: FastAPI, service: Service) -> None:
    @app.post(
        "/v1/jobs",
        summary="Send documents as a job",
        tags=["jobs"],
        status_code=202,
        responses=problems(400, 408, 413, 415, 422, 429, 503, 504, 507),
        openapi_extra=_form(JobOptions, several=True),
    )
    async def submit(
        request: Request,
        response: Response,
        idempotency_key: Annotated[
            str | None,
            Header(
                min_length=1,
                max_length=_LONGEST_KEY,
                description="A text of your own that makes repeating the request safe.",
            ),
        ] = None,
    ) -> JobAnswer:
        """Answers as soon as the documents are on the disk of the service.

        A request that is repeated with the same Idempotency-Key, documents and options gives the same job.
        """
        service.check_open()
        await run_in_threadpool(service.check_queue, idempotency_key)
        incoming = Incoming(service)
        try:
            upload = await incoming.receive(request, service.limits, JobOptions)
            await run_in_threadpool(service.check_options, upload.options)
            pages = await incoming.count_pages(upload)
            job = await run_in_threadpool(service.submit, upload, pages, idempotency_key)
        finally:
            await incoming.remove()
        answer = await run_in_threadpool(job_answer, service, job)
        response.headers["Location"] = answer.links.self
        return answer

    @app.get("/v1/jobs", summary="The newest jobs", tags=["jobs"])
    def jobs(
        state: Annotated[State | None, Query(description="Only jobs in this state.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="Most jobs.")] = 100,
    ) -> Jobs:
        return Jobs(jobs=[job_answer(service, job) for job in service.store.newest(limit, state)])

    @app.get("/v1/jobs/{job_id}", summary="How far a job is", tags=["jobs"], responses=problems(404))
    def job(job_id: str) -> JobDetails:
        return job_details(service, _existing(service, job_id))

    @app.delete("/v1/jobs/{job_id}", summary="Cancel or delete a job", tags=["jobs"], responses=problems(404))
    def delete(
        job_id: str,
        purge: Annotated[
            bool | None,
            Query(description="true: delete the job also where it was cancelled; false: cancel it only."),
        ] = None,
    ) -> JobAnswer:
        """Cancels a job that waits or runs: the results of the pages that are done stay.

        Deletes a job that has ended, with its documents and results. A job that was cancelled stays, so that the same
        request sent again deletes nothing that the first one kept, unless purge asks for it.
        """
        return job_answer(service, _cancelled_or_deleted(service, _existing(service, job_id), purge))

    @app.get(
        "/v1/jobs/{job_id}/events",
        summary="What happens to a job, as server-sent events",
        tags=["jobs"],
        responses=problems(404),
        response_class=StreamingResponse,
    )
    async def events(
        job_id: str, last_event_id: Annotated[str, Header(description="Id of the last event that was seen.")] = ""
    ) -> Response:
        """Events: page for every finished page, document for every finished document, and end at the end of the job.

        A connection that was cut off goes on behind the event that the header Last-Event-ID names. A reader that has
        seen end gets status 204, which tells browsers not to come again.
        """
        found = await run_in_threadpool(_existing, service, job_id)
        if last_event_id == END_ID and found.has_ended:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        stream = job_events(service, job_id, last_event_id)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    @app.get("/v1/jobs/{job_id}/results", summary="The files of the results", tags=["jobs"], responses=problems(404))
    def results(job_id: str) -> Results:
        _existing(service, job_id)
        return result_files(service.results_folder(job_id), _results_address(service, job_id))

    @app.get(
        "/v1/jobs/{job_id}/results/{name:path}",
        summary="A file of the results",
        tags=["jobs"],
        responses=problems(404),
        response_class=FileResponse,
    )
    def result(job_id: str, name: str) -> FileResponse:
        """Every file that docdetect infer writes, such as detections.json, index.html and pages/."""
        _existing(service, job_id)
        return result_file(service.results_folder(job_id), name, _results_address(service, job_id))


def _cancelled_or_deleted(service: Service, job: Job, purge: bool | None) -> Job:
    """Cancels or deletes a job; see `DELETE /v1/jobs/{job_id}`. Returns the job as it then is, or was at last."""
    if not job.has_ended:
        return service.cancel(job.id) or job
    if purge or (purge is None and not job.cancelled):
        service.delete(job.id)
    return job


def _results_address(service: Service, job_id: str) -> str:
    return f"{job_address(service.config.serve.root_path, job_id)}/results"


def _existing(service: Service, job_id: str) -> Job:
    job = service.store.get(job_id)
    if job is None:
        raise no_such_job(job_id)
    return job
