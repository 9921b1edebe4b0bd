"""The text layer of PDFs: what a scan lacks and an export from a word processor has."""

from __future__ import annotations

from docdetect.documents.pdf import PdfDocument
from docdetect.documents.sources import DocumentFile, DocumentKind


class _TextReader(PdfDocument):
    def text(self, number: int) -> str:
        with self._page(number) as page:
            return str(page.get_text("text"))


def page_texts(file: DocumentFile) -> list[str]:
    """The text layer of every page, in the order in which it stands in the file; "" for a page without one.

    An image has no text layer: the list is empty.

    Raises:
        DocumentError: the document cannot be opened, or a page of it cannot be read.
    """
    if file.kind is not DocumentKind.PDF:
        return []
    reader = _TextReader(file)
    with reader:
        return [reader.text(number) for number in range(1, reader.page_count + 1)]
