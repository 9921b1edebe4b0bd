"""`select`: which pages of a run to label next, written as a queue for the review."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from docdetect.active_learning.diversity import k_center
from docdetect.active_learning.pool import Pool, draw_test_pages
from docdetect.active_learning.queue import QueuedPage, counted, queue_text, reviewed_pages, spread
from docdetect.active_learning.run_pages import read_head, read_run
from docdetect.active_learning.second_look import LookedAt, RunDocuments, look_again
from docdetect.annotations.reviews import REVIEWS_NAME
from docdetect.config.loading import load_config
from docdetect.console import ProgressCallback, no_progress, say_nothing
from docdetect.datasets.data_yaml import find_data_yaml
from docdetect.datasets.pages_for_tests import TEST_PAGES_CSV, pages_for_tests_text, read_pages_for_tests
from docdetect.datasets.split import SPLIT_CSV, PageKey, split_from_csv
from docdetect.documents.reader import DocumentOpener
from docdetect.errors import InputError, OutputExistsError
from docdetect.files import locked_folder, read_json, read_text, sha256_text, write_text
from docdetect.inference.folder import CONFIG_NAME, QUEUE_NAME
from docdetect.inference.resuming import LAST, newest_results
from docdetect.inference.selection import chosen_documents, known_passwords
from docdetect.machine import available_cores
from docdetect.models.thresholds import read_calibration
from docdetect.models.weights import content_hash, networks_in, resolve_weights
from docdetect.types import FloatArray
from docdetect.workers.parts import WorkerSettings

if TYPE_CHECKING:
    from docdetect.config.schema import Config, InferConfig

# Most reviewed pages that the shortlist is compared with.
_MOST_KNOWN = 500
# Most pages about which a warning says why they cannot be looked at.
_MOST_NAMED = 3


@dataclass(frozen=True)
class Selection:
    """What was chosen.

    Attributes:
        path: the queue.
        pages: in the order of the queue.
        candidates: how many pages had a result and no label.
        left_out: what of the run was not considered, in words -> how many.
        warnings: sentences for people.
        unchanged: this very queue was there already.
    """

    path: Path
    pages: tuple[QueuedPage, ...]
    candidates: int
    left_out: Mapping[str, int]
    warnings: tuple[str, ...] = ()
    unchanged: bool = False

    def of(self, purpose: str) -> int:
        """How many pages of the queue are for `train` or for `test`."""
        return sum(page.purpose == purpose for page in self.pages)


def select(
    config: Config, *, on_progress: ProgressCallback = no_progress, announce: Callable[[str], None] = say_nothing
) -> Selection:
    """Chooses pages of a run of `infer` and writes `queue.csv` into its folder.

    The same run, reviews and settings give the same queue. Pages for tests are drawn at random among all pages that
    have a result and no label; they are kept in `test_pages.csv` of the run, which only grows. All other pages are
    chosen by their scores, one of each group of near-duplicates, and none out of a document that has a page for tests.


    Args:
        config: the section `select`; of `infer` the folder of runs, of `train` the folder of trainings.
        on_progress: told about pages that are read and looked at.
        announce: told when weights have to be converted first.

    Raises:
        InputError: no such run; its documents or its weights are not where they were; no page is left.
        OutputExistsError: another queue is there without `select.overwrite`, or another process works in the folder.
        MissingDependencyError: the weights were never converted, and PyTorch is not installed.
    """
    wanted = config.select
    folder = newest_results(Path(config.infer.runs)) if wanted.run in ("", LAST) else Path(wanted.run)
    head = read_head(folder)
    ran = _settings_of(folder)
    weights, missing = _weights_of(folder, wanted.weights, Path(config.train.runs), head.weights_sha256)
    if weights is None and wanted.diversity != "off":
        raise InputError(
            missing, "Give the weights of the run with --weights, or add --diversity off to do without them."
        )
    calibration = read_calibration(weights) if weights is not None and head.has_calibration else None
    pool = Pool.of(read_run(folder, head, calibration, on_progress), tuple(ran.require))
    keys, index = pool.pages.keys, pool.index
    reviewed = reviewed_pages(folder / REVIEWS_NAME) & index.keys()
    labelled, tested_before = _dataset_pages(wanted.data)
    earlier = (set(read_pages_for_tests(folder / TEST_PAGES_CSV)) | tested_before) & index.keys()
    free = [position for position, key in enumerate(keys) if key not in reviewed and key not in labelled]
    pool.left_out |= {
        "pages that failed": pool.pages.failed_pages,
        "documents that could not be read": pool.pages.failed_documents,
        "pages reviewed already": len(reviewed),
        "pages of the dataset": len((labelled & index.keys()) - reviewed),
    }
    if not free:
        raise InputError(
            f"{folder}: no page is left to choose from ({_left_out(pool)})", "Run infer on more documents."
        )
    # Of a run with fewer pages than the queue may have, the share is one of its pages: else all would be for tests.
    tests = draw_test_pages(keys, free, earlier, min(wanted.count, len(free)), wanted.random_share, wanted.seed)
    apart = {key.document for key in earlier} | {keys[position].document for position in tests}
    candidates = [position for position in free if keys[position].document not in apart]
    pool.left_out["other pages of documents with test pages"] = len(free) - len(candidates) - len(tests)
    count = max(wanted.count - len(tests), 0)
    warnings: list[str] = []
    if weights is not None and wanted.diversity != "off":
        known = sorted(reviewed, key=lambda key: sha256_text(str(key)))[:_MOST_KNOWN]
        shortlist = pool.shortlist(candidates, count)
        looked_at = sorted({keys[position] for position in (*shortlist, *tests)} | set(known))
        seen = _look(pool, looked_at, weights, ran, on_progress, announce)
        warnings += _unreadable(seen)
        train = _diverse(pool, seen, shortlist, [*known, *(keys[position] for position in tests)], known, count)
    else:
        warnings.append("near-duplicates were not looked for (--diversity off)")
        train = [_queued(pool, position) for position in pool.by_worth(candidates)[:count]]
    if len(train) < count:
        warnings.append(f"only {len(train)} of {count} pages could be chosen by their scores ({_left_out(pool)})")
    rows = spread(train, [_queued_for_tests(pool, position) for position in tests])
    listed = {*earlier, *(keys[position] for position in tests)}
    unchanged = _write(folder, rows, listed, overwrite=wanted.overwrite)
    left_out = {what: number for what, number in pool.left_out.items() if number}
    return Selection(folder / QUEUE_NAME, tuple(rows), len(free), left_out, tuple(warnings), unchanged)


def _look(
    pool: Pool,
    pages: Sequence[PageKey],
    weights: Path,
    ran: InferConfig,
    on_progress: ProgressCallback,
    announce: Callable[[str], None],
) -> LookedAt:
    """The second look at some pages of the run, with the settings that the run had."""
    workers = ran.workers or available_cores()
    documents = RunDocuments(
        {file.name: file for file in chosen_documents(ran).files},
        pool.pages.sha256,
        DocumentOpener(known_passwords(ran)),
        WorkerSettings(workers, timeout_s=ran.doc_timeout_s, memory_bytes=ran.doc_memory_mb << 20),
    )
    lowest = float(pool.pages.head.thresholds.min())
    network, _ = networks_in(weights)[-1]  # of an ensemble the one that is named last
    seen = look_again(pages, documents, network, lowest, on_progress=on_progress, announce=announce)
    if pages and not seen.looks:
        raise InputError(
            f"none of the pages can be looked at again: {next(iter(seen.unreadable.values()))}",
            "Run the command in the folder that infer ran in, or add --diversity off to do without the documents.",
        )
    pool.left_out["pages that could not be looked at again"] = len(seen.unreadable)
    pool.add_second_look(seen.looks)
    return seen


def _diverse(
    pool: Pool,
    seen: LookedAt,
    shortlist: Sequence[int],
    taken: Sequence[PageKey],
    known: Sequence[PageKey],
    count: int,
) -> list[QueuedPage]:
    """One page of each group of near-duplicates, without the groups of `taken`, unlike each other and `known`."""
    keys = pool.pages.keys
    taken_groups = {seen.group_of[key] for key in taken if key in seen.group_of}
    best: dict[str, int] = {}
    for position in pool.by_worth(position for position in shortlist if keys[position] in seen.looks):
        group = seen.group_of[keys[position]]
        if group not in taken_groups:
            best.setdefault(group, position)
    looked = sum(keys[position] in seen.looks for position in shortlist)
    pool.left_out["near-duplicates in the shortlist"] = looked - len(best)
    left = sorted(best.values())
    chosen = k_center(
        pool.total[left], _features(seen, [keys[position] for position in left]), _features(seen, known), count
    )
    return [_queued(pool, left[one.position], one.distance, seen.group_of[keys[left[one.position]]]) for one in chosen]


def _features(seen: LookedAt, keys: Sequence[PageKey]) -> FloatArray:
    rows = [seen.looks[key].features for key in keys if key in seen.looks]
    return np.array(rows, np.float32).reshape(len(rows), -1 if rows else 0)


def _queued(pool: Pool, position: int, distance: float | None = None, group: str = "") -> QueuedPage:
    worth, scores = float(pool.total[position]), pool.scores_of(position)
    return QueuedPage(pool.pages.keys[position], "train", pool.reason(position), worth, scores, distance, group)


def _queued_for_tests(pool: Pool, position: int) -> QueuedPage:
    worth, scores = float(pool.total[position]), pool.scores_of(position)
    return QueuedPage(pool.pages.keys[position], "test", "drawn at random, for tests", worth, scores)


def _settings_of(folder: Path) -> InferConfig:
    """The section `infer` of the configuration that the run was done with."""
    kept = folder / CONFIG_NAME
    if not kept.is_file():
        raise InputError(f"{kept}: missing, so that nobody knows what the run was done with", "Run infer again.")
    return load_config(str(kept)).infer


def _weights_of(folder: Path, wanted: str, trainings: Path, sha256: str) -> tuple[Path | None, str]:
    """The weights of the run; or None, and why there are none, as a sentence.

    Raises:
        InputError: the weights that are asked for are missing, or others than those of the run.
    """
    if wanted:
        weights = resolve_weights(wanted, trainings)
        if content_hash(weights) != sha256:
            raise InputError(f"{weights}: other weights than those of the run in {folder}", "Leave out --weights.")
        return weights, ""
    summary = folder / "summary.json"
    named = read_json(summary).get("run", {}).get("weights", "") if summary.is_file() else ""
    if not named:
        return None, f"{folder}: the run was not finished, so that its weights are not named there"
    weights = Path(named)
    if not weights.is_file():
        return None, f"{weights}: the weights of the run are not there"
    try:
        unchanged = content_hash(weights) == sha256
    except InputError as error:  # an ensemble, one of whose networks is not there
        return None, error.message
    if not unchanged:
        return None, f"{weights}: the weights are others now than those of the run in {folder}"
    return weights, ""


def _dataset_pages(data: str) -> tuple[set[PageKey], set[PageKey]]:
    """The pages of a dataset, and its pages for tests; none where no dataset is named.

    Raises:
        InputError: no such dataset, or its manifest is damaged.
    """
    if not data:
        return set(), set()
    root = find_data_yaml(data).parent
    manifest = root / SPLIT_CSV
    if not manifest.is_file():
        raise InputError(
            f"{manifest}: missing, so that nobody knows which pages the dataset has",
            "Give a dataset that docdetect prepare made.",
        )
    rows = split_from_csv(read_text(manifest), str(manifest)).rows
    return {row.key for row in rows}, set(read_pages_for_tests(root / TEST_PAGES_CSV))


def _unreadable(seen: LookedAt) -> list[str]:
    """Warnings about the pages that could not be looked at again."""
    named = [f"{key}: {why}" for key, why in sorted(seen.unreadable.items())[:_MOST_NAMED]]
    more = len(seen.unreadable) - len(named)
    return [*named, *([f"further pages that could not be looked at again: {more}"] if more else [])]


def _left_out(pool: Pool) -> str:
    return counted(pool.left_out) or "nothing was left out"


def _write(folder: Path, rows: Sequence[QueuedPage], tests: set[PageKey], *, overwrite: bool) -> bool:
    """Writes queue and test pages; whether the very queue was there already. Raises OutputExistsError, OutputError."""
    path, text = folder / QUEUE_NAME, queue_text(rows)
    with locked_folder(folder, "Wait until it has finished."):
        same = path.is_file() and path.read_bytes() == text.encode()
        if path.is_file() and not same and not overwrite:
            raise OutputExistsError(
                f"{path}: another queue is there", "Add --overwrite to replace it; reviews and test pages are kept."
            )
        if tests:
            write_text(folder / TEST_PAGES_CSV, pages_for_tests_text(tests))
        if not same:
            write_text(path, text)
    return same
