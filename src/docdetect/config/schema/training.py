"""Sections about training a network, and about what becomes of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from docdetect.config.option import Option
from docdetect.config.schema.values import (
    BUNDLED,
    DATASET,
    DEVICE,
    FREE_DEVICE,
    IMGSZ,
    IOU,
    RUN_NAME,
    RUNS,
    TRAINED_SIZE,
    WEIGHTS,
    AtLeastOne,
    Count,
    Degrees,
    Fraction,
    ImageSize,
    Name,
    NotNegative,
    Positive,
    ScaleRange,
    Section,
    WindowSide,
    WindowSize,
)


class MadePagesConfig(Section):
    """Made-up pages that are made while a network trains; what they look like says the section synth."""

    share: Fraction = 0.0
    pages: Count = 0
    looks: AtLeastOne = 4
    workers: Count = 0
    first: Count = 200


class DataSource(Section):
    """A dataset and its weight among several that are trained on together."""

    path: str = Field(min_length=1)
    weight: Positive = 1.0


class StartingPoint(Section):
    """What one of several networks starts from, its learning rate where it has one of its own, and whether the teacher
    teaches it beside the labels."""

    path: str = Field(min_length=1)
    lr0: Positive | None = None
    taught: bool = True


_Entry = TypeVar("_Entry", DataSource, StartingPoint)


def _starting_points(value: object) -> object:
    """What networks start from; one that has nothing but a path as a text."""
    starts = _entries(value, StartingPoint, "lr0", "weights or an architecture")
    return starts[0].path if starts == (StartingPoint(path=starts[0].path),) else starts


def _data_sources(value: object) -> object:
    """The datasets; one as a text."""
    sources = _entries(value, DataSource, "weight", "a dataset")
    return sources[0].path if len(sources) == 1 else sources


def _entries(value: object, kind: type[_Entry], key: str, what: str) -> tuple[_Entry, ...]:
    """One entry or a list of them: `a`, `a=2` and `{path: a, <key>: 2}`, where the number may be left out; a switch
    of the kind, such as `taught`, may stand beside it.

    Raises:
        ValueError: the list is empty, or an entry is none of these; the message has its position, from 1.
    """
    listed = value if isinstance(value, (list, tuple)) else [value]
    if not listed:
        raise ValueError(f"should name {what}")
    switches = tuple(name for name in kind.model_fields if name not in ("path", key))
    return tuple(
        one if isinstance(one, kind) else kind(**_path_and_number(one, position, key, switches))
        for position, one in enumerate(listed, 1)
    )


def _path_and_number(entry: object, position: int, key: str, switches: tuple[str, ...]) -> dict[str, Any]:
    """The keys of an entry of `_entries`; what is not given is missing."""
    tree = entry
    if isinstance(entry, str):
        path, equals, number = entry.rpartition("=")
        try:
            tree = {"path": path, key: float(number)} if equals and path else {"path": entry}
        except ValueError:  # a path with the sign = in it
            tree = {"path": entry}
    if not isinstance(tree, dict) or not isinstance(tree.get("path"), str) or not tree["path"]:
        raise ValueError(f"entry {position} should be a path, or have the keys path and {key} (found {entry!r})")
    possible = ("path", key, *switches)
    if unknown := sorted(set(tree) - set(possible)):
        listed = f"{', '.join(possible[:-1])} and {possible[-1]}"
        raise ValueError(f"entry {position} has the unknown key {unknown[0]}; {listed} are possible")
    value = tree.get(key)
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf")
    ):
        raise ValueError(f"entry {position}: {key} should be a number greater than 0 (found {value!r})")
    given = {name: tree[name] for name in switches if name in tree}
    for name, switch in given.items():
        if not isinstance(switch, bool):
            raise ValueError(f"entry {position}: {name} should be true or false (found {switch!r})")
    return {"path": tree["path"]} | ({} if value is None else {key: float(value)}) | given


# The teacher that is the first of the networks of a training.
FIRST = "first"

# What a training starts from: one network, or several that learn from the same batches.
TrainingModels = Annotated[str | tuple[StartingPoint, ...], Field(min_length=1), BeforeValidator(_starting_points)]

# The dataset of a training: one, or several with weights.
TrainingData = Annotated[str | tuple[DataSource, ...], Field(min_length=1), BeforeValidator(_data_sources)]


class TrainConfig(Section):
    """The training recipe, in Ultralytics' terms. The defaults are the values of the original system, except that
    training starts from the bundled weights.
    """

    data: Annotated[TrainingData, Option("Input", shown=True, metavar="PATH[=WEIGHT]")] = Field(
        "data/datasets/main/data.yaml",
        description=f"{DATASET} Several are drawn in proportion to weight times the square root of their pages.",
    )
    name: Annotated[Name, Option("Output", shown=True)] = Field("yolo11s_frozen10", description=RUN_NAME)
    runs: Annotated[str, Option("Output", metavar="FOLDER")] = Field("runs/train", description=RUNS)
    tracking: Annotated[Literal["", "mlflow"], Option("Output", unset="off")] = Field(
        "", description="Also log the run to MLflow, which the extra mlflow installs."
    )
    tracking_uri: Annotated[str, Option("Output", metavar="URI")] = Field(
        "sqlite:///runs/mlflow.db", min_length=1, description="Store that MLflow logs to."
    )
    model: Annotated[TrainingModels, Option("Model", shown=True, metavar="MODEL[=LR0]")] = Field(
        "docdetect-s",
        description="What training starts from: weights (a file, a run folder, or a bundled name), an architecture "
        "such as yolo11s.yaml, pretrained weights such as yolo11s.pt, which are downloaded once, or last (the newest "
        "run). With views: device several networks learn from the same batches, each with a learning rate of its own "
        "where one is given; one with taught: false learns from labels alone where there is a teacher.",
    )
    teacher: Annotated[str, Option("Model", metavar="WEIGHTS", unset="none")] = Field(
        "",
        description="Weights of a teacher, whose raw outputs the networks learn on all views, labelled or not; needs "
        "views: device. With first, the first of several networks teaches the others while it learns, with its "
        "averaged weights.",
    )
    start: Annotated[Literal["random", "slices"], Option("Model")] = Field(
        "random",
        description="What an architecture starts from: random weights, or slices, which are those channels of the "
        "teacher that vary most. For slices both networks must be of one family, such as yolo11n and docdetect-s.",
    )
    teacher_weight: Annotated[NotNegative, Option("Losses")] = Field(
        1.0, description="Weight of the outputs of the teacher relative to the labels."
    )
    teacher_features: Annotated[NotNegative, Option("Losses", unset="off")] = Field(
        0.0,
        description="Weight of the feature maps of the teacher relative to the labels at the start of a training; it "
        "falls linearly to a sixth. Only networks that started as slices of the teacher can learn feature maps.",
    )
    freeze: Annotated[Count, Option("Model")] = Field(
        10, description="Number of layers, counted from the input, that keep their weights. Ten is the backbone."
    )
    epochs: Annotated[AtLeastOne, Option("Length", shown=True)] = Field(60, description="Largest number of epochs.")
    patience: Annotated[Count, Option("Length", shown=True, unset="never")] = Field(
        20, description="Epochs without progress after which training stops."
    )
    hours: Annotated[NotNegative, Option("Length", shown=True, name="time", metavar="HOURS", unset="no limit")] = Field(
        0.0, description="Hours after which training stops; the number of epochs is fitted to them."
    )
    pause_hours: Annotated[NotNegative, Option("Length", shown=True, name="pause", metavar="HOURS", unset="never")] = (
        Field(0.0, description="Hours after which training pauses at the end of an epoch; --resume goes on.")
    )
    steps: Annotated[Count, Option("Length", unset="as many as the epochs need")] = Field(
        0, description="Number of steps of a training with views: device and without a time limit."
    )
    checkpoint_s: Annotated[NotNegative, Option("Length")] = Field(
        300.0, description="Seconds between two checkpoints of a training with views: device."
    )
    imgsz: Annotated[ImageSize, Option("Pages", shown=True)] = Field(1024, description=IMGSZ)
    views: Annotated[Literal["loader", "device"], Option("Pages", shown=True)] = Field(
        "loader",
        description="Where views of pages are made: by processes that load pages from disk (loader), or on the device, "
        "in whose memory all pages stay (device).",
    )
    synth: Annotated[MadePagesConfig, Option("Pages", metavar="KEY=VALUE")] = Field(
        MadePagesConfig(),
        description="Made-up pages that are made while the network trains, with views: device: their share of all "
        "pages, how many are kept in memory (pages; 0 is as many as fit), how many looks each gets before it is "
        "replaced, the processes that make them (workers; 0 is one per core that is left), and how many must be there "
        "first. The section synth says what they look like.",
    )
    scales: Annotated[ScaleRange, Option("Pages", metavar="LOW,HIGH", commas=True)] = Field(
        (0.5, 2.6), description="Smallest and largest scale at which views: device shows pages, 1 being imgsz."
    )
    window: Annotated[WindowSide | WindowSize, Option("Pages", metavar="PX|[WIDTH,HEIGHT]", unset="whole pages")] = (
        Field(
            0, description="Size in px of the windows of pages that training looks at: one side, or width and height."
        )
    )
    batch: Annotated[AtLeastOne, Option("Length", shown=True)] = Field(16, description="Number of pages in a batch.")
    nbs: Annotated[AtLeastOne, Option("Optimizer")] = Field(
        64, description="Nominal batch size: the number of pages whose gradients make one step."
    )
    device: Annotated[str, Option("Speed", shown=True, unset=FREE_DEVICE)] = Field("", description=DEVICE)
    precision: Annotated[Literal["auto", "fp32", "bf16"], Option("Speed", shown=True)] = Field(
        "auto",
        description="Arithmetic of the forward pass; auto is bf16 where bf16 is faster. Losses, weights and evaluation "
        "are always in fp32.",
    )
    workers: Annotated[Count, Option("Speed", shown=True)] = Field(
        8, description="Largest number of processes that load pages. On a CPU there is one for every four cores."
    )
    cache: Annotated[bool, Option("Speed")] = Field(
        False, description="Keep the decoded pages in memory, where they fit."
    )
    optimizer: Annotated[Literal["SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSProp"], Option("Optimizer")] = Field(
        "SGD", description="Name of the optimizer."
    )
    lr0: Annotated[Positive, Option("Optimizer", shown=True)] = Field(
        0.001, description="Learning rate after the warm-up."
    )
    lrf: Annotated[Positive, Option("Optimizer")] = Field(
        0.01, description="Learning rate at the end, as a share of lr0."
    )
    momentum: Annotated[Fraction, Option("Optimizer")] = Field(
        0.937, description="Momentum of SGD, or beta 1 of Adam and AdamW."
    )
    weight_decay: Annotated[NotNegative, Option("Optimizer")] = Field(0.0005, description="Weight decay.")
    warmup_epochs: Annotated[NotNegative, Option("Optimizer")] = Field(
        3.0, description="Epochs of the linear warm-up; fractions of an epoch are possible."
    )
    cos_lr: Annotated[bool, Option("Optimizer")] = Field(
        True, description="Lower the learning rate along a cosine instead of a line."
    )
    box: Annotated[NotNegative, Option("Losses")] = Field(7.5, description="Weight of the loss of boxes (CIoU).")
    cls: Annotated[NotNegative, Option("Losses")] = Field(
        0.5, description="Weight of the loss of classes (binary cross entropy)."
    )
    dfl: Annotated[NotNegative, Option("Losses")] = Field(1.5, description="Weight of the distribution focal loss.")
    mosaic: Annotated[Fraction, Option("Augmentation")] = Field(
        1.0, description="Probability that a training picture is a mosaic of four pages."
    )
    close_mosaic: Annotated[Count, Option("Augmentation")] = Field(
        10, description="Number of last epochs without mosaics."
    )
    flips: Annotated[bool, Option("Augmentation")] = Field(
        True,
        description="Mirror pages as fliplr and flipud say. QR codes and handwriting are never mirrored on real "
        "documents; false turns both off.",
    )
    fliplr: Annotated[Fraction, Option("Augmentation")] = Field(
        0.5, description="Probability that a page is mirrored from left to right."
    )
    flipud: Annotated[Fraction, Option("Augmentation")] = Field(
        0.5, description="Probability that a page is mirrored from top to bottom."
    )
    degrees: Annotated[Degrees, Option("Augmentation")] = Field(
        10.0, description="Largest angle, in degrees, by which a page is turned."
    )
    translate: Annotated[Fraction, Option("Augmentation")] = Field(
        0.1, description="Largest shift of a page, as a share of its side."
    )
    scale: Annotated[Fraction, Option("Augmentation")] = Field(
        0.5, description="Largest change of scale: 0.5 draws factors from 0.5 to 1.5."
    )
    hsv_h: Annotated[Fraction, Option("Augmentation")] = Field(0.015, description="Largest change of hue.")
    hsv_s: Annotated[Fraction, Option("Augmentation")] = Field(0.7, description="Largest change of saturation.")
    hsv_v: Annotated[Fraction, Option("Augmentation")] = Field(0.4, description="Largest change of brightness.")
    auto_augment: Annotated[Literal["randaugment"] | None, Option("Augmentation", metavar="randaugment|null")] = Field(
        "randaugment", description="Random changes of the appearance of ink and paper; null turns them off."
    )
    erasing: Annotated[float, Field(ge=0, le=0.9), Option("Augmentation")] = Field(
        0.4,
        description="Share of the pages on which patches are painted over. At most half of a mark is hidden.",
    )
    mixup: Annotated[Fraction, Option("Augmentation")] = Field(
        0.0, description="Probability that two pictures are laid over each other."
    )
    copy_paste: Annotated[Fraction, Option("Augmentation")] = Field(
        0.0, description="Probability that marks are copied from one picture to another."
    )
    perspective: Annotated[float, Field(ge=0, le=0.001), Option("Augmentation")] = Field(
        0.0, description="Largest perspective distortion."
    )
    shear: Annotated[Degrees, Option("Augmentation")] = Field(0.0, description="Largest shear, in degrees.")
    seed: Annotated[Count, Option("Reproducibility", shown=True)] = Field(
        0, description="Seed of the random generators of the training."
    )
    deterministic: Annotated[bool, Option("Reproducibility")] = Field(
        True, description="Use deterministic algorithms, so that a run can be repeated."
    )

    @model_validator(mode="after")
    def _networks_have_names_of_their_own(self) -> TrainConfig:
        names = [Path(start.path).stem for start in self.networks]  # the files of the trained networks have them
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"model: {name} stands there twice; give networks whose files have other names")
        return self

    @model_validator(mode="after")
    def _views_can_do_it(self) -> TrainConfig:
        if self.scales[0] > self.scales[1]:
            raise ValueError(f"scales: {self.scales[0]:g} is above {self.scales[1]:g}")
        if self.views == "loader":
            only = {
                "model": not isinstance(self.model, str), "teacher": self.teacher, "steps": self.steps,
                "synth": self.synth.share, "start": self.start == "slices", "teacher_features": self.teacher_features,
            }  # fmt: skip
            for key in (key for key, wanted in only.items() if wanted):
                raise ValueError(f"{key}: {'several networks need' if key == 'model' else 'needs'} views: device")
            return self
        if self.start == "slices" and not self.teacher:
            raise ValueError("start: slices are cut out of a teacher; name one as train.teacher")
        if self.teacher_features and not self.teacher:
            raise ValueError("teacher_features: these are a teacher's; name one as train.teacher")
        if self.teacher and not any(start.taught for start in self.networks):
            raise ValueError("teacher: it teaches no network; name one more in train.model, without taught: false")
        for key in ("mixup", "copy_paste", "perspective"):
            if getattr(self, key):
                raise ValueError(f"{key}: not possible with views: device; set it to 0")
        if self.optimizer not in ("SGD", "AdamW"):
            raise ValueError(f"optimizer: views: device knows SGD and AdamW, not {self.optimizer}")
        return self

    @property
    def networks(self) -> tuple[StartingPoint, ...]:
        """What the networks start from, one or several; the first one is not taught where it is the teacher."""
        starts = (StartingPoint(path=self.model),) if isinstance(self.model, str) else self.model
        if self.teacher != FIRST:
            return starts
        return (starts[0].model_copy(update={"taught": False}), *starts[1:])

    @property
    def sources(self) -> tuple[DataSource, ...]:
        """The datasets, one or several."""
        return (DataSource(path=self.data),) if isinstance(self.data, str) else self.data


class ExportConfig(Section):
    """How weights are converted for an engine, and how engines are compared."""

    output: Annotated[
        str, Option("Output", shown=True, metavar="FOLDER", unset="runs/export/<weights>_<engine>; none with --check")
    ] = Field("", description="Folder of the exported network.")
    overwrite: Annotated[bool, Option("Output", shown=True)] = Field(False, description="Replace an earlier export.")
    weights: Annotated[str, Option("Model", shown=True, metavar="WEIGHTS", unset=BUNDLED)] = Field(
        "", description=WEIGHTS
    )
    engine: Annotated[Literal["openvino", "onnx", "tensorrt"], Option("Model", shown=True)] = Field(
        "openvino", description="Engine in whose format the network is written."
    )
    precision: Annotated[Literal["fp32", "int8"], Option("Model", shown=True)] = Field(
        "fp32", description="Arithmetic of the exported network; int8 is for openvino only."
    )
    calibration: Annotated[str, Option("Input", shown=True, metavar="PATH", unset="none")] = Field(
        "", description="Dataset or folder of documents whose pages give the ranges of the 8-bit numbers of int8."
    )
    check: Annotated[str, Option("Input", shown=True, metavar="PATH", unset="none")] = Field(
        "",
        description="A dataset, or a folder of documents, on whose pages all engines of this machine are compared with "
        "torch in fp32.",
    )
    pages: Annotated[AtLeastOne, Option("Input", shown=True)] = Field(
        100, description="Largest number of pages for the comparison, and for the ranges of int8."
    )
    conf: Annotated[Fraction, Option("Model", shown=True)] = Field(
        0.15, description="Confidence from which on the marks of two engines have to agree."
    )
    iou: Annotated[Fraction, Option("Model")] = Field(0.7, description=IOU)
    imgsz: Annotated[ImageSize | None, Option("Model", shown=True, unset=TRAINED_SIZE)] = Field(None, description=IMGSZ)
    device: Annotated[str, Option("Speed", shown=True, unset=FREE_DEVICE)] = Field("", description=DEVICE)


class WeightsConfig(Section):
    """The bundled weights, and how weights become bundled ones."""

    pack: Annotated[str, Option("Input", shown=True, metavar="WEIGHTS", unset="only list the bundled weights")] = Field(
        "", description="Weights to bundle: a run folder, last (the newest training run), or a .pt file."
    )
    calibration: Annotated[str, Option("Input", shown=True, metavar="PATH", unset="no int8 form")] = Field(
        "",
        description="Dataset or folder of documents whose pages give the ranges of the 8-bit numbers of int8.",
    )
    pages: Annotated[AtLeastOne, Option("Input")] = Field(
        300, description="Largest number of pages for the ranges of int8."
    )
    thresholds: Annotated[
        str, Option("Input", shown=True, metavar="FILE", unset="those that lie beside the bundled weights, if any")
    ] = Field("", description="A .thresholds.json whose thresholds are kept beside the newly bundled weights.")
    name: Annotated[Name, Option("Output", shown=True)] = Field(
        "docdetect-s", description="Name of the newly bundled weights."
    )
    folder: Annotated[str, Option("Output", shown=True, metavar="FOLDER", unset="docdetect's own")] = Field(
        "", description="Folder of bundled weights."
    )
    overwrite: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Replace other weights of the same name."
    )
