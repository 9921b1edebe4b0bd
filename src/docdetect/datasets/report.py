"""What a dataset holds and what was left out of it, as data, as JSON and for people."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from docdetect.datasets.split import PageKey, Split
from docdetect.labels.cleaning import Removal, RemovalReason
from docdetect.types import Detections, Failure, FailureKind


@dataclass(frozen=True)
class FailedPage:
    """A document (page None) or one page of it that is not in the dataset, and why."""

    document: str
    page: int | None
    failure: Failure

    def __str__(self) -> str:
        where = self.document if self.page is None else f"{self.document}, page {self.page}"
        return f"{where}: {self.failure.message} ({self.failure.kind.value})"


@dataclass(frozen=True)
class SplitCounts:
    """One split in figures; `marks` is class name -> number of boxes."""

    split: str
    documents: int
    pages: int
    empty_pages: int
    marks: dict[str, int]


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
    """

    classes: tuple[str, ...]
    splits: tuple[SplitCounts, ...]
    sizes: tuple[BoxSizes, ...]
    removals: tuple[Removal, ...] = ()
    failures: tuple[FailedPage, ...] = ()
    left_out: int = 0
    warnings: tuple[str, ...] = ()


def count_splits(split: Split, truth: Mapping[PageKey, Detections], classes: Sequence[str]) -> tuple[SplitCounts, ...]:
    """Figures of each split that has pages; pages that `truth` does not name have no mark."""
    return tuple(
        count_pages(name, [row.key for row in split.rows if row.split == name], truth, classes)
        for name in split.names()
    )


def count_pages(
    name: str, keys: Sequence[PageKey], truth: Mapping[PageKey, Detections], classes: Sequence[str]
) -> SplitCounts:
    """Figures of the pages `keys`, under a name."""
    pages = [truth[key] for key in keys if key in truth]
    marks = Counter(classes[class_id] for page in pages for class_id in page.class_ids)
    return SplitCounts(
        split=name,
        documents=len({key.document for key in keys}),
        pages=len(keys),
        empty_pages=len(keys) - sum(len(page) > 0 for page in pages),
        marks={label: marks[label] for label in classes},
    )


def measure_boxes(truth: Iterable[Detections], classes: Sequence[str]) -> tuple[BoxSizes, ...]:
    """The spread of box sizes of each class that occurs."""
    shares: dict[int, list[tuple[float, float]]] = {}
    for page in truth:
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
    )


def report_to_markdown(report: Report, pictures: Sequence[tuple[str, str]] = ()) -> str:
    """report.md; `pictures` are (caption, path relative to the report)."""
    parts = ["# Dataset\n", _table(*splits_table(report))]
    if report.left_out:
        parts.append(f"{report.left_out} pages without marks were left out.\n")
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
    """Columns and rows of the table split by class, with a line of sums where there is more than one split."""
    columns = ("split", "documents", "pages", "without marks", *report.classes)
    counts = [
        (entry.documents, entry.pages, entry.empty_pages, *(entry.marks[name] for name in report.classes))
        for entry in report.splits
    ]
    rows: list[tuple[object, ...]] = [
        (entry.split, *figures) for entry, figures in zip(report.splits, counts, strict=True)
    ]
    if len(rows) > 1:  # documents are not summed: a split by page has some in both
        rows.append(("all", "", *(sum(column) for column in list(zip(*counts, strict=True))[1:])))
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


def _removal(entry: Mapping[str, Any]) -> Removal:
    x, y, width, height = (float(value) for value in entry["box"])
    reason = RemovalReason(entry["reason"])
    return Removal(entry["document"], entry["page"], entry["key"], entry["category"], reason, (x, y, width, height))
