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
