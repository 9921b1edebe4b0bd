"""Evaluates weights on real pages of origins that no training of the bundled weights has seen, one row for each set.

    python -m benchmarks.other_origins [--weights FILE] [--data FOLDER] [--imgsz 1024] [--scales 640] [--keep FILE]
        [--seen SET,...] [--beside WEIGHTS] [--thresholds]

The alternatives are other weights and sizes: run the program once for each and compare the tables, or name other
weights with --beside. The sets are those of ../shared/data/train (unless --data names another folder) that neither
was trained on, and `armeta`. Of weights that come with docdetect the sets are known; of others, --seen names those
besides the sets of `docdetect-s`. A class is evaluated only on sets in which it is labelled completely (`sources.tsv`
says so).

Printed are, for each set and class with at least five marks, average precision at IoU 0.3 (is a mark found at all?),
0.5 and 0.5 to 0.95, and false alarms at confidence 0.25 on pages without any mark. With --thresholds it also prints
precision and recall over the confidence, each page weighted by one over the square root of the number of pages of its
set, and how often the three answers of `infer` about a page (has, check, none) are wrong at the thresholds that are
kept with the weights.

The documents are read where they lie; nothing of them is kept. --keep writes what the network found to a file, from
which a second call reads it.
"""

from __future__ import annotations

import argparse
import csv
import io
import pickle
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.real_documents import NAMES, iter_samples, markdown, no_marks, read_ground_truth
from docdetect.boxes import iou
from docdetect.documents.sources import DocumentFile, list_documents
from docdetect.inference.multi_view.views import MultiView, PagePictures
from docdetect.machine import processor_summary
from docdetect.metrics.matching import Sample
from docdetect.models.engines.base import Engine
from docdetect.models.engines.select import load_engine
from docdetect.models.thresholds import DEFAULT_CHECK_CONF, DEFAULT_CONF, read_thresholds
from docdetect.models.weights import resolve_weights
from docdetect.types import BoolArray, ByteArray, Detections, FloatArray, SizeWH

# Sets of ../shared/data/train that docdetect-s was trained on (docs/model-card.md).
TRAINED_ON = frozenset(
    {
        *("aws_idp", "aws_textract", "aws_textractor", "azure_docintel", "cheques_checx", "cheques_idrbt", "gcp_docai"),
        *("jfk_nara", "qr_photos_xcerno", "sigphoto_simran", "swissqr_bills", "us_disclosures", "uscourts_doctor"),
        *("uscourts_xray", "va_caseflow"),
    }
)
# Sets that CPU runs 2 and 3 saw as well.
_SEEN_SINCE = frozenset(
    {
        *("cert_fema", "cert_vernonia", "draw_vernonia", "jfk_nara2", "neg_fbi", "neg_oldbooks", "seal_peru"),
        *("seal_srilanka", "sig_avella", "sig_fedreg", "sig_fpki", "sig_linsengericht", "sig_unc"),
        *("sig_uscongress_courts", "stamp_fbi", "stamp_hands", "stamp_japan", "stamp_oldbooks", "stamp_tapus"),
        *("usgov_fbi_cooper", "usgov_fedreg_eo", "usgov_orders", "web_signatures"),
    }
)
_SINCE = ("docdetect-both", "docdetect-n", "docdetect-s-office")
FEWEST_MARKS = 5
ALARM_CONF = 0.25
IOUS_95 = tuple(np.arange(0.5, 1.0, 0.05).round(2).tolist())
STEPS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6)


@dataclass(frozen=True)
class OriginSet:
    """The evaluated pages of one set, and the classes that are labelled completely on them."""

    name: str
    labelled: frozenset[str]
    samples: tuple[Sample, ...]


def has_documents(data: Path) -> bool:
    """Whether the sets of real pages are there; where they are not, says on stderr that the benchmark is skipped."""
    if (data / "train" / "sources.tsv").is_file():
        return True
    print(f"skipped: no real documents at {data} (--data says where they are)", file=sys.stderr)
    return False


def seen_by(*weights: Path, further: str = "") -> frozenset[str]:
    """The sets that any of the weights was trained on.

    Args:
        weights: those that come with docdetect are known by name; others count as docdetect-s.
        further: names of more sets, separated by commas.
    """
    since = _SEEN_SINCE if any(one.name.partition(".")[0] in _SINCE for one in weights) else frozenset()
    return TRAINED_ON | since | {name for name in further.split(",") if name}


def read_labels(folder: Path, document: DocumentFile, number: int, size_wh: SizeWH) -> Detections:
    """The YOLO labels of a picture in px of `size_wh`; no label file means no marks."""
    if not (folder / f"{Path(document.name).stem}.txt").is_file():
        return no_marks(document, number, size_wh)
    return read_ground_truth(folder)(document, number, size_wh)


class SeveralScales:
    """An engine that sees every page at several sizes, as `infer --scales` does."""

    def __init__(self, engine: Engine, scales: tuple[float, ...], second_look: bool) -> None:
        self.class_names, self.traits = engine.class_names, engine.traits
        self._engine, self._scales, self._second_look = engine, scales, second_look

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """The fused detections of each page; see `Engine.detect`."""
        lowest = np.full(len(self.class_names), conf, np.float32)
        views = MultiView(self._engine, lowest, None, iou, 1, threading.Event(), self._scales, self._second_look)
        return [found.marks for found in views([PagePictures(page) for page in pages])]


def origin_engine(weights: Path, imgsz: int, *, precision: str = "fp32", trim: bool = False) -> Engine:
    """The weights in OpenVINO on the CPU."""
    return load_engine(weights, imgsz=imgsz, device="cpu", engine="openvino", precision=precision, trim=trim)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of programs that run weights over the sets of real pages: --weights and --data."""
    parser.add_argument("--weights", default="", help="a .pt file or a run folder; empty takes docdetect-s")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")


def add_infer_options(parser: argparse.ArgumentParser) -> None:
    """Those of `add_options`, and the precision in which `infer` runs the weights: --precision."""
    add_options(parser)
    parser.add_argument("--precision", default="int8", help="int8 (what infer runs on most CPUs), fp32 or bf16")


def listed_sets(data: Path, seen: Collection[str] = TRAINED_ON) -> list[OriginSet]:
    """The sets of `sources.tsv` that the weights have not seen, without their pages."""
    with (data / "train" / "sources.tsv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream, delimiter="\t") if row["folder"] not in seen]
    return [OriginSet(row["folder"], frozenset(row["labelled completely"].split()), ()) for row in rows]


def read_sets(
    data: Path, engine: Engine, imgsz: int, seen: Collection[str] = TRAINED_ON, *, forms: bool = False
) -> list[OriginSet]:
    """All sets but those that the weights have seen, every page seen by the network; `armeta` comes first.

    Args:
        data: folder of the real documents.
        engine: the loaded weights.
        imgsz: px, the long side at which pages are rendered.
        seen: names of the sets that are left out.
        forms: also the empty tax forms, last.
    """
    armeta = data / "armeta"
    samples = iter_samples(
        list_documents(armeta / "pdfs"), read_ground_truth(armeta / "annotations.json"), engine, imgsz
    )
    found = [OriginSet("armeta", frozenset(NAMES), tuple(samples))]
    for one in listed_sets(data, seen):
        folder = data / "train" / one.name
        ground_truth = partial(read_labels, folder / "labels")
        pages = tuple(iter_samples(list_documents(folder / "images"), ground_truth, engine, imgsz))
        print(f"{one.name}: {len(pages)} pages", file=sys.stderr)
        found.append(replace(one, samples=pages))
    if forms and (data / "forms").is_dir():
        pages = tuple(iter_samples(list_documents(data / "forms"), no_marks, engine, imgsz))
        found.append(OriginSet("forms", frozenset(NAMES), pages))
    return found


def average_precision(samples: Sequence[Sample], class_id: int, ious: Sequence[float]) -> float | None:
    """Average precision by pycocotools, the mean over these IoU thresholds; None without any mark."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth: list[dict[str, object]] = []
    found: list[dict[str, object]] = []
    for image_id, sample in enumerate(samples, start=1):
        for box in _of_class(sample.ground_truth, class_id).xyxy:
            truth.append({"id": len(truth) + 1, "iscrowd": 0, **_coco_box(image_id, box)})
        detections = _of_class(sample.found, class_id)
        for box, score in zip(detections.xyxy, detections.known_scores.tolist(), strict=True):
            found.append({"score": score, **_coco_box(image_id, box)})
    if not truth or not found:
        return 0.0 if truth else None
    with redirect_stdout(io.StringIO()):  # the library prints its progress
        coco = COCO()
        images = [{"id": number} for number in range(1, len(samples) + 1)]
        coco.dataset = {"info": {}, "images": images, "annotations": truth, "categories": [{"id": 1}]}
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), "bbox")
        evaluation.params.iouThrs = np.array(ious)
        evaluation.params.maxDets = [300]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]
    return float(precision[precision > -1].mean())


def _of_class(detections: Detections, class_id: int) -> Detections:
    return detections.select(detections.class_ids == class_id)


def _coco_box(image_id: int, box: FloatArray) -> dict[str, object]:
    left, top, right, bottom = (float(value) for value in box)
    area = (right - left) * (bottom - top)
    return {"image_id": image_id, "category_id": 1, "bbox": [left, top, right - left, bottom - top], "area": area}


def set_rows(sets: Sequence[OriginSet]) -> list[tuple[str, ...]]:
    """A row for each set: pages, average precision of each class, false alarms on pages without marks."""
    rows: list[tuple[str, ...]] = [
        ("set", "pages", *(f"{name}: marks, AP.3 / AP50 / AP50-95" for name in NAMES), "false alarms")
    ]
    for one in sets:
        cells = []
        for class_id, name in enumerate(NAMES):
            marks = sum(len(_of_class(sample.ground_truth, class_id)) for sample in one.samples)
            if name not in one.labelled or marks < FEWEST_MARKS:
                cells.append("")
                continue
            values = [average_precision(one.samples, class_id, ious) or 0.0 for ious in ((0.3,), (0.5,), IOUS_95)]
            cells.append(f"{marks}, " + " / ".join(f"{value:.2f}" for value in values))
        empty = [sample for sample in one.samples if not len(sample.ground_truth)]
        alarms = sum(int((sample.found.known_scores >= ALARM_CONF).sum()) for sample in empty)
        rows.append((one.name, str(len(one.samples)), *cells, f"{alarms} on {len(empty)} pages" if empty else ""))
    return rows


def pooled_rows(sets: Sequence[OriginSet]) -> list[tuple[str, ...]]:
    """For each class: average precision over all pages but `armeta`'s together, mean and worst set."""
    rows: list[tuple[str, ...]] = [
        ("class", "marks", "AP.3 of all pages", "AP50 of all pages", "AP.3, mean of sets", "AP.3, worst set")
    ]
    for class_id, name in enumerate(NAMES):
        chosen = [one for one in sets if one.name != "armeta" and name in one.labelled]
        pages = [sample for one in chosen for sample in one.samples]
        marks = [sum(len(_of_class(sample.ground_truth, class_id)) for sample in one.samples) for one in chosen]
        by_set = {
            one.name: average_precision(one.samples, class_id, (0.3,)) or 0.0
            for one, count in zip(chosen, marks, strict=True)
            if count >= FEWEST_MARKS
        }
        worst = min(by_set, key=lambda key: by_set[key])
        of_all = (average_precision(pages, class_id, ious) or 0.0 for ious in ((0.3,), (0.5,)))
        mean = sum(by_set.values()) / len(by_set)
        cells = (*(f"{value:.3f}" for value in of_all), f"{mean:.3f}", f"{by_set[worst]:.2f} ({worst})")
        rows.append((name, str(sum(marks)), *cells))
    return rows


def beside_rows(sets: Sequence[OriginSet], others: Sequence[OriginSet]) -> list[tuple[str, ...]]:
    """AP at IoU 0.3 of each set and class with enough marks, of other weights and of these, and the difference."""
    rows: list[tuple[str, ...]] = [("set", "class", "marks", "AP.3, other weights", "AP.3", "difference")]
    of_others = {one.name: one for one in others}
    for one in sets:
        other = of_others[one.name]
        for class_id, name in enumerate(NAMES):
            marks = sum(len(_of_class(sample.ground_truth, class_id)) for sample in one.samples)
            if name not in one.labelled or marks < FEWEST_MARKS:
                continue
            before, now = (average_precision(a.samples, class_id, (0.3,)) or 0.0 for a in (other, one))
            rows.append((one.name, name, str(marks), f"{before:.3f}", f"{now:.3f}", f"{now - before:+.3f}"))
    return rows


def box_size_rows(sets: Sequence[OriginSet]) -> list[tuple[str, ...]]:
    """For each class: median width and height of boxes beside those of the marks that they meet, and sets far from 1.

    A box counts from a confidence of 0.1 on where its IoU with a mark is at least 0.3; each mark counts once.
    """
    rows: list[tuple[str, ...]] = [("class", "marks met", "width, height", "narrowest set", "widest set")]
    for class_id, name in enumerate(NAMES):
        ratios: dict[str, list[FloatArray]] = {}
        for one in sets:
            if one.name != "armeta" and name in one.labelled:
                ratios[one.name] = [ratio for sample in one.samples for ratio in _size_ratios(sample, class_id)]
        medians = {key: np.median(found, 0) for key, found in ratios.items() if len(found) >= FEWEST_MARKS}
        if not medians:
            continue
        every = [ratio for found in ratios.values() for ratio in found]
        ends = [pick(medians, key=lambda key: float(medians[key][0])) for pick in (min, max)]
        width, height = np.median(every, 0)
        cells = (f"{medians[end][0]:.2f}, {medians[end][1]:.2f} ({end})" for end in ends)
        rows.append((name, str(len(every)), f"{width:.2f}, {height:.2f}", *cells))
    return rows


def _size_ratios(sample: Sample, class_id: int) -> list[FloatArray]:
    """(width, height) of each detection that meets a mark, divided by the mark's."""
    found, met = _met(sample, class_id, 0.3)
    pairs = [(box, mark) for box, mark, score in zip(found.xyxy, met, found.known_scores, strict=True) if score >= 0.1]
    return [(box[2:] - box[:2]) / (mark[2:] - mark[:2]) for box, mark in pairs if mark is not None]


def _met(sample: Sample, class_id: int, iou_at_least: float) -> tuple[Detections, list[FloatArray | None]]:
    """The detections of a class, the surest first, and for each the box of the mark that it meets; each mark once."""
    truth, found = _of_class(sample.ground_truth, class_id), _of_class(sample.found, class_id)
    found = found.select(np.argsort(-found.known_scores, kind="stable"))
    overlap = iou(found.xyxy, truth.xyxy) if len(truth) else np.zeros((len(found), 1), np.float32)
    met: list[FloatArray | None] = []
    for row in overlap:
        best = int(row.argmax())
        hit = bool(row[best] >= iou_at_least)
        met.append(truth.xyxy[best] if hit else None)
        if hit:
            overlap[:, best] = 0
    return found, met


def threshold_rows(sets: Sequence[OriginSet], iou_at_least: float = 0.3) -> list[tuple[str, ...]]:
    """Precision, recall and F1 at several confidences, each set weighted by one over the root of its pages."""
    rows: list[tuple[str, ...]] = [("class", "confidence", "precision", "recall", "F1")]
    for class_id, name in enumerate(NAMES):
        chosen = [one for one in sets if name in one.labelled]
        outcomes = [(len(one.samples) ** -0.5, *_outcomes(one.samples, class_id, iou_at_least)) for one in chosen]
        for conf in STEPS:
            hits = sum(weight * float((hit & (scores >= conf)).sum()) for weight, scores, hit, _ in outcomes)
            false = sum(weight * float((~hit & (scores >= conf)).sum()) for weight, scores, hit, _ in outcomes)
            marks = sum(weight * count for weight, _, _, count in outcomes)
            figures = (hits / max(hits + false, 1e-9), hits / max(marks, 1e-9), 2 * hits / (hits + false + marks))
            rows.append((name, f"{conf:g}", *(f"{value:.3f}" for value in figures)))
    return rows


def _outcomes(samples: Sequence[Sample], class_id: int, iou_at_least: float) -> tuple[FloatArray, BoolArray, int]:
    """Scores of all detections, whether each one is a mark (each mark is found once), and the number of marks."""
    scores: list[float] = []
    hits: list[bool] = []
    marks = 0
    for sample in samples:
        marks += len(_of_class(sample.ground_truth, class_id))
        found, met = _met(sample, class_id, iou_at_least)
        scores += found.known_scores.tolist()
        hits += [mark is not None for mark in met]
    return np.array(scores, np.float32), np.array(hits, bool), marks


def answer_rows(
    sets: Sequence[OriginSet], conf: Mapping[str, float], check: Mapping[str, float]
) -> list[tuple[str, ...]]:
    """How often the answers about a page are right: pages with and without marks of a class, by answer, per cent."""
    rows: list[tuple[str, ...]] = [
        ("class", "pages of", "pages with: has / check / none, %", "pages without: has / check / none, %", "wrong none")
    ]
    for class_id, name in enumerate(NAMES):
        for label, chosen in (
            ("other sets", [one for one in sets if one.name != "armeta" and name in one.labelled]),
            ("armeta", [one for one in sets if one.name == "armeta"]),
        ):
            pages = [sample for one in chosen for sample in one.samples]
            there = np.array([len(_of_class(sample.ground_truth, class_id)) > 0 for sample in pages])
            best = np.array([_of_class(sample.found, class_id).known_scores.max(initial=0.0) for sample in pages])
            none = best < check[name]
            has = best >= conf[name]
            answers = (has, ~has & ~none, none)
            cells = [f"{int(side.sum())}: " + _shares(answers, side) for side in (there, ~there)]
            rows.append((name, label, *cells, f"{int((none & there).sum())} of {int(none.sum())}"))
    return rows


def _shares(answers: Sequence[BoolArray], side: BoolArray) -> str:
    return " / ".join(f"{100 * float((answer & side).sum()) / max(1, int(side.sum())):.1f}" for answer in answers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--imgsz", type=int, default=1024)
    parser.add_argument("--scales", type=int, nargs="*", default=[], help="smaller sizes, as for infer --scales")
    parser.add_argument("--second-look", action="store_true", help="as for infer --second-look")
    parser.add_argument("--keep", type=Path, help="file that keeps what the network found, for a second call")
    parser.add_argument("--seen", default="", help="more sets that the weights were trained on, separated by commas")
    parser.add_argument("--beside", default="", help="other weights to compare with, at the same size")
    parser.add_argument("--thresholds", action="store_true", help="also print figures over the confidence, and answers")
    given = parser.parse_args()
    if not has_documents(given.data):
        return
    weights = resolve_weights(given.weights, Path("runs/train"))
    beside = resolve_weights(given.beside, Path("runs/train")) if given.beside else None
    seen = seen_by(weights, *([beside] if beside is not None else []), further=given.seen)
    if given.keep is not None and given.keep.is_file():
        sets: list[OriginSet] = pickle.loads(given.keep.read_bytes())
    else:
        engine = origin_engine(weights, given.imgsz, trim=bool(given.scales))
        if given.scales:
            scales = (1.0, *(px / given.imgsz for px in given.scales))
            engine = SeveralScales(engine, scales, given.second_look)
        sets = read_sets(given.data, engine, given.imgsz, seen)
        if given.keep is not None:
            given.keep.write_bytes(pickle.dumps(sets))
    sets = [one for one in sets if one.name not in seen]  # a kept file may hold sets that the other weights saw
    sizes = " and ".join(str(px) for px in (given.imgsz, *given.scales))
    print(f"{weights.name}, long side {sizes} px, fp32, {processor_summary()}\n")
    tables = [set_rows(sets), pooled_rows(sets), box_size_rows(sets)]
    if beside is not None:
        others = read_sets(given.data, origin_engine(beside, given.imgsz, trim=bool(given.scales)), given.imgsz, seen)
        tables.append(beside_rows(sets, others))
    if given.thresholds:
        kept = read_thresholds(weights)
        conf = dict.fromkeys(NAMES, DEFAULT_CONF) | ({} if kept is None else dict(kept.conf))
        check = {
            name: DEFAULT_CHECK_CONF if kept is None else kept.check.get(name, DEFAULT_CHECK_CONF) for name in NAMES
        }
        tables += [threshold_rows(sets), answer_rows(sets, conf, check)]
    print("\n\n".join(markdown(table) for table in tables))


if __name__ == "__main__":
    main()
