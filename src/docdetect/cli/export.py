"""`docdetect export`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docdetect.cli.options import Request, takes

if TYPE_CHECKING:
    from docdetect.evaluation.engine_check import EngineRow


@takes("export")
def export(request: Request) -> None:
    """Convert weights for an engine, with class names and thresholds; infer --weights FOLDER runs them.

    The command infer converts weights for OpenVINO by itself. Exports are for other programs, for machines without
    PyTorch, and for your own weights in int8. With --check and without --output nothing is written: engines are
    compared, on a dataset also by average precision. A network that is exported in the same call is compared, too.
    """
    from docdetect.evaluation.export import export_weights

    console = request.console
    with console.progress("export", "pages") as on_progress:
        result = export_weights(request.settings, on_progress, console.info)
    summary: dict[str, Any] = {"weights": str(result.weights)}
    if result.manifest is not None:
        summary["manifest"] = str(result.manifest)
    if result.engines:
        # These columns fit a terminal of 80 columns; the JSON summary has more.
        heads = ["engine", "s/page", "marks", "lone", "px", "conf", "AP50-95", "same"]
        rows = [_cells(row, result.engines[0]) for row in result.engines]
        console.table("Engines compared with torch in fp32", heads, rows)
        summary["engines"] = [_as_json(row) for row in result.engines]
    console.summary(summary)


def _cells(row: EngineRow, reference: EngineRow) -> list[str]:
    agreed = row.agreement
    figures = [f"{row.seconds_per_page:.3f}", str(agreed.marks), str(agreed.unmatched), f"{agreed.worst_px:.2f}"]
    figures.append(f"{agreed.worst_score:.3f}")
    mine, first = row.ap50_95, reference.ap50_95
    figures.append("-" if mine is None or first is None else f"{100 * mine:.1f} ({100 * (mine - first):+.2f})")
    same = {True: "yes", False: "no", None: "-"}[row.same]
    return [f"{row.engine} {row.precision}", *figures, same]


def _as_json(row: EngineRow) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(row) | {"same": row.same}
