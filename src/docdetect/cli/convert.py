"""`docdetect convert`."""

from __future__ import annotations

from typing import Annotated

import typer

from docdetect.cli.options import ConfigOption, SetOption, console_of, resolve


def convert(
    context: typer.Context,
    pdfs: Annotated[str | None, typer.Option(help="A document, or a folder of documents (data/raw/pdfs).")] = None,
    output: Annotated[str | None, typer.Option(help="Folder of the page images (data/images).")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="dpi|annotations|long_side", help="How large pages are rendered (dpi).")
    ] = None,
    dpi: Annotated[int | None, typer.Option(help="px/inch, with --size dpi (200).")] = None,
    long_side: Annotated[int | None, typer.Option(help="px, with --size long_side (1024).")] = None,
    annotations: Annotated[str | None, typer.Option(help="JSON that tells sizes, with --size annotations.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes (0: one per core).")] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Documents to one PNG a page.

    Doing it again makes only what is new or changed. Exit code 7 when a document or page failed.
    """
    from docdetect.cli.dataset_summary import raise_failures
    from docdetect.prepare.convert import convert as make_images

    flags: dict[str, object] = {
        "data.pdfs": pdfs,
        "data.images": output,
        "data.images_size": size,
        "data.dpi": dpi,
        "data.long_side": long_side,
        "data.annotations": annotations,
        "data.workers": workers,
    }
    resolved = resolve(config, assignments, flags).data
    console = console_of(context)
    with console.progress("convert") as on_progress:
        done = make_images(resolved, on_progress=on_progress)
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
