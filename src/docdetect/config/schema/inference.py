"""Sections about finding marks in documents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from docdetect.config.limits import PAGE_TIME_LIMIT_S, PROCESS_MEMORY_MB
from docdetect.config.option import Option
from docdetect.config.schema.values import (
    FREE_DEVICE,
    IMGSZ,
    IOU,
    RUN_NAME,
    RUNS,
    TRAINED_SIZE,
    WEIGHTS,
    WORKERS,
    Confidences,
    Count,
    Dpi,
    Fraction,
    ImageSize,
    Name,
    NotNegative,
    Positive,
    Section,
    Sizes,
    Texts,
)

_BOTH = "both bundled networks (docdetect-both); docdetect-s alone with imgsz, scales, second_look or screen"

# Formats of the results of infer; json is what the annotations call native.
ResultFormat = Literal[
    "json", "csv", "jsonl", "xlsx", "coco", "yolo", "label-studio", "cvat", "voc", "labelme", "parquet"
]


class GroupingConfig(Section):
    """How several raw boxes of one mark become one box."""

    method: Annotated[
        Literal["default", "original", "none"],
        Option("Grouping", name="grouping", flag=("no-group", "none")),
    ] = Field(
        "default",
        description="Rules by which boxes of one mark are merged: default, original (the rules of the original "
        "system), or none (every raw box is a mark).",
    )
    dist: Annotated[NotNegative, Option("Grouping", name="group-dist", metavar="PX")] = Field(
        50.0, description="Distance between centres, in px, below which the method original merges two boxes."
    )
    iou: Annotated[Fraction, Option("Grouping", name="group-iou")] = Field(
        0.2, description="IoU above which two boxes become one."
    )
    contain: Annotated[Fraction, Option("Grouping", name="group-contain")] = Field(
        0.6, description="Share of a box inside another box above which the box becomes part of the other."
    )
    nested: Annotated[Fraction, Option("Grouping", name="group-nested")] = Field(
        0.75,
        description="Share of a box inside another box above which the method original keeps only the more confident "
        "of the two, and the default method counts the outer box as covering the inner one.",
    )
    per_class: Annotated[bool, Option("Grouping", name="group-per-class")] = Field(
        False, description="Let the method original merge boxes of one class only."
    )


class InferConfig(Section):
    """How marks are found in a folder of documents."""

    source: Annotated[Texts, Option("Input", shown=True, metavar="PATH")] = Field(
        (),
        description="Documents: folders, files, quoted globs, .txt files with one path on each line, or - for paths on "
        "the standard input.",
    )
    include: Annotated[tuple[str, ...], Option("Input", shown=True, metavar="GLOB")] = Field(
        (), strict=False, description="Read only documents that match one of these patterns, such as contracts/*.pdf."
    )
    exclude: Annotated[tuple[str, ...], Option("Input", shown=True, metavar="GLOB")] = Field(
        (), strict=False, description="Leave out documents that match one of these patterns."
    )
    passwords: Annotated[tuple[SecretStr, ...], Option("Input", name="password", metavar="TEXT")] = Field(
        (),
        strict=False,
        exclude=True,
        description="Passwords that are tried on encrypted PDFs, in this order. They are never written to a file, but "
        "other users of the machine may see a command line: prefer a password file.",
    )
    password_file: Annotated[str, Option("Input", shown=True, metavar="FILE", unset="none")] = Field(
        "", description="Text file with one password for encrypted PDFs on each line."
    )
    output: Annotated[str, Option("Output", shown=True, metavar="FOLDER", unset="runs/infer/<name>_<date>_<time>")] = (
        Field("", description="Folder of the results.")
    )
    runs: Annotated[str, Option("Output", metavar="FOLDER")] = Field("runs/infer", description=RUNS)
    name: Annotated[Name, Option("Output")] = Field("infer", description=RUN_NAME)
    formats: Annotated[
        tuple[ResultFormat, ...],
        Option("Output", shown=True, name="format", metavar="NAME,...", commas=True),
    ] = Field(
        ("json", "csv", "jsonl", "xlsx"),
        strict=False,
        description="Formats of the result files: json, csv, jsonl, xlsx, coco, yolo, label-studio, cvat, voc, "
        "labelme, parquet. The journal, jsonl, is always written.",
    )
    save_pages: Annotated[bool, Option("Output", shown=True)] = Field(
        True, description="Draw every page with its marks, in pages/."
    )
    save_images: Annotated[bool, Option("Output")] = Field(
        False,
        description="Keep every page as a picture without drawn marks, in images/. The files for other tools refer to "
        "these pictures, and their boxes fit them.",
    )
    save_crops: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Cut out every mark, in crops/."
    )
    save_pdf: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Copy every PDF with its marks as annotations, in pdf/. The pages themselves stay untouched."
    )
    require: Annotated[tuple[Name, ...], Option("Output", shown=True, metavar="CLASS,...", commas=True)] = Field(
        (),
        strict=False,
        description="Classes that every document should have. The documents that lack one are listed.",
    )
    fail_on_missing: Annotated[bool, Option("Output")] = Field(
        False,
        description="End with exit code 7 if a document lacks a required class, or if only a person can say whether it "
        "does, because of a possible mark or a part that could not be seen.",
    )
    overwrite: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Replace the results in the output folder."
    )
    resume: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Continue the run whose results are in the output folder."
    )
    weights: Annotated[str, Option("Model", shown=True, metavar="WEIGHTS", unset=_BOTH)] = Field(
        "", description=f"{WEIGHTS} An ensemble file (.ensemble.json) names several networks."
    )
    fast: Annotated[bool, Option("Speed", shown=True)] = Field(
        False,
        description="Use the smaller bundled network, docdetect-n, alone. It takes half of the time, or two thirds "
        "with drawn pages, and finds fewer signatures on construction paperwork.",
    )
    screen: Annotated[str, Option("Speed", metavar="WEIGHTS", unset="off")] = Field(
        "",
        description="Weights of a smaller network, such as docdetect-n, that looks at every page first. The network "
        "itself looks only at pages on which the smaller one finds something, which saves time on archives most of "
        "whose pages carry no mark.",
    )
    screen_conf: Annotated[Fraction, Option("Speed")] = Field(
        0.05, description="Lowest confidence at which the network of screen counts as having found something."
    )
    conf: Annotated[
        Confidences,
        Option("Model", shown=True, metavar="NUMBER", unset="the thresholds that the weights bring, else 0.15"),
    ] = Field(
        None,
        description="Lowest confidence that counts as a mark: one number, or one for each class, such as "
        "signature=0.3,stamp=0.4.",
    )
    check_conf: Annotated[
        Confidences,
        Option("Model", metavar="NUMBER", unset="the thresholds that the weights bring, else 0.05"),
    ] = Field(
        None,
        description="Lowest confidence of a possible mark that a person should check. Possible marks lie between this "
        "value and conf. They do not count as marks, but a document with one does not count as lacking the class. 1 "
        "turns this off.",
    )
    iou: Annotated[Fraction, Option("Model")] = Field(0.7, description=IOU)
    imgsz: Annotated[ImageSize | None, Option("Model", unset=TRAINED_SIZE)] = Field(None, description=IMGSZ)
    scales: Annotated[Sizes, Option("Model", metavar="PX,...", commas=True, unset="imgsz alone")] = Field(
        (),
        description="Smaller long sides in px, such as 768, at which the network also sees every page. A mark then has "
        "the mean of its confidences at all sizes. With 768 docdetect-s finds signatures better and gives fewer false "
        "alarms, for 1.6 times the time.",
    )
    second_look: Annotated[bool, Option("Speed")] = Field(
        False,
        description="See every page at the smallest of the scales first, and at the other sizes only if a detection "
        "was unsure. This is faster than one size on clean archives, most of whose pages carry no mark. Needs scales.",
    )
    dpi: Annotated[Dpi, Option("Pages")] = Field(
        200,
        description="Resolution, in px per inch, of the pages of PDFs to which boxes refer. Images keep their "
        "own pixels.",
    )
    rotations: Annotated[Literal["off", "auto", "all"], Option("Pages")] = Field(
        "auto",
        description="Look at pages in turned positions as well: auto does so for pages whose text runs up or down, all "
        "for every page, which takes four times as long.",
    )
    tile: Annotated[Literal["off", "auto"], Option("Pages")] = Field(
        "auto", description="Look at drawings larger than A3 also in tiles of the size of A4."
    )
    dewarp: Annotated[Literal["off", "auto", "all"], Option("Pages")] = Field(
        "auto",
        description="Lay the sheet of paper in a picture flat before marks are looked for: auto does so in "
        "photographs, all in every picture in which a sheet is seen. Boxes refer to the picture as it is; PDFs are "
        "never changed.",
    )
    read_codes: Annotated[bool, Option("Output", name="codes")] = Field(True, description="Read what QR codes say.")
    code_class: Annotated[Name, Option("Output")] = Field("qr", description="The class whose marks are QR codes.")
    device: Annotated[str, Option("Speed", shown=True, unset=FREE_DEVICE)] = Field(
        "", description="Device that runs the network: cpu, the number of a GPU, or several numbers such as 0,1."
    )
    engine: Annotated[Literal["auto", "openvino", "onnx", "torch", "tensorrt"], Option("Speed")] = Field(
        "auto", description="Library that runs the network; auto is openvino on a CPU and torch on a GPU."
    )
    precision: Annotated[Literal["auto", "fp32", "bf16", "fp16", "int8"], Option("Speed")] = Field(
        "auto", description="Arithmetic of the network; auto is the fastest that this machine has natively."
    )
    batch: Annotated[Count, Option("Speed", unset="what suits the engine")] = Field(
        0, description="Number of pages in one call of the network."
    )
    trim: Annotated[Literal["off", "auto"], Option("Speed")] = Field(
        "auto", description="Leave out the blank borders of pages on CPUs, which saves time."
    )
    workers: Annotated[Count, Option("Speed", shown=True, unset="one per core")] = Field(0, description=WORKERS)
    doc_timeout_s: Annotated[Positive, Option("Limits", name="doc-timeout", metavar="SECONDS")] = Field(
        PAGE_TIME_LIMIT_S,
        description="Seconds that one page may take to render. If a page takes longer, the rest of its document is not "
        "read.",
    )
    doc_memory_mb: Annotated[int, Field(ge=256), Option("Limits", name="doc-memory", metavar="MIB")] = Field(
        PROCESS_MEMORY_MB,
        description="Memory in MiB that a process may take to render pages. A page that needs more fails. The limit "
        "works on Linux only.",
    )
