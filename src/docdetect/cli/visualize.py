"""`docdetect visualize`."""

from __future__ import annotations

from docdetect.cli.dataset_summary import raise_failures
from docdetect.cli.options import Request, takes


@takes("data", argument="data.dataset")
def visualize(request: Request) -> None:
    """Draw the ground-truth boxes on every page of a YOLO dataset, and contact sheets."""
    from docdetect.prepare.visualize import visualize as draw_dataset

    console, settings = request.console, request.settings.data
    with console.progress("visualize", "pages") as on_progress:
        drawn = draw_dataset(settings, on_progress)
    for note in drawn.notes:
        console.warn(note)
    console.info(f"{drawn.folder}: {drawn.pages} pages drawn, {len(drawn.sheets)} contact sheets")
    failed = [{"image": failure.document, "message": failure.failure.message} for failure in drawn.failures]
    sheets = [str(path) for path in drawn.sheets]
    console.summary({"output": str(drawn.folder), "pages": drawn.pages, "sheets": sheets, "failures": failed})
    raise_failures(drawn.failures, str(drawn.folder))
