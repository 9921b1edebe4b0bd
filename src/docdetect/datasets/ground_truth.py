"""Annotations and documents brought together: which document an annotated name means, and what its pages hold.

`prepare`, `labels`, `split` and `audit` all begin here: the documents of a folder are opened once, the names in the
annotations are looked up among them, the boxes are cleaned, and every contradiction is told in one message.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from docdetect.annotations.cleaning import ClassRules, Removal, clean_page, unknown_categories
from docdetect.annotations.marks import Annotations
from docdetect.annotations.native import annotations_from_text
from docdetect.config.schema import DataConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.split import PageKey
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.document import Document
from docdetect.documents.sizes import AtDpi
from docdetect.documents.sources import DocumentFile
from docdetect.errors import InputError, problem_list
from docdetect.files import read_text, sha256_file
from docdetect.machine import available_cores
from docdetect.types import Detections, FailedPage, Failure, SizeWH
from docdetect.workers.parts import WorkerSettings

Unlisted: TypeAlias = Literal["auto", "error", "skip", "empty"]
Missing: TypeAlias = Literal["error", "skip"]

_SURVEY_SIZE = AtDpi(72)
# Relative difference of two aspect ratios up to which a page can be the same at two sizes: sizes are rounded to whole
# px and points.
_ASPECT_SLACK = 0.03
# Share of unlisted documents above which the annotations of a folder are taken to be incomplete by mistake.
_MANY_UNLISTED = 0.1
_MOST_NAMES = 5


@dataclass(frozen=True)
class SurveyedDocument:
    """One document of a folder, before any of its pages is rendered.

    Attributes:
        file: where it is and what it is called.
        sha256: SHA-256 of its content; "" when it cannot be read at all.
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

    def keys(self) -> list[PageKey]:
        """Every page of the document, in order."""
        return [PageKey(self.file.name, number) for number in range(1, self.page_count + 1)]


@dataclass(frozen=True)
class Unmatched:
    """Documents that only one side knows: the folder or the annotations.

    Attributes:
        documents: their names, sorted.
        pages: how many pages they have, as far as it is known.
        treated: what was done with them: "left out", or "taken as pages without marks".
    """

    documents: tuple[str, ...] = ()
    pages: int = 0
    treated: str = "left out"


NONE_UNMATCHED = Unmatched()
"""Both sides know every document."""


@dataclass(frozen=True)
class GroundTruth:
    """What the annotations say about a folder of documents.

    Attributes:
        documents: those that take part, in the order of their names; failed ones among them.
        pages: page -> its boxes in px of the size that the page was annotated at; only pages that the annotations list.
        removals: marks that were taken out or cut, in the order of documents and pages.
        warnings: sentences about what looks wrong and is not refused.
        unlisted: documents that the annotations do not list.
        missing: annotated documents that are not in the folder.
    """

    documents: tuple[SurveyedDocument, ...]
    pages: dict[PageKey, Detections]
    removals: tuple[Removal, ...] = ()
    warnings: tuple[str, ...] = ()
    unlisted: Unmatched = NONE_UNMATCHED
    missing: Unmatched = NONE_UNMATCHED

    def keys(self) -> list[PageKey]:
        """Every page of every document that could be opened, in page order."""
        return [key for document in self.documents for key in document.keys()]  # noqa: SIM118 - not a mapping's keys

    def failures(self) -> tuple[FailedPage, ...]:
        """The documents that could not be opened."""
        return failed_documents(self.documents)

    def unmatched_warnings(self) -> list[str]:
        """Sentences about documents that only the folder or only the annotations know."""
        sides = (
            ("documents that the annotations do not list", self.unlisted),
            ("annotated documents that are not there", self.missing),
        )
        return [
            f"{what}: {len(unmatched.documents)}, {unmatched.treated} ({_some(unmatched.documents)})"
            for what, unmatched in sides
            if unmatched.documents
        ]


@dataclass(frozen=True)
class NameMatch:
    """The names in annotations, looked up among the documents of a folder.

    Attributes:
        document_of: annotated name -> document, for names that mean exactly one document.
        missing: annotated names that no document has.
        ambiguous: annotated name -> the documents that it can mean.
    """

    document_of: dict[str, str]
    missing: tuple[str, ...]
    ambiguous: dict[str, tuple[str, ...]]


def worker_settings(config: DataConfig) -> WorkerSettings:
    """The processes that the configuration asks for; 0 is one per core."""
    return WorkerSettings(workers=config.workers or available_cores())


def read_annotations(path: Path, option: str = "--annotations") -> Annotations:
    """The annotations of a JSON file.

    Args:
        path: the file.
        option: the option of the command that names the file, for the message when there is none.

    Raises:
        InputError: missing, unreadable, not JSON, or not in the format.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file", f"Put the annotations there, or name their file with {option}.")
    return annotations_from_text(read_text(path), str(path))


def survey_documents(
    files: Sequence[DocumentFile],
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> list[SurveyedDocument]:
    """Opens every document once, in the given order; a document that fails is in the result with its failure."""
    surveyed: list[SurveyedDocument] = []
    sizes: list[SizeWH | None] = []
    for outcome in iter_pages(files, _displayed_size, workers):
        if isinstance(outcome, PageOutcome):
            sizes.append(outcome.value)  # a page without a size is tried again when it is rendered, which says why
            continue
        absent = outcome.page_count - len(sizes)
        failure = None if outcome.page_count else outcome.failure
        sizes_wh = (*sizes, *[None] * absent) if outcome.page_count else ()
        surveyed.append(SurveyedDocument(outcome.file, _content_hash(outcome.file), sizes_wh, failure))
        sizes = []
        on_progress(len(surveyed), len(files), f"read {outcome.file.name}")
    return surveyed


def failed_documents(documents: Iterable[SurveyedDocument]) -> tuple[FailedPage, ...]:
    """The documents that could not be opened, and why."""
    return tuple(
        FailedPage(document.file.name, None, document.failure) for document in documents if document.failure is not None
    )


def match_names(names: Iterable[str], documents: Iterable[str]) -> NameMatch:
    """Which document each annotated name means.

    A name is the path of a document relative to the source, or its bare file name where only one document has it. A
    path that no document has may have slashes for backslashes, or the other way round: other programs change them.
    """
    by_bare_name: dict[str, list[str]] = {}
    by_slashes: dict[str, list[str]] = {}
    known = dict.fromkeys(documents)
    for document in known:
        by_bare_name.setdefault(document.rpartition("/")[2], []).append(document)
        by_slashes.setdefault(document.replace("\\", "/"), []).append(document)
    document_of: dict[str, str] = {}
    missing: list[str] = []
    ambiguous: dict[str, tuple[str, ...]] = {}
    for name in names:
        found = [name] if name in known else by_bare_name.get(name) or by_slashes.get(name.replace("\\", "/"), [])
        if len(found) == 1:
            document_of[name] = found[0]
        elif found:
            ambiguous[name] = tuple(found)
        else:
            missing.append(name)
    return NameMatch(document_of, tuple(missing), ambiguous)


def bring_together(
    annotations: Annotations,
    documents: Sequence[SurveyedDocument],
    rules: ClassRules,
    origin: str,
    *,
    unlisted: Unlisted = "auto",
    missing: Missing = "error",
) -> GroundTruth:
    """Finds the document of every annotated name and cleans its boxes.

    Documents that could not be opened take no part: their labels are lost with them, and a warning says so.

    Args:
        annotations: as read.
        documents: every document of the folder, as surveyed.
        rules: which categories become which classes.
        origin: names the annotations in messages.
        unlisted: what is done with documents that the annotations do not list: "error" refuses them, "skip" leaves
            them out, "empty" takes all their pages as pages without marks; "auto" is "error" when they are more than a
            tenth of the documents, else "skip".
        missing: what is done with annotated documents that are not there: "error" refuses them, "skip" leaves them out.

    Raises:
        InputError: ambiguous names, two names for one document, pages beyond the end, unknown categories, and unlisted
            or missing documents where they are refused; one message lists everything.
    """
    matched = match_names(annotations, [document.file.name for document in documents])
    by_name = {document.file.name: document for document in documents}
    listed = {name: by_name[document] for name, document in matched.document_of.items()}
    named = set(matched.document_of.values()) | {name for names in matched.ambiguous.values() for name in names}
    strangers = [document for document in documents if document.file.name not in named and document.failure is None]
    refuses_strangers = unlisted == "error" or (
        unlisted == "auto" and len(strangers) > _MANY_UNLISTED * sum(one.failure is None for one in documents)
    )
    problems = _name_problems(matched, by_name, refuses_missing=missing == "error")
    problems += _pages_beyond_end(listed, annotations)
    remedies = ["Correct the annotations or the folder of documents."]
    if unknown := _category_problems(annotations, rules):
        problems += unknown
        remedies.append("For categories, --map category=class names the class, and --map category=null drops them.")
    if matched.missing and missing == "error":
        remedies.append("--missing skip leaves out annotated documents that are not there.")
    if strangers and refuses_strangers:
        names = _some([document.file.name for document in strangers])
        problems.append(f"documents that the annotations do not list: {len(strangers)} of {len(documents)} ({names})")
        remedies.append("--unlisted skip leaves unlisted documents out, --unlisted empty takes them as without marks.")
    if problems:
        raise InputError(
            problem_list(f"{origin}: does not fit the documents or the classes", problems), " ".join(remedies)
        )
    taken = [one for one in documents if unlisted == "empty" or one not in strangers]
    pages, removals, warnings = _clean(listed, annotations, rules)
    return GroundTruth(
        tuple(taken),
        pages,
        tuple(removals),
        tuple(warnings),
        Unmatched(
            tuple(document.file.name for document in strangers),
            sum(document.page_count for document in strangers),
            "taken as pages without marks" if unlisted == "empty" else "left out",
        ),
        Unmatched(tuple(sorted(matched.missing)), sum(len(annotations[name]) for name in matched.missing)),
    )


def same_aspect(a_wh: SizeWH, b_wh: SizeWH) -> bool:
    """Whether two (width, height) can be the same page at two sizes, rounding to whole pixels granted."""
    ratio = (a_wh[0] * b_wh[1]) / (a_wh[1] * b_wh[0])
    slack = _ASPECT_SLACK + 1 / min(*a_wh, *b_wh)
    return 1 / (1 + slack) <= ratio <= 1 + slack


def _name_problems(
    matched: NameMatch, documents: Mapping[str, SurveyedDocument], *, refuses_missing: bool
) -> list[str]:
    problems = []
    for name in matched.missing if refuses_missing else ():
        close = difflib.get_close_matches(name, list(documents), n=1, cutoff=0.6)
        problems.append(f"{name}: no such document{f' (did you mean {close[0]}?)' if close else ''}")
    for name, candidates in matched.ambiguous.items():
        problems.append(f"{name}: which one? {' or '.join(candidates)}; write the path")
    names_of: dict[str, list[str]] = {}
    for name, document in matched.document_of.items():
        names_of.setdefault(document, []).append(name)
    problems += [f"{' and '.join(names)} are one document" for names in names_of.values() if len(names) > 1]
    return problems


def _pages_beyond_end(listed: Mapping[str, SurveyedDocument], annotations: Annotations) -> list[str]:
    return [
        f"{PageKey(name, number)}: the document has {_pages(document.page_count)}"
        for name, document in listed.items()
        if document.failure is None
        for number in sorted(annotations[name])
        if number > document.page_count
    ]


def _category_problems(annotations: Annotations, rules: ClassRules) -> list[str]:
    problems = []
    for category, places in unknown_categories(annotations, rules).items():
        shown = ", ".join(str(PageKey(*place)) for place in places[:3]) + (", ..." if len(places) > 3 else "")
        problems.append(f"category {category!r} is unknown{rules.suggestion(category)}: {shown}")
    return problems


def _clean(
    listed: Mapping[str, SurveyedDocument], annotations: Annotations, rules: ClassRules
) -> tuple[dict[PageKey, Detections], list[Removal], list[str]]:
    pages: dict[PageKey, Detections] = {}
    removals: list[Removal] = []
    warnings: list[str] = []
    for name, document in sorted(listed.items(), key=lambda item: item[1].file.name):
        if document.failure is not None:
            marks = sum(len(page.marks) for page in annotations[name].values())
            warnings.append(f"{document.file.name}: cannot be opened, its {marks} annotated marks are lost")
            continue
        for number, page in sorted(annotations[name].items()):
            key = PageKey(document.file.name, number)
            pages[key], removed = clean_page(page, rules, key.document, key.page)
            removals += removed
            displayed_wh = document.page_sizes_wh[number - 1]
            if displayed_wh is not None and len(page.marks) and not same_aspect(page.size_wh, displayed_wh):
                warnings.append(_aspect_warning(key, page.size_wh, displayed_wh))
    return pages, removals, warnings


def _aspect_warning(key: PageKey, annotated_wh: SizeWH, displayed_wh: SizeWH) -> str:
    annotated, displayed = (f"{width} x {height}" for width, height in (annotated_wh, displayed_wh))
    return (
        f"{key}: annotated at {annotated} px, but the page is displayed as {displayed} pt: "
        "its boxes may sit in the wrong places; look at its picture in vis/"
    )


def _displayed_size(document: Document, number: int) -> SizeWH:
    return document.page_info(number, _SURVEY_SIZE).size_wh


def _content_hash(file: DocumentFile) -> str:
    try:
        return sha256_file(file.path)
    except InputError:
        return ""  # the failure of the document says that it cannot be read


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
