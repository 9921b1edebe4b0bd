"""Types of values that several sections have, the texts of options that they share, and what a section is."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from docdetect.config.limits import IMGSZ_STEP, LARGEST_IMGSZ, LEAST_DPI, MOST_DPI

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
Degrees = Annotated[float, Field(ge=0, le=180)]
Dpi = Annotated[int, Field(ge=LEAST_DPI, le=MOST_DPI)]

# Long side of the picture that a network sees, in px.
ImageSize = Annotated[int, Field(ge=IMGSZ_STEP, le=LARGEST_IMGSZ, multiple_of=IMGSZ_STEP)]
WindowSide = Annotated[int, Field(ge=0, le=LARGEST_IMGSZ, multiple_of=IMGSZ_STEP)]
WindowSize = Annotated[tuple[ImageSize, ImageSize], Field(strict=False)]

# A name that is safe as a part of a file name and of a comma-separated list.
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s/\\:,'\"]+$")]


def _listed(value: object) -> object:
    return ((value,) if value else ()) if isinstance(value, str) else value


# Texts in a list, or one text alone; the empty text is an empty list.
Texts = Annotated[tuple[str, ...], Field(strict=False), BeforeValidator(_listed)]


def _by_class(value: object) -> object:
    """`signature=0.3,stamp=0.4` as a mapping; a number or a mapping is returned as it is. Raises ValueError."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    try:
        return {name.strip(): float(number) for name, _, number in pairs if name.strip()} or None
    except ValueError as error:
        raise ValueError("expected a number, or pairs such as signature=0.3,stamp=0.4") from error


def _within_0_and_1(value: float | dict[str, float] | None) -> float | dict[str, float] | None:
    numbers = value.values() if isinstance(value, dict) else [] if value is None else [value]
    wrong = [number for number in numbers if not 0 <= number <= 1]
    if wrong:
        raise ValueError(f"should be between 0 and 1 (found {wrong[0]:g})")
    return value


# One confidence for all classes, or one for each class by name; a class that is not named keeps its default.
Confidences = Annotated[float | dict[str, float] | None, BeforeValidator(_by_class), AfterValidator(_within_0_and_1)]


def _as_numbers(value: object) -> object:
    """Texts of whole numbers as numbers; anything else is returned as it is."""
    if isinstance(value, int):
        return (value,)
    if not isinstance(value, (list, tuple)):
        return value
    return tuple(int(one) if isinstance(one, str) and one.isdecimal() else one for one in value)


# Sizes of pictures in a list.
Sizes = Annotated[tuple[ImageSize, ...], Field(strict=False), BeforeValidator(_as_numbers)]


def _as_floats(value: object) -> object:
    """Texts of numbers as numbers; anything else is returned as it is. Raises ValueError."""
    if not isinstance(value, (list, tuple)):
        return value
    return tuple(float(one) if isinstance(one, (str, int)) and not isinstance(one, bool) else one for one in value)


# The smallest and the largest scale.
ScaleRange = Annotated[tuple[Positive, Positive], Field(strict=False), BeforeValidator(_as_floats)]

# Options that several sections have in the same words.
DEVICE = "Device that runs the network: cpu, or the number of a GPU."
FREE_DEVICE = "a GPU where there is one, else the CPU"
DATASET = "Dataset: its data.yaml, or the folder that holds data.yaml."
WEIGHTS = "Weights: a file, a run folder, the folder of an export, a bundled name, or last (the newest training run)."
BUNDLED = "the bundled docdetect-s; if there is none, those of the newest training run"
IMGSZ = "Long side, in px, of the picture of a page that the network sees."
TRAINED_SIZE = "the size that the weights were trained at"
IOU = "IoU above which non-maximum suppression drops the less confident of two boxes."
RUNS = "Folder in which run folders are made."
RUN_NAME = "Name of the run folder; the date and time follow it."
WORKERS = "Number of processes that render pages."


class Section(BaseModel):
    """Strict keys and types: `batch: "16"` and unknown keys are errors, `lr0: 1` is a float.

    The validators are built when a section is first made, which keeps the help of a command fast.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)
