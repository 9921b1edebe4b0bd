"""Predictions of a detector on the pictures of a labelled dataset, beside their ground truth.

`samples_of` adds which document, page and group each picture belongs to, as `docdetect.metrics` wants it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from docdetect.console import ProgressCallback, no_progress, say_nothing
from docdetect.datasets.origins import Origin
from docdetect.datasets.reader import LabelledImage
from docdetect.documents import pictures
from docdetect.errors import InputError
from docdetect.metrics.matching import LOWEST_CONF, Sample
from docdetect.models.engines.base import Engine, Traits
from docdetect.training.samples import sample_of
from docdetect.types import ByteArray, Detections


@dataclass(frozen=True)
class PredictedImage:
    """One picture with its ground truth (in `image`) and what a detector found on it, in px of the picture."""

    image: LabelledImage
    found: Detections


@dataclass(frozen=True)
class Prediction:
    """How a detector is run over a dataset.

    Attributes:
        conf: lowest score that is kept; average precision needs the faint ones.
        iou: of non-maximum suppression.
        batch: pages per call of the engine.
        workers: threads that decode pages meanwhile; 0 decodes in line.
    """

    conf: float = LOWEST_CONF
    iou: float = 0.7
    batch: int = 16
    workers: int = 2


@dataclass
class TimedEngine:
    """An engine with a stopwatch.

    Attributes:
        engine: what does the work.
        laps: (pages, seconds) of each call.
    """

    engine: Engine
    laps: list[tuple[int, float]] = field(default_factory=list)

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.engine.class_names

    @property
    def traits(self) -> Traits:
        return self.engine.traits

    @property
    def seconds_per_page(self) -> float | None:
        """Of the network with all that belongs to it, decoding left out; the first call warms up and does not count
        where there is another. None without a page."""
        counted = self.laps[1:] or self.laps
        pages = sum(count for count, _ in counted)
        return sum(seconds for _, seconds in counted) / pages if pages else None

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        started = time.perf_counter()
        found = self.engine.detect(pages, conf, iou)
        self.laps.append((len(pages), time.perf_counter() - started))
        return found


def predict_dataset(
    engine: Engine,
    images: Sequence[LabelledImage],
    class_names: Sequence[str],
    settings: Prediction | None = None,
    *,
    on_progress: ProgressCallback = no_progress,
    announce: Callable[[str], None] = say_nothing,
) -> Iterator[PredictedImage]:
    """Yields every picture in order with what the engine finds on it.

    Class ids are those of `class_names`, whatever the engine's order; classes that only the engine knows are left out.
    `announce` is told of every damaged picture, whose pixels are used as far as they can be read.

    Raises:
        InputError: the engine does not know one of the classes, or a picture cannot be decoded.
    """
    how = settings or Prediction()
    ids = class_ids(engine.class_names, class_names)
    remaining = iter(images)
    done = 0
    with ThreadPoolExecutor(max(how.workers, 1)) as pool:
        ahead = _decoding(pool, list(islice(remaining, how.batch)))
        while ahead:
            now, ahead = ahead, _decoding(pool, list(islice(remaining, how.batch)))
            read = [picture.result() for _, picture in now]
            for (image, _), picture in zip(now, read, strict=True):
                if picture.damaged is not None:
                    announce(f"{image.path}: the picture is damaged ({picture.damaged})")
            pages = [picture.pixels for picture in read]
            for (image, _), found in zip(now, engine.detect(pages, how.conf, how.iou), strict=True):
                done += 1
                on_progress(done, len(images), image.name)
                yield PredictedImage(image, _renamed(found, ids))


def class_ids(known: Sequence[str], wanted: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """int64 (len(known),): for each class of an engine its id among the wanted classes, -1 where it is not wanted.

    Raises:
        InputError: a wanted class is not known.
    """
    missing = [name for name in wanted if name not in known]
    if missing:
        raise InputError(
            f"the weights know the classes {', '.join(known)}, not {', '.join(missing)}",
            "Use weights that were trained on these classes, or a dataset with theirs.",
        )
    positions = {name: position for position, name in enumerate(wanted)}
    return np.array([positions.get(name, -1) for name in known], np.int64)


def read_picture(path: Path) -> ByteArray:
    """uint8 (H, W, 3) RGB as displayed: the pixels that `infer` sees, and training.

    Raises:
        InputError: the picture cannot be read or decoded.
    """
    return pictures.read_picture(path).pixels


def _decoding(pool: ThreadPoolExecutor, images: Sequence[LabelledImage]):  # type: ignore[no-untyped-def]
    return [(image, pool.submit(pictures.read_picture, image.path)) for image in images]


def _renamed(found: Detections, ids: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Detections:
    class_ids = ids[found.class_ids] if len(found) else found.class_ids
    wanted = found.select(class_ids >= 0)
    return replace(wanted, class_ids=class_ids[class_ids >= 0])


def samples_of(pages: Iterable[PredictedImage], origins: Mapping[str, Origin]) -> tuple[Sample, ...]:
    """Predicted pictures as samples, in their order."""
    return tuple(sample_of(page.image, origins, page.found) for page in pages)
