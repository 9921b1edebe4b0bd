"""Training by docdetect beside stock Ultralytics: pages a second, and what both have learnt after equal epochs.

Both train the recipe of configs/best.yaml (frozen backbone, SGD, mosaic) from the same weights on the same made-up
pages with the same seed, each in a process of its own, one after the other; RandAugment and erasing are off, since
stock Ultralytics would not apply them. Only the training part of an epoch is timed, and the first epoch warms up where
there is another. Both networks are then judged by docdetect, in fp32, on the validation pages.

With --flips docdetect trains twice instead: with the recipe's flips and without (`train.flips`). The two
networks are compared by a paired bootstrap over the validation pages; RandAugment and erasing are on.
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
CONF = 0.25
_LAPS: list[float] = []


@dataclass(frozen=True)
class Trained:
    """One training: seconds of the training part of each epoch, pages of an epoch, and the last weights."""

    epochs_s: list[float]
    pages: int
    weights: str

    @property
    def speeds(self) -> list[float]:
        """Pages a second by epoch, the first one left out where there is another."""
        return [self.pages / seconds for seconds in self.epochs_s[1:] or self.epochs_s]


def make_dataset(folder: Path, pages: int, val: float, imgsz: int) -> Path:
    """A dataset of made-up pages; returns its folder."""
    command = [sys.executable, "-c", "from docdetect.cli.main import main; main()", "--quiet", "synth"]
    options = ["--output", str(folder), "--pages", str(pages), "--imgsz", str(imgsz), "--val", str(val), "--seed", "5"]
    subprocess.run([*command, *options], check=True)
    return folder


def start_weights(folder: Path, model: str) -> Path:
    """The checkpoint that everybody starts from; an architecture is given random weights once."""
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
    """configs/best.yaml with the size of this benchmark."""
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
    """Trains in a process of its own, so that no arm warms up another."""
    file = folder / f"{arm}.yaml"
    write_text(file, dump_config(config))
    command = [sys.executable, __file__, "--arm", arm, "--config", str(file)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Trained(**json.loads(done.stdout.splitlines()[-1]))


def train_here(arm: str, config: Config) -> Trained:
    """One arm: `stock` is Ultralytics' own trainer, everything else docdetect."""
    prepare_ultralytics()
    from ultralytics.utils.callbacks.base import default_callbacks

    _LAPS.clear()
    for event, lap in (("on_train_epoch_start", _lap_starts), ("on_train_epoch_end", _lap_ends)):
        if lap not in default_callbacks[event]:
            default_callbacks[event].append(lap)
    dataset = read_dataset(config.train.data)
    weights = _stock(config, dataset) if arm == "stock" else _docdetect(config)
    return Trained(list(_LAPS), len(dataset.splits["train"]), str(weights))


def _stock(config: Config, dataset: YoloDataset) -> Path:
    from ultralytics.models.yolo.detect import DetectionTrainer

    runs = Path(config.train.runs)
    runs.mkdir(parents=True, exist_ok=True)
    data = runs / "stock.yaml"
    split_folders = {split: f"images/{split}" for split in dataset.splits}
    tree = {"path": str(dataset.root.resolve()), **split_folders, "names": dict(enumerate(dataset.class_names))}
    write_text(data, json.dumps(tree))  # JSON is YAML
    own = {"model": config.train.model, "data": str(data), "project": str(runs), "name": "stock"}
    trainer = DetectionTrainer(
        overrides={**training_arguments(config.train), **own, "device": config.train.device, "val": False}
    )
    trainer.train()
    return Path(trainer.last)


def _docdetect(config: Config) -> Path:
    from docdetect.training.train import train

    return train(config).folder / "weights" / "last.pt"


def _lap_starts(trainer: object) -> None:
    _LAPS.append(-time.perf_counter())


def _lap_ends(trainer: object) -> None:
    _LAPS[-1] += time.perf_counter()


def judge(weights: Path, dataset: YoloDataset, imgsz: int) -> tuple[Sample, ...]:
    """The validation pages with what these weights find on them, in fp32."""
    engine = load_engine(weights, imgsz=imgsz, device="cpu")
    pages = predict_dataset(engine, dataset.splits["val"], dataset.class_names)
    return samples_of(pages, read_origins(dataset.root))


def beside_stock(asked: argparse.Namespace, folder: Path, data: Path, start: Path) -> None:
    """Prints speed and accuracy of both, and their ratio."""
    config = recipe(asked, folder, data, start, "auto_augment=null", "erasing=0.0")
    dataset = read_dataset(str(data))
    names, settings = dataset.class_names, EvaluationSettings((CONF,) * len(dataset.class_names))
    speeds: dict[str, float] = {}
    print("| trainer | pages/s | slowest to fastest epoch | AP50 | AP50-95 |\n|---|---|---|---|---|")
    for arm, label in (("stock", "Ultralytics"), ("docdetect", "docdetect")):
        trained = in_new_process(arm, config, folder)
        mean = evaluate(judge(Path(trained.weights), dataset, asked.imgsz), names, settings).figures[0]
        speeds[arm] = statistics.median(trained.speeds)
        spread = f"{min(trained.speeds):.2f} to {max(trained.speeds):.2f}"
        print(f"| {label} | {speeds[arm]:.2f} | {spread} | {_share(mean.ap50)} | {_share(mean.ap50_95)} |")
    ratio = speeds["docdetect"] / speeds["stock"]
    print(f"\ndocdetect trains {ratio:.2f} times the pages a second of stock Ultralytics")
    print(setting(asked, start, dataset))


def with_and_without_flips(asked: argparse.Namespace, folder: Path, data: Path, start: Path) -> None:
    """Prints what `train.flips` changes, class by class."""
    dataset = read_dataset(str(data))
    found = {}
    for arm, value in (("flips", "true"), ("no_flips", "false")):
        config = recipe(asked, folder, data, start, f"flips={value}")
        found[arm] = judge(Path(in_new_process(arm, config, folder).weights), dataset, asked.imgsz)
    conf = (CONF,) * len(dataset.class_names)
    print("| class | figure | with flips | without | difference (95 %) | without flips is |\n|---|---|---|---|---|---|")
    for one in compare(found["flips"], found["no_flips"], dataset.class_names, (conf, conf)):
        if one.metric in ("ap50", "ap50_95") and one.a is not None and one.b is not None:
            metric = one.metric.upper().replace("_", "-")
            print(f"| {one.name} | {metric} | {one.a:.3f} | {one.b:.3f} | {_share(one.difference)} | {one.verdict} |")
    print(f"\n{setting(asked, start, dataset)}")


def setting(asked: argparse.Namespace, start: Path, dataset: YoloDataset) -> str:
    """What was trained and judged, in one line."""
    pages = ", ".join(f"{len(images)} {split}" for split, images in dataset.splits.items())
    return (
        f"{asked.epochs} epochs at {asked.imgsz} px, batch {asked.batch}, {asked.freeze} layers frozen, seed "
        f"{asked.seed}, start {start.name}, device {asked.device}; pages: {pages}"
    )


def _share(figure: Figure) -> str:
    if figure.value is None:
        return "–"
    span = "" if figure.low is None or figure.high is None else f" ({figure.low:.3f} to {figure.high:.3f})"
    return f"{figure.value:.3f}{span}"


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", action="store_true", help="measure what flips do, instead of the speed")
    parser.add_argument("--model", default="", help="the start; empty: the weights in the box, else yolo11s.yaml")
    parser.add_argument("--data", type=Path, help="a dataset of docdetect instead of made-up pages; it is copied")
    for name, value in (("pages", 96), ("imgsz", 1024), ("batch", 8), ("epochs", 2), ("freeze", 10), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--val", type=float, default=0.3, help="share of the made-up documents for validation")
    parser.add_argument("--device", default="cpu")
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
        if asked.data:  # stock Ultralytics leaves its caches beside the labels
            data = Path(shutil.copytree(asked.data, folder / "data"))
        else:
            data = make_dataset(folder / "data", asked.pages, asked.val, asked.imgsz)
        default = DEFAULT_NAME if DEFAULT_NAME in bundled_weights() else "yolo11s.yaml"
        start = start_weights(folder, asked.model or default)
        (with_and_without_flips if asked.flips else beside_stock)(asked, folder, data, start)


if __name__ == "__main__":
    main(sys.argv[1:])
