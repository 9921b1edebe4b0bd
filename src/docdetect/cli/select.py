"""`docdetect select`."""

from __future__ import annotations

from docdetect.cli.options import Request, takes

# Most pages of the queue that the terminal shows.
_SHOWN = 10


@takes("select", argument="select.run")
def select(request: Request) -> None:
    """Choose which pages of a run of infer to label next, and write them as queue.csv into its folder.

    The pages about which the network is unsure come first. Of each group of near-duplicates only one page is chosen,
    and pages that differ from each other are preferred. Some pages are drawn at random and kept for tests. Pages that
    were reviewed are left out.
    """
    settings, console = request.settings, request.console
    from docdetect.active_learning.queue import counted
    from docdetect.active_learning.select import select as choose
    from docdetect.files import as_argument

    with console.progress("select") as on_progress:
        selection = choose(settings, on_progress=on_progress, announce=console.info)
    rows = [
        (str(rank), page.key.document, str(page.key.page), page.purpose, page.reason)
        for rank, page in enumerate(selection.pages[:_SHOWN], start=1)
    ]
    console.table("Pages to label", ("rank", "document", "page", "purpose", "reason"), rows)
    if len(selection.pages) > len(rows):
        console.info(f"... and {len(selection.pages) - len(rows)} more in {selection.path}")
    for warning in selection.warnings:
        console.warn(warning)
    left_out = counted(selection.left_out)
    console.info(
        f"pages to label: {selection.of('train')} by their scores and {selection.of('test')} at random, of "
        f"{selection.candidates} without a label" + (f"; left out: {left_out}" if left_out else "")
    )
    console.info(f"{'unchanged' if selection.unchanged else 'written'}: {selection.path}")
    console.info(f"next: docdetect review {as_argument(selection.path.parent)}")
    console.summary(
        {
            "queue": str(selection.path),
            "train": selection.of("train"),
            "test": selection.of("test"),
            "candidates": selection.candidates,
            "left_out": dict(selection.left_out),
            "warnings": list(selection.warnings),
        }
    )
