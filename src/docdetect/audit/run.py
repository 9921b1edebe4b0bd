"""`audit`: whether the labels can be trusted, and whether a split keeps groups of near-duplicates together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from docdetect.annotations.cleaning import ClassRules, clean_page
from docdetect.annotations.marks import AnnotatedPage, Annotations
from docdetect.audit.fixes import Fix, fix_annotations
from docdetect.audit.label_checks import (
    Finding,
    LabelledPages,
    beyond_end_findings,
    class_findings,
    detect_documents,
    duplicate_findings,
    ink_findings,
    model_findings,
    offset_findings,
    ranked,
    unusual_findings,
)
from docdetect.audit.leaks import Leak, find_leaks
from docdetect.audit.measures import measure_documents
from docdetect.config.schema import AuditConfig, Config, DataConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.data_yaml import find_data_yaml
from docdetect.datasets.ground_truth import (
    GroundTruth,
    bring_together,
    match_names,
    read_annotations,
    survey_documents,
    worker_settings,
)
from docdetect.datasets.labelled import LabelRules, document_rules, rules_of_pages
from docdetect.datasets.origins import read_origins
from docdetect.datasets.page_fingerprints import PageFingerprint, fingerprint_documents
from docdetect.datasets.reader import list_dataset
from docdetect.datasets.split import SPLIT_NAMES, PageKey
from docdetect.documents.sources import DocumentFile, DocumentKind, documents_in
from docdetect.errors import ConfigError, InputError
from docdetect.files import nfc
from docdetect.models.engines.base import Engine
from docdetect.models.engines.select import load_engine
from docdetect.models.weights import network_imgsz, resolve_weights
from docdetect.types import Detections, FailedPage
from docdetect.workers.parts import WorkerSettings


@dataclass(frozen=True)
class LabelAudit:
    """What is wrong with the labels of a folder of documents.

    Attributes:
        files: the documents.
        pages: labels and what was measured.
        findings: ranked.
        failures: documents that could not be opened.
        annotations: as read.
        document_of: name in the annotations -> document.
        notes: sentences about documents that only the folder or only the annotations know.
    """

    files: tuple[DocumentFile, ...]
    pages: LabelledPages
    findings: tuple[Finding, ...]
    failures: tuple[FailedPage, ...]
    annotations: Annotations
    document_of: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def fixed(self, rules: ClassRules) -> tuple[Annotations, tuple[Fix, ...]]:
        """The annotations with what is safe put right, and the changes; see `docdetect.audit.fixes`."""
        return fix_annotations(self.annotations, self.document_of, rules, self.pages, self.findings)


@dataclass(frozen=True)
class SplitAudit:
    """What the splits of a dataset share.

    Attributes:
        leaks: the gravest first.
        pages: split name -> number of pages.
        images: page -> its image file.
        failures: pictures that could not be read.
        notes: sentences about what is odd in the dataset, such as a split that is not there.
    """

    leaks: tuple[Leak, ...]
    pages: Mapping[str, int]
    images: Mapping[PageKey, DocumentFile]
    failures: tuple[FailedPage, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AuditOutcome:
    """Everything that an audit gave; a part that was not done is None.

    Attributes:
        labels: of documents and annotations.
        split: of a dataset.
        fixes: what `audit.fix` changes; None without it.
        fixed: the annotations with these changes; None without it.
        facts: name and value of what was audited.
        notes: sentences about a part that was not done, with what is missing for it.
    """

    labels: LabelAudit | None
    split: SplitAudit | None
    fixes: tuple[Fix, ...] | None = None
    fixed: Annotations | None = None
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is suspicious about the labels, ranked."""
        return self.labels.findings if self.labels else ()

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """What the splits share, the gravest first."""
        return self.split.leaks if self.split else ()


def run_audit(config: Config, on_progress: ProgressCallback = no_progress) -> AuditOutcome:
    """Audits the labels of `data.pdfs` and the splits of `data.dataset`, whichever of the two is there.

    Raises:
        InputError: neither is there, or one of them cannot be read.
        ConfigError: both `audit.weights` and `audit.detections` are given.
    """
    data = config.data
    with_labels = Path(data.annotations).is_file() and Path(data.pdfs).exists()
    datasets = _datasets(config)
    with_dataset = bool(datasets)
    if not (with_labels or with_dataset):
        raise InputError(
            f"nothing to audit: neither {data.pdfs} with {data.annotations} nor {data.dataset} is there",
            "Give the documents and their annotations, or a dataset.",
        )
    if config.audit.weights and config.audit.detections:
        raise ConfigError("audit.weights and audit.detections exclude each other", "Give one of the two.")
    weights = resolve_weights(config.audit.weights, Path(config.train.runs)) if config.audit.weights else None
    workers = worker_settings(data)
    rules = dataset_rules(data.dataset) if with_labels and not data.labelled and Path(data.dataset).exists() else None
    labels = audit_labels(data, workers, _detector(config.audit, weights), on_progress, rules) if with_labels else None
    split = audit_split(datasets, workers, on_progress) if with_dataset else None
    fixed, fixes = None, None
    if config.audit.fix and labels is not None:
        fixed, fixes = labels.fixed(ClassRules(data.classes, data.class_map))
    names = {"documents": data.pdfs, "annotations": data.annotations}
    facts = [(name, value) for name, value in names.items() if Path(value).exists()]
    facts += [("dataset", value) for value in datasets]
    facts += [("weights", str(weights))] if weights else []
    notes = []
    if not with_labels:
        named = f"{data.pdfs} with {data.annotations}"
        notes.append(f"No label was audited, since {named} is not there: name both with --source and --annotations.")
    if not with_dataset:
        notes.append(f"No leaks were looked for, since {data.dataset} is no dataset: name one with --data.")
    return AuditOutcome(labels, split, fixes, fixed, tuple(facts), tuple(notes))


def audit_labels(
    config: DataConfig,
    workers: WorkerSettings,
    detector: Engine | Annotations | None = None,
    on_progress: ProgressCallback = no_progress,
    label_rules: LabelRules | None = None,
) -> LabelAudit:
    """Every check of the labels.

    Args:
        config: documents, annotations and classes.
        workers: of rendering.
        detector: an engine, or the detections of `infer`, to hold the labels against.
        on_progress: per document and step.
        label_rules: which classes are labelled in which documents, where the configuration does not say.

    Raises:
        InputError: the annotations cannot be read or name documents or categories that do not exist; the detector's
            classes are others.
    """
    files = documents_in(Path(config.pdfs)).files
    annotations = read_annotations(Path(config.annotations))
    rules = ClassRules(config.classes, config.class_map)
    surveyed = survey_documents(files, workers, on_progress)
    counts = {document.file.name: document.page_count for document in surveyed if document.failure is None}
    document_of = match_names(annotations, [file.name for file in files]).document_of
    inside, beyond = _divided(annotations, document_of, counts)
    # The labels of listed documents are audited however many documents are unlisted; a warning counts these.
    ground_truth = bring_together(inside, surveyed, rules, config.annotations, unlisted="empty", missing=config.missing)
    labels = dict(ground_truth.pages)
    for name, numbered in beyond.items():
        for number, page in numbered.items():
            labels[PageKey(document_of[name], number)] = clean_page(page, rules, document_of[name], number)[0]
    measures = measure_documents(files, labels, workers, on_progress)
    pages = LabelledPages(
        labels,
        measures,
        config.classes,
        document_rules(config.labelled, [file.name for file in files]) or label_rules,
    )
    findings = [
        *offset_findings(pages),
        *beyond_end_findings(pages, counts),
        *ink_findings(pages),
        *duplicate_findings(pages),
        *unusual_findings(pages),
        *class_findings(pages),
    ]
    if detector is not None:
        detections = _detections(detector, files, rules, workers, on_progress)
        findings += model_findings(pages, detections)
    return LabelAudit(
        files,
        pages,
        ranked(_without_moved(findings)),
        ground_truth.failures(),
        annotations,
        document_of,
        tuple(_unmatched_notes(ground_truth)),
    )


def dataset_rules(dataset: str | Path) -> LabelRules | None:
    """Which classes are labelled in which documents, as the data.yaml of the dataset that was made of them says.

    Raises:
        InputError: no dataset, or a wrong data.yaml or split.csv.
    """
    listed = list_dataset(dataset)
    rules = listed.data_yaml.labelled
    if rules is None:
        return None
    origins = read_origins(listed.root)
    pages = [
        (origins[stem].document, rules.names_at(picture.name))
        for pictures in listed.pictures.values()
        for picture in pictures
        if (stem := nfc(picture.path.stem)) in origins
    ]
    return rules_of_pages(pages, listed.class_names)


def _unmatched_notes(ground_truth: GroundTruth) -> list[str]:
    notes = []
    if count := len(ground_truth.unlisted.documents):
        notes.append(f"Documents that the annotations do not list, so that their marks are not known: {count}.")
    if count := len(ground_truth.missing.documents):
        notes.append(f"Annotated documents that are not there, so that their labels were not audited: {count}.")
    return notes


def _datasets(config: Config) -> tuple[str, ...]:
    """The datasets whose splits are held against each other, each once: that of `data`, and those trained with it."""
    named = [config.data.dataset] if Path(config.data.dataset).exists() else []
    named += config.audit.also
    if not isinstance(config.train.data, str):
        named += [source.path for source in config.train.data]
    files: dict[str, str] = {}
    for path in named:
        files.setdefault(os.path.realpath(find_data_yaml(path)), path)
    return tuple(files.values())


def audit_split(
    datasets: Sequence[str | Path], workers: WorkerSettings, on_progress: ProgressCallback = no_progress
) -> SplitAudit:
    """What the splits of YOLO datasets share, within one and between several that are trained on together.

    `split.csv`, where a dataset has one, says which pictures are one document. The pages of several datasets are named
    after their dataset, too.

    Raises:
        InputError: no dataset, or a data.yaml that names no pictures.
    """
    images: dict[PageKey, DocumentFile] = {}
    prints: list[PageFingerprint] = []
    failures: list[FailedPage] = []
    notes: list[str] = []
    side_of: dict[PageKey, str] = {}
    splits: set[str] = set()
    for dataset, label in zip(datasets, _dataset_labels(datasets), strict=True):
        listed = list_dataset(dataset)
        origins = read_origins(listed.root)
        notes += listed.notes
        splits |= set(listed.pictures)
        for split, pictures in listed.pictures.items():
            files = {
                f"{label}{picture.name}": DocumentFile(picture.path, f"{label}{picture.name}", DocumentKind.IMAGE)
                for picture in pictures
            }
            found, failed = fingerprint_documents(list(files.values()), workers, on_progress)
            failures += failed
            for one in found:
                if one.page.page > 1:  # a dataset has the first page of a TIFF with several
                    continue
                file = files[one.page.document]
                origin = origins.get(nfc(file.path.stem))
                name, page = (file.name, 1) if origin is None else (f"{label}{origin.document}", origin.page)
                key = PageKey(name, page)
                if key in side_of:  # the same page in two splits is a leak, so both of its pictures are kept
                    key = PageKey(f"{split}: {file.name}", 1)
                prints.append(one.renamed(key))
                side_of[key], images[key] = split, file
    counts = {split: sum(side == split for side in side_of.values()) for split in SPLIT_NAMES if split in splits}
    leaks = find_leaks(prints, side_of, on_progress=on_progress)
    return SplitAudit(leaks, counts, images, tuple(failures), tuple(notes))


def _dataset_labels(datasets: Sequence[str | Path]) -> list[str]:
    """What the names of pages begin with: nothing for one dataset, else its folder, numbered where two agree."""
    if len(datasets) == 1:
        return [""]
    names = [find_data_yaml(one).parent.resolve().name for one in datasets]
    return [f"{name} ({k})/" if names.count(name) > 1 else f"{name}/" for k, name in enumerate(names, start=1)]


def _detector(config: AuditConfig, weights: Path | None) -> Engine | Annotations | None:
    """What the labels are compared with: the predictions in a file, a network, or nothing."""
    if config.detections:
        return read_annotations(Path(config.detections), "--detections")
    if weights is not None:
        imgsz = network_imgsz(weights, config.imgsz)
        return load_engine(weights, imgsz=imgsz, device=config.device, engine="auto")
    return None


def _divided(
    annotations: Annotations, document_of: Mapping[str, str], counts: Mapping[str, int]
) -> tuple[Annotations, Annotations]:
    """The annotations of pages that exist, and those of pages beyond the end of their document."""
    inside: Annotations = {}
    beyond: Annotations = {}
    for name, numbered in annotations.items():
        count = counts.get(document_of.get(name, ""))
        inside[name] = {number: page for number, page in numbered.items() if count is None or number <= count}
        late: dict[int, AnnotatedPage] = {n: page for n, page in numbered.items() if n not in inside[name]}
        if late:
            beyond[name] = late
    return inside, beyond


def _without_moved(findings: list[Finding]) -> list[Finding]:
    """Without the single labels of documents whose labels sit on other pages as a whole: one cause, one finding."""
    moved = {one.page.document for one in findings if one.suggested_offset}
    return [one for one in findings if one.suggested_offset or one.page.document not in moved]


def _detections(
    detector: Engine | Annotations,
    files: tuple[DocumentFile, ...],
    rules: ClassRules,
    workers: WorkerSettings,
    on_progress: ProgressCallback,
) -> dict[PageKey, Detections]:
    if isinstance(detector, dict):
        return _from_annotations(detector, rules, [file.name for file in files])
    if tuple(detector.class_names) != rules.classes:
        raise InputError(
            f"the weights know {', '.join(detector.class_names)}, the labels {', '.join(rules.classes)}",
            "Give weights that were trained on these classes, or set data.classes.",
        )
    return detect_documents(files, detector, workers, on_progress)


def _from_annotations(detected: Annotations, rules: ClassRules, documents: list[str]) -> dict[PageKey, Detections]:
    document_of = match_names(detected, documents).document_of
    found = {}
    for name, document in document_of.items():
        for number, page in detected[name].items():
            boxes = [
                clean_page(AnnotatedPage(page.size_wh, (mark,)), rules, document, number)[0] for mark in page.marks
            ]
            scores = [1.0 if mark.confidence is None else mark.confidence for mark in page.marks]
            kept = [(box, score) for box, score in zip(boxes, scores, strict=True) if len(box)]
            found[PageKey(document, number)] = Detections(
                np.concatenate([np.zeros((0, 4), np.float32), *[box.xyxy for box, _ in kept]]),
                np.concatenate([np.zeros(0, np.int64), *[box.class_ids for box, _ in kept]]),
                page.size_wh,
                np.array([score for _, score in kept], np.float32),
            )
    return found
