"""What a configuration may say: every section, key, type, range and default, and the option that each key becomes.

The one place where a setting is described: the options of the commands, their help, and the comments of the files in
configs/ are made from it. A description is a full sentence, and `Option` says where the option stands. This module
imports pydantic, so that other modules import it inside functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from docdetect.config.limits import PAGE_TIME_LIMIT_S, PROCESS_MEMORY_MB
from docdetect.config.option import Option

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
Degrees = Annotated[float, Field(ge=0, le=180)]
Dpi = Annotated[int, Field(ge=20, le=1200)]

# Long side of the picture that a network sees, in px: networks halve it five times, so that it is a multiple of 32.
ImageSize = Annotated[int, Field(ge=32, le=8192, multiple_of=32)]
WindowSide = Annotated[int, Field(ge=0, le=8192, multiple_of=32)]
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

# Sizes of pictures in a list.
Sizes = Annotated[tuple[ImageSize, ...], Field(strict=False), BeforeValidator(_as_numbers)]

# Options that several sections have in the same words.
_DEVICE = "Device that runs the network: cpu, or the number of a GPU."
_FREE_DEVICE = "a GPU where there is one, else the CPU"
_DATASET = "Dataset: its data.yaml, or the folder that holds data.yaml."
_WEIGHTS = "Weights: a file, a run folder, the folder of an export, a bundled name, or last (the newest training run)."
_BUNDLED = "the bundled weights, else those of the newest training run"
_IMGSZ = "Long side of the page that the network sees, in px."
_TRAINED_SIZE = "the size that the weights were trained at"
_IOU = "IoU above which non-maximum suppression drops the less confident of two boxes."
_RUNS = "Folder in which run folders are made."
_RUN_NAME = "Name of the run folder; the date and time follow it."
_WORKERS = "Number of processes that render pages."


class Section(BaseModel):
    """Strict keys and types: `batch: "16"` and unknown keys are errors, `lr0: 1` is a float.

    The validators are built when a section is first made, which keeps the help of a command fast.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)


def _as_floats(value: object) -> object:
    """Texts of numbers as numbers; anything else is returned as it is. Raises ValueError."""
    if not isinstance(value, (list, tuple)):
        return value
    return tuple(float(one) if isinstance(one, (str, int)) and not isinstance(one, bool) else one for one in value)


# The smallest and the largest scale.
ScaleRange = Annotated[tuple[Positive, Positive], Field(strict=False), BeforeValidator(_as_floats)]


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
        "", description="Folder of fonts that are used besides those of the system."
    )
    system_fonts: Annotated[bool, Option("Input")] = Field(True, description="Use the fonts of the system.")
    ink: Annotated[str, Option("Input", shown=True, metavar="FILE", unset="drawn signatures only")] = Field(
        "", description="Recorded handwriting as JSON lines, compressed with gzip or not, which becomes signatures."
    )
    marks: Annotated[str, Option("Input", shown=True, metavar="FOLDER", unset="drawn marks only")] = Field(
        "", description="Folder of cut-outs of real marks (docdetect cutouts), which are pasted besides drawn marks."
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
        "data/datasets/main", min_length=1, description=_DATASET
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
        0.4, description="Quality score, from 0 to 1, below which a cut-out is written and not kept."
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
    workers: Annotated[Count, Option("Speed", shown=True, unset="one per core")] = Field(0, description=_WORKERS)
    overwrite: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Replace cut-outs of other pages or settings, and what was decided about them."
    )


# Commands that read documents together with their annotations.
_LABELLED = {"prepare": "", "labels": "", "split": "", "audit": "", "reproduce": ""}
# Commands that divide pages into splits.
_SPLITTING = {"prepare": "", "split": ""}


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
    dpi: Annotated[Dpi, Option("Pages", shown=True, commands={"convert": "", "prepare": "", "labels": ""})] = Field(
        200,
        description="Resolution of rendered pages in px per inch. It applies where the size is dpi, and to pages for "
        "which the annotations name no size.",
    )
    long_side: Annotated[
        int,
        Field(ge=64, le=20000),
        Option("Pages", shown=True, commands={"convert": "", "prepare": "", "labels": ""}),
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
        0, description="Number of manifests that split writes. Each part is the validation split of one manifest."
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
        description="What happens to pages, of documents that the annotations list, that the annotations do not list: "
        "empty takes them as pages without marks, skip leaves them out, auto is skip with add_to or test_pages, where "
        "people have looked at single pages, and empty otherwise.",
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
    ] = Field(0, description=_WORKERS)

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


class TrainConfig(Section):
    """The training recipe, in Ultralytics' terms. The defaults are the values of the original system, except that
    training starts from the bundled weights.
    """

    data: Annotated[TrainingData, Option("Input", shown=True, metavar="PATH[=WEIGHT]")] = Field(
        "data/datasets/main/data.yaml",
        description="Dataset: its data.yaml, or the folder that holds data.yaml. Several are drawn in proportion to "
        "weight times the square root of their pages.",
    )
    name: Annotated[Name, Option("Output", shown=True)] = Field("yolo11s_frozen10", description=_RUN_NAME)
    runs: Annotated[str, Option("Output", metavar="FOLDER")] = Field("runs/train", description=_RUNS)
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
        description="Weights whose answers the networks learn, on all views, labelled or not; they need views: device. "
        "With first, the first of several networks teaches the others while it learns, with its averaged weights.",
    )
    start: Annotated[Literal["random", "slices"], Option("Model")] = Field(
        "random",
        description="What an architecture starts from: random weights, or slices, which are those channels of the "
        "teacher that vary most; both must be of one family, such as yolo11n and docdetect-s.",
    )
    teacher_weight: Annotated[NotNegative, Option("Losses")] = Field(
        1.0, description="Weight of what the teacher answers beside what is labelled."
    )
    teacher_features: Annotated[NotNegative, Option("Losses", unset="off")] = Field(
        0.0,
        description="Weight, at the start of a training, of the teacher's feature maps beside what is labelled; it "
        "falls along a line to a sixth. Networks that start as slices of the teacher can learn them.",
    )
    freeze: Annotated[Count, Option("Model")] = Field(
        10, description="Number of layers, counted from the input, that keep their weights. Ten is the backbone."
    )
    epochs: Annotated[AtLeastOne, Option("Length", shown=True)] = Field(60, description="Most epochs of the training.")
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
        0, description="Number of steps of a training with views: device that has no time to keep to."
    )
    checkpoint_s: Annotated[NotNegative, Option("Length")] = Field(
        300.0, description="Seconds between two checkpoints of a training with views: device."
    )
    imgsz: Annotated[ImageSize, Option("Pages", shown=True)] = Field(1024, description=_IMGSZ)
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
    device: Annotated[str, Option("Speed", shown=True, unset=_FREE_DEVICE)] = Field("", description=_DEVICE)
    precision: Annotated[Literal["auto", "fp32", "bf16"], Option("Speed", shown=True)] = Field(
        "auto",
        description="Arithmetic of the forward pass; auto is bf16 where bf16 is faster. Losses, weights and evaluation "
        "are always in fp32.",
    )
    workers: Annotated[Count, Option("Speed", shown=True)] = Field(
        8, description="Most processes that load pages. On a CPU there is one for four cores."
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
        0.937, description="Momentum of SGD, or beta 1 of Adam and its relatives."
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
        "randaugment", description="Random changes of the looks of ink and paper; null turns them off."
    )
    erasing: Annotated[float, Field(ge=0, le=0.9), Option("Augmentation")] = Field(
        0.4,
        description="Share of the pages with patches painted over. Never more than half of a mark is hidden.",
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


class ValConfig(Section):
    """How predictions are compared with ground truth."""

    data: Annotated[str, Option("Input", shown=True, metavar="PATH")] = Field(
        "data/datasets/main/data.yaml", min_length=1, description=_DATASET
    )
    split: Annotated[Literal["train", "val", "test"], Option("Input", shown=True)] = Field(
        "val", description="Split of the dataset whose pages are looked at."
    )
    runs: Annotated[str, Option("Output", metavar="FOLDER")] = Field("runs/val", description=_RUNS)
    name: Annotated[Name, Option("Output", shown=True)] = Field("val", description=_RUN_NAME)
    weights: Annotated[str, Option("Model", shown=True, metavar="WEIGHTS", unset=_BUNDLED)] = Field(
        "", description=_WEIGHTS
    )
    conf: Annotated[Fraction, Option("Model", shown=True)] = Field(
        0.25,
        description="Confidence threshold of precision, recall and the confusion matrix. Average precision uses all "
        "confidences.",
    )
    iou: Annotated[Fraction, Option("Model", shown=True)] = Field(0.7, description=_IOU)
    imgsz: Annotated[ImageSize | None, Option("Model", shown=True, unset=_TRAINED_SIZE)] = Field(
        None, description=_IMGSZ
    )
    batch: Annotated[AtLeastOne, Option("Speed", shown=True)] = Field(
        16, description="Number of pages in one call of the network."
    )
    device: Annotated[str, Option("Speed", shown=True, unset=_FREE_DEVICE)] = Field("", description=_DEVICE)
    engine: Annotated[
        Literal["", "auto", "openvino", "onnx", "torch", "tensorrt"],
        Option("Speed", shown=True, unset="torch, or what an export was made for"),
    ] = Field("", description="Library that runs the network; auto is the fastest on this machine.")
    precision: Annotated[
        Literal["", "auto", "fp32", "bf16", "fp16", "int8"],
        Option("Speed", shown=True, unset="fp32, or int8 for an export in int8"),
    ] = Field("", description="Arithmetic of the network; auto is the fastest on this machine.")
    workers: Annotated[Count, Option("Speed")] = Field(2, description="Number of processes that load pages.")


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
        description="Passwords that are tried on encrypted PDFs, in this order. Docdetect writes them nowhere, but "
        "other users of the machine may see a command line: prefer a password file.",
    )
    password_file: Annotated[str, Option("Input", shown=True, metavar="FILE", unset="none")] = Field(
        "", description="Text file with a password of encrypted PDFs on each line."
    )
    output: Annotated[str, Option("Output", shown=True, metavar="FOLDER", unset="runs/infer/<name>_<date>_<time>")] = (
        Field("", description="Folder of the results.")
    )
    runs: Annotated[str, Option("Output", metavar="FOLDER")] = Field("runs/infer", description=_RUNS)
    name: Annotated[Name, Option("Output")] = Field("infer", description=_RUN_NAME)
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
        description="Keep every page as a clean picture, in images/, which the files for other tools name; their boxes "
        "fit these pictures.",
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
        description="End with exit code 7 when a document lacks a required class, or when only a person can say "
        "whether it does: a possible mark, or a part that could not be seen.",
    )
    overwrite: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Replace the results in the output folder."
    )
    resume: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Go on from the results in the output folder."
    )
    weights: Annotated[str, Option("Model", shown=True, metavar="WEIGHTS", unset=_BUNDLED)] = Field(
        "", description=_WEIGHTS
    )
    fast: Annotated[bool, Option("Speed")] = Field(
        False,
        description="Use the weights docdetect-n, a smaller network: faster, and not as good. `docdetect weights` says "
        "whether they are bundled.",
    )
    screen: Annotated[str, Option("Speed", metavar="WEIGHTS", unset="off")] = Field(
        "",
        description="Weights of a smaller network, such as docdetect-n, that looks at every page first. Pages on which "
        "it sees nothing are not looked at by the network itself, which saves time on archives most of whose pages "
        "carry no mark.",
    )
    screen_conf: Annotated[Fraction, Option("Speed")] = Field(
        0.05, description="Lowest confidence at which the network of screen sees something on a page."
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
        "value and conf; they are no marks, but a document with one does not count as lacking the class. 1 turns this "
        "off.",
    )
    iou: Annotated[Fraction, Option("Model")] = Field(0.7, description=_IOU)
    imgsz: Annotated[ImageSize | None, Option("Model", unset=_TRAINED_SIZE)] = Field(None, description=_IMGSZ)
    scales: Annotated[Sizes, Option("Model", metavar="PX,...", commas=True, unset="imgsz alone")] = Field(
        (),
        description="Smaller long sides at which the network sees every page as well, such as 768. A mark then has the "
        "mean of its confidences at all sizes: more marks and fewer false alarms, for 1.6 times the time with 768.",
    )
    second_look: Annotated[bool, Option("Speed")] = Field(
        False,
        description="See every page at the smallest of the scales first, and at the other sizes only where something "
        "there was unsure: faster than one size on clean archives most of whose pages carry no mark. Needs scales.",
    )
    dpi: Annotated[Dpi, Option("Pages")] = Field(
        200,
        description="Resolution, in px per inch, of the pages of PDFs to which boxes refer. Images keep their "
        "own pixels.",
    )
    rotations: Annotated[Literal["off", "auto", "all"], Option("Pages")] = Field(
        "auto",
        description="Look at turned pages, too: auto does so for pages whose text runs up or down, all for every page, "
        "which takes four times as long.",
    )
    tile: Annotated[Literal["off", "auto"], Option("Pages")] = Field(
        "auto", description="Look at drawings larger than A3 also in tiles of the size of A4."
    )
    dewarp: Annotated[Literal["off", "auto", "all"], Option("Pages")] = Field(
        "auto",
        description="Lay the sheet of paper in a photograph flat before marks are looked for; boxes refer to the "
        "photograph as it is. auto leaves scans as they are, all does not; PDFs are never touched.",
    )
    read_codes: Annotated[bool, Option("Output", name="codes")] = Field(True, description="Read what QR codes say.")
    code_class: Annotated[Name, Option("Output")] = Field("qr", description="The class whose marks are QR codes.")
    device: Annotated[str, Option("Speed", shown=True, unset=_FREE_DEVICE)] = Field(
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
    workers: Annotated[Count, Option("Speed", shown=True, unset="one per core")] = Field(0, description=_WORKERS)
    doc_timeout_s: Annotated[Positive, Option("Limits", name="doc-timeout", metavar="SECONDS")] = Field(
        PAGE_TIME_LIMIT_S,
        description="Seconds that one page may take to render; the document fails when a page takes longer.",
    )
    doc_memory_mb: Annotated[int, Field(ge=256), Option("Limits", name="doc-memory", metavar="MIB")] = Field(
        PROCESS_MEMORY_MB,
        description="Memory in MiB that a process may take to render a document; the document fails when it takes "
        "more. The limit is kept on Linux.",
    )


class ExportConfig(Section):
    """How weights are converted for an engine, and how engines are compared."""

    output: Annotated[
        str, Option("Output", shown=True, metavar="FOLDER", unset="runs/export/<weights>_<engine>; none with --check")
    ] = Field("", description="Folder of the exported network.")
    overwrite: Annotated[bool, Option("Output", shown=True)] = Field(False, description="Replace an earlier export.")
    weights: Annotated[str, Option("Model", shown=True, metavar="WEIGHTS", unset=_BUNDLED)] = Field(
        "", description=_WEIGHTS
    )
    engine: Annotated[Literal["openvino", "onnx", "tensorrt"], Option("Model", shown=True)] = Field(
        "openvino", description="Engine in whose format the network is written."
    )
    precision: Annotated[Literal["fp32", "int8"], Option("Model", shown=True)] = Field(
        "fp32", description="Arithmetic of the exported network; int8 is for openvino only."
    )
    calibration: Annotated[str, Option("Input", shown=True, metavar="PATH", unset="none")] = Field(
        "", description="A dataset, or a folder of documents, on whose pages int8 finds its ranges."
    )
    check: Annotated[str, Option("Input", shown=True, metavar="PATH", unset="none")] = Field(
        "",
        description="A dataset, or a folder of documents, on whose pages all engines of this machine are compared with "
        "torch in fp32.",
    )
    pages: Annotated[AtLeastOne, Option("Input", shown=True)] = Field(
        100, description="Most pages that the comparison and the ranges of int8 use."
    )
    conf: Annotated[Fraction, Option("Model", shown=True)] = Field(
        0.15, description="Confidence from which on the marks of two engines have to agree."
    )
    iou: Annotated[Fraction, Option("Model")] = Field(0.7, description=_IOU)
    imgsz: Annotated[ImageSize | None, Option("Model", shown=True, unset=_TRAINED_SIZE)] = Field(
        None, description=_IMGSZ
    )
    device: Annotated[str, Option("Speed", shown=True, unset=_FREE_DEVICE)] = Field("", description=_DEVICE)


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
    runs: Annotated[str, Option("Output", metavar="FOLDER")] = Field("runs/crossval", description=_RUNS)
    name: Annotated[Name, Option("Output", shown=True)] = Field("crossval", description=_RUN_NAME)


class ReproduceConfig(Section):
    """Where the protocol of the original system and one without leaks are run side by side.

    The documents and the recipe are those of the sections data and train.
    """

    runs: Annotated[str, Option("Output", metavar="FOLDER")] = Field("runs/reproduce", description=_RUNS)
    name: Annotated[Name, Option("Output", shown=True)] = Field("reproduce", description=_RUN_NAME)


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
        description="Further datasets that are trained on together with the first one, between which leaks are looked "
        "for, too. Those of train.data in the configuration need not be named.",
    )
    imgsz: Annotated[ImageSize | None, Option("Model", unset=_TRAINED_SIZE)] = Field(None, description=_IMGSZ)
    device: Annotated[str, Option("Speed", shown=True, unset=_FREE_DEVICE)] = Field("", description=_DEVICE)
    fix: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Also write annotations in which everything that is safe to correct is corrected."
    )
    pictures: Annotated[Count, Option("Output")] = Field(
        60, description="Most findings, and most leaks, that are drawn."
    )
    runs: Annotated[str, Option("Output", metavar="FOLDER")] = Field("runs/audit", description=_RUNS)
    name: Annotated[Name, Option("Output", shown=True)] = Field("audit", description=_RUN_NAME)


class WeightsConfig(Section):
    """The bundled weights, and how weights become bundled ones."""

    pack: Annotated[str, Option("Input", shown=True, metavar="WEIGHTS", unset="only list the bundled weights")] = Field(
        "", description="Weights to bundle: a run folder, last (the newest training run), or a .pt file."
    )
    calibration: Annotated[str, Option("Input", shown=True, metavar="PATH", unset="no int8 form")] = Field(
        "",
        description="A dataset, or a folder of documents, on whose pages int8 finds its ranges.",
    )
    pages: Annotated[AtLeastOne, Option("Input")] = Field(300, description="Most pages that the ranges of int8 use.")
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


class SelectConfig(Section):
    """Which pages of a run of infer are labelled next."""

    run: Annotated[str, Option("Input", shown=True, metavar="RUN", unset="the newest run of infer")] = Field(
        "", description="Folder that infer wrote, or last (the newest)."
    )
    data: Annotated[str, Option("Input", shown=True, metavar="PATH", unset="none")] = Field(
        "", description="Dataset whose pages are labelled already and are left out."
    )
    count: Annotated[AtLeastOne, Option("Contents", shown=True)] = Field(
        50, description="Number of pages in the queue."
    )
    random_share: Annotated[float, Field(ge=0, lt=1), Option("Contents", shown=True)] = Field(
        0.15,
        description="Share of the queue that is drawn at random among all pages and kept for tests: on pages that were "
        "chosen because they are difficult, every network looks worse than it is.",
    )
    seed: Annotated[Count, Option("Reproducibility", shown=True)] = Field(
        0, description="Seed of the pages that are drawn at random."
    )
    diversity: Annotated[Literal["features", "off"], Option("Contents", shown=True)] = Field(
        "features",
        description="Look at the best pages again, leave out near-duplicates and choose pages that differ by the "
        "features of the network; off takes what the run has written, and needs neither documents nor weights.",
    )
    weights: Annotated[str, Option("Model", metavar="WEIGHTS", unset="those that the run names")] = Field(
        "", description="Weights of the run, where they lie elsewhere now."
    )
    overwrite: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Replace the queue in the folder of the run."
    )


class PromoteConfig(Section):
    """Which weights take the place of the present ones, and on which pages they have to be as good."""

    weights: Annotated[str, Option("Model", shown=True, metavar="WEIGHTS")] = Field(
        "last", description="New weights: a file, a run folder, or last (the newest training run)."
    )
    to: Annotated[str, Option("Output", shown=True, metavar="FILE")] = Field(
        "runs/weights/current.pt",
        min_length=1,
        description="File that infer takes the weights from. The weights in it are the present ones.",
    )
    present: Annotated[str, Option("Model", metavar="WEIGHTS", unset=_BUNDLED)] = Field(
        "", description="Present weights where nothing was promoted yet."
    )
    data: Annotated[str, Option("Input", shown=True, metavar="PATH")] = Field(
        "data/datasets/main", min_length=1, description="Dataset with pages for tests."
    )
    force: Annotated[str, Option("Output", shown=True, metavar="REASON", unset="refuse weights that are worse")] = (
        Field("", description="Take the new weights whatever the figures are, for this reason, which is kept.")
    )
    back: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Put the weights back that were there before the present ones."
    )
    imgsz: Annotated[ImageSize | None, Option("Model", unset=_TRAINED_SIZE)] = Field(None, description=_IMGSZ)
    device: Annotated[str, Option("Speed", shown=True, unset=_FREE_DEVICE)] = Field("", description=_DEVICE)


class ServeConfig(Section):
    """Where the HTTP service listens, what it keeps, and how much of everything it takes."""

    host: Annotated[str, Option("Network", shown=True, metavar="ADDRESS")] = Field(
        "127.0.0.1",
        min_length=1,
        description="Address on which the service listens. Any address but that of this machine itself needs a token "
        "file.",
    )
    port: Annotated[int, Field(ge=0, le=65535), Option("Network", shown=True)] = Field(
        8000, description="Port on which the service listens; 0 takes a free one."
    )
    token_file: Annotated[str, Option("Network", shown=True, metavar="FILE", unset="none")] = Field(
        "",
        description="Text file with the token that every request has to bring, as Authorization: Bearer TOKEN or as "
        "X-API-Key: TOKEN.",
    )
    allow_origins: Annotated[
        tuple[str, ...], Option("Network", name="allow-origin", metavar="ORIGIN", aliases=("allow-origins",))
    ] = Field(
        (),
        strict=False,
        description="Origin of web pages of other hosts that may use the service from a browser, such as "
        "https://scans.example.org.",
    )
    source_url: Annotated[str, Option("Network", metavar="URL", unset="the service gives its own source code")] = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Where users of the service find its source code, which the licence wants them to be offered.",
    )
    compat: Annotated[bool, Option("Network", shown=True)] = Field(
        False, description="Also answer at the addresses of the original system, for its front end and its clients."
    )
    folder: Annotated[str, Option("Output", shown=True, metavar="FOLDER")] = Field(
        "runs/serve", min_length=1, description="Folder of the jobs: their documents, their results and jobs.sqlite."
    )
    keep: Annotated[int, Field(ge=0, le=36500), Option("Output", shown=True, metavar="DAYS")] = Field(
        7, description="Days after which ended jobs are deleted with their documents and results; 0 keeps them."
    )
    queue: Annotated[AtLeastOne, Option("Limits")] = Field(
        100, description="Most jobs that wait. Further jobs are refused with status 429 until one is done."
    )
    parallel: Annotated[AtLeastOne, Option("Limits")] = Field(
        4, description="Most requests of /v1/detect that are worked on at once. Others are refused with status 429."
    )
    max_upload_mb: Annotated[AtLeastOne, Option("Limits", name="max-upload", metavar="MIB")] = Field(
        1024, description="Most MiB of a request."
    )
    max_documents: Annotated[AtLeastOne, Option("Limits")] = Field(1000, description="Most documents of a job.")
    max_pages: Annotated[AtLeastOne, Option("Limits")] = Field(
        10_000, description="Most pages of all documents of a request together."
    )
    detect_timeout_s: Annotated[Positive, Option("Limits", name="detect-timeout", metavar="SECONDS")] = Field(
        120.0, description="Most seconds that /v1/detect may work on a document."
    )
    job_timeout_s: Annotated[Positive, Option("Limits", name="job-timeout", metavar="SECONDS")] = Field(
        86_400.0,
        description="Most seconds that a job may be worked on. What was worked before the service was killed does not "
        "count.",
    )
    min_free_mb: Annotated[Count, Option("Limits", name="min-free", metavar="MIB")] = Field(
        1024, description="MiB of the disk that stay free: requests that would need them are refused with status 507."
    )


class Config(Section):
    """All sections; a file may hold any of them."""

    data: DataConfig = Field(default_factory=DataConfig)
    labels: LabelsConfig = Field(default_factory=LabelsConfig)
    train: TrainConfig = Field(default_factory=TrainConfig)
    val: ValConfig = Field(default_factory=ValConfig)
    infer: InferConfig = Field(default_factory=InferConfig)
    grouping: GroupingConfig = Field(default_factory=GroupingConfig)
    export: ExportConfig = Field(default_factory=ExportConfig)
    figures: FiguresConfig = Field(default_factory=FiguresConfig)
    crossval: CrossvalConfig = Field(default_factory=CrossvalConfig)
    reproduce: ReproduceConfig = Field(default_factory=ReproduceConfig)
    synth: SynthConfig = Field(default_factory=SynthConfig)
    cutouts: CutoutsConfig = Field(default_factory=CutoutsConfig)
    audit: AuditConfig = Field(default_factory=AuditConfig)
    weights: WeightsConfig = Field(default_factory=WeightsConfig)
    serve: ServeConfig = Field(default_factory=ServeConfig)
    select: SelectConfig = Field(default_factory=SelectConfig)
    promote: PromoteConfig = Field(default_factory=PromoteConfig)
