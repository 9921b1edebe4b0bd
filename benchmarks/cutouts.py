"""Measures how exact cut-outs of marks are, and whether training with them makes a network better.

    python -m benchmarks.cutouts separation [--pages 40]
    python -m benchmarks.cutouts prepare --work FOLDER [--data FOLDER]
    python -m benchmarks.cutouts run --work FOLDER --arm start|without|with --seed 0 --weights FILE
    python -m benchmarks.cutouts report --work FOLDER

`separation` makes pages whose ink is known pixel by pixel, cuts their marks out, and prints the IoU of both inks.

The experiment takes half of the groups of near-duplicates of `armeta` (in ../shared/data, unless --data names another
folder) for training and evaluates on the other half. Both arms train the same network for as many steps on as many real
pages of the first half, and fill the other half of each batch with made-up pages: `without`, with the generator's own
marks; `with`, with cut-outs of the first half's marks besides, a part of them on the first half's pages without marks.
`start` evaluates the network as it was before. Only predictions are kept, never weights. Each run is one call, so that
they can be made one at a time; a run that was made is not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from benchmarks.other_origins import average_precision as average_precision_at
from docdetect.annotations.native import annotations_to_json
from docdetect.config.schema import CutoutsConfig, SynthConfig
from docdetect.datasets.ground_truth import read_annotations
from docdetect.datasets.reader import read_dataset
from docdetect.documents.drawing import write_image
from docdetect.documents.pictures import read_picture
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import DocumentFile, list_documents
from docdetect.files import nfc, read_json, write_json
from docdetect.metrics.bootstrap import group_weights, metric_draws
from docdetect.metrics.codec import predictions_from_json, predictions_to_json
from docdetect.metrics.matching import Sample, match
from docdetect.synth.cutouts.cutting import cut_out
from docdetect.synth.cutouts.folder import read_kept
from docdetect.synth.cutouts.selection import CutMark, cut_mark
from docdetect.synth.generate import generate, load_materials
from docdetect.synth.page import make_page
from docdetect.types import BoolArray, ByteArray, Detections

CLASSES = ("qr", "signature", "stamp")

# Families of `armeta` by the first letters of their names. The halves have about as many signatures each.
FIRST_HALF = ("деф", "раз", "апз")

# Long side of pages, the picture that the network sees, and the steps of a training.
PAGE_PX = 640
PICTURE_WH = (480, 640)
STEPS, BATCH = 80, 6
LEARNING_RATE = 4e-4
FROZEN_LAYERS = 10
MADE_UP_PAGES = 48
MOST_EMPTY_PAGES = 16

_RESAMPLES = 2000


@dataclass(frozen=True)
class View:
    """A page in memory: uint8 (H, W, 3) RGB and its marks."""

    pixels: ByteArray
    marks: Detections


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["separation", "prepare", "run", "report"])
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--arm", choices=["start", "without", "with"], default="with")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args(arguments)
    if options.part == "separation":
        separation(options.pages)
    elif options.part == "prepare":
        prepare(options.work, options.data / "armeta")
    elif options.part == "run":
        run(options.work, options.arm, options.seed, options.weights)
    else:
        report(options.work)
    return 0


def separation(pages: int) -> None:
    """Prints the agreement (intersection over union of the ink) of cut-outs with the ink that was drawn."""
    materials = load_materials(SynthConfig(system_fonts=False, empty=0.0, turned=0.0, papers={"digital": 1.0}))
    found: dict[str, list[tuple[float, float]]] = {}
    left_out: dict[str, int] = {}
    for number in range(pages):
        page = make_page(7, number, 1600, materials)
        marks = [(mark, mark.box) for mark in page.marks]
        for position, (mark, box) in enumerate(marks):
            category = {"qr": "qr", "digital_signature": ""}.get(
                mark.kind, "stamp" if mark.kind.startswith("stamp") else "signature"
            )
            if not category:
                continue
            others = [other for index, (_, other) in enumerate(marks) if index != position]
            cut = cut_mark(page.pixels, box, others, [], handwritten=category == "signature", code=category == "qr")
            if not isinstance(cut, CutMark):
                left_out[category] = left_out.get(category, 0) + 1
                continue
            placed = mark.placed
            true_ink = np.zeros(page.pixels.shape[:2], bool)
            rgba = placed.patch.rgba
            dark = rgba[:, :, 3].astype(np.float32) * (255 - rgba[:, :, :3].min(axis=2)) / 255 >= 26
            _paste(true_ink, dark, placed.x_px, placed.y_px)
            ours = np.zeros_like(true_ink)
            alpha = cut.rgba[:, :, 3].astype(np.float32) * (255 - cut.rgba[:, :, :3].min(axis=2)) / 255 >= 26
            _paste(ours, alpha, cut.box[0], cut.box[1])
            agreement = float((ours & true_ink).sum() / max(1, (ours | true_ink).sum()))
            found.setdefault(category, []).append((agreement, cut.quality))
    print("| category | cut out | left out | median IoU of the ink | quartiles | mean of those with quality >= .4 |")
    print("|---|---|---|---|---|---|")
    for category, rows in sorted(found.items()):
        values, quality = np.array(rows).T
        low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
        kept = values[quality >= 0.4]
        print(
            f"| {category} | {len(values)} | {left_out.get(category, 0)} | {middle:.2f} | {low:.2f} to {high:.2f} | "
            f"{kept.mean():.2f} ({len(kept)}) |"
        )


def _paste(target: BoolArray, part: BoolArray, x: int, y: int) -> None:
    height, width = target.shape
    left, top, right, bottom = max(0, x), max(0, y), min(width, x + part.shape[1]), min(height, y + part.shape[0])
    if left < right and top < bottom:
        target[top:bottom, left:right] |= part[top - y : bottom - y, left - x : right - x]


def prepare(work: Path, armeta: Path) -> None:
    """Makes the two halves, the cut-outs of the first, and the made-up pages of both arms."""
    annotations = read_annotations(armeta / "annotations.json")
    files = list_documents(armeta / "pdfs")
    first = [file for file in files if file.name.casefold()[:3] in FIRST_HALF]
    for half, chosen in (("first", first), ("second", [file for file in files if file not in first])):
        _write_half(work / half, chosen, annotations)
    (work / "documents").mkdir(parents=True, exist_ok=True)
    for file in first:
        (work / "documents" / file.name).write_bytes(file.path.read_bytes())
    listed = {name: pages for name, pages in annotations.items() if nfc(name).casefold()[:3] in FIRST_HALF}
    write_json(work / "first.json", annotations_to_json(listed))
    cutouts = CutoutsConfig(
        source=str(work / "documents"), annotations=str(work / "first.json"), output=str(work / "cutouts"), workers=1
    )
    made = cut_out(cutouts)
    print(f"cut-outs: {made.found}, kept {made.kept}, left out {made.left_out}")
    print(f"used: {len(read_kept(work / 'cutouts').kept)}")
    common: dict[str, Any] = {
        "pages": MADE_UP_PAGES, "imgsz": PAGE_PX, "seed": 11, "empty": 0.1, "turned": 0.0, "val": 0.0, "workers": 1,
    }  # fmt: skip
    generate(SynthConfig.model_validate({"output": str(work / "made_without"), **common}))
    pasted = {"marks": str(work / "cutouts"), "marks_share": 0.7, "real_pages": str(work / "first" / "empty")}
    generate(SynthConfig.model_validate({"output": str(work / "made_with"), **common, **pasted, "real_share": 0.4}))


def _write_half(folder: Path, files: Sequence[DocumentFile], annotations: Any) -> None:
    """Pictures of the labelled pages with their boxes, and of some pages without marks."""
    rows: list[dict[str, Any]] = []
    empty = 0
    for file in files:
        with open_document(file) as document:
            for number in range(1, document.page_count + 1):
                page = annotations.get(file.name, {}).get(number)
                if page is None and empty >= MOST_EMPTY_PAGES:
                    continue
                pixels = document.render(number, LongSide(PAGE_PX)).pixels
                kind = "empty" if page is None else "labelled"
                name = f"{kind}/{len(rows):03d}.png"
                write_image(folder / name, pixels)
                empty += page is None
                scale = 1.0 if page is None else pixels.shape[1] / page.size_wh[0]
                boxes = [
                    [CLASSES.index(mark.category), *(value * scale for value in mark.xywh)]
                    for mark in (page.marks if page is not None else ())
                ]
                rows.append({"file": name, "document": file.name, "page": number, "boxes": boxes})
    write_json(folder / "pages.json", rows)


def _half(folder: Path) -> list[tuple[dict[str, Any], View]]:
    found = []
    for row in read_json(folder / "pages.json"):
        pixels = read_picture(folder / row["file"]).pixels
        boxes = np.array(row["boxes"], np.float32).reshape(-1, 5)
        xyxy = np.concatenate([boxes[:, 1:3], boxes[:, 1:3] + boxes[:, 3:5]], axis=1)
        size_wh = pixels.shape[1], pixels.shape[0]
        xyxy = np.clip(xyxy, 0, [*size_wh, *size_wh]).astype(np.float32)
        found.append((row, View(pixels, Detections(xyxy, boxes[:, 0].astype(np.int64), size_wh))))
    return found


def _made_up(folder: Path) -> list[View]:
    dataset = read_dataset(str(folder), ("train",))
    return [View(read_picture(one.path).pixels, one.ground_truth) for one in dataset.splits["train"]]


def run(work: Path, arm: str, seed: int, weights: Path) -> None:
    """Trains one arm with one seed, evaluates it on the second half, and keeps the predictions."""
    target = work / "predictions" / f"{arm}_{seed}.json"
    if target.is_file():
        print(f"{target} is there")
        return
    import torch

    from docdetect.models.checkpoint import load_network

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    cv2.setNumThreads(1)
    network: Any = load_network(weights).float()
    began, cpu = time.monotonic(), time.process_time()
    if arm != "start":
        _train(network, _half(work / "first"), _made_up(work / f"made_{arm}"), seed)
    trained = time.process_time() - cpu
    samples = _evaluated(network, _half(work / "second"))
    write_json(target, predictions_to_json(samples, CLASSES))
    print(
        f"{arm} {seed}: {trained:.0f} s of CPU for training, {time.monotonic() - began:.0f} s in all", file=sys.stderr
    )


def _train(network: Any, real: list[tuple[dict[str, Any], View]], made_up: list[View], seed: int) -> None:
    """Trains neck and head, batch norm as it is, half of each batch real pages and half made-up ones."""
    import torch
    from ultralytics.utils.loss import v8DetectionLoss

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    network.train()
    for index, layer in enumerate(network.model):
        layer.requires_grad_(index >= FROZEN_LAYERS)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.eval()
    network.model[-1].dfl.requires_grad_(False)
    criterion = v8DetectionLoss(network)
    parameters = [value for value in network.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(parameters, LEARNING_RATE, weight_decay=5e-4)
    labelled = [view for _, view in real if len(view.marks)]
    empty = [view for _, view in real if not len(view.marks)]
    for step in range(STEPS):
        share = min(1.0, (step + 1) / 8) * (0.5 + 0.5 * np.cos(np.pi * step / STEPS))
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * max(0.02, float(share))
        chosen = [labelled[int(rng.integers(len(labelled)))] for _ in range(BATCH // 2)]
        if empty and rng.random() < 0.3:
            chosen[0] = empty[int(rng.integers(len(empty)))]
        chosen += [made_up[int(rng.integers(len(made_up)))] for _ in range(BATCH - BATCH // 2)]
        batch: dict[str, Any] = {}
        loss, _ = criterion(network(_batch(chosen, rng, batch)), batch)
        optimizer.zero_grad()
        loss.sum().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 10.0)
        optimizer.step()
        if step % 20 == 19:
            print(f"step {step + 1}: loss {float(loss.sum()) / BATCH:.3f}", file=sys.stderr)


def _batch(views: Sequence[View], rng: np.random.Generator, batch: dict[str, Any]) -> Any:
    """The pictures of a batch, float32 (N, 3, H, W), and into `batch` their labels as the loss of YOLO wants them."""
    import torch

    width, height = PICTURE_WH
    pictures, boxes, classes, owners = [], [], [], []
    for index, view in enumerate(views):
        h, w = view.pixels.shape[:2]
        scale = min(width / w, height / h) * float(rng.uniform(0.85, 1.1))
        x, y = (float(rng.uniform(0, 1)) * (side - scale * part) for side, part in ((width, w), (height, h)))
        matrix = np.array([[scale, 0, x], [0, scale, y]], np.float32)
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture = cv2.warpAffine(view.pixels, matrix, (width, height), flags=method, borderValue=(114, 114, 114))
        if rng.random() < 0.3:
            picture = cv2.merge([cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)] * 3)
        pictures.append(picture)
        xyxy = view.marks.xyxy * scale + [x, y, x, y]
        clipped = np.clip(xyxy, 0, [width, height, width, height])
        sides = clipped[:, 2:] - clipped[:, :2]
        kept = (sides.prod(axis=1) > 0.4 * (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)) & (sides.min(axis=1) >= 3)
        clipped = clipped[kept]
        centres = np.concatenate([(clipped[:, :2] + clipped[:, 2:]) / 2, clipped[:, 2:] - clipped[:, :2]], axis=1)
        boxes.append(centres / [width, height, width, height])
        classes.append(view.marks.class_ids[kept])
        owners.append(np.full(int(kept.sum()), index))
    batch["bboxes"] = torch.from_numpy(np.concatenate(boxes).astype(np.float32))
    batch["cls"] = torch.from_numpy(np.concatenate(classes).astype(np.float32))[:, None]
    batch["batch_idx"] = torch.from_numpy(np.concatenate(owners).astype(np.float32))
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def _evaluated(network: Any, pages: list[tuple[dict[str, Any], View]]) -> list[Sample]:
    """What the network finds on the pages of the second half."""
    import torch
    from ultralytics.utils.nms import non_max_suppression

    network.eval()
    samples = []
    for row, view in pages:
        h, w = view.pixels.shape[:2]
        scale = PAGE_PX / max(h, w)
        height, width = (-(-round(side * scale) // 32) * 32 for side in (h, w))
        picture = np.full((height, width, 3), 114, np.uint8)
        small = cv2.resize(view.pixels, (round(w * scale), round(h * scale)), interpolation=cv2.INTER_AREA)
        picture[: small.shape[0], : small.shape[1]] = small
        with torch.no_grad():
            raw = network(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255)
        found = non_max_suppression(raw[0] if isinstance(raw, tuple) else raw, 0.01, 0.6, max_det=100)[0].numpy()
        xyxy = np.clip(found[:, :4] / scale, 0, [w, h, w, h]).astype(np.float32)
        boxes = Detections(xyxy, found[:, 5].astype(np.int64), (w, h), found[:, 4].astype(np.float32))
        samples.append(Sample(row["document"], row["page"], row["document"], view.marks, boxes))
    return samples


def report(work: Path) -> None:
    """Prints the figures of all runs, and the differences of the arms with their intervals."""
    runs: dict[str, dict[int, tuple[Sample, ...]]] = {}
    for path in sorted((work / "predictions").glob("*.json")):
        arm, _, number = path.stem.rpartition("_")
        samples, _ = predictions_from_json(json.loads(path.read_text(encoding="utf-8")), str(path))
        runs.setdefault(arm, {})[int(number)] = samples
    draws: dict[tuple[str, int], Any] = {}
    print("| arm | seed | class | AP at IoU .3 | AP50 | AP50-95 |")
    print("|---|---|---|---|---|---|")
    for arm, seeds in runs.items():
        for seed, samples in seeds.items():
            matches = match(samples, len(CLASSES))
            groups = len({sample.group for sample in samples})
            ones = np.ones((1, groups), np.int64)
            weights = np.concatenate([ones, group_weights(groups, _RESAMPLES, 0)])
            draws[arm, seed] = metric_draws(matches, weights, [0.25] * len(CLASSES))
            for class_id in (1, 2):
                loose = average_precision_at(samples, class_id, (0.3,))
                values = draws[arm, seed].ap50[0, class_id], draws[arm, seed].ap50_95[0, class_id]
                print(f"| {arm} | {seed} | {CLASSES[class_id]} | {loose:.3f} | {values[0]:.3f} | {values[1]:.3f} |")
    seeds_of_both = sorted(set(runs.get("with", {})) & set(runs.get("without", {})))
    if not seeds_of_both:
        return
    print("\n| class | figure | without | with | difference | 95 % over documents | differences of the seeds |")
    print("|---|---|---|---|---|---|---|")
    for class_id in (1, 2):
        for name in ("ap50", "ap50_95"):
            arms = {
                arm: np.stack([getattr(draws[arm, seed], name)[:, class_id] for seed in seeds_of_both])
                for arm in ("without", "with")
            }
            change = (arms["with"] - arms["without"]).mean(axis=0)
            low, high = np.nanquantile(change[1:], (0.025, 0.975))
            single = ", ".join(f"{value:+.3f}" for value in (arms["with"] - arms["without"])[:, 0])
            means = arms["without"][:, 0].mean(), arms["with"][:, 0].mean()
            print(
                f"| {CLASSES[class_id]} | {name} | {means[0]:.3f} | {means[1]:.3f} | {change[0]:+.3f} | "
                f"{low:+.3f} to {high:+.3f} | {single} |"
            )


if __name__ == "__main__":
    sys.exit(main())
