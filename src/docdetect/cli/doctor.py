"""`docdetect doctor`: what this machine and installation can do, and the remedy for what they cannot."""

from __future__ import annotations

from typing import Annotated

import typer

from docdetect.cli.options import Request, takes


@takes()
def doctor(
    request: Request,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only checks that take less than a second; torch is not imported.")
    ] = False,
) -> None:
    """Check Python, torch, CUDA, OpenVINO, CPU features, fonts, write access and installations that are often broken.

    Exit code 4 when something needed does not work; each finding comes with its remedy.
    """
    from docdetect.doctor import State, examine
    from docdetect.errors import InputError

    console = request.console
    findings = examine(quick=quick)
    if not quick or console.verbosity > 0 or any(finding.state is State.BROKEN for finding in findings):
        rows = [(finding.state.value, finding.subject, finding.detail) for finding in findings]
        console.table("docdetect doctor", ("", "what", "found"), rows)
    for finding in findings:
        if finding.remedy and (not quick or console.verbosity > 0 or finding.state is State.BROKEN):
            console.info(f"{finding.subject}: {finding.remedy}")
    broken = [finding.subject for finding in findings if finding.state is State.BROKEN]
    if quick and not broken:
        console.info("Nothing is broken. docdetect doctor without --quick also looks at PyTorch, and lists all.")
    console.summary(
        {
            "healthy": not broken,
            "findings": [
                {"subject": f.subject, "state": f.state.value, "detail": f.detail, "remedy": f.remedy} for f in findings
            ],
        }
    )
    if broken:
        raise InputError(f"this installation does not work: {', '.join(broken)}", "The lines above say what to do.")
