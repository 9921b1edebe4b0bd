"""`docdetect infer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from docdetect.cli.options import ConfigOption, SetOption, console_of, resolve

if TYPE_CHECKING:
    from docdetect.config.schema import Config
    from docdetect.console import Console
    from docdetect.inference.results import InferReport

_SHOWN_FAILURES = 20


def infer(
    context: typer.Context,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH", help="A folder, file, quoted glob, .txt of paths, or - (paths on stdin); repeatable."
        ),
    ] = None,
    output: Annotated[str | None, typer.Option(help="Result folder (runs/infer/infer_<timestamp>).")] = None,
    weights: Annotated[str | None, typer.Option(help="Weights (those in the box); last: the newest run's.")] = None,
    conf: Annotated[
        float | None, typer.Option(help="Lowest confidence that counts (the weights' thresholds by class, else 0.15).")
    ] = None,
    grouping: Annotated[str | None, typer.Option(help="default, seed, or none.")] = None,
    group_dist: Annotated[float | None, typer.Option(help="px between centres, in the seed's grouping (50).")] = None,
    group_iou: Annotated[float | None, typer.Option(help="IoU above which boxes become one (0.2).")] = None,
    group_contain: Annotated[float | None, typer.Option(help="Share inside another box, likewise (0.6).")] = None,
    no_group: Annotated[bool | None, typer.Option("--no-group", help="Every raw box is a mark.")] = None,
    save_pages: Annotated[bool | None, typer.Option("--save-pages/--no-save-pages", help="Draw every page.")] = None,
    save_crops: Annotated[bool | None, typer.Option("--save-crops", help="Cut out every mark.")] = None,
    save_pdf: Annotated[
        bool | None, typer.Option("--save-pdf", help="Copy every PDF with its marks as annotations.")
    ] = None,
    read_codes: Annotated[bool | None, typer.Option("--codes/--no-codes", help="Read what QR codes say.")] = None,
    formats: Annotated[
        str | None, typer.Option("--format", metavar="NAME,...", help="json,csv,jsonl,coco,yolo,parquet.")
    ] = None,
    include: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Only such documents; repeatable.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="No such documents; repeatable.")] = None,
    password: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Tried on encrypted PDFs; repeatable. Others may see it: prefer a file."),
    ] = None,
    password_file: Annotated[str | None, typer.Option(metavar="FILE", help="Passwords, one on each line.")] = None,
    require: Annotated[
        str | None, typer.Option(metavar="CLASS,...", help="List the documents that lack one of these classes.")
    ] = None,
    fail_on_missing: Annotated[
        bool | None, typer.Option("--fail-on-missing", help="Exit code 7 when a document lacks one.")
    ] = None,
    imgsz: Annotated[int | None, typer.Option(help="Long side of the page, px (as the weights were trained).")] = None,
    dpi: Annotated[int | None, typer.Option(help="px/inch of the page that boxes of PDFs refer to (200).")] = None,
    rotations: Annotated[
        str | None, typer.Option(help="Look at pages on their side turned, too: auto, off; all: every page, 4 ways.")
    ] = None,
    tile: Annotated[
        str | None, typer.Option(help="Look at drawings larger than A3 in tiles, too: auto or off.")
    ] = None,
    trim: Annotated[str | None, typer.Option(help="Leave out blank borders of pages, on CPUs: auto or off.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pages per call of the model (0: what suits the engine).")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, a GPU's number, or several (0,1).")] = None,
    engine: Annotated[str | None, typer.Option(help="auto, openvino, onnx, torch, tensorrt.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32, bf16, fp16, int8.")] = None,
    workers: Annotated[int | None, typer.Option(help="Rendering processes (one per core).")] = None,
    doc_timeout: Annotated[float | None, typer.Option(help="Seconds that a page may take to render (120).")] = None,
    doc_memory: Annotated[int | None, typer.Option(help="MiB that a document may take to render (4096).")] = None,
    overwrite: Annotated[bool | None, typer.Option("--overwrite", help="Replace the results in --output.")] = None,
    resume: Annotated[bool | None, typer.Option("--resume", help="Go on from the results in --output.")] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Find marks in a folder of PDFs and images.

    Results: detections.json (the format of annotations.json), detections.csv, detections.jsonl, documents.csv,
    summary.json and pages/ with the marks drawn. Exit code 7: finished, and some documents failed.
    """
    from docdetect.inference.run import infer as find_marks

    flags: dict[str, object] = {
        "infer.source": source or None,
        "infer.output": output,
        "infer.weights": weights,
        "infer.conf": conf,
        "grouping.method": "none" if no_group else grouping,
        "grouping.dist": group_dist,
        "grouping.iou": group_iou,
        "grouping.contain": group_contain,
        "infer.save_pages": save_pages,
        "infer.save_crops": save_crops,
        "infer.save_pdf": save_pdf,
        "infer.read_codes": read_codes,
        "infer.formats": _listed(formats),
        "infer.include": include or None,
        "infer.exclude": exclude or None,
        "infer.passwords": password or None,
        "infer.password_file": password_file,
        "infer.require": _listed(require),
        "infer.fail_on_missing": fail_on_missing,
        "infer.imgsz": imgsz,
        "infer.dpi": dpi,
        "infer.rotations": rotations,
        "infer.tile": tile,
        "infer.trim": trim,
        "infer.batch": batch,
        "infer.device": device,
        "infer.engine": engine,
        "infer.precision": precision,
        "infer.workers": workers,
        "infer.doc_timeout_s": doc_timeout,
        "infer.doc_memory_mb": doc_memory,
        "infer.overwrite": overwrite,
        "infer.resume": resume,
    }
    resolved = resolve(config, assignments, flags)
    console = console_of(context)
    if group_dist is not None and resolved.grouping.method != "seed":
        console.warn("--group-dist acts in the seed's grouping only: add --grouping seed")
    with console.progress("infer") as on_progress:
        report = find_marks(resolved, on_progress, console.info)
    _show(console, report)
    _raise_what_failed(resolved, report)


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _show(console: Console, report: InferReport) -> None:
    from docdetect.inference.results import summary_of
    from docdetect.types import DocumentStatus

    totals = report.totals
    for row in totals.failures[:_SHOWN_FAILURES]:
        where = row.document if row.page is None else f"{row.document}, page {row.page}"
        console.warn(f"{where}: {row.failure.kind.value}: {row.failure.message}")
    if len(totals.failures) > _SHOWN_FAILURES:
        console.warn(f"and {len(totals.failures) - _SHOWN_FAILURES} more: see {report.output / 'summary.json'}")
    for document, failure in list(report.without_copy.items())[:_SHOWN_FAILURES]:
        console.warn(f"{document}: no marked copy: {failure.kind.value}: {failure.message}")
    for document, missing in list(report.lacking.items())[:_SHOWN_FAILURES]:
        console.warn(f"{document}: no {', '.join(missing)}")
    rows = [[name, totals.raw[name], totals.marks[name]] for name in totals.class_names]
    rows.append(["all", totals.raw.total(), totals.marks.total()])
    console.table("Marks", ["class", "raw", "grouped"], rows)
    failed_pages = sum(len(row.failed_pages) for row in totals.documents)
    counts = [totals.with_status(status) for status in (DocumentStatus.PARTIAL, DocumentStatus.FAILED)]
    figures = [len(totals.documents), *counts, totals.pages, failed_pages, f"{report.pages_per_s:.2f}"]
    heads = ["documents", "in part", "failed", "pages", "pages failed", "pages/s"]
    console.table("Run", heads, [figures])
    if report.required:
        console.info(f"documents that lack {' or '.join(report.required)}: {len(report.lacking)}")
    console.info(f"results: {report.output}")
    speed = {"elapsed_s": round(report.elapsed_s, 3), "pages_per_s": round(report.pages_per_s, 3)}
    outcome = {"output": str(report.output), "finished": not report.interrupted}
    console.summary(outcome | summary_of(report) | speed)


def _raise_what_failed(config: Config, report: InferReport) -> None:
    from docdetect.errors import InterruptedRunError, PartialFailureError

    if report.interrupted:
        done = len(report.totals.documents)
        raise InterruptedRunError(
            f"interrupted after {done} of {report.expected} documents; their results are in {report.output}",
            f"Go on from there with: docdetect infer --resume --output {report.output} ...",
        )
    problems = []
    if report.failed_documents:
        problems.append(f"{report.failed_documents} of {report.expected} documents failed, wholly or in part")
    if report.without_copy:
        problems.append(f"{len(report.without_copy)} documents have no marked copy")
    if config.infer.fail_on_missing and report.lacking:
        problems.append(f"{len(report.lacking)} documents lack {' or '.join(report.required)}")
    if problems:
        raise PartialFailureError("; ".join(problems), f"The reasons are in {report.output / 'summary.json'}.")
