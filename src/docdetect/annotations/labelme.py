"""LabelMe and X-AnyLabeling: one JSON for each page, shapes by their points in px.

Beyond LabelMe's own keys, files have `document` and `page`, and shapes have `score`; both programs keep keys that they
do not know. What a code says stands in `description`.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from docdetect.annotations.exchange import (
    TURNED,
    AnnotationsBuilder,
    LabelFile,
    Reading,
    ReadSettings,
    Remarks,
    enclosing,
    named_page,
    number,
    page_size,
    picture_beside,
    probability,
)
from docdetect.annotations.marks import AnnotatedPage, Mark
from docdetect.annotations.writing import Piece, WriteSettings, picture_name
from docdetect.errors import InputError
from docdetect.files import json_text, parse_json

_REMEDY = "Give the folder with the JSON files of LabelMe or X-AnyLabeling."
_VERSION = "5.5.0"
_ENCLOSED = {"polygon": "polygons", "mask": "masks", "rotation": TURNED, "circle": "circles"}


def read_labelme(files: Iterable[LabelFile], origin: str, settings: ReadSettings) -> Reading:
    """The annotations of the JSON files of a folder.

    Args:
        files: the files, by path relative to the folder.
        origin: names the folder in messages.
        settings: `size_of` is asked where a file has no size of the picture.

    Raises:
        InputError: a file that is not of LabelMe, or pages that stand in the folder twice.
    """
    builder = AnnotationsBuilder(origin)
    for file in files:
        data = parse_json(file.text, file.name)
        if not isinstance(data, dict) or not isinstance(data.get("shapes"), list):
            raise InputError(f"{file.name}: not a JSON file of LabelMe, which has a list of shapes", _REMEDY)
        named = data.get("imagePath")
        picture = picture_beside(file.name, named if isinstance(named, str) else "")
        document, page = named_page(data.get("document"), data.get("page"), picture)
        size_wh = page_size(data.get("imageWidth"), data.get("imageHeight"))
        marks = [mark for shape in data["shapes"] if (mark := _mark(shape, builder.remarks, file.name))]
        builder.add(document, page, size_wh or settings.size_of(picture), marks, file.name)
    return builder.result()


def _mark(shape: object, remarks: Remarks, where: str) -> Mark | None:
    if not isinstance(shape, dict) or not isinstance(shape.get("label"), str) or not shape["label"].strip():
        remarks.add("shapes without a label, left out", where)
        return None
    kind = shape.get("shape_type") or "polygon"  # very old files do not say
    if kind != "rectangle" and kind not in _ENCLOSED:
        remarks.add(f"shapes of the kind {kind!r}, which are no boxes, left out", where)
        return None
    if kind in _ENCLOSED:
        remarks.add_enclosed(_ENCLOSED[kind], where)
    text = shape.get("description")
    return Mark(
        shape["label"],
        _box(shape, kind),
        "",
        probability(shape.get("score")),
        text if isinstance(text, str) and text else None,
    )


def _box(shape: Mapping[str, Any], kind: str) -> tuple[float, float, float, float]:
    points = shape.get("points")
    found = (
        [point for point in points if isinstance(point, list) and len(point) == 2] if isinstance(points, list) else []
    )
    xs, ys = [number(x) for x, _ in found], [number(y) for _, y in found]
    if kind == "circle" and len(found) == 2:
        radius = math.hypot(xs[1] - xs[0], ys[1] - ys[0])
        return enclosing([xs[0] - radius, xs[0] + radius], [ys[0] - radius, ys[0] + radius])
    return enclosing(xs, ys) if len(found) >= 2 else (math.nan,) * 4


class LabelmeWriter:
    """One JSON for each page, `<document>/page_0001.json`, that names the page's picture relative to itself."""

    def __init__(self, settings: WriteSettings) -> None:
        self._settings = settings

    def begin(self) -> Iterator[Piece]:
        yield from ()

    def add(self, document: str, pages: Mapping[int, AnnotatedPage]) -> Iterator[Piece]:
        for page_number, page in sorted(pages.items()):
            file = picture_name(document, page_number, ".json")
            picture = posixpath.join(self._settings.images, picture_name(document, page_number))
            data: dict[str, Any] = {
                "version": _VERSION,
                "flags": {},
                "shapes": [_shape(mark) for mark in page.marks],
                "imagePath": posixpath.relpath(picture, posixpath.dirname(file)),
                "imageData": None,
                "imageHeight": page.size_wh[1],
                "imageWidth": page.size_wh[0],
                "document": document,
                "page": page_number,
            }
            yield Piece(file, json_text(data))

    def end(self) -> Iterator[Piece]:
        yield from ()


def _shape(mark: Mark) -> dict[str, Any]:
    x, y, width, height = mark.xywh
    shape: dict[str, Any] = {
        "label": mark.category,
        "points": [[x, y], [x + width, y + height]],
        "group_id": None,
        "description": mark.text or "",
        "shape_type": "rectangle",
        "flags": {},
    }
    return shape if mark.confidence is None else shape | {"score": mark.confidence}
