"""COCO: pictures, categories, and boxes as left, top, width, height in px.

Beyond the standard, pictures have `document` and `page` and annotations have `score` and `text`, which other programs
pass over. Pages without marks are pictures without annotations.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from docdetect.annotations.exchange import (
    TURNED,
    AnnotationsBuilder,
    LabelFile,
    Reading,
    ReadSettings,
    enclosing,
    named_page,
    number,
    page_size,
    probability,
    turned,
)
from docdetect.annotations.marks import AnnotatedPage, Mark
from docdetect.annotations.writing import Piece, WriteSettings, picture_name
from docdetect.errors import InputError
from docdetect.files import json_line, parse_json

_REMEDY = "Give a COCO file for object detection, with the lists images, annotations and categories."


def read_coco(file: LabelFile, settings: ReadSettings) -> Reading:
    """The annotations of a COCO file for object detection.

    Categories go by their names. `size_of` of the settings is asked where a picture has no size. Boxes that are turned,
    as CVAT writes them, become the enclosing boxes; crowds are left out.

    Raises:
        InputError: not such a file, or pictures that stand in it twice.
    """
    data = parse_json(file.text, file.name)
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        raise InputError(f"{file.name}: not a COCO file with a list of images", _REMEDY)
    categories = _objects(data, "categories", file.name)
    names = {_id(entry, "id"): str(entry.get("name", "")) for entry in categories}
    if len(names) < len(categories) or "" in names:
        raise InputError(f"{file.name}: categories without an id, or with the same id", "Export the file again.")
    images = _objects(data, "images", file.name)
    builder = AnnotationsBuilder(file.name)
    marks: dict[int | str, list[Mark]] = {_id(entry, "id"): [] for entry in images}
    if len(marks) < len(images):
        raise InputError(f"{file.name}: images without an id, or with the same id", "Export the file again.")
    for entry in _objects(data, "annotations", file.name):
        where = f"annotation {_id(entry, 'id')}"
        name, image = names.get(_id(entry, "category_id"), ""), _id(entry, "image_id")
        if image not in marks:
            builder.remarks.add("annotations of pictures that are not listed, left out", where)
        elif not name:
            builder.remarks.add("annotations of categories that are not listed, left out", where)
        elif entry.get("iscrowd") == 1:
            builder.remarks.add("crowds, which are no single marks, left out", where)
        else:
            marks[image].append(_mark(entry, name, builder, where))
    for entry in images:
        picture = str(entry.get("file_name", ""))
        document, page = named_page(entry.get("document"), entry.get("page"), picture)
        size_wh = page_size(entry.get("width"), entry.get("height")) or settings.size_of(picture)
        builder.add(document, page, size_wh, marks[_id(entry, "id")], picture or f"image {_id(entry, 'id')}")
    return builder.result()


def _id(entry: Mapping[str, Any], key: str) -> int | str:
    """An id; programs that keep tables write whole numbers as 1.0."""
    value = entry.get(key)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (int, str)) else ""


def _mark(entry: Mapping[str, Any], name: str, builder: AnnotationsBuilder, where: str) -> Mark:
    box, outline = entry.get("bbox"), entry.get("segmentation")
    attributes = entry.get("attributes")
    degrees = number(attributes.get("rotation")) if isinstance(attributes, dict) else math.nan
    xywh = (math.nan,) * 4
    if isinstance(box, list) and len(box) == 4:
        x, y, width, height = (number(value) for value in box)
        xywh = x, y, width, height
        if math.isfinite(degrees) and degrees % 360:
            builder.remarks.add_enclosed(TURNED, where)
            xywh = turned(xywh, degrees, "centre")
    elif isinstance(outline, list):
        builder.remarks.add_enclosed("outlines without a box", where)
        points = [number(value) for part in outline if isinstance(part, list) for value in part[: len(part) // 2 * 2]]
        xywh = enclosing(points[::2], points[1::2])
    text = entry.get("text")
    return Mark(name, xywh, "", probability(entry.get("score")), text if isinstance(text, str) else None)


def _objects(data: Mapping[str, Any], key: str, origin: str) -> list[dict[str, Any]]:
    found = data.get(key, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise InputError(f"{origin}: {key} must be a list of objects", _REMEDY)
    return found


class CocoWriter:
    """One COCO file: categories, then pictures, then annotations; ids count from 1."""

    def __init__(self, settings: WriteSettings) -> None:
        self._settings = settings
        self._images = self._marks = 0
        self._ids = {name: position for position, name in enumerate(settings.categories, start=1)}

    def begin(self) -> Iterator[Piece]:
        categories = [{"id": position, "name": name} for name, position in self._ids.items()]
        yield Piece(self._settings.name, f'{{"categories":{json_line(categories)},\n"images":[', "next")
        yield Piece(self._settings.name, '\n],\n"annotations":[', "last")

    def add(self, document: str, pages: Mapping[int, AnnotatedPage]) -> Iterator[Piece]:
        for page_number, page in sorted(pages.items()):
            self._images += 1
            width, height = page.size_wh
            image = {"id": self._images, "file_name": picture_name(document, page_number), "width": width}
            image |= {"height": height, "document": document, "page": page_number}
            yield Piece(self._settings.name, _item(image, first=self._images == 1), "next")
            for mark in page.marks:
                self._marks += 1
                yield Piece(self._settings.name, _item(self._annotation(mark), first=self._marks == 1), "last")

    def end(self) -> Iterator[Piece]:
        yield Piece(self._settings.name, "\n]}\n", "last")

    def _annotation(self, mark: Mark) -> dict[str, object]:
        data: dict[str, object] = {"id": self._marks, "image_id": self._images, "category_id": self._ids[mark.category]}
        data |= {"bbox": list(mark.xywh), "area": round(mark.xywh[2] * mark.xywh[3], 2), "iscrowd": 0}
        if mark.confidence is not None:
            data["score"] = mark.confidence
        if mark.text is not None:
            data["text"] = mark.text
        return data


def _item(item: Mapping[str, object], *, first: bool) -> str:
    return ("\n" if first else ",\n") + json_line(item)
