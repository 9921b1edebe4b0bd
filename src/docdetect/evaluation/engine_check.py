"""Comparison of every engine of this machine with PyTorch in fp32 on the same pages: boxes and average precision."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from docdetect.console import ProgressCallback, no_progress, say_nothing
from docdetect.datasets.reader import LabelledImage, read_dataset
from docdetect.documents.batches import PageOutcome, iter_rendered
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.errors import InputError, MissingDependencyError
from docdetect.evaluation.predictions import class_ids, read_picture
from docdetect.machine import available_cores
from docdetect.metrics.agreement import Agreement, agreement
from docdetect.metrics.bootstrap import class_mean, metric_draws
from docdetect.metrics.matching import LOWEST_CONF, Sample, match
from docdetect.models.conversions import int8_path
from docdetect.models.engines.base import list_devices
from docdetect.models.engines.select import engines_on, load_engine
from docdetect.types import ByteArray, Detections
from docdetect.workers.parts import WorkerSettings

T = TypeVar("T")

SAME_PX, SAME_SCORE = 1.0, 0.02
"""Two boxes in fp32 are the same when their sides and scores differ by no more than this."""


@dataclass(frozen=True)
class EngineRow:
    """One engine beside PyTorch in fp32.

    Attributes:
        engine, precision: which.
        seconds_per_page: one page at a time, with letterbox and decoding.
        agreement: with PyTorch in fp32.
        ap50, ap50_95: COCO average precision in [0, 1]; None without labels.
    """

    engine: str
    precision: str
    seconds_per_page: float
    agreement: Agreement
    ap50: float | None = None
    ap50_95: float | None = None

    @property
    def same(self) -> bool | None:
        """Whether its boxes are the same; None where its precision promises less."""
        return self.agreement.within(SAME_PX, SAME_SCORE) if self.precision == "fp32" else None


@dataclass(frozen=True)
class CheckSettings:
    """How engines are checked.

    Attributes:
        imgsz: px, the long side of the picture that the network sees.
        device: as for `load_engine`.
        conf: which marks have to agree.
        iou: of non-maximum suppression.
        pages: most pages that are looked at, evenly spread.
    """

    imgsz: int = 1024
    device: str = ""
    conf: float = 0.15
    iou: float = 0.7
    pages: int = 100


@dataclass(frozen=True)
class _Pages:
    """What is looked at; `images` with the ground truth are None without labels, their class ids those of `names`."""

    pixels: Sequence[ByteArray]
    images: Sequence[LabelledImage] | None
    names: tuple[str, ...]


def check_engines(
    weights: Path,
    source: str,
    settings: CheckSettings,
    *,
    exported: Path | None = None,
    on_progress: ProgressCallback = no_progress,
    announce: Callable[[str], None] = say_nothing,
) -> tuple[EngineRow, ...]:
    """A row for each engine that is installed, PyTorch in fp32 first; for int8 where the weights have such a form.

    Args:
        weights: a `.pt` file.
        source: a YOLO dataset (its validation split is used), or a folder of documents.
        settings: how the engines are checked.
        exported: the manifest of a network made from them, which gets a row of its own.
        on_progress: told about every page.
        announce: told about engines that are left out, and conversions.

    Raises:
        InputError: nothing to look at, or weights of other classes than the labels.
        ConfigError: no such device.
    """
    pages = _labelled(source, settings, "val", announce) if _is_dataset(source) else _rendered(source, settings)
    candidates = [(weights, "torch", "fp32")]
    quantised = int8_path(weights).is_file()
    here = engines_on(list_devices(settings.device)[0])
    candidates += [(weights, *one) for one in here if quantised or "int8" not in one]
    if exported is not None:
        candidates.append((exported, "auto", "auto"))
    rows: list[EngineRow] = []
    reference: list[Detections] | None = None
    total = len(pages.pixels) * len(dict.fromkeys(candidates))
    for file, name, precision in dict.fromkeys(candidates):
        try:
            engine = load_engine(
                file,
                imgsz=settings.imgsz,
                device=settings.device,
                engine=name,
                precision=precision,
                announce=announce,
            )
        except MissingDependencyError as error:
            announce(f"{name} is left out: {error.message}")
            continue
        engine.detect(pages.pixels[:1], settings.conf, settings.iou)  # warm
        found, started = [], time.perf_counter()
        for page in pages.pixels:
            found += engine.detect([page], LOWEST_CONF, settings.iou)
            on_progress(len(rows) * len(pages.pixels) + len(found), total, f"{name} {precision}")
        seconds = (time.perf_counter() - started) / len(found)
        reference = reference or found
        traits = engine.traits
        row = EngineRow(traits.name, traits.precision, seconds, agreement(reference, found, settings.conf))
        rows.append(_with_precision(row, found, pages, engine.class_names))
    return tuple(rows)


def read_pages(source: str, settings: CheckSettings) -> Sequence[ByteArray]:
    """Pages of a YOLO dataset's training split, or of a folder of documents: uint8 (H, W, 3) RGB."""
    pages = _labelled(source, settings, "train") if _is_dataset(source) else _rendered(source, settings)
    return pages.pixels


def _with_precision(
    row: EngineRow, found: Sequence[Detections], pages: _Pages, engine_names: tuple[str, ...]
) -> EngineRow:
    """The row with its average precision, where there are labels."""
    if pages.images is None:
        return row
    ids = class_ids(engine_names, pages.names)
    samples = []
    for number, (one, image) in enumerate(zip(found, pages.images, strict=True), start=1):
        kept = one.select(ids[one.class_ids] >= 0)
        renamed = replace(kept, class_ids=ids[kept.class_ids])
        samples.append(Sample("pages", number, "pages", image.ground_truth, renamed, image.labelled))
    once = np.ones((1, 1), np.int64)
    drawn = metric_draws(match(samples, len(pages.names)), once, (0.25,) * len(pages.names))
    return replace(row, ap50=float(class_mean(drawn.ap50)[0]), ap50_95=float(class_mean(drawn.ap50_95)[0]))


def _is_dataset(source: str) -> bool:
    path = Path(source)
    return path.suffix == ".yaml" or (path / "data.yaml").is_file()


def _labelled(
    source: str, settings: CheckSettings, split: str, announce: Callable[[str], None] = say_nothing
) -> _Pages:
    dataset = read_dataset(source, (split,), announce=announce)
    chosen: list[LabelledImage] = list(_spread(dataset.splits[split], settings.pages))
    pixels = [read_picture(image.path) for image in chosen]
    return _Pages(pixels, chosen, dataset.class_names)


def _rendered(source: str, settings: CheckSettings) -> _Pages:
    files = list_documents(Path(source))
    size, workers = LongSide(settings.imgsz), WorkerSettings(min(available_cores(), len(files)))
    outcomes = iter_rendered(list(_spread(files, settings.pages)), size, workers)
    pages = [one.value.pixels for one in outcomes if isinstance(one, PageOutcome) and one.value is not None]
    if not pages:
        raise InputError(f"{source}: no page can be read", "Give a folder of documents, or a dataset.")
    return _Pages(list(_spread(pages, settings.pages)), None, ())


def _spread(items: Sequence[T], most: int) -> Iterator[T]:
    """At most so many of the items, evenly spread."""
    count = min(most, len(items))
    return (items[position * len(items) // count] for position in range(count))
