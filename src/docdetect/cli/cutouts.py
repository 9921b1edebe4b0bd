"""`docdetect cutouts`."""

from __future__ import annotations

from docdetect.cli.dataset_summary import raise_failures
from docdetect.cli.options import Request, takes

_MOST_NOTES = 20


@takes("cutouts")
def cutouts(request: Request) -> None:
    """Cut marks out of labelled pages as transparent pictures, for docdetect synth --marks.

    Look through them in contact_sheet.html. The same command again with the same pages changes nothing. Exit code 7
    when a document or page failed.
    """
    from docdetect.files import as_argument
    from docdetect.synth.cutouts.cutting import cut_out

    settings, console = request.settings.cutouts, request.console
    with console.progress("cutouts") as on_progress:
        report = cut_out(settings, on_progress)
    rows = [(name, count, report.kept[name]) for name, count in report.found.items()]
    console.table("Cut-outs", ("category", "cut out", "kept"), rows)
    for reason, count in report.left_out.items():
        console.info(f"not cut out because {reason}: {count}")
    for note in report.notes[:_MOST_NOTES]:
        console.warn(note)
    if len(report.notes) > _MOST_NOTES:
        console.warn(f"and {len(report.notes) - _MOST_NOTES} more of these")
    done = "unchanged, made from the same pages and settings" if report.unchanged else "written"
    console.info(f"{report.folder}: {done}; look at {report.folder / 'contact_sheet.html'}")
    console.info(f"next: docdetect synth --marks {as_argument(report.folder)}")
    console.summary(
        {
            "folder": str(report.folder),
            "unchanged": report.unchanged,
            "cutouts": report.found,
            "kept": report.kept,
            "left_out": report.left_out,
            "failures": [str(failed) for failed in report.failures],
        }
    )
    raise_failures(report.failures, str(report.folder))
