"""Annotations brought together with documents: who is who, what is trained on, and every contradiction at once.

What the documents of a folder are before any page is rendered: content hash, pages and their sizes, or a failure.

At which size each page of a dataset is rendered.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docdetect.annotations.cleaning import ClassRules, Removal, clean_page, unknown_categories
from docdetect.annotations.native import Annotations, annotations_from_text
from docdetect.config.schema import DataConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.split import PageKey
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.reader import Document
from docdetect.documents.sizes import AtDpi, ExactSize, LongSide, RenderSize
from docdetect.documents.sources import DocumentFile
from docdetect.errors import InputError, problem_list
from docdetect.files import read_text, sha256_file
from docdetect.types import Detections, Failure, SizeWH
from docdetect.workers.parts import WorkerSettings

_SURVEY_SIZE = AtDpi(72)


@dataclass(frozen=True)
class SurveyedDocument:
    """One document of the source.

    Attributes:
        file: where it is and what it is called.
        sha256: of its content; "" when it cannot be read at all.
        page_sizes_wh: (width, height) of each page at 72 px/inch, in page order; None for a page that cannot be
            opened. Only the aspect is meant to be used.
        failure: why the document has no pages; then page_sizes_wh is empty.
    """

    file: DocumentFile
    sha256: str
    page_sizes_wh: tuple[SizeWH | None, ...] = ()
    failure: Failure | None = None

    @property
    def page_count(self) -> int:
        """Number of pages; 0 for a failed document."""
        return len(self.page_sizes_wh)


def survey_documents(
    files: Sequence[DocumentFile],
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> list[SurveyedDocument]:
    """Opens every document once, in the given order; one that fails is in the result with its failure."""
    surveyed: list[SurveyedDocument] = []
    sizes: list[SizeWH | None] = []
    for outcome in iter_pages(files, _displayed_size, workers):
        if isinstance(outcome, PageOutcome):
            sizes.append(outcome.value)  # a page without a size is tried again when rendering, which says why
            continue
        missing = outcome.page_count - len(sizes)
        failure = None if outcome.page_count else outcome.failure
        sizes_wh = (*sizes, *[None] * missing) if outcome.page_count else ()
        surveyed.append(SurveyedDocument(outcome.file, _digest(outcome.file), sizes_wh, failure))
        sizes = []
        on_progress(len(surveyed), len(files), f"read {outcome.file.name}")
    return surveyed


def _displayed_size(document: Document, number: int) -> SizeWH:
    return document.page_info(number, _SURVEY_SIZE).size_wh


def _digest(file: DocumentFile) -> str:
    try:
        return sha256_file(file.path)
    except InputError:
        return ""  # its failure says that it cannot be read


_ASPECT_SLACK = 0.03  # page sizes are rounded to whole px and points


def render_sizes(
    config: DataConfig, documents: Sequence[SurveyedDocument], annotated_wh: Mapping[PageKey, SizeWH]
) -> dict[PageKey, RenderSize]:
    """The size of every page of every document that could be opened.

    With `size: annotations` a page is rendered exactly as large as it was annotated (when the annotated size has
    another aspect than the page, at its long side, so that nothing is distorted). A page that was not annotated gets
    the commonest long side of its document's annotated pages, else of all, else the config's resolution.

    Args:
        config: size, dpi and long_side are used.
        documents: as surveyed.
        annotated_wh: (width, height) px of the annotated pages.
    """
    overall = _commonest_long_side(list(annotated_wh.values()))
    sizes: dict[PageKey, RenderSize] = {}
    for document in documents:
        keys = [PageKey(document.file.name, number) for number in range(1, document.page_count + 1)]
        usual = _commonest_long_side([annotated_wh[key] for key in keys if key in annotated_wh]) or overall
        for key, displayed_wh in zip(keys, document.page_sizes_wh, strict=True):
            if config.size == "long_side":
                sizes[key] = LongSide(config.long_side)
            elif config.size == "annotations" and key in annotated_wh:
                sizes[key] = _as_annotated(annotated_wh[key], displayed_wh)
            elif config.size == "annotations" and usual is not None:
                sizes[key] = LongSide(usual)
            else:
                sizes[key] = AtDpi(config.dpi)
    return sizes


def same_aspect(a_wh: SizeWH, b_wh: SizeWH) -> bool:
    """Whether two (width, height) can be the same page at two sizes, rounding to whole pixels granted."""
    ratio = (a_wh[0] * b_wh[1]) / (a_wh[1] * b_wh[0])
    slack = _ASPECT_SLACK + 1 / min(*a_wh, *b_wh)
    return 1 / (1 + slack) <= ratio <= 1 + slack


def _as_annotated(annotated_wh: SizeWH, displayed_wh: SizeWH | None) -> RenderSize:
    if displayed_wh is not None and not same_aspect(annotated_wh, displayed_wh):
        return LongSide(max(annotated_wh))
    return ExactSize(*annotated_wh)


def _commonest_long_side(sizes_wh: Sequence[SizeWH]) -> int | None:
    counts = Counter(max(size_wh) for size_wh in sizes_wh)
    return min(counts, key=lambda px: (-counts[px], -px)) if counts else None


@dataclass(frozen=True)
class Labels:
    """The ground truth about a set of documents.

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
