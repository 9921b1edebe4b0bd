"""Which runs are reviewed through the service: those of its jobs, or the one run of `docdetect review`."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from docdetect.errors import InputError
from docdetect.review.pictures import PictureMaker
from docdetect.review.run import ReviewedRun
from docdetect.review.sources import SourceDocuments
from docdetect.service.logs import log
from docdetect.service.problems import ProblemError
from docdetect.service.root_path import job_address
from docdetect.service.runner import Service

# Runs whose indexes are kept in memory.
_MOST_RUNS = 16


@dataclass(frozen=True)
class Reviewed:
    """A run that is reviewed.

    Attributes:
        job: id of the job.
        address: of the job in answers.
        run: its pages and reviews.
        documents: finds the files of its documents.
        pictures: renders their pages.
    """

    job: str
    address: str
    run: ReviewedRun
    documents: SourceDocuments
    pictures: PictureMaker


class ReviewedRuns(Protocol):
    """Gives the run of a job."""

    def get(self, job: str) -> Reviewed:
        """The run of the job, up to date. Raises ProblemError (404, 500)."""

    def categories(self) -> Sequence[str]:
        """What is looked for."""


class OneRun:
    """The one run of `docdetect review`.

    Args:
        reviewed: the run.
    """

    def __init__(self, reviewed: Reviewed) -> None:
        self._reviewed = reviewed

    def get(self, job: str) -> Reviewed:
        """See `ReviewedRuns`."""
        if job != self._reviewed.job:
            raise no_such_job(job)
        return _refreshed(self._reviewed)

    def categories(self) -> Sequence[str]:
        """See `ReviewedRuns`."""
        return _refreshed(self._reviewed).run.categories


class JobRuns:
    """The runs of the jobs of a service, also while they run.

    Args:
        service: has the jobs.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Reviewed] = OrderedDict()

    def get(self, job: str) -> Reviewed:
        """See `ReviewedRuns`."""
        found = self._service.store.get(job)
        with self._lock:
            if found is None:
                self._open.pop(job, None)
                raise no_such_job(job)
            reviewed = self._open.get(job)
            if reviewed is None:
                folder = self._service.job_folder(job)
                required = found.options.get("require") or self._service.config.infer.require
                reviewed = Reviewed(
                    job,
                    job_address(self._service.config.serve.root_path, job),
                    ReviewedRun(self._service.results_folder(job), required),
                    SourceDocuments([str(folder / "documents")], "the documents of the job"),
                    self._service.pictures,
                )
                self._open[job] = reviewed
            self._open.move_to_end(job)
            while len(self._open) > _MOST_RUNS:
                self._open.popitem(last=False)
        return _refreshed(reviewed)

    def categories(self) -> Sequence[str]:
        """See `ReviewedRuns`. While the network is being loaded, the classes of the configuration."""
        detector = self._service.detector
        return self._service.config.data.classes if detector is None else detector.class_names


def no_such_job(job: str) -> ProblemError:
    """The refusal of a request for a job that is not there."""
    return ProblemError(
        HTTPStatus.NOT_FOUND, "no-such-job", f"there is no job {job[:40]!r}", "It may have been deleted."
    )


def _refreshed(reviewed: Reviewed) -> Reviewed:
    """The run with all that was written until now. Raises ProblemError (500): its files cannot be read."""
    try:
        reviewed.run.refresh()
    except InputError as error:
        log("unreadable results", logging.ERROR, error=error, job=reviewed.job)
        raise ProblemError(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "unreadable-results",
            "the results of the job cannot be read",
            "The log of the service has the details under the request id.",
        ) from error
    return reviewed
