"""What a request may choose: a strict part of the sections `infer` and `grouping`, on top of the service's own."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from docdetect.config.schema import Confidences, Dpi, Name, ResultFormat

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from docdetect.config.schema import Config


class DetectOptions(BaseModel):
    """Options of a request. What is left out is as the service was started."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    conf: Confidences = Field(
        None, description="Lowest confidence that counts as a mark: one number, or one for each class by name."
    )
    dpi: Dpi | None = Field(None, description="Resolution in px per inch of the pages of PDFs to which boxes refer.")
    rotations: Literal["off", "auto", "all"] | None = Field(None, description="Look at turned pages, too.")
    tile: Literal["off", "auto"] | None = Field(None, description="Look at large drawings in tiles, too.")
    dewarp: Literal["off", "auto", "all"] | None = Field(
        None,
        description="Lay sheets of paper in photographs, or in all pictures, flat before marks are sought.",
    )
    read_codes: bool | None = Field(None, description="Read what QR codes say.")
    grouping: Literal["default", "original", "none"] | None = Field(
        None, description="How raw boxes are merged into one box for each mark."
    )


class JobOptions(DetectOptions):
    """Options of a job: those of a request, and which files are written."""

    formats: tuple[ResultFormat, ...] | None = Field(None, description="Formats of the result files.")
    save_pages: bool | None = Field(None, description="Draw every page with its marks.")
    save_images: bool | None = Field(None, description="Keep every page without its marks as a picture.")
    save_crops: bool | None = Field(None, description="Cut out every mark.")
    save_pdf: bool | None = Field(None, description="Copy every PDF with its marks as annotations.")
    require: tuple[Name, ...] | None = Field(None, description="Classes that every document should have.")


def with_options(config: Config, options: DetectOptions) -> Config:
    """The configuration with what a request chose on top."""
    given: dict[str, Any] = {
        name: value for name in type(options).model_fields if (value := getattr(options, name)) is not None
    }
    method = given.pop("grouping", None)
    grouping = config.grouping if method is None else config.grouping.model_copy(update={"method": method})
    return config.model_copy(update={"infer": config.infer.model_copy(update=given), "grouping": grouping})


def wrong_values(error: ValidationError, whole: str) -> str:
    """What is wrong with JSON that was sent, in a line; `whole` names what is wrong as a whole, such as `options`."""
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or whole}: {_in_words(one)}" for one in error.errors(include_url=False)
    )


def _in_words(detail: ErrorDetails) -> str:
    """What is wrong with one key, in the words that messages of docdetect use for configurations."""
    if detail["type"] == "extra_forbidden":
        return "unknown key"
    return detail["msg"].removeprefix("Value error, ").replace("Input should", "should")


def known_options(model: type[DetectOptions], wrong: ValidationError) -> str:
    """What to do about wrong options: the nearest names where one is unknown, and all names that there are."""
    names = list(model.model_fields)
    unknown = [str(one["loc"][0]) for one in wrong.errors(include_url=False) if one["type"] == "extra_forbidden"]
    close = [near[0] for name in unknown if (near := get_close_matches(name, names, n=1))]
    meant = f"Did you mean {' and '.join(dict.fromkeys(close))}? " if close else ""
    return f"{meant}The options are {', '.join(names)}."
