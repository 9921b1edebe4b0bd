"""`infer`: from a configuration to a folder of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from docdetect.config.loading import dump_config
from docdetect.console import ProgressCallback, no_progress
from docdetect.documents.batches import prepare_processes
from docdetect.documents.reader import DocumentOpener, Opener, open_document
from docdetect.documents.sources import DocumentFile
from docdetect.errors import ConfigError, UsageError
from docdetect.files import sha256_file, timestamped, write_text
from docdetect.inference.flow import Flow
from docdetect.inference.folder import (
    CONFIG_NAME,
    CROPS_FOLDER,
    PAGES_FOLDER,
    PDF_FOLDER,
    OnExisting,
    check_folder,
    claimed_folder,
    remove_files,
)
from docdetect.inference.journal import JOURNAL_NAME, Journal
from docdetect.inference.marked_copies import PdfCopies
from docdetect.inference.results import FORMATS, InferReport, Totals, write_summary
from docdetect.inference.selection import chosen_documents, known_passwords
from docdetect.inference.settings import RunSettings
from docdetect.inference.stages import CloserLooks, Finisher, PageReading, ReadDocument, plan, read_documents
from docdetect.machine import available_cores, keep_freed_pictures
from docdetect.merging import GroupingSettings
from docdetect.models.conversions import int8_path
from docdetect.models.engines.base import Engine
from docdetect.models.engines.select import load_engine, say_nothing
from docdetect.models.thresholds import DEFAULT_CONF, read_thresholds
from docdetect.models.weights import network_imgsz, resolve_weights
from docdetect.workers.parts import WorkerSettings

if TYPE_CHECKING:
    from docdetect.config.schema import Config, InferConfig

_BYTES_A_PAGE = 6 << 20  # of a rendered page that waits for the model: most have 2 MB, one with a sheet up to 200


def infer(
    config: Config,
    on_progress: ProgressCallback = no_progress,
    announce: Callable[[str], None] = say_nothing,
) -> InferReport:
    """Finds the marks in all documents of a source and writes the result folder.

    Bad pages and documents do not stop the run; they are in the report with their reasons. An interruption
    (KeyboardInterrupt) ends it early: what is done is written, and the report says so.

    Args:
        config: the sections `infer`, `grouping` and `train.runs` (where the newest run's weights are looked for).
        on_progress: told about every finished document.
        announce: told when the weights have to be converted first.

    Raises:
        InputError: no such source, no documents, no weights, no such password file.
        OutputExistsError: there are results already, or the folder is not docdetect's, or in use.
        OutputError: results cannot be written.
        MissingDependencyError: the engine, or all documents, need an extra that is not installed.
        ConfigError, UsageError: settings that contradict each other or the model.
    """
    wanted = config.infer
    output, on_existing = _output(wanted)
    check_folder(output, on_existing)
    prepare_processes()
    keep_freed_pictures()
    opener = DocumentOpener(known_passwords(wanted))
    files = chosen_documents(wanted, output)
    weights = resolve_weights(wanted.weights, Path(config.train.runs))
    imgsz = network_imgsz(weights, wanted.imgsz)
    engine = load_engine(
        weights,
        imgsz=imgsz,
        device=wanted.device,
        engine=wanted.engine,
        precision=wanted.precision,
        trim=wanted.trim == "auto",
        announce=announce,
    )
    settings = _settings(config, engine, weights, imgsz)
    _check_required(wanted, settings)
    with claimed_folder(output, on_existing), Journal(output / JOURNAL_NAME, settings) as journal:
        if not (output / CONFIG_NAME).exists():  # a resumed run keeps the configuration that it began with
            write_text(output / CONFIG_NAME, dump_config(config, ["infer", "grouping"]))
        report = run(files, engine, journal, wanted, on_progress, opener)
        write_summary(report, settings, source=", ".join(wanted.source), weights=weights)
    return report


def run(
    files: Sequence[DocumentFile],
    engine: Engine,
    journal: Journal,
    wanted: InferConfig,
    on_progress: ProgressCallback = no_progress,
    opener: Opener = open_document,
) -> InferReport:
    """Takes the documents through the engine into the journal and writes the result files beside it.

    Args:
        files: in the order of the work.
        engine: the detector.
        journal: of this run; what it holds already is not done again.
        wanted: `formats` and `require`; the rest stands in the journal's settings.
        on_progress: told about every finished document.
        opener: opens a document.

    Raises:
        OutputError: results cannot be written.
    """
    settings, output = journal.settings, journal.path.parent
    resumed = bool(journal.documents())
    documents = 0

    def on_document(event: ReadDocument, pages: int) -> None:
        nonlocal documents
        documents += 1
        if not flow.interrupted:
            copies.add(event.file)
        on_progress(documents, len(files), f"{pages} pages, {event.file.name}")

    work = plan(files, journal)
    documents = len(files) - len(work.files)
    reading = PageReading(settings.imgsz, settings.dpi, work.done, settings.rotations, settings.tile)
    ahead = _pages_ahead(engine, settings)
    workers = WorkerSettings(
        settings.workers,
        settings.doc_timeout_s,
        settings.doc_memory_mb << 20,
        max_in_flight=ahead,
        max_in_flight_bytes=ahead * _BYTES_A_PAGE,
    )
    started, interrupted = time.perf_counter(), False
    looks = CloserLooks(settings.doc_timeout_s, settings.doc_memory_mb << 20, opener)
    with looks as closer_look, PdfCopies(journal, output, opener) as copies:
        finisher = Finisher(settings, output, closer_look)
        flow = Flow(engine, finisher, journal, settings, on_document, closer_look.stop)
        try:
            with closing(read_documents(work, reading, workers, opener)) as events:
                flow.run(events)
            copies.finish(files)
        except KeyboardInterrupt:
            interrupted = True
            copies.record()
    elapsed_s = time.perf_counter() - started
    journal.forget(set(journal.documents()) - {file.name for file in files})
    if not interrupted:
        journal.rewrite_sorted()
    totals = write_results(journal, output, wanted.formats)
    if resumed and not interrupted:
        _remove_orphans(output, totals)
    return InferReport(
        output,
        totals,
        wanted.require,
        len(files),
        elapsed_s,
        flow.pages,
        interrupted,
        journal.unreadable_lines,
    )


def write_results(journal: Journal, output: Path, formats: Iterable[str]) -> Totals:
    """The result files that are made from the journal; one document at a time is in memory. Raises OutputError."""
    settings = journal.settings
    totals = Totals(settings.class_names, code_class=settings.code_class if settings.read_codes else "")
    with ExitStack() as stack:
        chosen = [FORMATS[name] for name in dict.fromkeys(formats) if name in FORMATS]
        adders = [stack.enter_context(open_format(output, settings)) for open_format in chosen]
        for document in journal.documents():
            result, end = journal.read_document(document)
            totals.add(result, end, journal.read_pdf(document))
            for add in adders:
                add(result)
    return totals


def _pages_ahead(engine: Engine, settings: RunSettings) -> int:
    """Rendered pages that may wait for the model: enough that all its lanes find a batch, and every worker has one."""
    batch = settings.batch or engine.traits.batch
    return max(16, 2 * engine.traits.lanes * batch, 2 * settings.workers)


def _output(wanted: InferConfig) -> tuple[Path, OnExisting]:
    if wanted.overwrite and wanted.resume:
        raise UsageError("--overwrite and --resume exclude each other", "Give one of them.")
    if wanted.resume and not wanted.output:
        raise UsageError("--resume needs the folder to go on in", "Give it with --output.")
    output = Path(wanted.output) if wanted.output else Path(wanted.runs) / timestamped(wanted.name)
    return output, "overwrite" if wanted.overwrite else "resume" if wanted.resume else "refuse"


def _settings(config: Config, engine: Engine, weights: Path, imgsz: int) -> RunSettings:
    wanted, grouping = config.infer, config.grouping
    conf, class_conf = _thresholds(wanted, engine, weights)
    return RunSettings(
        class_names=engine.class_names,
        weights_sha256=sha256_file(weights),
        int8_sha256=_int8_sha256(engine, weights),
        conf=conf,
        class_conf=class_conf,
        iou=wanted.iou,
        engine=engine.traits.name,
        precision=engine.traits.precision,
        imgsz=imgsz,
        dpi=wanted.dpi,
        rotations=wanted.rotations,
        tile=wanted.tile == "auto",
        trim=wanted.trim == "auto",
        grouping=GroupingSettings(
            method=grouping.method,
            dist=grouping.dist,
            iou=grouping.iou,
            contain=grouping.contain,
            nested=grouping.nested,
            per_class=grouping.per_class,
        ),
        save_pages=wanted.save_pages,
        save_crops=wanted.save_crops,
        save_pdf=wanted.save_pdf,
        read_codes=wanted.read_codes,
        code_class=wanted.code_class,
        batch=wanted.batch,
        workers=wanted.workers or available_cores(),
        doc_timeout_s=wanted.doc_timeout_s,
        doc_memory_mb=wanted.doc_memory_mb,
    )


def _int8_sha256(engine: Engine, weights: Path) -> str:
    form = int8_path(weights)
    return sha256_file(form) if engine.traits.precision == "int8" and form.is_file() else ""


def _thresholds(wanted: InferConfig, engine: Engine, weights: Path) -> tuple[float, tuple[float, ...]]:
    """The lowest confidence of all, and that of each class: as asked for, else as kept with the weights."""
    if wanted.conf is not None:
        return wanted.conf, ()
    kept = read_thresholds(weights)
    if kept is None:
        return DEFAULT_CONF, ()
    by_class = kept.of(engine.class_names, DEFAULT_CONF)
    return min(by_class), by_class


def _check_required(wanted: InferConfig, settings: RunSettings) -> None:
    unknown = [name for name in wanted.require if name not in settings.class_names]
    if unknown:
        raise ConfigError(
            f"infer.require: {', '.join(unknown)} not among the classes of these weights",
            f"Classes: {', '.join(settings.class_names)}.",
        )


def _remove_orphans(output: Path, totals: Totals) -> None:
    """Removes pictures and copies of documents and pages that are no longer among the results."""
    copied = (row.document for row in totals.documents if row.pdf is not None and row.pdf.failure is None)
    remove_files(output / PDF_FOLDER, keep=frozenset(copied))
    for folder in (PAGES_FOLDER, CROPS_FOLDER):
        base = output / folder
        if not base.is_dir():
            continue
        pages = {row.document: row.page_count for row in totals.documents}
        keep = frozenset(
            path.relative_to(base).as_posix()
            for path in base.rglob("page_*.jpg")
            if _page_number(path.name) <= pages.get(path.parent.relative_to(base).as_posix(), 0)
        )
        remove_files(base, keep=keep)


def _page_number(name: str) -> int:
    digits = name.removeprefix("page_").removesuffix(".jpg").partition("_")[0]
    return int(digits) if digits.isdigit() else 0
