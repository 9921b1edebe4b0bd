"""The text layer of PDFs: what a scan lacks and an export from a word processor has."""

from __future__ import annotations

from docdetect.documents.document import Document
from docdetect.documents.pdf import PdfDocument
from docdetect.documents.reader import open_document
from docdetect.documents.sources import DocumentFile, DocumentKind


class TextDocument(PdfDocument):
    """A PDF that also gives its text."""

    def text(self, number: int) -> str:
        """The text layer of page `number` (from 1), in the order of the file. Raises DocumentError."""
        with self._page(number) as page:
            return str(page.get_text("text"))


def open_with_text(file: DocumentFile) -> Document:
    """As `open_document`, PDFs as `TextDocument`; for `WorkerSettings.opener`. Raises DocumentError."""
    return TextDocument(file) if file.kind is DocumentKind.PDF else open_document(file)


def page_text(document: Document, number: int) -> str:
    """The text layer of a page of a document from `open_with_text`; "" for images. Raises DocumentError."""
    return document.text(number) if isinstance(document, TextDocument) else ""
