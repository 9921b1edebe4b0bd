"""Documents to one PNG a page, in parallel; what is there already and unchanged is left alone.

What `convert` made and from what: a small JSON beside the page images.

The part of `convert` that runs in worker processes; it imports little, for each of them imports it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from docdetect.annotations.native import Annotations
from docdetect.config.schema import DataConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.split import PageKey
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.drawing import encoded_image
from docdetect.documents.reader import Document
from docdetect.documents.sizes import POINTS_PER_INCH, AtDpi, RenderSize
from docdetect.documents.sources import DocumentFile, list_documents, page_stem
from docdetect.errors import InputError, OutputExistsError
from docdetect.files import output_errors, read_json, write_bytes, write_json
from docdetect.prepare.labels import SurveyedDocument, read_annotations, render_sizes, survey_documents
from docdetect.prepare.plan import worker_settings
from docdetect.types import ByteArray, FailedPage, SizeWH
from docdetect.workers.parts import WorkerSettings

RECORD_NAME = "convert.json"

_FORMAT = 1


@dataclass(frozen=True)
class MadePage:
    """One page image.

    Attributes:
        sha256: of the document that it was made from.
        size: how large it was rendered, as text.
        size_bytes: of the image file.
    """

    sha256: str
    size: str
    size_bytes: int


Record: TypeAlias = dict[str, dict[int, MadePage]]

"""Document name -> page number -> what was made of it. File names are not in it: they follow from the two."""


def read_record(folder: Path) -> Record | None:
    """The record in a folder; None when there is none, or none that this version of docdetect wrote."""
    path = folder / RECORD_NAME
    try:
        data = read_json(path) if path.is_file() else None
        if not isinstance(data, dict) or data.get("made_by") != "docdetect" or data.get("format") != _FORMAT:
            return None
        return {
            document: {int(number): MadePage(**page) for number, page in pages.items()}
            for document, pages in data["documents"].items()
        }
    except (InputError, KeyError, TypeError, ValueError, AttributeError):
        return None


def write_record(folder: Path, record: Record) -> None:
    """Replaces the record, sorted. Raises OutputError."""
    documents = {
        document: {str(number): asdict(page) for number, page in sorted(pages.items())}
        for document, pages in sorted(record.items())
    }
    write_json(folder / RECORD_NAME, {"made_by": "docdetect", "format": _FORMAT, "documents": documents})


@dataclass(frozen=True)
class PageEncoder:
    """The PageWork that gives the bytes of a page's PNG file, or None for a page that is not in `wanted`.

    Attributes:
        wanted: document name -> page number -> size.
    """

    wanted: Mapping[str, Mapping[int, RenderSize]]

    def __call__(self, document: Document, number: int) -> ByteArray | None:
        name = document.page_info(number, AtDpi(POINTS_PER_INCH)).document
        size = self.wanted[name].get(number)
        if size is None:
            return None
        page = document.render(number, size)
        return np.frombuffer(encoded_image(".png", page.pixels, dpi=page.info.dpi), np.uint8)


_PAGES_PER_SAVE = 200


@dataclass(frozen=True)
class Converted:
    """What a conversion did; every page of every document that opens is in one of the three.

    Attributes:
        output: the folder of page images.
        written: pages rendered now, in document and page order.
        skipped: pages that were there and unchanged.
        failed: documents and pages without an image, and why.
    """

    output: Path
    written: tuple[PageKey, ...]
    skipped: tuple[PageKey, ...]
    failed: tuple[FailedPage, ...]


def convert(
    config: DataConfig, workers: WorkerSettings | None = None, on_progress: ProgressCallback = no_progress
) -> Converted:
    """Writes `<document_stem>_page_0001.png` for every page of the documents in `config.pdfs` to `config.images`.

    The size is `config.images_size`: at `config.dpi`, with the long side `config.long_side`, or as the pages were
    annotated (the others of that document, and other documents, at the commonest annotated long side). A page is made
    again when its document's content, its size or its image file changed. Images of pages that a document no longer
    has are removed; nothing else in the folder is touched. An interrupted conversion goes on where it was.

    Raises:
        InputError: no documents, or no annotations where they are needed.
        OutputExistsError: the folder holds something and was not made by `convert`.
        OutputError: the folder cannot be written.
    """
    output = Path(config.images)
    record = _claimed(output)
    workers = workers or worker_settings(config)
    annotations = read_annotations(Path(config.annotations)) if config.images_size == "annotations" else {}
    files = [
        file for file in list_documents(Path(config.pdfs)) if not file.path.resolve().is_relative_to(output.resolve())
    ]
    if not files:
        raise InputError(f"{config.pdfs}: no documents in this folder beside the output", "Choose another source.")
    documents = survey_documents(files, workers, on_progress)
    sizes = render_sizes(
        config.model_copy(update={"size": config.images_size}), documents, annotated_sizes(annotations, files)
    )
    conversion = _Conversion(output, record, {document.file.name: document.sha256 for document in documents}, sizes)
    try:
        conversion.run(documents, workers, on_progress)
    finally:
        write_record(output, record)
    failed = [FailedPage(document.file.name, None, document.failure) for document in documents if document.failure]
    return Converted(
        output,
        tuple(conversion.written),
        tuple(conversion.skipped),
        tuple(sorted([*failed, *conversion.failed], key=_place)),
    )


def annotated_sizes(annotations: Annotations, files: Sequence[DocumentFile]) -> dict[PageKey, SizeWH]:
    """Page -> the size that it was annotated at.

    A name is the document's path relative to the source, or its bare file name where only one document has it;
    names that fit no document, or several, are left out: here they only tell sizes.
    """
    names: dict[str, list[str]] = defaultdict(list)
    for file in files:
        names[file.name].append(file.name)
        if "/" in file.name:
            names[file.name.rpartition("/")[2]].append(file.name)
    return {
        PageKey(names[annotated][0], number): page.size_wh
        for annotated, pages in annotations.items()
        if len(names.get(annotated, ())) == 1
        for number, page in pages.items()
    }


def _claimed(output: Path) -> Record:
    """What `convert` made in the folder so far; a new folder gets an empty record, so that it can be resumed."""
    record = read_record(output)
    if record is not None:
        return record
    with output_errors(output):
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise OutputExistsError(
                f"{output}: exists and was not made by docdetect convert", "Choose another folder, or remove it."
            )
    record = {}
    write_record(output, record)
    return record


@dataclass
class _Conversion:
    """The state of one run; `record` is brought up to date page by page."""

    output: Path
    record: Record
    digests: Mapping[str, str]
    sizes: Mapping[PageKey, RenderSize]
    written: list[PageKey] = field(default_factory=list)
    skipped: list[PageKey] = field(default_factory=list)
    failed: list[FailedPage] = field(default_factory=list)

    def run(
        self, documents: Sequence[SurveyedDocument], workers: WorkerSettings, on_progress: ProgressCallback
    ) -> None:
        wanted: dict[str, dict[int, RenderSize]] = defaultdict(dict)
        for document in documents:
            if document.failure is None:
                self._remove_surplus(document.file.name, document.page_count)
        for key, size in self.sizes.items():
            if self._is_current(key, size):
                self.skipped.append(key)
            else:
                wanted[key.document][key.page] = size
        total = sum(len(pages) for pages in wanted.values())
        files = [document.file for document in documents if document.file.name in wanted]
        for outcome in iter_pages(files, PageEncoder(wanted), workers):
            name = outcome.file.name
            if not isinstance(outcome, PageOutcome):
                if outcome.failure is not None:
                    self.failed.append(FailedPage(name, None, outcome.failure))
                continue
            key = PageKey(name, outcome.number)
            if outcome.failure is not None and key.page in wanted[name]:
                self.failed.append(FailedPage(name, key.page, outcome.failure))
            elif outcome.value is not None:
                self._write(key, outcome.value)
            on_progress(len(self.written) + len(self.failed), total, str(key))

    def _is_current(self, key: PageKey, size: RenderSize) -> bool:
        made = self.record.get(key.document, {}).get(key.page)
        if made is None or (made.sha256, made.size) != (self.digests[key.document], repr(size)):
            return False
        path = self._path(key)
        return path.is_file() and path.stat().st_size == made.size_bytes

    def _write(self, key: PageKey, encoded: ByteArray) -> None:
        write_bytes(self._path(key), encoded.tobytes())
        made = MadePage(self.digests[key.document], repr(self.sizes[key]), encoded.nbytes)
        self.record.setdefault(key.document, {})[key.page] = made
        self.written.append(key)
        if len(self.written) % _PAGES_PER_SAVE == 0:
            write_record(self.output, self.record)

    def _remove_surplus(self, document: str, page_count: int) -> None:
        pages = self.record.get(document, {})
        for number in [number for number in pages if number > page_count]:
            with output_errors(self.output):
                self._path(PageKey(document, number)).unlink(missing_ok=True)
            del pages[number]

    def _path(self, key: PageKey) -> Path:
        return self.output / f"{page_stem(key.document, key.page)}.png"


def _place(failed: FailedPage) -> tuple[str, int]:
    return failed.document, failed.page or 0
