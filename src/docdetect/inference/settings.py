"""What decides the results of a run, and the fingerprint by which `--resume` knows whether any of it changed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Literal, TypeAlias

from docdetect import __version__
from docdetect.calibration import Calibration, calibration_to_json
from docdetect.config.limits import PAGE_TIME_LIMIT_S, PROCESS_MEMORY_MB
from docdetect.files import sha256_text
from docdetect.merging import GroupingSettings

Rotations: TypeAlias = Literal["off", "auto", "all"]

_WITHOUT_INFLUENCE = frozenset(
    {"save_pages", "save_crops", "save_pdf", "batch", "workers", "doc_timeout_s", "doc_memory_mb"}
)


@dataclass(frozen=True)
class RunSettings:
    """The settings of one run.

    Attributes:
        class_names: of the model, in the order of the class ids.
        weights_sha256: hex digest of the weights' content.
        int8_sha256: the same of the int8 form that lies beside them, where the engine runs it.
        conf: lowest confidence of a raw detection, in [0, 1].
        class_conf: the same for each class, in the order of ids; empty where `conf` holds for all.
        check_conf: lowest score of a possible mark that a person should check, for each class in the order of ids;
            empty for none.
        calibration: turns scores into the confidences that results show, as probabilities; None shows the scores.
            Thresholds (`conf`, `class_conf`) always refer to scores.
        iou: IoU of non-maximum suppression, in [0, 1].
        engine: what runs the network.
        precision: of its arithmetic.
        imgsz: long side in px at which pages are rendered for the model.
        dpi: px/inch of the page that boxes of PDFs refer to; images keep their own pixels.
        rotations: which pages are looked at in other orientations, too: off, auto (those on their side), or all.
        tile: large drawings are also looked at in tiles.
        trim: blank borders of pages are left out by engines on CPUs.
        grouping: how raw boxes become marks.
        save_pages: pages are drawn as JPEG.
        save_crops: every mark is cut out as JPEG.
        save_pdf: every PDF is copied with its marks as annotations; made from results, does not influence them.
        read_codes: QR codes are read from the page at full resolution.
        code_class: name of the class whose marks are QR codes.
        batch: pages per call of the model, 0 for what suits the engine; does not influence results.
        workers: rendering processes; 0 renders in this process. Does not influence results.
        doc_timeout_s: seconds that a document may take per page in a rendering process.
        doc_memory_mb: MiB of memory that a rendering process may take; Linux keeps it.
    """

    class_names: tuple[str, ...]
    weights_sha256: str
    int8_sha256: str = ""
    conf: float = 0.15
    class_conf: tuple[float, ...] = ()
    check_conf: tuple[float, ...] = ()
    calibration: Calibration | None = None
    iou: float = 0.7
    engine: str = "torch"
    precision: str = "fp32"
    imgsz: int = 1024
    dpi: int = 200
    rotations: Rotations = "off"
    tile: bool = False
    trim: bool = False
    grouping: GroupingSettings = field(default_factory=GroupingSettings)
    save_pages: bool = True
    save_crops: bool = False
    save_pdf: bool = False
    read_codes: bool = True
    code_class: str = "qr"
    batch: int = 4
    workers: int = 0
    doc_timeout_s: float = PAGE_TIME_LIMIT_S
    doc_memory_mb: int = PROCESS_MEMORY_MB

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Lowest score of a mark for each class, in the order of ids."""
        return self.class_conf or (self.conf,) * len(self.class_names)

    def influential(self) -> dict[str, object]:
        """The settings that results depend on, with docdetect's version, ready for JSON."""
        values: dict[str, object] = {"docdetect": __version__}
        for item in fields(self):
            if item.name not in _WITHOUT_INFLUENCE:
                value = getattr(self, item.name)
                values[item.name] = asdict(value) if item.name == "grouping" else value
        maps = "" if self.calibration is None else json.dumps(calibration_to_json(self.calibration), sort_keys=True)
        values["calibration"] = sha256_text(maps)[:16] if maps else ""
        values["class_names"] = list(self.class_names)
        values["class_conf"] = list(self.class_conf)
        values["check_conf"] = list(self.check_conf)
        return values

    def fingerprint(self) -> str:
        """16 hex digits that differ when the results may differ."""
        return sha256_text(json.dumps(self.influential(), sort_keys=True))[:16]
