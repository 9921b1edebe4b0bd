"""Pictures of pages and of their marks, rendered from the documents when they are looked at.

Documents are opened in isolated processes, since a hostile file may crash what reads it. Encoded pictures are kept in
memory up to a bound, so that a page that the reviewer comes back to, or that was asked for ahead, is there at once.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from docdetect.documents.batches import document_process
from docdetect.documents.document import DocumentError
from docdetect.documents.reader import DocumentOpener, Opener
from docdetect.documents.regions import render_regions
from docdetect.documents.sizes import BoxFrac, LongSide
from docdetect.documents.sources import DocumentFile
from docdetect.types import ByteArray, Failure
from docdetect.workers.process import IsolatedProcess

PictureFormat: TypeAlias = Literal["jpeg", "webp"]

MEDIA_TYPES: dict[PictureFormat, str] = {"jpeg": "image/jpeg", "webp": "image/webp"}

CACHE_BYTES = 128 << 20
"""Most bytes of encoded pictures that are kept."""

# Quality at which thin lines of signatures stay clean.
_QUALITY = 85


@dataclass(frozen=True)
class PagePicture:
    """A picture of a page or of a part of it, which its content and these numbers decide.

    Attributes:
        sha256: content hash of the document.
        number: page number from 1.
        max_px: most px of the long side.
        format: how it is encoded.
        region: left, top, right, bottom as shares of the page; None for the whole page.
    """

    sha256: str
    number: int
    max_px: int
    format: PictureFormat = "jpeg"
    region: BoxFrac | None = None


class PictureCache:
    """The pictures that were used last, up to so many bytes; safe to use from several threads.

    Args:
        most_bytes: bound of the sum of their sizes.
    """

    def __init__(self, most_bytes: int = CACHE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[PagePicture, bytes] = OrderedDict()
        self._size_bytes = 0

    def get(self, picture: PagePicture) -> bytes | None:
        """A picture that is kept, which now is the one that was used last."""
        with self._lock:
            data = self._kept.get(picture)
            if data is not None:
                self._kept.move_to_end(picture)
            return data

    def put(self, picture: PagePicture, data: bytes) -> None:
        """Keeps a picture, and lets go of those that were not used for longest."""
        with self._lock:
            self._size_bytes += len(data) - len(self._kept.pop(picture, b""))
            self._kept[picture] = data
            while self._size_bytes > self._most_bytes and self._kept:
                _, gone = self._kept.popitem(last=False)
                self._size_bytes -= len(gone)

    @property
    def size_bytes(self) -> int:
        """Bytes of all pictures that are kept."""
        return self._size_bytes


class PictureMaker:
    """Renders pictures of pages in isolated processes; safe to use from several threads.

    Requests for one picture at the same time are one rendering.

    Args:
        opener: opens documents, with the passwords that are known.
        limit_s: seconds that a page may take.
        memory_bytes: that a process may take.
        processes: that render at the same time.
        cache: keeps pictures.
    """

    def __init__(
        self,
        opener: Opener | None = None,
        *,
        limit_s: float = 60.0,
        memory_bytes: int = 4 << 30,
        processes: int = 2,
        cache: PictureCache | None = None,
    ) -> None:
        self._opener = opener or DocumentOpener()
        self._limit_s = limit_s
        self._cache = cache or PictureCache()
        self._processes = [document_process(memory_bytes) for _ in range(processes)]
        self._free = threading.BoundedSemaphore(processes)
        self._idle = list(self._processes)
        self._lock = threading.Lock()
        self._pending: dict[PagePicture, Future[bytes]] = {}

    def page(self, file: DocumentFile, picture: PagePicture) -> bytes:
        """A whole page as an encoded picture. Raises DocumentError."""
        return self._once(picture, lambda: self._rendered(file, [picture]))

    def crop(self, file: DocumentFile, picture: PagePicture, beside: Sequence[PagePicture] = ()) -> bytes:
        """A part of a page as an encoded picture.

        Args:
            file: the document.
            picture: the part that is wanted.
            beside: other parts of the page that will be wanted soon: they are cut out in the same go.

        Raises:
            DocumentError: the page gives no pixels.
        """
        more = [one for one in beside if one != picture and self._cache.get(one) is None]
        return self._once(picture, lambda: self._rendered(file, [picture, *more]))

    def close(self) -> None:
        """Ends the processes at once; renderings under way raise InterruptedRunError."""
        for process in self._processes:
            process.stop()

    def _once(self, picture: PagePicture, render: Callable[[], bytes]) -> bytes:
        """The picture from the cache, or from the one rendering of it that is under way."""
        with self._lock:
            data = self._cache.get(picture)
            if data is not None:
                return data
            pending = self._pending.get(picture)
            mine = pending is None
            if pending is None:
                pending = self._pending[picture] = Future()
        if not mine:
            return pending.result()
        try:
            pending.set_result(render())
        except BaseException as error:
            pending.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._pending[picture]
        return pending.result()

    def _rendered(self, file: DocumentFile, pictures: Sequence[PagePicture]) -> bytes:
        process = self._take()
        try:
            found = process.call(self._limit_s, encoded_pictures, file, tuple(pictures), self._opener)
        finally:
            self._give_back(process)
        if isinstance(found, Failure):
            raise DocumentError(f"{file.name}: page {pictures[0].number}", found)
        for picture, data in zip(pictures, found, strict=True):
            self._cache.put(picture, data)
        return found[0]

    def _take(self) -> IsolatedProcess:
        self._free.acquire()
        with self._lock:
            return self._idle.pop()

    def _give_back(self, process: IsolatedProcess) -> None:
        with self._lock:
            self._idle.append(process)
        self._free.release()


def encoded_pictures(file: DocumentFile, pictures: Sequence[PagePicture], opener: Opener) -> list[bytes]:
    """Pictures of one page, all whole pages or all parts; called in an isolated process. Raises DocumentError."""
    first = pictures[0]
    if first.region is None:
        return [_encoded(_whole(file, picture, opener), picture.format) for picture in pictures]
    regions = [picture.region for picture in pictures if picture.region is not None]
    parts = render_regions(file, first.number, regions, None, opener, first.max_px)
    return [
        _encoded(_shrunk(part, picture.max_px), picture.format) for part, picture in zip(parts, pictures, strict=True)
    ]


def _whole(file: DocumentFile, picture: PagePicture, opener: Opener) -> ByteArray:
    """The page with a long side of at most `max_px`; a picture is not enlarged."""
    with opener(file) as document:
        stored_px = document.stored_long_px(picture.number)
        long_px = picture.max_px if stored_px is None else min(picture.max_px, stored_px)
        return document.render(picture.number, LongSide(long_px)).pixels


def _shrunk(pixels: ByteArray, max_px: int) -> ByteArray:
    import cv2

    height, width = pixels.shape[:2]
    factor = max_px / max(width, height)
    if factor >= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _encoded(pixels: ByteArray, form: PictureFormat) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    picture = Image.fromarray(pixels)
    if form == "webp":
        picture.save(stream, "WEBP", quality=_QUALITY, method=1)
    else:
        picture.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
