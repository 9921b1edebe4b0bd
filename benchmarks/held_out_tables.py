"""The tables of `benchmarks.held_out_sources`: what networks find on sources that they were not trained on."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from benchmarks.other_origins import ALARM_CONF, FEWEST_MARKS, average_precision
from benchmarks.real_documents import NAMES, markdown
from docdetect.metrics.matching import Sample

# Figure -> the IoU from which a detection has found a mark.
FIGURES = {"AP.3": 0.3, "AP50": 0.5}


@dataclass(frozen=True)
class Figures:
    """What was found.

    Attributes:
        found: "start", or name of a setting -> for each seed: source -> the samples of its pages. The group of a
            sample is the name of its set. All settings have the same pages.
        kinds: set -> what its pages without marks are.
    """

    found: Mapping[str, Sequence[Mapping[str, Sequence[Sample]]]]
    kinds: Mapping[str, str]

    @property
    def settings(self) -> list[str]:
        """The names of the settings, without the start."""
        return [name for name in self.found if name != "start"]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval by Student's t; the half is infinite for a single value."""
    from scipy.stats import t

    if len(values) < 2:
        return statistics.fmean(values), math.inf
    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.fmean(values), half


def labelled_samples(samples: Sequence[Sample], class_id: int) -> list[Sample]:
    """The pages on which a class is labelled."""
    return [one for one in samples if one.labelled is None or class_id in one.labelled]


def by_source(figures: Figures, class_id: int, iou: float) -> dict[str, dict[str, float]]:
    """Source -> name of the setting -> average precision, the mean over the seeds.

    Only sources with at least `FEWEST_MARKS` marks of the class are there.
    """
    table: dict[str, dict[str, float]] = {}
    for source in next(iter(figures.found.values()))[0]:
        if marks_of(figures, source, class_id) < FEWEST_MARKS:
            continue
        table[source] = {
            name: statistics.fmean(
                average_precision(labelled_samples(seed[source], class_id), class_id, (iou,)) or 0.0 for seed in seeds
            )
            for name, seeds in figures.found.items()
        }
    return table


def marks_of(figures: Figures, source: str, class_id: int) -> int:
    """The number of labelled marks of a class on the pages of a source."""
    samples = labelled_samples(next(iter(figures.found.values()))[0][source], class_id)
    return sum(int((one.ground_truth.class_ids == class_id).sum()) for one in samples)


def source_rows(figures: Figures) -> list[tuple[str, ...]]:
    """A row for each source and class: AP.3 and AP50 of each setting."""
    rows: list[tuple[str, ...]] = [("source", "class", "marks", *(f"{name}: AP.3 / AP50" for name in figures.found))]
    for class_id, category in enumerate(NAMES):
        tables = [by_source(figures, class_id, iou) for iou in FIGURES.values()]
        for source in tables[0]:
            cells = [" / ".join(f"{table[source][name]:.2f}" for table in tables) for name in figures.found]
            rows.append((source, category, str(marks_of(figures, source, class_id)), *cells))
    return rows


def class_rows(figures: Figures) -> list[tuple[str, ...]]:
    """A row for each class and figure: the mean over the sources with its interval, the worst source, the change."""
    rows: list[tuple[str, ...]] = [
        ("class", "figure", "sources", *(f"{name}: mean (worst)" for name in figures.found), *_change_heads(figures))
    ]
    for class_id, category in enumerate(NAMES):
        for figure, iou in FIGURES.items():
            table = by_source(figures, class_id, iou)
            if not table:
                continue
            cells = []
            for name in figures.found:
                mean, half = interval([values[name] for values in table.values()])
                worst = min(table, key=lambda source: table[source][name])
                cells.append(f"{mean:.3f}{_half(half)} ({table[worst][name]:.2f} {worst})")
            changes = _changes(table.values(), figures.settings)
            rows.append((category, figure, str(len(table)), *cells, *_change_cells(changes, higher_is_better=True)))
    return rows


def alarm_rows(figures: Figures) -> list[tuple[str, ...]]:
    """A row for each kind of page: false alarms a page on pages without marks, and the change, paired over pages."""
    rows: list[tuple[str, ...]] = [("pages without marks", "pages", *figures.found, *_change_heads(figures))]
    pages: dict[str, list[dict[str, float]]] = {}
    for source, samples in next(iter(figures.found.values()))[0].items():
        for position, sample in enumerate(samples):
            if len(sample.ground_truth):
                continue
            counts = {
                name: statistics.fmean(alarms(seed[source][position]) for seed in seeds)
                for name, seeds in figures.found.items()
            }
            pages.setdefault(figures.kinds[sample.group] or "other", []).append(counts)
    for kind, found in [*sorted(pages.items()), ("all", list(chain(*pages.values())))]:
        if not found:
            continue
        means = [f"{statistics.fmean(one[name] for one in found):.2f}" for name in figures.found]
        changes = _changes(found, figures.settings)
        rows.append((kind, str(len(found)), *means, *_change_cells(changes, higher_is_better=False)))
    return rows


def alarms(sample: Sample) -> int:
    """How many detections of labelled classes reach the confidence of an alarm."""
    found = sample.found
    labelled = [sample.labelled is None or class_id in sample.labelled for class_id in found.class_ids.tolist()]
    return sum(score >= ALARM_CONF and known for score, known in zip(sample.scores.tolist(), labelled, strict=True))


def statements(figures: Figures) -> list[str]:
    """For two settings: a sentence for each class and figure that says whether anything is shown."""
    if len(figures.settings) != 2:
        return []
    first, second = figures.settings
    lines = []
    for class_id, category in enumerate(NAMES):
        for figure, iou in FIGURES.items():
            changes = _changes(by_source(figures, class_id, iou).values(), figures.settings)
            if changes:
                lines.append(f"{category}, {figure}: {_outcome(changes, first, second)}.")
    return lines


def _outcome(changes: Sequence[float], first: str, second: str) -> str:
    mean, half = interval(changes)
    if abs(mean) <= half:
        return f"no difference between {first} and {second} is shown"
    return f"{second} is {'better' if mean > 0 else 'worse'} than {first}"


def _changes(rows: Iterable[Mapping[str, float]], settings: Sequence[str]) -> list[float]:
    if len(settings) != 2:
        return []
    first, second = settings
    return [row[second] - row[first] for row in rows]


def _change_heads(figures: Figures) -> tuple[str, ...]:
    return ("change", "95 %", "better, worse") if len(figures.settings) == 2 else ()


def _change_cells(changes: Sequence[float], *, higher_is_better: bool) -> tuple[str, ...]:
    if not changes:
        return ()
    mean, half = interval(changes)
    sign = 1 if higher_is_better else -1
    better, worse = (sum(sign * side * change > 1e-9 for change in changes) for side in (1, -1))
    bounds = "" if math.isinf(half) else f"{mean - half:+.3f} to {mean + half:+.3f}"
    return f"{mean:+.3f}", bounds, f"{better}, {worse}"


def _half(half: float) -> str:
    return "" if math.isinf(half) else f" ± {half:.3f}"


def tables(figures: Figures) -> str:
    """All tables in Markdown, and what they show."""
    parts = [markdown(rows) for rows in (source_rows(figures), class_rows(figures), alarm_rows(figures))]
    return "\n\n".join([*parts, *(["\n".join(statements(figures))] if statements(figures) else [])])
