"""The settings that decide the results of a run, and their hash, by which `--resume` knows whether any has changed."""

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
Dewarp: TypeAlias = Literal["off", "auto", "all"]

_WITHOUT_INFLUENCE = frozenset(
    {"save_pages", "save_images", "save_crops", "save_pdf", "batch", "workers", "doc_timeout_s", "doc_memory_mb"}
)


@dataclass(frozen=True)
class RunSettings:
    """The settings of one run.

    Attributes:
        class_names: the classes of the weights, in the order of their ids.
        weights_sha256: hex digest of the weights' content.
        int8_sha256: hex digest of the int8 form that lies beside the weights, where the engine runs that form.
        conf: lowest score of a raw detection, in [0, 1].
        class_conf: lowest score for each class, in the order of ids; empty where `conf` holds for all classes.
        check_conf: lowest score of a possible mark that a person should check, for each class in the order of ids;
            empty for none.
        calibration: turns scores into the confidences that results show, as probabilities; None shows the scores.
            Thresholds (`conf`, `class_conf`) always refer to scores.
        iou: IoU of non-maximum suppression, in [0, 1].
        engine: name of the engine that runs the network.
        precision: of the network's arithmetic.
        imgsz: long side in px of the picture of a page that the network sees; of an ensemble the largest.
        ensemble: the networks of an ensemble and the sizes that they see, such as `docdetect-n@640`; empty for a single
            network.
        scales: px, smaller sizes of the page that the network sees beside `imgsz`; a mark has the mean of the scores at
            all sizes.
        second_look: pages are seen at the smallest size first, and at the others only where something is unsure; of an
            ensemble, whose file says this, by its first network first.
        screen_sha256: hex digest of the weights of the smaller network that looks first; "" where none does.
        screen_conf: lowest score of that network for a page to be looked at by the network itself, in [0, 1].
        dpi: px/inch of the page that boxes of PDFs refer to; boxes of images refer to the image's own pixels.
        rotations: which pages the network sees in several orientations: `off` (none), `auto` (those whose text runs up
            or down) or `all`.
        tile: the network sees large drawings also in tiles.
        dewarp: whether sheets of paper are laid flat for the network: never, in photographs, or in every picture in
            which a sheet is seen.
        trim: engines on CPUs leave out the blank borders of pages.
        grouping: how raw boxes are merged into marks.
        save_pages: pages are drawn as JPEG. Made from results and without influence on them, as the next three are.
        save_images: pages are also kept as JPEG without anything drawn on them, for tools that label pictures.
        save_crops: every mark is cut out as JPEG.
        save_pdf: every PDF is copied with its marks as annotations.
        read_codes: QR codes are read, at full resolution where that is needed.
        code_class: name of the class whose marks are QR codes.
        batch: pages in one call of the network, 0 for what suits the engine; without influence on results.
        workers: isolated processes that render pages, 0 to render in this process; without influence on results.
        doc_timeout_s: seconds that an isolated process may take for one page.
        doc_memory_mb: MiB of memory that an isolated process may take; enforced on Linux only.
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
    ensemble: tuple[str, ...] = ()
    scales: tuple[int, ...] = ()
    second_look: bool = False
    screen_sha256: str = ""
    screen_conf: float = 0.0
    dpi: int = 200
    rotations: Rotations = "off"
    tile: bool = False
    dewarp: Dewarp = "off"
    trim: bool = False
    grouping: GroupingSettings = field(default_factory=GroupingSettings)
    save_pages: bool = True
    save_images: bool = False
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
        values["ensemble"] = list(self.ensemble)
        values["scales"] = list(self.scales)
        return values

    def content_hash(self) -> str:
        """16 hex digits that differ between two runs whenever their results may differ."""
        values = self.influential()
        if self.ensemble:
            # The hash of the weights of an ensemble covers when its networks look. Journals that were begun before the
            # settings said so were hashed with False, whatever the ensemble did, and go on.
            values["second_look"] = False
        return sha256_text(json.dumps(values, sort_keys=True))[:16]
