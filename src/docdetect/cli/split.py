"""`docdetect split`."""

from __future__ import annotations

from docdetect.cli.dataset_summary import show_made
from docdetect.cli.options import Request, takes


@takes("data", argument="data.pdfs")
def split(request: Request) -> None:
    """Divide groups, documents or pages into training and validation, the same on every platform."""
    from docdetect.prepare.dataset import write_split

    settings = request.settings.data
    with request.console.progress("split") as on_progress:
        result = write_split(settings, on_progress=on_progress)
    show_made(request.console, result, "Split")
