"""`detections.jsonl`: a line per finished page, written when it is finished and never changed afterwards.

The journal is what survives a stop. `--resume` reads it, keeps what belongs to the same file content and settings, and
goes on; the other result files are made from it at the end. In memory there are only the places of the lines, so that
a hundred thousand documents cost a few MB.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from docdetect.files import output_errors
from docdetect.inference.records import (
    DocumentEnd,
    PdfEnd,
    Record,
    Stamp,
    document_to_line,
    line_to_record,
    page_to_line,
    pdf_to_line,
    record_to_end,
    record_to_page,
    record_to_pdf,
    run_to_line,
)
from docdetect.inference.settings import RunSettings
from docdetect.types import DocumentResult, FailureKind, PageResult

JOURNAL_NAME = "detections.jsonl"

_WORTH_ANOTHER_TRY = frozenset({FailureKind.ENCRYPTED, FailureKind.UNSUPPORTED})
"""A password or an extra may be there the next time, of which neither the file nor the settings tell."""


@dataclass
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

    @property
    def complete(self) -> bool:
        """Whether all lines are there; a damaged journal may have the closing line and lack a page."""
        return self.end is not None and not self.retry and self.expected in (None, len(self.pages))


class Journal:
    """The open journal of one run; lines that belong to other settings or older contents are passed over.

    Args:
        path: the file; made when missing, continued when there.
        settings: of this run.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path, settings: RunSettings) -> None:
        self.path = path
        self.settings = settings
        self._fingerprint = settings.fingerprint()
        self._entries: dict[str, Entry] = {}
        self.unreadable_lines = 0
        with output_errors(path):
            self._file: BinaryIO = path.open("a+b", buffering=0)
            if self._index() == 0:
                self._append(run_to_line(settings))

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

    def add_page(self, result: PageResult, sha256: str) -> None:
        """Appends a finished page. Raises OutputError."""
        stamp = Stamp(sha256, self._fingerprint)
        offset = self._append(page_to_line(result, stamp, self.settings))
        self._entry(result.info.document, sha256).pages[result.info.number] = offset

    def add_end(self, end: DocumentEnd, sha256: str) -> None:
        """Appends the closing line of a document. Raises OutputError."""
        offset = self._append(document_to_line(end, Stamp(sha256, self._fingerprint)))
        self._close_entry(self._entry(end.document, sha256), end, offset)

    def add_pdf(self, end: PdfEnd, sha256: str) -> None:
        """Appends the line about the marked copy of a document. Raises OutputError."""
        offset = self._append(pdf_to_line(end, Stamp(sha256, self._fingerprint)))
        self._note_pdf(self._entry(end.document, sha256), end, offset)

    def has_pdf(self, document: str) -> bool:
        """Whether the marked copy of what the journal has on the document was made."""
        entry = self._entries.get(document)
        return entry is not None and entry.has_pdf

    def read_pdf(self, document: str) -> PdfEnd | None:
        """What became of the marked copy of a document; None where none was asked for."""
        entry = self._entries[document]
        return None if entry.pdf is None else record_to_pdf(self._record(entry.pdf))

    def documents(self) -> list[str]:
        """Names of the documents with at least one line, sorted."""
        return sorted(self._entries)

    def forget(self, documents: set[str]) -> None:
        """Passes over the lines of these documents from now on."""
        for document in documents:
            self._entries.pop(document, None)

    def read_document(self, document: str) -> tuple[DocumentResult, DocumentEnd | None]:
        """All that the journal has on one document, its pages in order; None as the end while it is open."""
        entry = self._entries[document]
        names = self.settings.class_names
        pages = tuple(record_to_page(self._record(offset), names) for _, offset in sorted(entry.pages.items()))
        end = None if entry.end is None else record_to_end(self._record(entry.end))
        return DocumentResult(document, entry.sha256, pages, None if end is None else end.failure), end

    def rewrite_sorted(self) -> None:
        """Replaces the file atomically by the lines that count, sorted by document and page: the same bytes whatever
        the order of the work was and however often it was stopped. Raises OutputError."""
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        with output_errors(self.path):
            try:
                self._write_sorted(temporary)
                self._file.close()
                temporary.replace(self.path)
            finally:
                temporary.unlink(missing_ok=True)
            self._file = self.path.open("a+b", buffering=0)
            self._entries.clear()
            self._index()

    def _write_sorted(self, path: Path) -> None:
        with path.open("wb") as stream:
            stream.write(run_to_line(self.settings).encode() + b"\n")
            for line in self._sorted_lines():
                stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())

    def _sorted_lines(self) -> Iterator[bytes]:
        for document in self.documents():
            entry = self._entries[document]
            for _, offset in sorted(entry.pages.items()):
                yield self._line_at(offset)
            for closing in (entry.end, entry.pdf):
                if closing is not None:
                    yield self._line_at(closing)

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
            offset = self._file.seek(0, os.SEEK_END)
            written = 0
            try:
                while written < len(data):
                    written += self._file.write(data[written:])
            except BaseException:
                self._file.truncate(offset)
                raise
        return offset

    def _line_at(self, offset: int) -> bytes:
        self._file.seek(offset)
        parts = []
        while chunk := self._file.read(1 << 14):
            head, newline, _ = chunk.partition(b"\n")
            parts.append(head)
            if newline:
                break
        return b"".join(parts) + b"\n"

    def _record(self, offset: int) -> Record:
        record = line_to_record(self._line_at(offset).decode())
        assert record is not None  # it was read, or written, by this object
        return record

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
                offset += len(line)
        return offset

    def _note(self, line: bytes, offset: int) -> None:
        record = line_to_record(line.decode("utf-8", "replace"))
        if record is None or not self._is_usable(record):
            self.unreadable_lines += 1
        elif record.kind == "run" or record.stamp.settings != self._fingerprint:
            return
        elif record.kind == "page":
            self._entry(record.document, record.stamp.sha256).pages[record.page] = offset
        elif record.kind == "document":
            self._close_entry(self._entry(record.document, record.stamp.sha256), record_to_end(record), offset)
        elif self.settings.save_pdf:
            self._note_pdf(self._entry(record.document, record.stamp.sha256), record_to_pdf(record), offset)

    def _is_usable(self, record: Record) -> bool:
        if record.stamp.settings != self._fingerprint:
            return True
        try:
            if record.kind == "page":
                record_to_page(record, self.settings.class_names)
            elif record.kind == "document":
                record_to_end(record)
            elif record.kind == "pdf":
                record_to_pdf(record)
        except (ValueError, KeyError, TypeError, IndexError):
            return False
        return True
