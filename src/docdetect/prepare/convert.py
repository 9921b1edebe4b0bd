"""`convert`: one PNG for each page of a folder of documents; page images that are there and unchanged stay."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from docdetect.annotations.marks import Annotations
from docdetect.config.schema import DataConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.ground_truth import (
    SurveyedDocument,
    failed_documents,
    match_names,
    read_annotations,
    survey_documents,
    worker_settings,
)
from docdetect.datasets.split import PageKey
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.document import Document
from docdetect.documents.drawing import encoded_image
from docdetect.documents.page_names import page_stem
from docdetect.documents.sizes import POINTS_PER_INCH, AtDpi, RenderSize
from docdetect.documents.sources import DocumentFile, documents_in
from docdetect.errors import InputError, OutputExistsError
from docdetect.files import output_errors, sha256_file, write_bytes
from docdetect.prepare.manifest import Manifest, read_manifest, write_manifest
from docdetect.prepare.plan import render_sizes
from docdetect.types import ByteArray, FailedPage, SizeWH
from docdetect.workers.parts import WorkerSettings

_KIND = "page images"
_PAGES_PER_SAVE = 200


@dataclass(frozen=True)
class MadePage:
    """One page image.

    Attributes:
        source_sha256: SHA-256 of the document that it was made from.
        size: how large it was rendered, as text.
        sha256: SHA-256 of the image file.
    """

    source_sha256: str
    size: str
    sha256: str


PagesMade: TypeAlias = dict[PageKey, MadePage]


def read_pages_made(folder: Path) -> PagesMade | None:
    """The page images that `convert` made in a folder; None when the folder has no manifest of `convert`."""
    manifest = read_manifest(folder)
    if manifest is None or manifest.kind != _KIND:
        return None
    try:
        return {
            PageKey(document, int(number)): MadePage(
                str(entry[0]), str(entry[1]), manifest.files[_file_name(PageKey(document, int(number)))]
            )
            for document, pages in manifest.inputs["documents"].items()
            for number, entry in pages.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def write_pages_made(folder: Path, pages: PagesMade) -> None:
    """Replaces the manifest of the folder, sorted by page. Raises OutputError."""
    documents: dict[str, dict[str, list[str]]] = {}
    for key, page in sorted(pages.items()):
        documents.setdefault(key.document, {})[str(key.page)] = [page.source_sha256, page.size]
    files = {_file_name(key): page.sha256 for key, page in sorted(pages.items())}
    write_manifest(folder, Manifest(_KIND, {"documents": documents}, files))


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
    made = _claimed(output)
    workers = workers or worker_settings(config)
    annotations = read_annotations(Path(config.annotations)) if config.images_size == "annotations" else {}
    found = documents_in(Path(config.pdfs), "Put the documents there, or name their folder with --source.").files
    files = [file for file in found if not file.path.resolve().is_relative_to(output.resolve())]
    if not files:
        raise InputError(f"{config.pdfs}: no documents in this folder beside the output", "Choose another source.")
    documents = survey_documents(files, workers, on_progress)
    sizes = render_sizes(
        config.model_copy(update={"size": config.images_size}), documents, annotated_sizes(annotations, files)
    )
    conversion = _Conversion(output, made, {document.file.name: document.sha256 for document in documents}, sizes)
    try:
        conversion.run(documents, workers, on_progress)
    finally:
        write_pages_made(output, made)
    failed = failed_documents(documents)
    return Converted(
        output,
        tuple(conversion.written),
        tuple(conversion.skipped),
        tuple(sorted([*failed, *conversion.failed], key=lambda failed: (failed.document, failed.page or 0))),
    )


def annotated_sizes(annotations: Annotations, files: Sequence[DocumentFile]) -> dict[PageKey, SizeWH]:
    """Page -> the size in px that it was annotated at; names that mean no document, or several, are left out."""
    document_of = match_names(annotations, [file.name for file in files]).document_of
    return {
        PageKey(document, number): page.size_wh
        for name, document in document_of.items()
        for number, page in annotations[name].items()
    }


def _claimed(output: Path) -> PagesMade:
    """What `convert` made in the folder so far; a new folder gets an empty manifest, so that it can be resumed."""
    made = read_pages_made(output)
    if made is not None:
        return made
    with output_errors(output):
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise OutputExistsError(
                f"{output}: exists and was not made by docdetect convert", "Choose another folder, or remove it."
            )
    write_pages_made(output, {})
    return {}


@dataclass
class _Conversion:
    """The state of one run; `made` is brought up to date page by page."""

    output: Path
    made: PagesMade
    source_hashes: Mapping[str, str]
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
        made = self.made.get(key)
        if made is None or (made.source_sha256, made.size) != (self.source_hashes[key.document], repr(size)):
            return False
        path = self.output / _file_name(key)
        return path.is_file() and sha256_file(path) == made.sha256

    def _write(self, key: PageKey, encoded: ByteArray) -> None:
        data = encoded.tobytes()
        write_bytes(self.output / _file_name(key), data)
        content = hashlib.sha256(data).hexdigest()
        self.made[key] = MadePage(self.source_hashes[key.document], repr(self.sizes[key]), content)
        self.written.append(key)
        if len(self.written) % _PAGES_PER_SAVE == 0:
            write_pages_made(self.output, self.made)

    def _remove_surplus(self, document: str, page_count: int) -> None:
        for key in [key for key in self.made if key.document == document and key.page > page_count]:
            with output_errors(self.output):
                (self.output / _file_name(key)).unlink(missing_ok=True)
            del self.made[key]


def _file_name(key: PageKey) -> str:
    return f"{page_stem(key.document, key.page)}.png"
