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
        description="Address on which the service listens. Any address but that of this machine itself needs a token "
        "file.",
    )
    port: Annotated[int, Field(ge=0, le=65535), Option("Network", shown=True)] = Field(
        8000, description="Port on which the service listens; 0 takes a free one."
    )
    token_file: Annotated[str, Option("Network", shown=True, metavar="FILE", unset="none")] = Field(
        "",
        description="Text file with the token that every request has to bring, as Authorization: Bearer TOKEN or as "
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
        description="Path below which a reverse proxy offers the service, such as /docdetect: addresses in answers "
        "begin with it.",
    )
    source_url: Annotated[str, Option("Network", metavar="URL", unset="the service gives its own source code")] = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Where users of the service find its source code, which the licence wants them to be offered.",
    )
    compat: Annotated[bool, Option("Network", shown=True)] = Field(
        False, description="Also answer at the addresses of the original system, for its front end and its clients."
    )
    folder: Annotated[str, Option("Output", shown=True, metavar="FOLDER")] = Field(
        "runs/serve", min_length=1, description="Folder of the jobs: their documents, their results and jobs.sqlite."
    )
    keep: Annotated[int, Field(ge=0, le=36500), Option("Output", shown=True, metavar="DAYS")] = Field(
        7, description="Days after which ended jobs are deleted with their documents and results; 0 keeps them."
    )
    connections: Annotated[AtLeastOne, Option("Limits")] = Field(
        500,
        description="Most connections at once. Requests of further ones are refused with status 503; what is under "
        "way, such as events, goes on.",
    )
    queue: Annotated[AtLeastOne, Option("Limits")] = Field(
        100, description="Most jobs that wait. Further jobs are refused with status 429 until one is done."
    )
    parallel: Annotated[AtLeastOne, Option("Limits")] = Field(
        4, description="Most requests of /v1/detect that are worked on at once. Others are refused with status 429."
    )
    uploads: Annotated[AtLeastOne, Option("Limits")] = Field(
        16, description="Most requests whose documents are received at once. Others are refused with status 429."
    )
    upload_timeout_s: Annotated[Positive, Option("Limits", name="upload-timeout", metavar="SECONDS")] = Field(
        1800.0, description="Most seconds until a request with documents has come as a whole."
    )
    max_upload_mb: Annotated[AtLeastOne, Option("Limits", name="max-upload", metavar="MIB")] = Field(
        1024, description="Most MiB of a request."
    )
    max_documents: Annotated[AtLeastOne, Option("Limits")] = Field(1000, description="Most documents of a job.")
    max_pages: Annotated[AtLeastOne, Option("Limits")] = Field(
        10_000, description="Most pages of all documents of a request together."
    )
    detect_timeout_s: Annotated[Positive, Option("Limits", name="detect-timeout", metavar="SECONDS")] = Field(
        120.0, description="Most seconds that /v1/detect may work on a document."
    )
    job_timeout_s: Annotated[Positive, Option("Limits", name="job-timeout", metavar="SECONDS")] = Field(
        86_400.0,
        description="Most seconds that a job may be worked on. What was worked before the service was killed does not "
        "count.",
    )
    min_free_mb: Annotated[Count, Option("Limits", name="min-free", metavar="MIB")] = Field(
        1024, description="MiB of the disk that stay free: requests that would need them are refused with status 507."
    )
