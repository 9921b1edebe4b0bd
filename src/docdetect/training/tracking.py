"""Logging of a training to MLflow: figures, recipe and files, in a local SQLite store unless another one is named.

Logging is optional. Where the store fails in the middle of a training, this is reported and the training goes on.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docdetect.config.schema import Config, TrainConfig
from docdetect.errors import ConfigError, MissingDependencyError
from docdetect.files import output_errors, read_json
from docdetect.training.progress import EpochReport
from docdetect.training.records import RunFolder, epoch_figures, update_record

EXPERIMENT = "docdetect"
_SQLITE = "sqlite:///"
_FOLDERS = {".pt": "weights", ".png": "plots", ".jpg": "pictures"}
_NOT_IN_NAMES = re.compile(r"[^\w.\- /]")
# MLflow takes so many parameters in one call.
_MOST_PARAMETERS = 100


@dataclass
class Tracker:
    """One run in the store.

    Attributes:
        client: MLflow's client.
        run_id: of the run in the store.
        announce: told when the store fails; nothing is logged after that.
        failures: what the store may raise.
        resumed: the run was in the store before.
        broken: the store has failed.
    """

    client: Any
    run_id: str
    announce: Callable[[str], None]
    failures: tuple[type[Exception], ...]
    resumed: bool = False
    broken: bool = False

    def log_epoch(self, report: EpochReport) -> None:
        """The figures of an epoch; its number is MLflow's step."""
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        metrics = [Metric(name, value, now_ms, report.epoch) for name, value in epoch_metrics(report).items()]
        self._do(lambda: self.client.log_batch(self.run_id, metrics=metrics))

    def log_parameters(self, config: Config) -> None:
        """The recipe and what it is trained on."""
        from mlflow.entities import Param

        flat = [Param(f"train.{key}", str(value)) for key, value in config.train.model_dump(mode="json").items()]
        for start in range(0, len(flat), _MOST_PARAMETERS):
            chunk = flat[start : start + _MOST_PARAMETERS]
            self._do(lambda chunk=chunk: self.client.log_batch(self.run_id, params=chunk))  # type: ignore[misc]

    def finish(self, run: RunFolder, status: str) -> None:
        """The files of the run folder and how the run ended: FINISHED, FAILED or KILLED."""
        for file in sorted((*run.path.iterdir(), run.best, run.last)):
            if file.is_file():
                folder = _FOLDERS.get(file.suffix)
                self._do(lambda file=file, folder=folder: self.client.log_artifact(self.run_id, str(file), folder))  # type: ignore[misc]
        self._do(lambda: self.client.set_terminated(self.run_id, status))

    def _do(self, call: Callable[[], object]) -> None:
        if self.broken:
            return
        try:
            call()
        except self.failures as error:
            self.broken = True
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            self.announce(f"MLflow cannot be written to any more ({reason}); the training goes on without it")


def epoch_metrics(report: EpochReport) -> dict[str, float]:
    """The figures of an epoch by the names that `training_metrics.csv` has; those that are not defined are left out."""
    figures = epoch_figures(report)
    return {_NOT_IN_NAMES.sub("_", name): value for name, value in figures.items() if value is not None}


def check_tracking(config: TrainConfig) -> None:
    """Raises MissingDependencyError when MLflow is asked for and not installed: before an hour of work, not after."""
    if config.tracking:
        _import_mlflow()


@contextmanager
def tracked(run: RunFolder, config: Config, announce: Callable[[str], None]) -> Iterator[Callable[[EpochReport], None]]:
    """A training in the store that `train.tracking_uri` names; yields what is to be told of each epoch.

    A resumed training goes on in its own run of the store. Without `train.tracking` nothing happens.

    Raises:
        MissingDependencyError: MLflow is not installed.
        ConfigError: the store cannot be opened.
        OutputError: the folder of the store cannot be made.
    """
    if not config.train.tracking:
        yield lambda report: None
        return
    tracker = _open(run, config, announce)
    status = "FAILED"
    try:
        if not tracker.resumed:  # the store refuses a parameter that changes, such as the device of a resumed run
            tracker.log_parameters(config)
        yield tracker.log_epoch
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        tracker.finish(run, status)


def _open(run: RunFolder, config: Config, announce: Callable[[str], None]) -> Tracker:
    mlflow = _import_mlflow()
    uri = config.train.tracking_uri
    failures = (mlflow.exceptions.MlflowException, OSError)
    folder = _make_store_folder(uri)
    try:
        client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        known = read_json(run.record).get("tracking") or {} if run.record.is_file() else {}
        resumed = known.get("uri") == uri
        if resumed:
            run_id = client.get_run(known["run_id"]).info.run_id
            client.update_run(run_id, "RUNNING")
        else:
            run_id = client.create_run(_experiment(client, folder), run_name=run.path.name).info.run_id
    except failures as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(
            f"train.tracking_uri: {uri} cannot be used ({reason})",
            "Give another store, such as sqlite:///runs/mlflow.db, or train.tracking= for none.",
        ) from error
    update_record(run, tracking={"uri": uri, "run_id": run_id})
    return Tracker(client, run_id, announce, failures, resumed)


def _experiment(client: Any, folder: Path | None) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    place = None if folder is None else (folder.resolve() / "mlflow_artifacts").as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=place))


def _make_store_folder(uri: str) -> Path | None:
    """The folder of an SQLite store, made where it is missing; files are kept beside it. None for other stores."""
    if not uri.startswith(_SQLITE):
        return None
    folder = Path(uri.removeprefix(_SQLITE)).parent
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _import_mlflow() -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing of docdetect's reports home
    try:
        import mlflow
        import mlflow.exceptions
    except ImportError as error:
        raise MissingDependencyError.for_extra("mlflow", "mlflow", "train.tracking: mlflow") from error
    return mlflow
