"""`docdetect promote`."""

from __future__ import annotations

from docdetect.cli.options import Request, takes


@takes("promote", "figures", argument="promote.weights")
def promote(request: Request) -> None:
    """Replace the present weights by new ones if these are at least as good on the pages for tests.

    Exit code 8 if they are not. The figures, their interval and the content hashes are kept in history.jsonl beside
    the weights, and earlier weights are kept, too: --back puts them back.
    """
    settings, console = request.settings, request.console
    from docdetect.active_learning.promote import HISTORY, outcome
    from docdetect.active_learning.promote import promote as decide
    from docdetect.files import as_argument
    from docdetect.metrics.codec import to_plain
    from docdetect.metrics.texts import change, share, span

    with console.progress("promote") as on_progress:
        done = decide(settings, on_progress=on_progress, announce=console.info)
    labels = {"ap50_95": "AP50-95", "ap50": "AP50"}
    rows = [
        (f"{one.name}, {labels[one.metric]}", share(one.a), share(one.b), change(one.difference.value),
         span(one.difference) if one.difference.low is not None else "-")
        for one in done.differences
        if one.metric in labels
    ]  # fmt: skip
    if rows:
        console.table("On the pages for tests", ("figure", "present", "new", "difference", "interval"), rows)
    if (whole := done.of("ap50_95")) is not None:
        console.info(outcome(whole, done.pages))
    if done.unchanged:
        console.info(f"unchanged: there is nothing to promote, since {done.place} holds these weights already")
    elif done.went_back:
        console.info(f"back: {done.place} holds {done.weights.name} again")
    else:
        console.info(f"promoted: {done.weights} is now {done.place}; {done.place.parent / HISTORY} has the history")
    console.info(f"next: docdetect infer DOCUMENTS --weights {as_argument(done.place)}")
    console.summary(
        {
            "weights": str(done.place),
            "sha256": done.sha256,
            "previous_sha256": done.previous_sha256,
            "unchanged": done.unchanged,
            "forced": done.forced,
            "went_back": done.went_back,
            "pages": done.pages,
            "differences": to_plain(done.differences),
        }
    )
