"""`docdetect cutouts`: cuts the marks of labelled pages out and writes the folder of cut-outs.

The same pages, labels and settings give the same bytes. A folder that was made from them is left as it is, with all
that people changed in its list.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from docdetect.config.schema import CutoutsConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.split import PageKey
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.codes import read_code
from docdetect.documents.document import Document
from docdetect.documents.page_names import page_stem
from docdetect.documents.pictures import NATIVE
from docdetect.documents.sizes import AtDpi, LongSide, RenderSize
from docdetect.errors import OutputExistsError
from docdetect.files import read_json, sha256_text, staged_folder, write_bytes, write_json, write_text
from docdetect.machine import available_cores
from docdetect.synth.cutouts.folder import (
    LEFT_OUT_NAME,
    LIST_NAME,
    SETTINGS_NAME,
    SHEET_NAME,
    Cutout,
    LeftOut,
    category_folder,
    left_out_text,
    list_text,
    picture_bytes,
    read_list,
)
from docdetect.synth.cutouts.on_paper import mm_per_pixel
from docdetect.synth.cutouts.pages import labelled_pages
from docdetect.synth.cutouts.pieces import BoxPx
from docdetect.synth.cutouts.selection import Reason, cut_mark
from docdetect.synth.cutouts.sheet import sheet_html
from docdetect.types import Detections, FailedPage, PageInfo
from docdetect.workers.parts import WorkerSettings

# Goes up whenever the same pages give other cut-outs than before.
_VERSION = 2

# Settings that do not change what a cut-out looks like. Pages and labels count by their contents, not by their path.
_WITHOUT_EFFECT = {"data", "source", "annotations", "output", "splits", "overwrite", "workers"}


@dataclass(frozen=True)
class CutReport:
    """What `cut_out` did.

    Attributes:
        folder: the folder of cut-outs.
        unchanged: whether the folder held the very cut-outs before, so that nothing was written.
        found: category -> number of cut-outs.
        kept: category -> how many of them are kept; the others have a low quality, or people took them out.
        left_out: reason -> number of marks that were not cut out.
        failures: documents and pages that could not be read.
        notes: sentences about what is odd.
    """

    folder: Path
    unchanged: bool
    found: dict[str, int]
    kept: dict[str, int]
    left_out: dict[str, int]
    failures: tuple[FailedPage, ...] = ()
    notes: tuple[str, ...] = ()


def cut_out(settings: CutoutsConfig, on_progress: ProgressCallback = no_progress) -> CutReport:
    """Cuts the marks out of the pages that the settings name.

    Raises:
        ConfigError: settings that exclude each other, categories that are no class.
        InputError: pages or labels cannot be read.
        OutputExistsError: the folder holds other cut-outs and `overwrite` is off, or files that are no cut-outs.
        OutputError: the folder cannot be written.
    """
    folder = Path(settings.output)
    workers = WorkerSettings(workers=settings.workers or available_cores())
    pages = labelled_pages(settings, workers, on_progress)
    wanted = content_hash(settings, pages.digest)
    if _is_current(folder, wanted, overwrite=settings.overwrite):
        stored = read_json(folder / SETTINGS_NAME)
        return _report(folder, read_list(folder), stored["left_out"], pages.failures, pages.notes, unchanged=True)
    work = CutWork(pages.labels, pages.class_names, settings)
    cutouts: list[Cutout] = []
    left_out: list[LeftOut] = []
    failures = list(pages.failures)
    with staged_folder(folder) as staging:
        for done, outcome in enumerate(iter_pages(pages.files, work, workers), start=1):
            if not isinstance(outcome, PageOutcome):
                if outcome.failure is not None:
                    failures.append(FailedPage(outcome.file.name, None, outcome.failure))
                continue
            key = PageKey(outcome.file.name, outcome.number)
            if outcome.failure is not None and key in pages.labels:
                failures.append(FailedPage(outcome.file.name, outcome.number, outcome.failure))
            if outcome.value is None:
                continue
            shown = pages.shown.get(key, key)
            for number, cut in enumerate(outcome.value, start=1):
                if isinstance(cut, CutPicture):
                    name = f"{page_stem(key.document, key.page)}_{number:02d}.{settings.format}"
                    file = f"{category_folder(cut.category)}/{name}"
                    write_bytes(staging / file, cut.data)
                    cutouts.append(cut.listed(file, shown, least_quality=settings.quality))
                else:
                    left_out.append(LeftOut(cut.category, shown.document, shown.page, cut.box, cut.reason))
            on_progress(done, 2 * len(pages.files), f"{len(cutouts)} cut-outs")
        reasons = dict(Counter(one.reason for one in left_out).most_common())
        listed = list_text(cutouts)
        write_text(staging / LIST_NAME, listed)
        write_text(staging / LEFT_OUT_NAME, left_out_text(left_out))
        write_text(staging / SHEET_NAME, sheet_html(cutouts, listed, reasons))
        kept_settings = settings.model_dump(mode="json", exclude=_WITHOUT_EFFECT)
        write_json(staging / SETTINGS_NAME, {"content_hash": wanted, "settings": kept_settings, "left_out": reasons})
    return _report(folder, cutouts, reasons, tuple(failures), pages.notes, unchanged=False)


def content_hash(settings: CutoutsConfig, pages_digest: str) -> str:
    """SHA-256 of everything that decides which cut-outs there are and what they look like."""
    data = settings.model_dump(mode="json", exclude=_WITHOUT_EFFECT)
    return sha256_text(json.dumps([_VERSION, data, pages_digest], sort_keys=True))


@dataclass(frozen=True)
class CutPicture:
    """A cut-out as a process hands it over: the bytes of its file, and what the list says of it."""

    category: str
    data: bytes
    box: BoxPx
    page_wh: tuple[int, int]
    size_mm: tuple[float, float]
    colour: str
    quality: float
    text: str

    def listed(self, file: str, shown: PageKey, *, least_quality: float) -> Cutout:
        """The line of the list; a cut-out whose quality is lower than `least_quality` is not kept."""
        return Cutout(
            file, self.category, shown.document, shown.page, self.box, self.page_wh, self.size_mm, self.colour,
            self.quality, self.quality >= least_quality, self.text,
        )  # fmt: skip


@dataclass(frozen=True)
class NotCut:
    """A mark that was not cut out."""

    category: str
    box: BoxPx
    reason: str


@dataclass(frozen=True)
class CutWork:
    """The PageWork that cuts the marks out of one page; None for pages without marks.

    Attributes:
        labels: page -> boxes.
        class_names: in the order of their ids.
        settings: the section `cutouts` of the configuration.
    """

    labels: Mapping[PageKey, Detections]
    class_names: tuple[str, ...]
    settings: CutoutsConfig

    def __call__(self, document: Document, number: int) -> list[CutPicture | NotCut] | None:
        """The marks of page `number` (from 1), in the order of their labels."""
        info = document.page_info(number, AtDpi(self.settings.dpi))
        boxes = self.labels.get(PageKey(info.document, number))
        if boxes is None:
            return None
        page = document.render(number, self._size(document, info))
        boxes = boxes.scaled(page.info.size_wh)
        mm_per_px = mm_per_pixel(page.info, document.stored_long_px(number))
        marks = [(int(class_id), _whole_px(box)) for class_id, box in zip(boxes.class_ids, boxes.xyxy, strict=True)]
        result: list[CutPicture | NotCut] = []
        for position, (class_id, box) in enumerate(marks):
            category = self.class_names[class_id]
            if self.settings.categories and category not in self.settings.categories:
                continue
            others = [other for index, (_, other) in enumerate(marks) if index != position]
            same = [other for other_id, other in marks[:position] if other_id == class_id]
            code = category in self.settings.codes
            cut = cut_mark(page.pixels, box, others, same, handwritten=category in self.settings.handwritten, code=code)
            if isinstance(cut, Reason):
                result.append(NotCut(category, box, cut.value))
                continue
            text = read_code(page.pixels, boxes.xyxy[position]) if code else None
            size_mm = (cut.box[2] - cut.box[0]) * mm_per_px, (cut.box[3] - cut.box[1]) * mm_per_px
            data = picture_bytes(cut.rgba, self.settings.format)
            result.append(
                CutPicture(category, data, cut.box, page.info.size_wh, size_mm, cut.colour, cut.quality, text or "")
            )
        return result

    def _size(self, document: Document, info: PageInfo) -> RenderSize:
        """The size at which a page is looked at: a picture's own, or `dpi` for a PDF whose scan is not coarser."""
        if info.size_pt is None:
            return NATIVE
        stored = document.stored_long_px(info.number)
        return LongSide(stored) if stored is not None and stored < max(info.size_wh) else AtDpi(self.settings.dpi)


def _whole_px(box: np.ndarray) -> BoxPx:
    left, top = (int(value) for value in np.floor(box[:2]))
    right, bottom = (int(value) for value in np.ceil(box[2:]))
    return left, top, right, bottom


def _is_current(folder: Path, wanted: str, *, overwrite: bool) -> bool:
    """Whether the folder holds the wanted cut-outs already; False when it may be made now.

    Raises:
        OutputExistsError: the folder holds other cut-outs and `overwrite` is off, or anything that is no cut-out.
    """
    if not folder.exists() and not folder.is_symlink():
        return False
    if folder.is_dir() and not any(folder.iterdir()):
        return False
    marker = folder / SETTINGS_NAME
    if not marker.is_file() or not (folder / LIST_NAME).is_file():
        raise OutputExistsError(
            f"{folder}: exists and is no folder of cut-outs",
            "It is not touched, not even with --overwrite: choose another folder with --output.",
        )
    if read_json(marker).get("content_hash") == wanted and not overwrite:
        return True
    own = {LIST_NAME, LEFT_OUT_NAME, SHEET_NAME, SETTINGS_NAME, *(one.file for one in read_list(folder))}
    names = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if not path.is_dir())
    strangers = [name for name in names if name not in own]
    if strangers:
        raise OutputExistsError(
            f"{folder}: holds files that its list does not name, such as {strangers[0]}",
            "They would be lost: move them elsewhere, or choose another folder with --output.",
        )
    if not overwrite:
        raise OutputExistsError(
            f"{folder}: holds cut-outs of other pages or settings",
            "Choose another folder with --output, or add --overwrite to replace them and what was decided about them.",
        )
    return False


def _report(
    folder: Path,
    cutouts: Sequence[Cutout],
    left_out: dict[str, int],
    failures: tuple[FailedPage, ...],
    notes: tuple[str, ...],
    *,
    unchanged: bool,
) -> CutReport:
    found = Counter(one.category for one in cutouts)
    kept = Counter(
        one.category for one in cutouts if one.keep and (unchanged is False or (folder / one.file).is_file())
    )
    ordered = sorted(found)
    return CutReport(
        folder, unchanged, {name: found[name] for name in ordered}, {name: kept[name] for name in ordered}, left_out,
        failures, notes,
    )  # fmt: skip
