"""The page that a finished training ends with, `report.html`, and the curves over the epochs, `results.png`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from docdetect.config.schema import Config, TrainConfig
from docdetect.files import write_bytes, write_text
from docdetect.metrics.errors import confusion_matrix
from docdetect.metrics.evaluation import FEW_MARKS
from docdetect.metrics.figures import ClassFigures
from docdetect.metrics.matching import Matches, Sample
from docdetect.metrics.texts import ACCURACY_COLUMNS, accuracy_rows, share
from docdetect.reports.page import Picture, Report, Section, Table, Tile, jpeg_uri, picture_bytes, report_to_html
from docdetect.reports.plots import Axis, Colour, Line, line_plot, panels_plot
from docdetect.tables import read_csv
from docdetect.training.plots import confusion_plot, precision_recall_plot, threshold_plot
from docdetect.training.records import RunFolder

if TYPE_CHECKING:
    import pandas as pd

REPORT = "report.html"
_BLUE: Colour = (26, 95, 208)
_ORANGE: Colour = (208, 96, 16)
_PANELS: Mapping[str, tuple[tuple[str, Colour], ...]] = {
    "Average precision": (("AP50", _BLUE), ("AP50-95", _ORANGE)),
    "Precision and recall": (("precision", _BLUE), ("recall", _ORANGE)),
    "Loss of boxes": (("train_box", _BLUE), ("val_box", _ORANGE)),
    "Loss of classes": (("train_cls", _BLUE), ("val_cls", _ORANGE)),
    "Loss of the distribution of box sides": (("train_dfl", _BLUE), ("val_dfl", _ORANGE)),
    "Learning rate": (("learning_rate", _BLUE),),
}


def _data_name(config: Config) -> str:
    return ", ".join(source.path for source in config.train.sources)


def write_report(
    run: RunFolder,
    config: Config,
    figures: Sequence[ClassFigures],
    samples: Sequence[Sample],
    matches: Matches,
    names: Sequence[str],
) -> None:
    """Writes `report.html` and `results.png` into the folder of a finished training.

    Args:
        run: the run folder, with its table of epochs.
        config: the recipe, and the threshold of precision and recall.
        figures: of the best weights on the validation split, "all" first.
        samples, matches: the validation pages and what `match` says of them.
        names: class names in the order of their ids.

    Raises:
        InputError: the table of epochs is damaged.
        OutputError: a file cannot be written.
    """
    epochs = read_csv(run.metrics, ("epoch",))
    curves = _curves(epochs)
    write_bytes(run.path / "results.png", picture_bytes(panels_plot(curves, Axis("epoch"), form="png")))
    counts = confusion_matrix(samples, len(names), (config.val.conf,) * len(names))
    plots = []
    if figures[0].marks:
        plots = [
            precision_recall_plot(matches, names),
            threshold_plot(matches, names, "F1", mark_x=config.val.conf),
            confusion_plot(counts.tolist(), names, config.val.conf),
        ]
    report = Report(
        f"Training of {run.path.name}",
        f"{len(epochs)} epoch{'' if len(epochs) == 1 else 's'} on {_data_name(config)}",
        [
            Tile("AP50", share(figures[0].ap50.value)),
            Tile("AP50-95", share(figures[0].ap50_95.value)),
            Tile("Precision", share(figures[0].working.precision.value)),
            Tile("Recall", share(figures[0].working.recall.value)),
        ],
        _warnings(figures, len(matches.group_ids)),
        [
            Section(
                "Best weights on the validation split",
                (
                    "Average precision is COCO's, over detections of every confidence. Found, wrong, precision and "
                    f"recall count detections from confidence {config.val.conf:g} on, at IoU 0.5. “all” is the mean of "
                    "the classes that have marks. These pages chose the best epoch, so the figures flatter a little; "
                    "docdetect val --split test measures on pages that chose nothing.",
                ),
                plots,
                [Table(ACCURACY_COLUMNS, accuracy_rows(figures))],
            ),
            _epochs_section(epochs, curves),
            _pictures_section(run),
            _recipe_section(config.train),
        ],
        [("weights", run.best.as_posix()), ("dataset", _data_name(config)), ("input", f"{config.train.imgsz} px")],
    )
    write_text(run.path / REPORT, report_to_html(report))


def _warnings(figures: Sequence[ClassFigures], pages: int) -> list[str]:
    warnings = []
    for row in figures[1:]:
        if not row.marks:
            warnings.append(f"The validation split has no mark of class {row.name}: nothing can be said about it.")
        elif row.marks < FEW_MARKS:
            warnings.append(
                f"The validation split has few marks of class {row.name} ({row.marks}): one of them moves recall by "
                f"{1 / row.marks:.3f}."
            )
    return warnings if pages > 1 else [*warnings, "The validation split has a single page."]


def _curves(epochs: pd.DataFrame) -> list[tuple[str, list[Line]]]:
    """Title -> curves over the epochs, for the panels that have values."""
    import pandas as pd

    numbers = epochs.apply(pd.to_numeric, errors="coerce")
    panels = []
    for title, columns in _PANELS.items():
        lines = []
        for name, colour in columns:
            known = numbers[["epoch", name]].dropna() if name in numbers else numbers[:0]
            if len(known):
                lines.append(Line(name, known["epoch"].tolist(), known[name].tolist(), colour))
        if lines:
            panels.append((title, lines))
    return panels


def _epochs_section(epochs: pd.DataFrame, curves: Sequence[tuple[str, list[Line]]]) -> Section:
    columns = tuple(name for name in ("epoch", "seconds", "AP50", "AP50-95", "precision", "recall") if name in epochs)
    shown = epochs[[*columns, "best"]] if "best" in epochs else epochs[list(columns)]
    rows = [[_short(cell) for cell in row] for row in shown.itertuples(index=False)]
    text: tuple[str, ...] = (
        "After each epoch the network is evaluated on the validation split. The weights of the epoch with the highest "
        "AP50-95 are kept as best.pt.",
    )
    plots = []
    if len(epochs) > 1:
        plots = [line_plot(title, lines, Axis("epoch"), Axis("")) for title, lines in curves]
    if not plots:
        text += ("A single epoch has no curves.",)
    table = Table(tuple(map(str, shown.columns)), rows, f"All epochs ({len(rows)})", folded=len(rows) > 12)
    return Section("Over the epochs", text, plots, [table])


def _short(cell: str) -> str:
    """A figure of the table of epochs with three digits; other cells as they are."""
    return f"{float(cell):.3f}" if "." in cell else cell


def _pictures_section(run: RunFolder) -> Section:
    """The first batch as the network sees it."""
    import numpy as np
    from PIL import Image

    pictures = []
    file = run.path / "train_batch0.jpg"
    if file.is_file():
        with Image.open(file) as image:
            pictures.append(Picture(jpeg_uri(np.array(image.convert("RGB"))), "The first batch of training"))
    text = ("Pages as the network sees them in training, after augmentation.",) if pictures else ()
    return Section("Pages of training", text, pictures=pictures)


def _recipe_section(recipe: TrainConfig) -> Section:
    default = TrainConfig()
    changed = [
        [key, str(value), str(getattr(default, key))]
        for key, value in recipe.model_dump().items()
        if value != getattr(default, key)
    ]
    text = () if changed else ("The recipe is the default one.",)
    tables = [Table(("key of train", "here", "default"), changed)] if changed else []
    return Section("Recipe, where it differs from the default", text, tables=tables)
