"""What stays together in a split, found in the documents where the configuration says `family`, and its division."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.families import find_families
from docdetect.datasets.fingerprinting import fingerprint_documents
from docdetect.datasets.split import PageKey, Split, SplitRow, choose_split, page_groups
from docdetect.datasets.stratify import stratified_folds, stratified_split
from docdetect.datasets.survey import SurveyedDocument
from docdetect.documents.workers import WorkerSettings
from docdetect.errors import InputError
from docdetect.schema import DataConfig
from docdetect.types import Detections

_TEST = "test"


def group_pages(
    chosen: Iterable[PageKey],
    by: str,
    documents: Sequence[SurveyedDocument],
    workers: WorkerSettings,
    on_progress: ProgressCallback = no_progress,
) -> dict[PageKey, str]:
    """Page -> group: page, document or family, as `by` says.

    Families are looked for among all pages of the documents, chosen or not; a document none of whose pages can be
    read is a family of its own.
    """
    if by != "family":
        return page_groups(chosen, by)
    files = [document.file for document in documents if document.failure is None]
    prints, _ = fingerprint_documents(files, workers, on_progress)
    hashes = {document.file.name: document.sha256 for document in documents if document.sha256}
    families = find_families(prints, hashes, on_progress)
    family_of = {key.document: family for key, family in families.family_of.items()}
    return {key: family_of.get(key.document, key.document) for key in chosen}


def divide(groups: Mapping[PageKey, str], labels: Mapping[PageKey, Detections], config: DataConfig) -> Split:
    """The split that the configuration asks for: families stratified by class, documents and pages at random."""
    shares = {"val": config.val} | ({_TEST: config.test} if config.test else {})
    if config.split_by == "family":
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
