"""Figures of an evaluation with given values, for tests that only hand them on."""

from __future__ import annotations

from docdetect.metrics.figures import ClassFigures, Figure, Operating


def class_figures_for_tests(**ap: tuple[float | None, float | None]) -> tuple[ClassFigures, ...]:
    """For each name (the first is "all") the figures of a class with this AP50 and AP50-95.

    A class with figures has 3 marks, 2 of them found, and 1 wrong detection; one without has no mark.
    """
    rows = []
    for name, (ap50, ap50_95) in ap.items():
        known = ap50 is not None
        share = Figure(2 / 3 if known else None)
        rows.append(
            ClassFigures(
                name,
                2 if known else 0,
                3 if known else 0,
                3 if known else 0,
                2 if known else 0,
                Figure(ap50),
                Figure(ap50_95),
                Figure(ap50_95),
                Operating(0.25, share, share, share),
                Operating(0.4, share, share, share),
            )
        )
    return tuple(rows)
