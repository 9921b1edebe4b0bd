"""The pages of a run of `infer` with what decides how much they are worth, read from its journal line by line.

A page costs some hundred bytes, so that a run of 100,000 pages fits into memory; its boxes are not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docdetect.active_learning.scores import (
    TOP,
    binary_entropy,
    disagreement,
    highest_by_class,
    lacks_scores,
)
from docdetect.calibration import Calibration
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.split import PageKey
from docdetect.errors import InputError
from docdetect.inference.folder import is_result_folder
from docdetect.inference.journal import JOURNAL_NAME
from docdetect.inference.journal_lines import JournalLine, line_to_end, line_to_page, line_to_thresholds, parse_line
from docdetect.types import Detections, FailedPage, FloatArray, IntArray, PageResult


@dataclass(frozen=True)
class RunHead:
    """What the first line of a journal says about the run.

    Attributes:
        settings: hash of the settings that the lines of the run carry.
        class_names: classes of the weights, in the order of their ids.
        thresholds: (C,) lowest score of a mark.
        weights_sha256: of the weights.
        has_calibration: the results show probabilities instead of scores.
    """

    settings: str
    class_names: tuple[str, ...]
    thresholds: FloatArray
    weights_sha256: str
    has_calibration: bool


@dataclass(frozen=True)
class PageOfRun:
    """What is kept of one page.

    Attributes:
        entropies: float32 (C, 3), the highest entropies of the marks and possible marks of each class, in bits.
        near: float32 (C, 3), the highest scores of possible marks, as shares of the threshold of the class.
        p_possible: float32 (C,), the highest probability of a possible mark.
        marks: int (C,), marks above the threshold.
        disagreement: see `scores.disagreement`.
        unsure: class id and probability of the box with the highest entropy; (-1, 0) on a page without boxes.
        offset: where the line of the page begins in the journal, in bytes.
    """

    entropies: FloatArray
    near: FloatArray
    p_possible: FloatArray
    marks: IntArray
    disagreement: float
    unsure: tuple[int, float]
    offset: int


@dataclass
class RunPages:
    """The pages of a run that have a result, in the order of documents and pages.

    Attributes:
        journal: the file.
        calibration: turns scores into probabilities; None takes scores for probabilities.
        head: what the run was done with.
        keys: the pages.
        sha256: document -> content hash of the file that was read.
        entropies, near: float32 (N, C, 3), see `PageOfRun`.
        p_possible: float32 (N, C).
        marks: int32 (N, C).
        disagreement: float32 (N,).
        unsure_class: int16 (N,), -1 on a page without boxes.
        unsure_p: float32 (N,).
        offsets: int64 (N,), where the line of each page begins in the journal, in bytes.
        failed_pages: pages without a result.
        failed_documents: documents without any.
    """

    journal: Path
    calibration: Calibration | None
    head: RunHead
    keys: list[PageKey]
    sha256: dict[str, str]
    entropies: FloatArray
    near: FloatArray
    p_possible: FloatArray
    marks: NDArray[np.int32]
    disagreement: FloatArray
    unsure_class: NDArray[np.int16]
    unsure_p: FloatArray
    offsets: IntArray
    failed_pages: int
    failed_documents: int

    def __len__(self) -> int:
        return len(self.keys)

    def lacks(self, required: tuple[str, ...]) -> NDArray[np.float64]:
        """(N,) see `scores.lacks_scores`, for the documents that have no mark of a required class."""
        names = self.head.class_names
        wanted = np.array([name in required for name in names], bool)
        scores = np.zeros(len(self))
        if wanted.any():
            for start, end in self._documents():
                lacking = wanted & (self.marks[start:end].sum(axis=0) == 0)
                if lacking.any():
                    scores[start:end] = lacks_scores(self.p_possible[start:end], lacking.tolist())
        return scores

    def marks_of(self, position: int) -> tuple[Detections, NDArray[np.float64]]:
        """The marks of a page, in px of the page, and their probabilities, read from the journal again."""
        with self.journal.open("rb") as stream:
            stream.seek(int(self.offsets[position]))
            line = parse_line(stream.readline().decode("utf-8"))
        assert line is not None  # it was read before
        page = line_to_page(line, self.head.class_names)
        assert isinstance(page, PageResult)
        marks = page.grouped
        return marks, _probabilities(marks.known_scores, marks.class_ids, self.head, self.calibration)

    def calibrated(self, found: Detections) -> Detections:
        """The same detections with probabilities in place of scores."""
        p = _probabilities(found.known_scores, found.class_ids, self.head, self.calibration)
        return replace(found, scores=p.astype(np.float32))

    def _documents(self) -> Iterator[tuple[int, int]]:
        """The first page of each document, and the one after its last."""
        start = 0
        for position in range(1, len(self.keys) + 1):
            if position == len(self.keys) or self.keys[position].document != self.keys[start].document:
                yield start, position
                start = position


def read_head(folder: Path) -> RunHead:
    """What the run in a result folder was done with: the last line about a run in its journal counts.

    Raises:
        InputError: no result folder of `infer`.
    """
    last = None
    if folder.is_dir() and is_result_folder(folder):
        for _, line in journal_lines(folder / JOURNAL_NAME):
            if line.kind == "run":
                last = line
    if last is None:
        raise InputError(
            f"{folder}: holds no results of docdetect infer",
            "Give the folder that docdetect infer wrote; it has a detections.jsonl.",
        )
    try:
        thresholds, values = line_to_thresholds(last), last.data["values"]
        return RunHead(
            last.origin.settings,
            tuple(thresholds),
            np.array(list(thresholds.values()), np.float32),
            str(values["weights_sha256"]),
            bool(values.get("calibration")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder / JOURNAL_NAME}: its first line does not say what the run was done with ({error})",
            "Run docdetect infer again.",
        ) from error


def journal_lines(path: Path) -> Iterator[tuple[int, JournalLine]]:
    """Where each line of a journal begins, in bytes, and the line; torn and foreign lines are passed over.

    Raises:
        InputError: the file cannot be read.
    """
    offset = 0
    try:
        with path.open("rb") as stream:
            for data in stream:
                line = parse_line(data.decode("utf-8", "replace")) if data.endswith(b"\n") else None
                if line is not None:
                    yield offset, line
                offset += len(data)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})", "Check the folder of the run.") from error


@dataclass
class _Document:
    """The lines of one document as far as they were read."""

    sha256: str = ""
    pages: dict[int, PageOfRun | None] = field(default_factory=dict)  # None: the page failed
    failed: bool = False


def read_run(
    folder: Path, head: RunHead, calibration: Calibration | None, on_progress: ProgressCallback = no_progress
) -> RunPages:
    """All pages of a run.

    Args:
        folder: the result folder.
        head: see `read_head`.
        calibration: turns scores into probabilities; None takes scores for probabilities.
        on_progress: told how many pages were read.

    Raises:
        InputError: the journal cannot be read.
    """
    documents: dict[str, _Document] = {}
    count = 0
    for offset, line in journal_lines(folder / JOURNAL_NAME):
        if line.origin.settings != head.settings or line.kind not in ("page", "document"):
            continue
        document = documents.setdefault(line.document, _Document(line.origin.sha256))
        if document.sha256 != line.origin.sha256:  # the file was replaced between two runs: the newer lines count
            document = documents[line.document] = _Document(line.origin.sha256)
        try:
            if line.kind == "document":
                document.failed = line_to_end(line).failure is not None and not document.pages
                continue
            page = line_to_page(line, head.class_names)
        except (KeyError, TypeError, ValueError, IndexError):
            continue
        document.pages[line.page] = None if isinstance(page, FailedPage) else _kept(page, head, calibration, offset)
        count += 1
        if count % 1000 == 0:
            on_progress(count, 0, f"read {count} pages of the journal")
    return _in_columns(folder / JOURNAL_NAME, calibration, head, documents)


def _kept(page: PageResult, head: RunHead, calibration: Calibration | None, offset: int) -> PageOfRun:
    classes = len(head.class_names)
    scores, class_ids = page.grouped.known_scores, page.grouped.class_ids
    near, p_possible = np.zeros((classes, TOP), np.float32), np.zeros(classes, np.float32)
    if page.possible_marks is not None and len(page.possible_marks):
        possible, possible_ids = page.possible_marks.known_scores, page.possible_marks.class_ids
        near = highest_by_class(
            np.clip(possible / np.maximum(head.thresholds[possible_ids], 1e-6), 0, 1), possible_ids, classes
        )
        p_below = _probabilities(possible, possible_ids, head, calibration)
        p_possible = highest_by_class(p_below, possible_ids, classes)[:, 0]
        scores, class_ids = np.concatenate([scores, possible]), np.concatenate([class_ids, possible_ids])
    p = _probabilities(scores, class_ids, head, calibration)
    entropy = binary_entropy(p)
    most = int(np.argmax(entropy)) if len(entropy) else -1
    return PageOfRun(
        highest_by_class(entropy, class_ids, classes),
        near,
        p_possible,
        np.bincount(page.grouped.class_ids, minlength=classes),
        disagreement(page.raw, page.grouped, page.members),
        (int(class_ids[most]), float(p[most])) if most >= 0 else (-1, 0.0),
        offset,
    )


def _probabilities(
    scores: FloatArray, class_ids: IntArray, head: RunHead, calibration: Calibration | None
) -> NDArray[np.float64]:
    if calibration is None:
        return np.asarray(scores, np.float64)
    return calibration.apply(scores, class_ids, head.class_names)


def _in_columns(
    journal: Path, calibration: Calibration | None, head: RunHead, documents: dict[str, _Document]
) -> RunPages:
    classes = len(head.class_names)
    keys, kept, failed = [], [], 0
    for name in sorted(documents):
        document = documents[name]
        for number in sorted(document.pages):
            page = document.pages[number]
            if page is None:
                failed += 1
            else:
                keys.append(PageKey(name, number))
                kept.append(page)

    def stacked(of: Callable[[PageOfRun], Any], shape: tuple[int, ...], kind: type) -> NDArray[Any]:
        rows = [of(page) for page in kept]
        return np.array(rows, kind).reshape((len(rows), *shape))

    return RunPages(
        journal,
        calibration,
        head,
        keys,
        {name: document.sha256 for name, document in documents.items()},
        stacked(lambda page: page.entropies, (classes, TOP), np.float32),
        stacked(lambda page: page.near, (classes, TOP), np.float32),
        stacked(lambda page: page.p_possible, (classes,), np.float32),
        stacked(lambda page: page.marks, (classes,), np.int32),
        stacked(lambda page: page.disagreement, (), np.float32),
        stacked(lambda page: page.unsure[0], (), np.int16),
        stacked(lambda page: page.unsure[1], (), np.float32),
        stacked(lambda page: page.offset, (), np.int64),
        failed,
        sum(document.failed for document in documents.values()),
    )
