"""What a dataset will hold, decided before any page is rendered: labels checked, pages chosen, split made.

What stays together in a split, found in the documents where the configuration says `group`, and its division.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docdetect.annotations.cleaning import ClassRules
from docdetect.config.schema import DataConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.groups import find_groups
from docdetect.datasets.page_fingerprints import fingerprint_documents
from docdetect.datasets.split import (
    PageKey,
    Split,
    SplitRow,
    apply_split,
    choose_split,
    page_groups,
    split_from_csv,
    stratified_folds,
    stratified_split,
)
from docdetect.documents.sizes import RenderSize
from docdetect.documents.sources import DocumentFile, list_documents
from docdetect.errors import InputError, problem_list
from docdetect.files import read_text, sha256_file, sha256_text
from docdetect.machine import available_cores
from docdetect.prepare.labels import (
    Labels,
    SurveyedDocument,
    match_labels,
    read_annotations,
    render_sizes,
    survey_documents,
)
from docdetect.types import Detections, FailedPage
from docdetect.workers.parts import WorkerSettings

_TEST = "test"


def group_pages(
    chosen: Iterable[PageKey],
    by: str,
    documents: Sequence[SurveyedDocument],
    workers: WorkerSettings,
    on_progress: ProgressCallback = no_progress,
) -> dict[PageKey, str]:
    """Page -> group: page, document or group, as `by` says.

    Groups are looked for among all pages of the documents, chosen or not; a document none of whose pages can be
    read is a group of its own.
    """
    if by != "group":
        return page_groups(chosen, by)
    files = [document.file for document in documents if document.failure is None]
    prints, _ = fingerprint_documents(files, workers, on_progress)
    hashes = {document.file.name: document.sha256 for document in documents if document.sha256}
    groups = find_groups(prints, hashes, on_progress)
    group_of = {key.document: group for key, group in groups.group_of.items()}
    return {key: group_of.get(key.document, key.document) for key in chosen}


def divide(groups: Mapping[PageKey, str], labels: Mapping[PageKey, Detections], config: DataConfig) -> Split:
    """The split that the configuration asks for: groups stratified by class, documents and pages at random."""
    shares = {"val": config.val} | ({_TEST: config.test} if config.test else {})
    if config.split_by == "group":
        return stratified_split(groups, class_counts(labels, len(config.classes)), shares, config.seed)
    return choose_split(groups, shares, config.seed)


def divide_into_folds(
    groups: Mapping[PageKey, str], labels: Mapping[PageKey, Detections], config: DataConfig
) -> tuple[Split, ...]:
    """One split for each of `config.folds`: the fold is val, the others are train; with `config.test` the same pages
    are test in all of them. Stratified by class, whatever the groups are.

    Raises:
        InputError: there are fewer groups than folds.
    """
    counts = class_counts(labels, len(config.classes))
    tested = set()
    if config.test:
        whole = stratified_split(groups, counts, {_TEST: config.test}, config.seed)
        tested = {row.key for row in whole.rows if row.split == _TEST}
    rest = {key: group for key, group in groups.items() if key not in tested}
    try:
        fold_of = stratified_folds(rest, counts, config.folds, config.seed)
    except ValueError as error:
        raise InputError(str(error), "Take fewer folds, add documents, or divide by document or page.") from error
    return tuple(
        Split(
            tuple(
                SplitRow(key, _TEST if key in tested else "val" if fold_of[key] == fold else "train", group)
                for key, group in groups.items()
            )
        )
        for fold in range(config.folds)
    )


def class_counts(labels: Mapping[PageKey, Detections], classes: int) -> dict[PageKey, list[int]]:
    """Page -> marks of each class."""
    return {key: np.bincount(page.class_ids, minlength=classes).tolist() for key, page in labels.items()}


_SETTINGS = ("classes", "class_map", "size", "dpi", "long_side", "split_by", "val", "test", "seed", "empty")


@dataclass(frozen=True)
class Sources:
    """Documents and labels, brought together.

    Attributes:
        documents: as surveyed, in the order of their names.
        labels: the ground truth about them.
        inputs: settings and content hashes that decide what is made of them; see `docdetect.prepare.manifest`.
    """

    documents: tuple[SurveyedDocument, ...]
    labels: Labels
    inputs: dict[str, Any]

    def keys(self) -> list[PageKey]:
        """Every page of every document that could be opened, in page order."""
        return [
            PageKey(document.file.name, number)
            for document in self.documents
            for number in range(1, document.page_count + 1)
        ]

    def failures(self) -> tuple[FailedPage, ...]:
        """The documents that could not be opened."""
        return tuple(
            FailedPage(document.file.name, None, document.failure)
            for document in self.documents
            if document.failure is not None
        )


@dataclass(frozen=True)
class DatasetPlan:
    """A dataset to be made.

    Attributes:
        sources: documents and labels.
        split: the pages that are taken, and where each goes.
        sizes: at which size each of them is rendered.
        left_out: number of pages without marks that are not taken.
    """

    sources: Sources
    split: Split
    sizes: dict[PageKey, RenderSize]
    left_out: int

    def files(self) -> list[DocumentFile]:
        """The documents that have pages in the dataset."""
        used = {row.key.document for row in self.split.rows}
        return [document.file for document in self.sources.documents if document.file.name in used]


def worker_settings(config: DataConfig) -> WorkerSettings:
    """The worker processes that the configuration asks for."""
    return WorkerSettings(workers=config.workers or available_cores())


def read_sources(config: DataConfig, workers: WorkerSettings, on_progress: ProgressCallback = no_progress) -> Sources:
    """Reads the annotations, opens every document and brings the two together.

    Raises:
        InputError: missing or contradictory inputs, every contradiction in one message; no document could be opened.
    """
    path = Path(config.annotations)
    annotations = read_annotations(path)
    documents = survey_documents(list_documents(Path(config.pdfs)), workers, on_progress)
    if all(document.failure for document in documents):
        reasons = [f"{document.file.name}: {document.failure.message}" for document in documents if document.failure]
        raise InputError(
            problem_list(f"{config.pdfs}: none of the documents could be opened", reasons),
            "Open one in a viewer; if that works, print it to a new PDF.",
        )
    labels = match_labels(annotations, documents, ClassRules(config.classes, config.class_map), str(path))
    settings = config.model_dump(mode="json")
    inputs = {
        "settings": {name: settings[name] for name in _SETTINGS},
        "annotations": sha256_file(path),
        "documents": {document.file.name: document.sha256 for document in documents},
    }
    return Sources(tuple(documents), labels, inputs)


def plan_dataset(
    config: DataConfig, workers: WorkerSettings, on_progress: ProgressCallback = no_progress
) -> DatasetPlan:
    """Decides which pages a dataset takes, where each goes and how large it is rendered.

    Raises:
        InputError: as `read_sources`; no page is left to take; the manifest does not fit.
    """
    return plan_from_sources(config, read_sources(config, workers, on_progress), workers, on_progress)


def plan_from_sources(
    config: DataConfig, sources: Sources, workers: WorkerSettings, on_progress: ProgressCallback = no_progress
) -> DatasetPlan:
    """The same for sources that were read already.

    Raises:
        InputError: no page is left to take; the manifest does not fit.
    """
    keys = sources.keys()
    marks = {key: len(page) for key, page in sources.labels.pages.items()}
    chosen = choose_pages(keys, marks, config.empty, config.seed)
    if not chosen:
        raise InputError("no page is left for the dataset: none has a mark", "Use --empty keep.")
    split = _split(config, chosen, sources, workers, on_progress)
    annotated_wh = {key: page.size_wh for key, page in sources.labels.pages.items()}
    sizes = render_sizes(config, sources.documents, annotated_wh)
    return DatasetPlan(sources, split, {key: sizes[key] for key in chosen}, len(keys) - len(chosen))


def choose_pages(keys: Sequence[PageKey], marks: Mapping[PageKey, int], empty: str | float, seed: int) -> list[PageKey]:
    """The pages that are taken, in their order: all that have marks, and as many without as `empty` says.

    Args:
        keys: all pages.
        marks: page -> number of marks; pages that are not in it have none.
        empty: "keep" takes all pages without marks, "drop" none; a number takes at most that many for each page with
            marks, chosen by the hash of seed and page, the same everywhere.
    """
    with_marks = [key for key in keys if marks.get(key, 0)]
    without = [key for key in keys if not marks.get(key, 0)]
    if empty == "drop":
        without = []
    elif not isinstance(empty, str):
        most = int(float(empty) * len(with_marks))
        without = sorted(without, key=lambda key: sha256_text(f"{seed}\n{key.document}\n{key.page}"))[:most]
    return sorted([*with_marks, *without])


def split_warnings(split: Split) -> list[str]:
    """What a person should know about a split before figures are drawn from it."""
    if "val" in split.names():
        return []
    groups = {row.group for row in split.rows}
    documents = {row.key.document for row in split.rows}
    if len(groups) > 1:
        there = " and ".join(split.names())
        return [f"no validation pages: all {len(groups)} groups are in {there}; take another seed, share or manifest"]
    if len(documents) > 1:
        return [
            f"no validation pages: all {len(documents)} documents are near-duplicates of each other, one group; add "
            "documents of another kind, or divide by document (--by document), whose figures flatter the model"
        ]
    return ["no validation pages: there is only 1 group to divide; add documents or split by page"]


def _split(
    config: DataConfig,
    chosen: Iterable[PageKey],
    sources: Sources,
    workers: WorkerSettings,
    on_progress: ProgressCallback,
) -> Split:
    if config.manifest:
        manifest = split_from_csv(read_text(Path(config.manifest)), config.manifest)
        return apply_split(manifest, chosen, config.split_by, config.manifest)
    groups = group_pages(chosen, config.split_by, sources.documents, workers, on_progress)
    return divide(groups, sources.labels.pages, config)
