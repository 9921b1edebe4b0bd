"""Cut-outs of real marks as a source of marks for made-up pages: turned, scaled, in another ink, faded.

`docdetect cutouts` makes the folder. The cut-outs stand in for drawn signatures, stamps and codes wherever
`placement.py` puts these, so that they are damaged, labelled and measured as drawn marks are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image

from docdetect.config.schema import SynthConfig
from docdetect.errors import InputError
from docdetect.synth.cutouts.folder import LIST_NAME, Cutout, decode_rgba, read_kept
from docdetect.synth.ink import pen_ink, stamp_ink
from docdetect.synth.patch import MIN_INK_ALPHA, Patch, faded, reinked, resized, stretched, turned
from docdetect.types import ByteArray

Place: TypeAlias = Literal["signature", "stamp", "qr"]
"""Where a mark belongs on a page: on a line to sign on, beside it and anywhere, in the place of a code."""

# Size of a mark beside its size where it was cut out: the limits of a uniform draw of its logarithm.
_SCALES = (0.75, 1.35)

# Enlargement up to which a cut-out is still sharp enough for a page of higher resolution.
_MOST_ENLARGED = 2.0

# How much a mark is stretched to one side: standard deviation of the logarithm of its aspect.
_STRETCH = 0.06

# Tries to find a cut-out that suits a place before the mark is drawn instead.
_TRIES = 4

# Deviation of the angle of signatures and of straight stamps, in degrees.
_SIGNATURE_DEGREES, _STAMP_DEGREES = 4.0, 5.0

# Probabilities that a stamp lies at a larger angle, of up to 35 degrees, and that it lies on its side.
_P_SLANTED_STAMP, _P_STAMP_ON_SIDE = 0.2, 0.05

# Probabilities that a mark gets another ink, and that it is fainter; and its cover then, as a share.
_P_OTHER_INK, _P_FAINT = 0.4, 0.3
_FAINT = (0.4, 0.9)

# Least side of a mark on the page: smaller ones cannot be told from specks.
_LEAST_PX = 8.0


@dataclass(frozen=True)
class PastedMark:
    """A cut-out in memory.

    Attributes:
        data: the bytes of a PNG file, RGBA.
        kind: its category.
        px_per_mm: resolution at which it was cut out.
        several_inks: whether it is to keep its colours.
    """

    data: bytes
    kind: str
    px_per_mm: float
    several_inks: bool

    def rgba(self) -> ByteArray:
        """The pixels, uint8 (H, W, 4)."""
        with Image.open(BytesIO(self.data)) as picture:
            return np.asarray(picture.convert("RGBA"), np.uint8)


@dataclass(frozen=True)
class CutoutSource:
    """The `MarkSource` of a folder of cut-outs. Picklable.

    Attributes:
        marks: place -> the cut-outs that belong there.
        digest: SHA-256 of all of them.
        notes: sentences about cut-outs of the folder that are not used.
    """

    marks: dict[Place, tuple[PastedMark, ...]]
    digest: str
    notes: tuple[str, ...] = ()

    def draw(
        self,
        rng: np.random.Generator,
        category: Place,
        px_per_mm: float,
        within_mm: tuple[float, float] | None,
    ) -> Patch | None:
        """A mark for a place, at the page's scale; see `MarkSource`. None where no cut-out fits."""
        marks = self.marks.get(category, ())
        for _ in range(_TRIES if marks else 0):
            mark = marks[int(rng.integers(len(marks)))]
            patch = _drawn(rng, mark, category, px_per_mm, within_mm)
            if patch is not None:
                return patch
        return None


def load_cutouts(folder: Path, settings: SynthConfig) -> CutoutSource:
    """The cut-outs that people kept in a folder.

    Raises:
        InputError: no folder of cut-outs, nothing kept, a damaged picture, or a category that is none of the classes.
    """
    kept = read_kept(folder)
    _check_categories(folder, kept.kept, settings)
    marks: dict[Place, list[PastedMark]] = {}
    unseen = 0
    for one, content in zip(kept.kept, kept.contents, strict=True):
        rgba = decode_rgba(content, folder / one.file)
        if not (rgba[:, :, 3] >= MIN_INK_ALPHA).any():
            unseen += 1
            continue
        px_per_mm = rgba.shape[1] / one.size_mm[0]
        marks.setdefault(place_of(one.category), []).append(
            PastedMark(content, one.category, px_per_mm, _several_inks(rgba))
        )
    notes = list(kept.notes)
    if unseen:
        notes.append(f"{folder}: {unseen} cut-outs are too faint to be seen and are not used")
    if not marks:
        raise InputError(f"{folder}: no cut-out can be seen", "Cut out other pages with docdetect cutouts.")
    return CutoutSource({place: tuple(found) for place, found in marks.items()}, kept.digest, tuple(notes))


def place_of(category: str) -> Place:
    """Where marks of a category belong; marks of a class of people's own lie where stamps do."""
    if category == "qr":
        return "qr"
    return "signature" if category in ("signature", "handwritten_signature", "initials") else "stamp"


def _check_categories(folder: Path, cutouts: tuple[Cutout, ...], settings: SynthConfig) -> None:
    """Raises InputError for categories whose marks would be drawn without a label."""
    counts = Counter(one.category for one in cutouts)
    unknown = [name for name in counts if settings.class_of(name) is None and name not in settings.class_map]
    if unknown:
        named = ", ".join(f"{name} ({counts[name]})" for name in unknown)
        raise InputError(
            f"{folder}: cut-outs of categories that are no class: {named}; the classes are "
            f"{', '.join(settings.classes)}",
            f"Add the category with --classes, write one of these classes into the column category of {LIST_NAME}, or "
            "write no into its column keep.",
        )


def _drawn(
    rng: np.random.Generator,
    mark: PastedMark,
    place: Place,
    px_per_mm: float,
    within_mm: tuple[float, float] | None,
) -> Patch | None:
    """One cut-out, changed at random; None where it is too coarse for the page or becomes too small."""
    factor = px_per_mm / mark.px_per_mm * float(np.exp(rng.uniform(*np.log(_SCALES))))
    patch = Patch(mark.rgba(), mark.kind)
    width, height = patch.size_wh
    if within_mm is not None:
        room = within_mm[0] * px_per_mm / width, within_mm[1] * px_per_mm / height
        factor = min(factor, *room) if place != "qr" else min(room)
    if factor > _MOST_ENLARGED or min(width, height) * factor < _LEAST_PX:
        return None
    patch = resized(patch, factor)
    if place == "qr":
        return patch
    patch = turned(stretched(patch, float(np.exp(rng.normal(0, _STRETCH)))), _angle(rng, place))
    if rng.random() < _P_OTHER_INK and not mark.several_inks:
        patch = reinked(patch, pen_ink(rng) if place == "signature" else stamp_ink(rng))
    if rng.random() < _P_FAINT:
        patch = faded(patch, float(rng.uniform(*_FAINT)))
    return patch


def _angle(rng: np.random.Generator, place: Place) -> float:
    if place == "signature":
        return float(rng.normal(0, _SIGNATURE_DEGREES))
    uniform = rng.random()
    if uniform < _P_STAMP_ON_SIDE:
        return float(rng.choice([90, -90]) + rng.normal(0, _STAMP_DEGREES))
    if uniform < _P_STAMP_ON_SIDE + _P_SLANTED_STAMP:
        return float(rng.uniform(-35, 35))
    return float(rng.normal(0, _STAMP_DEGREES))


def _several_inks(rgba: ByteArray) -> bool:
    """Whether a cut-out has inks of clearly different colours, such as a stamp with a date in red."""
    ink = rgba[rgba[:, :, 3] > 128][:, :3].astype(np.float32)
    if len(ink) < 20:
        return False
    chroma = ink - ink.mean(axis=1, keepdims=True)
    return bool(np.linalg.norm(chroma - np.median(chroma, axis=0), axis=1).mean() > 45)
