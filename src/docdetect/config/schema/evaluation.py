"""Sections about evaluating a network or a recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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
    Fraction,
    ImageSize,
    Name,
    Section,
)


class ValConfig(Section):
    """How predictions are compared with ground truth."""

    data: Annotated[str, Option("Input", shown=True, metavar="PATH")] = Field(
        "data/datasets/main/data.yaml", min_length=1, description=DATASET
    )
    split: Annotated[Literal["train", "val", "test"], Option("Input", shown=True)] = Field(
        "val", description="Split of the dataset that is evaluated."
    )
    runs: Annotated[str, Option("Output", metavar="FOLDER")] = Field("runs/val", description=RUNS)
    name: Annotated[Name, Option("Output", shown=True)] = Field("val", description=RUN_NAME)
    weights: Annotated[str, Option("Model", shown=True, metavar="WEIGHTS", unset=BUNDLED)] = Field(
        "", description=WEIGHTS
    )
    conf: Annotated[Fraction, Option("Model", shown=True)] = Field(
        0.25,
        description="Confidence threshold of precision, recall and the confusion matrix. Average precision uses all "
        "confidences.",
    )
    iou: Annotated[Fraction, Option("Model", shown=True)] = Field(0.7, description=IOU)
    imgsz: Annotated[ImageSize | None, Option("Model", shown=True, unset=TRAINED_SIZE)] = Field(None, description=IMGSZ)
    batch: Annotated[AtLeastOne, Option("Speed", shown=True)] = Field(
        16, description="Number of pages in one call of the network."
    )
    device: Annotated[str, Option("Speed", shown=True, unset=FREE_DEVICE)] = Field("", description=DEVICE)
    engine: Annotated[
        Literal["", "auto", "openvino", "onnx", "torch", "tensorrt"],
        Option("Speed", shown=True, unset="torch, or what an export was made for"),
    ] = Field("", description="Library that runs the network; auto is the fastest on this machine.")
    precision: Annotated[
        Literal["", "auto", "fp32", "bf16", "fp16", "int8"],
        Option("Speed", shown=True, unset="fp32, or int8 for an export in int8"),
    ] = Field("", description="Arithmetic of the network; auto is the fastest on this machine.")
    workers: Annotated[Count, Option("Speed")] = Field(2, description="Number of processes that load pages.")


class FiguresConfig(Section):
    """How figures get their confidence intervals, and how confidence becomes probability."""

    resamples: Annotated[int, Field(ge=10, le=100_000), Option("Figures")] = Field(
        1000, description="Number of resamples of the bootstrap over groups of near-duplicates."
    )
    level: Annotated[float, Field(gt=0.5, lt=1), Option("Figures")] = Field(
        0.95, description="Level of the confidence intervals."
    )
    seed: Annotated[Count, Option("Figures", name="bootstrap-seed")] = Field(0, description="Seed of the bootstrap.")
    calibration: Annotated[
        Literal["auto", "platt", "isotonic"],
        Option("Figures", shown=True, commands={"calibrate": "method", "val": "", "crossval": ""}),
    ] = Field("auto", description="Map from confidence to probability; auto takes the one that fits better.")


class CrossvalConfig(Section):
    """How a recipe is evaluated on pages that its networks have not seen."""

    folds: Annotated[int, Field(ge=2, le=100), Option("Split", shown=True)] = Field(
        5, description="Number of parts. Each part is evaluated with the network that was trained on all others."
    )
    seed: Annotated[Count, Option("Split", shown=True)] = Field(42, description="Seed of the division into parts.")
    weights: Annotated[str, Option("Output", shown=True, metavar="WEIGHTS", unset="none")] = Field(
        "", description="Weights beside which the chosen thresholds and the calibration are kept."
    )
    runs: Annotated[str, Option("Output", metavar="FOLDER")] = Field("runs/crossval", description=RUNS)
    name: Annotated[Name, Option("Output", shown=True)] = Field("crossval", description=RUN_NAME)


class ReproduceConfig(Section):
    """Where the protocol of the original system and one without leaks are run side by side.

    The documents and the recipe are those of the sections data and train.
    """

    runs: Annotated[str, Option("Output", metavar="FOLDER")] = Field("runs/reproduce", description=RUNS)
    name: Annotated[Name, Option("Output", shown=True)] = Field("reproduce", description=RUN_NAME)
