"""The documents that a call of the Python API was given: paths, bytes, pictures in memory.

Bytes are kept in temporary files while they are worked on, so that isolated processes can open them; pictures in memory
are taken as they are.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from docdetect.documents.batches import document_process
from docdetect.documents.document import Document as OpenDocument
from docdetect.documents.document import DocumentError
from docdetect.documents.reader import DocumentOpener, Opener
from docdetect.documents.sizes import BoxFrac, LongSide
from docdetect.documents.sources import DocumentFile, DocumentKind, document_kind
from docdetect.errors import InputError, UsageError
from docdetect.files import nfc, output_errors
from docdetect.inference.events import NothingToRead, ReadDocument, ReadEvent, ReadPage, UnreadablePage
from docdetect.inference.finishing import IsolatedRegionReader
from docdetect.inference.pages import Render
from docdetect.inference.reading import PageReading, Plan, read_documents
from docdetect.inference.settings import RunSettings
from docdetect.types import ByteArray, Failure, FailureKind
from docdetect.workers.parts import WorkerSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Picture: TypeAlias = Image.Image | NDArray[np.generic]
    Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | Picture | DocumentFile

# Documents that are handed to the isolated processes at once.
_CHUNK = 64
# Seconds after which a source of documents counts as slow, so that what it gave already is finished first.
_SLOW_S = 0.2


class GivenDocuments:
    """The documents of one call: which file or picture each one is, and their pages; a context manager.

    Bytes are kept in temporary files while they are worked on, so that isolated processes can open them.
    """

    def __init__(self, sources: Iterable[Source], opener: DocumentOpener, settings: RunSettings) -> None:
        self.opener = opener
        self.regions = _SourceRegions(settings.doc_timeout_s, settings.doc_memory_mb << 20, opener)
        self._sources = sources
        self._settings = settings
        self._reading = PageReading(
            settings.imgsz, settings.dpi, {}, settings.rotations, settings.tile, settings.dewarp
        )
        # By the identity of the DocumentFile; an error is of a picture that is no page.
        self._given: dict[int, bytes | OpenDocument | InputError] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> GivenDocuments:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def events(self, limits: WorkerSettings, stop: threading.Event) -> Generator[ReadEvent, None, None]:
        """The pages of all documents, in order."""
        files_one_by_one = (self._file(position, source) for position, source in enumerate(self._sources, 1))
        at_hand = isinstance(self._sources, Sequence)
        for files, slow in _chunks(files_one_by_one, stop, _CHUNK if at_hand else 1):
            for document, run in _runs(files, self._given):
                if document is None:
                    work = Plan(tuple(run))
                    with closing(read_documents(work, self._reading, limits, self.opener, stop)) as events:
                        yield from events
                else:
                    yield from self._read_picture(run[0], document)
            if stop.is_set():
                return
            if slow:
                yield NothingToRead()

    def refused(self, file: DocumentFile) -> InputError | None:
        """Why a picture in memory is no page, with what is wanted; None for every other document."""
        given = self._given.get(id(file))
        return given if isinstance(given, InputError) else None

    def renderer(self, file: DocumentFile) -> Render:
        """Renders pages of the document, also after this call."""
        given = self._given.get(id(file))
        assert not isinstance(given, InputError)  # it has no pages
        return _Renderer(file, given, self.opener, self._settings)

    def forget(self, file: DocumentFile) -> None:
        """The document is done."""
        given = self._given.pop(id(file), None)
        self.regions.pictures.pop(id(file), None)
        if isinstance(given, bytes):
            file.path.unlink(missing_ok=True)

    def _file(self, position: int, source: Source) -> DocumentFile:
        if isinstance(source, DocumentFile):
            return source
        if isinstance(source, (str, os.PathLike)):
            return _named(Path(source))
        name = f"document_{position}"
        if isinstance(source, (bytes, bytearray)):
            file = _stored(self._temporary_folder(), name, bytes(source))
            self._given[id(file)] = bytes(source)
            return file
        from docdetect.documents.arrays import ArrayDocument

        file = DocumentFile(Path(name), name, DocumentKind.IMAGE)
        try:
            document = ArrayDocument(file, source)
        except InputError as error:
            self._given[id(file)] = error
        else:
            self._given[id(file)] = document
            self.regions.pictures[id(file)] = document
        return file

    def _temporary_folder(self) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="docdetect-", ignore_cleanup_errors=True)
        return Path(self._folder.name)

    def _read_picture(self, file: DocumentFile, document: OpenDocument | InputError) -> Iterator[ReadEvent]:
        if isinstance(document, InputError):
            yield ReadDocument(file, "", 0, _failure_of(document, file.name))
            return
        try:
            page = self._reading(document, 1)
        except DocumentError as error:
            yield UnreadablePage(file, "", 1, error.failure)
        else:
            assert page is not None
            yield ReadPage(file, "", *page)
        yield ReadDocument(file, "", 1)


class _SourceRegions(IsolatedRegionReader):
    """Reads regions of files in an isolated process, and of pictures in memory here."""

    def __init__(self, timeout_s: float, memory_bytes: int, opener: Opener) -> None:
        super().__init__(timeout_s, memory_bytes, opener)
        self.pictures: dict[int, OpenDocument] = {}

    def texts(self, file: DocumentFile, number: int, regions: Sequence[BoxFrac]) -> list[str | None]:
        document = self.pictures.get(id(file))
        if document is None:
            return super().texts(file, number, regions)
        from docdetect.documents.codes import read_codes_from_document

        return read_codes_from_document(file, number, regions, lambda _: document)


@dataclass(frozen=True)
class _Renderer:
    """Renders pages of a document for `Page.plot`: from its file, its bytes or its picture."""

    file: DocumentFile
    given: bytes | OpenDocument | None
    opener: DocumentOpener
    settings: RunSettings

    def __call__(self, number: int, long_side_px: int) -> ByteArray:
        if self.given is not None and not isinstance(self.given, bytes):
            return self.given.render(number, LongSide(long_side_px)).pixels
        if self.given is None:
            return self._rendered(self.file, number, long_side_px)
        with tempfile.TemporaryDirectory(prefix="docdetect-", ignore_cleanup_errors=True) as folder:
            return self._rendered(_stored(Path(folder), self.file.name, self.given), number, long_side_px)

    def _rendered(self, file: DocumentFile, number: int, long_side_px: int) -> ByteArray:
        with document_process(self.settings.doc_memory_mb << 20) as process:
            pixels = process.call(self.settings.doc_timeout_s, _render, file, number, long_side_px, self.opener)
        if isinstance(pixels, Failure):
            raise DocumentError(f"{self.file.name}: page {number}", pixels)
        return pixels


def _render(file: DocumentFile, number: int, long_side_px: int, opener: Opener) -> ByteArray:
    with opener(file) as document:
        return document.render(number, LongSide(long_side_px)).pixels


def several(documents: object) -> Iterable[Source]:
    """The documents that `detect_documents` was given.

    Raises:
        UsageError: it was given a single document, whose bytes, rows or letters would be taken for documents.
    """
    from PIL import Image

    shape: tuple[int, ...] = tuple(getattr(documents, "shape", ()))
    is_page = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))
    is_several = hasattr(documents, "__iter__") or hasattr(documents, "__getitem__")
    if is_page or not is_several or isinstance(documents, (bytes, bytearray, Image.Image)):
        kind = f"one array of shape {shape}" if is_page else f"one {type(documents).__name__}"
        raise UsageError(
            f"detect_documents takes many documents, and was given {kind}",
            "Give one document to detect, or a list of documents.",
        )
    return cast("Iterable[Source]", documents)


def _named(path: Path) -> DocumentFile:
    try:
        kind = document_kind(path)
    except ValueError:  # a name that no file can have
        kind = None
    return DocumentFile(path, nfc(path.as_posix()), kind or DocumentKind.UNKNOWN)


def _failure_of(error: InputError, name: str) -> Failure:
    if isinstance(error, DocumentError):
        return error.failure
    return Failure(FailureKind.UNREADABLE, error.message.removeprefix(f"{name}: "))


def _stored(folder: Path, name: str, content: bytes) -> DocumentFile:
    """The bytes of a document as a file, which is read as what its content says."""
    path = folder / name
    with output_errors(path):
        path.write_bytes(content)
    return DocumentFile(path, name, document_kind(path) or DocumentKind.UNKNOWN)


def _chunks(
    files: Iterator[DocumentFile], stop: threading.Event, size: int
) -> Iterator[tuple[list[DocumentFile], bool]]:
    """Documents in runs that grow from `size` to 64, and whether their source is slow.

    A slow source gives runs of one document, so that no document waits for the next one to come.
    """
    chunk: list[DocumentFile] = []
    while not stop.is_set():
        asked_s = time.monotonic()
        file = next(files, None)
        if file is None:
            break
        chunk.append(file)
        slow = time.monotonic() - asked_s > _SLOW_S
        if slow or len(chunk) >= size:
            yield chunk, slow
            chunk, size = [], 1 if slow else min(2 * size, _CHUNK)
    if chunk:
        yield chunk, False


def _runs(
    files: Sequence[DocumentFile], given: Mapping[int, bytes | OpenDocument | InputError]
) -> Iterator[tuple[OpenDocument | InputError | None, list[DocumentFile]]]:
    """Runs of documents that isolated processes open, with None, and pictures in memory, one by one."""
    run: list[DocumentFile] = []
    for file in files:
        document = given.get(id(file))
        if document is None or isinstance(document, bytes):
            run.append(file)
            continue
        if run:
            yield None, run
            run = []
        yield document, [file]
    if run:
        yield None, run
