"""Run folders of `train`, `val` and `crossval`, read back: what they are, what they reached, how they were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from docdetect.config.loading import parse_yaml
from docdetect.errors import InputError
from docdetect.evaluation.crossval import PLAN
from docdetect.evaluation.report import EVALUATION, PREDICTIONS
from docdetect.files import read_json, read_text
from docdetect.training.records import RunFolder, read_rows

KINDS = ("train", "val", "crossval")


@dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes:
        path: the folder.
        kind: train, val or crossval.
        state: finished, running, interrupted, failed; of val and crossval finished or unfinished.
        started: when its first file was written, local time.
        epochs: epochs done, of a training.
        ap50, ap50_95: mean over classes, in [0, 1]; None where the run did not get that far.
        weights: the weights that it made or judged; None where they are not known or gone.
        seconds_per_page: how long the network took in a run of val; None elsewhere.
    """

    path: Path
    kind: str
    state: str
    started: datetime
    epochs: int | None
    ap50: float | None
    ap50_95: float | None
    weights: Path | None
    seconds_per_page: float | None = None

    @property
    def has_predictions(self) -> bool:
        """Whether its pages can be judged again, and compared page by page."""
        return (self.path / PREDICTIONS).is_file()


def list_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs in these folders, the newest first; folders that are no runs, or are damaged, are left out."""
    found = []
    for folder in folders:
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            try:
                found.append(read_run(path))
            except InputError:
                continue
    return sorted(found, key=lambda run: (run.started, run.path.name), reverse=True)


def read_run(path: Path) -> Run:
    """What a folder says about itself.

    Raises:
        InputError: it is no run folder, or a file in it is damaged.
    """
    if (path / PLAN).is_file():
        return _judged(path, "crossval")
    if (path / "run.json").is_file():
        return _trained(RunFolder(path))
    if (path / "metrics.json").is_file() or (path / EVALUATION).is_file():
        return _judged(path, "val")
    raise InputError(f"{path}: no run folder of docdetect", "docdetect runs list shows those that there are.")


def settings_of(run: Run) -> dict[str, Any]:
    """Dotted key -> value of the run's configuration; empty where it has none.

    Raises:
        InputError: its `config.yaml` is damaged.
    """
    file = run.path / "config.yaml"
    return _flat(parse_yaml(read_text(file), str(file))) if file.is_file() else {}


def config_differences(runs: Sequence[Run]) -> list[tuple[str, tuple[str, ...]]]:
    """(dotted key, value in each run) of the keys that are not the same in all; "–" where a run lacks the key."""
    settings = [settings_of(run) for run in runs]
    keys = sorted({key for one in settings for key in one})
    rows = [(key, tuple(str(one.get(key, "–")) for one in settings)) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def epoch_curves(run: Run) -> dict[str, tuple[list[float], list[float]]]:
    """Figure -> (epochs, values) of a training's `training_metrics.csv`; empty for other runs."""
    rows = read_rows(RunFolder(run.path).metrics)
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for name in ("AP50", "AP50-95", "precision", "recall"):
        points = [(float(row["epoch"]), float(row[name])) for row in rows if row.get(name)]
        if points:
            curves[name] = ([point[0] for point in points], [point[1] for point in points])
    return curves


def _trained(run: RunFolder) -> Run:
    record = read_json(run.record)
    best = record.get("best") or {}
    epochs = record.get("epochs") or len(read_rows(run.metrics))
    weights = run.best if run.best.is_file() else None
    figures = _number(best.get("AP50")), _number(best.get("AP50-95"))
    state = str(record.get("state", "unknown"))
    return Run(run.path, "train", state, _started(run.path), int(epochs), *figures, weights)


def _judged(path: Path, kind: str) -> Run:
    if not (path / EVALUATION).is_file():
        mean = read_json(path / "metrics.json").get("mean", {}) if kind == "val" else {}
        state = "finished" if mean else "unfinished"
        figures = _number(mean.get("AP50")), _number(mean.get("AP50-95"))
        return Run(path, kind, state, _started(path), None, *figures, None)
    evaluation = read_json(path / EVALUATION)
    try:
        row = evaluation["figures"][0]
        ap50, ap50_95 = _number(row["ap50"]["value"]), _number(row["ap50_95"]["value"])
        weights = Path(str(evaluation["facts"]["weights"])) if "weights" in evaluation["facts"] else None
    except (KeyError, IndexError, TypeError) as error:
        raise InputError(f"{path / EVALUATION}: not an evaluation ({error!r})", "Run docdetect val again.") from error
    weights = weights if weights and weights.is_file() else None
    return Run(path, kind, "finished", _started(path), None, ap50, ap50_95, weights, _seconds_per_page(path))


def _seconds_per_page(path: Path) -> float | None:
    file = path / "metrics.json"
    speed = read_json(file).get("speed") if file.is_file() else None
    return _number(speed.get("seconds_per_page")) if isinstance(speed, Mapping) else None


def _started(path: Path) -> datetime:
    """The time in the folder's name `<name>_<YYYYMMDD_HHMMSS>`, or that of its oldest file."""
    parts = path.name.split("_")
    for day, clock in pairwise(parts):
        try:
            return datetime.strptime(f"{day}_{clock}", "%Y%m%d_%H%M%S")
        except ValueError:
            continue
    oldest = min((file.stat().st_mtime for file in path.iterdir() if file.is_file()), default=path.stat().st_mtime)
    return datetime.fromtimestamp(oldest)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat.update(_flat(value, f"{name}."))
        else:
            flat[name] = value
    return flat


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
