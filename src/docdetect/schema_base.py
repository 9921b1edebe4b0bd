"""What all sections of the configuration are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
WindowSide = Annotated[int, Field(ge=0, le=8192, multiple_of=32)]
_Side = Annotated[int, Field(ge=32, le=8192, multiple_of=32)]
WindowSize = Annotated[tuple[_Side, _Side], Field(strict=False)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s/\\:,'\"]+$")]


def _listed(value: object) -> object:
    return ((value,) if value else ()) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], Field(strict=False), BeforeValidator(_listed)]
"""Texts in a list, or one text alone; "" is none."""


class Section(BaseModel):
    """Strict keys and types: `batch: "16"` and unknown keys are errors, `lr0: 1` is a float."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
