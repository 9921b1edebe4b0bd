"""Figures as texts, the same in tables, reports and messages: shares in [0, 1] with three digits, such as 0.461."""

from __future__ import annotations

from collections.abc import Sequence

from docdetect.metrics.figures import ClassFigures, Figure

NOTHING = "-"
"""Stands where a figure is not defined, such as the recall of a class without marks."""

ACCURACY_COLUMNS = ("class", "marks", "found", "wrong", "precision", "recall", "AP50", "AP50-95")


def share(value: float | None) -> str:
    """0.92741 -> "0.927"; a dash where there is no value."""
    return NOTHING if value is None else f"{value:.3f}"


def change(value: float | None) -> str:
    """The difference of two shares with its sign, such as "+0.042"; a dash where there is no value."""
    return NOTHING if value is None else f"{value:+.3f}"


def span(figure: Figure) -> str:
    """The interval of a figure, such as "0.901 to 0.942"; empty where there is none."""
    return "" if figure.low is None or figure.high is None else f"{figure.low:.3f} to {figure.high:.3f}"


def accuracy_rows(figures: Sequence[ClassFigures]) -> list[tuple[str, ...]]:
    """The rows of a table with `ACCURACY_COLUMNS`: each class, then "all".

    Args:
        figures: "all" first, as `class_figures` gives them; none gives no rows.
    """
    return [
        (
            row.name,
            *(str(count) for count in (row.marks, row.hits, row.wrong)),
            *(share(one.value) for one in (row.working.precision, row.working.recall, row.ap50, row.ap50_95)),
        )
        for row in (*figures[1:], *figures[:1])
    ]


_CSV_FIGURES = ("AP50", "AP75", "AP50-95", "precision", "recall", "F1")
METRICS_COLUMNS = (
    *("class", "pages", "marks", "found", "wrong", "conf"),
    *(f"{name}{end}" for name in _CSV_FIGURES for end in ("", " low", " high")),
)
"""Columns of `metrics.csv`; "low" and "high" are the ends of the interval of a figure."""


def metrics_rows(figures: Sequence[ClassFigures]) -> list[tuple[object, ...]]:
    """The rows of `metrics.csv`: each class, then "all"; a cell is None where a figure or its interval is missing."""
    rows: list[tuple[object, ...]] = []
    for row in (*figures[1:], *figures[:1]):
        working = row.working
        values = (row.ap50, row.ap75, row.ap50_95, working.precision, working.recall, working.f1)
        cells = [end for one in values for end in (one.value, one.low, one.high)]
        counts = (row.name, row.pages, row.marks, row.hits, row.wrong, f"{working.conf:g}")
        rows.append((*counts, *(None if cell is None else f"{cell:.6f}" for cell in cells)))
    return rows
