"""Pascal VOC: one XML for each page, boxes as left, top, right and bottom in whole px.

The original format counts pixels from 1 and includes the last one; most programs of today write edges counted from 0.
`voc_origin` of the settings says which of the two is meant. Beyond the standard, objects have `confidence` and `text`,
and `source` has the document and the page; other programs pass over them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

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
    turned,
    xml_root,
)
from docdetect.annotations.marks import AnnotatedPage, Mark
from docdetect.annotations.writing import Piece, WriteSettings, picture_name, xml_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_REMEDY = "Give the folder with the XML files of a Pascal VOC dataset (Annotations/)."


def read_voc(files: Iterable[LabelFile], origin: str, settings: ReadSettings) -> Reading:
    """The annotations of the XML files of a dataset.

    Args:
        files: the files, by path relative to the dataset.
        origin: names the dataset in messages.
        settings: `size_of` is asked where a file has no size of the picture.

    Raises:
        InputError: a file that is not such an XML, XML with entities, or pages that stand in it twice.
    """
    builder = AnnotationsBuilder(origin)
    for file in files:
        root = xml_root(file.text, file.name, "annotation", _REMEDY)
        picture = picture_beside(file.name, root.findtext("filename") or "")
        document, page = named_page(root.findtext("source/document"), root.findtext("source/page"), picture)
        size_wh = page_size(root.findtext("size/width"), root.findtext("size/height"))
        marks = [mark for entry in root.iter("object") if (mark := _mark(entry, settings, builder.remarks, file.name))]
        builder.add(document, page, size_wh or settings.size_of(picture), marks, file.name)
    return builder.result()


def _mark(entry: Element, settings: ReadSettings, remarks: Remarks, where: str) -> Mark | None:
    name = (entry.findtext("name") or "").strip()
    if not name:
        remarks.add("objects without a name, left out", where)
        return None
    if entry.find("part") is not None:
        remarks.add("parts of objects, left out", where)
    confidence, text = probability(entry.findtext("confidence")), entry.findtext("text")
    return Mark(name, _box(entry, settings, remarks, where), "", confidence, text or None)


def _box(entry: Element, settings: ReadSettings, remarks: Remarks, where: str) -> tuple[float, float, float, float]:
    box, robust, polygon = entry.find("bndbox"), entry.find("robndbox"), entry.find("polygon")
    if box is not None:
        left, top, right, bottom = (number(box.findtext(name)) for name in ("xmin", "ymin", "xmax", "ymax"))
        left, top = left - settings.voc_origin, top - settings.voc_origin
        return left, top, right - left, bottom - top
    if robust is not None:
        remarks.add_enclosed(TURNED, where)
        x, y, width, height, angle = (number(robust.findtext(name)) for name in ("cx", "cy", "w", "h", "angle"))
        return turned((x - width / 2, y - height / 2, width, height), math.degrees(angle), "centre")
    if polygon is not None:
        remarks.add_enclosed("polygons", where)
        xs = [number(child.text) for child in polygon if child.tag.startswith("x")]
        ys = [number(child.text) for child in polygon if child.tag.startswith("y")]
        return enclosing(xs, ys)
    return (math.nan,) * 4


class VocWriter:
    """One XML for each page, `<document>/page_0001.xml`."""

    def __init__(self, settings: WriteSettings) -> None:
        self._settings = settings

    def begin(self) -> Iterator[Piece]:
        yield from ()

    def add(self, document: str, pages: Mapping[int, AnnotatedPage]) -> Iterator[Piece]:
        for page_number, page in sorted(pages.items()):
            name, (width, height) = picture_name(document, page_number), page.size_wh
            objects = "".join(self._object(mark) for mark in page.marks)
            yield Piece(
                picture_name(document, page_number, ".xml"),
                f"<annotation>\n  <folder>{xml_text(document)}</folder>\n"
                f"  <filename>{xml_text(name.rpartition('/')[2])}</filename>\n"
                f"  <path>{xml_text(f'{self._settings.images}/{name}')}</path>\n"
                f"  <source><database>docdetect</database><document>{xml_text(document)}</document>"
                f"<page>{page_number}</page></source>\n"
                f"  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n"
                f"  <segmented>0</segmented>\n{objects}</annotation>\n",
            )

    def end(self) -> Iterator[Piece]:
        yield from ()

    def _object(self, mark: Mark) -> str:
        x, y, width, height = mark.xywh
        origin = self._settings.voc_origin
        edges = {"xmin": x + origin, "ymin": y + origin, "xmax": x + width, "ymax": y + height}
        box = "".join(f"<{name}>{round(value)}</{name}>" for name, value in edges.items())
        more = "" if mark.confidence is None else f"    <confidence>{mark.confidence!r}</confidence>\n"
        more += "" if mark.text is None else f"    <text>{xml_text(mark.text)}</text>\n"
        return (
            f"  <object>\n    <name>{xml_text(mark.category)}</name>\n    <pose>Unspecified</pose>\n"
            "    <truncated>0</truncated>\n    <difficult>0</difficult>\n"
            f"    <bndbox>{box}</bndbox>\n{more}  </object>\n"
        )
