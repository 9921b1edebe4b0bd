"""The run folders of `train`, `val` and `crossval`: finding them, and reading what they reached and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docdetect.config.loading import parse_yaml
from docdetect.config.schema import Config
from docdetect.errors import InputError
from docdetect.evaluation.crossval import PLAN
from docdetect.evaluation.report import EVALUATION
from docdetect.files import read_json, read_text
from docdetect.metrics.codec import figures_from_json
from docdetect.metrics.figures import ClassFigures
from docdetect.tables import read_csv
from docdetect.training.records import PREDICTIONS, RunFolder, epochs_done

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes:
        path: the folder.
        kind: train, val or crossval.
        state: finished, running, interrupted, failed; of val and crossval finished or unfinished.
        started: when its first file was written, local time.
        epochs: epochs done, of a training.
        ap50, ap50_95: COCO average precision, mean over classes, in [0, 1]; None where the run did not get that far.
        weights: the weights that the run made or evaluated; None where they are not known or gone.
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
        """Whether its pages can be evaluated again, and compared page by page."""
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
        return _evaluated(path, "crossval")
    if (path / "run.json").is_file():
        return _trained(RunFolder(path))
    if (path / "metrics.json").is_file() or (path / EVALUATION).is_file():
        return _evaluated(path, "val")
    raise InputError(f"{path}: no run folder of docdetect", "docdetect runs list shows those that there are.")


def settings_of(run: Run) -> dict[str, Any]:
    """Dotted key -> value of the run's configuration; empty where it has none.

    Raises:
        InputError: its `config.yaml` is damaged.
    """
    file = run.path / "config.yaml"
    return _flat(parse_yaml(read_text(file), str(file))) if file.is_file() else {}


def runs_table(runs: Sequence[Run]) -> pd.DataFrame:
    """A row for each run: name, path, kind, state, started, epochs, AP50, AP50-95 (shares, NaN where there is none)."""
    import pandas as pd

    rows = [
        (
            run.path.name,
            str(run.path),
            run.kind,
            run.state,
            run.started.isoformat(timespec="seconds"),
            run.epochs,
            run.ap50,
            run.ap50_95,
        )
        for run in runs
    ]
    columns = ["name", "path", "kind", "state", "started", "epochs", "AP50", "AP50-95"]
    table = pd.DataFrame(rows, columns=columns)
    typed: pd.DataFrame = table.astype({"epochs": "Int64", "AP50": float, "AP50-95": float})
    return typed


def standard_folders(settings: Config) -> list[Path]:
    """Where a configuration keeps the runs of train, val and crossval."""
    return [Path(settings.train.runs), Path(settings.val.runs), Path(settings.crossval.runs)]


def table_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as JSON data; what is missing is null."""
    records: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")
    return records


def find_run_folder(wanted: str, folders: Sequence[Path]) -> Path:
    """The run folder that `wanted` means.

    Args:
        wanted: a path; the name of a run, as `docdetect runs list` shows it; or `last` for the newest run.
        folders: where runs with a name, and the newest run, are looked for.

    Raises:
        InputError: there is no such run.
    """
    if wanted == "last":
        runs = list_runs(folders)
        if not runs:
            raise InputError(
                f"last: there is no run in {', '.join(map(str, folders))}",
                "docdetect train, val and crossval make runs.",
            )
        return runs[0].path
    for path in (Path(wanted), *(folder / wanted for folder in folders)):
        if path.is_dir():
            return path
    raise InputError(f"{wanted}: no such run folder", "docdetect runs list shows those that there are.")


def config_differences(runs: Sequence[Run]) -> list[tuple[str, tuple[str, ...]]]:
    """(dotted key, value in each run) of the keys that are not the same in all; "-" where a run lacks the key."""
    import pandas as pd

    settings = [pd.Series({key: str(value) for key, value in settings_of(run).items()}, dtype=str) for run in runs]
    keys = sorted({key for one in settings for key in one.index})
    table = pd.DataFrame({position: one.reindex(keys, fill_value="-") for position, one in enumerate(settings)})
    differing = table[table.nunique(axis=1) > 1]
    return [(str(key), tuple(values)) for key, *values in differing.itertuples()]


def epoch_curves(run: Run) -> dict[str, tuple[list[float], list[float]]]:
    """Figure -> (epochs, values) of a training's `training_metrics.csv`; empty for other runs.

    Raises:
        InputError: the table is damaged.
    """
    import pandas as pd

    file = RunFolder(run.path).metrics
    if not file.is_file():
        return {}
    table = read_csv(file, ("epoch",)).apply(pd.to_numeric, errors="coerce").set_index("epoch")
    known = {name: table[name].dropna() for name in ("AP50", "AP50-95", "precision", "recall") if name in table}
    return {
        name: (values.index.astype(float).tolist(), values.tolist()) for name, values in known.items() if len(values)
    }


def _trained(run: RunFolder) -> Run:
    record = read_json(run.record)
    figures = figures_from_json((record.get("best") or {}).get("figures", ()), str(run.record))
    epochs = record.get("epochs") or epochs_done(run)
    weights = run.best if run.best.is_file() else None
    state = str(record.get("state", "unknown"))
    return Run(run.path, "train", state, _started(run.path), int(epochs), *_average_precision(figures), weights)


def _evaluated(path: Path, kind: str) -> Run:
    file = path / EVALUATION
    if not file.is_file():
        return Run(path, kind, "unfinished", _started(path), None, None, None, None)
    evaluation = read_json(file)
    try:
        figures = figures_from_json(evaluation["figures"], str(file))
        named = evaluation["facts"].get("weights")
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: not an evaluation ({error!r})", "Run docdetect val again.") from error
    weights = Path(str(named)) if named and Path(str(named)).is_file() else None
    both = _average_precision(figures)
    return Run(path, kind, "finished", _started(path), None, *both, weights, _seconds_per_page(path))


def _average_precision(figures: Sequence[ClassFigures]) -> tuple[float | None, float | None]:
    """AP50 and AP50-95 of "all"."""
    return (figures[0].ap50.value, figures[0].ap50_95.value) if figures else (None, None)


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
