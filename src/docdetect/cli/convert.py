"""`docdetect convert`."""

from __future__ import annotations

from docdetect.cli.dataset_summary import raise_failures
from docdetect.cli.options import Request, takes


@takes("data", argument="data.pdfs")
def convert(request: Request) -> None:
    """Render documents as one PNG for each page.

    The same command again renders only what is new or has changed. Exit code 7 when a document or page failed.
    """
    from docdetect.prepare.convert import convert as make_images

    console = request.console
    settings = request.settings.data
    with console.progress("convert", "pages") as on_progress:
        done = make_images(settings, on_progress=on_progress)
    counts = f"{len(done.written)} written, {len(done.skipped)} there already, {len(done.failed)} failed"
    console.info(f"{done.output}: {counts}")
    failures = [
        {
            "document": failed.document,
            "page": failed.page,
            "kind": failed.failure.kind.value,
            "message": failed.failure.message,
        }
        for failed in done.failed
    ]
    console.summary(
        {"output": str(done.output), "written": len(done.written), "skipped": len(done.skipped), "failures": failures}
    )
    raise_failures(done.failed, str(done.output))
