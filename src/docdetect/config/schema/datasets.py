"""Sections about documents with labels: how they become a dataset, and how datasets are checked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from docdetect.config.option import Needs, Option
from docdetect.config.schema.made_documents import _check
from docdetect.config.schema.values import (
    DATASET,
    DEVICE,
    FREE_DEVICE,
    IMGSZ,
    RUN_NAME,
    RUNS,
    TRAINED_SIZE,
    WORKERS,
    Count,
    Dpi,
    ImageSize,
    Name,
    NotNegative,
    Section,
    Texts,
)


def _labelled_classes(value: object) -> object:
    """Classes by folder of documents: one list is for all documents, and a text is a list with commas."""
    if isinstance(value, (list, tuple)):
        value = {".": value}
    if not isinstance(value, dict):
        return value
    split = {
        place: [part.strip() for part in names.split(",") if part.strip()] if isinstance(names, str) else names
        for place, names in value.items()
    }
    return {place.rstrip("/") or "." if isinstance(place, str) else place: names for place, names in split.items()}


# Folder of documents, or one document -> the classes that are labelled there; "." is all documents.
LabelledClasses = Annotated[
    dict[str, Annotated[tuple[str, ...], Field(strict=False)]], BeforeValidator(_labelled_classes)
]


# Commands that read documents together with their annotations.
_LABELLED = {"prepare": "", "labels": "", "split": "", "audit": "", "reproduce": ""}
# Commands that divide pages into splits.
_SPLITTING = {"prepare": "", "split": ""}
# Commands that render pages at a size of the section.
_RENDERING = {"convert": "", "prepare": "", "labels": ""}


class DataConfig(Section):
    """Where documents and their annotations are, and how they become a dataset."""

    pdfs: Annotated[
        str,
        Option(
            "Input",
            shown=True,
            name="source",
            metavar="PATH",
            aliases=("pdfs",),
            commands={"convert": "", **_LABELLED},
        ),
    ] = Field("data/raw/pdfs", description="Folder of documents, or one document.")
    annotations: Annotated[str, Option("Input", shown=True, metavar="FILE", commands={"convert": "", **_LABELLED})] = (
        Field("data/raw/annotations.json", description="JSON annotations of the documents.")
    )
    dataset: Annotated[
        str,
        Option(
            "Output",
            shown=True,
            metavar="FOLDER",
            aliases=("dataset",),
            commands={"prepare": "output", "visualize": "data", "audit": "data"},
            metavars={"visualize": "PATH", "audit": "PATH"},
            texts={"visualize": DATASET, "audit": DATASET},
        ),
    ] = Field("data/datasets/main", description="Folder of the YOLO dataset, which holds data.yaml.")
    classes: Annotated[tuple[Name, ...], Option("Input", metavar="NAME,...", commas=True, commands=_LABELLED)] = Field(
        ("qr", "signature", "stamp"),
        min_length=1,
        strict=False,
        description="Names of the classes, in the order of their ids.",
    )
    class_map: Annotated[
        dict[str, str | None],
        Option("Input", shown=True, name="map", metavar="CATEGORY=CLASS", commands=_LABELLED),
    ] = Field(
        {},
        description="Class of each category of the annotations, for categories that are renamed or merged, such as "
        "seal=stamp; null drops a category, such as logo=null.",
    )
    labelled: Annotated[LabelledClasses, Option("Input", metavar="FOLDER=CLASS,...", commands=_LABELLED)] = Field(
        {},
        description="Classes that people labelled, for documents with incomplete labels: by folder of documents or by "
        "document, such as office=stamp; the folder . is all documents. Other classes count as unknown there, not as "
        "absent.",
    )
    size: Annotated[
        Literal["annotations", "dpi", "long_side"],
        Option("Pages", shown=True, commands={"prepare": "", "labels": "", "split": ""}),
    ] = Field(
        "annotations",
        description="How large pages are rendered: at the size that the annotations name, at the resolution dpi, or "
        "with the long side long_side.",
    )
    images_size: Annotated[
        Literal["dpi", "annotations", "long_side"], Option("Pages", shown=True, commands={"convert": "size"})
    ] = Field(
        "dpi",
        description="How large convert renders pages: at the resolution dpi, at the size that the annotations name, or "
        "with the long side long_side.",
    )
    dpi: Annotated[
        Dpi,
        Option(
            "Pages",
            shown=True,
            commands=_RENDERING,
            needs=(Needs("size", "dpi", ("annotations",)), Needs("images_size", "dpi", ("annotations",))),
        ),
    ] = Field(
        200,
        description="Resolution of rendered pages in px per inch. It applies where the size is dpi, and where the "
        "annotations name the size of no page.",
    )
    long_side: Annotated[
        int,
        Field(ge=64, le=20000),
        Option(
            "Pages",
            shown=True,
            commands=_RENDERING,
            needs=(Needs("size", "long_side"), Needs("images_size", "long_side")),
        ),
    ] = Field(1024, description="Long side of rendered pages in px, where the size is long_side.")
    split_by: Annotated[
        Literal["group", "document", "page"], Option("Split", shown=True, name="by", commands=_SPLITTING)
    ] = Field(
        "group",
        description="What stays together in one split: groups of near-duplicate documents, documents, or single pages.",
    )
    val: Annotated[float, Field(gt=0, lt=1), Option("Split", shown=True, commands={**_SPLITTING, "reproduce": ""})] = (
        Field(0.1, description="Share of the pages in the validation split.")
    )
    test: Annotated[float, Field(ge=0, lt=1), Option("Split", shown=True, commands=_SPLITTING)] = Field(
        0.0, description="Share of the pages in the test split."
    )
    folds: Annotated[
        int, Field(ge=0, le=100), Option("Split", shown=True, commands={"split": ""}, unset="one split")
    ] = Field(
        0,
        description="Number of parts of a cross-validation. For each part one manifest is written, in which that "
        "part is the validation split.",
    )
    seed: Annotated[Count, Option("Split", shown=True, commands={**_SPLITTING, "reproduce": ""})] = Field(
        42, description="Seed of the split."
    )
    empty: Annotated[
        Literal["keep", "drop"] | NotNegative,
        Option("Pages", shown=True, metavar="keep|drop|NUMBER", commands=_SPLITTING),
    ] = Field(
        "keep",
        description="What happens to pages without marks, which teach the network what is no mark: keep them, drop "
        "them, or keep at most this many for each page with marks.",
    )
    unlisted: Annotated[
        Literal["auto", "error", "skip", "empty"],
        Option("Input", shown=True, commands={"prepare": "", "labels": "", "split": "", "reproduce": ""}),
    ] = Field(
        "auto",
        description="What happens to documents that the annotations do not list: error refuses them, skip leaves them "
        "out, empty takes all their pages as pages without marks, auto is error when more than a tenth of the "
        "documents are unlisted and skip otherwise.",
    )
    missing: Annotated[Literal["error", "skip"], Option("Input", shown=True, commands=_LABELLED)] = Field(
        "error",
        description="What happens to annotated documents that are not there: error refuses them, skip leaves them out.",
    )
    manifest: Annotated[str, Option("Split", shown=True, metavar="FILE", commands=_SPLITTING, unset="a new split")] = (
        Field("", description="A split.csv whose split is checked and applied again.")
    )
    add_to: Annotated[str, Option("Input", shown=True, metavar="DATASET", commands={"prepare": ""}, unset="none")] = (
        Field(
            "",
            description="Dataset that the pages are added to. Its pages keep their splits, near-duplicates follow "
            "them, and the result goes to the output, which may be the same folder.",
        )
    )
    test_pages: Annotated[str, Option("Split", shown=True, metavar="FILE", commands={"prepare": ""}, unset="none")] = (
        Field(
            "",
            description="A test_pages.csv of select. These pages go to the test split and stay there in every dataset "
            "that is made from this one.",
        )
    )
    unlisted_pages: Annotated[
        Literal["auto", "empty", "skip"], Option("Pages", shown=True, commands={"prepare": "", "split": ""})
    ] = Field(
        "auto",
        description="What happens to unlisted pages of documents that the annotations list: empty takes them as pages "
        "without marks, skip leaves them out, auto is skip with add_to or test_pages, where people have looked at "
        "single pages, and empty otherwise.",
    )
    images: Annotated[str, Option("Output", shown=True, metavar="FOLDER", commands={"convert": "output"})] = Field(
        "data/images", description="Folder in which convert writes the page pictures."
    )
    labels: Annotated[str, Option("Output", shown=True, metavar="FOLDER", commands={"labels": "output"})] = Field(
        "data/labels", description="Folder in which labels writes the label files."
    )
    split: Annotated[str, Option("Output", shown=True, metavar="FILE", commands={"split": "output"})] = Field(
        "data/split.csv", description="File in which split writes the manifest."
    )
    vis: Annotated[
        str,
        Option("Output", shown=True, metavar="FOLDER", commands={"visualize": "output"}, unset="vis/ in the dataset"),
    ] = Field("", description="Folder in which visualize draws the pages.")
    overwrite: Annotated[bool, Option("Output", shown=True, commands={"prepare": "", "labels": "", "split": ""})] = (
        Field(False, description="Replace a result that docdetect made from other inputs or settings.")
    )
    workers: Annotated[
        Count, Option("Speed", shown=True, commands={"convert": "", "visualize": "", **_LABELLED}, unset="one per core")
    ] = Field(0, description=WORKERS)

    @model_validator(mode="after")
    def _map_leads_to_classes(self) -> DataConfig:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes: a name stands twice in {list(self.classes)}")
        unknown = sorted({c for c in self.class_map.values() if c is not None and c not in self.classes})
        if unknown:
            raise ValueError(f"class_map: {', '.join(unknown)} not among the classes {', '.join(self.classes)}")
        for place, names in self.labelled.items():
            _check(f"labelled.{place}", dict.fromkeys(names), self.classes)
        if self.val + self.test >= 1:
            raise ValueError(f"val + test: {self.val:g} + {self.test:g} leave nothing to train on")
        if self.folds == 1:
            raise ValueError("folds: at least 2, or 0 for none")
        if self.manifest and (self.add_to or self.test_pages):
            raise ValueError("manifest: excludes add_to and test_pages, which decide the split themselves")
        return self

    @property
    def skips_unlisted_pages(self) -> bool:
        """Whether only pages that the annotations list are taken."""
        return self.unlisted_pages == "skip" or (self.unlisted_pages == "auto" and bool(self.add_to or self.test_pages))


# Formats of annotations that are written, and those that are read; none is the empty text.
WrittenFormat = Literal["", "native", "label-studio", "cvat", "coco", "voc", "yolo", "labelme"]
ReadFormat = Literal["", "native", "label-studio", "cvat", "coco", "voc", "yolo", "labelme", "reviews"]


class LabelsConfig(Section):
    """How annotations of one tool become annotations of another."""

    from_format: Annotated[
        ReadFormat,
        Option("Input", shown=True, name="from", unset="YOLO labels are written from the JSON annotations"),
    ] = Field(
        "",
        description="Format of the annotations that are converted; reviews are the corrections of docdetect review in "
        "a result folder.",
    )
    to_format: Annotated[
        WrittenFormat,
        Option("Output", shown=True, name="to", unset="YOLO labels are written from the JSON annotations"),
    ] = Field("", description="Format that the annotations are converted into.")
    images: Annotated[str, Option("Input", shown=True, metavar="FOLDER", unset="none")] = Field(
        "",
        description="Folder of the pictures of pages, as infer --save-images keeps them. Sizes of pages are read from "
        "it where the annotations have none, and files name pictures in it.",
    )
    base_url: Annotated[str, Option("Output", shown=True, metavar="URL", unset="/data/local-files/?d=images/")] = Field(
        "", description="Beginning of the addresses of pictures in Label Studio, such as https://host/images/."
    )
    model_version: Annotated[str, Option("Output", metavar="NAME")] = Field(
        "docdetect", min_length=1, description="Name of the model in the predictions that Label Studio shows."
    )
    confidences: Annotated[bool, Option("Output", shown=True)] = Field(
        False,
        description="Write confidences into YOLO labels as a sixth value, which Ultralytics does not train on. All "
        "other formats have confidences anyway.",
    )
    voc_origin: Annotated[int, Field(ge=0, le=1), Option("Input", metavar="0|1")] = Field(
        0,
        description="Number of the first pixel in Pascal VOC files: 0 as most programs write them, or 1 as in the "
        "original format, whose boxes include their last pixel.",
    )


class AuditConfig(Section):
    """What audit looks at besides the documents, annotations and dataset of the section data."""

    weights: Annotated[str, Option("Model", shown=True, metavar="WEIGHTS", unset="none")] = Field(
        "", description="Weights whose predictions are compared with the labels, named as in infer."
    )
    detections: Annotated[str, Option("Input", shown=True, metavar="FILE", unset="none")] = Field(
        "", description="A detections.json of infer that is compared with the labels, instead of weights."
    )
    also: Annotated[Texts, Option("Input", shown=True, name="with", metavar="PATH")] = Field(
        (),
        description="Further datasets that are trained on together with the first one. Leaks between all of them are "
        "looked for. Datasets in train.data of the configuration need not be named.",
    )
    imgsz: Annotated[ImageSize | None, Option("Model", unset=TRAINED_SIZE)] = Field(None, description=IMGSZ)
    device: Annotated[str, Option("Speed", shown=True, unset=FREE_DEVICE)] = Field("", description=DEVICE)
    fix: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Also write annotations in which everything that is safe to correct is corrected."
    )
    pictures: Annotated[Count, Option("Output")] = Field(
        60, description="Largest number of findings, and of leaks, that are drawn."
    )
    runs: Annotated[str, Option("Output", metavar="FOLDER")] = Field("runs/audit", description=RUNS)
    name: Annotated[Name, Option("Output", shown=True)] = Field("audit", description=RUN_NAME)
