"""Writes a dataset of made-up pages in several processes, and goes on where an earlier call stopped.

`page.py` makes the pages; `dataset.py` says which files a dataset consists of.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2

from docdetect.config.schema import SynthConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.documents.drawing import encoded_image
from docdetect.documents.pdf_writer import builtin_fonts
from docdetect.errors import OutputExistsError
from docdetect.files import output_errors, read_json, sha256_file, sha256_text, write_bytes, write_json, write_text
from docdetect.synth.dataset import (
    JOURNAL_NAME,
    OWN_NAMES,
    SETTINGS_NAME,
    LabelledMark,
    PageRecord,
    content_hash,
    document_name,
    document_ranges,
    image_path,
    label_text,
    page_name,
    pages_for_validation,
    read_journal,
    split_of,
    write_indexes,
    write_preview,
)
from docdetect.synth.fonts import FontBook
from docdetect.synth.handwriting.recorded import RecordedInk
from docdetect.synth.page import Materials, SynthPage, make_page
from docdetect.synth.paper.damage import after_jpeg, jpeg_bytes
from docdetect.synth.pasting import CutoutSource, load_cutouts
from docdetect.synth.pdf import pages_to_pdf
from docdetect.synth.real_pages import load_real_pages
from docdetect.types import SizeWH

# Documents that are handed to the pool of processes ahead of time, for each process, so that no process waits.
_QUEUED_PER_WORKER = 4

# How many times larger than on the page marks are drawn for PDFs, which people print and look at closely.
_PDF_OVERSAMPLING = 2.5


@dataclass(frozen=True)
class SynthReport:
    """What `generate` did.

    Attributes:
        folder: the dataset's folder.
        pages: number of pages that the dataset holds now.
        made: number of pages that this call made.
        empty: number of pages without a labelled mark.
        marks: class -> number of marks, in the order of the classes.
        seconds: how long the call took.
        notes: sentences about cut-outs and real pages that are not used, and about a validation split without pages.
    """

    folder: Path
    pages: int
    made: int
    empty: int
    marks: dict[str, int]
    seconds: float
    notes: tuple[str, ...] = ()


def load_materials(settings: SynthConfig) -> Materials:
    """Loads the fonts, the recorded ink, the cut-outs and the real pages that the settings name.

    Raises:
        InputError: one of these is missing or unreadable, or cut-outs have categories that are no class.
    """
    folders = [Path(settings.fonts)] if settings.fonts else []
    fonts = FontBook.scan(folders, embedded=builtin_fonts(), system=settings.system_fonts)
    recorded = RecordedInk.load(Path(settings.ink)) if settings.ink else None
    return Materials(
        fonts, recorded, settings.layouts, settings.papers, settings.empty, settings.turned,
        source=load_cutouts(Path(settings.marks), settings) if settings.marks else None,
        p_from_source=settings.marks_share,
        real=load_real_pages(settings) if settings.real_pages else None,
    )  # fmt: skip


def generate(settings: SynthConfig, on_progress: ProgressCallback = no_progress) -> SynthReport:
    """Makes the pages that the dataset lacks and writes its labels, annotations.json and data.yaml.

    A page is the same, byte for byte, for the same random seed and page number, whatever the number of processes and
    of interruptions.

    Args:
        settings: the section `synth` of the configuration.
        on_progress: is told after each document how many pages are finished, and of how many.

    Raises:
        OutputExistsError: the folder holds other files, or pages made with other settings.
        InputError: fonts or recorded ink are missing.
        OutputError: the disk is full, or writing is not permitted.
    """
    began = time.monotonic()
    folder = Path(settings.output)
    materials = load_materials(settings)
    _claim_folder(folder, settings, content_hash(settings, _materials_hash(materials, settings)))
    done = {
        number: record for number, record in read_journal(folder / JOURNAL_NAME).items()
        if _is_whole(folder, record, settings)
    }  # fmt: skip
    wanted = [pages for pages in document_ranges(settings.seed, settings.pages) if not all(k in done for k in pages)]
    # The journal is written anew, so that it holds no line that a crash has cut off.
    write_text(folder / JOURNAL_NAME, "".join(record.to_line() for record in done.values()))
    made = 0
    with output_errors(folder / JOURNAL_NAME), (folder / JOURNAL_NAME).open("a", encoding="utf-8") as journal:
        for records in _documents(settings, materials, wanted):
            journal.writelines(record.to_line() for record in records)
            journal.flush()
            done.update((record.number, record) for record in records)
            made += len(records)
            on_progress(len(done), settings.pages, page_name(records[-1].number))
    records = [done[number] for number in sorted(done)]
    write_indexes(folder, records, settings)
    if settings.preview:
        write_preview(folder, records, settings)
    report = _report(folder, records, settings, made, time.monotonic() - began)
    return replace(report, notes=(*_notes(materials), *_split_notes(records, settings)))


def make_document(folder: Path, settings: SynthConfig, materials: Materials, pages: range) -> list[PageRecord]:
    """Makes the pages of one document and writes their pictures, their labels and, with `settings.pdf`, the PDF."""
    oversampling = _PDF_OVERSAMPLING if settings.pdf else 1.0
    finished = [
        make_page(settings.seed, number, settings.imgsz, materials, oversampling=oversampling) for number in pages
    ]
    records = [_write_page(folder, settings, page, number) for page, number in zip(finished, pages, strict=True)]
    if settings.pdf:
        write_bytes(folder / "pdfs" / document_name(pages[0]), pages_to_pdf(finished))
    return records


def _write_page(folder: Path, settings: SynthConfig, page: SynthPage, number: int) -> PageRecord:
    """Writes the picture and the label file of a page; returns its record for the journal."""
    quality = page.plan.damage.jpeg_quality
    if settings.format == "jpg":
        data = jpeg_bytes(page.pixels, quality)
    else:
        data = encoded_image(".png", after_jpeg(page.pixels, quality))
    record = PageRecord(
        number,
        split_of(settings.seed, number, settings.val),
        (page.pixels.shape[1], page.pixels.shape[0]),
        len(data),
        page.plan.document_kind,
        page.plan.damage.kind,
        labelled_marks(page, settings),
        page.distractors,
    )
    path = image_path(folder, record, settings.format)
    write_bytes(path, data)
    write_text(folder / "labels" / record.split / f"{path.stem}.txt", label_text(record, settings.classes))
    return record


def labelled_marks(page: SynthPage, settings: SynthConfig) -> tuple[LabelledMark, ...]:
    """The marks of a page that have a class, with the margin that the settings leave around the ink."""
    size_wh = page.pixels.shape[1], page.pixels.shape[0]
    marks = []
    for mark in page.marks:
        category = settings.class_of(mark.kind)
        if category is not None:
            box = _widened(mark.box, settings.margin.get(category, 0), size_wh)
            marks.append(LabelledMark(category, mark.kind, box, mark.text))
    return tuple(marks)


def _widened(box: tuple[int, int, int, int], margin_px: int, size_wh: SizeWH) -> tuple[int, int, int, int]:
    """The box, wider by `margin_px` on each side as far as the page of `size_wh` px reaches."""
    left, top = (max(0, value - margin_px) for value in box[:2])
    right, bottom = (min(length, value + margin_px) for length, value in zip(size_wh, box[2:], strict=True))
    return left, top, right, bottom


def _documents(settings: SynthConfig, materials: Materials, wanted: Sequence[range]) -> Iterator[list[PageRecord]]:
    """Makes the wanted documents and yields the records of each one as soon as it is finished."""
    folder = Path(settings.output)
    workers = min(settings.workers or os.cpu_count() or 1, len(wanted))
    if workers <= 1:
        yield from (make_document(folder, settings, materials, pages) for pages in wanted)
        return
    # Worker processes are spawned, since a forked copy of a process that has threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (settings, materials)) as pool:
        waiting = iter(wanted)
        running: set[Future[list[PageRecord]]] = set()
        try:
            while True:
                while len(running) < workers * _QUEUED_PER_WORKER and (pages := next(waiting, None)) is not None:
                    running.add(pool.submit(_make_document_in_worker, pages))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
        finally:
            # Where SIGTERM has ended the workers, the pool stumbles over documents that it has not cancelled itself.
            pool.shutdown(cancel_futures=True)


class _Worker:
    """What a worker process keeps between two documents."""

    make_document: partial[list[PageRecord]]


def _start_worker(settings: SynthConfig, materials: Materials) -> None:
    cv2.setNumThreads(1)
    _Worker.make_document = partial(make_document, Path(settings.output), settings, materials)


def _make_document_in_worker(pages: range) -> list[PageRecord]:
    return _Worker.make_document(pages)


def _claim_folder(folder: Path, settings: SynthConfig, wanted_hash: str) -> None:
    """Makes sure that the folder is new, holds pages made with the same settings, or may be replaced.

    Raises:
        OutputExistsError: the folder holds other files, or pages made with other settings and `overwrite` is off.
    """
    marker = folder / SETTINGS_NAME
    if folder.is_dir() and any(folder.iterdir()):
        ours = marker.is_file()
        # Datasets of version 0.1 call the hash "fingerprint".
        stored = read_json(marker) if ours else {}
        if ours and stored.get("content_hash", stored.get("fingerprint")) == wanted_hash:
            return
        if not ours:
            raise OutputExistsError(
                f"{folder}: the folder is not empty, and it was not made by docdetect synth",
                "Choose another folder with --output.",
            )
        if not settings.overwrite:
            raise OutputExistsError(
                f"{folder}: the folder holds pages made with other settings",
                "Choose another folder with --output, or add --overwrite to replace them.",
            )
        with output_errors(folder):
            for name in OWN_NAMES:
                path = folder / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    write_json(marker, {"content_hash": wanted_hash, "settings": settings.model_dump(mode="json")})


def _materials_hash(materials: Materials, settings: SynthConfig) -> str:
    """SHA-256 of the fonts, of the file of recorded ink, of cut-outs and of real pages."""
    faces = [f"{face.digest}:{face.index}" for face in materials.fonts.faces]
    parts = [*faces, sha256_file(Path(settings.ink)) if settings.ink else ""]
    parts += [one.digest for one in (materials.source, materials.real) if one is not None]
    return sha256_text("\n".join(parts))


def _is_whole(folder: Path, record: PageRecord, settings: SynthConfig) -> bool:
    """Whether the page's picture lies in the folder with the size that the journal says."""
    path = image_path(folder, record, settings.format)
    return path.is_file() and path.stat().st_size == record.size_bytes


def _notes(materials: Materials) -> tuple[str, ...]:
    """Sentences about what lies in the given folders and is not used."""
    source_notes = materials.source.notes if isinstance(materials.source, CutoutSource) else ()
    return (*source_notes, *(materials.real.notes if materials.real is not None else ()))


def _split_notes(records: Sequence[PageRecord], settings: SynthConfig) -> tuple[str, ...]:
    """A sentence where the validation split, which training needs, has no page though it was to have some."""
    if not settings.val or any(record.split == "val" for record in records):
        return ()
    return (
        "no page is in the validation split, which docdetect train needs: "
        f"--pages {pages_for_validation(settings.val)} makes one",
    )


def _report(
    folder: Path, records: Sequence[PageRecord], settings: SynthConfig, made: int, seconds: float
) -> SynthReport:
    counts = Counter(mark.category for record in records for mark in record.marks)
    marks = {name: counts[name] for name in settings.classes}
    return SynthReport(folder, len(records), made, sum(not record.marks for record in records), marks, seconds)
