"""`docdetect prepare`."""

from __future__ import annotations

from typing import Annotated

import typer

from docdetect.cli.options import ConfigOption, SetOption, console_of, resolve


def prepare(
    context: typer.Context,
    pdfs: Annotated[str | None, typer.Option(help="Folder of documents (data/raw/pdfs).")] = None,
    annotations: Annotated[str | None, typer.Option(help="JSON annotations (data/raw/annotations.json).")] = None,
    dataset: Annotated[str | None, typer.Option(help="Where the dataset goes (data/datasets/main).")] = None,
    val: Annotated[float | None, typer.Option(help="Share of the pages for validation (0.1).")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the split (42).")] = None,
    test: Annotated[float | None, typer.Option(help="Share of the pages for a test split (0).")] = None,
    by: Annotated[str | None, typer.Option(metavar="group|document|page", help="What stays together (group).")] = None,
    manifest: Annotated[str | None, typer.Option(help="A split.csv to apply again instead of a new split.")] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="annotations|dpi|long_side", help="How large pages are rendered (annotations)."),
    ] = None,
    empty: Annotated[
        str | None,
        typer.Option(metavar="keep|drop|NUMBER", help="Pages without marks; NUMBER: so many per marked page (keep)."),
    ] = None,
    class_map: Annotated[
        list[str] | None, typer.Option("--map", metavar="CATEGORY=CLASS", help="seal=stamp, logo=null; repeatable.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes (0: one per core).")] = None,
    overwrite: Annotated[bool | None, typer.Option("--overwrite", help="Replace a dataset made otherwise.")] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Documents and annotations to a checked, split, drawn YOLO dataset.

    Doing it again with the same inputs and settings changes nothing.
    """
    from docdetect.cli.dataset_summary import class_map_of, empty_of, raise_failures, show_report, summary_of
    from docdetect.prepare.dataset import prepare as make_dataset

    flags: dict[str, object] = {
        "data.pdfs": pdfs,
        "data.annotations": annotations,
        "data.dataset": dataset,
        "data.val": val,
        "data.seed": seed,
        "data.test": test,
        "data.split_by": by,
        "data.manifest": manifest,
        "data.size": size,
        "data.empty": empty_of(empty),
        "data.workers": workers,
        "data.overwrite": overwrite,
    }
    configured = resolve(config, assignments, {}).data
    resolved = resolve(config, assignments, {**flags, "data.class_map": class_map_of(configured, class_map)}).data
    console = console_of(context)
    with console.progress("prepare") as on_progress:
        prepared = make_dataset(resolved, on_progress=on_progress)
    show_report(console, prepared.report, "Dataset")
    done = "unchanged: made from the same inputs and settings" if prepared.unchanged else "report in report.md"
    console.info(f"{prepared.dataset}: {done}")
    outcome = {"dataset": str(prepared.dataset), "unchanged": prepared.unchanged}
    console.summary(outcome | summary_of(prepared.report))
    raise_failures(prepared.report.failures, str(prepared.dataset))
