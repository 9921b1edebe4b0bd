"""The folder of cut-outs: which files it holds, its list, and how people's decisions are read back.

<output>/cutouts.csv            the list: one line for each cut-out; the last column, keep, says yes or no
<output>/left_out.csv           marks that were not cut out, and why
<output>/contact_sheet.html     all cut-outs to look at; unticks become a new cutouts.csv
<output>/cutouts.json           settings and content hash
<output>/<category>/*.png       the cut-outs: ink with an alpha channel, nothing where there is paper
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from PIL import Image

from docdetect.errors import InputError
from docdetect.files import safe_stem, sha256_text
from docdetect.synth.cutouts.pieces import BoxPx
from docdetect.tables import csv_text, read_csv
from docdetect.types import ByteArray, SizeWH

LIST_NAME = "cutouts.csv"
LEFT_OUT_NAME = "left_out.csv"
SHEET_NAME = "contact_sheet.html"
SETTINGS_NAME = "cutouts.json"

PictureFormat = Literal["png", "webp"]

# `keep` comes last, so that the contact sheet can write the list anew without taking its lines apart.
_COLUMNS = (
    "file", "category", "document", "page", "left", "top", "right", "bottom", "page_width_px", "page_height_px",
    "width_px", "height_px", "width_mm", "height_mm", "colour", "quality", "text", "keep",
)  # fmt: skip
_LEFT_OUT_COLUMNS = ("category", "document", "page", "left", "top", "right", "bottom", "reason")

# Longest and shortest side that a cut-out can have on paper; a list with other numbers was edited by mistake.
_SIDES_MM = (0.5, 1000.0)


@dataclass(frozen=True)
class Cutout:
    """A cut-out of the list.

    Attributes:
        file: path relative to the folder, POSIX.
        category: class of the mark.
        document, page: where it was cut out; pages from 1.
        box: left, top, right, bottom px on the page.
        page_wh: (width, height) px of the page.
        size_mm: (width, height) of the cut-out on paper.
        colour: name of its ink.
        quality: from 0 to 1.
        keep: whether it is to be used.
        text: what a QR code says, "" for other marks and for codes that could not be read.
    """

    file: str
    category: str
    document: str
    page: int
    box: BoxPx
    page_wh: SizeWH
    size_mm: tuple[float, float]
    colour: str
    quality: float
    keep: bool
    text: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A mark that was not cut out, and why."""

    category: str
    document: str
    page: int
    box: BoxPx
    reason: str


@dataclass(frozen=True)
class KeptCutouts:
    """What people left in a folder of cut-outs.

    Attributes:
        folder: the folder.
        kept: cut-outs that are to be used, in the order of the list.
        contents: the bytes of their files, in the same order.
        unwanted: number of cut-outs with `keep` no.
        deleted: number of cut-outs whose files are gone.
        unlisted: files beside the listed ones, which are not used.
        digest: SHA-256 of the kept cut-outs: contents, sizes, categories.
    """

    folder: Path
    kept: tuple[Cutout, ...]
    contents: tuple[bytes, ...]
    unwanted: int
    deleted: int
    unlisted: tuple[str, ...]
    digest: str

    @property
    def notes(self) -> list[str]:
        """Sentences about what is not used."""
        notes = []
        if self.unwanted or self.deleted:
            notes.append(
                f"{self.folder}: {len(self.kept)} cut-outs are used; not used are {self.unwanted} with keep no and "
                f"{self.deleted} whose files were deleted"
            )
        if self.unlisted:
            some = ", ".join(self.unlisted[:3]) + (", ..." if len(self.unlisted) > 3 else "")
            notes.append(
                f"{self.folder}: {len(self.unlisted)} pictures that {LIST_NAME} does not list are not used: {some}"
            )
        return notes


def category_folder(category: str) -> str:
    """Name of the folder that holds the cut-outs of a category."""
    return safe_stem(category)


def list_text(cutouts: Sequence[Cutout]) -> str:
    """The content of cutouts.csv."""
    rows = [
        (
            one.file, one.category, one.document, one.page, *one.box, *one.page_wh,
            one.box[2] - one.box[0], one.box[3] - one.box[1], *(f"{side:.2f}" for side in one.size_mm),
            one.colour, f"{one.quality:.3f}", one.text, "yes" if one.keep else "no",
        )
        for one in cutouts
    ]  # fmt: skip
    return csv_text(rows, _COLUMNS)


def left_out_text(left_out: Sequence[LeftOut]) -> str:
    """The content of left_out.csv."""
    rows = [(one.category, one.document, one.page, *one.box, one.reason) for one in left_out]
    return csv_text(rows, _LEFT_OUT_COLUMNS)


def read_list(folder: Path) -> tuple[Cutout, ...]:
    """The list of a folder, as people may have edited it.

    Raises:
        InputError: no folder of cut-outs, or a line of the list is wrong; the message names the line.
    """
    path = folder / LIST_NAME
    if not path.is_file():
        raise InputError(
            f"{folder}: there is no {LIST_NAME}, so this is no folder of cut-outs",
            "docdetect cutouts --data DATASET --output FOLDER makes one.",
        )
    table = read_csv(path, _COLUMNS)
    found = []
    for line, row in enumerate(table[list(_COLUMNS)].itertuples(index=False, name=None), start=2):
        try:
            found.append(_cutout(dict(zip(_COLUMNS, row, strict=True))))
        except ValueError as error:
            raise InputError(f"{path}: line {line}: {error}", "Correct the line, or delete it.") from error
    return tuple(found)


def read_kept(folder: Path) -> KeptCutouts:
    """The cut-outs of a folder that people kept: `keep` says yes, and the file is still there. Each file is read once.

    Raises:
        InputError: no folder of cut-outs, a wrong list, nothing kept, or a file that cannot be read.
    """
    listed = read_list(folder)
    wanted = [one for one in listed if one.keep]
    kept = tuple(one for one in wanted if (folder / one.file).is_file())
    if not kept:
        raise InputError(
            f"{folder}: none of the {len(listed)} cut-outs of {LIST_NAME} is kept and there",
            "Write yes into the column keep of those that are to be used, or cut out other pages.",
        )
    names = {one.file for one in listed}
    unlisted = tuple(
        name
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in (".png", ".webp") and (name := path.relative_to(folder).as_posix()) not in names
    )
    contents = tuple(_content(folder / one.file) for one in kept)
    lines = [
        f"{one.category}\t{one.size_mm}\t{one.text}\t{hashlib.sha256(content).hexdigest()}"
        for one, content in zip(kept, contents, strict=True)
    ]
    digest = sha256_text("\n".join(lines))
    return KeptCutouts(folder, kept, contents, len(listed) - len(wanted), len(wanted) - len(kept), unlisted, digest)


def picture_bytes(rgba: ByteArray, file_format: PictureFormat) -> bytes:
    """A cut-out, uint8 (H, W, 4), as the bytes of a PNG or lossless WebP file."""
    stream = io.BytesIO()
    picture = Image.fromarray(rgba, "RGBA")
    if file_format == "png":
        picture.save(stream, "PNG", optimize=True)
    else:
        picture.save(stream, "WEBP", lossless=True, quality=60, method=4)
    return stream.getvalue()


def decode_rgba(content: bytes, path: Path) -> ByteArray:
    """The cut-out in the bytes of a file, uint8 (H, W, 4).

    Args:
        content: the bytes.
        path: the file, for messages.

    Raises:
        InputError: they are no picture, or one without transparency.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "WEBP")) as picture:
            if "A" not in picture.getbands() and "transparency" not in picture.info:
                raise InputError(
                    f"{path}: the picture has no transparent pixels",
                    "A cut-out is ink on nothing: save it with an alpha channel, or delete it.",
                )
            return np.asarray(picture.convert("RGBA"), np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path}: the cut-out cannot be read ({error})", "Delete the file, or cut the pages out again."
        ) from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: the cut-out cannot be read ({error.strerror or error})", "Check that you may read the file."
        ) from error


def _cutout(cells: dict[str, str]) -> Cutout:
    """The cut-out of a line. Raises ValueError, which says what is wrong."""
    keep = cells["keep"].strip().lower()
    if keep not in ("yes", "no"):
        raise ValueError(f"keep is {cells['keep']!r}, but yes or no is wanted")
    file = PurePosixPath(cells["file"])
    if file.is_absolute() or ".." in file.parts or not file.parts or "\\" in cells["file"]:
        raise ValueError(f"file {cells['file']!r} is not in this folder")
    numbers = [_number(cells, name) for name in _COLUMNS[3:10]]
    size_mm = _number(cells, "width_mm"), _number(cells, "height_mm")
    if not all(_SIDES_MM[0] <= side <= _SIDES_MM[1] for side in size_mm):
        raise ValueError(f"a size of {size_mm[0]:g} x {size_mm[1]:g} mm is not possible")
    page, left, top, right, bottom, width, height = (int(number) for number in numbers)
    if not cells["category"]:
        raise ValueError("there is no category")
    return Cutout(
        file.as_posix(), cells["category"], cells["document"], page, (left, top, right, bottom), (width, height),
        size_mm, cells["colour"], _number(cells, "quality"), keep == "yes", cells["text"],
    )  # fmt: skip


def _number(cells: dict[str, str], name: str) -> float:
    text = cells[name].strip()
    if not re.fullmatch(r"-?\d+(\.\d+)?", text):
        raise ValueError(f"{name} is {cells[name]!r}, but a number is wanted")
    return float(text)
