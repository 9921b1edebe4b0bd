"""The report on a dataset: what it holds and what was left out of it, as data, as JSON, and for people with plots."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docdetect.annotations.cleaning import Removal, RemovalReason
from docdetect.datasets.ground_truth import NONE_UNMATCHED, Unmatched
from docdetect.datasets.split import PageKey, Split
from docdetect.documents.drawing import class_colour
from docdetect.files import write_bytes
from docdetect.types import Detections, FailedPage, Failure, FailureKind, FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class SplitCounts:
    """One split in figures.

    Attributes:
        split: name of the split.
        documents, pages: how many there are.
        empty_pages: pages without marks.
        marks: class name -> number of boxes.
        groups: groups of pages that stay together in a split; 0 where pages were not divided.
    """

    split: str
    documents: int
    pages: int
    empty_pages: int
    marks: dict[str, int]
    groups: int = 0


@dataclass(frozen=True)
class BoxSizes:
    """How large the boxes of a class are: 5 %, 50 % and 95 % quantiles, as shares of the page's long side."""

    name: str
    marks: int
    width_frac: tuple[float, float, float]
    height_frac: tuple[float, float, float]


@dataclass(frozen=True)
class Report:
    """Everything there is to say about a dataset.

    Attributes:
        classes: class names in the order of their ids.
        splits: one entry for each split that has pages.
        sizes: one entry for each class that has boxes.
        removals: marks that were taken out or cut.
        failures: documents and pages that could not be read.
        left_out: pages without marks that `empty` left out.
        warnings: what a person should look at.
        unlisted: documents that the annotations do not list, and what was done with them.
        missing: annotated documents that are not there, and what was done with them.
    """

    classes: tuple[str, ...]
    splits: tuple[SplitCounts, ...]
    sizes: tuple[BoxSizes, ...]
    removals: tuple[Removal, ...] = ()
    failures: tuple[FailedPage, ...] = ()
    left_out: int = 0
    warnings: tuple[str, ...] = ()
    unlisted: Unmatched = NONE_UNMATCHED
    missing: Unmatched = NONE_UNMATCHED


def count_splits(
    split: Split, ground_truth: Mapping[PageKey, Detections], classes: Sequence[str]
) -> tuple[SplitCounts, ...]:
    """Figures of each split that has pages; pages that `ground truth` does not name have no mark."""
    return tuple(
        replace(
            count_pages(name, split.only_in(name), ground_truth, classes),
            groups=len({row.group for row in split.rows if row.split == name}),
        )
        for name in split.names()
    )


def count_pages(
    name: str, keys: Sequence[PageKey], ground_truth: Mapping[PageKey, Detections], classes: Sequence[str]
) -> SplitCounts:
    """Figures of the pages `keys`, under a name."""
    pages = [ground_truth[key] for key in keys if key in ground_truth]
    marks = Counter(classes[class_id] for page in pages for class_id in page.class_ids)
    return SplitCounts(
        split=name,
        documents=len({key.document for key in keys}),
        pages=len(keys),
        empty_pages=len(keys) - sum(len(page) > 0 for page in pages),
        marks={label: marks[label] for label in classes},
    )


def measure_boxes(ground_truth: Iterable[Detections], classes: Sequence[str]) -> tuple[BoxSizes, ...]:
    """The spread of box sizes of each class that occurs."""
    shares: dict[int, list[tuple[float, float]]] = {}
    for page in ground_truth:
        sides = (page.xyxy[:, 2:] - page.xyxy[:, :2]) / max(page.size_wh)
        for class_id, (width, height) in zip(page.class_ids.tolist(), sides.tolist(), strict=True):
            shares.setdefault(class_id, []).append((width, height))
    return tuple(
        BoxSizes(
            name=classes[class_id],
            marks=len(found),
            width_frac=_quantiles([width for width, _ in found]),
            height_frac=_quantiles([height for _, height in found]),
        )
        for class_id, found in sorted(shares.items())
    )


def report_to_json(report: Report) -> dict[str, Any]:
    """The data of report.json; box values that are no finite number are written as texts ("nan", "inf")."""
    data = asdict(report)
    for removal, written in zip(report.removals, data["removals"], strict=True):
        written["reason"] = removal.reason.value
        written["box"] = [value if math.isfinite(value) else str(value) for value in removal.box]
    for failed, written in zip(report.failures, data["failures"], strict=True):
        written["failure"]["kind"] = failed.failure.kind.value
    return data


def report_from_json(data: Mapping[str, Any]) -> Report:
    """The report that `report_to_json` wrote. Raises KeyError, TypeError or ValueError for other data."""
    return Report(
        classes=tuple(data["classes"]),
        splits=tuple(SplitCounts(**entry) for entry in data["splits"]),
        sizes=tuple(
            BoxSizes(entry["name"], entry["marks"], _triple(entry["width_frac"]), _triple(entry["height_frac"]))
            for entry in data["sizes"]
        ),
        removals=tuple(_removal(entry) for entry in data["removals"]),
        failures=tuple(
            FailedPage(
                entry["document"],
                entry["page"],
                Failure(FailureKind(entry["failure"]["kind"]), entry["failure"]["message"]),
            )
            for entry in data["failures"]
        ),
        left_out=data["left_out"],
        warnings=tuple(data["warnings"]),
        unlisted=_unmatched(data.get("unlisted")),
        missing=_unmatched(data.get("missing")),
    )


def report_to_markdown(report: Report, pictures: Sequence[tuple[str, str]] = ()) -> str:
    """report.md; `pictures` are (caption, path relative to the report)."""
    parts = ["# Dataset\n", _table(*splits_table(report))]
    if report.left_out:
        parts.append(f"{report.left_out} pages without marks were left out.\n")
    for heading, unmatched in (
        ("Documents that the annotations do not list", report.unlisted),
        ("Annotated documents that are not there", report.missing),
    ):
        if unmatched.documents:
            parts += _bullets(f"{heading}: {len(unmatched.documents)}, {unmatched.treated}", unmatched.documents)
    parts += _bullets("To look at", report.warnings)
    parts += _bullets(f"Not readable ({len(report.failures)})", [str(failed) for failed in report.failures])
    parts += ["## Box sizes\n", "In % of the page's long side.\n", _table(*_sizes_table(report))]
    parts += [f"![{caption}]({path})\n" for caption, path in pictures]
    parts.append(f"## Removed or cut ({len(report.removals)})\n")
    reasons = Counter(removal.reason.value for removal in report.removals)
    parts.append(", ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items())) + "\n")
    if report.removals:
        rows = [(r.document, r.page, r.key, r.category, r.reason.value, _box_text(r.box)) for r in report.removals]
        parts.append(_table(("document", "page", "annotation", "category", "reason", "x, y, width, height"), rows))
    else:
        parts[-1] = "Nothing.\n"
    return "\n".join(parts)


def splits_table(report: Report) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Columns and rows of the table split by class.

    Below the splits are a line of sums, where there is more than one split, and a line for the documents that only the
    folder or only the annotations know.
    """
    with_groups = any(entry.groups for entry in report.splits)
    columns = ("split", *(("groups",) if with_groups else ()), "documents", "pages", "without marks", *report.classes)
    counts = [
        (entry.pages, entry.empty_pages, *(entry.marks[name] for name in report.classes)) for entry in report.splits
    ]
    heads = [(*((entry.groups,) if with_groups else ()), entry.documents) for entry in report.splits]
    rows: list[tuple[object, ...]] = [
        (entry.split, *head, *figures) for entry, head, figures in zip(report.splits, heads, counts, strict=True)
    ]
    if len(rows) > 1:  # documents are not summed: a split by page has some in both
        rows.append(("all", *[""] * len(heads[0]), *(sum(column) for column in zip(*counts, strict=True))))
    for name, unmatched in (("unlisted", report.unlisted), ("missing", report.missing)):
        if unmatched.documents:
            cells = (*(("",) if with_groups else ()), len(unmatched.documents), unmatched.pages)
            rows.append((f"{name}: {unmatched.treated}", *cells, "", *[""] * len(report.classes)))
    return columns, rows


def _sizes_table(report: Report) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    columns = (
        "class",
        "boxes",
        *(f"{side} {share}" for side in ("width", "height") for share in ("5 %", "50 %", "95 %")),
    )
    rows = [
        (entry.name, entry.marks, *(f"{100 * share:.1f}" for share in (*entry.width_frac, *entry.height_frac)))
        for entry in report.sizes
    ]
    return columns, list(rows)


def _bullets(heading: str, lines: Sequence[str]) -> list[str]:
    return [f"## {heading}\n", "".join(f"- {_escaped(line)}\n" for line in lines)] if lines else []


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(_escaped(str(cell)) for cell in line)} |\n" for line in lines)


def _escaped(text: str) -> str:
    """Text that stays text in Markdown, even in a table: names of documents are anybody's."""
    return "".join(f"\\{letter}" if letter in "\\|`*_<>[]" else letter for letter in " ".join(text.split()))


def _box_text(box: Sequence[float]) -> str:
    return ", ".join(f"{value:.10g}" for value in box)


def _quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = (round(float(value), 5) for value in np.quantile(np.array(values), (0.05, 0.5, 0.95)))
    return low, middle, high


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = values
    return low, middle, high


def _unmatched(data: Mapping[str, Any] | None) -> Unmatched:
    return Unmatched(tuple(data["documents"]), data["pages"], data["treated"]) if data else NONE_UNMATCHED


def _removal(entry: Mapping[str, Any]) -> Removal:
    x, y, width, height = (float(value) for value in entry["box"])
    reason = RemovalReason(entry["reason"])
    return Removal(entry["document"], entry["page"], entry["key"], entry["category"], reason, (x, y, width, height))


_DPI = 110


def write_plots(
    folder: Path, splits: Sequence[SplitCounts], ground_truth: Iterable[Detections], classes: Sequence[str]
) -> list[tuple[str, str]]:
    """Writes classes.png, box_sizes.png and positions.png, the same bytes for the same figures.

    Returns:
        (caption, file name) of each.

    Raises:
        OutputError: they cannot be written.
    """
    shares = _shares_by_class(ground_truth, len(classes))
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


def _shares_by_class(ground_truth: Iterable[Detections], classes: int) -> list[FloatArray]:
    """Per class float32 (N, 6): xyxy in shares of page width and height, then sides in shares of the long side."""
    found: list[list[FloatArray]] = [[] for _ in range(classes)]
    for page in ground_truth:
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
