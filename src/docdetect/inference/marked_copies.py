"""`pdf/`: a copy of every PDF with its marks as annotations, made while later documents are worked on.

A copy is made as soon as its document is in the journal, in an isolated process, which the document may crash or hang.
The journal then gets a line that says whether there is a copy. `--resume` makes copies that are missing, also for a run
that had not asked for copies.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from docdetect.documents.batches import document_process
from docdetect.documents.drawing import class_colour
from docdetect.documents.reader import Opener, open_document
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.files import remove_staging
from docdetect.inference.folder import PDF_FOLDER
from docdetect.inference.journal import Journal
from docdetect.inference.journal_lines import PdfEnd
from docdetect.inference.settings import RunSettings
from docdetect.inference.shown_values import code_status, mark_confidences
from docdetect.types import DocumentResult, Failure, PageResult
from docdetect.workers.process import STOP_POLL_S

if TYPE_CHECKING:
    from docdetect.documents.marked_copies import PdfMark

# Documents that may wait for their copies; with more of them, reading pages waits.
_MOST_WAITING = 32


@dataclass(frozen=True)
class _Waiting:
    document: str
    sha256: str
    failure: Future[Failure | None]


class PdfCopies:
    """Makes the marked copies of a run; a context manager, to be used from the thread that writes the journal.

    Args:
        journal: the journal of the run; if its settings do not ask for copies, nothing happens.
        output: the result folder.
        opener: opens a document.
        stop: once this event is set, copies that are not finished are not waited for, and none is begun by `finish`.
    """

    def __init__(
        self, journal: Journal, output: Path, opener: Opener = open_document, stop: threading.Event | None = None
    ) -> None:
        self._journal = journal
        self._stop = stop or threading.Event()
        self._folder = output / PDF_FOLDER
        self._opener = opener
        self._process = document_process(journal.settings.doc_memory_mb << 20)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="pdf-copies")
        self._waiting: deque[_Waiting] = deque()
        self._target: Path | None = None  # the copy that is being written

    def add(self, file: DocumentFile, result: DocumentResult | None = None) -> None:
        """Orders the copy of a document, if the journal has all its pages; waits while too many copies are under way.

        Args:
            file: the document.
            result: the pages of the document; None reads them from the journal.

        Raises:
            OutputError: an earlier copy, or its line, cannot be written.
        """
        if not self._journal.settings.save_pdf or file.kind is not DocumentKind.PDF:
            return
        sha256 = self._journal.known_sha256(file.name)
        if not self._journal.is_complete(file.name, sha256):
            return
        if self._journal.has_pdf(file.name) and (self._folder / file.name).is_file():
            return
        if result is None:
            result, _ = self._journal.read_document(file.name)
        if not result.good_pages:
            return
        self.note_finished(_MOST_WAITING)
        marks = tuple(pdf_marks(result, self._journal.settings))
        self._waiting.append(_Waiting(file.name, sha256, self._pool.submit(self._write, file, sha256, marks)))

    def finish(self, files: Sequence[DocumentFile]) -> None:
        """Makes the copies of these documents that are missing, and waits for all copies. Raises OutputError."""
        self.note_finished(0)
        for file in files:
            if self._stop.is_set():
                return
            self.add(file)
        self.note_finished(0)

    def note_finished(self, leave: int = _MOST_WAITING) -> None:
        """Notes finished copies in the journal; waits until at most `leave` are under way. Raises OutputError."""
        while self._waiting:
            made = self._waiting[0]
            if not made.failure.done():
                if len(self._waiting) <= leave or self._stop.is_set():
                    return
                wait([made.failure], STOP_POLL_S)
                continue
            self._journal.add_pdf(PdfEnd(made.document, made.failure.result()), made.sha256)
            self._waiting.popleft()

    def __enter__(self) -> PdfCopies:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.stop()
        self._pool.shutdown(cancel_futures=True)
        self._process.close()
        if self._target is not None:
            remove_staging(self._target)  # as after a failure, but the process had to be gone first

    def _write(self, file: DocumentFile, sha256: str, marks: tuple[PdfMark, ...]) -> Failure | None:
        from docdetect.documents.marked_copies import write_marked_pdf

        limit_s = self._journal.settings.doc_timeout_s
        self._target = target = self._folder / file.name
        failure = self._process.call(limit_s, write_marked_pdf, file, sha256, marks, target, self._opener)
        if failure is not None:
            remove_staging(target)  # a process that was killed could not remove its own
        self._target = None
        return failure


def pdf_marks(result: DocumentResult, settings: RunSettings) -> Iterator[PdfMark]:
    """The annotations of a document: a frame in the colour of its class, and what is known about the mark."""
    for page in result.good_pages:
        if page.info.size_pt is not None:
            yield from _marks_of(page, page.info.size_pt, settings)


def _marks_of(page: PageResult, size_pt: tuple[float, float], settings: RunSettings) -> Iterator[PdfMark]:
    from docdetect.documents.marked_copies import PdfMark

    grouped, (width_px, height_px) = page.grouped, page.info.size_wh
    confidences = mark_confidences(page, settings)
    scale_x, scale_y = size_pt[0] / width_px, size_pt[1] / height_px
    for position, class_id in enumerate(grouped.class_ids.tolist()):
        left, top, right, bottom = grouped.xyxy[position].tolist()
        name, text = settings.class_names[class_id], page.texts[position]
        said = [f"confidence {confidences[position]:.2f}"]
        if code_status(name, text, settings) is not None:
            said.append("unreadable" if text is None else text)
        yield PdfMark(
            page.info.number,
            (left * scale_x, top * scale_y, right * scale_x, bottom * scale_y),
            name,
            "\n".join(said),
            class_colour(class_id, name),
        )
