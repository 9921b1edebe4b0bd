"""Opens documents of every kind; the door to `documents/` for all who need pages.

    with open_document(file) as document:
        for number in range(1, document.page_count + 1):
            page = document.render(number, LongSide(1024))

PyMuPDF and Pillow are imported when the first document of their kind is opened.
"""

from __future__ import annotations

from docdetect.documents.document import Document, DocumentError
from docdetect.documents.sizes import MAX_PIXELS, AtDpi, ExactSize, LongSide, RenderSize
from docdetect.documents.sources import DocumentFile, DocumentKind

__all__ = [
    "MAX_PIXELS",
    "AtDpi",
    "Document",
    "DocumentError",
    "ExactSize",
    "LongSide",
    "RenderSize",
    "open_document",
]


def open_document(file: DocumentFile, *, password: str = "") -> Document:
    """Opens a document; use it as a context manager.

    Args:
        file: what `list_documents` found.
        password: tried on encrypted PDFs.

    Raises:
        DocumentError: unreadable, encrypted, without pages, too large or out of memory; `.failure` says which.
    """
    if file.kind is DocumentKind.PDF:
        from docdetect.documents.pdf import PdfDocument

        return PdfDocument(file, password)
    from docdetect.documents.images import ImageDocument

    return ImageDocument(file)
