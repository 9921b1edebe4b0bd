"""Ultralytics' dataset classes over pages that docdetect has read and checked, for training and for validation."""

from __future__ import annotations

import math
import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ultralytics.data.dataset import YOLODataset

from docdetect.datasets.reader import LabelledImage
from docdetect.documents.pictures import read_picture
from docdetect.models.letterbox import Letterbox, fitted_letterbox, page_to_picture
from docdetect.training.augment import rand_augment, random_erase, set_size, turn_outlines, unit_outlines
from docdetect.training.partial_labels import region_class
from docdetect.training.windows import choose_window, cut
from docdetect.types import ByteArray, FloatArray, SizeWH


class RandAugmentPages:
    """RandAugment as a step of Ultralytics' transforms: `img` is uint8 (H, W, 3) BGR."""

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        pixels = rand_augment(np.ascontiguousarray(labels["img"][..., ::-1]), _generator())
        labels["img"] = np.ascontiguousarray(pixels[..., ::-1])
        return labels


class ErasePatches:
    """Random erasing as a step of Ultralytics' transforms, after everything that moves boxes."""

    def __init__(self, probability: float, class_count: int) -> None:
        self.probability, self.class_count = probability, class_count

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        height, width = labels["img"].shape[:2]
        instances = labels["instances"]
        instances.convert_bbox("xyxy")
        instances.denormalize(width, height)
        marks = instances.bboxes[labels["cls"].reshape(-1) < self.class_count]
        labels["img"], _ = random_erase(labels["img"], marks, self.probability, _generator())
        return labels


class Pages(YOLODataset):  # type: ignore[misc]
    """Pages of one split.

    `data["pages"]` maps the folder names that Ultralytics passes as `img_path` to checked pictures: nothing is
    scanned a second time, and no pickled `labels.cache` is read from, or left in, the dataset.
    """

    def get_img_files(self, img_path: str) -> list[str]:
        self._pages: tuple[LabelledImage, ...] = self.data["pages"][img_path]
        return [str(page.path) for page in self._pages]

    def get_labels(self) -> list[dict[str, Any]]:
        return [_label(page, len(self.data["names"])) for page in self._pages]

    def load_image(self, i: int, rect_mode: bool = True, resize_short: bool = False) -> Any:
        """The picture scaled to a long side of `imgsz` as Ultralytics scales it, but read as `infer` reads pictures.

        Ultralytics decodes through OpenCV, which drops transparency, leaves faxes squashed and refuses damaged files,
        so that a network would learn from other pixels than it sees in use. It would also take a stale `.npy` file
        beside the picture for its pixels.
        """
        if self.ims[i] is not None:
            return self.ims[i], self.im_hw0[i], self.im_hw[i]
        pixels = bgr_pixels(self.im_files[i])
        page = _scaled_to(pixels, self.imgsz)
        if self.augment and self.cache != "ram":
            self._remember(i, page, pixels.shape[:2])
        return page, pixels.shape[:2], page.shape[:2]

    def _remember(self, i: int, page: ByteArray, stored_hw: tuple[int, ...]) -> None:
        """Keeps the newest pages in memory: Ultralytics builds mosaics from them, and from its list `buffer`."""
        self.ims[i], self.im_hw0[i], self.im_hw[i] = page, stored_hw, page.shape[:2]
        self.buffer.append(i)
        if 1 < len(self.buffer) >= self.max_buffer_length:
            oldest = self.buffer.pop(0)
            self.ims[oldest], self.im_hw0[oldest], self.im_hw[oldest] = None, None, None

    def update_labels_info(self, label: dict[str, Any]) -> dict[str, Any]:
        """Where pages are turned, each mark gets an outline, so that its box is tight afterwards too."""
        if self.turns and len(label["bboxes"]):
            label["segments"] = unit_outlines(label["img"], label["bboxes"])
        return dict(super().update_labels_info(label))

    def build_transforms(self, hyp: Any) -> Any:
        self.turns = self.augment and bool(hyp.degrees or hyp.shear or hyp.perspective)
        transforms = super().build_transforms(hyp)
        turn_outlines(transforms, len(self.data["names"]))
        if self.augment and hyp.auto_augment == "randaugment":
            transforms.insert(-1, RandAugmentPages())
        if self.augment and hyp.erasing > 0:
            transforms.insert(-1, ErasePatches(hyp.erasing, len(self.data["names"])))
        return transforms


class ValidationPages(Pages):
    """Pages of the validation split as the pictures that `docdetect val` and `infer` show to the network."""

    def page(self, file: Path) -> LabelledImage:
        """The page of a picture that the loader has given."""
        return self._page_of[file]

    @property
    def picture_sizes(self) -> list[SizeWH]:
        """Width and height in px of each page's picture, in the order of the pages."""
        return [self._fit(page).picture_wh for page in self._pages]

    def get_img_files(self, img_path: str) -> list[str]:
        files = super().get_img_files(img_path)
        self._page_of = {page.path: page for page in self._pages}
        return files

    def load_image(self, i: int, rect_mode: bool = True, resize_short: bool = False) -> Any:
        """The picture of the page, from memory where it is cached."""
        if self.ims[i] is not None:
            return self.ims[i], self.im_hw0[i], self.im_hw[i]
        pixels = bgr_pixels(self.im_files[i])
        picture = page_to_picture(pixels, self._fit(self._pages[i]))
        return picture, pixels.shape[:2], picture.shape[:2]

    def get_image_and_label(self, index: int) -> dict[str, Any]:
        label = deepcopy(self.labels[index])
        page, fit = self._pages[index], self._fit(self._pages[index])
        label["img"], label["ori_shape"], label["resized_shape"] = self.load_image(index)
        label["rect_shape"] = label["resized_shape"]  # Ultralytics' letterbox has nothing left to do
        gain = fit.inner_wh[0] / fit.page_wh[0], fit.inner_wh[1] / fit.page_wh[1]
        label["ratio_pad"] = gain[::-1]
        offset = np.array([fit.left, fit.top] * 2, np.float32)
        label["bboxes"] = _centred(page.ground_truth.xyxy * np.array(gain * 2, np.float32) + offset, fit.picture_wh)
        _add_region(label, page, len(self.data["names"]))
        del label["shape"]
        return dict(self.update_labels_info(label))

    def _fit(self, page: LabelledImage) -> Letterbox:
        return fitted_letterbox(page.ground_truth.size_wh, self.imgsz, self.stride)


class Windows(Pages):
    """Pages of a split as windows of `window_wh` px, cut from pages whose long side is `page_px`."""

    def __init__(self, *arguments: Any, page_px: int, window_wh: SizeWH, **keywords: Any) -> None:
        self.page_px, self.window_wh = page_px, window_wh
        super().__init__(*arguments, **keywords)

    def build_transforms(self, hyp: Any) -> Any:
        transforms = super().build_transforms(hyp)
        set_size(transforms, self.window_wh)
        return transforms

    def load_image(self, i: int, rect_mode: bool = True, resize_short: bool = False) -> Any:
        """The page at its full scale, from memory where it is cached; what Ultralytics caches is what this gives."""
        if self.ims[i] is not None:
            return self.ims[i], self.im_hw0[i], self.im_hw[i]
        pixels = bgr_pixels(self.im_files[i])
        page = _resized(pixels, self.page_px / max(pixels.shape[:2]))
        return page, pixels.shape[:2], page.shape[:2]

    def get_image_and_label(self, index: int) -> dict[str, Any]:
        label = deepcopy(self.labels[index])
        height, width = label.pop("shape")
        scale = self.page_px / max(height, width)
        rng = _generator()
        boxes = self._pages[index].ground_truth.xyxy * np.float32(scale)
        distractors = self._pages[index].distractors * np.float32(scale)
        page = self.load_image(index)[0]
        corner = choose_window(boxes, distractors, (page.shape[1], page.shape[0]), self.window_wh, rng)
        label["img"], inside, kept = cut(page, boxes, corner, self.window_wh)
        label["ori_shape"] = label["resized_shape"] = self.window_wh[::-1]
        label["ratio_pad"] = (1.0, 1.0)
        label["bboxes"] = _centred(inside, self.window_wh)
        label["cls"] = label["cls"][: len(kept)][kept]
        _add_region(label, self._pages[index], len(self.data["names"]))
        return dict(self.update_labels_info(label))


def _generator() -> np.random.Generator:
    """A generator that follows from the seed that Ultralytics gives each loader process."""
    return np.random.default_rng(random.getrandbits(64))


def _label(page: LabelledImage, class_count: int) -> dict[str, Any]:
    """A picture's labels as Ultralytics wants them: boxes as normalised centre, width, height; a region at the end."""
    width, height = page.ground_truth.size_wh
    label: dict[str, Any] = {
        "im_file": str(page.path),
        "shape": (height, width),
        "cls": page.ground_truth.class_ids.astype(np.float32).reshape(-1, 1),
        "bboxes": _centred(page.ground_truth.xyxy, (width, height)),
        "segments": [],
        "keypoints": None,
        "normalized": True,
        "bbox_format": "xywh",
    }
    _add_region(label, page, class_count)
    return label


def _add_region(label: dict[str, Any], page: LabelledImage, class_count: int) -> None:
    """Adds all of a page that is labelled in part as a region after its marks.

    See `docdetect.training.partial_labels`. A region that `label["cls"]` has already stays, and gets its box.
    """
    if page.labelled is None:
        return
    whole = np.array([[0.5, 0.5, 1.0, 1.0]], np.float32)
    label["bboxes"] = np.concatenate([label["bboxes"], whole])
    if len(label["cls"]) < len(label["bboxes"]):
        region = np.array([[region_class(page.labelled, class_count)]], np.float32)
        label["cls"] = np.concatenate([label["cls"], region])


def bgr_pixels(path: str) -> ByteArray:
    """uint8 (H, W, 3) BGR of a picture, as Ultralytics wants it, with the pixels that `infer` sees.

    Raises:
        InputError: the picture cannot be read or decoded.
    """
    return np.asarray(cv2.cvtColor(read_picture(Path(path)).pixels, cv2.COLOR_RGB2BGR), np.uint8)


def _scaled_to(pixels: ByteArray, long_side_px: int) -> ByteArray:
    """The picture with this long side, by the arithmetic of Ultralytics, which rounds the shorter side up."""
    height, width = pixels.shape[:2]
    scale = long_side_px / max(height, width)
    if scale == 1:
        return pixels
    size_wh = (min(math.ceil(width * scale), long_side_px), min(math.ceil(height * scale), long_side_px))
    return np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_LINEAR), np.uint8)


def _centred(xyxy: FloatArray, size_wh: SizeWH) -> FloatArray:
    """(N, 4) corners in px of a picture -> float32 (N, 4) centre, width and height as shares of its size."""
    centres, sides = (xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]
    shares = np.concatenate([centres, sides], axis=1) / np.array([*size_wh, *size_wh], np.float32)
    return np.asarray(shares, np.float32)


def _resized(pixels: ByteArray, scale: float) -> ByteArray:
    if abs(scale - 1) < 1e-6:
        return pixels
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=method), np.uint8)
