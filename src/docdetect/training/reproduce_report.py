"""What the seed's protocol and the honest one say, in one table with intervals: as data, and as a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from docdetect import __version__
from docdetect.files import sha256_file, write_json, write_text
from docdetect.metrics.codec import to_plain
from docdetect.metrics.figures import FEWEST_FAMILIES, BootstrapSettings, ClassFigures, class_figures
from docdetect.metrics.matching import match
from docdetect.reports.page import Cell, Report, Section, Table, Tile, report_to_html
from docdetect.reports.plots import Axis, Colour, Span, interval_plot
from docdetect.training.evaluate import REPORT, bootstrap_settings
from docdetect.training.evaluation_report import figure_cell, percent, span
from docdetect.training.reproduce import FAMILY, PAGE, Judged, Reproduction

RESULT = "reproduce.json"
TITLES = {PAGE: "the seed's: split by page", FAMILY: "honest: split by family"}
_COLOURS: dict[str, Colour] = {PAGE: (208, 96, 16), FAMILY: (26, 95, 208)}
_REPORTED = (
    "For comparison, what the seed reported in November 2025 for its own 57 pages, split by page with seed 42, six of "
    "them for validation: AP50 98.3, AP50-95 74.6, precision 94.6, recall 93.6 (Ultralytics' integral and threshold)."
)


@dataclass(frozen=True)
class ProtocolFigures:
    """One protocol's part of the table.

    Attributes:
        split_by: page or family.
        weights, report: what was judged, and the folder with the whole evaluation.
        trained_on, judged_on: number of pages.
        seen: how many of the judged pages have pages of their own family in training.
        families: of near-duplicates among the judged pages.
        resampled_by: family; or page, where there are too few families for an interval.
        figures: of "all" first, then of each class.
    """

    split_by: str
    weights: Path
    report: Path
    trained_on: int
    judged_on: int
    seen: int
    families: int
    resampled_by: str
    figures: tuple[ClassFigures, ...]

    @property
    def title(self) -> str:
        return TITLES[self.split_by]

    @property
    def record(self) -> dict[str, object]:
        """All of it as JSON data, shares in [0, 1]."""
        return {**to_plain(self), "weights": self.weights.as_posix(), "report": self.report.as_posix()}

    @property
    def warning(self) -> str:
        """What must be known before its intervals are trusted; empty when nothing must."""
        if self.resampled_by == FAMILY:
            return ""
        counted = "1 family" if self.families == 1 else f"{self.families} families"
        instead = "its intervals resample pages and are too narrow"
        if self.figures[0].ap50.low is None:
            instead = "and so are the pages with marks: no interval can be given"
        return (
            f"{self.title}: the {self.judged_on} validation pages are of {counted}, too few to resample; {instead}. "
            "A larger --val, or docdetect crossval, says more."
        )


@dataclass(frozen=True)
class Verdict:
    """Both protocols side by side, in the order page, family; and the files that say so."""

    folder: Path
    protocols: tuple[ProtocolFigures, ...]

    @property
    def sentence(self) -> str:
        """The difference in a line."""
        page, family = (one.figures[0].ap50_95.value for one in self.protocols)
        if page is None or family is None:
            return "AP50-95 is not defined on both sides: a validation split without marks."
        seen = self.protocols[0]
        return (
            f"AP50-95 {percent(page)} on the split by page, where training had seen the family of {seen.seen} of "
            f"{seen.judged_on} validation pages; {percent(family)} on the split by family "
            f"({100 * (family - page):+.1f} points)."
        )


def conclude(reproduction: Reproduction) -> Verdict:
    """Puts the figures together and writes `reproduce.json` and `report.html`. Raises OutputError."""
    config = reproduction.config
    bootstrap = bootstrap_settings(config.figures)
    protocols = tuple(_figures(one, config.val.conf, bootstrap) for one in reproduction.judged)
    verdict = Verdict(reproduction.folder, protocols)
    facts = {
        "docdetect": __version__,
        "documents": config.data.pdfs,
        "annotations": config.data.annotations,
        "split": f"seed {config.data.seed}, {config.data.val:.0%} for validation",
        "model": config.train.model,
        "epochs": str(config.train.epochs),
        **{f"weights, {one.split_by}": f"{one.weights.as_posix()}, {sha256_file(one.weights)}" for one in protocols},
        **{f"evaluation, {one.split_by}": (one.report / REPORT).as_posix() for one in protocols},
    }
    rows = [one.record for one in protocols]
    settings = to_plain(bootstrap)
    write_json(verdict.folder / RESULT, {"format": 1, "protocols": rows, "bootstrap": settings, "facts": facts})
    write_text(verdict.folder / REPORT, report_to_html(_report(verdict, bootstrap, facts, config.val.conf)))
    return verdict


def _figures(judged: Judged, conf: float, bootstrap: BootstrapSettings) -> ProtocolFigures:
    samples, names = judged.samples, judged.names
    matches = match(samples, len(names))
    families, resampled_by = len(matches.families), FAMILY
    if matches.families_with_marks(None) < FEWEST_FAMILIES:
        resampled_by = PAGE
        matches = match([replace(one, family=f"{one.document}#{one.page}") for one in samples], len(names))
    return ProtocolFigures(
        split_by=judged.split_by,
        weights=judged.weights,
        report=judged.report,
        trained_on=judged.trained_on,
        judged_on=len(samples),
        seen=judged.seen,
        families=families,
        resampled_by=resampled_by,
        figures=class_figures(matches, names, (conf,) * len(names), bootstrap),
    )


def _report(verdict: Verdict, bootstrap: BootstrapSettings, facts: dict[str, str], conf: float) -> Report:
    tiles = [
        Tile(f"{label}, split by {one.split_by}", percent(figure.value), span(figure))
        for one in verdict.protocols
        for label, figure in (("AP50", one.figures[0].ap50), ("AP50-95", one.figures[0].ap50_95))
    ]
    return Report(
        "The seed's protocol and an honest one",
        f"{facts['model']}, {facts['epochs']} epochs, {facts['split']}",
        tiles,
        [one.warning for one in verdict.protocols if one.warning],
        [_figures_section(verdict.protocols, bootstrap, conf), _seen_section(verdict)],
        tuple(facts.items()),
    )


def _figures_section(protocols: Sequence[ProtocolFigures], bootstrap: BootstrapSettings, conf: float) -> Section:
    text = (
        "The same recipe on the same pages; only the split differs. Both trained all epochs and are judged with their "
        f"last weights. Figures in per cent, average precision as COCO has it, the others from confidence {conf:g} on. "
        f"Below each its {bootstrap.level:.0%} interval from {bootstrap.resamples} resamples.",
        _REPORTED,
    )
    columns = ("protocol", "class", "marks", "AP50", "AP50-95", "precision", "recall", "F1")
    rows: list[list[str | Cell]] = [
        [
            Cell(one.title, f"{one.judged_on} pages, resampled by {one.resampled_by}") if not k else "",
            row.name,
            str(row.marks),
            *(figure_cell(figure) for figure in (row.ap50, row.ap50_95)),
            *(figure_cell(figure) for figure in (row.working.precision, row.working.recall, row.working.f1)),
        ]
        for one in protocols
        for k, row in enumerate(one.figures)
    ]
    plots = [
        interval_plot(f"{label}, per cent", _spans(protocols, label), Axis("per cent", None, 101))
        for label in ("AP50", "AP50-95")
    ]
    return Section("Side by side", text, plots, [Table(columns, rows)])


def _spans(protocols: Sequence[ProtocolFigures], label: str) -> list[Span]:
    """A row for each class and protocol; a figure without an interval is a point."""
    spans = []
    for position in range(len(protocols[0].figures)):
        for one in protocols:
            row = one.figures[position]
            figure = row.ap50 if label == "AP50" else row.ap50_95
            if figure.value is not None:
                ends = [figure.value if end is None else end for end in (figure.low, figure.high)]
                name = f"{row.name}, by {one.split_by}"
                spans.append(Span(name, 100 * figure.value, 100 * ends[0], 100 * ends[1], _COLOURS[one.split_by]))
    return spans


def _seen_section(verdict: Verdict) -> Section:
    text = (
        verdict.sentence,
        "A family is a document with all that are near-duplicates of it: exported again, signed by somebody else, "
        "scanned in black and white. A validation page of a family that training has seen asks what the model "
        "remembers; one of a new family asks what it has learnt. Both splits are single draws of a few pages.",
    )
    rows = [
        [one.title, str(one.trained_on), str(one.judged_on), str(one.families), f"{one.seen} of {one.judged_on}"]
        for one in verdict.protocols
    ]
    columns = ("protocol", "trained on", "judged on", "families judged", "pages whose family training had seen")
    return Section("What training had seen", text, tables=[Table(columns, rows)])
