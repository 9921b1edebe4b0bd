"""Measures what an evaluation costs: `metrics.evaluation.evaluate` against pycocotools' COCOeval.

    python -m benchmarks.evaluation [--pages 1000] [--runs 5]

Both get the same made-up predictions, which resemble those of a network: most marks are found, somewhat loosely, among
faint false predictions. COCOeval computes average precision and nothing else. `evaluate` calls COCOeval, too, and adds
confidence intervals from 1,000 resamples by group of near-duplicates, slices, errors, merged boxes and calibration.

Both run in turn (A B A B ...), after one warm-up of each. Printed are the median CPU seconds of each, and the median of
the ratios of the pairs.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from docdetect.boxes import area, xyxy_to_xywh
from docdetect.machine import processor_summary
from docdetect.metrics.evaluation import EvaluationSettings, evaluate
from docdetect.metrics.figures import BootstrapSettings
from docdetect.metrics.matching import Sample
from docdetect.types import Detections

NAMES = ("qr", "signature", "stamp")

# (width, height) px of the made-up pages.
SIZE_WH = (1000, 1400)

# Resamples of the bootstrap.
RESAMPLES = 1000


def make_sample(page: int, generator: np.random.Generator) -> Sample:
    """A page with up to 5 marks, of which 90 % are found, and up to 30 faint false predictions.

    Four pages in a row are a document of one group.
    """
    count, extra = int(generator.integers(0, 6)), int(generator.integers(0, 31))
    corners, sides = generator.uniform(20, 780, (count, 2)), generator.uniform(30, 200, (count, 2))
    marks, mark_ids = np.concatenate([corners, corners + sides], axis=1), generator.integers(0, len(NAMES), count)
    is_found = generator.random(count) < 0.9
    near = marks[is_found] + generator.normal(0, 0.04, (int(is_found.sum()), 4)) * np.tile(sides[is_found], 2)
    places = generator.uniform(0, 800, (extra, 2))
    false = np.concatenate([places, places + generator.uniform(15, 150, (extra, 2))], axis=1)
    scores = np.concatenate([generator.beta(6, 2, len(near)), generator.beta(0.5, 8, extra)])
    ids = np.concatenate([mark_ids[is_found], generator.integers(0, len(NAMES), extra)])
    order = np.argsort(-scores, kind="stable")
    boxes = np.concatenate([near, false]).astype(np.float32)[order]
    found = Detections(boxes, ids[order], SIZE_WH, np.clip(scores[order], 0.001, 1).astype(np.float32))
    ground_truth = Detections(marks.astype(np.float32), mark_ids, SIZE_WH)
    return Sample(f"{page // 4}.pdf", page % 4 + 1, f"{page // 4}", ground_truth, found)


def coco_of(pages: Sequence[Detections]) -> Any:
    """The boxes of all pages as a pycocotools COCO object."""
    from pycocotools.coco import COCO

    rows: list[dict[str, Any]] = []
    for image, boxes in enumerate(pages):
        scores = np.ones(len(boxes)) if boxes.scores is None else boxes.scores
        columns = (xyxy_to_xywh(boxes.xyxy), area(boxes.xyxy), boxes.class_ids, scores)
        for xywh, size, class_id, score in zip(*(column.tolist() for column in columns), strict=True):
            row = {"image_id": image, "category_id": class_id, "bbox": xywh, "area": size, "score": score, "iscrowd": 0}
            rows.append({"id": len(rows) + 1, **row})
    coco = COCO()
    images = [{"id": image} for image in range(len(pages))]
    categories = [{"id": class_id} for class_id in range(len(NAMES))]
    coco.dataset = {"images": images, "categories": categories, "annotations": rows}
    coco.createIndex()
    return coco


def coco_eval(samples: Sequence[Sample]) -> float:
    """Mean AP50-95 by pycocotools, called as its documentation says."""
    from pycocotools.cocoeval import COCOeval

    with redirect_stdout(io.StringIO()):
        evaluation = COCOeval(
            coco_of([one.ground_truth for one in samples]), coco_of([one.found for one in samples]), "bbox"
        )
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def docdetect_evaluate(samples: Sequence[Sample]) -> float:
    """Mean AP50-95 by docdetect, with everything else that `evaluate` computes."""
    settings = EvaluationSettings((0.25,) * len(NAMES), BootstrapSettings(resamples=RESAMPLES))
    value = evaluate(samples, NAMES, settings).figures[0].ap50_95.value
    assert value is not None
    return value


def cpu_seconds(evaluator: Callable[[Sequence[Sample]], float], samples: Sequence[Sample]) -> float:
    """CPU seconds of one evaluation."""
    start = time.process_time()
    evaluator(samples)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1000, help="made-up pages")
    parser.add_argument("--runs", type=int, default=5, help="runs of each evaluation")
    asked = parser.parse_args()
    generator = np.random.default_rng(0)
    samples = [make_sample(page, generator) for page in range(asked.pages)]
    evaluators = {"docdetect evaluate": docdetect_evaluate, "pycocotools COCOeval": coco_eval}
    print(f"processor: {processor_summary()}")
    for name, evaluator in evaluators.items():
        print(f"{name:<21} AP50-95 {100 * evaluator(samples):.2f} %")
    times_s = [[cpu_seconds(evaluator, samples) for evaluator in evaluators.values()] for _ in range(asked.runs)]
    for position, name in enumerate(evaluators):
        column = sorted(row[position] for row in times_s)
        print(f"{name:<21} median {statistics.median(column):.2f} s CPU (min {column[0]:.2f}, max {column[-1]:.2f})")
    ratio = statistics.median(docdetect_s / coco_s for docdetect_s, coco_s in times_s)
    print(
        f"evaluate with {RESAMPLES} resamples takes {ratio:.1f} times the CPU of COCOeval on {asked.pages} pages "
        f"with {sum(len(one.found) for one in samples)} predictions (median of {asked.runs} pairs)"
    )


if __name__ == "__main__":
    main()
