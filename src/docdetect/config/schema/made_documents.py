"""Sections about made-up documents, and about the cut-outs of real marks that are laid onto them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from docdetect.config.option import Option
from docdetect.config.schema.values import (
    DATASET,
    WORKERS,
    AtLeastOne,
    Count,
    Dpi,
    Fraction,
    Name,
    NotNegative,
    Section,
)

# Marks that the generator of made-up documents tells apart, whatever the classes are.
MARK_KINDS = (
    "qr",
    "handwritten_signature",
    "initials",
    "digital_signature",
    "stamp_official",
    "stamp_notary",
    "stamp_company",
    "stamp_office",
    "stamp_grid",
    "stamp_library",
)

_LAYOUTS = {
    "letter": 0.17,
    "contract": 0.17,
    "act": 0.08,
    "statute": 0.05,
    "invoice": 0.07,
    "estimate": 0.06,
    "conditions": 0.04,
    "codes": 0.02,
    "form": 0.07,
    "application": 0.04,
    "certificate": 0.06,
    "cover": 0.04,
    "drawing": 0.05,
    "plat": 0.03,
    "cheque": 0.02,
    "receipt": 0.02,
    "manuscript": 0.03,
    "book": 0.01,
}

_PAPERS = {"digital": 0.14, "scan": 0.46, "copy": 0.16, "fax": 0.05, "camera": 0.16, "photostat": 0.03}


class SynthConfig(Section):
    """Made-up documents with exact labels."""

    output: Annotated[str, Option("Output", shown=True, metavar="FOLDER")] = Field(
        "data/synth", min_length=1, description="Folder of the made-up dataset."
    )
    pages: Annotated[AtLeastOne, Option("Contents", shown=True)] = Field(
        1000, description="Number of pages. A larger number continues a dataset that is there."
    )
    seed: Annotated[Count, Option("Reproducibility", shown=True)] = Field(
        0, description="Seed of the random generator. Page k of one seed is always the same page."
    )
    imgsz: Annotated[int, Field(ge=128, le=8192), Option("Pages", shown=True)] = Field(
        1024, description="Long side of the page pictures, in px."
    )
    val: Annotated[float, Field(ge=0, lt=1), Option("Split", shown=True)] = Field(
        0.1, description="Share of the documents in the validation split."
    )
    classes: Annotated[tuple[Name, ...], Option("Contents", metavar="NAME,...", commas=True)] = Field(
        ("qr", "signature", "stamp"),
        min_length=1,
        strict=False,
        description="Names of the classes, in the order of their ids. Finer classes are possible: qr, "
        "handwritten_signature, initials, digital_signature, stamp_official, stamp_notary, stamp_company, "
        "stamp_office, stamp_grid, stamp_library.",
    )
    class_map: Annotated[dict[str, str | None], Option("Contents", name="map", metavar="KIND=CLASS")] = Field(
        {},
        description="Class of each kind of mark; null leaves the kind unlabelled. A kind that the map does not name "
        "has the class of its own name, else signature or stamp.",
    )
    margin: Annotated[dict[str, Count], Option("Contents", metavar="CLASS=PX")] = Field(
        {},
        description="Paper, in px, that the boxes of a class leave around the ink, since people who label leave some.",
    )
    empty: Annotated[Fraction, Option("Contents")] = Field(0.15, description="Share of the pages without any mark.")
    turned: Annotated[Fraction, Option("Contents")] = Field(
        0.06, description="Share of the pages that are turned by 90, 180 or 270 degrees."
    )
    layouts: Annotated[dict[str, NotNegative], Option("Contents", metavar="LAYOUT=WEIGHT")] = Field(
        _LAYOUTS, description="Weight of each kind of document. A kind that is not named is not drawn."
    )
    papers: Annotated[dict[str, NotNegative], Option("Contents", metavar="PAPER=WEIGHT")] = Field(
        _PAPERS, description="Weight of each way of copying. A way that is not named is not used."
    )
    fonts: Annotated[str, Option("Input", shown=True, metavar="FOLDER", unset="none")] = Field(
        "", description="Folder of fonts that are used in addition to those of the system."
    )
    system_fonts: Annotated[bool, Option("Input")] = Field(True, description="Use the fonts of the system.")
    ink: Annotated[str, Option("Input", shown=True, metavar="FILE", unset="drawn signatures only")] = Field(
        "", description="Recorded handwriting as JSON lines, compressed with gzip or not, which becomes signatures."
    )
    marks: Annotated[str, Option("Input", shown=True, metavar="FOLDER", unset="drawn marks only")] = Field(
        "", description="Folder of cut-outs of real marks (docdetect cutouts), which replace a share of drawn marks."
    )
    marks_share: Annotated[Fraction, Option("Contents", shown=True)] = Field(
        0.5, description="Share of the marks that are cut-outs, where there are cut-outs of their class."
    )
    real_pages: Annotated[str, Option("Input", shown=True, metavar="PATH", unset="made-up pages only")] = Field(
        "",
        description="Real pages without marks that marks are also laid on: a folder of documents, all of whose pages "
        "are taken, or a dataset, whose pages without labels are taken.",
    )
    real_share: Annotated[Fraction, Option("Contents", shown=True)] = Field(
        0.3, description="Share of the pages that are real pages with marks laid on them."
    )
    format: Annotated[Literal["jpg", "png"], Option("Output", shown=True)] = Field(
        "jpg", description="Format of the page pictures."
    )
    pdf: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Also write real PDFs, to which annotations.json then refers."
    )
    preview: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Also draw a contact sheet of pages with their boxes."
    )
    workers: Annotated[Count, Option("Speed", shown=True, unset="one per core")] = Field(
        0, description="Number of processes that draw pages."
    )
    overwrite: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Replace a dataset that was made with other settings."
    )

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

        A kind that the map does not name has the class of its own name, else `signature` for what is written by hand
        and `stamp` for all stamps, where there are such classes. Printed blocks of electronic signatures do not look
        like handwriting; they are labelled only where the classes or the map name them.
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


class CutoutsConfig(Section):
    """Marks that are cut out of labelled pages, for made-up documents."""

    data: Annotated[str, Option("Input", shown=True, metavar="PATH")] = Field(
        "data/datasets/main", min_length=1, description=DATASET
    )
    source: Annotated[str, Option("Input", shown=True, metavar="PATH", unset="the dataset")] = Field(
        "", description="Folder of documents, or one document, out of which marks are cut instead of a dataset."
    )
    annotations: Annotated[str, Option("Input", shown=True, metavar="FILE", unset="none")] = Field(
        "", description="JSON annotations of these documents."
    )
    classes: Annotated[tuple[Name, ...], Option("Input", metavar="NAME,...", commas=True)] = Field(
        ("qr", "signature", "stamp"),
        min_length=1,
        strict=False,
        description="Names of the classes of the JSON annotations.",
    )
    class_map: Annotated[dict[str, str | None], Option("Input", name="map", metavar="CATEGORY=CLASS")] = Field(
        {}, description="Class of each category of the JSON annotations that has another name; null drops a category."
    )
    splits: Annotated[tuple[Literal["train", "val", "test"], ...], Option("Input", metavar="NAME,...", commas=True)] = (
        Field(
            ("train",),
            min_length=1,
            strict=False,
            description="Splits of the dataset out of which marks are cut. Marks of validation pages would make "
            "validation easier than it is.",
        )
    )
    output: Annotated[str, Option("Output", shown=True, metavar="FOLDER")] = Field(
        "data/cutouts", min_length=1, description="Folder of the cut-outs."
    )
    categories: Annotated[tuple[Name, ...], Option("Contents", shown=True, metavar="NAME,...", commas=True)] = Field(
        (), strict=False, description="Categories that are cut out; none named means all."
    )
    quality: Annotated[Fraction, Option("Contents", shown=True)] = Field(
        0.4, description="Quality score, from 0 to 1, below which a cut-out is written with keep = no and not used."
    )
    handwritten: Annotated[tuple[Name, ...], Option("Contents", metavar="NAME,...", commas=True)] = Field(
        ("signature", "handwritten_signature", "initials"),
        strict=False,
        description="Categories that are written by hand, so that printed lines in their boxes belong to the page.",
    )
    codes: Annotated[tuple[Name, ...], Option("Contents", metavar="NAME,...", commas=True)] = Field(
        ("qr",), strict=False, description="Categories of codes, whose boxes hold nothing else."
    )
    dpi: Annotated[Dpi, Option("Pages", shown=True)] = Field(
        200, description="Resolution in px per inch at which pages of PDFs are looked at."
    )
    format: Annotated[Literal["png", "webp"], Option("Output", shown=True)] = Field(
        "png", description="Format of the cut-outs."
    )
    workers: Annotated[Count, Option("Speed", shown=True, unset="one per core")] = Field(0, description=WORKERS)
    overwrite: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Replace cut-outs of other pages or settings, and what was decided about them."
    )
