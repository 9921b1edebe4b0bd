"""What a configuration may say: every section, key, type, range and default. Imported inside functions only.

What all sections of the configuration are made of.

What the configuration may say about made-up documents: the section `synth`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from docdetect.config.limits import PAGE_TIME_LIMIT_S, PROCESS_MEMORY_MB

Fraction = Annotated[float, Field(ge=0, le=1)]

Positive = Annotated[float, Field(gt=0)]

NotNegative = Annotated[float, Field(ge=0)]

WindowSide = Annotated[int, Field(ge=0, le=8192, multiple_of=32)]

_Side = Annotated[int, Field(ge=32, le=8192, multiple_of=32)]

OwnSize = _Side | None

OWN_SIZE = Field(None, description="long side of the page that the model sees, px; null: as the weights were trained")

WindowSize = Annotated[tuple[_Side, _Side], Field(strict=False)]

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s/\\:,'\"]+$")]


def _listed(value: object) -> object:
    return ((value,) if value else ()) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], Field(strict=False), BeforeValidator(_listed)]

"""Texts in a list, or one text alone; "" is none."""


class Section(BaseModel):
    """Strict keys and types: `batch: "16"` and unknown keys are errors, `lr0: 1` is a float."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


MARK_KINDS = (
    "qr",
    "handwritten_signature",
    "initials",
    "digital_signature",
    "stamp_official",
    "stamp_notary",
    "stamp_company",
)

"""Marks that the generator tells apart, whatever the classes are."""

_LAYOUTS = {
    "letter": 0.16,
    "contract": 0.22,
    "act": 0.10,
    "statute": 0.05,
    "invoice": 0.07,
    "estimate": 0.09,
    "conditions": 0.06,
    "codes": 0.03,
    "form": 0.08,
    "application": 0.04,
    "certificate": 0.05,
    "cover": 0.05,
    "drawing": 0.06,
}

_PAPERS = {"digital": 0.14, "scan": 0.48, "copy": 0.16, "fax": 0.06, "camera": 0.16}


class SynthConfig(Section):
    """Made-up documents with exact labels."""

    output: str = Field("data/synth", min_length=1, description="folder of the dataset")
    pages: Annotated[int, Field(ge=1)] = Field(1000, description="how many pages; more pages continue a dataset")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="page k of seed s is always the same page")
    imgsz: Annotated[int, Field(ge=128, le=8192)] = Field(1024, description="long side of the pictures, px")
    val: Annotated[float, Field(ge=0, lt=1)] = Field(0.1, description="share of documents for validation")
    classes: tuple[Name, ...] = Field(
        ("qr", "signature", "stamp"), min_length=1, strict=False, description="class names in the order of their ids"
    )
    class_map: dict[str, str | None] = Field({}, description="kind of mark -> class; null leaves the kind unlabelled")
    margin: dict[str, Annotated[int, Field(ge=0)]] = Field(
        {}, description="class -> px of paper that its boxes leave around the ink; people leave some (default none)"
    )
    empty: Fraction = Field(0.15, description="share of pages without any mark")
    turned: Fraction = Field(0.06, description="share of pages turned by 90, 180 or 270 degrees")
    layouts: dict[str, NotNegative] = Field(_LAYOUTS, description="kind of document -> weight")
    papers: dict[str, NotNegative] = Field(_PAPERS, description="way of copying -> weight")
    fonts: str = Field("", description="a folder of fonts, besides those of the system")
    system_fonts: bool = Field(True, description="use the system's fonts")
    ink: str = Field("", description="recorded handwriting, JSON lines, .gz or not")
    format: Literal["jpg", "png"] = Field("jpg", description="of the page pictures")
    pdf: bool = Field(False, description="also write real PDFs, to which annotations.json then refers")
    preview: bool = Field(False, description="draw a contact sheet with the boxes")
    workers: Annotated[int, Field(ge=0)] = Field(0, description="processes; 0 is one per core")
    overwrite: bool = Field(False, description="replace a dataset made with other settings")

    @model_validator(mode="after")
    def _names_are_known(self) -> SynthConfig:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes: a name stands twice in {list(self.classes)}")
        _check("class_map", self.class_map, MARK_KINDS)
        wanted = {name: 1.0 for name in self.class_map.values() if name is not None}
        _check("class_map", wanted, self.classes)
        _check("margin", self.margin, self.classes)
        for key, weights, known in (("layouts", self.layouts, _LAYOUTS), ("papers", self.papers, _PAPERS)):
            _check(key, weights, tuple(known))
            if sum(weights.values()) <= 0:
                raise ValueError(f"{key}: at least one weight must be above 0")
        return self

    def class_of(self, kind: str) -> str | None:
        """The class of a kind of mark (one of MARK_KINDS), None where it stays unlabelled.

        What the map does not say: a class of the kind's own name, else `signature` for what is written by hand and
        `stamp` for all stamps, where there are such classes. Printed blocks of electronic signatures look like no
        handwriting; they are labelled only where the classes or the map name them.
        """
        if kind in self.class_map:
            return self.class_map[kind]
        groups = {"handwritten_signature": "signature", "initials": "signature", "digital_signature": ""}
        for name in (kind, groups.get(kind, "stamp" if kind.startswith("stamp_") else kind)):
            if name in self.classes:
                return name
        return None


def _check(key: str, named: Mapping[str, object], known: tuple[str, ...]) -> None:
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise ValueError(f"{key}: {', '.join(unknown)} not among {', '.join(known)}")


class DataConfig(Section):
    """Where documents and labels are and how they become a dataset."""

    pdfs: str = Field("data/raw/pdfs", description="folder of documents")
    annotations: str = Field("data/raw/annotations.json", description="JSON annotations")
    dataset: str = Field("data/datasets/main", description="the YOLO dataset")
    classes: tuple[Name, ...] = Field(
        ("qr", "signature", "stamp"), min_length=1, strict=False, description="class names in the order of their ids"
    )
    class_map: dict[str, str | None] = Field({}, description="category -> class; null drops the category")
    size: Literal["annotations", "dpi", "long_side"] = Field("annotations", description="how large pages are rendered")
    dpi: Annotated[int, Field(ge=20, le=1200)] = Field(200, description="px/inch, with size: dpi")
    long_side: Annotated[int, Field(ge=64, le=20000)] = Field(1024, description="px, with size: long_side")
    split_by: Literal["group", "document", "page"] = Field(
        "group", description="what stays together in a split; groups are near-duplicate documents"
    )
    val: Annotated[float, Field(gt=0, lt=1)] = Field(0.1, description="share of the validation split")
    test: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, description="share of the test split; 0 makes none")
    folds: Annotated[int, Field(ge=0, le=100)] = Field(0, description="`split` writes so many manifests instead of one")
    seed: Annotated[int, Field(ge=0)] = Field(42, description="seed of the split")
    empty: Literal["keep", "drop"] | NotNegative = Field(
        "keep", description="pages without marks: keep, drop, or at most this many per page with marks"
    )
    manifest: str = Field("", description="a split.csv to apply again; empty makes a new split")
    images: str = Field("data/images", description="where `convert` writes page images")
    images_size: Literal["dpi", "annotations", "long_side"] = Field("dpi", description="`size`, for `convert`")
    labels: str = Field("data/labels", description="where `labels` writes label files")
    split: str = Field("data/split.csv", description="where `split` writes the manifest")
    vis: str = Field("", description="where `visualize` draws; empty is vis/ in the dataset")
    overwrite: bool = Field(False, description="replace a result that docdetect made from other inputs or settings")
    workers: Annotated[int, Field(ge=0)] = Field(0, description="processes; 0 is one per core")

    @model_validator(mode="after")
    def _map_leads_to_classes(self) -> DataConfig:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes: a name stands twice in {list(self.classes)}")
        unknown = sorted({c for c in self.class_map.values() if c is not None and c not in self.classes})
        if unknown:
            raise ValueError(f"class_map: {', '.join(unknown)} not among the classes {', '.join(self.classes)}")
        if self.val + self.test >= 1:
            raise ValueError(f"val + test: {self.val:g} + {self.test:g} leave nothing to train on")
        if self.folds == 1:
            raise ValueError("folds: at least 2, or 0 for none")
        return self


class TrainConfig(Section):
    """The training recipe, in Ultralytics' terms; the defaults are the seed's values, but for the start."""

    name: Name = Field("yolov11s_lora", description="run folder: runs/train/<name>_<timestamp>")
    model: str = Field(
        "docdetect-s",
        min_length=1,
        description="weights, a model YAML, the name of either, or last: the newest run's best",
    )
    data: str = Field("data/datasets/main/data.yaml", min_length=1, description="data.yaml, or the folder it lies in")
    runs: str = Field("runs/train", description="where run folders go")
    device: str = Field("", description="cpu, or a GPU's number; empty picks a GPU where there is one")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="forward pass in bf16 (auto: where it is faster); loss, weights, evaluation fp32"
    )
    workers: Annotated[int, Field(ge=0)] = Field(8, description="loader processes at most; on a CPU one per four cores")
    cache: bool = Field(False, description="keep the decoded pages in memory where they fit")
    tracking: Literal["", "mlflow"] = Field("", description="also log to MLflow (the extra mlflow); empty is off")
    tracking_uri: str = Field("sqlite:///runs/mlflow.db", min_length=1, description="MLflow's store")
    hours: NotNegative = Field(0.0, description="stop after so many hours, epochs fitted to them; 0 is no limit")
    pause_hours: NotNegative = Field(
        0.0, description="pause after so many hours, at the end of an epoch; --resume goes on; 0 never"
    )
    imgsz: Annotated[int, Field(ge=32, le=8192, multiple_of=32)] = Field(1024, description="long side, px")
    window: WindowSide | WindowSize = Field(
        0, description="px, the windows of pages that are trained on: their side, or width and height; 0 is none"
    )
    batch: Annotated[int, Field(ge=1)] = 16
    nbs: Annotated[int, Field(ge=1)] = Field(
        64, description="nominal batch: one step for the gradients of so many pages"
    )
    epochs: Annotated[int, Field(ge=1)] = 60
    patience: Annotated[int, Field(ge=0)] = Field(20, description="epochs without progress before stopping; 0 never")
    optimizer: Literal["SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSProp"] = "SGD"
    lr0: Positive = 0.001
    lrf: Positive = Field(0.01, description="final learning rate as a share of lr0")
    momentum: Fraction = 0.937
    weight_decay: NotNegative = 0.0005
    warmup_epochs: NotNegative = 3.0
    cos_lr: bool = True
    freeze: Annotated[int, Field(ge=0)] = Field(10, description="layers from the input that are not trained")
    box: NotNegative = 7.5
    cls: NotNegative = 0.5
    dfl: NotNegative = 1.5
    mosaic: Fraction = 1.0
    close_mosaic: Annotated[int, Field(ge=0)] = Field(10, description="last epochs without mosaic")
    fliplr: Fraction = 0.5
    flipud: Fraction = 0.5
    handedness: bool = Field(False, description="QR codes and handwriting are never mirrored: both flips off")
    degrees: Annotated[float, Field(ge=0, le=180)] = 10.0
    translate: Fraction = 0.1
    scale: Fraction = 0.5
    hsv_h: Fraction = 0.015
    hsv_s: Fraction = 0.7
    hsv_v: Fraction = 0.4
    auto_augment: Literal["randaugment"] | None = Field("randaugment", description="ink and paper looks; null is off")
    erasing: Annotated[float, Field(ge=0, le=0.9)] = Field(0.4, description="share of pages with an erased patch")
    mixup: Fraction = 0.0
    copy_paste: Fraction = 0.0
    perspective: Annotated[float, Field(ge=0, le=0.001)] = 0.0
    shear: Annotated[float, Field(ge=0, le=180)] = 0.0
    seed: Annotated[int, Field(ge=0)] = 0
    deterministic: bool = True


class ValConfig(Section):
    """How a model is judged."""

    weights: str = Field("", description="weights; empty takes those in the box; last: the newest training run's best")
    data: str = Field("data/datasets/main/data.yaml", min_length=1, description="data.yaml, or the folder it lies in")
    split: Literal["train", "val", "test"] = "val"
    runs: str = Field("runs/val", description="where run folders go")
    name: Name = "val"
    conf: Fraction = Field(0.25, description="threshold of precision, recall and the confusion matrix; AP uses all")
    iou: Fraction = Field(0.7, description="IoU of non-maximum suppression")
    imgsz: OwnSize = OWN_SIZE
    batch: Annotated[int, Field(ge=1)] = 16
    device: str = ""
    engine: Literal["auto", "openvino", "onnx", "torch", "tensorrt"] = Field(
        "torch", description="what runs the network"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field("fp32", description="of the network's arithmetic")
    workers: Annotated[int, Field(ge=0)] = 2


class GroupingConfig(Section):
    """How raw boxes become one box per mark; see docdetect.merging."""

    method: Literal["default", "seed", "none"] = "default"
    dist: NotNegative = Field(50.0, description="px between centres, in the seed's method")
    iou: Fraction = Field(0.2, description="boxes that overlap more become one")
    contain: Fraction = Field(0.6, description="a box of which more than this lies in another becomes part of it")
    nested: Fraction = Field(0.75, description="of two boxes, one more than this inside the other, the surer stays")
    per_class: bool = Field(False, description="the seed's method within each class only")


class InferConfig(Section):
    """How marks are found in a folder of documents."""

    source: Texts = Field((), description="folders, files, globs, text files of paths, or - for paths on stdin")
    output: str = Field("", description="result folder; empty makes runs/infer/<name>_<timestamp>")
    runs: str = Field("runs/infer", description="where run folders go")
    name: Name = "infer"
    weights: str = Field("", description="weights; empty takes those in the box; last: the newest training run's best")
    conf: Fraction | None = Field(
        None, description="lowest confidence that counts as a mark; null: the weights' thresholds by class, else 0.15"
    )
    iou: Fraction = Field(0.7, description="IoU of non-maximum suppression")
    imgsz: OwnSize = OWN_SIZE
    dpi: Annotated[int, Field(ge=20, le=1200)] = Field(200, description="px/inch of the page that boxes refer to")
    rotations: Literal["off", "auto", "all"] = Field(
        "auto", description="look at pages also turned: auto, those whose text runs up or down; all, every page, 4 ways"
    )
    tile: Literal["off", "auto"] = Field("auto", description="look at drawings larger than A3 also in tiles of A4's")
    trim: Literal["off", "auto"] = Field("auto", description="leave out the blank borders of pages, on CPUs")
    batch: Annotated[int, Field(ge=0)] = Field(0, description="pages per call of the model; 0 is what suits the engine")
    device: str = Field("", description="cpu, a GPU's number, or several (0,1); empty takes a GPU where there is one")
    engine: Literal["auto", "openvino", "onnx", "torch", "tensorrt"] = Field(
        "auto", description="what runs the network; auto is openvino on a CPU, torch on a GPU"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16", "int8"] = Field(
        "auto", description="of the network's arithmetic; auto is the fastest that the hardware has natively"
    )
    workers: Annotated[int, Field(ge=0)] = Field(0, description="rendering processes; 0 is one per core")
    doc_timeout_s: Positive = Field(PAGE_TIME_LIMIT_S, description="s that a page of a document may take")
    doc_memory_mb: Annotated[int, Field(ge=256)] = Field(
        PROCESS_MEMORY_MB, description="MiB that a process may take for a document; kept on Linux"
    )
    save_pages: bool = Field(True, description="draw every page with its marks")
    save_crops: bool = Field(False, description="cut out every mark")
    save_pdf: bool = Field(False, description="copy every PDF with its marks as annotations")
    read_codes: bool = Field(True, description="read what QR codes say")
    code_class: Name = Field("qr", description="the class whose marks are QR codes")
    formats: tuple[Literal["json", "csv", "jsonl", "coco", "yolo", "parquet"], ...] = Field(
        ("json", "csv", "jsonl"), strict=False, description="result files; jsonl, the journal, is always there"
    )
    passwords: tuple[SecretStr, ...] = Field(
        (), strict=False, exclude=True, description="tried in order on encrypted PDFs; never written anywhere"
    )
    password_file: str = Field("", description="a text file with one more password on each line")
    include: tuple[str, ...] = Field((), strict=False, description="only documents that match, e.g. contracts/*.pdf")
    exclude: tuple[str, ...] = Field((), strict=False, description="no documents that match")
    require: tuple[Name, ...] = Field((), strict=False, description="classes that every document should have")
    fail_on_missing: bool = Field(False, description="exit code 7 when a document lacks a required class")
    overwrite: bool = Field(False, description="replace the results in the output folder")
    resume: bool = Field(False, description="go on from the results in the output folder")


class ExportConfig(Section):
    """How weights are converted for an engine, and engines are held against each other."""

    weights: str = Field("", description="weights; empty takes those in the box, or the newest training run's best")
    engine: Literal["openvino", "onnx", "tensorrt"] = Field("openvino", description="whose format")
    precision: Literal["fp32", "int8"] = Field("fp32", description="of the exported network; int8 for openvino only")
    calibration: str = Field("", description="a dataset, or a folder of documents, on which int8 finds its ranges")
    output: str = Field("", description="folder; empty is runs/export/<weights>_<engine>, or nothing with check")
    overwrite: bool = Field(False, description="replace an earlier export")
    check: str = Field("", description="a dataset, or a folder of documents, on which engines are held against torch")
    pages: Annotated[int, Field(ge=1)] = Field(100, description="most pages that check, and int8's ranges, look at")
    conf: Fraction = Field(0.15, description="which marks have to agree")
    iou: Fraction = Field(0.7, description="IoU of non-maximum suppression")
    imgsz: OwnSize = OWN_SIZE
    device: str = Field("", description="cpu, or a GPU's number; empty picks a GPU where there is one")


class FiguresConfig(Section):
    """How figures get their intervals, and confidence its meaning."""

    resamples: Annotated[int, Field(ge=10, le=100_000)] = Field(1000, description="of the bootstrap over groups")
    level: Annotated[float, Field(gt=0.5, lt=1)] = Field(0.95, description="of the intervals")
    seed: Annotated[int, Field(ge=0)] = 0
    calibration: Literal["auto", "platt", "isotonic"] = Field("auto", description="map from score to probability")


class CrossvalConfig(Section):
    """How a recipe is judged on pages that its models have not seen."""

    folds: Annotated[int, Field(ge=2, le=100)] = Field(5, description="parts; each judges the model of all others")
    seed: Annotated[int, Field(ge=0)] = Field(42, description="of the division into folds")
    weights: str = Field("", description="weights that get the chosen thresholds and calibration beside them")
    runs: str = Field("runs/crossval", description="where run folders go")
    name: Name = "crossval"


class ReproduceConfig(Section):
    """Where the seed's protocol and the honest one are run side by side; data and recipe are in their sections."""

    runs: str = Field("runs/reproduce", description="where run folders go")
    name: Name = "reproduce"


class AuditConfig(Section):
    """What `audit` looks at beside the documents, annotations and dataset of section data."""

    weights: str = Field("", description="weights whose detections the labels are held against; empty for none")
    detections: str = Field("", description="a detections.json of infer to hold the labels against, instead of weights")
    imgsz: OwnSize = OWN_SIZE
    device: str = Field("", description="cpu, or a GPU's number; empty picks a GPU where there is one")
    fix: bool = Field(False, description="also write annotations in which what is safe is put right")
    pictures: Annotated[int, Field(ge=0)] = Field(60, description="most findings, and most leaks, that are drawn")
    runs: str = Field("runs/audit", description="where run folders go")
    name: Name = "audit"


class WeightsConfig(Section):
    """The weights in the box, and which go there."""

    pack: str = Field("", description="a training run, `last`, or a .pt file to put into the box; empty lists only")
    name: Name = Field("docdetect-s", description="name of packed weights")
    calibration: str = Field("", description="a dataset on which the int8 form of packed weights finds its ranges")
    pages: Annotated[int, Field(ge=1)] = Field(300, description="most pages that it looks at")
    folder: str = Field("", description="the box; empty is docdetect's own")
    overwrite: bool = Field(False, description="replace other weights of that name")


class Config(Section):
    """All sections; a file may hold any of them."""

    data: DataConfig = DataConfig()
    train: TrainConfig = TrainConfig()
    val: ValConfig = ValConfig()
    infer: InferConfig = InferConfig()
    grouping: GroupingConfig = GroupingConfig()
    export: ExportConfig = ExportConfig()
    figures: FiguresConfig = FiguresConfig()
    crossval: CrossvalConfig = CrossvalConfig()
    reproduce: ReproduceConfig = ReproduceConfig()
    synth: SynthConfig = SynthConfig()
    audit: AuditConfig = AuditConfig()
    weights: WeightsConfig = WeightsConfig()
