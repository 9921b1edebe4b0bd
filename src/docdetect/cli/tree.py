"""The table of all commands, grouped by stage, with the module of each; this module imports nothing heavy."""

from __future__ import annotations

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
        "Make a checked, split, drawn YOLO dataset of documents and annotations",
        extra="data",
    ),
    Entry("convert", "Data", "convert:convert", "Render documents as one PNG for each page"),
    Entry("labels", "Data", "labels:labels", "Write YOLO labels from JSON annotations"),
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
        "Compare the protocol of the original system with one without leaks",
        extra="train",
    ),
    Entry(
        "compare", "Model", "compare:compare", "Put runs side by side and tell a difference from noise", extra="train"
    ),
    Entry("calibrate", "Model", "calibrate:calibrate", "Turn confidence into probability", extra="train"),
    Entry(
        "promote",
        "Model",
        "promote:promote",
        "Let new weights take the place of the present ones, if they are as good",
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
