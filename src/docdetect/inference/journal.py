"""`detections.jsonl`, the journal of a run: a line for each finished page, written as soon as the page is finished.

The journal is what survives when a run is stopped. `--resume` reads it, keeps what belongs to the same file contents
and settings, and goes on from there. While a run works, the results of its own pages reach the result files as
objects; only results of an earlier run are read back from the journal. Memory holds no more than the positions of the
lines, so that a hundred thousand documents cost a few MB. What a line holds is in `journal_lines.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from docdetect.errors import OutputError
from docdetect.files import output_errors, replacing
from docdetect.inference.journal_lines import (
    DocumentEnd,
    JournalLine,
    Origin,
    PdfEnd,
    document_to_line,
    line_to_end,
    line_to_page,
    line_to_pdf,
    page_place,
    page_to_line,
    parse_line,
    pdf_to_line,
    run_to_line,
)
from docdetect.inference.settings import RunSettings
from docdetect.types import DocumentResult, FailedPage, FailureKind, PageResult

JOURNAL_NAME = "detections.jsonl"

# Documents that failed for these reasons are tried again by `--resume`: a password, or a package, may be there now, of
# which neither the file nor the settings tell.
_WORTH_ANOTHER_TRY = frozenset({FailureKind.ENCRYPTED, FailureKind.UNSUPPORTED})


@dataclass(slots=True)
class Entry:
    """Where the lines of one document stand.

    Attributes:
        sha256: content of the file that they belong to.
        pages: page number -> byte offset.
        end: byte offset of the closing line; None while the document is open.
        expected: pages that the closing line says there are; None where the document ended early.
        pdf: byte offset of the line about the marked copy; None while there is none.
        has_pdf: there is a marked copy.
        retry: the document may open the next time, as it is.
    """

    sha256: str
    pages: dict[int, int] = field(default_factory=dict)
    end: int | None = None
    expected: int | None = None
    pdf: int | None = None
    has_pdf: bool = False
    retry: bool = False

    def offsets(self) -> list[int]:
        """Where the lines of the document stand, in the order that they have in a sorted journal."""
        closing = [offset for offset in (self.end, self.pdf) if offset is not None]
        return [offset for _, offset in sorted(self.pages.items())] + closing

    @property
    def complete(self) -> bool:
        """Whether all lines are there; a damaged journal may have the closing line and lack a page."""
        return self.end is not None and not self.retry and self.expected in (None, len(self.pages))


class Journal:
    """The open journal of one run; lines that belong to other settings or older contents are passed over.

    Args:
        path: the file; made when missing, continued when there.
        settings: of this run.

    Attributes:
        unreadable_lines: lines that were torn or damaged, so that their pages are done again.
        stale_documents: names of the documents that there are only results of other settings for.
        stale_settings: those settings, as `RunSettings.influential` gave them; empty when there are none.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, settings: RunSettings) -> None:
        self.path = path
        self.settings = settings
        self._settings_hash = settings.content_hash()
        self._entries: dict[str, Entry] = {}
        self._lines = 0
        self.unreadable_lines = 0
        self.stale_documents: set[str] = set()
        self.stale_settings: dict[str, Any] = {}
        with output_errors(path):
            self._file: BinaryIO = path.open("a+b", buffering=0)
            if self._index() == 0 or self.stale_settings:
                self._append(run_to_line(settings))
        self.stale_documents -= {name for name, entry in self._entries.items() if entry.complete}

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def done_pages(self, document: str, sha256: str) -> frozenset[int]:
        """Pages of this content of the document that need no more work."""
        entry = self._entries.get(document)
        return frozenset(entry.pages) if entry is not None and sha256 and entry.sha256 == sha256 else frozenset()

    def is_complete(self, document: str, sha256: str) -> bool:
        """Whether this content of the document needs no more work at all."""
        entry = self._entries.get(document)
        return entry is not None and bool(sha256) and entry.sha256 == sha256 and entry.complete

    def known_sha256(self, document: str) -> str:
        """The content that the journal's lines of the document belong to; "" when there are none."""
        entry = self._entries.get(document)
        return entry.sha256 if entry is not None else ""

    def add_page(self, result: PageResult | FailedPage, sha256: str) -> None:
        """Appends the result of a page, or why it has none. Raises OutputError."""
        document, number = page_place(result)
        offset = self._append(page_to_line(result, Origin(sha256, self._settings_hash), self.settings))
        self._entry(document, sha256).pages[number] = offset

    def add_end(self, end: DocumentEnd, sha256: str) -> None:
        """Appends the closing line of a document. Raises OutputError."""
        offset = self._append(document_to_line(end, Origin(sha256, self._settings_hash)))
        self._close_entry(self._entry(end.document, sha256), end, offset)

    def add_pdf(self, end: PdfEnd, sha256: str) -> None:
        """Appends the line about the marked copy of a document. Raises OutputError."""
        offset = self._append(pdf_to_line(end, Origin(sha256, self._settings_hash)))
        self._note_pdf(self._entry(end.document, sha256), end, offset)

    def has_pdf(self, document: str) -> bool:
        """Whether the marked copy of what the journal has on the document was made."""
        entry = self._entries.get(document)
        return entry is not None and entry.has_pdf

    def read_pdf(self, document: str) -> PdfEnd | None:
        """What became of the marked copy of a document; None where none was asked for."""
        entry = self._entries[document]
        return None if entry.pdf is None else line_to_pdf(self._parsed(entry.pdf))

    def documents(self) -> list[str]:
        """Names of the documents with at least one line, sorted."""
        return sorted(self._entries)

    def forget(self, documents: set[str]) -> None:
        """Passes over the lines of these documents from now on."""
        for document in documents:
            self._entries.pop(document, None)

    def read_pages(self, document: str, numbers: Iterable[int] | None = None) -> list[PageResult | FailedPage]:
        """The results of these pages of a document, or of all pages that the journal has, in page order."""
        pages = self._entries[document].pages
        wanted = sorted(pages if numbers is None else numbers)
        return [line_to_page(self._parsed(pages[number]), self.settings.class_names) for number in wanted]

    def read_page(self, document: str, number: int) -> PageResult | FailedPage:
        """The result of page `number` (from 1) of a document."""
        return self.read_pages(document, (number,))[0]

    def read_document(self, document: str) -> tuple[DocumentResult, DocumentEnd | None]:
        """All that the journal has on one document, its pages in order; None as the end while it is open."""
        entry = self._entries[document]
        end = None if entry.end is None else line_to_end(self._parsed(entry.end))
        failure, notes = (None, ()) if end is None else (end.failure, end.notes)
        return DocumentResult(document, entry.sha256, tuple(self.read_pages(document)), failure, notes), end

    def rewrite_sorted(self) -> None:
        """Makes the file hold exactly the lines that count, sorted by document and page.

        The bytes are the same whatever the order of the work was and however often it was stopped. The file is
        replaced atomically, and left alone where it is sorted already, as an undisturbed run leaves it.

        Raises:
            OutputError: the file cannot be written.
        """
        offsets = [offset for entry in self._sorted_entries() for offset in entry.offsets()]
        if offsets == sorted(offsets) and self._lines == 1 + len(offsets):
            with output_errors(self.path):
                os.fsync(self._file.fileno())
            return
        with replacing(self.path) as stream:
            entries = self._write_sorted(stream)
            self._file.close()  # all lines are read; Windows replaces no file that is open
        with output_errors(self.path):
            self._file = self.path.open("a+b", buffering=0)
            self._entries, self._lines = entries, 1 + len(offsets)

    def _write_sorted(self, stream: BinaryIO) -> dict[str, Entry]:
        """Writes the lines that count, sorted, and returns the entries with the lines' new positions."""
        stream.write(run_to_line(self.settings).encode() + b"\n")

        def moved(offset: int | None) -> int | None:
            if offset is None:
                return None
            position = stream.tell()
            stream.write(self._line_at(offset))
            return position

        entries: dict[str, Entry] = {}
        for document in self.documents():
            entry = self._entries[document]
            pages = {number: moved(offset) or 0 for number, offset in sorted(entry.pages.items())}
            entries[document] = replace(entry, pages=pages, end=moved(entry.end), pdf=moved(entry.pdf))
        return entries

    def _sorted_entries(self) -> Iterator[Entry]:
        return (self._entries[document] for document in self.documents())

    def _entry(self, document: str, sha256: str) -> Entry:
        entry = self._entries.get(document)
        if entry is None or entry.sha256 != sha256:
            entry = self._entries[document] = Entry(sha256)
        return entry

    @staticmethod
    def _close_entry(entry: Entry, end: DocumentEnd, offset: int) -> None:
        entry.end = offset
        entry.expected = end.page_count if end.failure is None else None
        entry.retry = end.failure is not None and end.failure.kind in _WORTH_ANOTHER_TRY
        entry.pdf, entry.has_pdf = None, False  # a copy made before has not the marks of what was done again

    @staticmethod
    def _note_pdf(entry: Entry, end: PdfEnd, offset: int) -> None:
        entry.pdf, entry.has_pdf = offset, end.failure is None

    def _append(self, line: str) -> int:
        """Writes a line in one go and returns its offset; a line that did not fit on the disk is taken back."""
        data = line.encode() + b"\n"
        with output_errors(self.path):
            self._check_there()
            offset = self._file.seek(0, os.SEEK_END)
            written = 0
            try:
                while written < len(data):
                    written += self._file.write(data[written:])
            except BaseException:
                self._file.truncate(offset)
                raise
        self._lines += 1
        return offset

    def _check_there(self) -> None:
        """Raises OutputError where another program has removed or replaced the file: nothing written would be found."""
        try:
            is_there = os.path.samestat(self.path.stat(), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            is_there = False
        if not is_there:
            raise OutputError(
                f"{self.path}: another program has removed or replaced it during the run",
                "Start the run again, and leave its folder alone until it has ended.",
            )

    def _line_at(self, offset: int) -> bytes:
        self._file.seek(offset)
        parts = []
        while chunk := self._file.read(1 << 14):
            head, newline, _ = chunk.partition(b"\n")
            parts.append(head)
            if newline:
                break
        return b"".join(parts) + b"\n"

    def _parsed(self, offset: int) -> JournalLine:
        line = parse_line(self._line_at(offset).decode())
        assert line is not None  # it was read, or written, by this object
        return line

    def _index(self) -> int:
        """Finds the lines that count and returns the length of the file, cut back to its last whole line."""
        offset = 0
        with self.path.open("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    self._file.truncate(offset)  # torn by a kill or a full disk: that page is done again
                    self.unreadable_lines += 1
                    break
                self._note(line, offset)
                self._lines += 1
                offset += len(line)
        return offset

    def _note(self, data: bytes, offset: int) -> None:
        line = parse_line(data.decode("utf-8", "replace"))
        if line is None or not self._is_usable(line):
            self.unreadable_lines += 1
        elif line.kind == "run":
            if line.origin.settings == self._settings_hash:
                self.stale_settings = {}  # an earlier try to go on has said so already
            else:
                self.stale_settings = line.data.get("values", {})
        elif line.origin.settings != self._settings_hash:
            self.stale_documents.add(line.document)
        elif line.kind == "page":
            self._entry(line.document, line.origin.sha256).pages[line.page] = offset
        elif line.kind == "document":
            self._close_entry(self._entry(line.document, line.origin.sha256), line_to_end(line), offset)
        elif self.settings.save_pdf:
            self._note_pdf(self._entry(line.document, line.origin.sha256), line_to_pdf(line), offset)

    def _is_usable(self, line: JournalLine) -> bool:
        if line.origin.settings != self._settings_hash:
            return True
        try:
            if line.kind == "page":
                line_to_page(line, self.settings.class_names)
            elif line.kind == "document":
                line_to_end(line)
            elif line.kind == "pdf":
                line_to_pdf(line)
        except (ValueError, KeyError, TypeError, IndexError):
            return False
        return True
