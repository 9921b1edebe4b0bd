"""`docdetect synth`."""

from __future__ import annotations

from docdetect.cli.options import Request, takes

_MOST_NOTES = 20


@takes("synth")
def synth(request: Request) -> None:
    """Make documents with exact labels: a YOLO dataset, annotations.json, and PDFs on request.

    The same command continues where it stopped; with a larger number of pages the dataset grows.
    """
    from docdetect.files import as_argument
    from docdetect.synth.generate import generate

    settings, console = request.settings.synth, request.console
    with console.progress("synth", "pages") as on_progress:
        report = generate(settings, on_progress)
    for note in report.notes[:_MOST_NOTES]:
        console.warn(note)
    if len(report.notes) > _MOST_NOTES:
        console.warn(f"and {len(report.notes) - _MOST_NOTES} more of these")
    console.table("Marks", ("class", "marks"), [(name, count) for name, count in report.marks.items()])
    speed = f", {report.made / report.seconds:.1f} a second" if report.made else ""
    console.info(f"{report.folder}: {report.pages} pages, {report.empty} without marks; {report.made} made now{speed}")
    console.info(f"next: docdetect train --data {as_argument(report.folder)}")
    console.summary(
        {
            "folder": str(report.folder),
            "pages": report.pages,
            "made": report.made,
            "empty": report.empty,
            "marks": report.marks,
            "seconds": round(report.seconds, 3),
            "notes": list(report.notes),
        }
    )
