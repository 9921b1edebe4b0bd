"""Documents and annotations to a YOLO dataset: checked, split, drawn and reported, made whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from docdetect.annotations.yolo import detections_to_yolo
from docdetect.config.schema import DataConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.data_yaml import DATA_YAML, data_yaml_text
from docdetect.datasets.split import SPLIT_CSV, PageKey, Split, missing_classes, split_to_csv
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.drawing import encoded_image, write_image
from docdetect.documents.reader import Document
from docdetect.documents.sizes import POINTS_PER_INCH, AtDpi, RenderSize
from docdetect.documents.sources import page_stem
from docdetect.errors import InputError, problem_list
from docdetect.files import read_json, read_text, sha256_text, write_bytes, write_json, write_text
from docdetect.prepare.manifest import is_current, published_folder
from docdetect.prepare.plan import DatasetPlan, plan_from_sources, read_sources, split_warnings, worker_settings
from docdetect.prepare.report import (
    Report,
    count_splits,
    measure_boxes,
    report_from_json,
    report_to_json,
    report_to_markdown,
    write_plots,
)
from docdetect.prepare.visualize import draw_labels, write_contact_sheets
from docdetect.types import Detections, FailedPage
from docdetect.workers.parts import WorkerSettings

_KIND = "dataset"


@dataclass(frozen=True)
class Prepared:
    """A dataset on disk.

    Attributes:
        dataset: its folder.
        report: what it holds.
        unchanged: it was there already, made from the same inputs and settings; no file was touched.
    """

    dataset: Path
    report: Report
    unchanged: bool


def prepare(
    config: DataConfig,
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> Prepared:
    """Makes the dataset that the configuration describes, or finds that it is there already.

    Documents and pages that cannot be read are in the report; the rest becomes the dataset. The same inputs and
    settings give the same bytes.

    Raises:
        InputError: missing, contradictory or wholly unreadable inputs.
        OutputExistsError: the dataset's folder holds something else; see `docdetect.prepare.manifest.is_current`.
        OutputError: the dataset cannot be written.
    """
    workers = workers or worker_settings(config)
    target = Path(config.dataset)
    sources = read_sources(config, workers, on_progress)
    inputs = {**sources.inputs, "split": sha256_text(read_text(Path(config.manifest))) if config.manifest else None}
    if is_current(target, _KIND, inputs, overwrite=config.overwrite):  # asked before groups are looked for
        return Prepared(target, report_from_json(read_json(target / "report.json")), unchanged=True)
    plan = plan_from_sources(config, sources, workers, on_progress)
    with published_folder(target, _KIND, inputs) as folder:
        report = _build(folder, plan, config.classes, workers, on_progress)
    return Prepared(target, report, unchanged=False)


def _build(
    folder: Path, plan: DatasetPlan, classes: tuple[str, ...], workers: WorkerSettings, on_progress: ProgressCallback
) -> Report:
    hashes, failures = _make_pages(folder, plan, classes, workers, on_progress)
    split = plan.split.only(hashes)
    ground_truth = {key: page for key, page in plan.sources.labels.pages.items() if key in hashes}
    counts = count_splits(split, ground_truth, classes)
    report = Report(
        classes=classes,
        splits=counts,
        sizes=measure_boxes(ground_truth.values(), classes),
        removals=plan.sources.labels.removals,
        failures=(*plan.sources.failures(), *failures),
        left_out=plan.left_out,
        warnings=(
            *plan.sources.labels.warnings,
            *split_warnings(split),
            *missing_classes({entry.split: entry.marks for entry in counts}, classes),
            *_same_images(split, hashes),
        ),
    )
    for name in ("train", "val"):
        (folder / "images" / name).mkdir(parents=True, exist_ok=True)
        (folder / "labels" / name).mkdir(parents=True, exist_ok=True)
    sides = ("train", "val", "test") if "test" in split.names() else ("train", "val")
    write_text(folder / DATA_YAML, data_yaml_text(classes, {side: [f"images/{side}"] for side in sides}))
    write_text(folder / SPLIT_CSV, split_to_csv(split))
    for name in split.names():
        write_contact_sheets(folder / "vis", name)
    write_report(folder, report, ground_truth)
    return report


def write_report(folder: Path, report: Report, ground_truth: Mapping[PageKey, Detections]) -> None:
    """report.json, report.md and its plots in report/. Raises OutputError."""
    pictures = write_plots(folder / "report", report.splits, ground_truth.values(), report.classes)
    write_json(folder / "report.json", report_to_json(report))
    listed = [(caption, f"report/{name}") for caption, name in pictures]
    write_text(folder / "report.md", report_to_markdown(report, listed))


def _make_pages(
    folder: Path, plan: DatasetPlan, classes: tuple[str, ...], workers: WorkerSettings, on_progress: ProgressCallback
) -> tuple[dict[PageKey, str], list[FailedPage]]:
    """Image, label and picture of every page -> the SHA-256 of each image's bytes, and what failed.

    Raises:
        InputError: not a single page could be rendered.
    """
    maker = _PageMaker(folder, plan.sizes, plan.split.sides(), plan.sources.labels.pages, classes)
    hashes: dict[PageKey, str] = {}
    failures: list[FailedPage] = []
    for outcome in iter_pages(plan.files(), maker, workers):
        if not isinstance(outcome, PageOutcome):
            if outcome.failure is not None:
                failures.append(FailedPage(outcome.file.name, None, outcome.failure))
            continue
        key = PageKey(outcome.file.name, outcome.number)
        if key not in plan.sizes:
            continue
        if outcome.value is not None:
            hashes[key] = outcome.value
        elif outcome.failure is not None:
            failures.append(FailedPage(key.document, key.page, outcome.failure))
        on_progress(len(hashes) + len(failures), len(plan.sizes), str(key))
    if not hashes:
        raise InputError(
            problem_list("none of the pages could be rendered", [str(failed) for failed in failures]),
            "Open one of the documents in a viewer; if that works, print it to a new PDF.",
        )
    return hashes, failures


@dataclass(frozen=True)
class _PageMaker:
    """The PageWork that writes one page's image, label and picture; returns the hash of the image file."""

    folder: Path
    sizes: Mapping[PageKey, RenderSize]
    sides: Mapping[PageKey, str]
    ground_truth: Mapping[PageKey, Detections]
    classes: tuple[str, ...]

    def __call__(self, document: Document, number: int) -> str | None:
        name = document.page_info(number, AtDpi(POINTS_PER_INCH)).document
        key = PageKey(name, number)
        if key not in self.sizes:
            return None
        page = document.render(number, self.sizes[key])
        stem, side = page_stem(name, number), self.sides[key]
        text = detections_to_yolo(self.ground_truth[key]) if key in self.ground_truth else ""
        image = encoded_image(".png", page.pixels)
        write_bytes(self.folder / "images" / side / f"{stem}.png", image)
        write_text(self.folder / "labels" / side / f"{stem}.txt", text)
        write_image(self.folder / "vis" / side / f"{stem}.jpg", draw_labels(page.pixels, text, self.classes, stem))
        return hashlib.sha256(image).hexdigest()


def _same_images(split: Split, hashes: Mapping[PageKey, str]) -> Iterable[str]:
    """A sentence for each page outside training whose image is, to the pixel, one of training's."""
    sides = split.sides()
    trained = {hashes[key]: key for key in sorted(hashes, reverse=True) if sides[key] == "train"}
    return [
        f"{key} ({sides[key]}) is the same picture as {trained[hashes[key]]} (train)"
        for key in sorted(hashes)
        if sides[key] != "train" and hashes[key] in trained
    ]
