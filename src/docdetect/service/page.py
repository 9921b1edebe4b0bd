"""The review page and what it is made of: the page at `/`, its assets below `/static/`, and what it asks first.

The assets are files of the package. They and the page are given to everybody, so that the page can ask for the token;
nothing else is. The page loads nothing from other hosts, and its Content-Security-Policy sees to that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.responses import FileResponse

from docdetect import __version__
from docdetect.service.answers import file_inside
from docdetect.service.problems import ProblemError
from docdetect.service.refusals import problems

STATIC_FOLDER = Path(__file__).parent / "static"
PAGE_NAME = "index.html"

# Kinds of files that the page is made of.
_MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}

# Scripts, styles and requests of this service only; pictures that the page has fetched itself are blobs.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_NO_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>docdetect</title></head>
<body><h1>docdetect</h1><p>This installation comes without the review page. <a href="docs">What the service answers</a>
</p></body></html>
"""


class AboutPage(BaseModel):
    """What the review page has to know before it asks for anything else."""

    version: str
    mode: Literal["serve", "review"] = Field(description="serve: documents can be sent; review: one run is looked at.")
    run: str | None = Field(description="Name of the run that is looked at; null where there are jobs.")
    categories: list[str] = Field(description="What is looked for.")
    token_required: bool = Field(description="Whether requests have to bring a token.")
    source_url: str = Field(description="The source code of this service.")


def add_page(
    app: FastAPI,
    categories: Callable[[], Sequence[str]],
    plain_root: Callable[[], Any],
    *,
    token_required: bool,
    source_url: str,
    run: str | None = None,
) -> None:
    """Adds `/`, `/static/` and `/v1/about` to an application.

    Args:
        app: the application.
        categories: what is looked for, when it is asked.
        plain_root: what `/` answers to programs.
        token_required: whether other requests have to bring a token.
        source_url: where the source code of the service is.
        run: name of the one run that is looked at; None where there are jobs.
    """

    @app.get("/", summary="The review page; what answers here, for programs", tags=["about"], response_model=None)
    def root(request: Request) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            answer = plain_root()
            content = answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer
            return JSONResponse(content, headers={"Vary": "Accept"})
        headers = {
            "Content-Security-Policy": PAGE_POLICY,
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-cache",
            "Vary": "Accept",
        }
        path = STATIC_FOLDER / PAGE_NAME
        if not path.is_file():
            return HTMLResponse(_NO_PAGE, headers=headers)
        return FileResponse(path, headers=headers, media_type="text/html")

    @app.get("/static/{name:path}", include_in_schema=False)
    def asset(name: str) -> FileResponse:
        path = file_inside(STATIC_FOLDER, name)
        if path is None or path.suffix not in _MEDIA_TYPES:
            raise ProblemError(HTTPStatus.NOT_FOUND, "no-such-file", f"the page has no file {name[:200]!r}")
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'none'"}
        return FileResponse(path, headers=headers, media_type=_MEDIA_TYPES[path.suffix])

    @app.get("/v1/about", summary="What the review page asks first", tags=["about"], responses=problems())
    def about() -> AboutPage:
        """Needs no token."""
        return AboutPage(
            version=__version__,
            mode="serve" if run is None else "review",
            run=run,
            categories=list(categories()),
            token_required=token_required,
            source_url=source_url,
        )
