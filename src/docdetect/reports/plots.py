"""Plots as SVG or PNG, drawn by Matplotlib without a screen; the same bytes for the same figures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from docdetect.reports.page import Picture, png_uri, svg_uri

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Colour: TypeAlias = tuple[int, int, int]
"""RGB, 0..255."""
Form: TypeAlias = Literal["svg", "png"]
"""SVG inside reports, PNG as a file of its own."""

INK: Colour = (28, 36, 48)
GREY: Colour = (140, 148, 160)
_SIZE_INCH = (5.2, 3.7)
_STYLE: dict[str, Any] = {
    "svg.hashsalt": "docdetect",  # ids inside the file would be random otherwise
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8c94a0",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": "#e6e9ee",
    "axes.axisbelow": True,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Line:
    """A curve: its name, points (x ascending; NaN leaves a gap), colour, and whether it is dashed or bold."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    colour: Colour
    dashed: bool = False
    bold: bool = False


@dataclass(frozen=True)
class Span:
    """A value with its interval, in the row `label`."""

    label: str
    value: float
    low: float
    high: float
    colour: Colour = INK


@dataclass(frozen=True)
class Axis:
    """The name of an axis and, where given, its ends."""

    name: str
    low: float | None = None
    high: float | None = None


def line_plot(
    title: str, lines: Sequence[Line], x: Axis, y: Axis, *, mark_x: float | None = None, form: Form = "svg"
) -> Picture:
    """Curves over one axis, and a vertical line at `mark_x` where given."""
    with _style():
        figure, axes = _axes(title)
        _draw_lines(axes, lines, x, y)
        if mark_x is not None:
            axes.axvline(mark_x, color=_rgb(GREY), linewidth=1, linestyle=":")
        return _picture(figure, title, form)


def panels_plot(panels: Sequence[tuple[str, Sequence[Line]]], x: Axis, *, form: Form = "svg") -> Picture:
    """Several small plots over the same axis in one drawing, two in a row: (title, curves)."""
    from matplotlib.figure import Figure

    with _style():
        rows = max(1, -(-len(panels) // 2))
        figure = Figure(figsize=(2 * _SIZE_INCH[0], rows * _SIZE_INCH[1]), layout="constrained")
        grid = figure.subplots(rows, 2, squeeze=False).ravel()
        for axes, (title, lines) in zip(grid, panels, strict=False):
            axes.set_title(title)
            _draw_lines(axes, lines, x, Axis(""))
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        return _picture(figure, "", form)


def matrix_plot(
    title: str, cells: Sequence[Sequence[float]], names: Sequence[str], axes_names: tuple[str, str], form: Form = "svg"
) -> Picture:
    """A square table of numbers, the darker the larger; `axes_names` are those of the columns and of the rows."""
    with _style():
        figure, axes = _axes(title)
        most = max((value for row in cells for value in row), default=0) or 1
        axes.imshow([list(row) for row in cells], cmap="Blues", vmin=0, vmax=most)
        for row, values in enumerate(cells):
            for column, value in enumerate(values):
                text = f"{value:g}" if float(value).is_integer() and most > 1 else f"{value:.2f}"
                axes.text(column, row, text, ha="center", va="center", color="white" if value > 0.6 * most else "black")
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks(range(len(names)), names)
        axes.grid(visible=False)
        _name_axes(axes, Axis(axes_names[0]), Axis(axes_names[1]))
        return _picture(figure, title, form)


def interval_plot(title: str, spans: Sequence[Span], x: Axis, *, mark_x: float | None = None) -> Picture:
    """Values with their intervals, one below the other."""
    with _style():
        figure, axes = _axes(title, rows=len(spans))
        for row, span in enumerate(spans):
            colour = _rgb(span.colour)
            axes.plot([span.low, span.high], [row, row], color=colour, linewidth=2.2, solid_capstyle="round", alpha=0.6)
            axes.plot([span.value], [row], "o", color=colour, markersize=6)
        if mark_x is not None:
            axes.axvline(mark_x, color=_rgb(INK), linewidth=1)
        _name_axes(axes, x, Axis("", max(len(spans), 1) - 0.5, -0.5))
        axes.set_yticks(range(len(spans)), [span.label for span in spans])
        axes.grid(visible=False, axis="y")
        return _picture(figure, title)


def bar_plot(
    title: str, groups: Sequence[str], bars: Sequence[tuple[str, Sequence[float], Colour]], y: Axis
) -> Picture:
    """Bars by group, stacked: (name, one value per group, colour)."""
    from matplotlib.ticker import MaxNLocator

    with _style():
        figure, axes = _axes(title)
        below = [0.0] * len(groups)
        for name, values, colour in bars:
            axes.bar(range(len(groups)), values, 0.62, below, label=name, color=_rgb(colour))
            below = [base + value for base, value in zip(below, values, strict=True)]
        for position, top in enumerate(below):
            axes.annotate(f"{top:g}", (position, top), (0, 3), textcoords="offset points", ha="center", fontsize=9)
        axes.set_xticks(range(len(groups)), groups)
        _name_axes(axes, Axis(""), y)
        axes.grid(visible=False, axis="x")
        axes.margins(y=0.12)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        if len(bars) > 1:
            axes.legend(fontsize=9)
        return _picture(figure, title)


def reliability_plot(title: str, curves: Sequence[Line]) -> Picture:
    """Share of hits over mean score; on the diagonal a score is a probability."""
    with _style():
        figure, axes = _axes(title)
        axes.plot([0, 1], [0, 1], color=_rgb(GREY), linewidth=1, linestyle=":")
        for line in curves:
            axes.plot(
                line.x,
                line.y,
                marker="o",
                markersize=4,
                label=line.label,
                color=_rgb(line.colour),
                linestyle="--" if line.dashed else "-",
                linewidth=1.5,
            )
        _name_axes(axes, Axis("mean confidence", 0, 1.02), Axis("share that are marks", 0, 1.02))
        if curves:
            axes.legend(fontsize=9)
        return _picture(figure, title)


def _style() -> AbstractContextManager[None]:
    import matplotlib as mpl

    style: AbstractContextManager[None] = mpl.rc_context(_STYLE)
    return style


def _axes(title: str, rows: int | None = None) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    width, height = _SIZE_INCH
    figure = Figure(figsize=(width, height if rows is None else max(2.0, 1.1 + 0.3 * rows)), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    return figure, axes


def _draw_lines(axes: Axes, lines: Sequence[Line], x: Axis, y: Axis) -> None:
    for line in lines:
        axes.plot(
            line.x,
            line.y,
            label=line.label,
            color=_rgb(line.colour),
            linestyle="--" if line.dashed else "-",
            linewidth=2.4 if line.bold else 1.5,
            marker="o" if len(line.x) == 1 else None,
        )
    _name_axes(axes, x, y)
    if lines:
        axes.legend(fontsize=9)


def _name_axes(axes: Axes, x: Axis, y: Axis) -> None:
    axes.set_xlabel(x.name)
    axes.set_ylabel(y.name)
    if x.low is not None or x.high is not None:
        axes.set_xlim(x.low, x.high)
    if y.low is not None or y.high is not None:
        axes.set_ylim(y.low, y.high)


def _picture(figure: Figure, title: str, form: Form = "svg") -> Picture:
    stream = io.BytesIO()
    if form == "png":
        figure.savefig(stream, format="png", dpi=150, metadata={"Software": None})
        return Picture(png_uri(stream.getvalue()), title)
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return Picture(svg_uri(stream.getvalue()), title)


def _rgb(colour: Colour) -> tuple[float, float, float]:
    return colour[0] / 255, colour[1] / 255, colour[2] / 255
