"""What copying does to a page: how each way of copying is drawn by lot, and how faint ink may be to survive it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from docdetect.synth.paper.geometry import Geometry, before_camera, flat, on_glass
from docdetect.types import SizeWH

RGB: TypeAlias = tuple[int, int, int]
PaperKind: TypeAlias = Literal["digital", "scan", "copy", "fax", "camera"]
PAPER_KINDS: tuple[PaperKind, ...] = ("digital", "scan", "copy", "fax", "camera")
_SEEN = 20  # darkening, out of 255, from which a person sees ink on clean paper


@dataclass(frozen=True)
class Finish:
    """The damage of one page.

    Attributes:
        kind: the way of copying.
        tint: colour of the paper.
        ink: contrast of all that is on the paper, 1 full, 0 gone.
        grey: no colours.
        threshold: luma below which a px is black, in 1-bit copies; None keeps greys.
        blur_px: standard deviation of the blur.
        coarse: resolution as a share of the page's; 1 keeps it.
        noise: standard deviation of sensor noise.
        texture: depth of the paper's grain.
        shade: depth of uneven light over the page, 0 to 1.
        dirt: specks per page.
        edge: darkness of the shadow along the copier's edges, 0 to 1.
        stains, holes, folds: how many.
        bleed: strength of the other side of the sheet that shines through, 0 to 1.
        quality: JPEG quality of the picture.
        desk: colour around the sheet.
    """

    kind: PaperKind
    tint: RGB = (255, 255, 255)
    ink: float = 1.0
    grey: bool = False
    threshold: int | None = None
    blur_px: float = 0.0
    coarse: float = 1.0
    noise: float = 0.0
    texture: float = 0.0
    shade: float = 0.0
    dirt: int = 0
    edge: float = 0.0
    stains: int = 0
    holes: int = 0
    folds: int = 0
    bleed: float = 0.0
    quality: int = 95
    desk: RGB = (255, 255, 255)

    @property
    def floor(self) -> float:
        """The darkening, out of 255 as the page is put together, from which ink is seen in the finished picture.

        In 1-bit copies ink must bring the paper below the threshold; elsewhere it must stand out from the noise.
        """
        if self.threshold is not None:
            paper = (0.299 * self.tint[0] + 0.587 * self.tint[1] + 0.114 * self.tint[2]) * (1 - self.shade * 0.5)
            return float(np.clip((paper - self.threshold) / (max(self.ink, 0.05) * paper / 255), _SEEN, 250))
        return float(min((_SEEN + 1.2 * self.noise) / max(self.ink * min(self.tint) / 255, 0.05), 250))


def draw_finish(rng: np.random.Generator, kind: PaperKind) -> Finish:
    """A random page of a way of copying."""
    return {"digital": _digital, "scan": _scan, "copy": _copy, "fax": _fax, "camera": _camera}[kind](rng)


def draw_geometry(rng: np.random.Generator, kind: PaperKind, size_wh: SizeWH, turned: float) -> Geometry:
    """How the sheet of `size_wh` px lies in the picture; `turned` is the chance of a quarter or half turn."""
    turns = int(rng.choice([1, 2, 3], p=[0.4, 0.2, 0.4])) if rng.random() < turned else 0
    if kind == "camera":
        return before_camera(rng, size_wh, turns)
    if kind == "digital" or rng.random() < 0.12:
        return flat(size_wh, turns)
    return on_glass(rng, size_wh, turns)


def _digital(rng: np.random.Generator) -> Finish:
    grey = bool(rng.random() < 0.1)
    return Finish("digital", grey=grey, quality=int(rng.integers(80, 97)), blur_px=float(rng.choice([0.0, 0.0, 0.4])))


def _scan(rng: np.random.Generator) -> Finish:
    return Finish(
        "scan",
        tint=_paper_tint(rng),
        ink=float(np.clip(rng.normal(0.88, 0.12), 0.45, 1.0)),
        grey=bool(rng.random() < 0.3),
        blur_px=float(abs(rng.normal(0, 0.45))),
        coarse=float(rng.uniform(0.45, 0.9)) if rng.random() < 0.35 else 1.0,
        noise=float(abs(rng.normal(0, 3.0))),
        texture=float(abs(rng.normal(0, 1.0))),
        shade=float(abs(rng.normal(0, 0.04))),
        dirt=int(rng.integers(0, 25)) if rng.random() < 0.4 else 0,
        edge=float(rng.uniform(0.1, 0.8)) if rng.random() < 0.25 else 0.0,
        stains=int(rng.random() < 0.04),
        holes=int(rng.choice([0, 2, 4], p=[0.86, 0.10, 0.04])),
        folds=int(rng.choice([0, 1, 2], p=[0.86, 0.09, 0.05])),
        bleed=float(rng.uniform(0.03, 0.16)) if rng.random() < 0.12 else 0.0,
        quality=int(rng.integers(45, 96)),
        desk=_lid(rng),
    )


def _copy(rng: np.random.Generator) -> Finish:
    return Finish(
        "copy",
        ink=float(rng.uniform(0.8, 1.0)),
        grey=True,
        threshold=int(rng.integers(186, 234)),
        blur_px=float(rng.uniform(0.0, 0.6)),
        noise=float(rng.uniform(1, 5)),
        texture=float(rng.uniform(0, 1.5)),
        shade=float(abs(rng.normal(0, 0.05))),
        dirt=int(10 ** rng.uniform(0, 3.0)),
        edge=float(rng.uniform(0.3, 1.0)) if rng.random() < 0.45 else 0.0,
        holes=int(rng.choice([0, 2, 3], p=[0.7, 0.2, 0.1])),
        folds=int(rng.random() < 0.1),
        quality=int(rng.integers(70, 96)),
        desk=_lid(rng),
    )


def _fax(rng: np.random.Generator) -> Finish:
    return Finish(
        "fax",
        grey=True,
        threshold=int(rng.integers(190, 234)),
        blur_px=float(rng.uniform(0.0, 0.4)),
        coarse=float(rng.uniform(0.75, 1.0)),
        noise=float(rng.uniform(1, 5)),
        dirt=int(10 ** rng.uniform(0.5, 2.5)),
        quality=int(rng.integers(70, 96)),
    )


def _camera(rng: np.random.Generator) -> Finish:
    return Finish(
        "camera",
        tint=_paper_tint(rng),
        ink=float(rng.uniform(0.65, 0.98)),
        grey=bool(rng.random() < 0.08),
        blur_px=float(rng.uniform(0.2, 1.1)),
        coarse=float(rng.uniform(0.55, 0.95)) if rng.random() < 0.3 else 1.0,
        noise=float(rng.uniform(1, 7)),
        texture=float(rng.uniform(0, 3)),
        shade=float(rng.uniform(0.08, 0.42)),
        stains=int(rng.random() < 0.06),
        folds=int(rng.choice([0, 1, 2, 3], p=[0.55, 0.2, 0.15, 0.1])),
        quality=int(rng.integers(45, 93)),
        desk=_desk(rng),
    )


def _paper_tint(rng: np.random.Generator) -> RGB:
    """Mostly white, often cream or greyish, seldom coloured."""
    chance = rng.random()
    if chance < 0.7:
        level = int(rng.integers(248, 256))
        return level, level, level
    if chance < 0.9:
        level = int(rng.integers(225, 252))
        return min(255, level + int(rng.integers(0, 8))), level, max(0, level - int(rng.integers(0, 22)))
    red, green, blue = (int(value) for value in rng.integers(205, 252, 3))
    return red, green, blue


def _desk(rng: np.random.Generator) -> RGB:
    """Wood, grey plastic, a dark table, a light cloth."""
    woods = ((150, 112, 74), (96, 66, 44), (128, 128, 126), (48, 48, 52), (205, 200, 190), (70, 84, 104))
    shade = rng.normal(0, 16) + rng.normal(0, 6, 3)
    red, green, blue = (int(value) for value in np.clip(np.array(woods[int(rng.integers(len(woods)))]) + shade, 5, 250))
    return red, green, blue


def _lid(rng: np.random.Generator) -> RGB:
    """What a scanner sees beside the sheet: its white lid, or darkness when it stands open."""
    level = int(rng.integers(235, 256)) if rng.random() < 0.75 else int(rng.integers(0, 70))
    return level, level, level
