"""`docdetect labels`, `docdetect split` and `docdetect visualize`: the steps of `prepare`, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from docdetect.cli.options import ConfigOption, SetOption, console_of, resolve

if TYPE_CHECKING:
    from docdetect.config.schema import DataConfig
    from docdetect.prepare.steps import StepResult

PdfsOption: TypeAlias = Annotated[str | None, typer.Option(help="Folder of documents (data/raw/pdfs).")]
AnnotationsOption: TypeAlias = Annotated[str | None, typer.Option(help="JSON annotations (data/raw/annotations.json).")]
MapOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--map", metavar="CATEGORY=CLASS", help="seal=stamp, logo=null; repeatable.")
]
OverwriteOption: TypeAlias = Annotated[bool | None, typer.Option("--overwrite", help="Replace an earlier result.")]


def labels(
    context: typer.Context,
    pdfs: PdfsOption = None,
    annotations: AnnotationsOption = None,
    output: Annotated[str | None, typer.Option(help="Folder of label files (data/labels).")] = None,
    class_map: MapOption = None,
    overwrite: OverwriteOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """JSON annotations to YOLO label files, cleaned, with a report of what was removed."""
    from docdetect.prepare.steps import write_labels

    flags: dict[str, object] = {
        "data.pdfs": pdfs,
        "data.annotations": annotations,
        "data.labels": output,
        "data.overwrite": overwrite,
    }
    resolved = _resolved(config, assignments, flags, class_map)
    with console_of(context).progress("labels") as on_progress:
        result = write_labels(resolved, on_progress=on_progress)
    _finish(context, result, "Labels")


def split(
    context: typer.Context,
    pdfs: PdfsOption = None,
    annotations: AnnotationsOption = None,
    output: Annotated[str | None, typer.Option(help="The manifest (data/split.csv).")] = None,
    val: Annotated[float | None, typer.Option(help="Share of the pages for validation (0.1).")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the split (42).")] = None,
    test: Annotated[float | None, typer.Option(help="Share of the pages for a test split (0).")] = None,
    by: Annotated[str | None, typer.Option(metavar="group|document|page", help="What stays together (group).")] = None,
    folds: Annotated[
        int | None, typer.Option(help="So many manifests, each fold being val once (0: one split).")
    ] = None,
    manifest: Annotated[str | None, typer.Option(help="A split.csv to check and apply again.")] = None,
    empty: Annotated[
        str | None,
        typer.Option(metavar="keep|drop|NUMBER", help="Pages without marks; NUMBER: so many per marked page (keep)."),
    ] = None,
    class_map: MapOption = None,
    overwrite: OverwriteOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Divide groups, documents or pages into training and validation, the same on every platform."""
    from docdetect.cli.dataset_summary import empty_of
    from docdetect.prepare.steps import write_split

    flags: dict[str, object] = {
        "data.pdfs": pdfs,
        "data.annotations": annotations,
        "data.split": output,
        "data.val": val,
        "data.seed": seed,
        "data.test": test,
        "data.folds": folds,
        "data.split_by": by,
        "data.manifest": manifest,
        "data.empty": empty_of(empty),
        "data.overwrite": overwrite,
    }
    resolved = _resolved(config, assignments, flags, class_map)
    with console_of(context).progress("split") as on_progress:
        result = write_split(resolved, on_progress=on_progress)
    _finish(context, result, "Split")


def visualize(
    context: typer.Context,
    dataset: Annotated[str | None, typer.Option(help="A YOLO dataset or its data.yaml (data/datasets/main).")] = None,
    output: Annotated[str | None, typer.Option(help="Folder of the pictures (vis/ in the dataset).")] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Draw the true boxes on every page of a YOLO dataset, and contact sheets."""
    from pathlib import Path

    from docdetect.cli.dataset_summary import raise_failures
    from docdetect.datasets.reader import list_dataset
    from docdetect.prepare.plan import worker_settings
    from docdetect.prepare.visualize import visualize_dataset

    resolved = resolve(config, assignments, {"data.dataset": dataset, "data.vis": output}).data
    console = console_of(context)
    yolo = list_dataset(resolved.dataset)
    target = Path(resolved.vis) if resolved.vis else yolo.root / "vis"
    with console.progress("visualize") as on_progress:
        drawn = visualize_dataset(yolo, target, worker_settings(resolved), on_progress)
    for note in drawn.notes:
        console.warn(note)
    console.info(f"{target}: {drawn.pages} pages drawn, {len(drawn.sheets)} contact sheets")
    failed = [{"image": failure.document, "message": failure.failure.message} for failure in drawn.failures]
    sheets = [str(path) for path in drawn.sheets]
    console.summary({"output": str(target), "pages": drawn.pages, "sheets": sheets, "failures": failed})
    raise_failures(drawn.failures, str(target))


def _resolved(
    config: str | None, assignments: list[str] | None, flags: Mapping[str, object], class_map: list[str] | None
) -> DataConfig:
    from docdetect.cli.dataset_summary import class_map_of

    configured = resolve(config, assignments, {}).data
    return resolve(config, assignments, {**flags, "data.class_map": class_map_of(configured, class_map)}).data


def _finish(context: typer.Context, result: StepResult, title: str) -> None:
    from docdetect.cli.dataset_summary import raise_failures, show_report, summary_of

    console = console_of(context)
    show_report(console, result.report, title)
    console.info(f"{result.path}: {'unchanged' if result.unchanged else 'written'}")
    console.summary({"output": str(result.path), "unchanged": result.unchanged} | summary_of(result.report))
    raise_failures(result.report.failures, str(result.path))
