"""`docdetect prepare`."""

from __future__ import annotations

from docdetect.cli.dataset_summary import raise_failures, show_report, summary_of
from docdetect.cli.options import Request, takes


@takes("data", argument="data.pdfs")
def prepare(request: Request) -> None:
    """Documents and annotations to a checked, split, drawn YOLO dataset.

    Doing it again with the same inputs and settings changes nothing. Exit code 7 when a document or page failed.
    """
    from docdetect.prepare.dataset import prepare as make_dataset

    settings, console = request.settings.data, request.console
    with console.progress("prepare") as on_progress:
        prepared = make_dataset(settings, on_progress=on_progress)
    show_report(console, prepared.report, "Dataset")
    done = "unchanged: made from the same inputs and settings" if prepared.unchanged else "report in report.md"
    console.info(f"{prepared.dataset}: {done}")
    outcome = {"dataset": str(prepared.dataset), "unchanged": prepared.unchanged}
    console.summary(outcome | summary_of(prepared.report))
    raise_failures(prepared.report.failures, str(prepared.dataset))
