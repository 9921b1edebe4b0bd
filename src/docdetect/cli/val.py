"""`docdetect val`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docdetect.cli.options import Request, takes
from docdetect.console import Console

if TYPE_CHECKING:
    from docdetect.evaluation.validate import ValResult


@takes("val", "figures", "grouping")
def val(request: Request) -> None:
    """Evaluate a detector on labelled pages: precision, recall and average precision of each class, and plots."""
    from docdetect.evaluation.validate import validate

    settings, console = request.settings, request.console
    with console.progress("val", "pages") as progress:
        result = validate(settings, on_progress=progress, announce=console.warn)
    _show_validation(console, result, settings.val.conf)


def _show_validation(console: Console, result: ValResult, conf: float) -> None:
    from docdetect.files import read_json
    from docdetect.metrics.texts import ACCURACY_COLUMNS, accuracy_rows, share

    title = f"{result.weights.name} on {result.evaluation.pages} pages, from confidence {conf:g} on"
    console.table(title, ACCURACY_COLUMNS, accuracy_rows(result.figures))
    best = result.figures[0].best
    if best.f1.value is not None:
        console.info(
            f"best mean F1 {share(best.f1.value)} at confidence {best.conf:.2f}: precision "
            f"{share(best.precision.value)}, recall {share(best.recall.value)}"
        )
    console.info(f"report, plots and pages: {result.folder / 'report.html'}")
    console.summary({"folder": str(result.folder), **read_json(result.folder / "metrics.json")})
