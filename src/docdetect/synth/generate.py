"""Writes a dataset of made-up pages, on several cores, going on where an earlier call stopped."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
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
    document_name,
    document_ranges,
    fingerprint,
    image_path,
    label_text,
    page_name,
    pages_to_pdf,
    read_journal,
    split_of,
    write_indexes,
    write_preview,
)
from docdetect.synth.fonts import FontBook
from docdetect.synth.handwriting.recorded import RecordedInk
from docdetect.synth.page import Materials, SynthPage, make_page
from docdetect.synth.paper.damage import after_jpeg, jpeg_bytes
from docdetect.types import SizeWH

_AHEAD = 4  # documents in flight for each worker


@dataclass(frozen=True)
class SynthReport:
    """What `generate` did.

    Attributes:
        folder: the dataset.
        pages: how many it holds now.
        made: how many of them were made by this call.
        empty: how many have no labelled mark.
        marks: class -> number of marks, in class order.
        seconds: how long it took.
    """

    folder: Path
    pages: int
    made: int
    empty: int
    marks: dict[str, int]
    seconds: float


def load_materials(settings: SynthConfig) -> Materials:
    """The fonts and the recorded ink that the settings name. Raises InputError: a missing folder or file."""
    folders = [Path(settings.fonts)] if settings.fonts else []
    fonts = FontBook.scan(folders, embedded=builtin_fonts(), system=settings.system_fonts)
    recorded = RecordedInk.load(Path(settings.ink)) if settings.ink else None
    return Materials(fonts, recorded, settings.layouts, settings.papers, settings.empty, settings.turned)


def generate(settings: SynthConfig, on_progress: ProgressCallback = no_progress) -> SynthReport:
    """Makes the pages that are not there yet and writes labels, annotations.json and data.yaml.

    Page k of a seed is the same, byte for byte, whatever the number of workers and of interruptions.

    Raises:
        OutputExistsError: the folder holds something else, or pages made with other settings.
        InputError: fonts or ink are missing. OutputError: disk full, no permission.
    """
    began = time.monotonic()
    folder = Path(settings.output)
    materials = load_materials(settings)
    _claim(folder, settings, fingerprint(settings, _identity(materials, settings)))
    done = {
        number: record for number, record in read_journal(folder / JOURNAL_NAME).items()
        if _is_whole(folder, record, settings)
    }  # fmt: skip
    wanted = [pages for pages in document_ranges(settings.seed, settings.pages) if not all(k in done for k in pages)]
    write_text(
        folder / JOURNAL_NAME, "".join(record.to_line() for record in done.values())
    )  # no line cut off by a crash
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
    return _report(folder, records, settings, made, time.monotonic() - began)


def make_document(folder: Path, settings: SynthConfig, materials: Materials, pages: range) -> list[PageRecord]:
    """Makes and writes the pages of one document."""
    finished = [make_page(settings.seed, number, settings.imgsz, materials, fine=_fine(settings)) for number in pages]
    records = [_write_page(folder, settings, page, number) for page, number in zip(finished, pages, strict=True)]
    if settings.pdf:
        write_bytes(folder / "pdfs" / document_name(pages[0]), pages_to_pdf(finished))
    return records


def _fine(settings: SynthConfig) -> float:
    """How much finer marks are drawn than the page: PDFs are printed and looked at closely."""
    return 2.5 if settings.pdf else 1.0


def _write_page(folder: Path, settings: SynthConfig, page: SynthPage, number: int) -> PageRecord:
    quality = page.plan.finish.quality
    if settings.format == "jpg":
        data = jpeg_bytes(page.pixels, quality)
    else:
        data = encoded_image(".png", after_jpeg(page.pixels, quality))
    marks = []
    for mark in page.marks:
        category = settings.class_of(mark.kind)
        if category is not None:
            box = _widened(mark.box, settings.margin.get(category, 0), (page.pixels.shape[1], page.pixels.shape[0]))
            marks.append(LabelledMark(category, mark.kind, box, mark.text))
    record = PageRecord(
        number,
        split_of(settings.seed, number, settings.val),
        (page.pixels.shape[1], page.pixels.shape[0]),
        len(data),
        page.plan.layout,
        page.plan.finish.kind,
        tuple(marks),
        page.distractors,
    )
    path = image_path(folder, record, settings.format)
    write_bytes(path, data)
    write_text(folder / "labels" / record.split / f"{path.stem}.txt", label_text(record, settings.classes))
    return record


def _widened(box: tuple[int, int, int, int], margin_px: int, size_wh: SizeWH) -> tuple[int, int, int, int]:
    """The box with so much paper on each side, as far as the page reaches."""
    left, top = (max(0, value - margin_px) for value in box[:2])
    right, bottom = (min(length, value + margin_px) for length, value in zip(size_wh, box[2:], strict=True))
    return left, top, right, bottom


def _documents(settings: SynthConfig, materials: Materials, wanted: Sequence[range]) -> Iterator[list[PageRecord]]:
    """Finished documents as they come."""
    folder = Path(settings.output)
    workers = min(settings.workers or os.cpu_count() or 1, len(wanted))
    if workers <= 1:
        yield from (make_document(folder, settings, materials, pages) for pages in wanted)
        return
    context = multiprocessing.get_context("spawn")  # forking a process with threads in it may hang
    with ProcessPoolExecutor(workers, context, _start_worker, (settings, materials)) as pool:
        waiting = iter(wanted)
        running: set[Future[list[PageRecord]]] = set()
        try:
            while True:
                while len(running) < workers * _AHEAD and (pages := next(waiting, None)) is not None:
                    running.add(pool.submit(_work, pages))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
        finally:
            for future in running:
                future.cancel()


class _Worker:
    """What a worker process keeps between documents."""

    make: partial[list[PageRecord]]


def _start_worker(settings: SynthConfig, materials: Materials) -> None:
    cv2.setNumThreads(1)
    _Worker.make = partial(make_document, Path(settings.output), settings, materials)


def _work(pages: range) -> list[PageRecord]:
    return _Worker.make(pages)


def _claim(folder: Path, settings: SynthConfig, identity: str) -> None:
    """Makes sure that the folder is new, or ours with the same settings, or may be replaced."""
    marker = folder / SETTINGS_NAME
    if folder.is_dir() and any(folder.iterdir()):
        ours = marker.is_file()
        if ours and read_json(marker).get("fingerprint") == identity:
            return
        if not ours:
            raise OutputExistsError(f"{folder}: not empty, and not made by docdetect synth", "Choose another folder.")
        if not settings.overwrite:
            raise OutputExistsError(
                f"{folder}: holds pages made with other settings",
                "Choose another folder with --output, or add --overwrite to replace them.",
            )
        with output_errors(folder):
            for name in OWN_NAMES:
                path = folder / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    write_json(marker, {"fingerprint": identity, "settings": settings.model_dump(mode="json")})


def _identity(materials: Materials, settings: SynthConfig) -> str:
    faces = [f"{face.digest}:{face.index}" for face in materials.fonts.faces]
    return sha256_text("\n".join([*faces, sha256_file(Path(settings.ink)) if settings.ink else ""]))


def _is_whole(folder: Path, record: PageRecord, settings: SynthConfig) -> bool:
    path = image_path(folder, record, settings.format)
    return path.is_file() and path.stat().st_size == record.size_bytes


def _report(
    folder: Path, records: Sequence[PageRecord], settings: SynthConfig, made: int, seconds: float
) -> SynthReport:
    counts = Counter(mark.category for record in records for mark in record.marks)
    marks = {name: counts[name] for name in settings.classes}
    return SynthReport(folder, len(records), made, sum(not record.marks for record in records), marks, seconds)
