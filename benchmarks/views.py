"""Measures how fast views of pages are made: on the device by docdetect, and by Ultralytics' own loader.

    python -m benchmarks.views [--pages 100] [--imgsz 1024] [--views 64] [--rounds 3]

Both make views of the same made-up pages with the same recipe (scale, turn, shift, colour, erasing; no mosaics), in one
process and one thread, in turns, so that the load of the machine affects both alike. Ultralytics reads pictures from
disk, except those in its buffer of eight batches, which is why batches are small here, and makes squares with grey
borders. docdetect keeps the pages in memory and makes windows and whole pages without borders, and also does what
Ultralytics' detection loader does not: ink, blur, noise, low resolution, 1-bit copies. Since their views differ in
size, megapixels are compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import torch

from benchmarks.training import make_dataset
from docdetect.config.loading import load_config
from docdetect.config.schema import TrainConfig
from docdetect.datasets.reader import TrainingShare, YoloDataset, read_dataset
from docdetect.files import write_text
from docdetect.machine import peak_memory, processor_summary
from docdetect.models.ultralytics_setup import prepare_ultralytics

RECIPE = (
    *("views=device", "mosaic=0", "flips=false", "degrees=1.5", "translate=0.1", "scale=0.5", "scales=[0.5,2.6]"),
    *("hsv_h=0.01", "hsv_s=0.65", "hsv_v=0.35", "erasing=0.15", "close_mosaic=0"),
)


def recipe_of(asked: argparse.Namespace, *more: str) -> TrainConfig:
    """What both makers of views are given."""
    values = (*RECIPE, f"imgsz={asked.imgsz}", f"batch={asked.batch}", *more)
    return load_config(None, [f"train.{value}" for value in values]).train


def device_batches(dataset: YoloDataset, recipe: TrainConfig) -> Iterator[torch.Tensor]:
    """Batches of docdetect's views for ever."""
    from docdetect.training.resident.batches import BatchMaker
    from docdetect.training.resident.pages import load_pages

    device = torch.device("cpu")
    pages = load_pages(dataset.splits["train"], recipe.imgsz, device)
    shares = [TrainingShare(dataset.file, len(pages), 1.0)]
    maker = BatchMaker(pages, shares, None, recipe, len(dataset.class_names), device)
    step = 0
    while True:
        yield maker.make(step, 0.0).labels["img"]
        step += 1


def ultralytics_batches(dataset: YoloDataset, recipe: TrainConfig, folder: Path) -> Iterator[torch.Tensor]:
    """Batches of Ultralytics' own loader for ever, in this process, as float32 like those of docdetect."""
    from ultralytics.cfg import get_cfg
    from ultralytics.data.build import build_dataloader, build_yolo_dataset
    from ultralytics.data.utils import check_det_dataset

    from docdetect.training.arguments import training_arguments

    splits = {split: f"images/{split}" for split in dataset.splits}
    tree = {"path": str(dataset.root.resolve()), **splits, "names": dict(enumerate(dataset.class_names))}
    write_text(folder / "stock.yaml", json.dumps(tree))
    arguments = training_arguments(recipe) | {"cache": False, "freeze": None, "time": None}
    config = get_cfg(overrides={**arguments, "data": str(folder / "stock.yaml"), "workers": 0})
    data: dict[str, Any] = check_det_dataset(str(folder / "stock.yaml"))
    pages = build_yolo_dataset(config, data["train"], recipe.batch, data, mode="train", rect=False)
    loader = build_dataloader(pages, recipe.batch, 0, device="cpu")
    while True:
        for batch in loader:
            yield batch["img"].float() / 255


def timed(batches: Iterator[torch.Tensor], views: int) -> tuple[float, float]:
    """(views/s, megapixels/s) over at least so many views; the time is that of the processor."""
    began, seen, pixels = time.process_time(), 0, 0
    while seen < views:
        batch = next(batches)
        seen += len(batch)
        pixels += batch.shape[0] * batch.shape[2] * batch.shape[3]
    seconds = time.process_time() - began
    return seen / seconds, pixels / 1e6 / seconds


def main() -> None:
    """Makes the pages, measures both in turns, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("pages", 100), ("imgsz", 1024), ("batch", 2), ("views", 64), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    prepare_ultralytics()
    with tempfile.TemporaryDirectory(prefix="docdetect-views-") as made:
        folder = Path(made)
        dataset = read_dataset(make_dataset(folder / "data", asked.pages, 0.3, asked.imgsz))
        arms: dict[str, Callable[[], Iterator[torch.Tensor]]] = {
            "Ultralytics' loader": lambda: ultralytics_batches(dataset, recipe_of(asked), folder),
            "views on the device": lambda: device_batches(dataset, recipe_of(asked)),
            "the same, colours only": lambda: device_batches(dataset, recipe_of(asked, "auto_augment=null")),
        }
        running = {name: make() for name, make in arms.items()}
        for batches in running.values():
            next(batches)  # a warm-up
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in running}
        for _ in range(asked.rounds):
            for name, batches in running.items():
                found[name].append(timed(batches, asked.views))
    print("| views by | views/s | megapixels/s, median (slowest to fastest round) |\n|---|---|---|")
    for name, rounds in found.items():
        speeds = [speed for _, speed in rounds]
        views = statistics.median(views for views, _ in rounds)
        print(f"| {name} | {views:.1f} | {statistics.median(speeds):.2f} ({min(speeds):.2f} to {max(speeds):.2f}) |")
    stock, ours = (statistics.median(speed for _, speed in rounds) for rounds in list(found.values())[:2])
    print(f"\nviews on the device: {ours / stock:.2f} times the megapixels a second of Ultralytics' loader")
    print(
        f"{processor_summary()}; one thread, processor time; {asked.pages} made-up pages, long side {asked.imgsz} px, "
        f"{asked.views} views a round; at most {peak_memory() / 2**30:.1f} GiB of memory"
    )


if __name__ == "__main__":
    main()
