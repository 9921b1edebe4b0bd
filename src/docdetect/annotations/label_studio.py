"""Label Studio: JSON tasks with predictions to correct, the labelling configuration for them, and completed tasks.

A task is one page (`image` in its data), or several pages (a list of pictures, to which the results refer by
`item_index`). Boxes are left, top, width and height in percent of the picture, before any rotation of the view.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

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
    whole_number,
)
from docdetect.annotations.marks import AnnotatedPage, Mark
from docdetect.annotations.writing import Piece, WriteSettings, picture_name, xml_text
from docdetect.errors import InputError
from docdetect.files import json_line, parse_json
from docdetect.types import SizeWH

LOCAL_FILES_URL = "/data/local-files/?d="
"""Beginning of the addresses at which Label Studio serves pictures of its own machine."""

_REMEDY = 'In Label Studio, export the project as "JSON" (or "JSON-MIN").'

# Label Studio puts eight hexadecimal digits before the names of files that are uploaded.
_UPLOAD_MARK = re.compile(r"^[0-9a-f]{8}-")

# Keys of data that hold pictures by the conventions of Label Studio's templates; others are found by their values.
_PICTURE_KEYS = ("image", "img", "images", "pages")
_LOOKS_LIKE_PICTURE = re.compile(r"\.(?:jpe?g|png|webp|tiff?|bmp|gif|avif|jp2)(?:$|[?#&])", re.IGNORECASE)

# Kinds of regions; each is also the key of `value` that holds their labels.
_LABEL_KINDS = ("rectanglelabels", "polygonlabels", "ellipselabels", "labels")

# Results that tell more of a region whose labels another result with the same id has.
_PARTS_OF_REGIONS = ("rectangle", "polygon", "ellipse", "textarea")


@dataclass(frozen=True)
class _Region:
    """Everything that the results of one region say: its shape in px, its labels, its text."""

    page: int
    size_wh: SizeWH
    xywh: tuple[float, float, float, float]
    labels: tuple[str, ...]
    score: float | None
    text: str | None


@dataclass(frozen=True)
class _Task:
    """One task: where its pictures are, what its results say, and whether their scores count."""

    data: Mapping[str, Any]
    results: Sequence[Mapping[str, Any]]
    where: str
    scored: bool


def read_label_studio(file: LabelFile, settings: ReadSettings) -> Reading:
    """The annotations of an export, or the predictions of tasks that nobody has worked on yet.

    As soon as one task has an annotation, only annotations count: the newest of a task that was not cancelled.
    Cancelled tasks and tasks without an annotation are left out. Where no task has one, predictions are read, with
    their scores. Polygons, ellipses and turned boxes become the enclosing boxes.

    Raises:
        InputError: not an export of Label Studio, or pages that stand in it twice.
    """
    data = parse_json(file.text, file.name)
    tasks = [data] if isinstance(data, dict) else data
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise InputError(f"{file.name}: not a list of tasks", _REMEDY)
    builder = AnnotationsBuilder(file.name)
    for task in _chosen(tasks, builder.remarks, file.name):
        _add_pages(task, settings, builder)
    return builder.result()


def _chosen(tasks: Sequence[Mapping[str, Any]], remarks: Remarks, origin: str) -> Iterator[_Task]:
    """The tasks with the results that count."""
    worked_on = any(_work_of(task) or _is_minimal(task) for task in tasks)
    for position, task in enumerate(tasks, start=1):
        where = f"task {task.get('id', position)}"
        if _is_minimal(task):
            yield _Task(task, list(_minimal_results(task, remarks, where)), where, scored=False)
            continue
        if not isinstance(task.get("data"), dict):
            raise InputError(f"{origin}: {where} has no data and no labels", _REMEDY)
        work = _work_of(task)
        if not worked_on:
            predictions = [one for one in _list(task.get("predictions")) if isinstance(one, dict)]
            if len(predictions) > 1:
                remarks.add("tasks with several predictions, of which the newest is used", where)
            yield _Task(task["data"], _results(_newest(predictions), remarks, where), where, scored=True)
        elif valid := [one for one in work if not one.get("was_cancelled")]:
            if len(valid) > 1:
                remarks.add("tasks with several annotations, of which the newest is used", where)
            yield _Task(task["data"], _results(_newest(valid), remarks, where), where, scored=False)
        elif work:
            remarks.add("tasks that were cancelled (skipped), left out", where)
        else:
            remarks.add("tasks that nobody has completed, left out", where)


def _work_of(task: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What people did on a task; very old exports call it completions."""
    found = [*_list(task.get("annotations")), *_list(task.get("completions"))]
    return [one for one in found if isinstance(one, dict)]


def _is_minimal(task: Mapping[str, Any]) -> bool:
    """Whether a task has the form of JSON-MIN: no `data`, and what is said of a picture stands beside its address."""
    return "data" not in task and any(
        key in task for key in ("annotation_id", "annotator", "lead_time", *_PICTURE_KEYS)
    )


def _minimal_results(task: Mapping[str, Any], remarks: Remarks, where: str) -> Iterator[dict[str, Any]]:
    """Results in the long form of what JSON-MIN says: a list of values under the name of the control tag."""
    for values in task.values():
        for value in _list(values):
            if isinstance(value, dict):
                kind = next((kind for kind in _LABEL_KINDS if kind in value), "")
                other = next((str(key) for key in value if str(key).endswith("labels")), "")
                if not kind and other:
                    remarks.add(f"answers of the kind {other!r}, which are no boxes with a label, left out", where)
                if kind:
                    size = {key: value.get(key) for key in ("original_width", "original_height", "item_index")}
                    yield {"type": kind, "value": value, **size}


def _newest(found: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The one that was changed last; of those that do not say when, the last one."""
    if not found:
        return {}
    changed = [str(one.get("updated_at") or one.get("created_at") or "") for one in found]
    return found[max(range(len(found)), key=lambda position: (changed[position], position))]


def _results(work: Mapping[str, Any], remarks: Remarks, where: str) -> list[Mapping[str, Any]]:
    """The results of an annotation; Label Studio's tables have them as a text of JSON."""
    found = work.get("result")
    if isinstance(found, str):
        found = parse_json(found, where)
    if found is None:
        return []
    listed = found if isinstance(found, list) else [found]
    results: list[Mapping[str, Any]] = [result for result in listed if isinstance(result, dict)]
    if len(results) < len(listed):
        remarks.add("results that are no objects, left out", where, len(listed) - len(results))
    return results


def _add_pages(task: _Task, settings: ReadSettings, builder: AnnotationsBuilder) -> None:
    """Adds the pages of a task with their marks."""
    names = [_name_of(address, settings.base_url) for address in _addresses(task.data)]
    regions = list(_regions(task, builder.remarks))
    count = max([len(names), *(region.page + 1 for region in regions)], default=0)
    if count > max(len(names), 1):
        builder.remarks.add("regions of pictures that the task does not list, left out", task.where)
    for position in range(len(names) or 1):
        name = names[position] if names else ""
        document, page = _page_of(task.data, name, position, len(names), task.where)
        own = [region for region in regions if region.page == position]
        size_wh = own[0].size_wh if own else page_size(task.data.get("width"), task.data.get("height"))
        marks = [
            Mark(label, _in_px_of(region, own[0].size_wh, builder.remarks, task.where), "", region.score, region.text)
            for region in own
            for label in region.labels
        ]
        builder.add(document, page, size_wh or settings.size_of(name), marks, task.where)


def _in_px_of(region: _Region, size_wh: SizeWH, remarks: Remarks, where: str) -> tuple[float, float, float, float]:
    """The box of a region in px of the page: the regions of a picture may have been made on copies of several sizes."""
    if region.size_wh == size_wh:
        return region.xywh
    remarks.add("regions that refer to another size of their picture, scaled", where)
    across, down = size_wh[0] / region.size_wh[0], size_wh[1] / region.size_wh[1]
    x, y, width, height = region.xywh
    return rounded(x * across, y * down, width * across, height * down)


def _page_of(data: Mapping[str, Any], name: str, position: int, count: int, where: str) -> tuple[str, int]:
    """Document and page: as the data say, else from the name of the picture."""
    document, first = data.get("document"), whole_number(data.get("page"))
    if isinstance(document, str) and document:
        if count <= 1:
            return document, first or 1
        numbers = [whole_number(value) for value in _list(data.get("page_numbers"))]
        listed = numbers[position] if position < len(numbers) else None
        return document, listed or position + 1
    return page_of_picture(name or where)


def _addresses(data: Mapping[str, Any]) -> list[str]:
    """The addresses of the pictures of a task."""
    usual = [key for key in _PICTURE_KEYS if key in data]
    for key in [*usual, *(key for key in data if key not in usual)]:
        found = [one for one in (data[key] if isinstance(data[key], list) else [data[key]]) if isinstance(one, str)]
        if found and (key in usual or all(_LOOKS_LIKE_PICTURE.search(one) for one in found)):
            return found
    return []


def _name_of(address: str, base_url: str) -> str:
    """The name of a picture from its address: a path below the base, a path of local files, else the file's name."""
    if base_url and address.startswith(base_url):
        return unquote(address.removeprefix(base_url))
    parts = urlsplit(address)
    local = parse_qs(parts.query).get("d", [""])[0] if parts.path.endswith("/data/local-files/") else ""
    if local:
        return local.removeprefix("images/")
    path = unquote(parts.path)
    if page_of_picture(path)[0] != path.lstrip("/"):  # <document>/page_0001.jpg
        return "/".join(path.rsplit("/", 2)[-2:])
    return _UPLOAD_MARK.sub("", path.rpartition("/")[2])


def _regions(task: _Task, remarks: Remarks) -> Iterator[_Region]:
    """The regions of a task that are marks, each with the text that was typed for it."""
    named = [(region_id, result) for result in task.results if (region_id := _region_id(result)) is not None]
    texts: dict[str | int | None, str] = {region_id: text for region_id, result in named if (text := _typed(result))}
    labelled = {region_id for region_id, result in named if result.get("type") in _LABEL_KINDS}
    for result in task.results:
        kind, value, region_id = result.get("type"), result.get("value"), _region_id(result)
        if not isinstance(value, dict):
            remarks.add(f"answers of the kind {kind!r}, which are no boxes with a label, left out", task.where)
            continue
        if kind not in _LABEL_KINDS:
            is_told_elsewhere = kind in _PARTS_OF_REGIONS and region_id in labelled
            if not is_told_elsewhere:
                remarks.add(f"answers of the kind {kind!r}, which are no boxes with a label, left out", task.where)
            continue
        labels = tuple(str(label) for label in _list(value.get(kind)))
        size_wh = page_size(result.get("original_width"), result.get("original_height"))
        if not labels or size_wh is None:
            remarks.add("regions without a label or without the size of the picture, left out", task.where)
            continue
        if len(labels) > 1:
            remarks.add("regions with several labels, which become a mark for each", task.where)
        score = probability(result.get("score")) if task.scored else None
        page = number(result.get("item_index") or 0)
        yield _Region(
            int(page) if math.isfinite(page) and page >= 0 else 0,
            size_wh,
            _box(value, size_wh, remarks, task.where),
            labels,
            score,
            texts.get(region_id) or _note(result),
        )


def _box(value: Mapping[str, Any], size_wh: SizeWH, remarks: Remarks, where: str) -> tuple[float, float, float, float]:
    """Left, top, width and height in px of a region, whatever its shape."""
    width_px, height_px = size_wh
    if "points" in value:
        remarks.add_enclosed("polygons", where)
        points = [point for point in _list(value["points"]) if isinstance(point, list) and len(point) == 2]
        return enclosing(
            [number(x) * width_px / 100 for x, _ in points], [number(y) * height_px / 100 for _, y in points]
        )
    x, y = number(value.get("x")) * width_px / 100, number(value.get("y")) * height_px / 100
    degrees = number(value.get("rotation", 0))
    if "radiusX" in value:
        remarks.add_enclosed("ellipses", where)
        across = number(value["radiusX"]) * width_px / 100
        down = number(value.get("radiusY")) * height_px / 100
        box = (x - across, y - down, 2 * across, 2 * down)
        return turned(box, degrees, "centre") if degrees else rounded(*box)
    width, height = number(value.get("width")) * width_px / 100, number(value.get("height")) * height_px / 100
    if math.isfinite(degrees) and degrees % 360:
        remarks.add_enclosed(TURNED, where)
        return turned((x, y, width, height), degrees, "corner")
    return rounded(x, y, width, height)


def _typed(result: Mapping[str, Any]) -> str:
    """What a person typed for a region."""
    value = result.get("value")
    if result.get("type") != "textarea" or not isinstance(value, dict):
        return ""
    text = value.get("text")
    return "\n".join(str(line) for line in text) if isinstance(text, list) else str(text or "")


def _note(result: Mapping[str, Any]) -> str | None:
    """The note of a region, in which `LabelStudioWriter` keeps what a code says."""
    meta = result.get("meta")
    lines = _list(meta.get("text")) if isinstance(meta, dict) else []
    return "\n".join(str(line) for line in lines) if lines else None


def _region_id(result: Mapping[str, Any]) -> str | int | None:
    found = result.get("id")
    return found if isinstance(found, (str, int)) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


class LabelStudioWriter:
    """Tasks with predictions to correct, and beside them the labelling configuration for the project.

    The score of a prediction is the lowest confidence among its marks, so that sorting by it brings the unsure pages
    first.
    """

    def __init__(self, settings: WriteSettings) -> None:
        self._settings = settings
        self._tasks = 0

    def begin(self) -> Iterator[Piece]:
        stem = self._settings.name.removesuffix(".json")
        yield Piece(f"{stem}.config.xml", labelling_configuration(self._settings))
        yield Piece(self._settings.name, "[", "next")

    def add(self, document: str, pages: Mapping[int, AnnotatedPage]) -> Iterator[Piece]:
        for page_number, page in sorted(pages.items()):
            self._tasks += 1
            text = json_line(self._task(document, page_number, page))
            yield Piece(self._settings.name, ("\n" if self._tasks == 1 else ",\n") + text, "next")

    def end(self) -> Iterator[Piece]:
        yield Piece(self._settings.name, "\n]\n", "next")

    def _task(self, document: str, page_number: int, page: AnnotatedPage) -> dict[str, Any]:
        settings = self._settings
        base = settings.base_url or f"{LOCAL_FILES_URL}{quote(settings.images)}/"
        width, height = page.size_wh
        picture = picture_name(document, page_number).encode("utf-8", "replace")
        data = {"image": base + quote(picture), "document": document, "page": page_number}
        prediction: dict[str, Any] = {"model_version": settings.model}
        scores = [mark.confidence for mark in page.marks if mark.confidence is not None]
        if scores:
            prediction["score"] = min(scores)
        prediction["result"] = [
            _result(mark, page.size_wh, position) for position, mark in enumerate(page.marks, start=1)
        ]
        return {"data": data | {"width": width, "height": height}, "predictions": [prediction]}


def labelling_configuration(settings: WriteSettings) -> str:
    """The labelling configuration (XML) of a project for the tasks that `LabelStudioWriter` writes."""
    labels = []
    for position, name in enumerate(settings.categories, start=1):
        colour = f' background="{xml_text(settings.colours[name])}"' if name in settings.colours else ""
        hotkey = f' hotkey="{position}"' if position < 10 else ""
        labels.append(f'    <Label value="{xml_text(name)}"{colour}{hotkey}/>\n')
    return (
        '<View>\n  <Image name="image" value="$image" zoom="true" zoomControl="true" rotateControl="true"/>\n'
        '  <RectangleLabels name="label" toName="image" canRotate="false">\n'
        f"{''.join(labels)}  </RectangleLabels>\n</View>\n"
    )


def _result(mark: Mark, size_wh: SizeWH, position: int) -> dict[str, Any]:
    width, height = size_wh
    x, y, wide, high = mark.xywh
    value = {"x": 100 * x / width, "y": 100 * y / height, "width": 100 * wide / width, "height": 100 * high / height}
    result: dict[str, Any] = {
        "id": f"mark_{position}",
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": value | {"rotation": 0, "rectanglelabels": [mark.category]},
    }
    if mark.confidence is not None:
        result["score"] = mark.confidence
    if mark.text is not None:
        result["meta"] = {"text": [mark.text]}
    return result
