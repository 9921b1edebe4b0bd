"""A detector without a network, documents with coloured rectangles for it to find, and a short way to run it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pymupdf
from PIL import Image

from docdetect.config.schema import InferConfig
from docdetect.documents.sizes import BoxFrac
from docdetect.documents.sources import DocumentFile, collect_documents
from docdetect.inference.detector import Detector
from docdetect.inference.folder import OnExisting, claimed_folder
from docdetect.inference.journal import JOURNAL_NAME, Journal
from docdetect.inference.report import InferReport, write_summary
from docdetect.inference.run import run
from docdetect.inference.settings import RunSettings
from docdetect.interrupts import StopSignal, interrupts_as_flag
from docdetect.models.engines.base import Engine, Traits
from docdetect.types import ByteArray, Detections

CLASSES = ("qr", "signature", "stamp")
COLOURS = {"qr": (0, 0, 255), "signature": (0, 255, 0), "stamp": (255, 0, 0)}
SETTINGS = RunSettings(CLASSES, "f" * 64, imgsz=256, save_pages=False, batch=2)
Box = tuple[float, float, float, float]


class ColourEngine:
    """Finds filled rectangles of the classes' colours; larger ones with more confidence."""

    class_names = CLASSES
    traits = Traits("colours")

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        return [self._detect(page, conf) for page in pages]

    def _detect(self, page: ByteArray, conf: float) -> Detections:
        height, width = page.shape[:2]
        found: list[tuple[float, int, Box]] = []
        for class_id, name in enumerate(CLASSES):
            mask = (np.abs(page.astype(int) - COLOURS[name]).max(axis=2) < 100).astype(np.uint8)
            _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
            for left, top, wide, high, area in stats[1:].tolist():
                score = min(1.0, 0.5 + area / (width * height))
                if area >= 4 and score >= conf:
                    found.append((score, class_id, (left, top, left + wide, top + high)))
        found.sort(reverse=True)
        return Detections(
            np.array([box for _, _, box in found], np.float32).reshape(-1, 4),
            np.array([class_id for _, class_id, _ in found], np.int64),
            (width, height),
            np.array([score for score, _, _ in found], np.float32),
        )


class NoRegionReader:
    """A RegionReader that never sees more than the network did."""

    def texts(self, file: DocumentFile, number: int, regions: Sequence[BoxFrac]) -> list[str | None]:
        return [None] * len(regions)

    def crops(self, file: DocumentFile, number: int, regions: Sequence[BoxFrac], dpi: int) -> None:
        return None


def make_pdf(
    path: Path,
    pages: Sequence[Sequence[tuple[str, Box]]],
    *,
    size_pt: tuple[float, float] = (200, 300),
    rotate: int = 0,
) -> Path:
    """A PDF with, on each page, rectangles of the classes' colours, in points of the unrotated page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with pymupdf.open() as pdf:
        for marks in pages:
            page = pdf.new_page(width=size_pt[0], height=size_pt[1])
            for name, box in marks:
                colour = [value / 255 for value in COLOURS[name]]
                page.draw_rect(pymupdf.Rect(*box), color=None, fill=colour)
            page.set_rotation(rotate)
        pdf.save(path, no_new_id=True)
    return path


def make_image(path: Path, marks: Sequence[tuple[str, Box]], *, size_wh: tuple[int, int] = (300, 200)) -> Path:
    """An image file with rectangles of the classes' colours, in px."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size_wh[1], size_wh[0], 3), 255, np.uint8)
    for name, (left, top, right, bottom) in marks:
        pixels[int(top) : int(bottom), int(left) : int(right)] = COLOURS[name]
    Image.fromarray(pixels).save(path)
    return path


def make_folder(folder: Path) -> Path:
    """Four documents: two PDFs, one of them in a folder, an image, and a PDF that is none."""
    stamp, signature = ("stamp", (20.0, 20.0, 60.0, 50.0)), ("signature", (100.0, 200.0, 150.0, 220.0))
    make_pdf(folder / "a.pdf", [[stamp, signature], [], [signature]])
    make_pdf(folder / "deep" / "Договор.PDF", [[stamp], [stamp, signature]])
    make_image(folder / "photo.jpg", [("stamp", (50, 40, 120, 90))])
    (folder / "broken.pdf").write_bytes(b"this is no PDF")
    return folder


def run_once(
    source: Path,
    output: Path,
    settings: RunSettings = SETTINGS,
    *,
    engine: Engine | None = None,
    on_existing: OnExisting = "refuse",
    wanted: InferConfig | None = None,
) -> InferReport:
    """`infer` without configuration files and weights: rendering in this process unless the settings have workers."""
    wanted = wanted or InferConfig()
    with (
        Detector(engine=engine or ColourEngine()) as detector,
        claimed_folder(output, on_existing),
        Journal(output / JOURNAL_NAME, settings) as journal,
        interrupts_as_flag() as interrupt,
    ):
        report = run(collect_documents([str(source)]), detector, journal, wanted, stop=StopSignal(interrupt))
        write_summary(report, settings, source=str(source), weights=Path("fake.pt"))
    return report


def compared_files(output: Path) -> dict[str, bytes]:
    """Every result file but the summary, whose section `run` has times in it."""
    left_out = {"summary.json", ".docdetect.lock"}
    files = (path for path in sorted(output.rglob("*")) if path.is_file() and path.name not in left_out)
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in files}


def with_pages(settings: RunSettings = SETTINGS) -> RunSettings:
    """The same settings, drawing pages."""
    return replace(settings, save_pages=True)
