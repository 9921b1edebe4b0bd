"""Batches of views: of which pages, as windows or whole, and what is done to them before a network sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import torch

from docdetect.config.schema import TrainConfig
from docdetect.datasets.reader import TrainingShare
from docdetect.datasets.several import PageDraws
from docdetect.training.resident.looks import changed_looks, erase_patches, visible
from docdetect.training.resident.pages import StoredPage
from docdetect.training.resident.views import View, draw_view, mosaic_view, whole_placement, window_placement
from docdetect.types import FloatArray, SizeWH

# Share of the batches that are windows, before and after this part of the training.
_P_WINDOWS, _P_WINDOWS_LATE, _LATE = 0.5, 0.28, 0.6
# Shorter to longer side of a sheet of paper, to the next multiple of 32 px.
_SHEET = 0.708
_STRIDE = 32


class MadePages(Protocol):
    """Made-up pages that come and go while a network trains."""

    def take(self, rng: np.random.Generator) -> StoredPage | None:
        """A page; None while there is none."""
        ...


@dataclass(frozen=True)
class Batch:
    """What a network learns from in one step.

    Attributes:
        labels: Ultralytics' batch: `img` float32 (n, 3, H, W) in 0..1, channels last; `batch_idx` (N,), `cls` (N, 1)
            and `bboxes` (N, 4) as centre, width and height in 0..1, all on the device. Rows may be regions.
        state: what must be kept to draw the batches after this one again; plain data.
    """

    labels: dict[str, Any]
    state: dict[str, Any]

    @property
    def views(self) -> int:
        return len(self.labels["img"])


class BatchMaker:
    """Makes the batch of any step; the batches of a seed are the same, made-up pages aside, which come as they come."""

    def __init__(
        self,
        pages: Sequence[StoredPage],
        shares: Sequence[TrainingShare],
        made: MadePages | None,
        recipe: TrainConfig,
        class_count: int,
        device: torch.device,
    ) -> None:
        self._pages, self._made, self._recipe, self._classes, self._device = pages, made, recipe, class_count, device
        self._draws = PageDraws(shares, recipe.seed)
        # Pages that were drawn for a batch of whole pages and wait for enough others of their orientation; real pages
        # have a position, made-up ones none.
        self._waiting: dict[bool, list[tuple[int | None, StoredPage]]] = {True: [], False: []}
        self._generator = torch.Generator(device)

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on after the batch that has this state; made-up pages that waited are gone."""
        self._draws.restore(state["draws"])
        for upright in (True, False):
            self._waiting[upright] = [(one, self._pages[one]) for one in state["waiting"][str(upright)]]

    def make(self, step: int, progress: float) -> Batch:
        """The batch of a step.

        Args:
            step: number of the step from 0.
            progress: part of the training that is done, 0..1.
        """
        recipe = self._recipe
        rng = np.random.default_rng([recipe.seed, step])
        self._generator.manual_seed(int(rng.integers(2**62)))
        if rng.random() < (_P_WINDOWS if progress < _LATE else _P_WINDOWS_LATE):
            views = self._windows(rng)
        else:
            views = self._whole(rng, mosaics=progress < 1 - recipe.close_mosaic / recipe.epochs)
        pixels = torch.stack([view.pixels for view in views])
        pixels = changed_looks(pixels, recipe, rng, self._generator)
        rows = np.concatenate(
            [np.concatenate([np.full((len(v.rows), 1), k, np.float32), v.rows], 1) for k, v in enumerate(views)]
        )
        region = rows[:, 1] >= self._classes
        rows = rows[region | visible(pixels, rows)]
        marks = rows[rows[:, 1] < self._classes]
        erase_patches(pixels, marks, recipe.erasing, rng)
        waiting = {
            str(upright): [one for one, _ in found if one is not None] for upright, found in self._waiting.items()
        }
        return Batch(self._labels(pixels, rows), {"draws": self._draws.state(), "waiting": waiting})

    def _labels(self, pixels: torch.Tensor, rows: FloatArray) -> dict[str, Any]:
        height, width = pixels.shape[2:]
        table = torch.from_numpy(rows).to(self._device, non_blocking=True)
        size = torch.tensor([width, height, width, height], device=self._device)
        boxes = table[:, 2:] / size
        centred = torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)
        return {
            "img": _channels_last(pixels),
            "batch_idx": table[:, 0],
            "cls": table[:, 1:2],
            "bboxes": centred,
        }

    def _windows(self, rng: np.random.Generator) -> list[View]:
        canvas_wh = window_wh(self._recipe)
        width, height = sheet_wh(self._recipe.imgsz)
        count = max(1, round(self._recipe.batch * width * height / (canvas_wh[0] * canvas_wh[1])))
        views = []
        for _ in range(count):
            _, page = self._draw(rng)
            placement = window_placement(page, canvas_wh, self._recipe, rng)
            views.append(draw_view(page, placement, canvas_wh, self._classes, rng))
        return views

    def _whole(self, rng: np.random.Generator, *, mosaics: bool) -> list[View]:
        """Whole pages of one orientation, so that none has a wide border; some of them as mosaics with others."""
        count = self._recipe.batch
        while all(len(found) < count for found in self._waiting.values()):
            position, page = self._draw(rng)
            self._waiting[page.upright].append((position, page))
        upright = len(self._waiting[True]) >= count
        chosen, self._waiting[upright] = self._waiting[upright][:count], self._waiting[upright][count:]
        width, height = sheet_wh(self._recipe.imgsz)
        canvas_wh = (width, height) if upright else (height, width)
        views = []
        for _, page in chosen:
            if mosaics and rng.random() < self._recipe.mosaic:
                four = (page, *(self._draw(rng)[1] for _ in range(3)))
                views.append(mosaic_view(four, canvas_wh, self._recipe, self._classes, rng))
            else:
                placement = whole_placement(page, canvas_wh, self._recipe, rng)
                views.append(draw_view(page, placement, canvas_wh, self._classes, rng))
        return views

    def _draw(self, rng: np.random.Generator) -> tuple[int | None, StoredPage]:
        if self._made is not None and rng.random() < self._recipe.synth.share:
            page = self._made.take(rng)
            if page is not None:
                return None, page
        position = int(self._draws.take(1)[0])
        return position, self._pages[position]


def _channels_last(views: torch.Tensor) -> torch.Tensor:
    """The same float32 (n, 3, H, W) with the colours of a pixel beside each other in memory; OpenCV does it faster."""
    if views.device.type != "cpu":
        return views.contiguous(memory_format=torch.channels_last)
    merged = torch.empty(len(views), *views.shape[2:], 3)
    for view, target in zip(views, merged, strict=True):
        cv2.merge([plane.numpy() for plane in view], target.numpy())
    return merged.permute(0, 3, 1, 2)


def sheet_wh(imgsz: int) -> SizeWH:
    """Width and height in px of the canvas of an upright page."""
    return max(_STRIDE, -(-round(imgsz * _SHEET) // _STRIDE) * _STRIDE), imgsz


def window_wh(recipe: TrainConfig) -> SizeWH:
    """Width and height in px of windows: those of the recipe, else half of the long side of pages."""
    if isinstance(recipe.window, tuple):
        return recipe.window
    side = recipe.window or max(_STRIDE, round(recipe.imgsz / 2 / _STRIDE) * _STRIDE)
    return side, side
