"""The JSON annotations that `prepare` reads and `infer` writes.

The JSON maps the name of a document to pages (`page_1`, `page_2`, ...); a page has its `page_size` and a list of
objects with one key each, which hold a category and a box. Boxes are left, top, width and height in px of that page
size, with the origin at the top left of the page as displayed. This module turns text into data and data into text;
whether a box makes sense is decided in `docdetect.annotations.cleaning`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from docdetect.annotations.marks import CODE_STATUSES, AnnotatedPage, Annotations, Mark
from docdetect.annotations.writing import Piece, WriteSettings
from docdetect.errors import InputError, problem_list
from docdetect.files import json_text, nfc, parse_json

_PAGE_KEY = re.compile(r"page_([1-9][0-9]{0,6})")
_BOX_KEYS = ("x", "y", "width", "height")
_REMEDY = (
    'Each document is written as {"page_1": {"page_size": {"width", "height"}, "annotations": '
    '[{"annotation_1": {"category", "bbox": {"x", "y", "width", "height"}}}]}}. '
    "Files of other tools are converted first, such as: docdetect labels --from coco --to native FILE annotations.json"
)
_ABSENT = object()


class _WithRepeats(dict[str, Any]):
    """A JSON object in which keys stand more than once; a plain dict would keep the last value and say nothing."""

    repeated: tuple[str, ...] = ()


def annotations_from_text(text: str, origin: str) -> Annotations:
    """Annotations from JSON text; documents and pages that stand in the text twice are an error, too.

    Raises:
        InputError: not JSON (with line and column), or as `annotations_from_json`; `origin` names the text.
    """
    data = parse_json(text, origin, note_object=_object_noting_repeats)
    return annotations_from_json(data, origin)


def annotations_from_json(data: object, origin: str) -> Annotations:
    """Annotations from parsed JSON.

    Keys that the format does not know are ignored. Box values that are null or no finite number become NaN or stay
    infinite, for cleaning to remove with a reason.

    Raises:
        InputError: the structure is not the format's; the message lists every problem, `origin` in front.
    """
    if not isinstance(data, dict):
        raise InputError(f"{origin}: expected an object of documents, found {_kind(data)}", _REMEDY)
    problems: list[str] = []
    annotations: Annotations = {}
    _note_repeats(data, "the file", problems)
    for raw_name, pages in data.items():
        name = nfc(_sound(str(raw_name)))
        if name in annotations:
            problems.append(f"{name}: two names are the same document once written in Unicode NFC")
            continue
        annotations[name] = _read_pages(pages, name, problems)
    if problems:
        raise InputError(problem_list(f"{origin}: not in the annotation format", problems), _REMEDY)
    return annotations


def annotations_to_json(annotations: Annotations) -> dict[str, Any]:
    """The data of the JSON file, `annotations_from_json` reversed; confidence and text only where given.

    Marks without a key are numbered `annotation_1`, `annotation_2`, ... through the file, past numbers in use.
    """
    used = {mark.key for pages in annotations.values() for page in pages.values() for mark in page.marks}
    numbers = (key for key in map("annotation_{}".format, range(1, 1 << 62)) if key not in used)
    return {
        nfc(document): {
            f"page_{number}": {
                "annotations": [{mark.key or next(numbers): _mark_to_json(mark)} for mark in page.marks],
                "page_size": {"width": page.size_wh[0], "height": page.size_wh[1]},
            }
            for number, page in sorted(pages.items())
        }
        for document, pages in annotations.items()
    }


class NativeWriter:
    """One JSON file, document after document; marks without a key are numbered through the file."""

    def __init__(self, settings: WriteSettings) -> None:
        self._name = settings.name
        self._documents = self._marks = 0

    def begin(self) -> Iterator[Piece]:
        yield self._piece("{")

    def add(self, document: str, pages: Mapping[int, AnnotatedPage]) -> Iterator[Piece]:
        numbered = {}
        for number, page in sorted(pages.items()):
            marks = [
                replace(mark, key=mark.key or f"annotation_{self._marks + position}")
                for position, mark in enumerate(page.marks, start=1)
            ]
            self._marks += len(marks)
            numbered[number] = replace(page, marks=tuple(marks))
        text = json_text(annotations_to_json({document: numbered}))
        yield self._piece((",\n" if self._documents else "\n") + text.removeprefix("{\n").removesuffix("\n}\n"))
        self._documents += 1

    def end(self) -> Iterator[Piece]:
        yield self._piece("\n}\n" if self._documents else "}\n")

    def _piece(self, text: str) -> Piece:
        return Piece(self._name, text, "next")


def _mark_to_json(mark: Mark) -> dict[str, Any]:
    x, y, width, height = mark.xywh
    data: dict[str, Any] = {
        "category": mark.category,
        "bbox": {"x": x, "y": y, "width": width, "height": height},
        "area": round(width * height, 4),
    }
    if mark.confidence is not None:
        data["confidence"] = mark.confidence
    if mark.text is not None:
        data["text"] = mark.text
    if mark.status is not None:
        data["status"] = mark.status
    return data


def _read_pages(pages: object, document: str, problems: list[str]) -> dict[int, AnnotatedPage]:
    if not isinstance(pages, dict):
        problems.append(f"{document}: expected an object of pages, found {_kind(pages)}")
        return {}
    _note_repeats(pages, document, problems)
    found: dict[int, AnnotatedPage] = {}
    for key, page in pages.items():
        match = _PAGE_KEY.fullmatch(str(key))
        if match is None:
            problems.append(f"{document}: page key {key!r}, expected page_1, page_2, ...")
            continue
        read = _read_page(page, f"{document}, {key}", problems)
        if read is not None:
            found[int(match[1])] = read
    return found


def _read_page(page: object, where: str, problems: list[str]) -> AnnotatedPage | None:
    if not isinstance(page, dict):
        problems.append(f"{where}: expected an object, found {_kind(page)}")
        return None
    size = page.get("page_size")
    width, height = (_whole(size.get(key)) for key in ("width", "height")) if isinstance(size, dict) else (None, None)
    items = page.get("annotations", [])
    if width is None or height is None:
        problems.append(f"{where}: page_size needs width and height in whole px, at least 1 (found {size!r})")
    if not isinstance(items, list):
        problems.append(f"{where}: annotations must be a list, found {_kind(items)}")
        return None
    marks = [_read_mark(item, f"{where}, annotation {n}", problems) for n, item in enumerate(items, start=1)]
    if width is None or height is None:
        return None
    return AnnotatedPage((width, height), tuple(mark for mark in marks if mark is not None))


def _read_mark(item: object, where: str, problems: list[str]) -> Mark | None:
    if not isinstance(item, dict) or len(item) != 1 or not isinstance(next(iter(item.values())), dict):
        problems.append(f'{where}: expected an object with one key, like {{"annotation_1": {{...}}}}')
        return None
    key, body = next(iter(item.items()))
    category, box = body.get("category"), body.get("bbox")
    wrong = []
    if not isinstance(category, str) or not category.strip():
        wrong.append("category must be a text")
    numbers = [_number(box.get(name, _ABSENT)) for name in _BOX_KEYS] if isinstance(box, dict) else [None]
    if any(number is None for number in numbers):
        wrong.append("bbox needs the numbers x, y, width and height")
    confidence, text, status = body.get("confidence"), body.get("text"), body.get("status")
    if confidence is not None:
        confidence = _number(confidence)
        if confidence is None or not 0 <= confidence <= 1:
            wrong.append("confidence must be a number from 0 to 1")
    if text is not None and not isinstance(text, str):
        wrong.append("text must be a text")
    if wrong:
        problems.append(f"{where} ({key}): {'; '.join(wrong)}")
        return None
    x, y, width, height = (float(number) for number in numbers if number is not None)
    text = None if text is None else _sound(text)
    status = status if status in CODE_STATUSES else None  # other tools have a status of their own
    return Mark(_sound(category), (x, y, width, height), _sound(str(key)), confidence, text, status)


def _sound(text: str) -> str:
    """The text with question marks for halves of surrogate pairs, which JSON can hold and no UTF-8 file can."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _number(value: object) -> float | None:
    """The float that a JSON value stands for (null is NaN, as many exporters write it), None when it is no number."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _whole(value: object) -> int | None:
    number = None if value is None else _number(value)
    return int(number) if number is not None and math.isfinite(number) and number >= 1 and number % 1 == 0 else None


def _object_noting_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) == len(pairs):
        return data
    seen: set[str] = set()
    noted = _WithRepeats(data)
    noted.repeated = tuple(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return noted


def _note_repeats(data: dict[str, Any], where: str, problems: list[str]) -> None:
    if isinstance(data, _WithRepeats):
        problems.extend(f"{where}: {key!r} stands in it twice" for key in dict.fromkeys(data.repeated))


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true/false", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, (int, float)) else type(value).__name__)
