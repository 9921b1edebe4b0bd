"""`docdetect visualize`."""

from __future__ import annotations

from docdetect.cli.dataset_summary import raise_failures
from docdetect.cli.options import Request, takes


@takes("data", argument="data.dataset")
def visualize(request: Request) -> None:
    """Draw the ground-truth boxes on every page of a YOLO dataset, and contact sheets."""
    from pathlib import Path

    from docdetect.datasets.ground_truth import worker_settings
    from docdetect.datasets.reader import list_dataset
    from docdetect.prepare.visualize import visualize_dataset

    console = request.console
    resolved = request.settings.data
    yolo = list_dataset(resolved.dataset)
    target = Path(resolved.vis) if resolved.vis else yolo.root / "vis"
    with console.progress("visualize", "pages") as on_progress:
        drawn = visualize_dataset(yolo, target, worker_settings(resolved), on_progress)
    for note in drawn.notes:
        console.warn(note)
    console.info(f"{target}: {drawn.pages} pages drawn, {len(drawn.sheets)} contact sheets")
    failed = [{"image": failure.document, "message": failure.failure.message} for failure in drawn.failures]
    sheets = [str(path) for path in drawn.sheets]
    console.summary({"output": str(target), "pages": drawn.pages, "sheets": sheets, "failures": failed})
    raise_failures(drawn.failures, str(target))
