"""A fake reader whose documents do what their names say; workers import it by this module's name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import TracebackType

import numpy as np

from docdetect.documents.document import Document, document_error, page_error
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import LongSide, RenderSize
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import OutputError
from docdetect.types import FailureKind, Note, Page, PageInfo, SizeWH


def fake_file(name: str) -> DocumentFile:
    """`<behaviour>-<pages>-<anything>`, for example `crash3-5-a`: dies on page 3 of 5."""
    return DocumentFile(Path(name), name, DocumentKind.PDF)


class FakeDocument:
    """Pages of 6 x 4 px whose first value is the page number."""

    def __init__(self, file: DocumentFile) -> None:
        self._file = file
        behaviour, count = file.name.split("-")[:2]
        self._behaviour = behaviour.rstrip("0123456789")
        self._where = int(behaviour[len(self._behaviour) :] or 0)
        self._count = int(count)
        if self._behaviour == "encrypted":
            raise document_error(file.path, FailureKind.ENCRYPTED, "needs a password")
        if self._where == 0:
            misbehave(self._behaviour, file, 0)

    @property
    def page_count(self) -> int:
        return self._count

    @property
    def notes(self) -> tuple[Note, ...]:
        return ()

    def page_info(self, number: int, size: RenderSize) -> PageInfo:
        return PageInfo(self._file.name, number, (6, 4))

    def camera_tags(self, number: int) -> dict[int, object]:
        return {}

    def stored_long_px(self, number: int) -> int | None:
        return None

    def paper_in(self, number: int) -> tuple[float, float]:
        return (6.0, 4.0)

    def render(self, number: int, size: RenderSize) -> Page:
        if number == self._where:
            misbehave(self._behaviour, self._file, number)
        if self._behaviour == "slow":
            time.sleep(0.4)
        return Page(self.page_info(number, size), np.full((4, 6, 3), number, np.uint8))

    def close(self) -> None: ...

    def __enter__(self) -> FakeDocument:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


def misbehave(behaviour: str, file: DocumentFile, number: int) -> None:
    if behaviour == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif behaviour == "exit":
        os._exit(7)
    elif behaviour == "oomkill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif behaviour == "hang":
        time.sleep(3600)
    elif behaviour == "hog":
        np.ones(8 << 30, np.uint8)
    elif behaviour == "bad":
        raise page_error(file.path, number, FailureKind.UNREADABLE, "damaged")
    elif behaviour == "bug":
        raise KeyError("unexpected")
    elif behaviour == "fulldisk":
        raise OutputError("disk full")


def open_fake(file: DocumentFile) -> Document:
    return FakeDocument(file)


class AnnouncingDocument(FakeDocument):
    """Leaves a file beside the document before it misbehaves on a page."""

    def render(self, number: int, size: RenderSize) -> Page:
        if number == self._where:
            self._file.path.with_suffix(".misbehaving").touch()
        return super().render(number, size)


def open_announcing(file: DocumentFile) -> Document:
    return AnnouncingDocument(file)


def render_first_two(document: Document, number: int) -> SizeWH | None:
    """A PageWork that is quick on long documents."""
    return document.render(number, LongSide(100)).info.size_wh if number <= 2 else None


class OpenerThatKillsItsWorker:
    """Unpickling it ends the process: a worker that gets it never becomes ready."""

    def __call__(self, file: DocumentFile) -> Document:
        return FakeDocument(file)

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (3,)


def open_or_hang_on_a_copy(file: DocumentFile) -> Document:
    """Opens real documents; the process that opens a copy which is being made hangs."""
    if file.path.suffix == ".tmp":
        time.sleep(600)
    return open_document(file)


def open_or_die_on_a_copy(file: DocumentFile) -> Document:
    """Opens real documents; the process that opens a copy which is being made is killed."""
    if file.path.suffix == ".tmp":
        os.kill(os.getpid(), signal.SIGKILL)
    return open_document(file)
