"""`review`: the review page on the results of one run, without a network and without jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from fastapi import FastAPI, Query
from fastapi.responses import StreamingResponse
from starlette.responses import FileResponse

from docdetect import __version__
from docdetect.config.loading import load_config
from docdetect.config.schema import Config
from docdetect.console import say_nothing
from docdetect.documents.batches import prepare_processes
from docdetect.documents.reader import DocumentOpener
from docdetect.errors import DocdetectError, InputError
from docdetect.inference.folder import CONFIG_NAME
from docdetect.inference.journal import JOURNAL_NAME
from docdetect.inference.resuming import LAST, newest_results
from docdetect.inference.selection import known_passwords
from docdetect.review.pictures import PictureMaker
from docdetect.review.run import ReviewedRun, run_folder
from docdetect.review.sources import SourceDocuments, present_sources
from docdetect.service.access import Access
from docdetect.service.answers import (
    About,
    Health,
    JobAnswer,
    Jobs,
    Links,
    PagesAnswer,
    Results,
    result_file,
    result_files,
)
from docdetect.service.app import add_descriptions
from docdetect.service.events import sse
from docdetect.service.logs import write_logs_to
from docdetect.service.metrics import Metrics
from docdetect.service.page import add_page
from docdetect.service.refusals import add_refusals, problems
from docdetect.service.review_routes import add_review
from docdetect.service.reviewed import OneRun, Reviewed
from docdetect.service.root_path import job_address
from docdetect.service.server import listening_socket, serve_until_stopped
from docdetect.service.store import State

JOB = "run"
"""The id of the one job."""

_ADDRESS = job_address("", JOB)
_HOST = "127.0.0.1"

_ABOUT = (
    "Shows the results of one run of docdetect infer, and keeps what people correct.\n\nThe run is the job with the id "
    "run, at the addresses that jobs have in docdetect serve."
)


class Stopping:
    """What the server asks whether to end."""

    def __init__(self) -> None:
        self.stopping = threading.Event()

    def stop(self) -> None:
        """Lets the server end."""
        self.stopping.set()


@dataclass(frozen=True)
class ReviewPlan:
    """A run that is to be reviewed.

    Attributes:
        folder: the result folder.
        config: of the run, with what was given on top.
    """

    folder: Path
    config: Config


def review_plan(
    run: str,
    runs: str,
    sources: Sequence[str] = (),
    password_file: str = "",
    announce: Callable[[str], None] = say_nothing,
) -> ReviewPlan:
    """The run and its configuration.

    Args:
        run: the result folder, or `last` for the newest one in `runs`.
        runs: folder of result folders.
        sources: where the documents are, where that is not what the run says.
        password_file: passwords of encrypted documents, where they are not where the run says.
        announce: told when the configuration of the run cannot be used.

    Raises:
        InputError: there are no such results, or a source does not exist.
    """
    folder = newest_results(Path(runs)) if run == LAST and not Path(run).exists() else run_folder(Path(run))
    for source in sources:
        if not Path(source).exists():
            raise InputError(f"{source}: no such file or folder", "Say with --source where the documents are.")
    given: dict[str, object] = {}
    if sources:
        given["infer.source"] = list(sources)
    if password_file:
        given["infer.password_file"] = password_file
    kept = folder / CONFIG_NAME
    try:
        config = load_config(str(kept) if kept.is_file() else None, (), given)
    except DocdetectError as error:
        announce(f"{error.message}: the configuration of the run is not used")
        config = load_config(None, (), given)
    return ReviewPlan(folder, config)


def review(
    plan: ReviewPlan,
    port: int,
    write_log: Callable[[str], None],
    announce: Callable[[str], None],
    open_page: Callable[[str], object] | None,
) -> None:
    """Shows the review page on a run until SIGINT or SIGTERM.

    Args:
        plan: the run.
        port: on which the page is served to this machine; 0 takes a free one.
        write_log: takes the lines of the log.
        announce: told the address once the service listens.
        open_page: opens the address in a browser; None opens nothing.

    Raises:
        InputError: the run cannot be read.
        OutputError: the port is taken.
    """
    write_logs_to(write_log)
    prepare_processes()
    wanted = plan.config.infer
    opener = DocumentOpener(known_passwords(wanted))
    pictures = PictureMaker(opener, limit_s=wanted.doc_timeout_s, memory_bytes=wanted.doc_memory_mb << 20)

    def said(address: str) -> None:
        announce(f"{plan.folder}: review it at {address} (Ctrl-C ends)")
        if open_page is not None:
            threading.Thread(target=open_page, args=(f"{address}/#/jobs/{JOB}",), daemon=True).start()

    with closing(pictures):
        app = make_review_app(plan, pictures)
        serve_until_stopped(app, Stopping(), listening_socket(_HOST, port), said)


def make_review_app(plan: ReviewPlan, pictures: PictureMaker) -> Access:
    """The ASGI application of the review page on one run. Raises InputError: the run cannot be read."""
    wanted = plan.config.infer
    run = ReviewedRun(plan.folder, wanted.require)
    run.refresh()
    documents = SourceDocuments(present_sources(wanted.source, plan.folder))
    runs = OneRun(Reviewed(JOB, _ADDRESS, run, documents, pictures))
    metrics = Metrics()
    app = FastAPI(title="docdetect review", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None)
    add_refusals(app, metrics)
    about = About(docs="/docs", source="/source")
    add_page(
        app, runs.categories, lambda: about, token_required=False, source_url="/source", run=plan.folder.absolute().name
    )
    add_descriptions(app, "")
    _add_job(app, plan.folder, run)
    add_review(app, runs)
    return Access(app, metrics, any_host=False)


def _add_job(app: FastAPI, folder: Path, run: ReviewedRun) -> None:
    """The one job, at the addresses that jobs of `serve` have."""

    def answer() -> JobAnswer:
        run.refresh()
        documents = run.documents()
        pages = sum(one.pages for one in documents)
        moment = datetime.fromtimestamp((folder / JOURNAL_NAME).stat().st_mtime, timezone.utc)
        return JobAnswer(
            id=JOB,
            state="done",
            position=None,
            created=moment,
            started=moment,
            ended=moment,
            documents=len(documents),
            size_bytes=0,
            pages=PagesAnswer(done=pages, total=pages),
            totals=None,
            problem=None,
            links=Links(self=_ADDRESS, events=f"{_ADDRESS}/events", results=f"{_ADDRESS}/results"),
        )

    @app.get("/livez", summary="Whether the service runs", tags=["health"])
    def livez() -> Health:
        return Health(status="alive")

    @app.get("/v1/jobs", summary="The run that is reviewed, as a job", tags=["jobs"])
    def jobs(state: State | None = None, limit: int = Query(100, ge=1, le=1000)) -> Jobs:
        return Jobs(jobs=[answer()] if state in (None, "done") else [])

    @app.get(_ADDRESS, summary="The run that is reviewed", tags=["jobs"])
    def job() -> JobAnswer:
        return answer()

    @app.get(f"{_ADDRESS}/events", summary="The end of the run", tags=["jobs"], response_class=StreamingResponse)
    def events() -> StreamingResponse:
        """One event, end: the run is over."""
        text = sse("end", answer().model_dump(mode="json"), "end")
        return StreamingResponse(iter([text]), media_type="text/event-stream")

    @app.get(f"{_ADDRESS}/results", summary="The files of the results", tags=["jobs"])
    def results() -> Results:
        return result_files(folder, f"{_ADDRESS}/results")

    @app.get(
        f"{_ADDRESS}/results/{{name:path}}",
        summary="A file of the results",
        tags=["jobs"],
        responses=problems(404),
        response_class=FileResponse,
    )
    def result(name: str) -> FileResponse:
        return result_file(folder, name, f"{_ADDRESS}/results")
