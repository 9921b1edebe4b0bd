"""A detection network of a few thousand weights, for tests in which the model does not matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CLASSES = ("qr", "signature", "stamp")
TINY_YAML = """
nc: 3
scales: {n: [0.34, 0.125, 128]}
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 1, C3k2, [128, False, 0.25]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [-1, 1, Conv, [512, 3, 2]]
  - [-1, 1, Conv, [512, 3, 2]]
head:
  - [[3, 4, 5], 1, Detect, [nc]]
"""


def write_architecture(folder: Path) -> Path:
    """The network's YAML; its name carries the scale."""
    file = folder / "yolo11n-tiny.yaml"
    file.write_text(TINY_YAML, encoding="utf-8")
    return file


def write_half_architecture(folder: Path) -> Path:
    """YAML of a network of the same family with half of the channels."""
    file = folder / "yolo11n-half.yaml"
    file.write_text(TINY_YAML.replace("0.125", "0.0625"), encoding="utf-8")
    return file


def write_checkpoint(file: Path, *, half: bool = True, names: dict[int, str] | None = None) -> Path:
    """An untrained network as a training would leave it, with scores that are all different."""
    from docdetect.models.ultralytics_setup import prepare_ultralytics

    prepare_ultralytics()
    import torch
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    network: Any = DetectionModel(str(write_architecture(file.parent)), nc=len(CLASSES), verbose=False)
    for scores in network.model[-1].cv3:
        torch.nn.init.normal_(scores[-1].weight, std=0.5)
        torch.nn.init.constant_(scores[-1].bias, -1.0)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # an average: without statistics of some input, every layer fades its signal out
    with torch.no_grad():
        for _ in range(3):
            network.train()(torch.rand(4, 3, 96, 96))
    network.names = dict(enumerate(CLASSES)) if names is None else names
    network.args, network.task = {}, "detect"
    torch.save({"model": network.half() if half else network, "train_args": {}}, file)
    return file
