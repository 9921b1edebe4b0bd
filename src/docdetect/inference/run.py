"""`infer`: from a configuration to a folder of results."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from docdetect.config.loading import dump_config
from docdetect.console import ProgressCallback, no_progress, say_nothing
from docdetect.documents.batches import prepare_processes
from docdetect.documents.reader import DocumentOpener, Opener, open_document
from docdetect.documents.sources import Collection, LeftOut, count_left_out
from docdetect.errors import ConfigError, DiskFullError, UsageError, did_you_mean
from docdetect.files import make_run_folder, write_text
from docdetect.inference.detector import Detector
from docdetect.inference.events import FinishedEvent, FinishedPage, ReadDocument
from docdetect.inference.finishing import lacks_pictures
from docdetect.inference.folder import (
    CONFIG_NAME,
    CROPS_FOLDER,
    IMAGES_FOLDER,
    PAGES_FOLDER,
    PDF_FOLDER,
    THUMBS_FOLDER,
    OnExisting,
    check_folder,
    claimed_folder,
    remove_files,
)
from docdetect.inference.journal import JOURNAL_NAME, Journal
from docdetect.inference.journal_lines import DocumentEnd, page_place
from docdetect.inference.marked_copies import PdfCopies
from docdetect.inference.networks import find_weights, refuse_sizes_for_ensemble
from docdetect.inference.reading import Plan, plan
from docdetect.inference.report import InferReport, Totals, write_summary
from docdetect.inference.results import COLUMNS, ResultFiles
from docdetect.inference.resuming import what_starts_over
from docdetect.inference.selection import chosen_documents, known_passwords
from docdetect.inference.settings import RunSettings
from docdetect.inference.workbook import write_results_workbook
from docdetect.interrupts import StopSignal, interrupts_as_flag
from docdetect.machine import keep_freed_pictures
from docdetect.merging import GroupingSettings
from docdetect.models.weights import FAST_NAME
from docdetect.types import DocumentResult, FailedPage, PageResult

if TYPE_CHECKING:
    from docdetect.config.schema import Config, InferConfig


def infer(
    config: Config,
    on_progress: ProgressCallback = no_progress,
    announce: Callable[[str], None] = say_nothing,
    stop: threading.Event | None = None,
) -> InferReport:
    """Finds the marks in all documents of a source and writes the result folder.

    Bad pages and documents do not stop the run; they are in the report with their reasons. A stop (Ctrl-C, `stop`, and
    SIGTERM in the `docdetect` command) ends the run early: what is done is written, and the report says so. Ctrl-C or
    SIGTERM that comes again a second later raises KeyboardInterrupt: the journal is whole then, and a run that resumes
    this one makes the result files.

    Args:
        config: the sections `infer`, `grouping` and `train.runs` (where the newest run's weights are looked for).
        on_progress: told what the run is doing before the first page, and then about every page: how many pages are
            done, how many there are about, and the document.
        announce: told what is left out of the sources, and when the weights have to be converted first.
        stop: once another thread sets this event, no further page is begun.

    Raises:
        InputError: no such source, no documents, no weights, no such password file.
        OutputExistsError: there are results already, or the folder is not docdetect's, or in use.
        OutputError: results cannot be written.
        MissingDependencyError: the engine, a result format, or all documents need an extra that is not installed.
        ConfigError, UsageError: settings that contradict each other or the weights.
    """
    wanted = config.infer
    if wanted.resume and (wanted.overwrite or not wanted.output):
        raise UsageError("infer.resume needs infer.output, and excludes infer.overwrite", "Say where to go on.")
    if wanted.fail_on_missing and not wanted.require:
        raise UsageError(
            "infer.fail_on_missing needs infer.require: no class is required",
            "Name the classes that every document should have, for example --require signature.",
        )
    if wanted.screen_conf != type(wanted).model_fields["screen_conf"].default and not wanted.screen:
        announce("infer.screen_conf acts together with a smaller network only: add --screen WEIGHTS")
    if config.grouping.dist != GroupingSettings.dist and config.grouping.method != "original":
        announce("grouping.dist acts in the grouping of the original system only: add --grouping original")
    if wanted.output:
        check_folder(Path(wanted.output), _on_existing(wanted))
    runs = Path(config.train.runs)
    files = find_weights(_named_weights(wanted), wanted.screen, runs, alone=_alone(wanted))
    # Before documents are looked for.
    refuse_sizes_for_ensemble(files.weights, imgsz=wanted.imgsz, scales=wanted.scales, second_look=wanted.second_look)
    prepare_processes()
    keep_freed_pictures()
    on_progress(0, 0, "listing the documents")
    chosen = chosen_documents(wanted)
    if chosen.left_out:
        announce(f"left out: {count_left_out(chosen.left_out)}; documents.csv names them")
    on_progress(0, 0, "loading the network")
    with loaded_detector(config, announce) as detector:
        return infer_chosen(chosen, detector, config, on_progress, announce, stop)


def infer_chosen(
    chosen: Collection,
    detector: Detector,
    config: Config,
    on_progress: ProgressCallback = no_progress,
    announce: Callable[[str], None] = say_nothing,
    stop: threading.Event | None = None,
) -> InferReport:
    """Does what `infer` does, with documents that are listed and a Detector that is loaded already.

    Args:
        chosen: the documents, and what was left out of the sources.
        detector: finds the marks; it has its own weights, and stays open.
        config: as of `infer`; the settings of the weights and the engine are those of the detector.
        on_progress: see `infer`.
        announce: told what of an earlier run starts over.
        stop: see `infer`.

    Raises:
        OutputExistsError, OutputError, MissingDependencyError, ConfigError, InputError: see `infer`.
    """
    wanted = config.infer
    opener = DocumentOpener(known_passwords(wanted))
    with ExitStack() as stack:
        settings = run_settings(config, detector)
        signal = StopSignal(stop, stack.enter_context(interrupts_as_flag()))
        output = Path(wanted.output) if wanted.output else make_run_folder(Path(wanted.runs), wanted.name)
        stack.enter_context(claimed_folder(output, _on_existing(wanted)))
        journal = stack.enter_context(Journal(output / JOURNAL_NAME, settings))
        if over := what_starts_over(journal):
            announce(over)
        write_text(output / CONFIG_NAME, _kept_config(config))
        stack.enter_context(_noting_that_it_can_be_resumed(output))
        report = run(chosen, detector, journal, wanted, on_progress, opener, signal)
        assert detector.weights is not None
        write_summary(report, journal.settings, source=", ".join(wanted.source), weights=detector.weights)
        if report.mark_rows is not None:
            write_results_workbook(report, journal.settings, COLUMNS, ", ".join(wanted.source))
    return report


@contextmanager
def _noting_that_it_can_be_resumed(output: Path) -> Iterator[None]:
    """Notes in the error of a full disk that the run can be resumed: it has a journal and its configuration by now."""
    try:
        yield
    except DiskFullError as error:
        error.unfinished = output
        raise


def _on_existing(wanted: InferConfig) -> OnExisting:
    return "overwrite" if wanted.overwrite else "resume" if wanted.resume else "refuse"


def run(
    chosen: Collection,
    detector: Detector,
    journal: Journal,
    wanted: InferConfig,
    on_progress: ProgressCallback = no_progress,
    opener: Opener = open_document,
    stop: threading.Event | None = None,
) -> InferReport:
    """Takes documents through the detector into the journal and the result files beside it.

    Args:
        chosen: the documents, and what was left out of the sources; the work is done in the order of their names.
        detector: finds the marks.
        journal: of this run; what it holds already is not done again.
        wanted: `formats` and `require`; the rest stands in the journal's settings.
        on_progress: told about every page; see `infer`.
        opener: opens a document.
        stop: once this event is set, no further page is begun.

    Raises:
        OutputError: results cannot be written.
        MissingDependencyError: a result format needs a package that is not installed.
    """
    files, left_out = chosen.files, chosen.left_out
    settings, output, signal = journal.settings, journal.path.parent, StopSignal(stop)
    resumed = bool(journal.documents())
    journal.forget(set(journal.documents()) - {file.name for file in files})
    work = plan(sorted(files, key=lambda file: file.name), journal)
    started = time.perf_counter()
    with (
        ResultFiles(output, settings, wanted.formats, wanted.require) as results,
        PdfCopies(journal, output, opener, signal) as copies,
        closing(detector.run(work, settings, opener=opener, stop=signal, output=output)) as stream,
    ):
        record = _Recording(journal, results, copies, work, len(files), on_progress)
        for event in stream:
            record(event)
        record.finish()
        if not signal.is_set() and record.undrawn:
            missing = Plan(tuple(file for file in files if file.name in record.undrawn))
            detector.draw(missing, settings, journal.read_page, opener=opener, stop=signal, output=output)
        if not signal.is_set():
            copies.finish(files)
        interrupted = signal.is_set()
        copies.note_finished()
        totals = results.totals
        totals.add_copies(journal.read_pdf)
        results.heading.without_copy = tuple(
            row.document for row in totals.documents if row.pdf is not None and row.pdf.failure is not None
        )
        results.heading.warning = _warning(interrupted, left_out)
    elapsed_s = time.perf_counter() - started
    if not interrupted:
        journal.rewrite_sorted()
        if resumed:
            _remove_orphans(output, totals)
    return InferReport(
        output,
        totals,
        wanted.require,
        len(files),
        elapsed_s,
        record.pages,
        interrupted,
        journal.unreadable_lines,
        left_out=left_out,
        mark_rows=results.mark_rows,
    )


def _warning(interrupted: bool, left_out: Sequence[LeftOut]) -> str:
    """What a reader of `index.html` must know, who would otherwise take its list for everything in the sources."""
    sentences = ["The run was stopped before its end."] if interrupted else []
    if left_out:
        sentences.append(f"Not looked at: {count_left_out(left_out)}; documents.csv has their names and the reasons.")
    return " ".join(sentences)


class _Recording:
    """Puts what the detector gives into the journal and the result files, documents in the order of their names.

    Results of an earlier run are read from the journal when it is their turn; those of this run are at hand.

    Attributes:
        pages: pages that this run has done.
        undrawn: documents of an earlier run that lack a drawn page or a crop which this run asks for.
    """

    def __init__(
        self,
        journal: Journal,
        results: ResultFiles,
        copies: PdfCopies,
        work: Plan,
        document_count: int,
        on_progress: ProgressCallback,
    ) -> None:
        self.pages = 0
        self.undrawn: set[str] = set()
        self._settings, self._output = journal.settings, journal.path.parent
        # Documents of this run that are finished, and the pages that they have.
        self._finished = self._pages_of_finished = 0
        self._journal, self._results, self._copies = journal, results, copies
        self._done = work.done
        self._on_progress, self._document_count = on_progress, document_count
        self._documents = document_count - len(work.files)
        self._earlier = deque(journal.documents())
        self._current: dict[int, PageResult | FailedPage] = {}

    def __call__(self, event: FinishedEvent) -> None:
        """Takes the next page, or the end of its document. Raises OutputError."""
        if isinstance(event, FinishedPage):
            self._journal.add_page(event.result, event.sha256)
            self.pages += 1
            self._tell(event.file.name)
            self._current[page_place(event.result)[1]] = event.result
            return
        name = event.file.name
        end = DocumentEnd(name, event.page_count, event.failure, event.notes)
        self._journal.add_end(end, event.sha256)
        self._catch_up(name)
        result = self._result_of(event)
        self._results.add(result, end)
        self._copies.add(event.file, result)
        self._documents += 1
        self._finished += 1
        self._pages_of_finished = self.pages
        self._tell(name)

    def _tell(self, name: str) -> None:
        """How many pages are done, and about how many there are.

        How many pages a document has is known when it is opened: those that are to come count as many as the others
        have on average.
        """
        left = self._document_count - self._documents
        mean = self._pages_of_finished / self._finished if self._finished else 1.0
        current = self.pages - self._pages_of_finished
        # The document that is being read has one more page at least, as long as its end has not come.
        total = self._pages_of_finished + max(left * mean, current + max(left - 1, 0) * mean + min(left, 1))
        number = min(self._documents + 1, self._document_count)
        self._on_progress(self.pages, math.ceil(total), f"document {number} of {self._document_count}, {name}")

    def finish(self) -> None:
        """Writes what is left: documents of an earlier run, and the one in the middle of which this run was stopped."""
        self._earlier = deque(sorted({*self._earlier, *self._unwritten()}))
        self._catch_up(None)

    def _unwritten(self) -> list[str]:
        if not self._current:
            return []
        first = next(iter(self._current.values()))
        return [page_place(first)[0]]

    def _result_of(self, event: ReadDocument) -> DocumentResult:
        """All pages of a document that is finished: those of this run, and those that an earlier run had done."""
        name, pages = event.file.name, self._current
        self._current = {}
        numbers = [number for number in self._done.get(name, ()) if number not in pages]
        if numbers:
            earlier = self._journal.read_pages(name, numbers)
            self._note_undrawn(name, earlier)
            pages = pages | {page_place(page)[1]: page for page in earlier}
        in_order = tuple(pages[number] for number in sorted(pages))
        return DocumentResult(name, event.sha256, in_order, event.failure, event.notes)

    def _catch_up(self, name: str | None) -> None:
        """Writes the documents of an earlier run whose names come before `name`, or all of them."""
        while self._earlier and (name is None or self._earlier[0] <= name):
            document = self._earlier.popleft()
            if document != name:
                result, end = self._journal.read_document(document)
                self._note_undrawn(document, result.pages)
                self._results.add(result, end)

    def _note_undrawn(self, document: str, pages: Iterable[PageResult | FailedPage]) -> None:
        if any(isinstance(page, PageResult) and lacks_pictures(page, self._output, self._settings) for page in pages):
            self.undrawn.add(document)


def loaded_detector(config: Config, announce: Callable[[str], None]) -> Detector:
    """The Detector that the section `infer` asks for. For errors see `Detector`."""
    wanted = config.infer
    return Detector(
        _named_weights(wanted),
        screen=wanted.screen,
        screen_conf=wanted.screen_conf,
        imgsz=wanted.imgsz,
        engine=wanted.engine,
        precision=wanted.precision,
        device=wanted.device,
        conf=wanted.conf,
        check_conf=wanted.check_conf,
        iou=wanted.iou,
        batch=wanted.batch,
        workers=wanted.workers or None,
        trim=wanted.trim == "auto",
        page_timeout_s=wanted.doc_timeout_s,
        page_memory_mb=wanted.doc_memory_mb,
        runs=config.train.runs,
        alone=_alone(wanted),
        announce=announce,
    )


def _alone(wanted: InferConfig) -> bool:
    """Whether an option was given that says how a single network looks at pages."""
    return bool(wanted.imgsz or wanted.scales or wanted.second_look or wanted.screen)


def _named_weights(wanted: InferConfig) -> str:
    """The name of the weights that the section asks for. Raises ConfigError: there are two."""
    if wanted.fast and wanted.weights not in ("", FAST_NAME):
        raise ConfigError(
            f"infer.fast: --fast means the weights {FAST_NAME}, and infer.weights says {wanted.weights}",
            "Give one of them.",
        )
    return FAST_NAME if wanted.fast else wanted.weights


def run_settings(config: Config, detector: Detector) -> RunSettings:
    """The settings of a run: those of its detector and of the sections `infer` and `grouping`.

    Raises:
        ConfigError: a required class is none of the weights'.
    """
    wanted, grouping = config.infer, config.grouping
    unknown = [name for name in wanted.require if name not in detector.class_names]
    if unknown:
        raise ConfigError(
            f"infer.require: {', '.join(unknown)} not among the classes of these weights"
            f"{did_you_mean(unknown[0], detector.class_names)}",
            f"Classes: {', '.join(detector.class_names)}.",
        )
    return detector.settings(
        conf=wanted.conf,
        scales=wanted.scales,
        second_look=wanted.second_look,
        rotations=wanted.rotations,
        tile=wanted.tile == "auto",
        dewarp=wanted.dewarp,
        dpi=wanted.dpi,
        grouping=GroupingSettings(
            method=grouping.method,
            dist=grouping.dist,
            iou=grouping.iou,
            contain=grouping.contain,
            nested=grouping.nested,
            per_class=grouping.per_class,
        ),
        read_codes=wanted.read_codes,
        code_class=wanted.code_class,
        save_pages=wanted.save_pages,
        save_images=wanted.save_images,
        save_crops=wanted.save_crops,
        save_pdf=wanted.save_pdf,
    )


def _kept_config(config: Config) -> str:
    """The configuration as the result folder keeps it for `--resume`: the same for a run and for one that goes on."""
    wanted = config.infer.model_copy(update={"resume": False, "overwrite": False})
    return dump_config(config.model_copy(update={"infer": wanted}), ["infer", "grouping"])


def _remove_orphans(output: Path, totals: Totals) -> None:
    """Removes pictures and copies of documents and pages that are no longer among the results."""
    copied = (row.document for row in totals.documents if row.pdf is not None and row.pdf.failure is None)
    remove_files(output / PDF_FOLDER, keep=frozenset(copied))
    for folder in (PAGES_FOLDER, THUMBS_FOLDER, IMAGES_FOLDER, CROPS_FOLDER):
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
