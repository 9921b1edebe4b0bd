"""Runs side by side: what their configurations differ in, what they reached, and whether a difference is noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING

from docdetect.errors import InputError
from docdetect.evaluation.report import EVALUATION, read_predictions
from docdetect.evaluation.runs import Run, config_differences, epoch_curves, list_runs, read_run, runs_table
from docdetect.files import read_json
from docdetect.metrics.codec import figures_from_json
from docdetect.metrics.figures import FEWEST_GROUPS, BootstrapSettings
from docdetect.metrics.matching import Sample
from docdetect.metrics.paired import Difference
from docdetect.metrics.paired import compare as paired
from docdetect.metrics.texts import change, share, span
from docdetect.reports.page import Cell, Picture, Report, Section, Table, Tone
from docdetect.reports.plots import Axis, Colour, Line, Span, interval_plot, line_plot

if TYPE_CHECKING:
    import pandas as pd

SHOWN = {"ap50": "AP50", "ap50_95": "AP50-95", "precision": "precision", "recall": "recall", "f1": "F1"}
_COLOURS: tuple[Colour, ...] = (
    (26, 95, 208), (208, 96, 16), (10, 122, 60), (150, 60, 190), (192, 38, 45), (0, 135, 150), (110, 85, 50),
)  # fmt: skip
_TONES: Mapping[str, Tone] = {"better": "good", "worse": "bad"}
_OUTCOMES: Mapping[str, str] = {"better": "better than", "worse": "worse than"}


@dataclass(frozen=True)
class PairedRuns:
    """A later run compared with the first one, page by page, on the same pages."""

    first: Run
    second: Run
    differences: tuple[Difference, ...]

    def of(self, metric: str, name: str = "all") -> Difference:
        """The difference of one figure: `metric` is a key of `SHOWN`, `name` a class or "all"."""
        return next(one for one in self.differences if one.metric == metric and one.name == name)


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Attributes:
        runs: in the order asked for; the others are compared with the first.
        sizes_mb: size of each run's weights; None where they are gone.
        seconds_per_page: time of each run's weights, as the newest run of val measured it; None where none did.
        differences: configuration keys that are not the same in all runs, with their value in each.
        pairs: each later run with the first, where both have predictions of the same pages.
        unpaired: the other later runs, each with the reason: (run, reason).
    """

    runs: tuple[Run, ...]
    sizes_mb: tuple[float | None, ...]
    seconds_per_page: tuple[float | None, ...]
    differences: tuple[tuple[str, tuple[str, ...]], ...]
    pairs: tuple[PairedRuns, ...]
    unpaired: tuple[tuple[Run, str], ...]

    def letter(self, run: Run) -> str:
        """The short name of a run in tables: A for the first, then B, C, ..."""
        return letter(self.runs.index(run))

    @property
    def table(self) -> pd.DataFrame:
        """A row for each run: its letter, the columns of `runs_table`, `weights_mb` and `seconds_per_page`."""
        table = runs_table(self.runs)
        table.insert(0, "letter", [letter(position) for position in range(len(self.runs))])
        table["weights_mb"], table["seconds_per_page"] = list(self.sizes_mb), list(self.seconds_per_page)
        return table


def letter(position: int) -> str:
    """0 -> "A", 25 -> "Z", 26 -> "A2"."""
    turn, place = divmod(position, len(ascii_uppercase))
    return ascii_uppercase[place] + (str(turn + 1) if turn else "")


def compare_runs(paths: Sequence[Path], settings: BootstrapSettings, val_runs: Path) -> Comparison:
    """Compares run folders of `train`, `val` and `crossval`; page by page where they have predictions.

    Args:
        paths: the folders; the others are compared with the first.
        settings: resamples, level and seed.
        val_runs: where the runs of `val` are; a training is compared by the newest one that evaluated its
            best weights, or by its own evaluation of its validation split.

    Raises:
        InputError: a folder is no run folder, or a file in it is damaged.
    """
    runs = tuple(read_run(path) for path in paths)
    sizes = tuple(None if run.weights is None else run.weights.stat().st_size / 1e6 for run in runs)
    evaluations = list_runs([val_runs])
    speeds = tuple(_evaluation_of(run, evaluations).seconds_per_page for run in runs)
    pairs, unpaired = [], []
    for run in runs[1:]:
        evaluated = _evaluation_of(runs[0], evaluations), _evaluation_of(run, evaluations)
        reason = ""
        for first, second in dict.fromkeys((evaluated, (runs[0], run))):
            try:
                pairs.append(PairedRuns(runs[0], run, _differences(first, second, settings)))
                break
            except InputError as error:
                reason = error.message
        else:
            unpaired.append((run, reason))
    return Comparison(runs, sizes, speeds, tuple(config_differences(runs)), tuple(pairs), tuple(unpaired))


def comparison_report(comparison: Comparison) -> Report:
    """The comparison as a report."""
    sections = [_table_section(comparison)]
    sections += [_pair_section(comparison, pair) for pair in comparison.pairs]
    return Report(
        "Comparison",
        " · ".join(f"{comparison.letter(run)}: {run.path.name}" for run in comparison.runs),
        warnings=[
            f"{comparison.letter(run)} ({run.path.name}): not compared page by page, because {reason}"
            for run, reason in comparison.unpaired
        ],
        sections=[*sections, *_curves_section(comparison)],
    )


def outcome_line(comparison: Comparison, pair: PairedRuns) -> str:
    """How two runs differ in AP50-95, as one sentence for a terminal."""
    one, label = pair.of("ap50_95"), SHOWN["ap50_95"]
    first, second = comparison.letter(pair.first), comparison.letter(pair.second)
    if one.difference.value is None:
        return f"{second}: {label} is not defined, because no page has a mark"
    if one.probability is None:
        return (
            f"{second}: {label} {change(one.difference.value)}; fewer than {FEWEST_GROUPS} groups of documents "
            "have marks, too few to tell the difference from noise"
        )
    outcome = _OUTCOMES.get(one.outcome, "not distinguishable from")
    return (
        f"{second} is {outcome} {first}: {label} {change(one.difference.value)} ({span(one.difference)}), "
        f"ahead in {one.probability:.0%} of the resamples"
    )


def _evaluation_of(run: Run, evaluations: Sequence[Run]) -> Run:
    """For a training the newest run of val that evaluated its best weights, if there is one; else the run itself."""
    if run.kind != "train" or run.weights is None:
        return run
    weights = run.weights.resolve()
    matching = (one for one in evaluations if one.has_predictions and one.weights and one.weights.resolve() == weights)
    return next(matching, run)


def _differences(first: Run, second: Run, settings: BootstrapSettings) -> tuple[Difference, ...]:
    (a, names), (b, other_names) = read_predictions(first.path), read_predictions(second.path)
    if names != other_names:
        raise InputError(f"its classes are {', '.join(other_names)}, those of the first run {', '.join(names)}")
    try:
        return paired(a, b, names, (_conf(first, a, names), _conf(second, b, names)), settings)
    except ValueError as error:
        raise InputError(str(error)) from error


def _conf(run: Run, samples: Sequence[Sample], names: Sequence[str]) -> tuple[float, ...]:
    """The working thresholds that the run was evaluated at."""
    if run.kind == "train":
        figures = figures_from_json(read_json(run.path / "run.json")["best"]["figures"], str(run.path / "run.json"))
        return tuple(row.working.conf for row in figures[1:])
    try:
        conf = tuple(float(value) for value in read_json(run.path / EVALUATION)["settings"]["conf"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{run.path / EVALUATION}: not an evaluation", "Run docdetect val again.") from error
    if len(conf) != len(names) or not samples:
        raise InputError(f"{run.path / EVALUATION}: does not belong to the predictions beside it")
    return conf


def _table_section(comparison: Comparison) -> Section:
    rows: list[list[str | Cell]] = [
        [
            comparison.letter(run),
            Cell(run.path.name, f"{run.kind}, {run.state}"),
            "" if run.epochs is None else str(run.epochs),
            share(run.ap50),
            share(run.ap50_95),
            "-" if size is None else f"{size:.1f}",
            "-" if seconds is None else f"{seconds:.3f}",
        ]
        for run, size, seconds in zip(comparison.runs, comparison.sizes_mb, comparison.seconds_per_page, strict=True)
    ]
    tables = [Table(("", "run", "epochs", "AP50", "AP50-95", "weights, MB", "s per page"), rows)]
    if comparison.differences:
        columns = ("key", *(comparison.letter(run) for run in comparison.runs))
        keys: list[list[str | Cell]] = [[key, *values] for key, values in comparison.differences]
        tables.append(Table(columns, keys, "Configuration, where it differs"))
    text = ("Seconds per page are those of the network on the machine where docdetect val ran, without decoding.",)
    return Section("Runs", text if any(comparison.seconds_per_page) else (), tables=tables)


def _pair_section(comparison: Comparison, pair: PairedRuns) -> Section:
    first, second = comparison.letter(pair.first), comparison.letter(pair.second)
    rows: list[list[str | Cell]] = []
    spans = []
    for name in dict.fromkeys(one.name for one in pair.differences):
        for metric, label in SHOWN.items():
            one = pair.of(metric, name)
            difference = one.difference
            rows.append(
                [
                    f"{name}, {label}",
                    share(one.a),
                    share(one.b),
                    Cell(change(difference.value), span(difference)),
                    "-" if one.probability is None else f"{one.probability:.0%}",
                    Cell(one.outcome, tone=_TONES.get(one.outcome, "muted")),
                ]
            )
            if name == "all" and difference.value is not None and difference.low is not None:
                assert difference.high is not None
                spans.append(Span(label, difference.value, difference.low, difference.high))
    text: tuple[str, ...] = (
        f"{first} is {pair.first.path.name}, {second} is {pair.second.path.name}; both are evaluated on the same "
        f"resamples of groups. {second} is called better or worse only where the interval of the difference does not "
        "hold 0; else the difference is noise.",
    )
    plots: list[Picture] = []
    if spans:
        plots = [interval_plot(f"{second} minus {first}, all classes", spans, Axis("share"), mark_x=0)]
    else:
        text += (f"Fewer than {FEWEST_GROUPS} groups of documents have marks: too few for an interval.",)
    columns = ("figure", first, second, f"{second} minus {first}", f"{second} ahead in", "outcome")
    return Section(f"{second} against {first}", text, plots, [Table(columns, rows)])


def _curves_section(comparison: Comparison) -> list[Section]:
    lines: dict[str, list[Line]] = {}
    for position, run in enumerate(comparison.runs):
        for name, (epochs, values) in epoch_curves(run).items():
            colour = _COLOURS[position % len(_COLOURS)]
            lines.setdefault(name, []).append(Line(comparison.letter(run), epochs, values, colour))
    plots = [line_plot(name, curves, Axis("epoch"), Axis(name, 0, 1.02)) for name, curves in lines.items()]
    text = ("On each training's own validation split, mean over classes.",)
    return [Section("Over the epochs", text, plots)] if plots else []
