"""`docdetect val`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docdetect.cli.options import Request, takes
from docdetect.console import Console

if TYPE_CHECKING:
    from docdetect.evaluation.validate import ValResult


@takes("val", "figures", "grouping")
def val(request: Request) -> None:
    """Judge a detector on labelled pages: precision, recall and average precision of each class, and plots."""
    from docdetect.evaluation.validate import validate

    settings, console = request.settings, request.console
    with console.progress("validating") as progress:
        result = validate(settings, on_progress=progress, announce=console.warn)
    _show_validation(console, result, settings.val.conf)


def _show_validation(console: Console, result: ValResult, conf: float) -> None:
    from docdetect.files import read_json

    columns = ("class", "marks", "found", "wrong", "precision", "recall", "AP50", "AP50-95")
    rows = [
        (
            row.name,
            row.marks,
            row.found,
            row.wrong,
            *("-" if value is None else f"{value:.3f}" for value in (row.precision, row.recall, row.ap50, row.ap50_95)),
        )
        for row in result.rows
    ]
    console.table(f"{result.weights.name} on {result.pages} pages, from confidence {conf:g} on", columns, rows)
    if result.best_f1 is not None:
        best = result.best_f1
        console.info(
            f"best F1 at confidence {best.conf:.2f}: precision {best.precision:.3f}, recall {best.recall:.3f} "
            "(Ultralytics' P and R)"
        )
    console.info(f"curves, confusion matrices and pages: {result.folder}")
    console.info(f"intervals, slices and the worst errors: {result.folder / 'report.html'}")
    console.summary({"folder": str(result.folder), **read_json(result.folder / "metrics.json")})
