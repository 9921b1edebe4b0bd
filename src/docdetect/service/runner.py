"""The service without HTTP: a warm Detector, the thread that works on jobs, and what is kept of them.

The folder of the service holds `jobs.sqlite` and, for each job, `jobs/<id>/documents/` and `jobs/<id>/results/`; the
latter is an ordinary result folder of `infer`. What comes in lies in `incoming/` until it is accepted.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from docdetect.documents.batches import document_process, prepare_processes
from docdetect.documents.reader import DocumentOpener
from docdetect.documents.sources import Collection, DocumentFile, DocumentKind, document_kind
from docdetect.errors import ConfigError, DocdetectError, OutputError, UsageError
from docdetect.files import locked_folder, output_errors
from docdetect.inference.detector import Detector
from docdetect.inference.events import ReadDocument
from docdetect.inference.pages import Document, Page
from docdetect.inference.reading import Plan
from docdetect.inference.report import InferReport, summary_of
from docdetect.inference.run import infer_chosen, loaded_detector, run_settings
from docdetect.inference.selection import known_passwords
from docdetect.inference.settings import RunSettings
from docdetect.interrupts import StopSignal
from docdetect.machine import release_freed_memory
from docdetect.review.log import reviewed_since
from docdetect.review.pictures import PictureMaker
from docdetect.service.counting import MOST_S, PageCounter
from docdetect.service.logs import log
from docdetect.service.metrics import Metrics
from docdetect.service.options import DetectOptions, JobOptions, with_options
from docdetect.service.problems import ProblemError, problem_json
from docdetect.service.store import Job, JobStore, KeyReusedError, QueueFullError, StoreError
from docdetect.service.uploads import Limits, Upload
from docdetect.types import ByteArray, FailedPage, PageResult

if TYPE_CHECKING:
    from docdetect.config.schema import Config

STORE_NAME = "jobs.sqlite"
RETRY_AFTER_S = 5

# Seconds that another service is waited for to end: helpers of a killed process live on for some seconds.
LOCK_PATIENCE_S = 10.0

# A job makes room for a shorter one after this share of the seconds that were worked on it, so that going on again,
# which reads what is done, takes a small part of all work; within these seconds at least and at most.
TURN_SHARE, SHORTEST_TURN_S, LONGEST_TURN_S = 0.1, 30.0, 600.0

# A job makes room for another one that has at most this share of its own pages left.
SHORTER_FRAC = 0.25

# Threads that may wait for the pages of documents to be counted.
_MOST_COUNTING = 8

# Seconds between two looks for a shorter job.
_LOOK_FOR_SHORTER_EVERY_S = 1.0

# Seconds between two looks for jobs that are to be deleted.
_CLEAN_EVERY_S = 600.0
# Seconds that the thread waits for a job before it looks again.
_LOOK_EVERY_S = 1.0
# Seconds that the thread waits after the table of jobs could not be read or written.
_LOOK_AFTER_FAILURE_S = 2.0


@dataclass
class Running:
    """The job that is being worked on.

    Attributes:
        job_id: the id of the job.
        stop: ends the work.
        pages_now: pages that were done in this turn.
        pages_before: pages that were done before this turn.
        turn_ends_s: moment of the monotonic clock from which on the job makes room for a shorter one.
        makes_room: the work was stopped for a shorter job.
    """

    job_id: str
    stop: StopSignal
    pages_now: int = 0
    pages_before: int = 0
    turn_ends_s: float = 0.0
    makes_room: bool = False


@dataclass(frozen=True)
class Detected:
    """What was found in one document.

    Attributes:
        document: its pages, and what could not be read of it. Its pages cannot be drawn: the file is gone soon.
        results: of its pages, with the raw detections.
        settings: that they were found with.
    """

    document: Document
    results: tuple[PageResult, ...]
    settings: RunSettings


class Service:
    """Accepts jobs, works on one at a time, and answers requests for single documents beside that.

    A long job makes room for shorter ones from time to time, and goes on where it stopped.

    Use it as a context manager: the thread works within the block, and jobs that an earlier process left go on.

    Args:
        config: the sections `serve`, `infer`, `grouping` and `train.runs`.
        load: makes the Detector; called once, in the thread.

    Attributes:
        detector: None until the network is warm.
        error: why the Detector could not be loaded.
        stopping: set when the service is to end.
        slots: places for work on single documents beside the jobs.
        uploads: places for requests whose documents are received.
        counting: threads that may wait for the pages of documents to be counted, so that others stay for short work.
        opener: opens documents, with the passwords that the service knows.
        process: an isolated process for single questions about documents.
        pictures: renders pages that are looked at.
        metrics: figures for Prometheus.
        store: the table of jobs.

    Raises:
        OutputExistsError: another service uses the folder.
        OutputError: the folder cannot be written.
    """

    def __init__(self, config: Config, load: Callable[[], Detector] | None = None) -> None:
        self.config = config
        self.detector: Detector | None = None
        self.error: Exception | None = None
        self.stopping = threading.Event()
        self.warm = threading.Event()
        self.metrics = Metrics()
        self.folder = Path(config.serve.folder).absolute()
        self.store: JobStore
        self._load = load or (lambda: loaded_detector(config, lambda text: log("detector", note=text)))
        self._wake = threading.Event()
        self._running: Running | None = None
        self._clean_s = 0.0
        self._changing = threading.Lock()
        self.slots = threading.BoundedSemaphore(config.serve.parallel)
        self.uploads = threading.BoundedSemaphore(config.serve.uploads)
        self.counting = anyio.CapacityLimiter(_MOST_COUNTING)
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._stack = ExitStack()
        self.opener = DocumentOpener(known_passwords(config.infer))
        self.process = document_process(config.infer.doc_memory_mb << 20)
        self.pictures = PictureMaker(
            self.opener, limit_s=config.infer.doc_timeout_s, memory_bytes=config.infer.doc_memory_mb << 20
        )
        self._counter = PageCounter(self.process, self.opener)

    def __enter__(self) -> Service:
        with ExitStack() as stack:
            with output_errors(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(
                locked_folder(
                    self.folder, "Stop the other service, or choose another --folder.", patience_s=LOCK_PATIENCE_S
                )
            )
            with output_errors(self.folder):
                shutil.rmtree(self.folder / "incoming", ignore_errors=True)
                for name in ("incoming", "jobs"):
                    (self.folder / name).mkdir(exist_ok=True)
            self.store = JobStore(self.folder / STORE_NAME)
            stack.callback(self.store.close)
            self.store.requeue()
            self._remove_strays()
            prepare_processes()
            self._thread.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join()
        self.process.stop()
        self.pictures.close()
        if self.detector is not None:
            self.detector.close()
        self._stack.close()

    def stop(self) -> None:
        """Begins to end the service, from any thread: nothing new is accepted, and the running job is put back."""
        self.stopping.set()
        self._wake.set()

    @property
    def limits(self) -> Limits:
        """What a request may bring."""
        wanted = self.config.serve
        return Limits(
            wanted.max_upload_mb << 20, wanted.max_documents, wanted.min_free_mb << 20, wanted.upload_timeout_s
        )

    @property
    def is_ready(self) -> bool:
        """Whether the network is warm and the service is not ending."""
        return self.warm.is_set() and not self.stopping.is_set()

    def ready_detector(self) -> Detector:
        """The Detector. Raises ProblemError (503) while it is being loaded and when the service ends."""
        self.check_open()
        if self.detector is None or not self.warm.is_set():
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", "the network is being loaded", "Try again soon.", 2
            )
        return self.detector

    def check_open(self) -> None:
        """Raises ProblemError (503) when the service ends."""
        if self.stopping.is_set():
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, "stopping", "the service is ending", "Try again later.", 30
            )

    def incoming_folder(self) -> Path:
        """A folder for what a request brings; it does not exist yet."""
        return self.folder / "incoming" / secrets.token_hex(16)

    def job_folder(self, job_id: str) -> Path:
        """Where the documents and the results of a job lie."""
        return self.folder / "jobs" / job_id

    def results_folder(self, job_id: str) -> Path:
        """The result folder of a job."""
        return self.job_folder(job_id) / "results"

    def running(self, job_id: str) -> Running | None:
        """How far a job is that is being worked on."""
        running = self._running
        return running if running is not None and running.job_id == job_id else None

    def check_queue(self, key: str | None) -> None:
        """Raises ProblemError (429) where no further job may wait, unless the key is that of an accepted job."""
        full = self.store.counts()["queued"] >= self.config.serve.queue
        if full and (key is None or not self.store.has_key(key)):
            raise self._queue_full()

    def check_pages(self, folder: Path, upload: Upload[Any]) -> int:
        """The number of pages that documents say they have.

        Raises:
            ProblemError: there are too many pages (413), or the documents take too long to be opened (504).
        """
        most = self.config.serve.max_pages
        try:
            pages = self._counter.count(_files(folder, upload), most)
        except TimeoutError as error:
            raise ProblemError(
                HTTPStatus.GATEWAY_TIMEOUT,
                "too-long",
                f"the documents took longer than {MOST_S:g} s to be opened",
                "Send fewer documents in a request, and leave out those that open slowly elsewhere, too.",
            ) from error
        if pages > most:
            raise ProblemError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too-many-pages",
                f"the documents have more than {most} page{'s' if most > 1 else ''}",
                "Send fewer documents in a request, or divide them.",
            )
        return pages

    def check_options(self, options: DetectOptions) -> None:
        """Raises ProblemError (422) where options name a class that the weights do not know."""
        if self.detector is None:
            return
        try:
            run_settings(with_options(self.config, options), self.detector)
        except ConfigError as error:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "wrong-options", error.message, error.remedy) from error

    def submit(self, upload: Upload[JobOptions], pages: int, key: str | None) -> Job:
        """Accepts a job, or gives the job that was accepted with the same key.

        Args:
            upload: the documents, in a folder of `incoming`.
            pages: of all documents.
            key: the sender's idempotency key.

        Raises:
            ProblemError: no further job may wait (429), or the key belongs to another request (422).
            OutputError: the job cannot be written.
        """
        options = upload.options.model_dump(mode="json", exclude_none=True)
        job = Job(secrets.token_hex(16), "queued", time.time(), None, None, options, upload.documents, pages)
        folder = self.job_folder(job.id)
        with ExitStack() as refused:
            refused.callback(self._remove, job.id)
            with output_errors(folder):
                folder.mkdir()
                upload.folder.rename(folder / "documents")
            try:
                kept = self.store.add(job, key=key, digest=upload.digest, most_queued=self.config.serve.queue)
            except QueueFullError as error:
                raise self._queue_full() from error
            except KeyReusedError as error:
                raise ProblemError(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "key-reused",
                    "the Idempotency-Key belongs to a job with other documents or options",
                    "Choose a new key for every job.",
                ) from error
            if kept.id != job.id:
                return kept
            refused.pop_all()
        log("job accepted", job=job.id, documents=len(job.documents), pages=pages)
        self._wake.set()
        return kept

    def cancel(self, job_id: str) -> Job | None:
        """Ends a job that waits or runs; the job as it then is, None where there is none."""
        with self._changing:
            job = self.store.cancel(job_id)
            running = self.running(job_id)
            if running is not None:
                running.stop.set()
        return job

    def delete(self, job_id: str) -> bool:
        """Deletes a job that has ended, with its documents and results; whether there was one."""
        if not self.store.delete(job_id):
            return False
        self._remove(job_id)
        log("job deleted", job=job_id)
        return True

    def check_slot(self) -> None:
        """Raises ProblemError (429) where all places for work on single documents are taken."""
        if not self.slots.acquire(blocking=False):
            raise self.busy()
        self.slots.release()

    def busy(self) -> ProblemError:
        """The refusal of a request for which there is no place."""
        return ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "busy",
            f"{self.config.serve.parallel} document{'s are' if self.config.serve.parallel > 1 else ' is'} being worked "
            "on already",
            "Try again soon, or send the document as a job.",
            1,
        )

    def detect(self, file: DocumentFile, options: DetectOptions, stop: threading.Event) -> Detected:
        """The marks of one document, with the settings that `infer` would have.

        Args:
            file: the document.
            options: what the sender chose.
            stop: once this is set, no further page is begun; the document is then not complete.

        Raises:
            ProblemError: the network is not ready, or the options name a class that the weights do not know.
        """
        detector = self.ready_detector()
        self.check_options(options)
        settings = run_settings(with_options(self.config, options), detector)
        started_s = time.monotonic()
        results: list[PageResult] = []
        failures: list[FailedPage] = []
        end: ReadDocument | None = None
        work = detector.run(Plan((file,)), settings, opener=self.opener, stop=StopSignal(stop))
        with closing(work) as events:
            for event in events:
                if isinstance(event, ReadDocument):
                    end = event
                elif isinstance(event.result, FailedPage):
                    failures.append(event.result)
                else:
                    results.append(event.result)
        if end is not None and end.failure is not None:
            failures.append(FailedPage(file.name, None, end.failure))
        self.metrics.detect_seconds.observe(time.monotonic() - started_s)
        self.metrics.pages.labels("detect").inc(len(results))
        self.metrics.count_failures(failures)
        document = Document(
            file.name,
            tuple(Page.from_result(result, settings, _renders_nothing) for result in results),
            tuple(failures),
            len(results) + len(failures) if end is None else end.page_count,
            complete=end is not None,
            notes=() if end is None else end.notes,
        )
        return Detected(document, tuple(results), settings)

    def _queue_full(self) -> ProblemError:
        return ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "queue-full",
            f"{self.config.serve.queue} job{'s wait' if self.config.serve.queue > 1 else ' waits'} already",
            "Send the job again later.",
            RETRY_AFTER_S,
        )

    def _work(self) -> None:
        """The thread: warms the network, then takes one job after the other."""
        try:
            detector = self._load()
            _warm_up(detector)
        except Exception as error:  # noqa: BLE001 - the border of a thread: `serve` raises it
            self.error = error
            self.stop()
            return
        self.detector = detector
        self.warm.set()
        self.metrics.ready.set(1)
        log("ready", engine=detector.engine.traits.name, precision=detector.engine.traits.precision)
        is_hurt = False
        while not self.stopping.is_set():
            try:
                if is_hurt:
                    self.store.requeue()
                self._work_once(detector)
                is_hurt = False
            except Exception as error:  # noqa: BLE001 - the thread has to outlive a full disk and a table that is locked
                # A job whose end could not be written goes on from its journal as soon as the table can be written.
                is_hurt = True
                log("jobs cannot be worked on", logging.ERROR, error=error)
                self.stopping.wait(_LOOK_AFTER_FAILURE_S)
        self.metrics.ready.set(0)

    def _work_once(self, detector: Detector) -> None:
        """Takes the next job, or waits for one. Raises StoreError."""
        if time.monotonic() >= self._clean_s:
            self._clean_s = time.monotonic() + _CLEAN_EVERY_S
            self.remove_old_jobs()
        job = self.store.claim()
        if job is None:
            self._wake.wait(_LOOK_EVERY_S)
            self._wake.clear()
        else:
            self._run(job, detector)

    def _run(self, job: Job, detector: Detector) -> None:
        turn_s = min(max(SHORTEST_TURN_S, TURN_SHARE * job.worked_s), LONGEST_TURN_S)
        turn_ends_s = time.monotonic() + turn_s
        running = Running(job.id, StopSignal(self.stopping), pages_before=job.done, turn_ends_s=turn_ends_s)
        with self._changing:
            self._running = running
            current = self.store.get(job.id)
            if current is not None and current.cancelled:
                running.stop.set()
        overdue = threading.Event()

        def expire() -> None:
            overdue.set()
            running.stop.set()

        timer = threading.Timer(max(0.0, self.config.serve.job_timeout_s - job.worked_s), expire)
        timer.daemon = True
        timer.start()
        log("job started", job=job.id)
        started_s = time.monotonic()
        try:
            report = self._infer(job, detector, running)
            self._end(job, report, is_overdue=overdue.is_set(), worked_s=time.monotonic() - started_s)
        except StoreError:
            raise  # the job has not failed: it goes on once the table can be written
        except DocdetectError as error:
            detail = error.message.replace(str(self.job_folder(job.id)), job.id)
            status = HTTPStatus.INSUFFICIENT_STORAGE if isinstance(error, OutputError) else HTTPStatus.BAD_REQUEST
            self._fail(job, problem_json(status, "job-failed", detail, error.remedy), error)
        except Exception as error:  # noqa: BLE001 - a bug that one job meets must not end the service
            problem = problem_json(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "internal",
                "docdetect has a bug that this job met",
                "The log of the service has the details.",
            )
            self._fail(job, problem, error)
        finally:
            timer.cancel()
            with self._changing:
                self._running = None
            self.metrics.job_seconds.observe(time.monotonic() - started_s)
            # Requests run in many threads, and the C library keeps what each of them has freed.
            release_freed_memory()

    def _infer(self, job: Job, detector: Detector, running: Running) -> InferReport:
        config = with_options(self.config, JobOptions.model_validate_json(json.dumps(job.options)))
        documents = self.job_folder(job.id) / "documents"
        places = {"source": (str(documents),), "output": str(self.results_folder(job.id)), "resume": True}
        config = config.model_copy(update={"infer": config.infer.model_copy(update=places)})
        files = tuple(sorted(_files(documents, job), key=lambda file: file.name))

        def on_progress(done: int, total: int, doing: str) -> None:
            self.metrics.pages.labels("job").inc(max(0, done - running.pages_now))
            running.pages_now = done
            self._make_room(job, running)

        def announce(text: str) -> None:
            log("job", job=job.id, note=text)

        return infer_chosen(Collection(files, documents), detector, config, on_progress, announce, running.stop)

    def _make_room(self, job: Job, running: Running) -> None:
        """Stops a job whose turn is over where a much shorter one waits."""
        if running.makes_room or time.monotonic() < running.turn_ends_s:
            return
        running.turn_ends_s = time.monotonic() + _LOOK_FOR_SHORTER_EVERY_S
        left = max(job.pages - running.pages_before - running.pages_now, 0)
        if self.store.has_shorter(int(SHORTER_FRAC * left)):
            running.makes_room = True
            running.stop.set()

    def _end(self, job: Job, report: InferReport, *, is_overdue: bool, worked_s: float) -> None:
        self.metrics.count_failures(report.totals.failures)
        current = self.store.get(job.id)
        if not report.interrupted:
            totals = summary_of(report)["totals"]
            self.store.finish(job.id, "done", totals)
            log("job done", job=job.id, pages=report.totals.pages, seconds=round(report.elapsed_s, 3))
        elif current is not None and current.cancelled:
            self.store.finish(job.id, "cancelled")
            log("job cancelled", job=job.id)
        elif is_overdue:
            limit_s = self.config.serve.job_timeout_s
            problem = problem_json(
                HTTPStatus.GATEWAY_TIMEOUT,
                "too-long",
                f"the job took longer than {limit_s:g} s",
                "The results of the pages that are done are kept. Send the other documents as a new job.",
            )
            self._fail(job, problem, None)
        else:
            self.store.note_work(job.id, report.pages_now, worked_s)
            self.store.requeue(job.id)
            log("job put back", job=job.id, pages=report.totals.pages)

    def _fail(self, job: Job, problem: dict[str, Any], error: Exception | None) -> None:
        self.store.finish(job.id, "failed", problem=problem)
        log("job failed", logging.ERROR, error=error, job=job.id, problem=problem["detail"])

    def remove_old_jobs(self) -> None:
        """Deletes jobs that ended, and that were reviewed last, longer ago than they are kept."""
        if self.config.serve.keep:
            since_s = time.time() - 86_400 * self.config.serve.keep
            for job_id in self.store.ended_before(since_s):
                if not reviewed_since(self.results_folder(job_id), since_s):
                    self.delete(job_id)

    def _remove(self, job_id: str) -> None:
        shutil.rmtree(self.job_folder(job_id), ignore_errors=True)

    def _remove_strays(self) -> None:
        """Removes folders of jobs that were not accepted, or that were being deleted, when a process was killed."""
        known = self.store.ids()
        for folder in (self.folder / "jobs").iterdir():
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)


def _renders_nothing(number: int, long_side_px: int) -> ByteArray:
    raise UsageError(f"page {number} cannot be drawn: its document is gone")


def document_file(folder: Path, name: str) -> DocumentFile:
    """A document that was sent."""
    path = folder / name
    return DocumentFile(path, name, document_kind(path) or DocumentKind.UNKNOWN)


def _files(folder: Path, of: Upload[Any] | Job) -> Iterator[DocumentFile]:
    return (document_file(folder, document.name) for document in of.documents)


def _warm_up(detector: Detector) -> None:
    """Takes a blank page through the network, which prepares itself for the first page that it sees."""
    import numpy as np

    for _ in detector.detect(np.full((256, 181, 3), 255, np.uint8)):
        pass
