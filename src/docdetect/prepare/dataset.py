"""Documents and annotations to a YOLO dataset (`prepare`), or to one part of it (`labels`, `split`).

All three read the same sources, decide by the same plan and report in the same way; each result is made whole or not at
all, and never over somebody else's work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docdetect.annotations.yolo import detections_to_yolo
from docdetect.config.schema import DataConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.data_yaml import DATA_YAML, data_yaml_text
from docdetect.datasets.ground_truth import GroundTruth, worker_settings
from docdetect.datasets.labelled import write_rules
from docdetect.datasets.pages_for_tests import TEST_PAGES_CSV, pages_for_tests_text
from docdetect.datasets.split import (
    SPLIT_CSV,
    PageKey,
    Split,
    missing_classes,
    split_from_csv,
    split_to_csv,
)
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.document import Document
from docdetect.documents.drawing import draw_detections, encoded_image, write_image
from docdetect.documents.page_names import page_stem
from docdetect.documents.pictures import read_picture
from docdetect.documents.sizes import POINTS_PER_INCH, AtDpi, RenderSize
from docdetect.errors import InputError, OutputExistsError, problem_list
from docdetect.files import as_argument, read_json, read_text, sha256_text, write_bytes, write_json, write_text
from docdetect.prepare.growth import Base, carried_label, read_base
from docdetect.prepare.manifest import is_current, published_folder
from docdetect.prepare.plan import DatasetPlan, divide_into_folds, plan_dataset, read_sources, split_warnings
from docdetect.prepare.report import (
    Report,
    SplitCounts,
    count_pages,
    count_splits,
    measure_boxes,
    report_from_json,
    report_to_json,
    report_to_markdown,
    write_plots,
)
from docdetect.prepare.visualize import thumbnail, write_contact_sheets
from docdetect.types import Detections, FailedPage
from docdetect.workers.parts import WorkerSettings


@dataclass(frozen=True)
class Made:
    """What a command of this module made.

    Attributes:
        path: file or folder.
        report: what is in it.
        unchanged: it was there already, made from the same inputs and settings; no file was touched.
        next_steps: sentences for people: what to look at, and the next command.
    """

    path: Path
    report: Report
    unchanged: bool
    next_steps: tuple[str, ...] = ()


def prepare(
    config: DataConfig,
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> Made:
    """Makes the dataset that the configuration describes, or finds that it is there already.

    Documents and pages that cannot be read are in the report; the rest becomes the dataset. The same inputs and
    settings give the same bytes. With `add_to` the pages are added to a dataset, whose pages keep their splits; where
    that is the folder of the result, the dataset grows in place, and adding the same pages again changes nothing.

    Raises:
        InputError: missing, contradictory or wholly unreadable inputs.
        OutputExistsError: the dataset's folder holds something else; see `docdetect.prepare.manifest.is_current`.
        OutputError: the dataset cannot be written.
    """
    workers = workers or worker_settings(config)
    target = Path(config.dataset)
    # Before the documents are read, which may take hours.
    base = read_base(Path(config.add_to), config.classes, on_progress) if config.add_to else None
    sources = read_sources(config, workers, on_progress)
    inputs = {**sources.inputs, "split": sha256_text(read_text(Path(config.manifest))) if config.manifest else None}
    if config.test_pages:
        inputs["test_pages"] = sha256_text(read_text(Path(config.test_pages)))
    in_place = base is not None and base.folder.resolve() == target.resolve()
    if base is not None:
        added = inputs in base.rounds
        inputs = base.inputs if added else {"rounds": [*base.rounds, inputs]}
    # Before groups are looked for. A dataset that grows in place holds what it held before, so nothing is lost.
    unchanged = is_current(target, "dataset", inputs, overwrite=config.overwrite or in_place)
    if unchanged:
        report = report_from_json(read_json(target / "report.json"))
    else:
        plan = plan_dataset(config, sources.ground_truth, workers, on_progress, base=base)
        with published_folder(target, "dataset", inputs) as folder:
            report = _build(folder, plan, config.classes, workers, on_progress)
    steps = (
        f"look at {target / 'report.md'} and at the contact sheets {target / 'vis' / 'contact_*.jpg'}",
        f"next: docdetect train --data {as_argument(target / DATA_YAML)}",
    )
    return Made(target, report, unchanged, steps)


def write_labels(
    config: DataConfig, *, workers: WorkerSettings | None = None, on_progress: ProgressCallback = no_progress
) -> Made:
    """Annotations to YOLO label files: `<page>.txt` for every page of every document, empty where there is no mark.

    `config.labels` is the folder; classes.txt, report.json and report.md lie beside the labels.

    Raises:
        InputError: missing or contradictory inputs.
        OutputExistsError: the folder holds something else.
        OutputError: it cannot be written.
    """
    target = Path(config.labels)
    sources = read_sources(config, workers or worker_settings(config), on_progress)
    ground_truth, classes = sources.ground_truth, config.classes
    keys = ground_truth.keys()
    report = _report(
        ground_truth, classes, (count_pages("all", keys, ground_truth.pages, classes),), ground_truth.pages
    )
    unchanged = is_current(target, "labels", sources.inputs, overwrite=config.overwrite)
    if not unchanged:
        with published_folder(target, "labels", sources.inputs) as folder:
            for key in keys:
                write_text(folder / f"{page_stem(key.document, key.page)}.txt", _label_text(key, ground_truth.pages))
            write_text(folder / "classes.txt", "".join(f"{name}\n" for name in classes))
            write_json(folder / "report.json", report_to_json(report))
            write_text(folder / "report.md", report_to_markdown(report))
    steps = (f"look at {target / 'report.md'}", "next: docdetect prepare makes a whole dataset of documents and labels")
    return Made(target, report, unchanged, steps)


def write_split(
    config: DataConfig, *, workers: WorkerSettings | None = None, on_progress: ProgressCallback = no_progress
) -> Made:
    """Divides the pages as the configuration says and writes the manifest to `config.split`.

    With `config.folds` there is a manifest for each fold, `split_fold_1.csv` and on.

    Raises:
        InputError: missing or contradictory inputs; a manifest to apply again that does not fit.
        OutputExistsError: another split is there without `overwrite`, or a file that is no manifest.
        OutputError: it cannot be written.
    """
    target, classes = Path(config.split), config.classes
    workers = workers or worker_settings(config)
    plan = plan_dataset(config, read_sources(config, workers, on_progress).ground_truth, workers, on_progress)
    pages = plan.ground_truth.pages
    if config.folds:
        splits = divide_into_folds({row.key: row.group for row in plan.split.rows}, pages, config)
        paths = [target.with_name(f"{target.stem}_fold_{fold}{target.suffix}") for fold in range(1, len(splits) + 1)]
        parts = {f"fold {fold}": split.only_in("val") for fold, split in enumerate(splits, start=1)}
        parts |= {"test": splits[0].only_in("test")} if config.test else {}
        counts = tuple(count_pages(name, keys, pages, classes) for name, keys in parts.items())
        warnings = missing_classes({entry.split: entry.marks for entry in counts}, classes)
        shown = target.with_name(f"{target.stem}_fold_N{target.suffix}")
    else:
        splits, paths, shown = (plan.split,), [target], target
        counts = count_splits(plan.split, pages, classes)
        warnings = split_warnings(plan.split, pages, classes)
    same = [
        path.exists() and _is_same_split(path, split, overwrite=config.overwrite)
        for path, split in zip(paths, splits, strict=True)
    ]
    for path, split, unchanged in zip(paths, splits, same, strict=True):
        if not unchanged:
            write_text(path, split_to_csv(split))
    report = _report(plan.ground_truth, classes, counts, {}, warnings=warnings, left_out=plan.left_out)
    return Made(shown, report, all(same), (f"next: docdetect prepare --manifest {as_argument(paths[0])}",))


def _report(
    ground_truth: GroundTruth,
    classes: tuple[str, ...],
    counts: tuple[SplitCounts, ...],
    measured: Mapping[PageKey, Detections],
    *,
    failures: Sequence[FailedPage] = (),
    warnings: Iterable[str] = (),
    left_out: int = 0,
) -> Report:
    """The report on what was made; `measured` are the pages whose boxes it measures."""
    return Report(
        classes=classes,
        splits=counts,
        sizes=measure_boxes(measured.values(), classes),
        removals=ground_truth.removals,
        failures=(*ground_truth.failures(), *failures),
        left_out=left_out,
        warnings=(*ground_truth.unmatched_warnings(), *ground_truth.warnings, *warnings),
        unlisted=ground_truth.unlisted,
        missing=ground_truth.missing,
    )


def _build(
    folder: Path, plan: DatasetPlan, classes: tuple[str, ...], workers: WorkerSettings, on_progress: ProgressCallback
) -> Report:
    made, failures = _make_pages(folder, plan, classes, workers, on_progress)
    pages = {key: page for key, page in plan.ground_truth.pages.items() if key in made}
    if plan.base is not None:
        carried = sorted(plan.base.rows.keys() - made.keys())
        made |= _carry_pages(folder, plan.base, carried, classes, on_progress)
        pages |= {key: plan.base.images[key].ground_truth for key in carried}
    split = plan.split.only(made)
    hashes = {key: page.sha256 for key, page in made.items()}
    labelled_pages = _labelled_pages(plan, split, classes)
    report = _report(
        plan.ground_truth,
        classes,
        count_splits(split, pages, classes),
        pages,
        failures=failures,
        warnings=[
            *plan.notes,
            *_partial_warnings(labelled_pages, classes),
            *split_warnings(split, pages, classes),
            *_same_images(split, hashes),
        ],
        left_out=plan.left_out,
    )
    for side in ("train", "val"):
        (folder / "images" / side).mkdir(parents=True, exist_ok=True)
        (folder / "labels" / side).mkdir(parents=True, exist_ok=True)
    sides = ("train", "val", "test") if "test" in split.names() else ("train", "val")
    places = {side: [f"images/{side}"] for side in sides}
    labelled = write_rules(folder, labelled_pages, classes)
    write_text(folder / DATA_YAML, data_yaml_text(classes, places, labelled=labelled))
    write_text(folder / SPLIT_CSV, split_to_csv(split))
    if tests := plan.tests & made.keys():
        write_text(folder / TEST_PAGES_CSV, pages_for_tests_text(tests))
    for side in split.names():
        pictures = {page_stem(key.document, key.page): made[key].thumbnail for key in split.only_in(side)}
        write_contact_sheets(folder / "vis", side, pictures)
    plots = write_plots(folder / "report", report.splits, pages.values(), classes)
    write_json(folder / "report.json", report_to_json(report))
    write_text(
        folder / "report.md", report_to_markdown(report, [(caption, f"report/{name}") for caption, name in plots])
    )
    return report


def _labelled_pages(plan: DatasetPlan, split: Split, classes: tuple[str, ...]) -> dict[str, frozenset[int] | None]:
    """Picture -> ids of the classes that are labelled on it, None for all; empty where nothing is said of any page."""
    if plan.rules is None and plan.base is None:
        return {}

    def labelled_on(key: PageKey) -> frozenset[int] | None:
        if key in plan.sizes or plan.base is None:
            return None if plan.rules is None else plan.rules.ids_at(key.document, classes)
        return plan.base.images[key].labelled

    return {
        f"images/{side}/{page_stem(key.document, key.page)}.png": labelled_on(key)
        for key, side in split.sides().items()
    }


def _partial_warnings(places: Mapping[str, frozenset[int] | None], classes: tuple[str, ...]) -> list[str]:
    """A sentence about the pages on which only some classes are labelled, if there are any."""
    partial = [ids for ids in places.values() if ids is not None]
    if not partial:
        return []
    counts = {name: sum(one not in ids for ids in partial) for one, name in enumerate(classes)}
    told = ", ".join(f"{name} on {count}" for name, count in counts.items() if count)
    return [
        f"not labelled, as data.labelled says, of {len(places)} pages: {told}; there these classes are neither learnt "
        "nor scored, whatever marks of them the annotations have"
    ]


@dataclass(frozen=True)
class _MadePage:
    """One page of the dataset: the SHA-256 of its image file, and a JPEG of it for the contact sheet."""

    sha256: str
    thumbnail: bytes


def _make_pages(
    folder: Path, plan: DatasetPlan, classes: tuple[str, ...], workers: WorkerSettings, on_progress: ProgressCallback
) -> tuple[dict[PageKey, _MadePage], list[FailedPage]]:
    """Image, label and drawing of every page -> what was made, and what failed.

    Raises:
        InputError: not a single page could be rendered.
    """
    maker = _PageMaker(folder, plan.sizes, plan.split.sides(), plan.ground_truth.pages, classes)
    made: dict[PageKey, _MadePage] = {}
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
            made[key] = outcome.value
        elif outcome.failure is not None:
            failures.append(FailedPage(key.document, key.page, outcome.failure))
        on_progress(len(made) + len(failures), len(plan.sizes), str(key))
    if not made:
        raise InputError(
            problem_list("none of the pages could be rendered", map(str, failures)),
            "Open one of the documents in a viewer; if that works, print it to a new PDF.",
        )
    return made, failures


def _carry_pages(
    folder: Path, base: Base, keys: Sequence[PageKey], classes: tuple[str, ...], on_progress: ProgressCallback
) -> dict[PageKey, _MadePage]:
    """Copies pages of a dataset, with their labels and drawings, into a folder; see `_make_pages`."""
    carried = {}
    for done, key in enumerate(keys, start=1):
        image, side, stem = base.images[key], base.rows[key].split, page_stem(key.document, key.page)
        picture = image.path.read_bytes()
        pixels = read_picture(image.path).pixels
        write_bytes(folder / "images" / side / f"{stem}.png", picture)
        write_text(folder / "labels" / side / f"{stem}.txt", carried_label(image))
        write_image(folder / "vis" / side / f"{stem}.jpg", draw_detections(pixels, image.ground_truth, classes))
        digest = hashlib.sha256(picture).hexdigest()
        carried[key] = _MadePage(digest, thumbnail(pixels, image.ground_truth, classes))
        on_progress(done, len(keys), f"kept {key}")
    return carried


@dataclass(frozen=True)
class _PageMaker:
    """The PageWork that writes the image, the label file and the drawing of one page."""

    folder: Path
    sizes: Mapping[PageKey, RenderSize]
    sides: Mapping[PageKey, str]
    ground_truth: Mapping[PageKey, Detections]
    classes: tuple[str, ...]

    def __call__(self, document: Document, number: int) -> _MadePage | None:
        name = document.page_info(number, AtDpi(POINTS_PER_INCH)).document
        key = PageKey(name, number)
        if key not in self.sizes:
            return None
        page = document.render(number, self.sizes[key])
        stem, side = page_stem(name, number), self.sides[key]
        boxes = self.ground_truth.get(key, Detections.none(page.info.size_wh, scored=False))
        image = encoded_image(".png", page.pixels)
        write_bytes(self.folder / "images" / side / f"{stem}.png", image)
        write_text(self.folder / "labels" / side / f"{stem}.txt", _label_text(key, self.ground_truth))
        write_image(self.folder / "vis" / side / f"{stem}.jpg", draw_detections(page.pixels, boxes, self.classes))
        return _MadePage(hashlib.sha256(image).hexdigest(), thumbnail(page.pixels, boxes, self.classes))


def _label_text(key: PageKey, ground_truth: Mapping[PageKey, Detections]) -> str:
    """The YOLO label text of a page; "" where the annotations list no mark on it."""
    return detections_to_yolo(ground_truth[key]) if key in ground_truth else ""


def _same_images(split: Split, hashes: Mapping[PageKey, str]) -> Iterable[str]:
    """A sentence for each page outside training whose image is, to the pixel, an image of the training split."""
    sides = split.sides()
    trained = {hashes[key]: key for key in sorted(hashes, reverse=True) if sides[key] == "train"}
    return [
        f"{key} ({sides[key]}) is the same picture as {trained[hashes[key]]} (train)"
        for key in sorted(hashes)
        if sides[key] != "train" and hashes[key] in trained
    ]


def _is_same_split(target: Path, split: Split, *, overwrite: bool) -> bool:
    """Whether `target` holds this split; False when it holds another one that may be replaced."""
    try:
        present = split_from_csv(read_text(target), str(target)) if target.is_file() else None
    except InputError:
        present = None
    if present is None:
        raise OutputExistsError(
            f"{target}: exists and is no split manifest", "It is not touched, not even with --overwrite."
        )
    if present != split and not overwrite:
        raise OutputExistsError(
            f"{target}: another split is there", "Add --overwrite to replace it, or --manifest to apply it again."
        )
    return present == split
