"""`docdetect review`."""

from __future__ import annotations

from typing import Annotated

import typer

from docdetect.cli.options import Request, takes


@takes(keys=("infer.runs",))
def review(
    request: Request,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Result folder of infer; last: the newest one.")] = "last",
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the documents are, if they have moved since the run. Repeatable.",
            rich_help_panel="Input",
        ),
    ] = None,
    password_file: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="Passwords of encrypted documents.", show_default=False, rich_help_panel="Input"
        ),
    ] = "",
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, metavar="NUMBER", help="Port of this machine; 0: a free one.", rich_help_panel="Network"
        ),
    ] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.", rich_help_panel="Network")] = True,
) -> int:
    """Look at the results of a run of infer in a browser, and correct them.

    Only this machine can reach the page. Corrections are kept in reviews.jsonl in the result folder; docdetect labels
    --from reviews makes annotations of them. Ctrl-C ends the command.
    """
    import webbrowser

    from docdetect.service.review_app import review as show
    from docdetect.service.review_app import review_plan

    console = request.console
    plan = review_plan(run, request.settings.infer.runs, source or (), password_file, console.warn)
    show(plan, port, console.detail, console.info, webbrowser.open if browser else None)
    return 0
