"""A second, larger look at single pages, for codes and cut-outs: in a process of its own that may crash or hang."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from docdetect.documents.aside import AsideWorker
from docdetect.documents.codes import read_codes_closer
from docdetect.documents.parts import render_parts
from docdetect.documents.reader import Opener, open_document
from docdetect.documents.sizes import BoxFrac
from docdetect.documents.sources import DocumentFile
from docdetect.types import ByteArray, Failure


class CloserLook(Protocol):
    """Goes back to the document for more than the model saw."""

    def texts(self, file: DocumentFile, number: int, boxes: Sequence[BoxFrac]) -> list[str | None]:
        """What the codes in these boxes say, None where that cannot be read."""

    def parts(self, file: DocumentFile, number: int, boxes: Sequence[BoxFrac], dpi: int) -> list[ByteArray] | None:
        """What lies in these boxes, uint8 (H, W, 3) RGB, at `dpi` px/inch (images: their own pixels); None when it
        cannot be had."""


class CloserLooks:
    """The CloserLook of a run; to be called from any thread, used as a context manager.

    The process starts with the first call. One that dies, or takes longer than the limit, is replaced.

    Args:
        timeout_s: seconds that a page may take.
        memory_bytes: address space that the process may take on top of its start; enforced on Linux only.
        opener: opens its document.
    """

    def __init__(self, timeout_s: float, memory_bytes: int = 4 << 30, opener: Opener = open_document) -> None:
        self._timeout_s = timeout_s
        self._opener = opener
        self.aside = AsideWorker(memory_bytes)

    def texts(self, file: DocumentFile, number: int, boxes: Sequence[BoxFrac]) -> list[str | None]:
        """See `CloserLook.texts`. Raises InterruptedRunError once stopped."""
        found = self.aside(self._timeout_s, read_codes_closer, file, number, tuple(boxes), self._opener)
        return [None] * len(boxes) if isinstance(found, Failure) else found

    def parts(self, file: DocumentFile, number: int, boxes: Sequence[BoxFrac], dpi: int) -> list[ByteArray] | None:
        """See `CloserLook.parts`. Raises InterruptedRunError once stopped."""
        found = self.aside(self._timeout_s, render_parts, file, number, tuple(boxes), dpi, self._opener)
        return None if isinstance(found, Failure) else found

    def stop(self) -> None:
        """Ends the process; calls under way and later ones raise InterruptedRunError."""
        self.aside.stop()

    def __enter__(self) -> CloserLooks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.aside.__exit__(kind, error, traceback)
