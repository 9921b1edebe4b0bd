"""What judging costs beside pycocotools: `metrics.evaluation.evaluate` against COCOeval on the same detections.

Made-up detections that look like a detector's (most marks met with some looseness, faint false ones). COCOeval computes
average precision and nothing else; `evaluate` calls it too, and adds intervals from 1,000 resamples by group, slices,
errors, grouping and calibration. In turn (A B A B ...), after one warm-up of each; medians, and that of the ratio.
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
from docdetect.metrics.evaluation import EvaluationSettings, evaluate
from docdetect.metrics.figures import BootstrapSettings
from docdetect.metrics.matching import Sample
from docdetect.types import Detections

NAMES = ("qr", "signature", "stamp")
SIZE_WH = (1000, 1400)
RESAMPLES = 1000


def make_sample(page: int, generator: np.random.Generator) -> Sample:
    """A page with up to 5 marks, nine of ten met, and up to 30 faint false detections; a group has 4 pages."""
    count, extra = int(generator.integers(0, 6)), int(generator.integers(0, 31))
    corners, sides = generator.uniform(20, 780, (count, 2)), generator.uniform(30, 200, (count, 2))
    marks, kinds = np.concatenate([corners, corners + sides], axis=1), generator.integers(0, len(NAMES), count)
    met = generator.random(count) < 0.9
    near = marks[met] + generator.normal(0, 0.04, (int(met.sum()), 4)) * np.tile(sides[met], 2)
    places = generator.uniform(0, 800, (extra, 2))
    false = np.concatenate([places, places + generator.uniform(15, 150, (extra, 2))], axis=1)
    scores = np.concatenate([generator.beta(6, 2, len(near)), generator.beta(0.5, 8, extra)])
    ids = np.concatenate([kinds[met], generator.integers(0, len(NAMES), extra)])
    order = np.argsort(-scores, kind="stable")
    boxes = np.concatenate([near, false]).astype(np.float32)[order]
    found = Detections(boxes, ids[order], SIZE_WH, np.clip(scores[order], 0.001, 1).astype(np.float32))
    ground_truth = Detections(marks.astype(np.float32), kinds, SIZE_WH)
    return Sample(f"{page // 4}.pdf", page % 4 + 1, f"{page // 4}", ground_truth, found)


def coco_of(pages: Sequence[Detections]) -> Any:
    """The boxes in pycocotools' own form."""
    from pycocotools.coco import COCO

    rows: list[dict[str, Any]] = []
    for image, boxes in enumerate(pages):
        scores = np.ones(len(boxes)) if boxes.scores is None else boxes.scores
        columns = (xyxy_to_xywh(boxes.xyxy), area(boxes.xyxy), boxes.class_ids, scores)
        for xywh, size, kind, score in zip(*(column.tolist() for column in columns), strict=True):
            row = {"image_id": image, "category_id": kind, "bbox": xywh, "area": size, "score": score, "iscrowd": 0}
            rows.append({"id": len(rows) + 1, **row})
    coco = COCO()
    images, categories = [{"id": image} for image in range(len(pages))], [{"id": kind} for kind in range(len(NAMES))]
    coco.dataset = {"images": images, "categories": categories, "annotations": rows}
    coco.createIndex()
    return coco


def coco_eval(samples: Sequence[Sample]) -> float:
    """Mean AP50-95 by pycocotools as anybody calls it."""
    from pycocotools.cocoeval import COCOeval

    with redirect_stdout(io.StringIO()):
        judged = COCOeval(
            coco_of([one.ground_truth for one in samples]), coco_of([one.found for one in samples]), "bbox"
        )
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return float(judged.stats[0])


def our_evaluate(samples: Sequence[Sample]) -> float:
    """Mean AP50-95 by docdetect, with everything that comes with it."""
    settings = EvaluationSettings((0.25,) * len(NAMES), BootstrapSettings(resamples=RESAMPLES))
    value = evaluate(samples, NAMES, settings).figures[0].ap50_95.value
    assert value is not None
    return value


def cpu_seconds(judge: Callable[[Sequence[Sample]], float], samples: Sequence[Sample]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    judge(samples)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    generator = np.random.default_rng(0)
    samples = [make_sample(page, generator) for page in range(asked.pages)]
    judges = {"docdetect evaluate": our_evaluate, "pycocotools COCOeval": coco_eval}
    for name, judge in judges.items():
        print(f"{name:<21} AP50-95 {100 * judge(samples):.2f} %")
    taken = [[cpu_seconds(judge, samples) for judge in judges.values()] for _ in range(asked.runs)]
    for position, name in enumerate(judges):
        column = sorted(row[position] for row in taken)
        print(f"{name:<21} median {statistics.median(column):.2f} s CPU (min {column[0]:.2f}, max {column[-1]:.2f})")
    ratio = statistics.median(ours / theirs for ours, theirs in taken)
    print(
        f"evaluate with {RESAMPLES} resamples takes {ratio:.1f} times the CPU of COCOeval on {asked.pages} pages "
        f"with {sum(len(one.found) for one in samples)} detections (median of {asked.runs} pairs)"
    )


if __name__ == "__main__":
    main()
