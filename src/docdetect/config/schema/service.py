"""The section about the service."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from docdetect.config.option import Option
from docdetect.config.schema.values import AtLeastOne, Count, Positive, Section


class ServeConfig(Section):
    """Where the HTTP service listens, what it keeps, and how much of everything it takes."""

    host: Annotated[str, Option("Network", shown=True, metavar="ADDRESS")] = Field(
        "127.0.0.1",
        min_length=1,
        description="Address on which the service listens. One that other machines can reach needs a token file.",
    )
    port: Annotated[int, Field(ge=0, le=65535), Option("Network", shown=True)] = Field(
        8000, description="Port on which the service listens; 0 takes a free one."
    )
    token_file: Annotated[str, Option("Network", shown=True, metavar="FILE", unset="none")] = Field(
        "",
        description="Text file with the token that every request needs, as the header Authorization: Bearer TOKEN or "
        "X-API-Key: TOKEN.",
    )
    allow_origins: Annotated[
        tuple[str, ...], Option("Network", name="allow-origin", metavar="ORIGIN", aliases=("allow-origins",))
    ] = Field(
        (),
        strict=False,
        description="Origin of web pages of other hosts that may use the service from a browser, such as "
        "https://scans.example.org.",
    )
    root_path: Annotated[str, Option("Network", metavar="PATH", unset="none")] = Field(
        "",
        pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$",
        description="Path below which a reverse proxy offers the service, such as /docdetect. Addresses in answers "
        "then begin with it.",
    )
    source_url: Annotated[str, Option("Network", metavar="URL", unset="the service gives its own source code")] = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Where users of the service find its source code, which the licence says must be offered to them.",
    )
    compat: Annotated[bool, Option("Network", shown=True)] = Field(
        False, description="Also answer at the addresses of the original system, for its front end and its clients."
    )
    folder: Annotated[str, Option("Output", shown=True, metavar="FOLDER")] = Field(
        "runs/serve", min_length=1, description="Folder of the jobs: their documents, their results and jobs.sqlite."
    )
    keep: Annotated[int, Field(ge=0, le=36500), Option("Output", shown=True, metavar="DAYS")] = Field(
        7, description="Days after which ended jobs are deleted with their documents and results; 0 keeps all jobs."
    )
    connections: Annotated[AtLeastOne, Option("Limits")] = Field(
        500,
        description="Largest number of open connections. Requests over further ones are refused with status 503; those "
        "in progress, such as events, continue.",
    )
    queue: Annotated[AtLeastOne, Option("Limits")] = Field(
        100, description="Largest number of waiting jobs. Further jobs are refused with status 429 until one is done."
    )
    parallel: Annotated[AtLeastOne, Option("Limits")] = Field(
        4, description="Largest number of requests of /v1/detect at a time. Others are refused with status 429."
    )
    uploads: Annotated[AtLeastOne, Option("Limits")] = Field(
        16,
        description="Largest number of requests whose documents are received at a time. Others are refused with status "
        "429.",
    )
    upload_timeout_s: Annotated[Positive, Option("Limits", name="upload-timeout", metavar="SECONDS")] = Field(
        1800.0, description="Seconds within which a request with documents must have arrived completely."
    )
    max_upload_mb: Annotated[AtLeastOne, Option("Limits", name="max-upload", metavar="MIB")] = Field(
        1024, description="Largest size of a request, in MiB."
    )
    max_documents: Annotated[AtLeastOne, Option("Limits")] = Field(
        1000, description="Largest number of documents of a job."
    )
    max_pages: Annotated[AtLeastOne, Option("Limits")] = Field(
        10_000, description="Largest number of pages of all documents of a request together."
    )
    detect_timeout_s: Annotated[Positive, Option("Limits", name="detect-timeout", metavar="SECONDS")] = Field(
        120.0, description="Seconds that /v1/detect may work on a document."
    )
    job_timeout_s: Annotated[Positive, Option("Limits", name="job-timeout", metavar="SECONDS")] = Field(
        86_400.0,
        description="Seconds that the service may work on a job. Time before the service was killed does not count.",
    )
    min_free_mb: Annotated[Count, Option("Limits", name="min-free", metavar="MIB")] = Field(
        1024,
        description="Space on the disk, in MiB, that must stay free. Requests that would need it are refused with "
        "status 507.",
    )
