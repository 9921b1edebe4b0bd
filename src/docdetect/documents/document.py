"""What an open document of every kind can do, and how it says that it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol

from docdetect.documents.sizes import MAX_PIXELS, RenderSize
from docdetect.errors import InputError
from docdetect.types import Failure, FailureKind, Note, Page, PageInfo, SizeWH

_REMEDIES = {
    FailureKind.UNREADABLE: "Open it in a viewer; if that works, print it to a new PDF.",
    FailureKind.ENCRYPTED: "Remove the password, or give it.",
    FailureKind.UNSUPPORTED: "Convert it to PDF, PNG or JPEG, or install what reads it.",
    FailureKind.TOO_LARGE: "Choose a smaller size or resolution.",
}


class DocumentError(InputError):
    """A document, or one page of it, that gives no pixels.

    Attributes:
        failure: the kind, and the cause without the file's name.
    """

    def __init__(self, where: str, failure: Failure) -> None:
        super().__init__(f"{where}: {failure.message}", _REMEDIES.get(failure.kind, ""))
        self.where = where
        self.failure = failure

    def __reduce__(self) -> tuple[type[DocumentError], tuple[str, Failure]]:  # type: ignore[override]
        return type(self), (self.where, self.failure)


class Document(Protocol):
    """An open document; close it, or use it as a context manager. Only one thread at a time may use a document."""

    @property
    def page_count(self) -> int:
        """Number of pages, at least 1."""

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is to be known about the document beside its pages, as far as it was read until now."""

    def page_info(self, number: int, size: RenderSize) -> PageInfo:
        """Page `number` (from 1) as `render` would make it, without rendering. Raises DocumentError."""

    def paper_in(self, number: int) -> tuple[float, float]:
        """Width and height in inches of page `number` (from 1), as far as the file can be believed.

        See `paper_of_picture`. Raises DocumentError.
        """

    def camera_tags(self, number: int) -> Mapping[int, object]:
        """The EXIF tags of page `number` (from 1) of a picture file, none of other documents. Raises DocumentError."""

    def stored_long_px(self, number: int) -> int | None:
        """Long side in px of the picture that page `number` (from 1) is; None for a page that is drawn or composed.

        A rendering that is larger shows nothing more. Raises DocumentError.
        """

    def render(self, number: int, size: RenderSize) -> Page:
        """Page `number` (from 1) as displayed, RGB. Raises DocumentError."""

    def close(self) -> None:
        """Closes the file; a second call does nothing."""

    def __enter__(self) -> Document: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


def document_error(path: Path, kind: FailureKind, message: str) -> DocumentError:
    """The DocumentError of a whole file."""
    return DocumentError(str(path), Failure(kind, message))


def page_error(path: Path, number: int, kind: FailureKind, message: str) -> DocumentError:
    """The DocumentError of one page."""
    return DocumentError(f"{path}: page {number}", Failure(kind, message))


def check_page_number(path: Path, number: int, page_count: int) -> None:
    """Raises DocumentError (unreadable) unless 1 <= number <= page_count."""
    if not 1 <= number <= page_count:
        raise page_error(path, number, FailureKind.UNREADABLE, f"no such page; the document has {page_count}")


def check_pixel_budget(path: Path, number: int, size_wh: SizeWH) -> None:
    """Raises DocumentError (too large) when a page of `size_wh` px is over the budget; before anything is allocated."""
    width, height = size_wh
    if width * height > MAX_PIXELS:
        raise page_error(
            path,
            number,
            FailureKind.TOO_LARGE,
            f"{width} x {height} px is over the limit of {MAX_PIXELS // 1_000_000} megapixels",
        )
