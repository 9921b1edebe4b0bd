"""Several views of one page: the whole page, the page turned or smaller, and tiles of a large page.

Every view is one picture for the network. The detections of all views come back in pixels of the page as displayed,
each mark once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np

from docdetect.boxes import clip, contained, iou, turned_back
from docdetect.documents.flattening import FlatSheet
from docdetect.inference.multi_view.fusion import fuse
from docdetect.inference.multi_view.tiling import tile_boxes
from docdetect.models.engines.base import Engine
from docdetect.models.letterbox import PADDING_VALUE
from docdetect.types import BoolArray, ByteArray, Detections, FloatArray, IntArray
from docdetect.weighted_fusion import LOWEST_OF_SEVERAL_LOOKS, is_unsure, mean_of_looks

UPRIGHT = (0,)
"""The orientations of a page that is seen only as it is displayed, in quarter turns counter-clockwise."""

SIDEWAYS = (0, 1, 3)
"""The orientations of a page whose text runs up or down: as displayed, and turned both ways."""

EVERY_WAY = (0, 1, 2, 3)
"""All four orientations of a page."""

# A possible mark is a second box of a mark that counts where their IoU, or the share of the one inside the other, is
# over these values.
_SECOND_BOX_IOU = 0.3
_SECOND_BOX_INSIDE_FRAC = 0.6


@dataclass(frozen=True)
class PagePictures:
    """What a page is rendered to: for the network in all the views that it needs, and for people.

    Attributes:
        pixels: uint8 (H, W, 3) RGB, the whole page at the size that the network sees.
        enlarged: uint8 (H, W, 3) RGB, the same page rendered larger, to be cut into tiles; None where no tiles are
            needed.
        turns: the orientations that the page is seen in, in quarter turns counter-clockwise.
        drawn: uint8 (H, W, 3) RGB, the page that boxes are drawn on for people; None where `pixels` is as good or no
            page is drawn.
        clean: uint8 (H, W, 3) RGB, the page at the size that boxes refer to; None where it is not kept.
        flat: how the sheet of paper that `pixels` and `enlarged` show lies in the page, where the page is a photograph
            and the sheet was laid flat for the network; None where they show the page as displayed.
        usual_frac: largest size at which the network sees the page, as a share of its usual size; below 1 for small
            pictures, which are not enlarged to the usual size.
    """

    pixels: ByteArray
    enlarged: ByteArray | None = None
    turns: tuple[int, ...] = UPRIGHT
    drawn: ByteArray | None = None
    clean: ByteArray | None = None
    flat: FlatSheet | None = None
    usual_frac: float = 1.0

    @property
    def size_wh(self) -> tuple[int, int]:
        """(width, height) of `pixels`."""
        return self.pixels.shape[1], self.pixels.shape[0]


@dataclass(frozen=True)
class View:
    """One picture that the network sees of a page.

    Attributes:
        turns: quarter turns counter-clockwise by which the page is turned.
        tile: (4,) px, left, top, right, bottom of a tile on the enlarged page; None for the whole page.
        scale: size of the page in the picture, as a share of its usual size; 1 for tiles. A smaller page lies in a
            corner of a picture of the usual size, whose rest is grey; engines that leave out blank margins do not
            compute the rest.
    """

    turns: int = 0
    tile: IntArray | None = None
    scale: float = 1.0

    def picture(self, page: PagePictures) -> ByteArray:
        """The picture for the network, uint8 (H, W, 3) RGB."""
        pixels = page.pixels
        if self.tile is not None:
            assert page.enlarged is not None
            left, top, right, bottom = self.tile.tolist()
            pixels = page.enlarged[top:bottom, left:right]
        if self.scale < 1:
            width, height = (max(1, round(side * self.scale)) for side in page.size_wh)
            small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
            pixels = np.full_like(pixels, PADDING_VALUE)
            pixels[:height, :width] = small
        return np.ascontiguousarray(np.rot90(pixels, self.turns))

    def back_on_page(self, found: Detections, page: PagePictures) -> Detections:
        """Detections in px of this view's picture -> in px of the enlarged page, or of `pixels` where there is none."""
        size_wh = found.size_wh if self.turns % 2 == 0 else found.size_wh[::-1]
        xyxy = turned_back(found.xyxy, self.turns, size_wh)
        if self.scale < 1:
            xyxy = clip((xyxy / self.scale).astype(np.float32), size_wh)
        if page.enlarged is None:
            return Detections(xyxy, found.class_ids, size_wh, found.scores)
        enlarged_wh = page.enlarged.shape[1], page.enlarged.shape[0]
        if self.tile is None:
            return Detections(xyxy, found.class_ids, size_wh, found.scores).scaled(enlarged_wh)
        origin = np.array([*self.tile[:2], *self.tile[:2]], np.float32)
        return Detections(xyxy + origin, found.class_ids, enlarged_wh, found.scores)


@dataclass(frozen=True)
class Found:
    """What the network finds on one page, in px of one picture of the page.

    Attributes:
        marks: the detections that reach the threshold of their class.
        possible_marks: possible marks below that threshold that a person should check; None where none are asked for.
        screened_out: whether a smaller network saw nothing on the page, so that the network itself never saw the page.
    """

    marks: Detections
    possible_marks: Detections | None = None
    screened_out: bool = False


@dataclass(frozen=True)
class MultiView:
    """Runs the network on every view that a page needs, and fuses the detections of the views.

    Attributes:
        engine: runs the network.
        conf: lowest score of a detection that counts, for each class, float32 (C,) in [0, 1].
        check_conf: lowest score of a possible mark that a person should check, for each class; None for none.
        iou: IoU of the non-maximum suppression within one view, in [0, 1].
        batch: most pictures in one call of the engine.
        stop: once this event is set, the network is given no further picture.
        scales: sizes at which whole pages are seen, as shares of the usual size, beginning with 1; with several, a
            mark has the mean of the scores that it gets at all sizes.
        second_look: pages are seen at the smallest size first, and at the other sizes only where a detection at the
            smallest size was neither sure nor negligible.
        screen: runs a smaller network that looks first, at all views of a page at the usual size; the pages on which it
            sees nothing have no detections. None for no such network.
        screen_conf: lowest score at which that network sees something, in [0, 1].
    """

    engine: Engine
    conf: FloatArray
    check_conf: FloatArray | None
    iou: float
    batch: int
    stop: threading.Event
    scales: tuple[float, ...] = (1.0,)
    second_look: bool = False
    screen: Engine | None = None
    screen_conf: float = 0.0

    def __call__(self, pages: Sequence[PagePictures]) -> list[Found]:
        """What the network finds on each page, in px of its `pixels`.

        A page that needs a single view gets exactly the detections of that view; `fusion.py` describes what happens
        to the detections of several.

        Raises:
            CancelledError: `stop` was set before all pictures were through the network.
        """
        if self.screen is None:
            return self._found_on(pages)
        seen = self._see(pages, [views_of(page) for page in pages], self.screen, self.screen_conf)
        kept = [any(len(one) for one in of_page) for of_page in seen]
        found = iter(self._found_on([page for page, is_kept in zip(pages, kept, strict=True) if is_kept]))
        none = [Found(Detections.none(page.size_wh), screened_out=True) for page in pages]
        return [next(found) if is_kept else empty for is_kept, empty in zip(kept, none, strict=True)]

    def _found_on(self, pages: Sequence[PagePictures]) -> list[Found]:
        """What the network itself finds on pages, whatever a smaller one saw there; see `__call__`."""
        if not self.second_look:
            views = [views_of(page, self.scales) for page in pages]
            found = self._see(pages, views)
            return [self._on_page(*one) for one in zip(pages, views, found, strict=True)]
        *larger, smallest = self.scales
        views = [[View(turns, None, min(smallest, page.usual_frac)) for turns in page.turns] for page in pages]
        found = self._see(pages, views)
        scales: list[tuple[float, ...]] = [(smallest,)] * len(pages)
        again = [number for number, page in enumerate(pages) if page.enlarged is not None or is_unsure(found[number])]
        more = [views_of(pages[number], larger) for number in again]
        for number, others, seen in zip(again, more, self._see([pages[n] for n in again], more), strict=True):
            views[number] += others
            found[number] += seen
            scales[number] = self.scales
        return [self._on_page(*one) for one in zip(pages, views, found, scales, strict=True)]

    def _see(
        self,
        pages: Sequence[PagePictures],
        views: Sequence[Sequence[View]],
        engine: Engine | None = None,
        conf: float | None = None,
    ) -> list[list[Detections]]:
        """The detections of every view of every page, with another engine and threshold where they are given.

        Raises CancelledError, see `__call__`.
        """
        lowest = self._lowest() if conf is None else conf
        pictures = [(page, view) for page, of_page in zip(pages, views, strict=True) for view in of_page]
        found: list[Detections] = []
        for start in range(0, len(pictures), self.batch):
            if self.stop.is_set():
                raise CancelledError
            batch = [view.picture(page) for page, view in pictures[start : start + self.batch]]
            found += (engine or self.engine).detect(batch, lowest, self.iou)
        rest = iter(found)
        return [list(islice(rest, len(of_page))) for of_page in views]

    def _lowest(self) -> float:
        """The lowest of all thresholds."""
        every = self.conf if self.check_conf is None else np.minimum(self.conf, self.check_conf)
        lowest = float(every.min())
        return lowest if len(self.scales) == 1 else min(lowest, LOWEST_OF_SEVERAL_LOOKS)

    def _on_page(
        self,
        page: PagePictures,
        views: Sequence[View],
        found: Sequence[Detections],
        scales: tuple[float, ...] | None = None,
    ) -> Found:
        """Detections and possible marks of one page. Possible marks have no influence on the detections."""
        if len(self.scales) > 1:
            return self._of_several_scales(page, views, found, scales or self.scales)
        counted = _fused_on_page(page, views, [_reaching(one, self.conf) for one in found])
        if self.check_conf is None:
            return Found(counted)
        every = _fused_on_page(page, views, [_reaching(one, self.check_conf) for one in found])
        possible = every.select(~_reaches(every, self.conf))
        return Found(counted, possible.select(~_beside(possible, counted)))

    def _of_several_scales(
        self,
        page: PagePictures,
        views: Sequence[View],
        found: Sequence[Detections],
        scales: tuple[float, ...],
    ) -> Found:
        """As `_on_page`, with the means over all sizes. Tiles belong to the usual size."""
        by_scale = []
        for scale in scales:
            seen_at = min(scale, page.usual_frac)
            chosen = [(view, one) for view, one in zip(views, found, strict=True) if view.scale == seen_at]
            by_scale.append(_fused_on_page(page, [view for view, _ in chosen], [one for _, one in chosen]))
        every = mean_of_looks(by_scale)
        counted = _reaching(every, self.conf)
        if self.check_conf is None:
            return Found(counted)
        possible = _reaching(every.select(~_reaches(every, self.conf)), self.check_conf)
        return Found(counted, possible.select(~_beside(possible, counted)))


def _reaches(found: Detections, conf: FloatArray) -> BoolArray:
    return np.asarray(found.known_scores >= conf[found.class_ids])


def _reaching(found: Detections, conf: FloatArray) -> Detections:
    return found.select(_reaches(found, conf))


def _beside(possible: Detections, counted: Detections) -> BoolArray:
    """(N,) True for possible marks that are a second box of a mark that counts."""
    alike = possible.class_ids[:, None] == counted.class_ids[None]
    overlapping = iou(possible.xyxy, counted.xyxy) > _SECOND_BOX_IOU
    within = contained(possible.xyxy, counted.xyxy) > _SECOND_BOX_INSIDE_FRAC
    around = contained(counted.xyxy, possible.xyxy).T > _SECOND_BOX_INSIDE_FRAC
    return np.asarray((alike & (overlapping | within | around)).any(axis=1), bool)


def views_of(page: PagePictures, scales: Sequence[float] = (1.0,)) -> list[View]:
    """The views that a page needs: in each of its orientations the whole page at each scale, and its tiles.

    No scale is larger than the page's `usual_frac`; scales that become the same are seen once.
    """
    scales = tuple(dict.fromkeys(min(scale, page.usual_frac) for scale in scales))
    tiles: list[IntArray] = []
    if page.enlarged is not None:
        tiles = list(tile_boxes((page.enlarged.shape[1], page.enlarged.shape[0]), max(page.size_wh)))
    return [
        view
        for turns in page.turns
        for view in (*(View(turns, None, scale) for scale in scales), *(View(turns, tile) for tile in tiles))
    ]


def _fused_on_page(page: PagePictures, views: Sequence[View], found: Sequence[Detections]) -> Detections:
    """The detections of all views of one page, in px of its `pixels`."""
    if len(views) == 1 and views[0].turns == 0 and views[0].scale == 1:
        return found[0]
    on_page = [view.back_on_page(one, page) for view, one in zip(views, found, strict=True)]
    return fuse(on_page, [view.tile for view in views]).scaled(page.size_wh)
