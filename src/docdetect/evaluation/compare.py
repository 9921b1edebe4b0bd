"""Runs side by side: what was different, what they reached, and whether B is better than A or it is noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docdetect.errors import InputError
from docdetect.evaluation.report import EVALUATION, percent, read_predictions, span
from docdetect.evaluation.runs import Run, config_differences, epoch_curves, list_runs, read_run
from docdetect.files import read_json
from docdetect.metrics.figures import BootstrapSettings
from docdetect.metrics.matching import Sample
from docdetect.metrics.paired import Difference
from docdetect.metrics.paired import compare as paired
from docdetect.reports.page import Cell, Report, Section, Table
from docdetect.reports.plots import Axis, Colour, Line, Span, interval_plot, line_plot

SHOWN = {"ap50": "AP50", "ap50_95": "AP50-95", "precision": "precision", "recall": "recall", "f1": "F1"}
_COLOURS: tuple[Colour, ...] = (
    (26, 95, 208), (208, 96, 16), (10, 122, 60), (150, 60, 190), (192, 38, 45), (0, 135, 150), (110, 85, 50),
)  # fmt: skip
_TONES: Mapping[str, str] = {"better": "good", "worse": "bad"}


@dataclass(frozen=True)
class Contest:
    """A later run against the first one, on the same pages."""

    first: Run
    second: Run
    differences: tuple[Difference, ...]

    def of(self, metric: str, name: str = "all") -> Difference:
        """The difference of one figure."""
        return next(one for one in self.differences if one.metric == metric and one.name == name)


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Attributes:
        runs: in the order asked for; the first is what the others are compared with.
        sizes_mb: of each run's weights; None where they are gone.
        seconds_per_page: of each run's weights, as the newest run of val measured it; None where none did.
        differences: configuration keys that are not the same in all runs.
        contests: each later run against the first, where both have predictions of the same pages.
        silent: why a run could not be compared page by page: (run, reason).
    """

    runs: tuple[Run, ...]
    sizes_mb: tuple[float | None, ...]
    seconds_per_page: tuple[float | None, ...]
    differences: tuple[tuple[str, tuple[str, ...]], ...]
    contests: tuple[Contest, ...]
    silent: tuple[tuple[Run, str], ...]


def compare_runs(paths: Sequence[Path], settings: BootstrapSettings, val_runs: Path) -> Comparison:
    """Compares run folders of `train`, `val` and `crossval`; page by page where they have predictions.

    Args:
        paths: the folders; the others are compared with the first.
        settings: resamples, level and seed.
        val_runs: where the runs of `val` are; a training is compared by the newest one that judged its best weights.

    Raises:
        InputError: a folder is no run, or a file in it is damaged.
    """
    runs = tuple(read_run(path) for path in paths)
    sizes = tuple(None if run.weights is None else run.weights.stat().st_size / 1e6 for run in runs)
    judged = list_runs([val_runs])
    speeds = tuple(_judgement(run, judged).seconds_per_page for run in runs)
    contests, silent = [], []
    for run in runs[1:]:
        try:
            contest = _contest(_judgement(runs[0], judged), _judgement(run, judged), settings)
            contests.append(Contest(runs[0], run, contest))
        except InputError as error:
            silent.append((run, error.message))
    return Comparison(runs, sizes, speeds, tuple(config_differences(runs)), tuple(contests), tuple(silent))


def comparison_report(comparison: Comparison) -> Report:
    """The comparison as a report."""
    sections = [_table_section(comparison)]
    sections += [_contest_section(contest) for contest in comparison.contests]
    curves = _curves_section(comparison)
    return Report(
        "Comparison",
        " · ".join(run.path.name for run in comparison.runs),
        warnings=[f"{run.path.name}: not compared page by page ({why})" for run, why in comparison.silent],
        sections=[*sections, *curves],
    )


def verdict_line(contest: Contest, metric: str = "ap50_95") -> str:
    """One sentence for a terminal."""
    one = contest.of(metric)
    change = one.difference
    if change.value is None:
        return f"{contest.second.path.name}: {SHOWN[metric]} is not defined"
    if one.probability is None:
        return f"{contest.second.path.name}: {one.verdict} to tell {SHOWN[metric]} from noise"
    verdict = {"better": "better than", "worse": "worse than"}.get(one.verdict, "not distinguishable from")
    points = f"{SHOWN[metric]} {100 * change.value:+.1f} points"
    return (
        f"{contest.second.path.name} is {verdict} {contest.first.path.name}: {points} ({span(change)}), better in "
        f"{one.probability:.0%} of the resamples"
    )


def _judgement(run: Run, judged: Sequence[Run]) -> Run:
    """The run itself where it has predictions, else the newest one that judged its weights."""
    if run.has_predictions or run.weights is None:
        return run
    weights = run.weights.resolve()
    matching = (one for one in judged if one.has_predictions and one.weights and one.weights.resolve() == weights)
    return next(matching, run)


def _contest(first: Run, second: Run, settings: BootstrapSettings) -> tuple[Difference, ...]:
    (a, names), (b, other_names) = read_predictions(first.path), read_predictions(second.path)
    if names != other_names:
        raise InputError(f"classes {', '.join(names)} and {', '.join(other_names)} differ")
    try:
        return paired(a, b, names, (_conf(first, a, names), _conf(second, b, names)), settings)
    except ValueError as error:
        raise InputError(str(error)) from error


def _conf(run: Run, samples: Sequence[Sample], names: Sequence[str]) -> tuple[float, ...]:
    """The working thresholds that the run was judged at."""
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
            Cell(run.path.name, f"{run.kind}, {run.state}"),
            "" if run.epochs is None else str(run.epochs),
            percent(run.ap50),
            percent(run.ap50_95),
            "–" if size is None else f"{size:.1f}",
            "–" if seconds is None else f"{seconds:.3f}",
        ]
        for run, size, seconds in zip(comparison.runs, comparison.sizes_mb, comparison.seconds_per_page, strict=True)
    ]
    tables = [Table(("run", "epochs", "AP50", "AP50-95", "weights, MB", "s per page"), rows)]
    if comparison.differences:
        columns = ("key", *(run.path.name for run in comparison.runs))
        keys: list[list[str | Cell]] = [[key, *values] for key, values in comparison.differences]
        tables.append(Table(columns, keys, "Configuration, where it differs"))
    text = ("Seconds per page are those of the network on the machine where docdetect val ran, without decoding.",)
    return Section("Runs", text if any(comparison.seconds_per_page) else (), tables=tables)


def _contest_section(contest: Contest) -> Section:
    rows: list[list[str | Cell]] = []
    spans = []
    for name in dict.fromkeys(one.name for one in contest.differences):
        for metric, label in SHOWN.items():
            one = contest.of(metric, name)
            change = one.difference
            tone = _TONES.get(one.verdict, "muted")
            rows.append(
                [
                    f"{name}, {label}",
                    percent(one.a),
                    percent(one.b),
                    Cell("–" if change.value is None else f"{100 * change.value:+.1f}", span(change)),
                    "–" if one.probability is None else f"{one.probability:.0%}",
                    Cell(one.verdict, tone="good" if tone == "good" else "bad" if tone == "bad" else "muted"),
                ]
            )
            if name == "all" and change.value is not None and change.low is not None and change.high is not None:
                spans.append(Span(label, 100 * change.value, 100 * change.low, 100 * change.high))
    a, b = contest.first.path.name, contest.second.path.name
    text = (
        f"A is {a}, B is {b}; both judged on the same resamples of groups. B is called better or worse only where "
        "the interval of the difference does not hold 0; else it is noise.",
    )
    plot = interval_plot("B minus A, points, all classes", spans, Axis("points"), mark_x=0)
    columns = ("figure", "A", "B", "B minus A, points", "B ahead in", "verdict")
    return Section(f"{b} against {a}", text, [plot], [Table(columns, rows)])


def _curves_section(comparison: Comparison) -> list[Section]:
    lines: dict[str, list[Line]] = {}
    for position, run in enumerate(comparison.runs):
        for name, (epochs, values) in epoch_curves(run).items():
            colour = _COLOURS[position % len(_COLOURS)]
            lines.setdefault(name, []).append(Line(run.path.name, epochs, values, colour))
    plots = [line_plot(name, curves, Axis("epoch"), Axis(name, 0, 1.02)) for name, curves in lines.items()]
    text = ("On each training's own validation split, mean over classes.",)
    return [Section("Over the epochs", text, plots)] if plots else []
