"""The pictures of a dataset's report, drawn by Matplotlib without a screen."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from docdetect.documents.drawing import class_colour
from docdetect.files import write_bytes
from docdetect.types import Detections, FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from docdetect.datasets.report import SplitCounts

_DPI = 110


def write_plots(
    folder: Path, splits: Sequence[SplitCounts], truth: Iterable[Detections], classes: Sequence[str]
) -> list[tuple[str, str]]:
    """Writes classes.png, box_sizes.png and positions.png, the same bytes for the same figures.

    Returns:
        (caption, file name) of each.

    Raises:
        OutputError: they cannot be written.
    """
    shares = _shares_by_class(truth, len(classes))
    figures = {
        "classes.png": ("Marks per class and split", _classes_figure(splits, classes)),
        "box_sizes.png": ("Box sizes, in shares of the page's long side", _sizes_figure(shares, classes)),
        "positions.png": ("Where on the page the marks are", _positions_figure(shares, classes)),
    }
    for name, (_, figure) in figures.items():
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})  # its version would be in there
        write_bytes(folder / name, stream.getvalue())
    return [(caption, name) for name, (caption, _) in figures.items()]


def _shares_by_class(truth: Iterable[Detections], classes: int) -> list[FloatArray]:
    """Per class float32 (N, 6): xyxy in shares of page width and height, then sides in shares of the long side."""
    found: list[list[FloatArray]] = [[] for _ in range(classes)]
    for page in truth:
        on_page = page.xyxy / np.array([*page.size_wh, *page.size_wh], np.float32)
        sides = (page.xyxy[:, 2:] - page.xyxy[:, :2]) / max(page.size_wh)
        rows = np.concatenate([on_page, sides], axis=1)
        for class_id in np.unique(page.class_ids):
            found[int(class_id)].append(rows[page.class_ids == class_id])
    return [np.concatenate([np.zeros((0, 6), np.float32), *rows]).astype(np.float32) for rows in found]


def _new_figure(width_in: float, height_in: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _classes_figure(splits: Sequence[SplitCounts], classes: Sequence[str]) -> Figure:
    figure = _new_figure(max(5.0, 1.6 * len(classes)), 3.6)
    axes = figure.subplots()
    width = 0.8 / max(1, len(splits))
    for position, entry in enumerate(splits):
        places = np.arange(len(classes)) + (position - (len(splits) - 1) / 2) * width
        colours = [_rgb(class_id, name) for class_id, name in enumerate(classes)]
        counts = [entry.marks[name] for name in classes]
        bars = axes.bar(places, counts, width * 0.92, color=colours, alpha=1 - 0.35 * position)
        axes.bar_label(bars, [f"{entry.split}\n{count}" for count in counts], padding=2, fontsize=8)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_ylabel("marks")
    axes.margins(y=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _sizes_figure(shares: Sequence[FloatArray], classes: Sequence[str]) -> Figure:
    figure = _new_figure(5.4, 4.8)
    axes = figure.subplots()
    for class_id, rows in enumerate(shares):
        if len(rows):
            label = f"{classes[class_id]} ({len(rows)})"
            axes.scatter(
                100 * rows[:, 4],
                100 * rows[:, 5],
                s=22,
                alpha=0.6,
                label=label,
                color=_rgb(class_id, classes[class_id]),
            )
            axes.set(xscale="log", yscale="log")
    axes.set_xlabel("width, % of the page's long side")
    axes.set_ylabel("height, % of the page's long side")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "25" else "")
    axes.grid(alpha=0.3, which="both", linewidth=0.5)
    if axes.collections:
        axes.legend()
    return figure


def _positions_figure(shares: Sequence[FloatArray], classes: Sequence[str]) -> Figure:
    from matplotlib.patches import Rectangle

    figure = _new_figure(2.6 * len(classes) + 0.4, 3.9)
    grid = figure.subplots(1, len(classes), squeeze=False)
    for class_id, (axes, rows) in enumerate(zip(grid[0], shares, strict=True)):
        colour = _rgb(class_id, classes[class_id])
        opacity = min(0.5, max(0.02, 3 / max(1, len(rows))))
        for left, top, right, bottom in rows[:, :4].tolist():
            axes.add_patch(Rectangle((left, top), right - left, bottom - top, color=colour, alpha=opacity, linewidth=0))
        axes.set(xlim=(0, 1), ylim=(1, 0), xticks=(), yticks=(), aspect=1.414, title=classes[class_id])
    return figure


def _rgb(class_id: int, name: str) -> tuple[float, float, float]:
    red, green, blue = class_colour(class_id, name)
    return red / 255, green / 255, blue / 255
