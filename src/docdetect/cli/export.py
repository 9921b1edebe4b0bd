"""`docdetect export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docdetect.cli.options import Request, takes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docdetect.config.schema import ExportConfig
    from docdetect.console import Console
    from docdetect.evaluation.engine_check import CheckSettings, EngineRow
    from docdetect.types import ByteArray


@takes("export")
def export(request: Request) -> None:
    """Convert weights for an engine, with class names and thresholds; infer --weights FOLDER runs them.

    infer converts for OpenVINO by itself: this is for other programs, for machines without PyTorch, and for your own
    weights in int8. With --check and no --output nothing is written: engines are compared, on a dataset also by
    average precision; what is exported in the same call is among them.
    """
    resolved = request.settings
    from docdetect.models.weights import network_imgsz, resolve_weights

    wanted, console = resolved.export, request.console
    source = resolve_weights(wanted.weights, Path(resolved.train.runs))
    imgsz = network_imgsz(source, wanted.imgsz)
    summary: dict[str, Any] = {"weights": str(source)}
    manifest = _write(source, imgsz, wanted, console) if wanted.output or not wanted.check else None
    if manifest is not None:
        summary["manifest"] = str(manifest)
    if wanted.check:
        summary["engines"] = _check(source, manifest, _settings(wanted, imgsz), wanted.check, console)
    console.summary(summary)


def _write(weights: Path, imgsz: int, wanted: ExportConfig, console: Console) -> Path:
    from docdetect.models.export import export_network

    kind = wanted.engine if wanted.precision == "fp32" else f"{wanted.engine}_{wanted.precision}"
    folder = Path(wanted.output) if wanted.output else Path("runs/export") / f"{weights.stem}_{kind}"
    manifest = export_network(
        weights,
        folder,
        wanted.engine,
        imgsz=imgsz,
        calibration=_calibration(wanted, imgsz),
        overwrite=wanted.overwrite,
        announce=console.info,
    )
    console.info(f"exported to {folder}: docdetect infer --weights {folder}")
    return manifest


def _calibration(wanted: ExportConfig, imgsz: int) -> Sequence[ByteArray] | None:
    """The pages of int8; None for fp32."""
    if wanted.precision == "fp32":
        return None
    from docdetect.errors import UsageError
    from docdetect.evaluation.engine_check import read_pages
    from docdetect.models.engines.quantization import import_nncf

    if wanted.engine != "openvino":
        raise UsageError(f"--precision int8 goes with --engine openvino, not with {wanted.engine}", "Give one of them.")
    if not wanted.calibration:
        raise UsageError(
            "--precision int8 needs pages to find its ranges on",
            "Name a dataset, or a folder of documents such as yours, with --calibration.",
        )
    import_nncf()  # what is missing is said before pages are read
    return read_pages(wanted.calibration, _settings(wanted, imgsz))


def _settings(wanted: ExportConfig, imgsz: int) -> CheckSettings:
    from docdetect.evaluation.engine_check import CheckSettings

    return CheckSettings(imgsz, wanted.device, wanted.conf, wanted.iou, wanted.pages)


def _check(
    weights: Path, manifest: Path | None, settings: CheckSettings, source: str, console: Console
) -> list[dict[str, Any]]:
    from docdetect.evaluation.engine_check import check_engines

    with console.progress("check") as on_progress:
        rows = check_engines(
            weights,
            source,
            settings,
            exported=manifest,
            on_progress=on_progress,
            announce=console.info,
        )
    heads = ["engine", "s/page", "marks", "lone", "px", "conf", "AP50-95", "same"]  # fits 80 columns; --json has more
    console.table("Engines beside torch in fp32", heads, [_cells(row, rows[0]) for row in rows])
    return [_as_json(row) for row in rows]


def _cells(row: EngineRow, reference: EngineRow) -> list[str]:
    agreed = row.agreement
    figures = [f"{row.seconds_per_page:.3f}", str(agreed.marks), str(agreed.unmatched), f"{agreed.worst_px:.2f}"]
    figures.append(f"{agreed.worst_score:.3f}")
    mine, first = row.ap50_95, reference.ap50_95
    figures.append("-" if mine is None or first is None else f"{100 * mine:.1f} ({100 * (mine - first):+.2f})")
    verdict = {True: "yes", False: "no", None: "-"}[row.same]
    return [f"{row.engine} {row.precision}", *figures, verdict]


def _as_json(row: EngineRow) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(row) | {"same": row.same}
