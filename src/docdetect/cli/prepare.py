"""`docdetect prepare`."""

from __future__ import annotations

from docdetect.cli.dataset_summary import show_made
from docdetect.cli.options import Request, takes


@takes("data", argument="data.pdfs")
def prepare(request: Request) -> None:
    """Make a checked YOLO dataset from documents and annotations, with splits and drawn pages.

    Doing it again with the same inputs and settings changes nothing. Exit code 7 when a document or page failed.
    """
    from docdetect.prepare.dataset import prepare as make_dataset

    settings, console = request.settings.data, request.console
    with console.progress("prepare") as on_progress:
        prepared = make_dataset(settings, on_progress=on_progress)
    show_made(console, prepared, "Dataset", "dataset")
