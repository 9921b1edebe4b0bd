"""CVAT for images 1.1: one XML for all pictures, boxes as left, top, right and bottom in px.

Confidences and what codes say are attributes of the boxes; CVAT keeps them where the labels of its task have these
attributes, as `<name>.labels.json` beside the XML describes them. Dumps of the kind "CVAT for video" are read, too:
CVAT opens a PDF as frames.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from docdetect.annotations.exchange import (
    TURNED,
    AnnotationsBuilder,
    LabelFile,
    Reading,
    ReadSettings,
    Remarks,
    enclosing,
    number,
    page_of_picture,
    page_size,
    probability,
    rounded,
    turned,
    xml_root,
)
from docdetect.annotations.marks import AnnotatedPage, Mark
from docdetect.annotations.writing import Piece, WriteSettings, decimal, picture_name, xml_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_REMEDY = 'In CVAT, export the task or job as "CVAT for images 1.1".'
_CONFIDENCE, _TEXT = "confidence", "text"
_BOXES_OF = {"polygon": "polygons", "mask": "masks", "ellipse": "ellipses"}
_NO_BOXES = {
    "polyline": "polylines, which are no boxes, left out",
    "points": "points, which are no boxes, left out",
    "cuboid": "cuboids, which are no boxes, left out",
    "skeleton": "skeletons, which are no boxes, left out",
    "tag": "tags, which belong to whole pictures, left out",
}


def read_cvat(file: LabelFile, settings: ReadSettings) -> Reading:
    """The annotations of a dump of CVAT, of a task, a job or a project.

    Tracks are read frame by frame; where a track is outside the picture it has no mark. Polygons, masks, ellipses and
    turned boxes become the enclosing boxes; tags, points and lines are left out.

    Raises:
        InputError: not such a dump, XML with entities, or pictures that stand in it twice.
    """
    root = xml_root(file.text, file.name, "annotations", _REMEDY)
    builder = AnnotationsBuilder(file.name)
    for image in root.iter("image"):
        name = image.get("name", "")
        document, page = page_of_picture(name or f"image {image.get('id')}")
        marks = [mark for shape in image if (mark := _mark(shape, shape.get("label"), builder.remarks, name))]
        size_wh = page_size(image.get("width"), image.get("height")) or settings.size_of(name)
        builder.add(document, page, size_wh, marks, name)
    if root.find("track") is not None or (
        root.find("image") is None and root.find("./meta//original_size") is not None
    ):
        _add_tracks(root, builder, file.name)
    return builder.result()


def _add_tracks(root: Element, builder: AnnotationsBuilder, origin: str) -> None:
    """The pages of a dump of the kind "CVAT for video": the frames, from 0, of one document."""
    document = root.findtext("./meta/source") or root.findtext("./meta//source") or root.findtext("./meta//name") or ""
    document = document.strip()
    size = root.find("./meta//original_size")
    size_wh = None if size is None else page_size(size.findtext("width"), size.findtext("height"))
    frames: dict[int, list[Mark]] = {frame: [] for frame in _frames(root, builder.remarks, document or origin)}
    for track in root.iter("track"):
        for shape in track:
            place = number(shape.get("frame"))
            if math.isfinite(place) and place >= 0:
                where = f"{document or origin}, frame {int(place)}"
                mark = _mark(shape, track.get("label"), builder.remarks, where)
                frames.setdefault(int(place), []).extend([mark] if mark else [])
    for frame, marks in sorted(frames.items()):
        builder.add(document or origin, frame + 1, size_wh, marks, f"{document or origin}, frame {frame}")


def _frames(root: Element, remarks: Remarks, where: str) -> range:
    """The frames that a dump of a video is about: those between its first and its last one, as far as they are known.

    A task may begin in the middle of a document and pass over frames; frames that are not of the task are pages that
    nobody has looked at, and no pages without marks.
    """
    meta = {name: number(root.findtext(f"./meta//{name}")) for name in ("size", "start_frame", "stop_frame")}
    size, first, last = (int(value) if 0 <= value < 1e6 else None for value in meta.values())
    step = number("".join((root.findtext("./meta//frame_filter") or "").split()).removeprefix("step=") or 1)
    if first is None or last is None:
        return range(size or 0)
    found = range(first, last + 1, int(step)) if 1 <= step < 1e6 else range(0)
    if size is None or len(found) == size:
        return found
    remarks.add("dumps that do not say which frames they are about: frames without a mark, left out", where)
    return range(0)


def _mark(shape: Element, label: str | None, remarks: Remarks, where: str) -> Mark | None:
    """The mark of a shape, None for what is none."""
    if shape.get("outside") == "1":
        return None
    if shape.tag in _NO_BOXES:
        remarks.add(_NO_BOXES[shape.tag], where)
        return None
    if shape.tag != "box" and shape.tag not in _BOXES_OF:
        remarks.add(f"elements {shape.tag!r}, which are not known, left out", where)
        return None
    if not label:
        remarks.add("shapes without a label, left out", where)
        return None
    attributes = {entry.get("name", ""): entry.text or "" for entry in shape.iter("attribute")}
    other = [name for name in attributes if name not in (_CONFIDENCE, _TEXT)]
    for name in other:
        remarks.add(f"attributes {name!r} of marks, left out", where)
    confidence = probability(attributes.get(_CONFIDENCE))
    return Mark(label, _box(shape, remarks, where), "", confidence, attributes.get(_TEXT) or None)


def _box(shape: Element, remarks: Remarks, where: str) -> tuple[float, float, float, float]:
    """Left, top, width and height in px of a shape; NaN where it does not say."""
    value = {name: number(text) for name, text in shape.items()}

    def of(*names: str) -> list[float]:
        return [value.get(name, math.nan) for name in names]

    if shape.tag in _BOXES_OF:
        remarks.add_enclosed(_BOXES_OF[shape.tag], where)
    if shape.tag == "polygon":
        points = [point.partition(",")[::2] for point in shape.get("points", "").split(";")]
        return enclosing([number(x) for x, _ in points], [number(y) for _, y in points])
    if shape.tag == "mask":
        left, top, width, height = of("left", "top", "width", "height")
        return left, top, width, height
    if shape.tag == "ellipse":
        x, y, across, down = of("cx", "cy", "rx", "ry")
        box = (x - across, y - down, 2 * across, 2 * down)
    else:
        left, top, right, bottom = of("xtl", "ytl", "xbr", "ybr")
        box = rounded(left, top, right - left, bottom - top)
    degrees = value.get("rotation", 0.0)
    if math.isfinite(degrees) and degrees % 360:
        remarks.add_enclosed(TURNED, where)
        return turned(box, degrees, "centre")
    return box


class CvatWriter:
    """One XML with all pages, and beside it the labels of the CVAT task that it can be uploaded to."""

    def __init__(self, settings: WriteSettings) -> None:
        self._settings = settings
        self._images = 0

    def begin(self) -> Iterator[Piece]:
        attributes = "".join(
            f"<attribute><name>{name}</name><mutable>False</mutable><input_type>text</input_type>"
            "<default_value></default_value><values></values></attribute>"
            for name in (_CONFIDENCE, _TEXT)
        )
        labels = "".join(
            f"        <label><name>{xml_text(name)}</name><type>rectangle</type>"
            f"<attributes>{attributes}</attributes></label>\n"
            for name in self._settings.categories
        )
        yield Piece(f"{self._settings.name.removesuffix('.xml')}.labels.json", self._labels())
        yield Piece(
            self._settings.name,
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>\n'
            f"      <name>{xml_text(self._settings.model)}</name>\n      <mode>annotation</mode>\n      <labels>\n"
            f"{labels}      </labels>\n    </task>\n  </meta>\n",
            "next",
        )

    def add(self, document: str, pages: Mapping[int, AnnotatedPage]) -> Iterator[Piece]:
        for page_number, page in sorted(pages.items()):
            name, (width, height) = xml_text(picture_name(document, page_number)), page.size_wh
            boxes = "".join(_element(mark) for mark in page.marks)
            yield Piece(
                self._settings.name,
                f'  <image id="{self._images}" name="{name}" width="{width}" height="{height}">\n{boxes}  </image>\n',
                "next",
            )
            self._images += 1

    def end(self) -> Iterator[Piece]:
        yield Piece(self._settings.name, "</annotations>\n", "next")

    def _labels(self) -> str:
        """The labels in the form that the "Raw" tab of CVAT's label editor takes."""
        attributes = [
            {"name": name, "mutable": False, "input_type": "text", "default_value": "", "values": [""]}
            for name in (_CONFIDENCE, _TEXT)
        ]
        labels = []
        for name in self._settings.categories:
            colour = {"color": self._settings.colours[name]} if name in self._settings.colours else {}
            labels.append({"name": name, "type": "rectangle", **colour, "attributes": attributes})
        return json.dumps(labels, ensure_ascii=False, indent=2) + "\n"


def _element(mark: Mark) -> str:
    x, y, width, height = mark.xywh
    edges = {"xtl": x, "ytl": y, "xbr": x + width, "ybr": y + height}
    places = " ".join(f'{name}="{decimal(value)}"' for name, value in edges.items())
    source = "manual" if mark.confidence is None else "auto"
    attributes = ""
    if mark.confidence is not None:
        attributes += f'      <attribute name="{_CONFIDENCE}">{mark.confidence!r}</attribute>\n'
    if mark.text is not None:
        attributes += f'      <attribute name="{_TEXT}">{xml_text(mark.text)}</attribute>\n'
    return (
        f'    <box label="{xml_text(mark.category)}" source="{source}" occluded="0" {places} z_order="0">\n'
        f"{attributes}    </box>\n"
    )
