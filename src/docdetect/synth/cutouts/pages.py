"""The labelled pages that marks are cut out of: of a YOLO dataset, or documents with JSON annotations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from docdetect.annotations.cleaning import ClassRules
from docdetect.config.schema import CutoutsConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.ground_truth import bring_together, read_annotations, survey_documents
from docdetect.datasets.origins import origin_of, read_origins
from docdetect.datasets.reader import read_dataset
from docdetect.datasets.split import PageKey
from docdetect.documents.sources import DocumentFile, DocumentKind, documents_in
from docdetect.errors import ConfigError, InputError, did_you_mean
from docdetect.files import sha256_file, sha256_text
from docdetect.types import Detections, FailedPage
from docdetect.workers.parts import WorkerSettings


@dataclass(frozen=True)
class LabelledPages:
    """Pages and their ground truth.

    Attributes:
        files: the documents, or the pictures of the dataset, in the order of their names.
        labels: (name of the file, page number from 1) -> boxes in px of the size that they were labelled at; pages
            without a mark are missing.
        shown: (name of the file, page number) -> the document and page that people know, where this is another one.
        class_names: in the order of their ids.
        digest: SHA-256 of the contents of all files with a mark, and of their labels.
        failures: documents that could not be opened.
        notes: sentences about what is odd and was not refused.
    """

    files: tuple[DocumentFile, ...]
    labels: Mapping[PageKey, Detections]
    shown: Mapping[PageKey, PageKey]
    class_names: tuple[str, ...]
    digest: str
    failures: tuple[FailedPage, ...] = ()
    notes: tuple[str, ...] = ()


def labelled_pages(
    settings: CutoutsConfig, workers: WorkerSettings, on_progress: ProgressCallback = no_progress
) -> LabelledPages:
    """The pages that the settings name: documents with annotations where `source` is given, else the dataset.

    Raises:
        ConfigError: `source` without `annotations`, or the other way round; categories that are no class.
        InputError: the dataset or the annotations cannot be read or contradict the documents; no page has a mark.
    """
    if bool(settings.source) != bool(settings.annotations):
        raise ConfigError(
            "cutouts.source and cutouts.annotations belong together",
            "Give both for documents with JSON annotations, or neither for the dataset that --data names.",
        )
    found = _of_documents(settings, workers, on_progress) if settings.source else _of_dataset(settings, on_progress)
    unknown = [name for name in settings.categories if name not in found.class_names]
    if unknown:
        raise ConfigError(
            f"cutouts.categories: {unknown[0]} is no class{did_you_mean(unknown[0], found.class_names)}",
            f"The classes are {', '.join(found.class_names)}.",
        )
    if not found.labels:
        raise InputError(
            f"{settings.source or settings.data}: no page with a mark, so that there is nothing to cut out",
            "Name pages with labels; for datasets --splits says which splits are taken.",
        )
    return found


def _of_dataset(settings: CutoutsConfig, on_progress: ProgressCallback) -> LabelledPages:
    notes: list[str] = []
    dataset = read_dataset(settings.data, settings.splits, on_progress=on_progress, announce=notes.append)
    origins = read_origins(dataset.root)
    files: dict[str, DocumentFile] = {}
    labels: dict[PageKey, Detections] = {}
    shown: dict[PageKey, PageKey] = {}
    # A picture that stands in two splits is one picture.
    for image in (one for split in settings.splits for one in dataset.splits[split]):
        if not len(image.ground_truth) or image.name in files:
            continue
        key = PageKey(image.name, 1)
        files[image.name] = DocumentFile(image.path, image.name, DocumentKind.IMAGE)
        labels[key] = image.ground_truth
        origin = origin_of(image, origins)
        shown[key] = PageKey(origin.document, origin.page)
    ordered = tuple(files[name] for name in sorted(files))
    digest = _digest(ordered, labels, lambda file: sha256_file(file.path))
    return LabelledPages(ordered, labels, shown, dataset.class_names, digest, (), tuple(notes))


def _of_documents(settings: CutoutsConfig, workers: WorkerSettings, on_progress: ProgressCallback) -> LabelledPages:
    files = documents_in(Path(settings.source)).files
    annotations = read_annotations(Path(settings.annotations))
    surveyed = survey_documents(files, workers, on_progress)
    rules = ClassRules(settings.classes, settings.class_map)
    # Documents without labels hold nothing to cut out, whatever their number.
    truth = bring_together(annotations, surveyed, rules, settings.annotations, unlisted="skip", missing="error")
    labels = {key: boxes for key, boxes in truth.pages.items() if len(boxes)}
    named = {key.document for key in labels}
    kept = tuple(document.file for document in truth.documents if document.file.name in named)
    contents = {document.file.name: document.sha256 for document in truth.documents}
    digest = _digest(kept, labels, lambda file: contents[file.name])
    notes = [
        f"{removal.document}, page {removal.page}, {removal.key}: {removal.reason.value}" for removal in truth.removals
    ]
    notes += [*truth.warnings, *truth.unmatched_warnings()]
    return LabelledPages(kept, labels, {}, settings.classes, digest, truth.failures(), tuple(notes))


def _digest(
    files: tuple[DocumentFile, ...], labels: Mapping[PageKey, Detections], content: Callable[[DocumentFile], str]
) -> str:
    lines = [f"{file.name}\t{content(file)}" for file in files]
    for key in sorted(labels, key=lambda one: (one.document, one.page)):
        boxes = labels[key]
        lines.append(repr((str(key), boxes.size_wh, boxes.xyxy.tolist(), boxes.class_ids.tolist())))
    return sha256_text("\n".join(lines))
