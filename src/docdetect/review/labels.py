"""`docdetect labels --from reviews`: what people said about the pages of a run, as annotations to train on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from docdetect.annotations.exchange import Reading, ReadSettings, Remarks
from docdetect.annotations.reviews import ReviewedAnnotations, annotations_from_reviews
from docdetect.errors import InputError
from docdetect.files import read_text
from docdetect.review.log import Key
from docdetect.review.run import ReviewedRun, run_folder

ANNOTATIONS_NAME = "annotations.json"

# `prepare` takes the other pages of a listed document as pages without marks unless it is told otherwise.
_IN_PART = "documents of which only some pages are reviewed: give prepare --unlisted-pages skip"

_LEFT_OUT = {
    "unsure": "pages that a person was unsure about, left out",
    "unreviewed": "pages that a person has begun and not finished, left out",
}


def read_reviews(path: Path, settings: ReadSettings) -> Reading:
    """The reviewed pages of a run, those without marks included.

    Args:
        path: the result folder, whose other pages are counted; or a log of reviews alone.
        settings: has no influence.

    Raises:
        InputError: no result folder, no reviews in it, or they cannot be read.
    """
    if path.is_file():
        return _reading(annotations_from_reviews(read_text(path)), str(path))
    run = ReviewedRun(run_folder(path))
    run.refresh()
    if not run.log_text():
        raise InputError(f"{path}: nobody has reviewed a page of these results", f"Run: docdetect review {path}")
    reading = _reading(run.annotations(), str(path))
    _note(reading.remarks, "pages that nobody has reviewed, left out", run.untouched())
    _note(reading.remarks, "reviews of pages that the run does not have any more, left out", run.void_reviews())
    for document in run.documents():
        listed = len(reading.annotations.get(document.name, ()))
        if 0 < listed < document.pages:
            reading.remarks.add(_IN_PART, document.name)
    return reading


def default_output(source: Path) -> Path:
    """Where the annotations of a run are written if nothing is said: beside its reviews."""
    return (source if source.is_dir() else source.parent) / ANNOTATIONS_NAME


def _reading(found: ReviewedAnnotations, where: str) -> Reading:
    remarks = Remarks()
    for review_state, count in sorted(found.left_out.items()):
        remarks.add(_LEFT_OUT.get(review_state, f"pages with the review state {review_state}, left out"), where, count)
    if found.damaged_lines:
        remarks.add("damaged lines of the log, passed over", where, found.damaged_lines)
    return Reading(found.annotations, remarks)


def _note(remarks: Remarks, what: str, pages: Iterable[Key]) -> None:
    for document, number in pages:
        remarks.add(what, f"{document}, page {number}")
