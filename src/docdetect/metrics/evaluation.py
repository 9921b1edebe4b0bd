"""Everything that a set of evaluated pages says, in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from docdetect.merging import GroupingSettings
from docdetect.metrics.calibration import ClassCalibration, calibrate, score_pairs
from docdetect.metrics.codec import to_plain
from docdetect.metrics.errors import Mistake, find_mistakes, mistake_counts
from docdetect.metrics.figures import (
    FEWEST_GROUPS,
    BootstrapSettings,
    ClassFigures,
    EmptyPages,
    best_confs,
    class_figures,
    empty_pages,
)
from docdetect.metrics.matching import Matches, Sample, match
from docdetect.metrics.merging_effect import GroupingFigures, grouping_figures
from docdetect.metrics.slices import DocumentFigures, Slice, by_contact, by_document, by_size, list_marks

_FORMAT = 1
# With fewer groups than this a report warns that the intervals are rough.
_FEW_GROUPS = 10
FEW_MARKS = 30
"""With fewer marks of a class than this reports warn how far a single mark moves its recall."""


@dataclass(frozen=True)
class EvaluationSettings:
    """How pages are evaluated.

    Attributes:
        conf: working threshold of each class, in the order of ids.
        bootstrap: how intervals are made.
        grouping: how raw boxes become one per mark.
    """

    conf: tuple[float, ...]
    bootstrap: BootstrapSettings = field(default_factory=BootstrapSettings)
    grouping: GroupingSettings = field(default_factory=GroupingSettings)


@dataclass(frozen=True)
class Evaluation:
    """The figures of one set.

    Attributes:
        names: class names in the order of ids.
        settings: how they came about.
        pages: number of pages.
        figures: of "all" first, then of each class.
        empty: false positives on pages without marks.
        sizes, contacts: recall of the slices by size and by contact with other classes.
        documents: counts by document, most errors first.
        mistakes: every error of the raw detections, the worst of each kind first.
        grouping: before and after grouping.
        calibration: how far confidence is from probability.
        best_conf: threshold of each class with the best F1 on this set.
        matches: the matching underneath, for curves.
    """

    names: tuple[str, ...]
    settings: EvaluationSettings
    pages: int
    figures: tuple[ClassFigures, ...]
    empty: EmptyPages
    sizes: tuple[Slice, ...]
    contacts: tuple[Slice, ...]
    documents: tuple[DocumentFigures, ...]
    mistakes: tuple[Mistake, ...]
    grouping: GroupingFigures
    calibration: tuple[ClassCalibration, ...]
    best_conf: tuple[float, ...]
    matches: Matches

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before trusting the figures."""
        groups = len(self.matches.groups)
        notes = []
        if groups < _FEW_GROUPS:
            few = groups < FEWEST_GROUPS
            consequence = "too few for intervals" if few else "the intervals are rough and probably too narrow"
            notes.append(f"Only {groups} {'group' if groups == 1 else 'groups'} of documents: {consequence}.")
        for class_id, row in enumerate(self.figures[1:]):
            counted = "1 mark" if row.marks == 1 else f"{row.marks} marks"
            if not row.marks:
                notes.append(f"No mark of class {row.name}: nothing can be said about it.")
            elif row.marks < FEW_MARKS:
                notes.append(f"Only {counted} of class {row.name}: one of them moves recall by {1 / row.marks:.3f}.")
            if 0 < (having := self.matches.groups_with_marks(class_id)) < FEWEST_GROUPS:
                notes.append(
                    f"The marks of class {row.name} are in {having} {'group' if having == 1 else 'groups'} only: no "
                    "interval can be given, and the interval of the mean does not cover this class."
                )
        return tuple(notes)


def evaluate(samples: Sequence[Sample], names: Sequence[str], settings: EvaluationSettings) -> Evaluation:
    """Evaluates pages.

    Args:
        samples: pages with marks, and detections from the lowest thresholds on.
        names: class names in the order of ids.
        settings: thresholds, bootstrap, grouping.

    Raises:
        ValueError: no pages, or a class id that has no name.
    """
    matches, conf = match(samples, len(names)), settings.conf
    marks = list_marks(samples, matches)
    return Evaluation(
        tuple(names),
        settings,
        len(samples),
        class_figures(matches, names, conf, settings.bootstrap),
        empty_pages(matches, conf, settings.bootstrap),
        by_size(marks, names, conf),
        by_contact(marks, names, conf),
        by_document(samples, matches, conf),
        find_mistakes(samples, matches, conf),
        grouping_figures(samples, names, conf, settings.grouping),
        calibrate(score_pairs(matches), names)[1],
        best_confs(matches),
        matches,
    )


def evaluation_to_json(evaluation: Evaluation) -> dict[str, Any]:
    """The content of `evaluation.json`: all but the single errors and the matching; all shares in [0, 1]."""
    parts = ("pages", "figures", "empty", "sizes", "contacts", "documents", "grouping", "calibration")
    return {
        "format": _FORMAT,
        "classes": list(evaluation.names),
        "settings": to_plain(evaluation.settings),
        "groups": len(evaluation.matches.groups),
        "warnings": list(evaluation.warnings),
        **{part: to_plain(getattr(evaluation, part)) for part in parts},
        "mistakes": to_plain(mistake_counts(evaluation.mistakes, len(evaluation.names))),
        "best_conf": dict(zip(evaluation.names, evaluation.best_conf, strict=True)),
    }
