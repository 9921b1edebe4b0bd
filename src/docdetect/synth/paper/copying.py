"""Decides what copying does to a page: which damage each way of copying brings, and how the sheet lies in the picture.

It also says how dark ink must be to survive the copying, so that faint marks lose their labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from docdetect.synth.ink import RGB
from docdetect.synth.paper.geometry import Geometry, before_camera, flat, on_scanner
from docdetect.types import SizeWH

# Ways of copying: a PDF made by a program, a scan in colour or grey, a 1-bit photocopy, a fax, a photograph, and a
# photostat (a photographic negative, white on black).
CopyProcess: TypeAlias = Literal["digital", "scan", "copy", "fax", "camera", "photostat"]
COPY_PROCESSES: tuple[CopyProcess, ...] = ("digital", "scan", "copy", "fax", "camera", "photostat")

# Darkening, out of 255, from which a person sees ink on clean white paper.
VISIBLE_DARKENING = 20

# Darkening, out of 255, down to which a person follows a line on clean white paper that fades.
_TRACEABLE_DARKENING = 7

# Probability that a sheet on a scanner lies exactly straight and fills the picture.
_P_STRAIGHT_SCAN = 0.12

# Probabilities that a 1-bit copy renders greys as dots, and that it is the copy of a copy.
_P_DITHERED = 0.3
_P_COPY_OF_A_COPY = 0.35

# Probability that a photograph is taken under a lamp of coloured light.
_P_LAMP = 0.45

# Probability that the picture shows a part of the sheet alone, and by how much that part is enlarged.
_P_CLOSE_UP = 0.08
_CLOSE_UPS = (1.2, 2.2)

# Probabilities of 1, 2 and 3 quarter turns of a page that is turned.
_P_QUARTER_TURNS = (0.4, 0.2, 0.4)


@dataclass(frozen=True)
class PageDamage:
    """What copying does to one page.

    Attributes:
        kind: the way of copying.
        tint: colour of the paper.
        contrast: contrast of everything on the paper, from 1 (full) to 0 (gone).
        grey: whether the picture has no colours.
        threshold: luma below which a px becomes black, in 1-bit copies; None keeps the greys.
        blur_px: standard deviation of the blur.
        resolution: resolution of the copy as a share of the page's; 1 keeps it.
        noise_std: standard deviation of the sensor's noise, in levels of 255.
        texture: depth of the paper's grain, in levels of 255.
        uneven_light: how much darker the page is where least light falls, from 0 to 1.
        specks: number of dark specks.
        edge_shadow: darkness of the shadow along one edge, from 0 to 1.
        stains, holes, folds: how many of each.
        bleed: how strongly the other side of the sheet shines through, from 0 to 1.
        jpeg_quality: JPEG quality of the picture, 0 to 100.
        surround: colour around the sheet: a scanner's lid or a desk.
        dither: how far greys are spread around the threshold of a 1-bit copy, in levels of 255; they become dots.
        generations: how many times a 1-bit copy was copied.
        light: colour of the light that falls on the page.
        negative: whether the picture is a negative, white on black.
    """

    kind: CopyProcess
    tint: RGB = (255, 255, 255)
    contrast: float = 1.0
    grey: bool = False
    threshold: int | None = None
    blur_px: float = 0.0
    resolution: float = 1.0
    noise_std: float = 0.0
    texture: float = 0.0
    uneven_light: float = 0.0
    specks: int = 0
    edge_shadow: float = 0.0
    stains: int = 0
    holes: int = 0
    folds: int = 0
    bleed: float = 0.0
    jpeg_quality: int = 95
    surround: RGB = (255, 255, 255)
    dither: int = 0
    generations: int = 1
    light: RGB = (255, 255, 255)
    negative: bool = False

    @property
    def visible_darkening(self) -> float:
        """How much ink must darken the undamaged page, out of 255, to be visible in the finished picture.

        In a 1-bit copy ink must bring the paper below the threshold; elsewhere it must stand out from the noise.
        """
        if self.threshold is not None:
            luma = 0.299 * self.tint[0] + 0.587 * self.tint[1] + 0.114 * self.tint[2]
            paper = luma * (1 - self.uneven_light * 0.5)
            # With dots, ink is seen from where a quarter of its px are black.
            needed = (paper - self.threshold - self.dither * 0.5) / (max(self.contrast, 0.05) * paper / 255)
            return float(np.clip(needed, VISIBLE_DARKENING, 250))
        needed = (VISIBLE_DARKENING + 1.2 * self.noise_std) / max(self.contrast * min(self.tint) / 255, 0.05)
        return float(min(needed, 250))

    @property
    def traceable_darkening(self) -> float:
        """How much ink must darken the undamaged page, out of 255, for a person to follow a fading line.

        A line is followed farther into noise than a lone px is seen, since its many px stand out together.
        """
        needed = (_TRACEABLE_DARKENING + 0.6 * self.noise_std) / max(self.contrast * min(self.tint) / 255, 0.05)
        return float(min(needed, self.visible_darkening))


def random_damage(rng: np.random.Generator, kind: CopyProcess) -> PageDamage:
    """The random damage of a page that is copied in this way."""
    makers = {
        "digital": _digital, "scan": _scan, "copy": _copy, "fax": _fax, "camera": _camera, "photostat": _photostat,
    }  # fmt: skip
    return makers[kind](rng)


def random_geometry(rng: np.random.Generator, kind: CopyProcess, size_wh: SizeWH, p_turned: float) -> Geometry:
    """How a sheet lies in the picture of a page that is copied in this way.

    Args:
        rng: random generator.
        kind: the way of copying.
        size_wh: (width, height) px of the sheet.
        p_turned: probability that the page is turned by 90, 180 or 270 degrees.
    """
    turns = int(rng.choice([1, 2, 3], p=_P_QUARTER_TURNS)) if rng.random() < p_turned else 0
    if kind == "camera":
        return before_camera(rng, size_wh, turns)
    if kind == "digital" or rng.random() < _P_STRAIGHT_SCAN:
        return flat(size_wh, turns)
    return on_scanner(rng, size_wh, turns)


def random_close_up(rng: np.random.Generator, kind: CopyProcess) -> float:
    """How many times larger than the whole sheet the picture shows a part of it: 1 for most pages."""
    if kind == "digital" or rng.random() >= _P_CLOSE_UP:
        return 1.0
    return float(rng.uniform(*_CLOSE_UPS))


def _digital(rng: np.random.Generator) -> PageDamage:
    """A page that was never on paper: at most it lost its colours and is a little soft."""
    grey = bool(rng.random() < 0.1)
    return PageDamage(
        "digital", grey=grey, jpeg_quality=int(rng.integers(80, 97)), blur_px=float(rng.choice([0.0, 0.0, 0.4]))
    )


def _scan(rng: np.random.Generator) -> PageDamage:
    """A scan in colour or grey."""
    return PageDamage(
        "scan",
        tint=_paper_tint(rng),
        contrast=float(np.clip(rng.normal(0.88, 0.12), 0.45, 1.0)),
        grey=bool(rng.random() < 0.3),
        blur_px=float(abs(rng.normal(0, 0.45))),
        resolution=float(rng.uniform(0.45, 0.9)) if rng.random() < 0.35 else 1.0,
        noise_std=float(abs(rng.normal(0, 3.0))),
        texture=float(abs(rng.normal(0, 1.0))),
        uneven_light=float(abs(rng.normal(0, 0.04))),
        specks=int(rng.integers(0, 25)) if rng.random() < 0.4 else 0,
        edge_shadow=float(rng.uniform(0.1, 0.8)) if rng.random() < 0.25 else 0.0,
        stains=int(rng.random() < 0.04),
        holes=int(rng.choice([0, 2, 4], p=[0.86, 0.10, 0.04])),
        folds=int(rng.choice([0, 1, 2], p=[0.86, 0.09, 0.05])),
        bleed=float(rng.uniform(0.03, 0.16)) if rng.random() < 0.12 else 0.0,
        jpeg_quality=int(rng.integers(45, 96)),
        surround=_lid(rng),
    )


def _copy(rng: np.random.Generator) -> PageDamage:
    """A photocopy, scanned with 1 bit to the px, at times with dots for greys or copied several times."""
    dithered = rng.random() < _P_DITHERED
    return PageDamage(
        "copy",
        dither=int(rng.integers(30, 100)) if dithered else 0,
        generations=int(rng.integers(2, 5)) if not dithered and rng.random() < _P_COPY_OF_A_COPY else 1,
        contrast=float(rng.uniform(0.8, 1.0)),
        grey=True,
        threshold=int(rng.integers(130, 190)) if dithered else int(rng.integers(160, 234)),
        blur_px=float(rng.uniform(0.0, 0.6)),
        noise_std=float(rng.uniform(1, 5)),
        texture=float(rng.uniform(0, 1.5)),
        uneven_light=float(abs(rng.normal(0, 0.05))),
        specks=int(10 ** rng.uniform(0, 3.0)),
        edge_shadow=float(rng.uniform(0.3, 1.0)) if rng.random() < 0.45 else 0.0,
        holes=int(rng.choice([0, 2, 3], p=[0.7, 0.2, 0.1])),
        folds=int(rng.random() < 0.1),
        jpeg_quality=int(rng.integers(70, 96)),
        surround=_lid(rng),
    )


def _fax(rng: np.random.Generator) -> PageDamage:
    """A fax, with 1 bit to the px and at times a lower resolution."""
    return PageDamage(
        "fax",
        grey=True,
        threshold=int(rng.integers(190, 234)),
        blur_px=float(rng.uniform(0.0, 0.4)),
        resolution=float(rng.uniform(0.75, 1.0)),
        noise_std=float(rng.uniform(1, 5)),
        specks=int(10 ** rng.uniform(0.5, 2.5)),
        jpeg_quality=int(rng.integers(70, 96)),
    )


def _camera(rng: np.random.Generator) -> PageDamage:
    """A photograph of a sheet on a desk, by daylight or under a lamp."""
    return PageDamage(
        "camera",
        light=_lamp(rng) if rng.random() < _P_LAMP else (255, 255, 255),
        tint=_paper_tint(rng),
        contrast=float(rng.uniform(0.65, 0.98)),
        grey=bool(rng.random() < 0.08),
        blur_px=float(rng.uniform(0.2, 1.1)),
        resolution=float(rng.uniform(0.55, 0.95)) if rng.random() < 0.3 else 1.0,
        noise_std=float(rng.uniform(1, 7)),
        texture=float(rng.uniform(0, 3)),
        uneven_light=float(rng.uniform(0.08, 0.42)),
        stains=int(rng.random() < 0.06),
        folds=int(rng.choice([0, 1, 2, 3], p=[0.55, 0.2, 0.15, 0.1])),
        jpeg_quality=int(rng.integers(45, 93)),
        surround=_desk(rng),
    )


def _photostat(rng: np.random.Generator) -> PageDamage:
    """A photographic negative of a page: white print on dark, often bluish or brownish paper with stains and noise."""
    return PageDamage(
        "photostat",
        tint=(255, 255, 255),
        contrast=float(rng.uniform(0.55, 0.95)),
        grey=True,
        blur_px=float(rng.uniform(0.2, 0.9)),
        noise_std=float(rng.uniform(1, 7)),
        texture=float(rng.uniform(0, 4)),
        uneven_light=float(rng.uniform(0.0, 0.2)),
        specks=int(rng.integers(0, 60)),
        holes=int(rng.choice([0, 2], p=[0.6, 0.4])),
        folds=int(rng.random() < 0.15),
        jpeg_quality=int(rng.integers(50, 93)),
        surround=_lid(rng),
        light=((255, 255, 255), (226, 236, 255), (255, 240, 220))[int(rng.integers(3))],
        negative=True,
    )


def _lamp(rng: np.random.Generator) -> RGB:
    """The colour of a lamp's light: yellow from bulbs, bluish or greenish from tubes."""
    base = ((255, 226, 176), (255, 240, 206), (222, 236, 255), (232, 255, 232))[
        int(rng.choice(4, p=[0.4, 0.3, 0.2, 0.1]))
    ]
    red, green, blue = (int(np.clip(value + rng.normal(0, 8), 120, 255)) for value in base)
    return red, green, blue


def _paper_tint(rng: np.random.Generator) -> RGB:
    """The colour of paper: mostly white, often cream or greyish, seldom coloured."""
    uniform = rng.random()
    if uniform < 0.7:
        level = int(rng.integers(248, 256))
        return level, level, level
    if uniform < 0.9:
        level = int(rng.integers(225, 252))
        return min(255, level + int(rng.integers(0, 8))), level, max(0, level - int(rng.integers(0, 22)))
    if rng.random() < 0.5:
        red, green, blue = (int(value) for value in rng.integers(205, 252, 3))
        return red, green, blue
    # Carbon copies, forms and duty papers come in strong colours, and old paper is brown.
    bases = ((236, 196, 198), (246, 232, 170), (196, 226, 200), (190, 214, 236), (222, 204, 170), (214, 206, 232))
    red, green, blue = (int(np.clip(value + rng.normal(0, 9), 120, 255)) for value in bases[int(rng.integers(6))])
    return red, green, blue


def _desk(rng: np.random.Generator) -> RGB:
    """The colour of a desk: wood, grey plastic, a dark table, a light cloth."""
    colours = ((150, 112, 74), (96, 66, 44), (128, 128, 126), (48, 48, 52), (205, 200, 190), (70, 84, 104))
    shade = rng.normal(0, 16) + rng.normal(0, 6, 3)
    red, green, blue = (
        int(value) for value in np.clip(np.array(colours[int(rng.integers(len(colours)))]) + shade, 5, 250)
    )
    return red, green, blue


def _lid(rng: np.random.Generator) -> RGB:
    """The colour that a scanner sees beside the sheet: its white lid, or darkness when the lid stands open."""
    level = int(rng.integers(235, 256)) if rng.random() < 0.75 else int(rng.integers(0, 70))
    return level, level, level
