"""`docdetect synth`."""

from __future__ import annotations

from typing import Annotated

import typer

from docdetect.cli.options import ConfigOption, SetOption, console_of, resolve


def synth(
    context: typer.Context,
    output: Annotated[str | None, typer.Option(help="Folder of the dataset (data/synth).")] = None,
    pages: Annotated[int | None, typer.Option(help="How many pages; more continue a dataset (1000).")] = None,
    seed: Annotated[int | None, typer.Option(help="Page k of seed s is always the same page (0).")] = None,
    imgsz: Annotated[int | None, typer.Option(help="Long side of the pictures, px (1024).")] = None,
    val: Annotated[float | None, typer.Option(help="Share of the documents for validation (0.1).")] = None,
    fonts: Annotated[str | None, typer.Option(metavar="DIR", help="Fonts, besides those of the system.")] = None,
    ink: Annotated[str | None, typer.Option(metavar="FILE", help="Recorded handwriting, JSON lines.")] = None,
    picture_format: Annotated[
        str | None, typer.Option("--format", metavar="jpg|png", help="Of the page pictures (jpg).")
    ] = None,
    pdf: Annotated[bool | None, typer.Option("--pdf/--no-pdf", help="Also write real PDFs (no).")] = None,
    preview: Annotated[
        bool | None, typer.Option("--preview/--no-preview", help="Draw a contact sheet with the boxes (no).")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes (0: one per core).")] = None,
    overwrite: Annotated[
        bool | None, typer.Option("--overwrite", help="Replace pages made with other settings.")
    ] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Made-up documents with exact labels: a YOLO dataset, annotations.json, and PDFs on request.

    Doing it again goes on where it stopped; with more pages the dataset grows.
    """
    from docdetect.synth.generate import generate

    flags: dict[str, object] = {
        "synth.output": output,
        "synth.pages": pages,
        "synth.seed": seed,
        "synth.imgsz": imgsz,
        "synth.val": val,
        "synth.fonts": fonts,
        "synth.ink": ink,
        "synth.format": picture_format,
        "synth.pdf": pdf,
        "synth.preview": preview,
        "synth.workers": workers,
        "synth.overwrite": overwrite,
    }
    settings = resolve(config, assignments, flags).synth
    console = console_of(context)
    with console.progress("synth") as on_progress:
        report = generate(settings, on_progress)
    console.table("Marks", ("class", "marks"), [(name, count) for name, count in report.marks.items()])
    speed = f", {report.made / report.seconds:.1f} a second" if report.made else ""
    console.info(f"{report.folder}: {report.pages} pages, {report.empty} without marks; {report.made} made now{speed}")
    console.summary(
        {
            "folder": str(report.folder),
            "pages": report.pages,
            "made": report.made,
            "empty": report.empty,
            "marks": report.marks,
            "seconds": round(report.seconds, 3),
        }
    )
