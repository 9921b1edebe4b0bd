"""The table of all commands, grouped by stage, with the module of each; this module imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One command.

    Attributes:
        name: as typed.
        stage: heading under which `docdetect --help` lists it.
        target: `module:attribute` inside docdetect.cli; a function, or a Typer app for a group of commands.
        summary: one line, without full stop.
        extra: the extra of the package that the command needs, see `docdetect.machine.EXTRA_MODULES`; "" for none.
    """

    name: str
    stage: str
    target: str
    summary: str
    extra: str = ""


TREE = (
    Entry(
        "prepare",
        "Data",
        "prepare:prepare",
        "Make a checked YOLO dataset from documents and annotations",
        extra="data",
    ),
    Entry("convert", "Data", "convert:convert", "Render documents as one PNG for each page"),
    Entry("labels", "Data", "labels:labels", "Write YOLO labels, or convert annotations between formats"),
    Entry(
        "split", "Data", "split:split", "Divide groups, documents or pages into training and validation", extra="data"
    ),
    Entry("visualize", "Data", "visualize:visualize", "Draw the ground-truth boxes on every page"),
    Entry("synth", "Data", "synth:synth", "Make documents with exact labels, to train on", extra="data"),
    Entry("cutouts", "Data", "cutouts:cutouts", "Cut marks out of labelled pages, for made-up documents", extra="data"),
    Entry("audit", "Data", "audit:audit", "Find suspicious labels, and leaks between the splits", extra="data"),
    Entry("select", "Data", "select:select", "Choose which pages of a run to label next", extra="data"),
    Entry("train", "Model", "train:train", "Train a detector with the recipe of a configuration", extra="train"),
    Entry(
        "val",
        "Model",
        "val:val",
        "Compare predictions with ground truth: figures, plots, the worst errors",
        extra="train",
    ),
    Entry(
        "crossval",
        "Model",
        "crossval:crossval",
        "Evaluate a recipe on pages that its networks have not seen",
        extra="train",
    ),
    Entry(
        "reproduce",
        "Model",
        "reproduce:reproduce",
        "Train with the split of the original system and with one without leaks",
        extra="train",
    ),
    Entry("compare", "Model", "compare:compare", "Compare runs, and tell a difference from noise", extra="train"),
    Entry("calibrate", "Model", "calibrate:calibrate", "Turn confidence into probability", extra="train"),
    Entry(
        "promote",
        "Model",
        "promote:promote",
        "Replace the present weights by new ones if these are as good",
        extra="train",
    ),
    Entry("runs", "Model", "runs:group", "Look at training and evaluation runs"),
    Entry("weights", "Model", "weights:weights", "List and check the bundled weights, or bundle new ones"),
    Entry("infer", "Use", "infer:infer", "Find marks in a folder of PDFs and images"),
    Entry("serve", "Use", "serve:serve", "Find marks in documents that are sent over HTTP", extra="serve"),
    Entry(
        "review", "Use", "review:review", "Look at the results of a run in a browser, and correct them", extra="serve"
    ),
    Entry("export", "Use", "export:export", "Convert weights for an engine, and compare engines", extra="train"),
    Entry("config", "Setup", "config:group", "Show or check a configuration"),
    Entry("doctor", "Setup", "doctor:doctor", "Check this machine and installation"),
)

GLOBAL_OPTIONS = (
    ("-v, --verbose", "Say more: settings, files, times."),
    ("-q, --quiet", "Say only what went wrong."),
    ("--json", "Summary as JSON on stdout, the rest on stderr."),
    ("--version", "Show the version."),
    ("--install-completion", "Install completion for the current shell."),
    ("--show-completion", "Show that completion, to copy it."),
    ("-h, --help", "Show this message; after a command, its options."),
)

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "active-learning": ("select",),
    "annotate": ("review", "labels"),
    "annotations": ("labels",),
    "api": ("serve",),
    "benchmark": ("export",),
    "bundle": ("weights",),
    "check": ("doctor", "config"),
    "coco": ("labels",),
    "correct": ("review",),
    "crop": ("cutouts", "infer"),
    "cross-validate": ("crossval",),
    "dataset": ("prepare",),
    "deploy": ("promote", "serve"),
    "detect": ("infer",),
    "detections": ("infer",),
    "download": ("weights",),
    "draw": ("visualize", "infer"),
    "duplicates": ("audit",),
    "engines": ("export", "doctor"),
    "eval": ("val",),
    "evaluate": ("val",),
    "find": ("infer",),
    "finetune": ("train",),
    "fit": ("train",),
    "folds": ("split", "crossval"),
    "generate": ("synth",),
    "import": ("labels",),
    "inference": ("infer",),
    "info": ("doctor",),
    "init": ("prepare",),
    "label": ("review", "labels"),
    "leaks": ("audit",),
    "lint": ("audit",),
    "model": ("weights",),
    "models": ("weights",),
    "onnx": ("export",),
    "openvino": ("export",),
    "pack": ("weights",),
    "page-images": ("convert",),
    "plot": ("visualize",),
    "predict": ("infer",),
    "preprocess": ("prepare",),
    "quantize": ("export",),
    "rasterize": ("convert",),
    "render": ("convert",),
    "rollback": ("promote",),
    "run": ("infer",),
    "sample": ("select",),
    "scan": ("infer",),
    "server": ("serve",),
    "settings": ("config",),
    "show": ("visualize", "review"),
    "stats": ("audit", "runs"),
    "synthesize": ("synth",),
    "tensorrt": ("export",),
    "test": ("val",),
    "thresholds": ("calibrate",),
    "validate": ("val",),
    "view": ("visualize", "review"),
    "web": ("serve",),
    "yolo": ("labels", "prepare"),
}
"""What people type in search of a command that has another name -> the commands that do it, the likeliest first."""


def commands_like(typed: str) -> list[Entry]:
    """The commands that somebody may mean who typed a word that is no command; none where nothing resembles it.

    A known synonym decides; else the commands that begin with the word; else the commands and synonyms that are
    spelled much like it.
    """
    import difflib

    word = typed.casefold().replace("_", "-")
    by_name = {entry.name: entry for entry in TREE}
    if word in SYNONYMS:
        return [by_name[name] for name in SYNONYMS[word]]
    near = [name for name in by_name if len(word) > 1 and name.startswith(word)]
    near = near or difflib.get_close_matches(word, [*by_name, *SYNONYMS], n=2, cutoff=0.7)
    near = near or difflib.get_close_matches(word, by_name, n=1, cutoff=0.6)
    found = [name for one in near for name in SYNONYMS.get(one, (one,))]
    return [by_name[name] for name in dict.fromkeys(found)][:3]
