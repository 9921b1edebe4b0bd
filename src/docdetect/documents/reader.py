"""Opens documents of every kind.

    with open_document(file) as document:
        for number in range(1, document.page_count + 1):
            page = document.render(number, LongSide(1024))

`document.py` says what an open document can do. PyMuPDF and Pillow are imported when the first document of their kind
is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from docdetect.documents.document import Document, document_error
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.types import FailureKind

Opener: TypeAlias = Callable[[DocumentFile], Document]


@dataclass(frozen=True)
class DocumentOpener:
    """Opens documents with the passwords it knows; picklable, so that worker processes can be given it.

    Attributes:
        passwords: tried in order on encrypted PDFs; never shown.
    """

    passwords: tuple[str, ...] = field(default=(), repr=False)

    def __call__(self, file: DocumentFile) -> Document:
        """See `open_document`."""
        return open_document(file, self.passwords)


def open_document(file: DocumentFile, passwords: Sequence[str] = ()) -> Document:
    """Opens a document; use it as a context manager.

    Args:
        file: what `list_documents` found.
        passwords: tried in order on encrypted PDFs.

    Raises:
        DocumentError: unreadable, encrypted, without pages, too large, out of memory, of no kind that docdetect
            reads, or in need of an extra; `.failure` says which.
    """
    if file.failure is not None:
        raise document_error(file.path, file.failure.kind, file.failure.message)
    if file.kind is DocumentKind.UNKNOWN:
        raise document_error(file.path, FailureKind.UNSUPPORTED, "not a file of a kind that docdetect reads")
    if file.kind is DocumentKind.PDF:
        from docdetect.documents.pdf import PdfDocument

        return PdfDocument(file, passwords)
    from docdetect.documents.images import ImageDocument

    return ImageDocument(file)
