"""How the applications of the service answer what goes wrong: problem details for refusals, wrong requests and bugs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from docdetect.errors import OutputError
from docdetect.inference.pages import Document
from docdetect.service.answers import Problem
from docdetect.service.logs import REQUEST_ID, log
from docdetect.service.metrics import Metrics
from docdetect.service.problems import MEDIA_TYPE, ProblemError, problem_json
from docdetect.types import FailureKind

# What to do about a document of which nothing could be read.
_REMEDIES = {
    FailureKind.ENCRYPTED: "Send a copy without a password, or start the service with --password-file.",
    FailureKind.EMPTY: "Send a document that has pages.",
    FailureKind.UNSUPPORTED: "Send a PDF, or a picture of a common format such as JPEG.",
    FailureKind.TOO_LARGE: "Send it with smaller pages or at a lower resolution.",
    FailureKind.TIMEOUT: "Send fewer or simpler pages, or start the service with --set infer.doc_timeout_s=SECONDS.",
    FailureKind.MEMORY: "Send simpler pages, or start the service with --set infer.doc_memory_mb=MIB.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of refused requests, for the OpenAPI description."""
    return {
        status: {"model": Problem, "description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {}}}
        for status in statuses
    }


def unreadable(document: Document) -> ProblemError:
    """The refusal of a document that has no result at all (422)."""
    failure = document.failure or document.failures[0].failure
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"document-{failure.kind.value}".replace("_", "-"),
        f"{document.name}: {failure.message}",
        _REMEDIES.get(failure.kind, "Check that the document opens elsewhere, and send it again."),
    )


def add_refusals(
    app: FastAPI, metrics: Metrics, respond: Callable[[Request, ProblemError], Response | None] = lambda *_: None
) -> None:
    """Lets an application answer errors.

    Args:
        app: the application.
        metrics: counts refusals.
        respond: answers a refusal in a form of its own; None leaves it to the usual form.
    """

    async def answer_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)
        metrics.refused.labels(error.kind).inc()
        log("refused", problem=error.kind, detail=error.detail)
        own = respond(request, error)
        if own is not None:
            return own
        return JSONResponse(error.to_json(REQUEST_ID.get()), int(error.status), error.headers(), MEDIA_TYPE)

    async def answer_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        what = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return await answer_problem(request, ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "wrong-request", what))

    async def answer_unwritable(request: Request, error: Exception) -> Response:
        log("cannot write", logging.ERROR, error=error)
        return await answer_problem(
            request,
            ProblemError(
                HTTPStatus.INSUFFICIENT_STORAGE,
                "not-kept",
                "the service cannot write into its folder",
                "Send the request again later; the log of the service has the details under the request id.",
                60,
            ),
        )

    app.add_exception_handler(ProblemError, answer_problem)
    app.add_exception_handler(OutputError, answer_unwritable)
    app.add_exception_handler(RequestValidationError, answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_bug)


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    log("refused", logging.INFO, problem=status.phrase)
    body = problem_json(
        status,
        status.phrase.lower().replace(" ", "-"),
        f"{request.method} {request.url.path[:200]}: {status.phrase}",
        f"{request.scope.get('root_path', '')}/docs lists the addresses.",
        REQUEST_ID.get(),
    )
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_allowed_methods(request)))
    return JSONResponse(body, int(status), headers, MEDIA_TYPE)


def _allowed_methods(request: Request) -> set[str]:
    """What can be done at the address of a request; the framework names the methods of one function only."""
    matching = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    methods = {method for route in matching for method in getattr(route, "methods", None) or ()}
    return methods | ({"HEAD"} if "GET" in methods else set())


async def _answer_bug(request: Request, error: Exception) -> Response:
    body = problem_json(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        "docdetect has a bug that this request met",
        "The log of the service has the details under the request id.",
        request.scope["state"]["request_id"],
    )
    return JSONResponse(body, 500, media_type=MEDIA_TYPE)
