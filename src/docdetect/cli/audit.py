"""`docdetect audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docdetect.cli.options import Request, takes

if TYPE_CHECKING:
    from docdetect.annotations.native import Annotations
    from docdetect.audit.report import AuditOutcome
    from docdetect.config.schema import AuditConfig, Config
    from docdetect.console import Console, ProgressCallback
    from docdetect.models.engines.base import Engine


@takes(
    "audit",
    keys=(
        "data.pdfs",
        "data.annotations",
        "data.dataset",
        "data.classes",
        "data.class_map",
        "data.missing",
        "data.workers",
    ),
)
def audit(request: Request) -> None:
    """Find suspicious labels, and pages of one split that are near-duplicates of another's.

    Exit code 7 when the splits share pages. Whatever is missing (documents and annotations, or the dataset) is not
    audited; nothing is ever changed in place.
    """
    resolved, console = request.settings, request.console
    from docdetect.audit.report import write_audit
    from docdetect.config.loading import dump_config
    from docdetect.datasets.ground_truth import worker_settings
    from docdetect.errors import PartialFailureError
    from docdetect.files import make_run_folder, write_text

    folder = make_run_folder(Path(resolved.audit.runs), resolved.audit.name)
    with console.progress("audit") as on_progress:
        outcome = _outcome(resolved, folder, on_progress)
        write_audit(folder, outcome, resolved.audit.pictures, worker_settings(resolved.data))
        write_text(folder / "config.yaml", dump_config(resolved, ["data", "audit"]))
    _show(console, outcome, folder)
    if outcome.leaks:
        raise PartialFailureError(
            f"{resolved.data.dataset}: {len(outcome.leaks)} pages have a counterpart in another split",
            f"See {folder / 'report.html'}; docdetect split --by group keeps groups together.",
        )


def _outcome(config: Config, folder: Path, on_progress: ProgressCallback) -> AuditOutcome:
    from docdetect.annotations.cleaning import ClassRules
    from docdetect.annotations.native import annotations_to_json
    from docdetect.audit.report import AuditOutcome
    from docdetect.audit.run import audit_labels, audit_split
    from docdetect.datasets.ground_truth import worker_settings
    from docdetect.errors import InputError
    from docdetect.files import write_json

    data = config.data
    workers = worker_settings(data)
    with_labels = Path(data.annotations).is_file() and Path(data.pdfs).exists()
    with_dataset = Path(data.dataset).exists()
    if not (with_labels or with_dataset):
        raise InputError(
            f"nothing to audit: neither {data.pdfs} with {data.annotations} nor {data.dataset} is there",
            "Give --pdfs and --annotations, or --dataset.",
        )
    weights = _weights(config)
    labels = audit_labels(data, workers, _detector(config.audit, weights), on_progress) if with_labels else None
    split = audit_split(data.dataset, workers, on_progress) if with_dataset else None
    fixes = None
    if config.audit.fix and labels is not None:
        fixed, fixes = labels.fixed(ClassRules(data.classes, data.class_map))
        write_json(folder / "annotations_fixed.json", annotations_to_json(fixed))
    names = {"documents": data.pdfs, "annotations": data.annotations, "dataset": data.dataset}
    facts = [(name, value) for name, value in names.items() if Path(value).exists()]
    facts += [("weights", str(weights))] if weights else []
    return AuditOutcome(labels, split, fixes, tuple(facts))


def _weights(config: Config) -> Path | None:
    from docdetect.errors import ConfigError
    from docdetect.models.weights import resolve_weights

    if config.audit.weights and config.audit.detections:
        raise ConfigError("audit.weights and audit.detections exclude each other", "Give one of the two.")
    return resolve_weights(config.audit.weights, Path(config.train.runs)) if config.audit.weights else None


def _detector(config: AuditConfig, weights: Path | None) -> Engine | Annotations | None:
    if config.detections:
        from docdetect.datasets.ground_truth import read_annotations

        return read_annotations(Path(config.detections))
    if weights is not None:
        from docdetect.models.engines.select import load_engine
        from docdetect.models.weights import network_imgsz

        return load_engine(weights, imgsz=network_imgsz(weights, config.imgsz), device=config.device)
    return None


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
    for note in outcome.split.notes if outcome.split else ():
        console.warn(note)
    for fix in outcome.fixes or ():
        console.info(f"{fix.page}: {fix.key} ({fix.category}) {fix.action}")
    counts = [f"{len(outcome.findings)} labels to look at"] if outcome.labels else []
    counts += [f"{len(outcome.leaks)} leaks between splits"] if outcome.split else []
    console.info(f"{', '.join(counts)}; see {folder / 'report.html'}")
    console.summary(
        {
            "report": str(folder / "report.html"),
            "findings": [finding_to_json(one) for one in outcome.findings],
            "leaks": len(outcome.leaks) if outcome.split else None,
            "fixed": None if outcome.fixes is None else len(outcome.fixes),
        }
    )
