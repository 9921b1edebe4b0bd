"""Annotations brought together with documents: who is who, what is trained on, and every contradiction at once."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from docdetect.datasets.sizes import same_aspect
from docdetect.datasets.split import PageKey
from docdetect.datasets.survey import SurveyedDocument
from docdetect.errors import InputError, problem_list
from docdetect.files import read_text
from docdetect.labels.annotations import Annotations, annotations_from_text
from docdetect.labels.cleaning import ClassRules, Removal, clean_page, unknown_categories
from docdetect.types import Detections, SizeWH


@dataclass(frozen=True)
class Labels:
    """The truth about a set of documents.

    Attributes:
        pages: page -> its boxes in px of the size that the page was annotated at; only pages that the JSON lists.
        removals: marks that were taken out or cut, in the order of documents and pages.
        warnings: sentences about what looks wrong and is not refused.
    """

    pages: dict[PageKey, Detections]
    removals: tuple[Removal, ...]
    warnings: tuple[str, ...] = ()


def read_annotations(path: Path) -> Annotations:
    """The annotations of a JSON file.

    Raises:
        InputError: missing, unreadable, not JSON, or not in the format.
    """
    return annotations_from_text(read_text(path), str(path))


def match_labels(
    annotations: Annotations, documents: Sequence[SurveyedDocument], rules: ClassRules, origin: str
) -> Labels:
    """Finds the document of every annotated name and cleans its boxes.

    A name is the document's path relative to the source, or its bare file name where only one document has it.
    Documents that could not be opened take no part: their labels are lost with them, and a warning says so.

    Raises:
        InputError: unknown or ambiguous documents, two names for one document, pages beyond the end, unknown
            categories; one message lists all of them, `origin` in front.
    """
    matched, problems = _match_names(annotations, documents)
    problems += _pages_beyond_end(matched, annotations)
    for category, places in unknown_categories(annotations, rules).items():
        shown = ", ".join(str(PageKey(*place)) for place in places[:3]) + (", ..." if len(places) > 3 else "")
        problems.append(f"category {category!r} is unknown{rules.suggestion(category)}: {shown}")
    if problems:
        raise InputError(
            problem_list(f"{origin}: does not fit the documents or the classes", problems),
            "Correct the annotations, the folder of documents, or data.classes and data.class_map "
            "(--map category=class; --map category=null drops it).",
        )
    return _clean(matched, annotations, rules)


def _match_names(
    annotations: Annotations, documents: Sequence[SurveyedDocument]
) -> tuple[dict[str, SurveyedDocument], list[str]]:
    """Annotated name -> document, and what is wrong with the rest."""
    by_path = {document.file.name: document for document in documents}
    by_bare_name: dict[str, list[SurveyedDocument]] = {}
    for document in documents:
        by_bare_name.setdefault(document.file.name.rpartition("/")[2], []).append(document)
    matched: dict[str, SurveyedDocument] = {}
    problems: list[str] = []
    for name in annotations:
        found = [by_path[name]] if name in by_path else by_bare_name.get(name, [])
        if not found:
            close = difflib.get_close_matches(name, list(by_path), n=1, cutoff=0.6)
            problems.append(f"{name}: no such document{f' (did you mean {close[0]}?)' if close else ''}")
        elif len(found) > 1:
            paths = " or ".join(document.file.name for document in found)
            problems.append(f"{name}: which one? {paths}; write the path")
        else:
            matched[name] = found[0]
    names_of: dict[str, list[str]] = {}
    for name, document in matched.items():
        names_of.setdefault(document.file.name, []).append(name)
    problems += [f"{' and '.join(names)} are one document" for names in names_of.values() if len(names) > 1]
    return matched, problems


def _pages_beyond_end(matched: dict[str, SurveyedDocument], annotations: Annotations) -> list[str]:
    return [
        f"{PageKey(name, number)}: the document has {_pages(document.page_count)}"
        for name, document in matched.items()
        if document.failure is None
        for number in sorted(annotations[name])
        if number > document.page_count
    ]


def _clean(matched: dict[str, SurveyedDocument], annotations: Annotations, rules: ClassRules) -> Labels:
    pages: dict[PageKey, Detections] = {}
    removals: list[Removal] = []
    warnings: list[str] = []
    for name, document in sorted(matched.items(), key=lambda item: item[1].file.name):
        if document.failure is not None:
            marks = sum(len(page.marks) for page in annotations[name].values())
            warnings.append(f"{document.file.name}: cannot be opened, its {marks} annotated marks are lost")
            continue
        for number, page in sorted(annotations[name].items()):
            key = PageKey(document.file.name, number)
            pages[key], removed = clean_page(page, rules, *_place(key))
            removals += removed
            displayed_wh = document.page_sizes_wh[number - 1]
            if displayed_wh is not None and len(page.marks) and not same_aspect(page.size_wh, displayed_wh):
                warnings.append(_aspect_warning(key, page.size_wh, displayed_wh))
    return Labels(pages, tuple(removals), tuple(warnings))


def _place(key: PageKey) -> tuple[str, int]:
    return key.document, key.page


def _aspect_warning(key: PageKey, annotated_wh: SizeWH, displayed_wh: SizeWH) -> str:
    annotated, displayed = (f"{width} x {height}" for width, height in (annotated_wh, displayed_wh))
    return (
        f"{key}: annotated at {annotated} px, but the page is displayed as {displayed} pt: "
        "its boxes may sit in the wrong places; look at its picture in vis/"
    )


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"
