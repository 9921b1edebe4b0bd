"""`docdetect audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docdetect.cli.options import Request, takes

if TYPE_CHECKING:
    from docdetect.audit.run import AuditOutcome
    from docdetect.console import Console


@takes("audit", "data")
def audit(request: Request) -> None:
    """Find suspicious labels, and pages of one split that are near-duplicates of another's.

    Exit code 7 when the splits share pages. Whatever is missing (documents and annotations, or the dataset) is not
    audited; nothing is ever changed in place.
    """
    resolved, console = request.settings, request.console
    from docdetect.audit.report import write_audit
    from docdetect.audit.run import run_audit
    from docdetect.errors import PartialFailureError

    with console.progress("audit") as on_progress:
        outcome = run_audit(resolved, on_progress)
        folder = write_audit(outcome, resolved)
    _show(console, outcome, folder)
    if outcome.leaks:
        pages = "1 page has" if len(outcome.leaks) == 1 else f"{len(outcome.leaks)} pages have"
        raise PartialFailureError(
            f"{', '.join(value for name, value in outcome.facts if name == 'dataset')}: {pages} a counterpart in "
            "another split",
            f"See {folder / 'report.html'}; docdetect split --by group keeps groups together.",
        )


def _show(console: Console, outcome: AuditOutcome, folder: Path) -> None:
    from docdetect.audit.report import finding_to_json

    rows = [
        (one.suspicion.value, str(one.page), one.class_name, f"{one.score:.2f}", one.message)
        for one in outcome.findings[:20]
    ]
    if rows:
        console.table("Labels to look at", ("suspicion", "page", "class", "score", "why"), rows)
    if len(outcome.findings) > len(rows):
        console.info(f"... and {len(outcome.findings) - len(rows)} more in findings.csv")
    pairs = [
        (str(one.page), one.split, one.evidence.value, str(one.other), one.other_split) for one in outcome.leaks[:20]
    ]
    if pairs:
        console.table("Leaks", ("page", "split", "evidence", "seen in", "split"), pairs)
    notes = (
        outcome.notes
        + (outcome.labels.notes if outcome.labels else ())
        + (outcome.split.notes if outcome.split else ())
    )
    for note in notes:
        console.warn(note)
    for fix in outcome.fixes or ():
        console.info(f"{fix.page}: {fix.key} ({fix.category}) {fix.action}")
    labels, leaks = len(outcome.findings), len(outcome.leaks)
    counts = [f"{labels} label{'' if labels == 1 else 's'} to look at"] if outcome.labels else []
    counts += [f"{leaks} leak{'' if leaks == 1 else 's'} between splits"] if outcome.split else []
    console.info(f"{', '.join(counts)}; see {folder / 'report.html'}")
    console.summary(
        {
            "report": str(folder / "report.html"),
            "findings": [finding_to_json(one) for one in outcome.findings],
            "leaks": len(outcome.leaks) if outcome.split else None,
            "fixed": None if outcome.fixes is None else len(outcome.fixes),
        }
    )
