"""Single steps of preparing a dataset, each with a result of its own on disk: label files, and a split manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from docdetect.annotations.yolo import detections_to_yolo
from docdetect.config.schema import DataConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.split import PageKey, Split, missing_classes, split_from_csv, split_to_csv
from docdetect.documents.sources import page_stem
from docdetect.errors import InputError, OutputExistsError
from docdetect.files import read_text, write_json, write_text
from docdetect.prepare.manifest import is_current, published_folder
from docdetect.prepare.plan import (
    DatasetPlan,
    Sources,
    divide_into_folds,
    plan_dataset,
    read_sources,
    split_warnings,
    worker_settings,
)
from docdetect.prepare.report import (
    Report,
    count_pages,
    count_splits,
    measure_boxes,
    report_to_json,
    report_to_markdown,
)
from docdetect.workers.parts import WorkerSettings

_KIND = "labels"


@dataclass(frozen=True)
class StepResult:
    """What a step wrote.

    Attributes:
        path: file or folder.
        report: what is in it.
        unchanged: it was there already; no file was touched.
    """

    path: Path
    report: Report
    unchanged: bool


def write_labels(
    config: DataConfig, *, workers: WorkerSettings | None = None, on_progress: ProgressCallback = no_progress
) -> StepResult:
    """Annotations to YOLO label files: `<page>.txt` for every page of every document, empty where there is no mark.

    `config.labels` is the folder; classes.txt, report.json and report.md lie beside the labels.

    Raises:
        InputError: missing or contradictory inputs.
        OutputExistsError: the folder holds something else.
        OutputError: it cannot be written.
    """
    target = Path(config.labels)
    sources = read_sources(config, workers or worker_settings(config), on_progress)
    report = _labels_report(sources, config.classes)
    if is_current(target, _KIND, sources.inputs, overwrite=config.overwrite):
        return StepResult(target, report, unchanged=True)
    with published_folder(target, _KIND, sources.inputs) as folder:
        for key in sources.keys():  # noqa: SIM118 - not a mapping's keys
            page = sources.labels.pages.get(key)
            text = detections_to_yolo(page) if page is not None else ""
            write_text(folder / f"{page_stem(key.document, key.page)}.txt", text)
        write_text(folder / "classes.txt", "".join(f"{name}\n" for name in config.classes))
        write_json(folder / "report.json", report_to_json(report))
        write_text(folder / "report.md", report_to_markdown(report))
    return StepResult(target, report, unchanged=False)


def write_split(
    config: DataConfig, *, workers: WorkerSettings | None = None, on_progress: ProgressCallback = no_progress
) -> StepResult:
    """Divides the pages as the configuration says and writes the manifest to `config.split`, or one for each fold.

    Raises:
        InputError: missing or contradictory inputs; a manifest to apply again that does not fit.
        OutputExistsError: another split is there without `overwrite`, or a file that is no manifest.
        OutputError: it cannot be written.
    """
    target = Path(config.split)
    plan = plan_dataset(config, workers or worker_settings(config), on_progress)
    if config.folds:
        return _write_folds(config, plan)
    counts = count_splits(plan.split, plan.sources.labels.pages, config.classes)
    report = Report(
        classes=config.classes,
        splits=counts,
        sizes=(),
        failures=plan.sources.failures(),
        left_out=plan.left_out,
        warnings=(
            *split_warnings(plan.split),
            *missing_classes({entry.split: entry.marks for entry in counts}, config.classes),
        ),
    )
    unchanged = target.exists() and _is_same_split(target, plan.split, overwrite=config.overwrite)
    if not unchanged:
        write_text(target, split_to_csv(plan.split))
    return StepResult(target, report, unchanged)


def _write_folds(config: DataConfig, plan: DatasetPlan) -> StepResult:
    """A manifest for each fold, `split_fold_1.csv` beside where `split.csv` would be, to be applied with --manifest."""
    target = Path(config.split)
    ground_truth = plan.sources.labels.pages
    splits = divide_into_folds({row.key: row.group for row in plan.split.rows}, ground_truth, config)
    paths = [target.with_name(f"{target.stem}_fold_{number}{target.suffix}") for number in range(1, len(splits) + 1)]
    same = [
        path.exists() and _is_same_split(path, split, overwrite=config.overwrite)
        for path, split in zip(paths, splits, strict=True)
    ]
    for path, split, unchanged in zip(paths, splits, same, strict=True):
        if not unchanged:
            write_text(path, split_to_csv(split))
    parts = {f"fold {number}": _pages_in(split, "val") for number, split in enumerate(splits, start=1)}
    if config.test:
        parts["test"] = _pages_in(splits[0], "test")
    counts = tuple(count_pages(name, keys, ground_truth, config.classes) for name, keys in parts.items())
    warnings = missing_classes({entry.split: entry.marks for entry in counts}, config.classes)
    report = Report(
        classes=config.classes,
        splits=counts,
        sizes=(),
        failures=plan.sources.failures(),
        left_out=plan.left_out,
        warnings=tuple(warnings),
    )
    return StepResult(target.with_name(f"{target.stem}_fold_N{target.suffix}"), report, all(same))


def _pages_in(split: Split, name: str) -> list[PageKey]:
    return [row.key for row in split.rows if row.split == name]


def _labels_report(sources: Sources, classes: tuple[str, ...]) -> Report:
    pages = sources.labels.pages
    return Report(
        classes=classes,
        splits=(count_pages("all", sources.keys(), pages, classes),),
        sizes=measure_boxes(pages.values(), classes),
        removals=sources.labels.removals,
        failures=sources.failures(),
        warnings=sources.labels.warnings,
    )


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
