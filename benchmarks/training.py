"""Measures training by docdetect against stock Ultralytics: pages/s, and average precision after equal epochs.

    python -m benchmarks.training [--pages 96] [--epochs 2] [--data FOLDER] [--model FILE]
    python -m benchmarks.training --flips         # with flips against without, both trained by docdetect

Both train the recipe of configs/best.yaml (frozen backbone, SGD, mosaic) from the same weights on the same made-up
pages with the same random seed, each in a process of its own, one after the other. RandAugment and erasing are off,
since stock Ultralytics would not apply them. Only the training part of an epoch is timed, and the first epoch is a
warm-up where there are others. docdetect then evaluates both networks, in fp32, on the validation pages.

With --flips docdetect trains twice instead: with the recipe's flips and without (`train.flips`). The two networks are
compared by a paired bootstrap over the validation pages; RandAugment and erasing are on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from docdetect.config.loading import dump_config, load_config
from docdetect.config.schema import Config
from docdetect.datasets.origins import read_origins
from docdetect.datasets.reader import YoloDataset, read_dataset
from docdetect.evaluation.predictions import predict_dataset, samples_of
from docdetect.files import write_text
from docdetect.machine import processor_summary
from docdetect.metrics.evaluation import EvaluationSettings, evaluate
from docdetect.metrics.figures import Figure
from docdetect.metrics.matching import Sample
from docdetect.metrics.paired import compare
from docdetect.models.engines.select import load_engine
from docdetect.models.packing import packed_bytes
from docdetect.models.ultralytics_setup import prepare_ultralytics
from docdetect.models.weights import DEFAULT_NAME, bundled_weights, resolve_model
from docdetect.training.arguments import training_arguments

ROOT = Path(__file__).resolve().parents[1]

# Confidence from which predictions count in the evaluation.
CONF = 0.25

# Seconds of the training part of each epoch so far, filled by callbacks of Ultralytics' trainer.
_EPOCHS_S: list[float] = []


@dataclass(frozen=True)
class Trained:
    """One training.

    Attributes:
        epochs_s: seconds of the training part of each epoch.
        pages: number of pages of an epoch.
        weights: path of the last weights.
    """

    epochs_s: list[float]
    pages: int
    weights: str

    @property
    def speeds(self) -> list[float]:
        """Pages per second of each epoch, without the first epoch where there are others."""
        return [self.pages / seconds for seconds in self.epochs_s[1:] or self.epochs_s]


def make_dataset(folder: Path, pages: int, val: float, imgsz: int) -> Path:
    """Makes a dataset of made-up pages and returns its folder."""
    command = [sys.executable, "-c", "from docdetect.cli.main import main; main()", "--quiet", "synth"]
    options = ["--output", str(folder), "--pages", str(pages), "--imgsz", str(imgsz), "--val", str(val), "--seed", "5"]
    subprocess.run([*command, *options], check=True)
    return folder


def start_weights(folder: Path, model: str) -> Path:
    """The checkpoint that both trainings start from; an architecture gets random weights once."""
    import torch

    source = resolve_model(model)
    if source.suffix == ".pt":
        return source
    prepare_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    network: Any = DetectionModel(str(source), nc=3, verbose=False)
    network.names, network.args = {0: "qr", 1: "signature", 2: "stamp"}, {}
    file = folder / "start.pt"
    file.write_bytes(packed_bytes(network, 640))
    return file


def recipe(asked: argparse.Namespace, folder: Path, data: Path, start: Path, *changes: str) -> Config:
    """The configuration of configs/best.yaml with the sizes that were asked for and further changes."""
    values = (
        f"data={data.as_posix()}",
        f"model={start.as_posix()}",
        f"runs={(folder / 'runs').as_posix()}",
        *(f"{name}={getattr(asked, name)}" for name in ("imgsz", "batch", "epochs", "freeze", "seed", "device")),
        *("patience=0", "close_mosaic=0"),
        *changes,
    )
    return load_config(str(ROOT / "configs" / "best.yaml"), tuple(f"train.{value}" for value in values))


def in_new_process(arm: str, config: Config, folder: Path) -> Trained:
    """Trains in a process of its own, so that no training warms up another; `arm` is that of `train_here`."""
    file = folder / f"{arm}.yaml"
    write_text(file, dump_config(config))
    command = [sys.executable, __file__, "--arm", arm, "--config", str(file)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Trained(**json.loads(done.stdout.splitlines()[-1]))


def train_here(arm: str, config: Config) -> Trained:
    """Trains in this process: by Ultralytics' own trainer where `arm` is "stock", else by docdetect."""
    prepare_ultralytics()
    from ultralytics.utils.callbacks.base import default_callbacks

    _EPOCHS_S.clear()
    for event, callback in (("on_train_epoch_start", _epoch_starts), ("on_train_epoch_end", _epoch_ends)):
        if callback not in default_callbacks[event]:
            default_callbacks[event].append(callback)
    dataset = read_dataset(config.train.sources[0].path)
    weights = _train_stock(config, dataset) if arm == "stock" else _train_docdetect(config)
    return Trained(list(_EPOCHS_S), len(dataset.splits["train"]), str(weights))


def _train_stock(config: Config, dataset: YoloDataset) -> Path:
    """Trains with Ultralytics' own trainer; returns the path of the last weights."""
    from ultralytics.models.yolo.detect import DetectionTrainer

    runs = Path(config.train.runs)
    runs.mkdir(parents=True, exist_ok=True)
    data = runs / "stock.yaml"
    split_folders = {split: f"images/{split}" for split in dataset.splits}
    tree = {"path": str(dataset.root.resolve()), **split_folders, "names": dict(enumerate(dataset.class_names))}
    # JSON is YAML, too.
    write_text(data, json.dumps(tree))
    own = {"model": config.train.networks[0].path, "data": str(data), "project": str(runs), "name": "stock"}
    trainer = DetectionTrainer(
        overrides={**training_arguments(config.train), **own, "device": config.train.device, "val": False}
    )
    trainer.train()
    return Path(trainer.last)


def _train_docdetect(config: Config) -> Path:
    """Trains with docdetect; returns the path of the last weights."""
    from docdetect.training.train import train

    return train(config).folder / "weights" / "last.pt"


def _epoch_starts(trainer: object) -> None:
    _EPOCHS_S.append(-time.perf_counter())


def _epoch_ends(trainer: object) -> None:
    _EPOCHS_S[-1] += time.perf_counter()


def predict(weights: Path, dataset: YoloDataset, imgsz: int) -> tuple[Sample, ...]:
    """The validation pages with the predictions of these weights, computed in fp32."""
    engine = load_engine(weights, imgsz=imgsz, device="cpu")
    pages = predict_dataset(engine, dataset.splits["val"], dataset.class_names)
    return samples_of(pages, read_origins(dataset.root))


def beside_stock(asked: argparse.Namespace, folder: Path, data: Path, start: Path) -> None:
    """Prints the speed and the average precision of both trainers, and the ratio of their speeds."""
    config = recipe(asked, folder, data, start, "auto_augment=null", "erasing=0.0")
    dataset = read_dataset(str(data))
    names, settings = dataset.class_names, EvaluationSettings((CONF,) * len(dataset.class_names))
    speeds: dict[str, float] = {}
    print("| trainer | pages/s | slowest to fastest epoch | AP50 | AP50-95 |\n|---|---|---|---|---|")
    for arm, label in (("stock", "Ultralytics"), ("docdetect", "docdetect")):
        trained = in_new_process(arm, config, folder)
        mean = evaluate(predict(Path(trained.weights), dataset, asked.imgsz), names, settings).figures[0]
        speeds[arm] = statistics.median(trained.speeds)
        spread = f"{min(trained.speeds):.2f} to {max(trained.speeds):.2f}"
        ap50, ap50_95 = _with_interval(mean.ap50), _with_interval(mean.ap50_95)
        print(f"| {label} | {speeds[arm]:.2f} | {spread} | {ap50} | {ap50_95} |")
    ratio = speeds["docdetect"] / speeds["stock"]
    print(f"\ndocdetect trains {ratio:.2f} times the pages a second of stock Ultralytics")
    print(setting(asked, start, dataset))


def with_and_without_flips(asked: argparse.Namespace, folder: Path, data: Path, start: Path) -> None:
    """Prints how `train.flips` changes the average precision of each class."""
    dataset = read_dataset(str(data))
    predictions = {}
    for arm, value in (("flips", "true"), ("no_flips", "false")):
        config = recipe(asked, folder, data, start, f"flips={value}")
        predictions[arm] = predict(Path(in_new_process(arm, config, folder).weights), dataset, asked.imgsz)
    conf = (CONF,) * len(dataset.class_names)
    print("| class | figure | with flips | without | difference (95 %) | without flips is |\n|---|---|---|---|---|---|")
    for one in compare(predictions["flips"], predictions["no_flips"], dataset.class_names, (conf, conf)):
        if one.metric in ("ap50", "ap50_95") and one.a is not None and one.b is not None:
            metric = one.metric.upper().replace("_", "-")
            difference = _with_interval(one.difference)
            print(f"| {one.name} | {metric} | {one.a:.3f} | {one.b:.3f} | {difference} | {one.outcome} |")
    print(f"\n{setting(asked, start, dataset)}")


def setting(asked: argparse.Namespace, start: Path, dataset: YoloDataset) -> str:
    """What was trained on which pages and on which processor, in one line."""
    pages = ", ".join(f"{len(images)} {split}" for split, images in dataset.splits.items())
    return (
        f"{asked.epochs} epochs at {asked.imgsz} px, batch {asked.batch}, {asked.freeze} layers frozen, seed "
        f"{asked.seed}, start {start.name}, device {asked.device}; pages: {pages}; processor: {processor_summary()}"
    )


def _with_interval(figure: Figure) -> str:
    """A figure with its confidence interval; a dash for a figure that is not defined."""
    if figure.value is None:
        return "–"
    span = "" if figure.low is None or figure.high is None else f" ({figure.low:.3f} to {figure.high:.3f})"
    return f"{figure.value:.3f}{span}"


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", action="store_true", help="compare training with flips and without")
    parser.add_argument("--model", default="", help="start of training (default: bundled weights, else yolo11s.yaml)")
    parser.add_argument("--data", type=Path, help="a YOLO dataset in place of made-up pages; it is copied")
    sizes = (
        ("pages", 96, "number of made-up pages"),
        ("imgsz", 1024, "long side of pages in the network, px"),
        ("batch", 8, "pages per step"),
        ("epochs", 2, "epochs"),
        ("freeze", 10, "layers that are not trained"),
        ("seed", 0, "random seed of training"),
    )
    for name, value, text in sizes:
        parser.add_argument(f"--{name}", type=int, default=value, help=text)
    parser.add_argument("--val", type=float, default=0.3, help="share of the made-up documents for validation")
    parser.add_argument("--device", default="cpu", help="device of training, such as cpu or 0")
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    parser.add_argument("--config", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    asked = parsed(arguments)
    if asked.arm:
        print(json.dumps(asdict(train_here(asked.arm, load_config(asked.config)))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.data:
            # Stock Ultralytics leaves its caches beside the labels, so that it gets a copy of the dataset.
            data = Path(shutil.copytree(asked.data, folder / "data"))
        else:
            data = make_dataset(folder / "data", asked.pages, asked.val, asked.imgsz)
        default = DEFAULT_NAME if DEFAULT_NAME in bundled_weights() else "yolo11s.yaml"
        start = start_weights(folder, asked.model or default)
        (with_and_without_flips if asked.flips else beside_stock)(asked, folder, data, start)


if __name__ == "__main__":
    main(sys.argv[1:])
