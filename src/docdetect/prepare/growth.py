"""A dataset that grows: new pages beside those that are there, whose splits stay as they are.

A page that was in validation or test stays there for ever, and near-duplicates follow their group, whenever they come:
figures of different rounds are then figures on the same pages, and none of these pages was ever trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docdetect.config.schema import DataConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.data_yaml import DATA_YAML
from docdetect.datasets.ground_truth import SurveyedDocument
from docdetect.datasets.groups import find_groups
from docdetect.datasets.page_fingerprints import PageFingerprint, fingerprint_documents
from docdetect.datasets.pages_for_tests import TEST_PAGES_CSV, read_pages_for_tests
from docdetect.datasets.reader import LabelledImage, find_label, read_dataset
from docdetect.datasets.split import (
    SPLIT_CSV,
    TEST,
    TRAIN,
    PageKey,
    Split,
    SplitRow,
    page_groups,
    split_from_csv,
    stratified_split,
)
from docdetect.documents.page_names import page_stem
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import InputError, problem_list
from docdetect.files import nfc, read_text
from docdetect.prepare.manifest import read_manifest
from docdetect.workers.parts import WorkerSettings

# Where a group goes that has pages in several splits: to the one that must not be trained on most of all.
_ORDER = (TEST, "val", TRAIN)


@dataclass(frozen=True)
class Base:
    """A dataset that grows.

    Attributes:
        folder: where it is.
        inputs: what it was made from, see `docdetect.prepare.manifest`.
        rows: page -> its split and group.
        images: page -> its picture and labels.
        tests: its pages that were drawn at random for tests.
    """

    folder: Path
    inputs: dict[str, Any]
    rows: Mapping[PageKey, SplitRow]
    images: Mapping[PageKey, LabelledImage]
    tests: frozenset[PageKey]

    @property
    def rounds(self) -> list[dict[str, Any]]:
        """What each round added, the first one first."""
        return list(self.inputs.get("rounds", [self.inputs]))

    def documents(self) -> dict[str, str]:
        """Document -> content hash, of all rounds."""
        return {name: digest for one in self.rounds for name, digest in one.get("documents", {}).items()}


def read_base(folder: Path, classes: tuple[str, ...], on_progress: ProgressCallback = no_progress) -> Base:
    """The dataset that new pages are added to.

    Raises:
        InputError: no dataset that `prepare` made, one with other classes, or a damaged one.
    """
    manifest = read_manifest(folder) if folder.is_dir() else None
    if manifest is None or manifest.kind != "dataset":
        raise InputError(
            f"{folder}: no dataset that docdetect prepare made, so nothing can be added to it",
            "Name its folder with --add-to, or leave out --add-to to make a new dataset.",
        )
    split = split_from_csv(read_text(folder / SPLIT_CSV), str(folder / SPLIT_CSV))
    dataset = read_dataset(folder / DATA_YAML, split.names(), on_progress=on_progress)
    if dataset.class_names != classes:
        raise InputError(
            f"{folder}: its classes are {', '.join(dataset.class_names)}, and not {', '.join(classes)}",
            f"Add --classes {','.join(dataset.class_names)}; --map names the class of each category.",
        )
    rows = {row.key: row for row in split.rows}
    by_stem = {page_stem(key.document, key.page): key for key in rows}
    images = {
        by_stem[nfc(image.path.stem)]: image
        for pictures in dataset.splits.values()
        for image in pictures
        if nfc(image.path.stem) in by_stem
    }
    if lost := sorted(rows.keys() - images.keys()):
        raise InputError(f"{folder}: {lost[0]} stands in {SPLIT_CSV} and has no picture", "Make the dataset again.")
    tests = frozenset(read_pages_for_tests(folder / TEST_PAGES_CSV))
    return Base(folder, manifest.inputs, rows, images, tests)


def check_same_documents(base: Base, documents: Sequence[SurveyedDocument]) -> None:
    """Refuses documents that have the name of another one in the dataset. Raises InputError with all of them."""
    known = base.documents()
    in_use = {key.document for key in base.rows}
    problems = [
        f"{one.file.name}: another file than the document of this name in the dataset"
        for one in documents
        if one.file.name in in_use and known.get(one.file.name, one.sha256) != one.sha256
    ]
    if problems:
        raise InputError(
            problem_list(f"{base.folder}: names of documents mean different files", problems),
            "Rename the new documents, or put them into a folder of their own within --source.",
        )


def group_with_base(
    chosen: Iterable[PageKey],
    by: str,
    documents: Sequence[SurveyedDocument],
    base: Base,
    workers: WorkerSettings,
    on_progress: ProgressCallback = no_progress,
) -> dict[PageKey, str]:
    """Page -> group, of the chosen pages and of those of the dataset together; see `plan.group_pages`.

    Near-duplicates of pages of the dataset are found by the pictures of the dataset; its documents need not be there.
    """
    chosen = list(chosen)
    every = [*chosen, *(key for key in base.rows if key not in set(chosen))]
    if by != "group":
        return page_groups(every, by)
    files = [document.file for document in documents if document.failure is None]
    new, _ = fingerprint_documents(files, workers, on_progress)
    again = {file.name for file in files}
    old = [one for one in _fingerprints_of(base, workers, on_progress) if one.page.document not in again]
    hashes = base.documents() | {document.file.name: document.sha256 for document in documents if document.sha256}
    group_of = find_groups([*new, *old], hashes, on_progress).group_of
    named = {key.document: group for key, group in group_of.items()}
    return {key: named.get(key.document, key.document) for key in every}


def _fingerprints_of(base: Base, workers: WorkerSettings, on_progress: ProgressCallback) -> list[PageFingerprint]:
    keys = sorted(base.images)
    files = [DocumentFile(base.images[key].path, f"{i:08d}", DocumentKind.IMAGE) for i, key in enumerate(keys)]
    prints, _ = fingerprint_documents(files, workers, on_progress)
    return [one.renamed(keys[int(one.page.document)]) for one in prints if one.page.page == 1]


def grown_split(
    groups: Mapping[PageKey, str],
    kept: Mapping[PageKey, SplitRow],
    tests: frozenset[PageKey],
    class_counts: Mapping[PageKey, Sequence[int]],
    config: DataConfig,
) -> tuple[Split, list[str]]:
    """The split of old and new pages together, and sentences about what a person should know.

    Pages of the dataset stay where they are. A new page goes where the pages of its group are; a group with a page for
    tests goes to test; the groups that are left are divided so that val and test come as near as they can to their
    shares of all pages.

    Args:
        groups: page -> group, of all pages.
        kept: the pages of the dataset; empty for a new dataset.
        tests: pages that were drawn for tests, in the dataset or not.
        class_counts: page -> marks of each class.
        config: `val`, `test` and `seed` are used.
    """
    homes: dict[str, list[SplitRow]] = {}
    for key, row in sorted(kept.items()):
        homes.setdefault(groups[key], []).append(row)
    notes = [
        f"{group}: near-duplicates of it were in {' and '.join(sorted(sides))} before, and stay there"
        for group, rows in homes.items()
        if len(sides := {row.split for row in rows}) > 1
    ]
    tested = {group for key, group in groups.items() if key in tests and key not in kept}
    taken = {row.group for row in kept.values()}
    rows: list[SplitRow] = list(kept.values())
    free: dict[PageKey, str] = {}
    for key, group in groups.items():
        if key in kept:
            continue
        if group in homes:
            home = min(homes[group], key=lambda row: (_ORDER.index(row.split), row.group))
            rows.append(SplitRow(key, home.split, home.group))
            if key in tests and home.split != TEST:
                notes.append(
                    f"{key}: drawn for tests, but near-duplicates of it are in {home.split}, where it goes, too"
                )
        elif group in tested:
            rows.append(SplitRow(key, TEST, _free_name(group, taken)))
        else:
            free[key] = _free_name(group, taken)
    rows += _divided(free, class_counts, rows, config, with_tests=bool(tests))
    return Split(tuple(rows)), notes


def _free_name(group: str, taken: set[str]) -> str:
    """The name of a group, told apart from groups of the dataset that happen to have the same name."""
    return f"{group} (new)" if group in taken else group


def _divided(
    free: Mapping[PageKey, str],
    class_counts: Mapping[PageKey, Sequence[int]],
    placed: Sequence[SplitRow],
    config: DataConfig,
    *,
    with_tests: bool,
) -> list[SplitRow]:
    """The rows of pages whose groups nothing binds."""
    whole = len(placed) + len(free)
    wanted = {"val": config.val} | ({TEST: config.test} if config.test and not with_tests else {})
    shares = {}
    for name, share in wanted.items():
        missing = share * whole - sum(row.split == name for row in placed)
        if missing >= 0.5:  # less than half a page is none
            shares[name] = min(missing / len(free), 0.9 / len(wanted)) if free else 0.0
    if not free or not shares:
        return [SplitRow(key, TRAIN, group) for key, group in free.items()]
    return list(stratified_split(free, class_counts, shares, config.seed).rows)


def carried_label(image: LabelledImage) -> str:
    """The text of the label file of a page that stays; "" for a page without marks."""
    label = find_label(image.path)
    return "" if label is None else read_text(label)
