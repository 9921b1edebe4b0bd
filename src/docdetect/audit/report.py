"""The folder that `audit` writes: report.html with pictures of each finding, and lists for people and programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from docdetect.annotations.native import annotations_to_json
from docdetect.audit.label_checks import Finding, Suspicion
from docdetect.audit.leaks import Leak
from docdetect.audit.measures import box_window
from docdetect.audit.run import AuditOutcome, LabelAudit, SplitAudit
from docdetect.config.loading import dump_config
from docdetect.config.schema import Config
from docdetect.datasets.ground_truth import worker_settings
from docdetect.datasets.split import PageKey
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.document import Document
from docdetect.documents.drawing import contact_sheet, draw_detections
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import DocumentFile
from docdetect.files import make_run_folder, write_json, write_text
from docdetect.reports.page import Picture, Report, Section, Table, Tile, jpeg_uri, report_to_html
from docdetect.tables import write_csv
from docdetect.types import ByteArray, Detections, SizeWH
from docdetect.workers.parts import WorkerSettings

# Long side of the pages that pictures are cut from, and the size of a picture of one label.
_PAGE_PX = 1200
_CROP_WH: SizeWH = (520, 380)
# How much of the page a picture shows around a label, as a share of the label's sides, and at least in px.
_AROUND_FRAC = 0.6
_LEAST_AROUND_PX = 60


@dataclass(frozen=True)
class PagesWanted:
    """The PageWork that renders some pages and skips the others."""

    wanted: frozenset[PageKey]
    long_side_px: int

    def __call__(self, document: Document, number: int) -> ByteArray | None:
        info = document.page_info(number, LongSide(self.long_side_px))
        if PageKey(info.document, number) not in self.wanted:
            return None
        return document.render(number, LongSide(self.long_side_px)).pixels


def render_pages(
    files: Sequence[DocumentFile], wanted: Iterable[PageKey], workers: WorkerSettings | None = None
) -> dict[PageKey, ByteArray]:
    """The wanted pages, 1200 px on the long side; those that fail are missing."""
    keys = frozenset(wanted)
    named = {key.document for key in keys}
    outcomes = iter_pages([file for file in files if file.name in named], PagesWanted(keys, _PAGE_PX), workers)
    return {
        PageKey(outcome.file.name, outcome.number): outcome.value
        for outcome in outcomes
        if isinstance(outcome, PageOutcome) and outcome.value is not None
    }


def pages_of_finding(finding: Finding) -> tuple[PageKey, ...]:
    """The pages that its picture shows."""
    if finding.suggested_offset:
        there = finding.page.page + finding.suggested_offset
        return finding.page, PageKey(finding.page.document, there)
    return (finding.page,)


def finding_picture(
    finding: Finding,
    pages: Mapping[PageKey, ByteArray],
    labels: Mapping[PageKey, Detections],
    classes: Sequence[str],
) -> ByteArray | None:
    """The label and what is around it; for labels of another page both pages with them; None without a page."""
    if finding.suggested_offset:
        own = labels[finding.page]
        keys = [key for key in pages_of_finding(finding) if key in pages]
        captions = [f"{key}: {'as labelled' if key == finding.page else 'where they fit'}" for key in keys]
        shown = [draw_detections(pages[key], own, classes) for key in keys]
        return contact_sheet(shown, captions, columns=2, cell_px=_PAIR_CELL_PX) if shown else None
    if finding.xyxy is None or finding.page not in pages:
        return None
    pixels = pages[finding.page]
    height, width = pixels.shape[:2]
    named = classes.index(finding.class_name) if finding.class_name in classes else 0
    one = Detections(finding.xyxy[None], np.array([named]), finding.size_wh).scaled((width, height))
    around = np.maximum((one.xyxy[0, 2:] - one.xyxy[0, :2]) * _AROUND_FRAC, _LEAST_AROUND_PX)
    window = box_window(one.xyxy[0] + np.concatenate([-around, around]).astype(np.float32), pixels.shape)
    return _fitted(draw_detections(pixels, one, classes)[window], _CROP_WH)


def _fitted(pixels: ByteArray, size_wh: SizeWH) -> ByteArray:
    height, width = pixels.shape[:2]
    scale = min(size_wh[0] / width, size_wh[1] / height, 2.0)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)


_FINDING_COLUMNS = (
    "suspicion", "score", "document", "page", "label", "class",
    "x", "y", "width", "height", "page_width", "page_height", "move_pages", "message",
)  # fmt: skip

_LEAK_COLUMNS = (
    "evidence",
    "agreement",
    "split",
    "document",
    "page",
    "other_split",
    "other_document",
    "other_page",
    "group_pages",
)

# Most rows of a table in report.html.
_MOST_ROWS = 400
# Side of each of two pages that are shown side by side.
_PAIR_CELL_PX = 560
# Pictures of a dataset were read before, so that they need no processes of their own, which take longer to start.
_HERE = WorkerSettings(workers=0)


def write_audit(outcome: AuditOutcome, config: Config) -> Path:
    """Writes an audit into a new folder `<audit.runs>/<name>_<timestamp>` and returns the folder.

    The folder holds report.html, findings.csv, findings.json, leaks.csv, config.yaml and, with `audit.fix`,
    annotations_fixed.json.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = make_run_folder(Path(config.audit.runs), config.audit.name)
    most_pictures, workers = config.audit.pictures, worker_settings(config.data)
    if outcome.fixed is not None:
        write_json(folder / "annotations_fixed.json", annotations_to_json(outcome.fixed))
    write_csv(folder / "findings.csv", map(_finding_row, outcome.findings), _FINDING_COLUMNS)
    write_json(folder / "findings.json", [finding_to_json(one) for one in outcome.findings])
    write_csv(folder / "leaks.csv", map(_leak_row, outcome.leaks), _LEAK_COLUMNS)
    write_text(folder / "config.yaml", dump_config(config, ["data", "audit"]))
    sections = [
        *_leak_section(outcome, most_pictures),
        *_label_sections(outcome, most_pictures, workers),
        *_fix_section(outcome),
    ]
    report = Report(
        title="Audit",
        subtitle="Can the labels be trusted, and does the split keep together what belongs together?",
        tiles=_tiles(outcome),
        warnings=_warnings(outcome),
        sections=sections,
        facts=outcome.facts,
    )
    write_text(folder / "report.html", report_to_html(report))
    return folder


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """One finding as JSON data; the box as x, y, width, height in px of the page size beside it."""
    return {name: value for name, value in zip(_FINDING_COLUMNS, _finding_row(finding), strict=True) if value != ""}


def _leak_row(one: Leak) -> tuple[str | int | float, ...]:
    return (
        one.evidence.value, round(one.agreement, 3), one.split, one.page.document, one.page.page,
        one.other_split, one.other.document, one.other.page, one.pages,
    )  # fmt: skip


def _finding_row(one: Finding) -> tuple[str | int | float, ...]:
    box: tuple[str | float, ...] = ("",) * 6
    if one.xyxy is not None:
        left, top, right, bottom = (float(value) for value in one.xyxy)
        box = tuple(round(value, 2) for value in (left, top, right - left, bottom - top)) + one.size_wh
    label = "" if one.position is None else one.position + 1
    return (
        one.suspicion.value, round(one.score, 3), one.page.document, one.page.page, label, one.class_name,
        *box, one.suggested_offset or "", one.message,
    )  # fmt: skip


def _tiles(outcome: AuditOutcome) -> list[Tile]:
    tiles = []
    if outcome.split is not None:
        pages = ", ".join(f"{name} {count}" for name, count in outcome.split.pages.items())
        tiles.append(Tile("leaks between splits", str(len(outcome.leaks)), f"pages: {pages}"))
    if outcome.labels is not None:
        count = sum(len(page) for page in outcome.labels.pages.labels.values())
        tiles.append(Tile("labels to look at", str(len(outcome.findings)), f"of {count} labels"))
    if outcome.fixes is not None:
        tiles.append(Tile("put right", str(len(outcome.fixes)), "annotations_fixed.json"))
    return tiles


def _warnings(outcome: AuditOutcome) -> list[str]:
    failures = [
        *(outcome.labels.failures if outcome.labels else ()),
        *(outcome.split.failures if outcome.split else ()),
    ]
    warnings = [f"Not audited: {failed}" for failed in failures]
    warnings += outcome.notes
    warnings += outcome.labels.notes if outcome.labels else ()
    warnings += outcome.split.notes if outcome.split else ()
    return warnings


def _leak_section(outcome: AuditOutcome, most: int) -> list[Section]:
    if outcome.split is None:
        return []
    leaks = outcome.leaks
    if not leaks:
        return [Section("Leaks", ("No page has a near-duplicate, or a page of its group, in another split.",))]
    counts = Counter(one.evidence.value for one in leaks)
    text = "; ".join(f"{count} {name}" for name, count in counts.items())
    table = Table(
        ("page", "split", "evidence", "ink that agrees", "seen in", "split", "pages of its group there"),
        [
            (
                str(one.page), one.split, one.evidence.value, _percent(one.agreement),
                str(one.other), one.other_split, str(one.pages),
            )
            for one in leaks[:_MOST_ROWS]
        ],
        "All leaks",
        folded=True,
    )  # fmt: skip
    advice = "Figures on such a split flatter the model: divide by group (docdetect split --by group)."
    return [Section("Leaks", (f"{text}. {advice}",), plots=_leak_pictures(outcome.split, most), tables=[table])]


def _leak_pictures(split: SplitAudit, most: int) -> list[Picture]:
    shown = split.leaks[:most]
    pixels: dict[PageKey, ByteArray] = {}
    for key in sorted({key for leak in shown for key in (leak.page, leak.other)}):
        file = split.images[key]
        found = render_pages([file], [PageKey(file.name, 1)], _HERE)
        pixels.update((key, page) for page in found.values())
    pictures: list[Picture] = []
    for leak in shown:
        if leak.page in pixels and leak.other in pixels:
            why = f"{leak.evidence.value} {_percent(leak.agreement)}".rstrip()
            captions = [f"{leak.page} ({leak.split})", f"{leak.other} ({leak.other_split}): {why}"]
            pair = contact_sheet([pixels[leak.page], pixels[leak.other]], captions, columns=2, cell_px=_PAIR_CELL_PX)
            pictures.append(Picture(jpeg_uri(pair), " · ".join(captions)))
    return pictures


def _label_sections(outcome: AuditOutcome, most: int, workers: WorkerSettings) -> list[Section]:
    audit = outcome.labels
    if audit is None:
        return []
    if not audit.findings:
        return [Section("Labels", ("No label looks suspicious.",))]
    counts = Counter(one.suspicion for one in audit.findings)
    summary = Table(("suspicion", "labels"), [(kind.value, str(counts[kind])) for kind in Suspicion if counts[kind]])
    rows = [
        (str(one.page), one.suspicion.value, one.class_name, f"{one.score:.2f}", one.message)
        for one in audit.findings[:_MOST_ROWS]
    ]
    listed = Table(("page", "suspicion", "class", "score", "why"), rows, "All findings", folded=True)
    shown = audit.findings[:most]
    pages = render_pages(audit.files, [key for one in shown for key in pages_of_finding(one)], workers)
    sections = [
        Section("Labels", ("The gravest first; findings.csv is the list to label again.",), tables=[summary, listed])
    ]
    for kind in Suspicion:
        pictures = _finding_pictures(audit, [one for one in shown if one.suspicion is kind], pages)
        pairs = kind is Suspicion.OTHER_PAGE
        if pictures:
            title = kind.value.capitalize()
            sections.append(Section(title, plots=pictures) if pairs else Section(title, pictures=pictures))
    return sections


def _finding_pictures(
    audit: LabelAudit, findings: Sequence[Finding], pages: Mapping[PageKey, ByteArray]
) -> list[Picture]:
    pictures = []
    for one in findings:
        pixels = finding_picture(one, pages, audit.pages.labels, audit.pages.classes)
        if pixels is not None:
            caption = f"{one.page}: {one.class_name}" if one.class_name else str(one.page)
            pictures.append(Picture(jpeg_uri(pixels), caption, one.message))
    return pictures


def _fix_section(outcome: AuditOutcome) -> list[Section]:
    if outcome.fixes is None:
        return []
    if not outcome.fixes:
        return [Section("Put right", ("Nothing could be put right safely.",))]
    rows = [(str(one.page), one.key, one.category, one.action) for one in outcome.fixes]
    return [Section("Put right", tables=[Table(("page", "annotation", "category", "what was done"), rows)])]


def _percent(share: float) -> str:
    return f"{share:.0%}" if share else ""
