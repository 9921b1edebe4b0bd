"""What a dataset will hold, decided before any page is rendered: which pages it takes, how large, and in which split.

Annotations and documents come together in `docdetect.datasets.ground_truth`; here the configuration decides what is
made of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from docdetect.annotations.cleaning import ClassRules
from docdetect.config.schema import DataConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.ground_truth import (
    GroundTruth,
    SurveyedDocument,
    bring_together,
    failed_documents,
    match_names,
    read_annotations,
    same_aspect,
    survey_documents,
)
from docdetect.datasets.groups import find_groups
from docdetect.datasets.labelled import LabelRules, document_rules
from docdetect.datasets.page_fingerprints import fingerprint_documents
from docdetect.datasets.pages_for_tests import read_pages_for_tests
from docdetect.datasets.split import (
    TEST,
    PageKey,
    Split,
    SplitRow,
    apply_split,
    choose_split,
    missing_classes,
    page_groups,
    split_from_csv,
    stratified_folds,
    stratified_split,
)
from docdetect.documents.sizes import AtDpi, ExactSize, LongSide, RenderSize
from docdetect.documents.sources import DocumentFile, count_left_out, documents_in
from docdetect.errors import InputError, problem_list
from docdetect.files import read_text, sha256_file, sha256_text
from docdetect.prepare.growth import Base, check_same_documents, group_with_base, grown_split
from docdetect.types import Detections, SizeWH
from docdetect.workers.parts import WorkerSettings

# Fewer groups than this make figures that depend on which of them are in the validation split.
_FEW_GROUPS = 10


def group_pages(
    chosen: Iterable[PageKey],
    by: str,
    documents: Sequence[SurveyedDocument],
    workers: WorkerSettings,
    on_progress: ProgressCallback = no_progress,
) -> dict[PageKey, str]:
    """Page -> the group that it stays together with.

    Args:
        chosen: pages of the dataset.
        by: "page" and "document" make every page, and every document, a group; "group" looks for near-duplicates among
            all pages of the documents, chosen or not. A document none of whose pages can be read is a group of its own.
        documents: as surveyed.
        workers: processes that render pages.
        on_progress: called for each document and for pairs of pages.
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
    """The split that the configuration asks for: groups stratified by class, documents and pages divided at random."""
    shares = {"val": config.val} | ({TEST: config.test} if config.test else {})
    if config.split_by == "group":
        return stratified_split(groups, class_counts(labels, len(config.classes)), shares, config.seed)
    return choose_split(groups, shares, config.seed)


def divide_into_folds(
    groups: Mapping[PageKey, str], labels: Mapping[PageKey, Detections], config: DataConfig
) -> tuple[Split, ...]:
    """One split for each of `config.folds`, in which that fold is val and the others are train.

    With `config.test` the same pages are test in all of the splits. The folds are stratified by class, whatever the
    groups are.

    Raises:
        InputError: there are fewer groups than folds.
    """
    counts = class_counts(labels, len(config.classes))
    tested = set()
    if config.test:
        whole = stratified_split(groups, counts, {TEST: config.test}, config.seed)
        tested = {row.key for row in whole.rows if row.split == TEST}
    rest = {key: group for key, group in groups.items() if key not in tested}
    try:
        fold_of = stratified_folds(rest, counts, config.folds, config.seed)
    except ValueError as error:
        raise InputError(str(error), "Take fewer folds, add documents, or divide by document or page.") from error
    return tuple(
        Split(
            tuple(
                SplitRow(key, TEST if key in tested else "val" if fold_of[key] == fold else "train", group)
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
    """Documents and annotations, read and brought together.

    Attributes:
        ground_truth: the documents that take part and what their pages hold.
        inputs: settings and content hashes that decide what is made of them; see `docdetect.prepare.manifest`.
    """

    ground_truth: GroundTruth
    inputs: dict[str, Any]


@dataclass(frozen=True)
class DatasetPlan:
    """A dataset to be made.

    Attributes:
        ground_truth: the documents that take part and what their pages hold.
        split: the pages that are taken, and where each goes.
        sizes: at which size each of these pages is rendered.
        left_out: number of pages without marks that `empty` leaves out.
        rules: which classes are labelled in which documents; None for all of them everywhere.
        base: the dataset that the pages are added to; None for a new dataset.
        tests: the pages of the test split that were drawn at random for tests.
        notes: sentences about the split.
    """

    ground_truth: GroundTruth
    split: Split
    sizes: dict[PageKey, RenderSize]
    left_out: int
    rules: LabelRules | None = None
    base: Base | None = None
    tests: frozenset[PageKey] = frozenset()
    notes: tuple[str, ...] = ()

    def files(self) -> list[DocumentFile]:
        """The documents that have pages in the dataset."""
        used = {row.key.document for row in self.split.rows}
        return [document.file for document in self.ground_truth.documents if document.file.name in used]


def read_sources(config: DataConfig, workers: WorkerSettings, on_progress: ProgressCallback = no_progress) -> Sources:
    """Reads the annotations, opens every document and brings the two together.

    Raises:
        InputError: missing or contradictory inputs, every contradiction in one message; no document could be opened.
    """
    path = Path(config.annotations)
    annotations = read_annotations(path)
    found = documents_in(Path(config.pdfs), "Put the documents there, or name their folder with --source.")
    files, unlisted = found.files, config.unlisted
    if config.skips_unlisted_pages and unlisted == "auto":
        # A person looks at few pages of an archive: what nobody looked at is not even opened.
        unlisted = "skip"
        matched = match_names(annotations, [file.name for file in files])
        listed = {*matched.document_of.values(), *(name for names in matched.ambiguous.values() for name in names)}
        files = tuple(file for file in files if file.name in listed) or files
    documents = survey_documents(files, workers, on_progress)
    if all(document.failure for document in documents):
        raise InputError(
            problem_list(
                f"{config.pdfs}: none of the documents could be opened",
                [f"{failed.document}: {failed.failure.message}" for failed in failed_documents(documents)],
            ),
            "Open one of the documents in a viewer; if that works, print it to a new PDF.",
        )
    ground_truth = bring_together(
        annotations,
        documents,
        ClassRules(config.classes, config.class_map),
        str(path),
        unlisted=unlisted,
        missing=config.missing,
    )
    if found.left_out:
        note = f"{config.pdfs}: files that are no documents are left out: {count_left_out(found.left_out)}"
        ground_truth = replace(ground_truth, warnings=(*ground_truth.warnings, note))
    settings = config.model_dump(mode="json")
    # What is done with unlisted and missing documents decides nothing where there are none.
    chosen = {"unlisted": ground_truth.unlisted, "missing": ground_truth.missing}
    inputs = {
        "settings": {
            **{name: settings[name] for name in _SETTINGS},
            **({"labelled": settings["labelled"]} if config.labelled else {}),
            **({"unlisted_pages": "skip"} if config.skips_unlisted_pages else {}),
            **{name: unmatched.treated for name, unmatched in chosen.items() if unmatched.documents},
        },
        "annotations": sha256_file(path),
        "documents": {document.file.name: document.sha256 for document in documents},
    }
    return Sources(ground_truth, inputs)


def plan_dataset(
    config: DataConfig,
    ground_truth: GroundTruth,
    workers: WorkerSettings,
    on_progress: ProgressCallback = no_progress,
    *,
    base: Base | None = None,
) -> DatasetPlan:
    """Decides which pages a dataset takes, where each goes and how large it is rendered.

    Args:
        config: the section `data`.
        ground_truth: documents and annotations brought together.
        workers: processes that render pages.
        on_progress: called for each document and for pairs of pages.
        base: the dataset that the pages are added to.

    Raises:
        InputError: no page is left to take; the manifest does not fit.
    """
    keys = sorted(ground_truth.pages) if config.skips_unlisted_pages else ground_truth.keys()
    marks = {key: len(page) for key, page in ground_truth.pages.items()}
    chosen = choose_pages(keys, marks, config.empty, config.seed)
    if not chosen:
        raise InputError("no page is left for the dataset: none has a mark", "Use --empty keep.")
    tests = frozenset(read_pages_for_tests(Path(config.test_pages))) if config.test_pages else frozenset()
    notes: list[str] = []
    if base is not None or tests:
        tests |= base.tests if base is not None else frozenset()
        if base is None:
            groups = group_pages(chosen, config.split_by, ground_truth.documents, workers, on_progress)
        else:
            check_same_documents(base, ground_truth.documents)
            groups = group_with_base(chosen, config.split_by, ground_truth.documents, base, workers, on_progress)
        counts = class_counts(ground_truth.pages, len(config.classes))
        split, notes = grown_split(groups, {} if base is None else base.rows, tests, counts, config)
    elif config.manifest:
        manifest = split_from_csv(read_text(Path(config.manifest)), config.manifest)
        split = apply_split(manifest, chosen, config.split_by, config.manifest)
    else:
        groups = group_pages(chosen, config.split_by, ground_truth.documents, workers, on_progress)
        split = divide(groups, ground_truth.pages, config)
    annotated_wh = {key: page.size_wh for key, page in ground_truth.pages.items()}
    sizes = render_sizes(config, ground_truth.documents, annotated_wh)
    rules = document_rules(config.labelled, [document.file.name for document in ground_truth.documents])
    left_out = len(keys) - len(chosen)
    in_test = tests & set(split.only_in(TEST))
    chosen_sizes = {key: sizes[key] for key in chosen}
    return DatasetPlan(ground_truth, split, chosen_sizes, left_out, rules, base, in_test, tuple(notes))


def render_sizes(
    config: DataConfig, documents: Sequence[SurveyedDocument], annotated_wh: Mapping[PageKey, SizeWH]
) -> dict[PageKey, RenderSize]:
    """The size of every page of every document that could be opened.

    With `size: annotations` a page is rendered exactly as large as it was annotated (when the annotated size has
    another aspect than the page, at its long side, so that nothing is distorted). A page that was not annotated gets
    the commonest long side of its document's annotated pages, else of all, else the config's resolution.

    Args:
        config: size, dpi and long_side are used.
        documents: as surveyed.
        annotated_wh: (width, height) px of the annotated pages.
    """
    overall = _commonest_long_side(list(annotated_wh.values()))
    sizes: dict[PageKey, RenderSize] = {}
    for document in documents:
        keys = document.keys()
        usual = _commonest_long_side([annotated_wh[key] for key in keys if key in annotated_wh]) or overall
        for key, displayed_wh in zip(keys, document.page_sizes_wh, strict=True):
            if config.size == "long_side":
                sizes[key] = LongSide(config.long_side)
            elif config.size == "annotations" and key in annotated_wh:
                sizes[key] = _as_annotated(annotated_wh[key], displayed_wh)
            elif config.size == "annotations" and usual is not None:
                sizes[key] = LongSide(usual)
            else:
                sizes[key] = AtDpi(config.dpi)
    return sizes


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


def split_warnings(split: Split, ground_truth: Mapping[PageKey, Detections], classes: Sequence[str]) -> list[str]:
    """What a person should know about a split before figures are drawn from it, and what to do about it.

    Args:
        split: the division.
        ground_truth: page -> its boxes; pages that are not in it have none.
        classes: class names in the order of their ids.
    """
    sides: dict[str, set[str]] = {name: set() for name in split.names()}
    homes: dict[int, set[str]] = {class_id: set() for class_id in range(len(classes))}
    marks = {name: Counter[str]() for name in split.names()}
    for row in split.rows:
        sides[row.split].add(row.group)
        for class_id in ground_truth[row.key].class_ids.tolist() if row.key in ground_truth else ():
            homes[class_id].add(row.group)
            marks[row.split][classes[class_id]] += 1
    groups = sum(map(len, sides.values()))
    warnings = [] if "val" in sides else [_no_validation(split, groups)]
    missing = missing_classes(marks, classes)
    warnings += missing
    rare = [classes[class_id] for class_id, found in homes.items() if len(found) == 1]
    if rare and len(sides) > 1:
        warnings.append(
            f"{', '.join(rare)}: all marks are in one group, so no split can have them in training and in validation; "
            "add documents with such marks"
        )
    if "val" in sides and (groups < _FEW_GROUPS or missing):
        places = ", ".join(f"{len(found)} in {name}" for name, found in sides.items())
        warnings.append(
            f"{groups} groups were divided: {places}. Figures from so few depend on which groups are "
            "in val: another --seed or a larger --val divides them otherwise, and docdetect crossval evaluates every "
            "group once"
        )
    return warnings


def _no_validation(split: Split, groups: int) -> str:
    documents = {row.key.document for row in split.rows}
    if groups > 1:
        there = " and ".join(split.names())
        return f"no validation pages: all {groups} groups are in {there}; take another --seed, --val or --manifest"
    if len(documents) > 1:
        return (
            f"no validation pages: all {len(documents)} documents are near-duplicates of each other, one group; add "
            "documents of another kind, or divide by document (--by document), whose figures flatter the model"
        )
    return "no validation pages: there is only 1 group to divide; add documents or split by page (--by page)"


def _as_annotated(annotated_wh: SizeWH, displayed_wh: SizeWH | None) -> RenderSize:
    if displayed_wh is not None and not same_aspect(annotated_wh, displayed_wh):
        return LongSide(max(annotated_wh))
    return ExactSize(*annotated_wh)


def _commonest_long_side(sizes_wh: Sequence[SizeWH]) -> int | None:
    counts = Counter(max(size_wh) for size_wh in sizes_wh)
    return min(counts, key=lambda px: (-counts[px], -px)) if counts else None
