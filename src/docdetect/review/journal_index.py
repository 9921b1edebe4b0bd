"""Which pages the journal of a run has, and where: an index in memory that follows a journal while it grows.

The journal is never written here, and may belong to a run that is still going on. Like `Journal`, the index keeps the
lines of the last settings only, and drops the pages of a document whose content has changed.
"""

from __future__ import annotations

import hashlib
import math
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docdetect.errors import InputError
from docdetect.files import nfc, sha256_text
from docdetect.inference.journal import JOURNAL_NAME
from docdetect.inference.journal_lines import JournalLine, line_to_thresholds, parse_line
from docdetect.review.growing import GrowingFile
from docdetect.types import SizeWH

_PAGE_ID = re.compile(r"([0-9a-f]{16})-([1-9][0-9]{0,6})")


@dataclass(frozen=True, slots=True)
class IndexedPage:
    """What is kept in memory of a page.

    Attributes:
        offset: where its line begins in the journal.
        length: bytes of the line, without line end.
        size_wh: width and height in px that boxes refer to; None for a page that failed.
        categories: numbers of the categories of its marks.
        scores: confidences of its marks.
        possible_categories: numbers of the categories of its possible marks below the thresholds.
        possible_scores: confidences of its possible marks.
        reason: why the page failed; "" for a page with a result.
        damaged: whether a part of the page may be missing.
    """

    offset: int
    length: int
    size_wh: SizeWH | None
    categories: bytes
    scores: array[float]
    possible_categories: bytes
    possible_scores: array[float]
    reason: str = ""
    damaged: bool = False


@dataclass(slots=True)
class IndexedDocument:
    """What is kept in memory of a document.

    Attributes:
        name: path relative to the source.
        sha256: content that the pages belong to; "" where the document could not be read.
        pages: page number -> page.
        ended: whether the run has reached the end of the document.
        page_count: pages that the document says it has; 0 while that is not known.
        reason: why the document as a whole failed or ended early; "" where it did not.
        leaves_doubt: whether a part of the document was not seen, so that nobody can say that it lacks a mark.
    """

    name: str
    sha256: str
    pages: dict[int, IndexedPage] = field(default_factory=dict)
    ended: bool = False
    page_count: int = 0
    reason: str = ""
    leaves_doubt: bool = False


@dataclass
class _Settings:
    """The pages of one set of settings, of which a journal may have several."""

    thresholds: dict[str, float] = field(default_factory=dict)
    documents: dict[str, IndexedDocument] = field(default_factory=dict)

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.thresholds)


class JournalIndex:
    """The pages of the run in a result folder. Not safe to use from several threads at once.

    Args:
        folder: the result folder.
        on_change: told the name of every document about which a line is read.

    Attributes:
        damaged_lines: whole lines that are no lines of a journal.
        version: grows whenever the index changes.
    """

    def __init__(self, folder: Path, on_change: Callable[[str], None] = lambda name: None) -> None:
        self.path = folder / JOURNAL_NAME
        self.damaged_lines = 0
        self.version = 0
        self._file = GrowingFile(self.path)
        self._on_change = on_change
        self._runs: dict[str, _Settings] = {}
        self._current = _Settings()
        self._sorted: list[str] | None = None
        self._by_hash: dict[str, str] = {}

    @property
    def class_names(self) -> tuple[str, ...]:
        """The categories that the run looks for, in the order of their numbers; empty before its first line."""
        return self._current.class_names

    @property
    def thresholds(self) -> dict[str, float]:
        """Category -> lowest score of a mark."""
        return dict(self._current.thresholds)

    @property
    def documents(self) -> dict[str, IndexedDocument]:
        """Name -> document."""
        return self._current.documents

    def names(self) -> list[str]:
        """Names of the documents, sorted."""
        if self._sorted is None:
            self._sorted = sorted(self._current.documents)
        return self._sorted

    def refresh(self) -> bool:
        """Reads what was appended since the last call, and says whether there was anything. Raises InputError."""
        changed = False
        for started_over, offset, line in self._file.lines():
            changed = True
            if started_over:
                for name in self._current.documents:
                    self._on_change(name)
                self._runs, self._current, self._sorted, self.damaged_lines = {}, _Settings(), None, 0
            if line:
                self._note(line, offset)
        self.version += changed
        return changed

    def page(self, document: str, number: int) -> IndexedPage | None:
        """A page; None where the journal has none."""
        found = self._current.documents.get(document)
        return None if found is None else found.pages.get(number)

    def find(self, page_id: str) -> tuple[str, int] | None:
        """The document and the number of the page that has this id; None where there is none."""
        match = _PAGE_ID.fullmatch(page_id)
        document = None if match is None else self._by_hash.get(match[1])
        if match is None or document is None or self.page(document, int(match[2])) is None:
            return None
        return document, int(match[2])

    def read(self, page: IndexedPage) -> tuple[JournalLine, str]:
        """The line of a page, and its content hash. Raises InputError."""
        text = self._file.read_at(page.offset, page.length)
        line = parse_line(text)
        if line is None:
            raise InputError(f"{self.path}: was changed while it was read", "Open the results again.")
        return line, sha256_text(text)[:16]

    def _note(self, data: bytes, offset: int) -> None:
        line = parse_line(data.decode("utf-8", "replace"))
        try:
            if line is None:
                raise ValueError("no line of a journal")
            if line.kind == "run":
                self._note_run(line)
            elif line.kind == "page":
                self._note_page(line, offset, len(data))
            elif line.kind == "document":
                self._note_end(line)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            self.damaged_lines += 1

    def _note_run(self, line: JournalLine) -> None:
        thresholds = line_to_thresholds(line)
        if len(thresholds) > 255:
            raise ValueError("too many classes")
        run = self._runs.setdefault(line.origin.settings, _Settings())
        run.thresholds = thresholds
        if run is not self._current:
            for name in (*self._current.documents, *run.documents):
                self._on_change(name)
            self._current, self._sorted = run, None

    def _note_page(self, line: JournalLine, offset: int, length: int) -> None:
        run = self._runs.setdefault(line.origin.settings, _Settings())
        data = line.data
        if line.page < 1:
            raise ValueError("no page number")
        if "failure" in data:
            reason = str(data["failure"]["message"])
            page = IndexedPage(offset, length, None, b"", array("f"), b"", array("f"), reason)
        else:
            size = int(data["page_size"]["width"]), int(data["page_size"]["height"])
            if min(size) < 1:
                raise ValueError("no page size")
            marks, possible_marks = data["marks"], data.get("possible_marks", ())
            page = IndexedPage(
                offset,
                length,
                size,
                *_numbers_and_scores(marks, run.class_names),
                *_numbers_and_scores(possible_marks, run.class_names),
                damaged=data.get("damaged") is not None,
            )
        self._document(run, line).pages[line.page] = page

    def _note_end(self, line: JournalLine) -> None:
        run = self._runs.setdefault(line.origin.settings, _Settings())
        document, failure = self._document(run, line), line.data["failure"]
        document.ended, document.page_count = True, int(line.data["pages"])
        document.reason = "" if failure is None else str(failure["message"])
        document.leaves_doubt = any(note["kind"] != "attachments" for note in line.data.get("notes", ()))

    def _document(self, run: _Settings, line: JournalLine) -> IndexedDocument:
        name = nfc(line.document)
        document = run.documents.get(name)
        if document is None or document.sha256 != line.origin.sha256:
            document = run.documents[name] = IndexedDocument(name, line.origin.sha256)
            self._by_hash[document_hash(name)] = name
            if run is self._current:
                self._sorted = None
        if run is self._current:
            self._on_change(name)
        return document


def document_hash(name: str) -> str:
    """16 hex digits that stand for the name of a document in an address."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def page_id(document: str, number: int) -> str:
    """The id of a page: the same for every run over the document, and safe in an address."""
    return f"{document_hash(document)}-{number}"


def _numbers_and_scores(items: Any, names: tuple[str, ...]) -> tuple[bytes, array[float]]:
    """Numbers of the categories of marks, and their confidences. Raises ValueError where a mark is none."""
    numbers, scores = bytearray(), array("f")
    for item in items:
        score, (left, top, right, bottom) = float(item["confidence"]), item["xyxy"]
        if not (0 <= score <= 1 and math.isfinite(left + top + right + bottom)):
            raise ValueError("no mark")
        numbers.append(names.index(item["category"]))
        scores.append(score)
    return bytes(numbers), scores
