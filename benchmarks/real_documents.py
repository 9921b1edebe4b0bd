"""Evaluates weights on sets of real documents: tables of docs/model-card.md and docs/experiments*.md.

    python -m benchmarks.real_documents [--weights FILE] [--data FOLDER] [--sets armeta,forms] [--gallery FOLDER]

The alternatives are other weights, engines and precisions: run the program once for each and compare the tables.

The bundled weights were trained on `signatures`, `stamps` and 40 pages of `forms`. None was trained on `armeta`, so
only `armeta` shows how good these weights are on documents that they have not seen.

Every page of every set is rendered with its long side at --imgsz px, as `infer` does. Evaluated is the raw output of
the network after non-maximum suppression at IoU 0.7, without parts of boxes with a higher confidence, from confidence
0.001 on, as `val` does it. Printed are COCO average precision with bootstrap intervals by group (the near-duplicates
that `split --by group` keeps together), and precision and recall at --conf before and after boxes are merged.

The documents are read where they lie, in ../shared/data unless --data names another folder. Nothing of them is kept,
except the pictures of errors that --gallery asks for.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from docdetect.annotations.cleaning import ClassRules, clean_page
from docdetect.annotations.yolo import labels_from_yolo
from docdetect.boxes import clip
from docdetect.datasets.ground_truth import read_annotations
from docdetect.datasets.groups import find_groups
from docdetect.datasets.page_fingerprints import fingerprint_documents
from docdetect.datasets.split import PageKey
from docdetect.documents.batches import PageOutcome, iter_rendered
from docdetect.documents.drawing import contact_sheet, write_image
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import DocumentFile, list_documents
from docdetect.evaluation.gallery import caption, error_crop
from docdetect.evaluation.predictions import class_ids
from docdetect.files import read_text, sha256_file
from docdetect.machine import processor_summary
from docdetect.metrics.errors import MistakeKind
from docdetect.metrics.evaluation import EvaluationSettings, evaluate
from docdetect.metrics.figures import BootstrapSettings, Figure
from docdetect.metrics.matching import Sample
from docdetect.metrics.merging_effect import StageFigures
from docdetect.models.engines.base import Engine
from docdetect.models.engines.select import load_engine
from docdetect.models.weights import DEFAULT_NAME, bundled_weights, resolve_weights
from docdetect.types import Detections, SizeWH
from docdetect.workers.parts import WorkerSettings

NAMES = ("qr", "signature", "stamp")

# Least confidence of predictions, and the IoU of non-maximum suppression.
MIN_CONF, NMS_IOU = 0.001, 0.7

# Errors on each contact sheet of a gallery.
GALLERY_ERRORS = 20

COLUMNS = ("set", "class", "pages", "marks", "AP50", "AP50-95", "at least", "target", "P / R raw", "P / R merged")

# A function that returns the labelled marks of a page: document, page number from 1 and size in px -> marks in px of
# that size, with the positions of NAMES as class ids.
GroundTruthOf: TypeAlias = Callable[[DocumentFile, int, SizeWH], Detections]


@dataclass(frozen=True)
class RealSet:
    """A set of real documents. Paths are relative to the data folder.

    Attributes:
        folder: folder of the documents.
        ground_truth: file of annotations, or folder of YOLO labels; "" where no page has a mark.
        goals: class -> the AP50 / AP50-95 that weights should reach at least, and the target; only these classes are
            evaluated.
        parts: prefixes of document names; the documents with each prefix have a row of their own.
    """

    folder: str
    ground_truth: str = ""
    goals: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    parts: tuple[str, ...] = ()


# False alarms per page that weights should reach at most, and the target, on sets without marks.
ALARM_GOALS = (".01", "0")

SETS = {
    "armeta": RealSet(
        "armeta/pdfs",
        "armeta/annotations.json",
        {
            "qr": (".99 / .90", "1.00 / .95"),
            "signature": (".75 / .40", ".92 / .60"),
            "stamp": (".99 / .82", "1.00 / .90"),
        },
    ),
    "signatures": RealSet("signatures/images", "signatures/labels", {"signature": (".65 / .35", ".85 / .55")}),
    "stamps": RealSet("stamps/images", "stamps/labels", {"stamp": (".82 / .54", ".90 / .65")}, ("ru_", "india_")),
    "forms": RealSet("forms"),
}


@dataclass(frozen=True)
class Asked:
    """How the sets are evaluated.

    Attributes:
        engine: the loaded weights.
        data: the data folder.
        imgsz: long side of every page, px.
        conf: confidence from which predictions count in precision, recall and false alarms.
        every: 1 for all documents, n for every n-th document alone.
        resamples: resamples of the bootstrap.
        gallery: folder for pictures of the worst errors; None for no pictures.
    """

    engine: Engine
    data: Path
    imgsz: int
    conf: float
    every: int
    resamples: int
    gallery: Path | None


def read_ground_truth(file: Path) -> GroundTruthOf:
    """Reads the labels in a file of annotations or in a folder of YOLO labels. Raises InputError: a file is damaged."""
    annotations = {} if file.is_dir() else read_annotations(file)

    def of_page(document: DocumentFile, number: int, size_wh: SizeWH) -> Detections:
        if file.is_dir():
            labels = file / f"{Path(document.name).stem}.txt"
            return labels_from_yolo(read_text(labels), size_wh, str(labels)).boxes
        page = annotations.get(document.name, {}).get(number)
        if page is None:
            return no_marks(document, number, size_wh)
        marks = clean_page(page, ClassRules(NAMES), document.name, number)[0].scaled(size_wh)
        return replace(marks, xyxy=clip(marks.xyxy, size_wh))

    return of_page


def no_marks(document: DocumentFile, number: int, size_wh: SizeWH) -> Detections:
    """The `GroundTruthOf` of documents without any mark."""
    return Detections.none(size_wh, scored=False)


def iter_samples(
    files: Sequence[DocumentFile], ground_truth: GroundTruthOf, engine: Engine, imgsz: int
) -> Iterator[Sample]:
    """Yields every page with its labelled marks and its predictions; each document is a group of its own."""
    for outcome in iter_rendered(files, LongSide(imgsz), WorkerSettings(workers=1)):
        if outcome.failure is not None:
            print(f"{outcome.file.name}: left out: {outcome.failure.message}", file=sys.stderr)
        elif isinstance(outcome, PageOutcome) and outcome.value is not None:
            info = outcome.value.info
            predicted = engine.detect([outcome.value.pixels], MIN_CONF, NMS_IOU)[0]
            predicted = of_classes(predicted, engine.class_names, NAMES)
            marks = ground_truth(outcome.file, outcome.number, info.size_wh)
            yield Sample(info.document, info.number, info.document, marks, predicted)


def of_classes(boxes: Detections, names: Sequence[str], wanted: Sequence[str]) -> Detections:
    """The boxes of the wanted classes, with the positions in `wanted` as class ids.

    Args:
        boxes: boxes with the positions in `names` as class ids.
        names: all classes.
        wanted: classes to keep.

    Raises:
        InputError: `names` lacks a wanted class.
    """
    ids = class_ids(names, wanted)
    kept = boxes.select(ids[boxes.class_ids] >= 0)
    return replace(kept, class_ids=ids[kept.class_ids])


def samples_of_classes(samples: Sequence[Sample], names: Sequence[str]) -> list[Sample]:
    """The samples with the marks and predictions of these classes alone."""
    return [
        replace(one, ground_truth=of_classes(one.ground_truth, NAMES, names), found=of_classes(one.found, NAMES, names))
        for one in samples
    ]


def in_groups(samples: Sequence[Sample], files: Sequence[DocumentFile]) -> list[Sample]:
    """The samples, each in the group of near-duplicates that `split --by group` finds for its page."""
    group_of = find_groups(fingerprint_documents(files)[0]).group_of
    return [replace(one, group=group_of.get(PageKey(one.document, one.page), one.document)) for one in samples]


def table_rows(name: str, samples: Sequence[Sample], asked: Asked) -> list[tuple[str, ...]]:
    """The rows of one set: a row for each labelled class on the whole set, and on each part of it."""
    real = SETS[name]
    if not real.goals:
        return [alarm_row(name, samples, asked)]
    rows = []
    for class_name, goals in real.goals.items():
        rows.append(class_row(name, class_name, samples, goals, asked))
        for part in real.parts:
            chosen = [one for one in samples if one.document.startswith(part)]
            rows += [class_row(f"{name}, {part}*", class_name, chosen, ("", ""), asked)] if chosen else []
    return rows


def class_row(
    label: str, class_name: str, samples: Sequence[Sample], goals: tuple[str, str], asked: Asked
) -> tuple[str, ...]:
    """The row of one class on one set: average precision with intervals, precision / recall raw and merged."""
    settings = EvaluationSettings((asked.conf,), BootstrapSettings(asked.resamples))
    result = evaluate(samples_of_classes(samples, (class_name,)), (class_name,), settings)
    row, stages = result.figures[1], result.grouping
    ap = cell(row.ap50), cell(row.ap50_95)
    return (
        label,
        class_name,
        str(len(samples)),
        str(row.marks),
        *ap,
        *goals,
        stage_cell(stages.raw),
        stage_cell(stages.grouped),
    )


def alarm_row(label: str, samples: Sequence[Sample], asked: Asked) -> tuple[str, ...]:
    """The row of a set without marks: false alarms per page in place of average precision, and their numbers."""
    conf = (asked.conf,) * len(NAMES)
    result = evaluate(samples, NAMES, EvaluationSettings(conf, BootstrapSettings(asked.resamples)))
    by_class = ", ".join(f"{name} {count}" for name, count in zip(NAMES, result.empty.per_class, strict=True) if count)
    alarms = f"{cell(result.empty.per_page)} false alarms a page ({by_class or 'none'})"
    counts = (f"{stage.false} false" for stage in (result.grouping.raw, result.grouping.grouped))
    return (label, "any", str(len(samples)), "0", alarms, "", *ALARM_GOALS, *counts)


def cell(figure: Figure) -> str:
    """A figure and its interval, such as "0.913 (0.870 to 0.951)"; a dash for a figure that is not defined."""
    if figure.value is None:
        return "–"
    span = "" if figure.low is None or figure.high is None else f" ({figure.low:.3f} to {figure.high:.3f})"
    return f"{figure.value:.3f}{span}"


def stage_cell(stage: StageFigures) -> str:
    """Precision / recall, such as "0.91 / 0.87"; a dash for a figure that is not defined."""
    return " / ".join("–" if value is None else f"{value:.2f}" for value in (stage.precision, stage.recall))


def write_gallery(name: str, samples: Sequence[Sample], files: Sequence[DocumentFile], asked: Asked) -> None:
    """Writes contact sheets of the worst misses and false alarms of a set, `<set>_missed.jpg` and `<set>_false.jpg`."""
    assert asked.gallery is not None
    names = tuple(SETS[name].goals) or NAMES
    chosen = samples_of_classes(samples, names)
    settings = EvaluationSettings((asked.conf,) * len(names), BootstrapSettings(10))
    mistakes = evaluate(chosen, names, settings).mistakes
    path_of = {file.name: file for file in files}
    for kind in (MistakeKind.MISSED, MistakeKind.FALSE):
        crops, captions = [], []
        for mistake in [one for one in mistakes if one.kind is kind][:GALLERY_ERRORS]:
            sample = chosen[mistake.sample]
            with open_document(path_of[sample.document]) as document:
                pixels = document.render(sample.page, LongSide(asked.imgsz)).pixels
            crops.append(error_crop(sample, mistake, names, pixels))
            captions.append(f"{caption(mistake, names)}: {sample.document}, {sample.page}")
        if crops:
            write_image(asked.gallery / f"{name}_{kind.value}.jpg", contact_sheet(crops, captions, columns=5))


def evaluate_set(name: str, asked: Asked) -> list[tuple[str, ...]]:
    """The rows of one set (a key of SETS); its pictures of errors are written where they are asked for."""
    real, started = SETS[name], time.perf_counter()
    files = list_documents(asked.data / real.folder)[:: asked.every]
    ground_truth = read_ground_truth(asked.data / real.ground_truth) if real.ground_truth else no_marks
    samples = list(iter_samples(files, ground_truth, asked.engine, asked.imgsz))
    print(f"{name}: {len(samples)} pages in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    samples = in_groups(samples, files)
    if asked.gallery is not None:
        write_gallery(name, samples, files, asked)
    return table_rows(name, samples, asked)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as a Markdown table; the first row is its heading."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="", help="a .pt file or a run folder (default: docdetect-s)")
    parser.add_argument(
        "--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data", help="the data folder"
    )
    parser.add_argument("--sets", default=",".join(SETS), help="sets to evaluate, separated by commas")
    parser.add_argument("--imgsz", type=int, default=1024, help="long side of every page, px")
    parser.add_argument(
        "--conf", type=float, default=0.25, help="confidence from which predictions count in precision and recall"
    )
    parser.add_argument("--every", type=int, default=1, help="n takes every n-th document alone, to save time")
    parser.add_argument("--resamples", type=int, default=1000, help="resamples of the bootstrap")
    parser.add_argument("--device", default="cpu", help="device of the network, such as cpu or 0")
    parser.add_argument("--engine", default="torch", help="torch (the reference), openvino, onnx or auto")
    parser.add_argument("--precision", default="fp32", help="fp32, bf16, fp16, int8 or auto")
    parser.add_argument(
        "--trim", default="off", choices=("auto", "off"), help="auto leaves blank borders out, as infer does"
    )
    parser.add_argument("--gallery", type=Path, help="folder for pictures of the worst misses and false alarms")
    given = parser.parse_args()
    if not given.data.is_dir():
        print(f"{given.data}: there is no such folder of real documents; name it with --data", file=sys.stderr)
        return
    if not given.weights and DEFAULT_NAME not in bundled_weights():
        print(f"{DEFAULT_NAME}: these weights are not bundled; name others with --weights", file=sys.stderr)
        return
    if unknown := [name for name in given.sets.split(",") if name not in SETS]:
        parser.error(f"--sets: {', '.join(unknown)}: no such set; there are {', '.join(SETS)}")
    weights = resolve_weights(given.weights, Path("runs/train"))
    engine = load_engine(
        weights,
        imgsz=given.imgsz,
        device=given.device,
        engine=given.engine,
        precision=given.precision,
        trim=given.trim == "auto",
    )
    asked = Asked(engine, given.data, given.imgsz, given.conf, given.every, given.resamples, given.gallery)
    rows = [row for name in given.sets.split(",") for row in evaluate_set(name, asked)]
    print(f"{weights.name}, SHA-256 {sha256_file(weights)[:12]}…, {given.engine} {given.precision}, {asked.imgsz} px;")
    print(f"P / R: precision / recall at confidence {asked.conf:g}, IoU 0.5; processor: {processor_summary()}\n")
    print(markdown([COLUMNS, *rows]))


if __name__ == "__main__":
    main()
