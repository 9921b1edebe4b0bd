"""`detections.jsonl`, the journal of a run: a line for each finished page, written as soon as the page is finished.

The journal is what survives when a run is stopped. `--resume` reads it, keeps what belongs to the same file contents
and settings, and goes on from there. While a run works, the results of its own pages reach the result files as
objects; only results of an earlier run are read back from the journal. Memory holds no more than the positions of the
lines, so that a hundred thousand documents cost a few MB.

Each line is one JSON object: the run, a finished page, a finished document, or the marked copy of a PDF. The line of a
page holds everything that the other result files are made from: the raw detections as the network gave them, the
marks with the positions of the raw boxes that each of them stands for, and the size of the page.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

import numpy as np

from docdetect.files import output_errors, replacing
from docdetect.inference.settings import RunSettings
from docdetect.types import (
    Detections,
    DocumentResult,
    FailedPage,
    Failure,
    FailureKind,
    Note,
    NoteKind,
    PageInfo,
    PageResult,
    SizeWH,
)

JOURNAL_VERSION = 1

LineKind: TypeAlias = Literal["run", "page", "document", "pdf"]


@dataclass(frozen=True)
class Origin:
    """What a result belongs to.

    Attributes:
        sha256: content hash of the document; "" where it could not be read.
        settings: hash of the settings of the run, see `RunSettings.content_hash`.
    """

    sha256: str
    settings: str


@dataclass(frozen=True)
class DocumentEnd:
    """The line that closes a document.

    Attributes:
        document: path relative to the source, POSIX, NFC.
        page_count: pages the document says it has.
        failure: why the document as a whole failed or ended early.
        notes: what else is to be known about the document.
    """

    document: str
    page_count: int
    failure: Failure | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class PdfEnd:
    """The line that says that the marked copy of a PDF was made, or why it could not be.

    Attributes:
        document: path relative to the source, POSIX, NFC.
        failure: why there is no copy.
    """

    document: str
    failure: Failure | None = None


@dataclass(frozen=True)
class JournalLine:
    """A line that was read back.

    Attributes:
        kind: what the line is about: the run, a page, the end of a document, or the marked copy of a PDF.
        document: name of the document; "" for the run.
        page: page number from 1; 0 for all lines but those of pages.
        origin: the content and the settings that the line belongs to.
        data: the parsed JSON object.
    """

    kind: LineKind
    document: str
    page: int
    origin: Origin
    data: dict[str, Any]


def run_to_line(settings: RunSettings) -> str:
    """The first line of a journal."""
    return _text_of(
        {
            "record": "run",
            "journal": JOURNAL_VERSION,
            "settings": settings.content_hash(),
            "values": settings.influential(),
        }
    )


def page_to_line(result: PageResult | FailedPage, origin: Origin, settings: RunSettings) -> str:
    """The line of a finished page, without line end."""
    if isinstance(result, FailedPage):
        failed: dict[str, Any] = {"record": "page", "document": result.document, "page": result.page} | vars(origin)
        return _text_of(failed | {"failure": failure_to_json(result.failure)})
    info = result.info
    data: dict[str, Any] = {"record": "page", "document": info.document, "page": info.number} | vars(origin)
    data["page_size"] = {"width": info.size_wh[0], "height": info.size_wh[1]}
    data["dpi"] = info.dpi
    data["size_pt"] = None if info.size_pt is None else list(info.size_pt)
    if info.damaged is not None:
        data["damaged"] = info.damaged
    if info.sheet is not None:
        data["sheet"] = [list(corner) for corner in info.sheet]
    data["raw"] = _detections_to_json(result.raw, settings.class_names)
    marks = _detections_to_json(result.grouped, settings.class_names)
    confidences = mark_confidences(result, settings)
    for mark, confidence, members, text in zip(marks, confidences, result.members, result.texts, strict=True):
        if settings.calibration is not None:
            mark["score"], mark["confidence"] = mark["confidence"], confidence
        mark["members"] = list(members)
        status = code_status(mark["category"], text, settings)
        if status is not None:
            mark |= {"text": text, "status": status}
    if result.doubtful is not None and len(result.doubtful):
        data["doubtful"] = _detections_to_json(result.doubtful, settings.class_names)
    if result.screened_out:
        data["screened_out"] = True
    return _text_of(data | {"marks": marks})


def page_place(result: PageResult | FailedPage) -> tuple[str, int]:
    """The document name and the number (from 1) of a page."""
    if isinstance(result, FailedPage):
        assert result.page is not None
        return result.document, result.page
    return result.info.document, result.info.number


def document_to_line(end: DocumentEnd, origin: Origin) -> str:
    """The line that closes a document, without line end."""
    data = {"record": "document", "document": end.document} | vars(origin) | {"pages": end.page_count}
    if end.notes:
        data["notes"] = [note_to_json(note) for note in end.notes]
    return _text_of(data | {"failure": None if end.failure is None else failure_to_json(end.failure)})


def pdf_to_line(end: PdfEnd, origin: Origin) -> str:
    """The line about the marked copy of a PDF, without line end."""
    data = {"record": "pdf", "document": end.document} | vars(origin)
    return _text_of(data | {"failure": None if end.failure is None else failure_to_json(end.failure)})


def parse_line(text: str) -> JournalLine | None:
    """The line that a text holds; None for a text that is torn, or no line of a journal."""
    try:
        data = json.loads(text)
        kind = data["record"]
        if kind not in ("run", "page", "document", "pdf"):
            return None
        origin = Origin(str(data.get("sha256", "")), str(data["settings"]))
        return JournalLine(kind, str(data.get("document", "")), int(data.get("page", 0)), origin, data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def line_to_thresholds(line: JournalLine) -> dict[str, float]:
    """Category -> lowest score of a mark, in the order of the class ids, from the line of a run's settings.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: the line is not one that `run_to_line` wrote.
    """
    values = line.data["values"]
    names = [str(name) for name in values["class_names"]]
    conf = [float(value) for value in values.get("class_conf") or [values["conf"]] * len(names)]
    found = dict(zip(names, conf, strict=True))
    if len(found) != len(names):
        raise ValueError("a category twice")
    return found


def line_to_page(line: JournalLine, class_names: tuple[str, ...]) -> PageResult | FailedPage:
    """The result of a page that a line was written from.

    Raises:
        ValueError, KeyError, TypeError: the line is not one that `page_to_line` wrote with these classes.
    """
    data = line.data
    if "failure" in data:
        return FailedPage(line.document, line.page, failure_from_json(data["failure"]))
    size_wh = (int(data["page_size"]["width"]), int(data["page_size"]["height"]))
    size_pt = None if data["size_pt"] is None else (float(data["size_pt"][0]), float(data["size_pt"][1]))
    corners = data.get("sheet")
    sheet = None if corners is None else tuple((float(x), float(y)) for x, y in corners)
    return PageResult(
        info=PageInfo(line.document, line.page, size_wh, data["dpi"], size_pt, data.get("damaged"), sheet),
        raw=_json_to_detections(data["raw"], size_wh, class_names),
        grouped=_json_to_detections(data["marks"], size_wh, class_names),
        members=tuple(tuple(mark["members"]) for mark in data["marks"]),
        texts=tuple(mark.get("text") for mark in data["marks"]),
        doubtful=_json_to_detections(data["doubtful"], size_wh, class_names) if "doubtful" in data else None,
        screened_out=bool(data.get("screened_out", False)),
    )


def line_to_end(line: JournalLine) -> DocumentEnd:
    """The end of a document that a line was written from; raises as `line_to_page` does."""
    failure = line.data["failure"]
    return DocumentEnd(
        line.document,
        int(line.data["pages"]),
        None if failure is None else failure_from_json(failure),
        tuple(Note(NoteKind(note["kind"]), int(note["count"])) for note in line.data.get("notes", ())),
    )


def line_to_pdf(line: JournalLine) -> PdfEnd:
    """The marked copy that a line was written from; raises as `line_to_page` does."""
    failure = line.data["failure"]
    return PdfEnd(line.document, None if failure is None else failure_from_json(failure))


def failure_to_json(failure: Failure) -> dict[str, str]:
    """`{"kind": ..., "message": ...}`."""
    return {"kind": failure.kind.value, "message": failure.message}


def note_to_json(note: Note) -> dict[str, object]:
    """`{"kind": ..., "count": ..., "message": ...}`."""
    return {"kind": note.kind.value, "count": note.count, "message": note.message}


def failure_from_json(data: dict[str, str]) -> Failure:
    """`failure_to_json` reversed. Raises ValueError, KeyError, TypeError."""
    return Failure(FailureKind(data["kind"]), data["message"])


def code_status(category: str, text: str | None, settings: RunSettings) -> str | None:
    """`decoded` or `unreadable` for a QR code that the run tried to read; None for every other mark."""
    if not settings.read_codes or category != settings.code_class:
        return None
    return "unreadable" if text is None else "decoded"


def mark_confidences(page: PageResult, settings: RunSettings) -> list[float]:
    """The confidence of each mark of a page as results show it, four decimals; see `confidences_of`."""
    return confidences_of(page.grouped, settings)


def confidences_of(found: Detections, settings: RunSettings) -> list[float]:
    """The confidences of detections as results show them, four decimals.

    That is the probability that the detection is a mark where the weights have a calibration, else the network's score.
    """
    assert found.scores is not None  # detections are never ground truth
    if settings.calibration is None:
        return [score(value) for value in found.scores]
    return [score(p) for p in settings.calibration.apply(found.scores, found.class_ids, settings.class_names)]


def shown_marks(page: PageResult, settings: RunSettings) -> Detections:
    """The marks of a page with the confidences that results show, for drawing."""
    return replace(page.grouped, scores=np.array(mark_confidences(page, settings), np.float32))


def coordinate(value: float) -> float:
    """A coordinate in px as results show it: float32 noise beyond 1/100 px removed."""
    return round(float(value), 2)


def score(value: float) -> float:
    """A score or a confidence as results show it: four decimals."""
    return round(float(value), 4)


def rounded(detections: Detections) -> Detections:
    """The detections as results show them, so that grouping from the journal gives what grouping in the run gave."""
    scores = None if detections.scores is None else np.round(detections.scores.astype(np.float64), 4)
    xyxy = np.round(detections.xyxy.astype(np.float64), 2)
    return Detections(
        xyxy.astype(np.float32),
        detections.class_ids,
        detections.size_wh,
        None if scores is None else scores.astype(np.float32),
    )


def _detections_to_json(detections: Detections, class_names: tuple[str, ...]) -> list[dict[str, Any]]:
    scores = detections.scores if detections.scores is not None else np.ones(len(detections), np.float32)
    return [
        {
            "category": class_names[class_id],
            "confidence": score(confidence),
            "xyxy": [coordinate(value) for value in box],
        }
        for class_id, confidence, box in zip(detections.class_ids, scores, detections.xyxy, strict=True)
    ]


def _json_to_detections(items: list[dict[str, Any]], size_wh: SizeWH, class_names: tuple[str, ...]) -> Detections:
    return Detections(
        np.array([item["xyxy"] for item in items], np.float32).reshape(-1, 4),
        np.array([class_names.index(item["category"]) for item in items], np.int64),
        size_wh,
        np.array([item.get("score", item["confidence"]) for item in items], np.float32),
    )


def _text_of(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


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
