"""`docdetect serve`."""

from __future__ import annotations

from docdetect.cli.options import Request, takes


@takes(
    "serve",
    keys=(
        "infer.weights",
        "infer.conf",
        "infer.imgsz",
        "infer.dpi",
        "infer.password_file",
        "infer.formats",
        "infer.save_pages",
        "infer.require",
        "infer.device",
        "infer.engine",
        "infer.precision",
        "infer.workers",
        "infer.doc_timeout_s",
        "infer.doc_memory_mb",
    ),
)
def serve(request: Request) -> int:
    """Find marks in documents that are sent over HTTP.

    POST /v1/detect answers with the marks of one document, and POST /v1/jobs takes many documents as a job; the page
    /docs of the service describes all addresses. All keys of the sections infer and grouping can be set with --config
    and --set. Ctrl-C ends the service; unfinished jobs continue when it is started again.
    """
    from docdetect.service.server import serve as answer

    answer(request.settings, write_log=request.console.info, announce=request.console.info)
    return 0
