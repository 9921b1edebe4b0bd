"""The protocol of the original system beside one without leaks: a recipe on a split by page and on a split by group.

The original system divided pages at random, so pages of one document, or of near-duplicates of it, could lie on both
sides. Only the split differs here. Both trainings take all epochs, and their last weights are evaluated, as the
original system reported its sixtieth epoch: the validation pages choose nothing. The outcome is one table with
intervals, as data and as a report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from docdetect import __version__
from docdetect.config.loading import dump_config, load_config
from docdetect.config.schema import Config, DataConfig
from docdetect.console import ProgressCallback
from docdetect.datasets.origins import origin_of, read_origins
from docdetect.datasets.reader import YoloDataset, read_dataset
from docdetect.errors import InputError
from docdetect.evaluation.report import (
    EVALUATION,
    REPORT,
    bootstrap_settings,
    figure_cell,
    read_predictions,
)
from docdetect.evaluation.resuming import finished_training, folder_to_resume
from docdetect.evaluation.validate import validate
from docdetect.files import sha256_file, write_json, write_text
from docdetect.metrics.codec import to_plain
from docdetect.metrics.figures import FEWEST_GROUPS, BootstrapSettings, ClassFigures, class_figures
from docdetect.metrics.matching import Sample, match
from docdetect.metrics.texts import change, share, span
from docdetect.prepare.dataset import prepare
from docdetect.reports.page import Cell, Report, Section, Table, Tile, report_to_html
from docdetect.reports.plots import Axis, Colour, Span, interval_plot
from docdetect.training.records import RunFolder, make_run_folder
from docdetect.training.train import Listeners, with_named_model

PROTOCOLS = "protocols.json"

PAGE, GROUP = "page", "group"

_SPLITS = ("train", "val")


@dataclass(frozen=True)
class EvaluatedProtocol:
    """One protocol, finished.

    Attributes:
        split_by: page or group.
        weights: the weights that were evaluated, the last of the training.
        report: the folder of the evaluation, with its own report.
        samples: the validation pages with what was found on them; their groups are those of near-duplicates, also
            where the split did not heed them.
        names: class names in the order of ids.
        trained_on: number of pages on the side of training.
        seen: number of validation pages of whose group there are pages on the side of training.
    """

    split_by: str
    weights: Path
    report: Path
    samples: tuple[Sample, ...]
    names: tuple[str, ...]
    trained_on: int
    seen: int


@dataclass(frozen=True)
class Reproduction:
    """Both protocols, in the order page, group."""

    folder: Path
    config: Config
    protocols: tuple[EvaluatedProtocol, ...]


def reproduce(config: Config, listeners: Listeners | None = None) -> Reproduction:
    """Splits, trains and evaluates both ways in a new folder `<reproduce.runs>/<name>_<timestamp>`.

    Args:
        config: `data` says from which documents and with which share and seed (its `split_by`, `dataset`, `test` and
            `manifest` do not matter), `train` is the recipe, `val` how it is evaluated.
        listeners: who is told what.

    Raises:
        InputError: documents, annotations or model are missing or wrong, or a split has no validation pages.
        OutputError: the folder cannot be written.
    """
    config = with_named_model(config)
    folder = make_run_folder(Path(config.reproduce.runs), config.reproduce.name)
    write_text(folder / "config.yaml", dump_config(config))
    write_json(folder / PROTOCOLS, {"split_by": [PAGE, GROUP], "seed": config.data.seed, "val": config.data.val})
    return _go_on(folder, config, listeners or Listeners())


def resume_reproduction(wanted: str, runs: str, listeners: Listeners | None = None) -> Reproduction:
    """Goes on where an interrupted reproduction was: what is finished is kept, an interrupted training goes on.

    Args:
        wanted: its folder, or `last` for the newest one in `runs`.
        runs: where such folders are.
        listeners: who is told what.

    Raises:
        InputError: there is none; see also `reproduce`.
    """
    folder = folder_to_resume(wanted, Path(runs), "reproduce", PROTOCOLS)
    return _go_on(folder, load_config(str(folder / "config.yaml")), listeners or Listeners())


def _go_on(folder: Path, config: Config, tell: Listeners) -> Reproduction:
    datasets = {name: _prepared(folder / name, name, config.data, tell) for name in (PAGE, GROUP)}
    _check_same_pages(datasets)
    groups = {(origin.document, origin.page): origin.group for origin in read_origins(datasets[GROUP].root).values()}
    protocols = []
    for name, dataset in datasets.items():
        place = folder / name
        run = finished_training(place, partial(_settings, config, dataset, tell, name), tell)
        report = _evaluated(place, run, dataset, config, tell)
        protocols.append(_protocol(name, run, report, dataset, groups))
    return Reproduction(folder, config, tuple(protocols))


def prepare_dataset(data: DataConfig, on_progress: ProgressCallback) -> list[str]:
    """Makes the dataset of a configuration, whole or not at all; returns what is worth knowing about it."""
    report = prepare(data, on_progress=on_progress).report
    return [*map(str, report.failures), *report.warnings]


def _prepared(place: Path, split_by: str, data: DataConfig, tell: Listeners) -> YoloDataset:
    """The dataset in `place`, made unless it is there: it comes into being whole."""
    target = place / "dataset"
    if not (target / "data.yaml").is_file():
        tell.announce(f"dataset split by {split_by}")
        asked = {"split_by": split_by, "dataset": str(target), "test": 0.0, "manifest": "", "overwrite": False}
        for note in prepare_dataset(data.model_copy(update=asked), tell.on_progress):
            tell.announce(note)
    if not any((target / "images" / "val").iterdir()):
        raise InputError(
            f"{data.pdfs}: a split by {split_by} leaves no validation pages",
            "Add documents that are no near-duplicates of these, or take a larger share with --val.",
        )
    return read_dataset(str(target), _SPLITS, on_progress=tell.on_progress, announce=tell.announce)


def _check_same_pages(datasets: Mapping[str, YoloDataset]) -> None:
    stems = {
        name: sorted(image.path.stem for split in dataset.splits.values() for image in split)
        for name, dataset in datasets.items()
    }
    if stems[PAGE] != stems[GROUP]:
        raise InputError(
            f"{datasets[GROUP].root}: not the pages of {datasets[PAGE].root}; documents changed between the two",
            "Start again with docdetect reproduce.",
        )


def _settings(config: Config, dataset: YoloDataset, tell: Listeners, split_by: str) -> Config:
    tell.announce(f"training on the split by {split_by}")
    return config.model_copy(update={"train": config.train.model_copy(update={"data": str(dataset.file)})})


def _evaluated(place: Path, run: RunFolder, dataset: YoloDataset, config: Config, tell: Listeners) -> Path:
    """The folder of the evaluation on the validation split, made unless it is there."""
    done = sorted(path.parent for path in place.glob(f"val_*/{EVALUATION}"))
    if done:
        return done[-1]
    asked = {
        "weights": str(run.last),
        "data": str(dataset.file),
        "split": "val",
        "runs": str(place),
        "name": "val",
        "imgsz": config.train.imgsz,
        "device": config.train.device,
    }
    settings = config.model_copy(update={"val": config.val.model_copy(update=asked)})
    return validate(settings, on_progress=tell.on_progress, announce=tell.announce).folder


def _protocol(
    split_by: str, run: RunFolder, report: Path, dataset: YoloDataset, groups: Mapping[tuple[str, int], str]
) -> EvaluatedProtocol:
    samples, names = read_predictions(report)
    origins = read_origins(dataset.root)
    trained = {
        groups[origin.document, origin.page]
        for origin in (origin_of(image, origins) for image in dataset.splits["train"])
    }
    renamed = tuple(replace(sample, group=groups[sample.document, sample.page]) for sample in samples)
    seen = sum(sample.group in trained for sample in renamed)
    return EvaluatedProtocol(split_by, run.last, report, renamed, names, len(dataset.splits["train"]), seen)


RESULT = "reproduce.json"

TITLES = {PAGE: "original system: split by page", GROUP: "without leaks: split by group"}

_COLOURS: dict[str, Colour] = {PAGE: (208, 96, 16), GROUP: (26, 95, 208)}

_REPORTED = (
    "For comparison, what the original system reported in November 2025 for its own 57 pages, split by page with seed "
    "42, six of them for validation: AP50 0.983, AP50-95 0.746, precision 0.946, recall 0.936. These are Ultralytics' "
    "figures, at its own threshold."
)


@dataclass(frozen=True)
class ProtocolFigures:
    """One protocol's part of the table.

    Attributes:
        split_by: page or group.
        weights, report: what was evaluated, and the folder with the whole evaluation.
        trained_on, evaluated_on: number of pages.
        seen: how many of the evaluated pages have pages of their own group in training.
        groups: of near-duplicates among the evaluated pages.
        resampled_by: group; or page, where there are too few groups for an interval.
        figures: of "all" first, then of each class.
    """

    split_by: str
    weights: Path
    report: Path
    trained_on: int
    evaluated_on: int
    seen: int
    groups: int
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
        if self.resampled_by == GROUP:
            return ""
        counted = "1 group" if self.groups == 1 else f"{self.groups} groups"
        instead = "its intervals resample pages and are too narrow"
        if self.figures[0].ap50.low is None:
            instead = "and so are the pages with marks: no interval can be given"
        return (
            f"{self.title}: the {self.evaluated_on} validation pages are of {counted}, too few to resample; {instead}. "
            "A larger --val, or docdetect crossval, says more."
        )


@dataclass(frozen=True)
class ProtocolComparison:
    """Both protocols side by side, in the order page, group; and the files that say so."""

    folder: Path
    protocols: tuple[ProtocolFigures, ...]

    @property
    def sentence(self) -> str:
        """The difference in a line."""
        page, group = (one.figures[0].ap50_95.value for one in self.protocols)
        if page is None or group is None:
            return "AP50-95 is not defined on both sides: a validation split without marks."
        seen = self.protocols[0]
        return (
            f"AP50-95 {share(page)} on the split by page, where training had seen the group of {seen.seen} of "
            f"{seen.evaluated_on} validation pages; {share(group)} on the split by group "
            f"({change(group - page)})."
        )


def conclude(reproduction: Reproduction) -> ProtocolComparison:
    """Puts the figures together and writes `reproduce.json` and `report.html`. Raises OutputError."""
    config = reproduction.config
    bootstrap = bootstrap_settings(config.figures)
    protocols = tuple(_figures(one, config.val.conf, bootstrap) for one in reproduction.protocols)
    comparison = ProtocolComparison(reproduction.folder, protocols)
    facts = {
        "docdetect": __version__,
        "documents": config.data.pdfs,
        "annotations": config.data.annotations,
        "split": f"seed {config.data.seed}, {config.data.val:.0%} for validation",
        "model": ", ".join(start.path for start in config.train.networks),
        "epochs": str(config.train.epochs),
        **{f"weights, {one.split_by}": f"{one.weights.as_posix()}, {sha256_file(one.weights)}" for one in protocols},
        **{f"evaluation, {one.split_by}": (one.report / REPORT).as_posix() for one in protocols},
    }
    rows = [one.record for one in protocols]
    settings = to_plain(bootstrap)
    write_json(comparison.folder / RESULT, {"format": 1, "protocols": rows, "bootstrap": settings, "facts": facts})
    write_text(comparison.folder / REPORT, report_to_html(_report(comparison, bootstrap, facts, config.val.conf)))
    return comparison


def _figures(one: EvaluatedProtocol, conf: float, bootstrap: BootstrapSettings) -> ProtocolFigures:
    samples, names = one.samples, one.names
    matches = match(samples, len(names))
    groups, resampled_by = len(matches.groups), GROUP
    if matches.groups_with_marks(None) < FEWEST_GROUPS:
        resampled_by = PAGE
        matches = match([replace(sample, group=f"{sample.document}#{sample.page}") for sample in samples], len(names))
    return ProtocolFigures(
        split_by=one.split_by,
        weights=one.weights,
        report=one.report,
        trained_on=one.trained_on,
        evaluated_on=len(samples),
        seen=one.seen,
        groups=groups,
        resampled_by=resampled_by,
        figures=class_figures(matches, names, (conf,) * len(names), bootstrap),
    )


def _report(comparison: ProtocolComparison, bootstrap: BootstrapSettings, facts: dict[str, str], conf: float) -> Report:
    tiles = [
        Tile(f"{label}, split by {one.split_by}", share(figure.value), span(figure))
        for one in comparison.protocols
        for label, figure in (("AP50", one.figures[0].ap50), ("AP50-95", one.figures[0].ap50_95))
    ]
    return Report(
        "The original system's protocol and one without leaks",
        f"{facts['model']}, {facts['epochs']} epochs, {facts['split']}",
        tiles,
        [one.warning for one in comparison.protocols if one.warning],
        [_figures_section(comparison.protocols, bootstrap, conf), _seen_section(comparison)],
        tuple(facts.items()),
    )


def _figures_section(protocols: Sequence[ProtocolFigures], bootstrap: BootstrapSettings, conf: float) -> Section:
    text = (
        "The same recipe on the same pages; only the split differs. Both trained all epochs, and their last weights "
        f"are evaluated. Figures are shares, average precision as COCO has it, the others from confidence {conf:g} on. "
        f"Below each its {bootstrap.level:.0%} interval from {bootstrap.resamples} resamples.",
        _REPORTED,
    )
    columns = ("protocol", "class", "marks", "AP50", "AP50-95", "precision", "recall", "F1")
    rows: list[list[str | Cell]] = [
        [
            Cell(one.title, f"{one.evaluated_on} pages, resampled by {one.resampled_by}") if not k else "",
            row.name,
            str(row.marks),
            *(figure_cell(figure) for figure in (row.ap50, row.ap50_95)),
            *(figure_cell(figure) for figure in (row.working.precision, row.working.recall, row.working.f1)),
        ]
        for one in protocols
        for k, row in enumerate(one.figures)
    ]
    plots = [
        interval_plot(label, spans, Axis("share", None, 1.01))
        for label in ("AP50", "AP50-95")
        if (spans := _spans(protocols, label))
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
                spans.append(Span(name, figure.value, ends[0], ends[1], _COLOURS[one.split_by]))
    return spans


def _seen_section(comparison: ProtocolComparison) -> Section:
    text = (
        comparison.sentence,
        "A group is a document with all that are near-duplicates of it: exported again, signed by somebody else, "
        "scanned in black and white. A validation page of a group that training has seen asks what the model "
        "remembers; one of a new group asks what it has learnt. Both splits are single draws of a few pages.",
    )
    rows = [
        [one.title, str(one.trained_on), str(one.evaluated_on), str(one.groups), f"{one.seen} of {one.evaluated_on}"]
        for one in comparison.protocols
    ]
    columns = ("protocol", "trained on", "evaluated on", "groups evaluated", "pages whose group training had seen")
    return Section("What training had seen", text, tables=[Table(columns, rows)])
