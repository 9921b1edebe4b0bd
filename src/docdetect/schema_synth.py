"""What the configuration may say about made-up documents: the section `synth`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from docdetect.schema_base import Fraction, Name, NotNegative, Section

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
        families = {"handwritten_signature": "signature", "initials": "signature", "digital_signature": ""}
        for name in (kind, families.get(kind, "stamp" if kind.startswith("stamp_") else kind)):
            if name in self.classes:
                return name
        return None


def _check(key: str, named: Mapping[str, object], known: tuple[str, ...]) -> None:
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise ValueError(f"{key}: {', '.join(unknown)} not among {', '.join(known)}")
