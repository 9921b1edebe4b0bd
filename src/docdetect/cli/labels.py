"""`docdetect labels`."""

from __future__ import annotations

from docdetect.cli.dataset_summary import show_made
from docdetect.cli.options import Request, takes


@takes("data", argument="data.pdfs")
def labels(request: Request) -> None:
    """Write cleaned YOLO label files from JSON annotations, with a report of what was removed."""
    from docdetect.prepare.dataset import write_labels

    settings = request.settings.data
    with request.console.progress("labels") as on_progress:
        result = write_labels(settings, on_progress=on_progress)
    show_made(request.console, result, "Labels")
