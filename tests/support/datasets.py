"""A dataset of made pages that even a tiny network can learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from docdetect.annotations.yolo import detections_to_yolo
from docdetect.documents.drawing import write_image
from docdetect.types import ByteArray, Detections

PAGE_WH = (72, 96)


def made_page(seed: int, marks: int = 2) -> tuple[ByteArray, Detections]:
    """A page with lines of text and coloured squares, each class a colour."""
    rng = np.random.default_rng(seed)
    width, height = PAGE_WH
    page = np.full((height, width, 3), 245, np.uint8)
    page[8:-8:6, 8:-8] = 120
    colours = ((0, 0, 0), (20, 60, 200), (200, 30, 30))
    boxes, ids = [], []
    for _ in range(marks):
        side = int(rng.integers(16, 28))
        left, top = int(rng.integers(0, width - side)), int(rng.integers(0, height - side))
        class_id = int(rng.integers(3))
        page[top : top + side, left : left + side] = colours[class_id]
        boxes.append((left, top, left + side, top + side))
        ids.append(class_id)
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return page, Detections(xyxy, np.array(ids, np.int64), PAGE_WH)


def write_dataset(folder: Path, train: int = 6, val: int = 3) -> Path:
    """A YOLO dataset in `folder`; returns its data.yaml."""
    for split, count, start in (("train", train, 0), ("val", val, 1000)):
        for number in range(count):
            page, ground_truth = made_page(start + number)
            stem = f"страница_{number}"
            write_image(folder / "images" / split / f"{stem}.png", page)
            label = folder / "labels" / split / f"{stem}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(detections_to_yolo(ground_truth), encoding="utf-8")
    file = folder / "data.yaml"
    file.write_text("path: .\ntrain: images/train\nval: images/val\nnames: [qr, signature, stamp]\n", encoding="utf-8")
    return file
