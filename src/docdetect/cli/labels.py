"""`docdetect labels`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from docdetect.cli.dataset_summary import show_made
from docdetect.cli.options import Request, takes

if TYPE_CHECKING:
    from docdetect.console import Console
    from docdetect.prepare.label_conversion import LabelConversion

_CONVERTS = "For example: docdetect labels --from label-studio --to native export.json annotations.json."


@takes("data", "labels")
def labels(
    request: Request,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE [DEST]]",
            help="With --from and --to: the file or folder to read, and the one to write. Otherwise: the documents.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write cleaned YOLO label files from JSON annotations, or convert annotations with --from and --to.

    A conversion says what the other format does not keep, with a count for each kind.
    """
    request, wanted = _with_documents(request, paths or [])
    if wanted:
        _convert(request, *wanted)
        return
    from docdetect.prepare.dataset import write_labels

    settings = request.settings.data
    with request.console.progress("labels") as on_progress:
        result = write_labels(settings, on_progress=on_progress)
    show_made(request.console, result, "Labels")


def _with_documents(request: Request, paths: list[str]) -> tuple[Request, tuple[Path, Path] | None]:
    """The request with the documents where one path names them; and source and destination of a conversion.

    Raises:
        UsageError: one of --from and --to is missing, or the number of paths is wrong.
    """
    from docdetect.errors import UsageError

    if paths and len(paths) == 1 and "data.pdfs" not in request.flags and not request.flags.get("labels.from_format"):
        flags, names = {**request.flags, "data.pdfs": paths[0]}, {**request.names, "data.pdfs": "SOURCE"}
        request = replace(request, flags=flags, names=names)
        paths = []
    paths, request = _of_reviews(request, paths)
    wanted = request.settings.labels
    if not wanted.from_format and not wanted.to_format:
        if paths:
            raise UsageError("labels takes two paths only with --from and --to", _CONVERTS)
        return request, None
    if not wanted.from_format or not wanted.to_format:
        missing = "--to" if wanted.from_format else "--from"
        raise UsageError(f"labels needs {missing} as well: the formats that are read and written", _CONVERTS)
    if len(paths) != 2:
        raise UsageError(f"labels --from --to takes SOURCE and DEST, not {len(paths)} paths", _CONVERTS)
    return request, (Path(paths[0]), Path(paths[1]))


def _of_reviews(request: Request, paths: list[str]) -> tuple[list[str], Request]:
    """For `--from reviews RUN` alone: the native format, written beside the reviews; all else as it was asked for."""
    if request.flags.get("labels.from_format") != "reviews":
        return paths, request
    from docdetect.review.labels import default_output

    request = replace(request, flags={"labels.to_format": "native", **request.flags})
    return [*paths, str(default_output(Path(paths[0])))] if len(paths) == 1 else paths, request


def _convert(request: Request, source: Path, output: Path) -> None:
    from docdetect.prepare.label_conversion import convert_labels
    from docdetect.review.labels import read_reviews

    settings = request.settings
    read = read_reviews if settings.labels.from_format == "reviews" else None
    _show(request.console, convert_labels(source, output, settings.labels, settings.data, read))


def _show(console: Console, done: LabelConversion) -> None:
    console.table("Marks", ("category", "marks"), list(done.marks.items()))
    for remark in done.remarks:
        console.warn(remark)
    counts = f"documents: {done.documents}, pages: {done.pages}, of them without marks: {done.empty}"
    console.info(f"{done.output}: {counts}")
    console.summary(
        {
            "output": str(done.output),
            "files": list(done.files),
            "documents": done.documents,
            "pages": done.pages,
            "empty": done.empty,
            "marks": dict(done.marks),
            "remarks": dict(done.counts),
        }
    )
