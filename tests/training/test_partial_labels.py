"""Pages that are labelled in part: no gradient of the classification loss reaches the classes that nobody labelled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils import DEFAULT_CFG

from docdetect.datasets.reader import LabelledImage, read_dataset
from docdetect.models.ultralytics_setup import prepare_ultralytics
from docdetect.training.pages import Pages, ValidationPages, Windows
from docdetect.training.partial_labels import PartialLabelsLoss, label_mask, region_class, without_regions
from docdetect.training.precision import PreciseLoss
from tests.support.datasets import write_dataset

STAMP_ONLY = frozenset({2})
REGION = float(region_class(STAMP_ONLY, 3))


@pytest.fixture(autouse=True)
def _prepared() -> None:
    prepare_ultralytics()


@pytest.fixture
def network(tiny_yaml: Path) -> Any:
    torch.manual_seed(0)
    network = DetectionModel(str(tiny_yaml), nc=3, verbose=False).train()
    network.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    return network


def score_gradients(network: Any, batch: dict[str, Any]) -> torch.Tensor:
    """(images, classes, anchors): the gradient of the loss with respect to the logits of the classes."""
    predictions = network(batch["img"])
    predictions["scores"].retain_grad()
    loss, _ = network.criterion(predictions, batch)
    loss.sum().backward()
    return torch.as_tensor(predictions["scores"].grad)


def batch_of(rows: Sequence[tuple[float, ...]]) -> dict[str, Any]:
    """Two pictures of 96 px with rows of picture, class, centre, width and height."""
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
    pictures = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    return {"img": pictures, "batch_idx": table[:, 0], "cls": table[:, 1:2], "bboxes": table[:, 2:]}


MARKS = [(0, 2, 0.3, 0.3, 0.2, 0.2), (1, 1, 0.6, 0.6, 0.3, 0.2)]


def test_gradients_of_unlabelled_classes_are_exactly_zero_and_without_the_mask_they_are_not(network: Any) -> None:
    network.criterion = PartialLabelsLoss(network.init_criterion())
    masked = score_gradients(network, batch_of([*MARKS, (0, REGION, 0.5, 0.5, 1, 1)]))
    assert bool((masked[0, :2] == 0).all())  # qr and signature of the page with labelled stamps only
    assert bool((masked[0, 2] != 0).all())
    assert bool((masked[1] != 0).all())
    network.criterion = network.init_criterion()
    plain = score_gradients(network, batch_of(MARKS))
    assert bool((plain[0, :2] != 0).all())
    torch.testing.assert_close(masked[1], plain[1])
    torch.testing.assert_close(masked[0, 2], plain[0, 2])


def test_a_region_that_is_a_part_of_the_picture_masks_the_anchors_in_it_only(network: Any) -> None:
    network.criterion = PartialLabelsLoss(network.init_criterion())
    gradients = score_gradients(network, batch_of([*MARKS, (0, REGION, 0.25, 0.5, 0.5, 1)]))[0, 0]
    side = 96 // int(network.stride[0])
    finest = gradients[: side * side].reshape(side, side)
    assert bool((finest[:, : side // 2] == 0).all())
    assert bool((finest[:, side // 2 :] != 0).all())


def test_two_regions_over_each_other_leave_what_both_know() -> None:
    other = float(region_class(frozenset({0, 2}), 3))
    regions = torch.tensor([[0, REGION, 0.5, 0.5, 1, 1], [0, other, 0.5, 0.5, 1, 1]])
    mask = label_mask(regions, (1, 3, 32, 32), [8.0], 3)
    assert mask.shape == (1, 16, 3)
    assert {tuple(anchor) for anchor in mask[0].tolist()} == {(0.0, 0.0, 1.0)}


def test_the_network_in_training_gets_this_loss_whatever_loss_it_had(network: Any) -> None:
    network.criterion = None
    wrapped = PreciseLoss(network, precision="fp32")
    loss, _ = wrapped(batch_of([*MARKS, (0, REGION, 0.5, 0.5, 1, 1)]))
    assert isinstance(network.criterion, PartialLabelsLoss)
    assert bool(torch.isfinite(loss).all())
    network.criterion = network.init_criterion()
    wrapped(batch_of(MARKS))
    assert isinstance(network.criterion, PartialLabelsLoss)


def pages_of(folder: Path, kind: type[Pages], **more: Any) -> Any:
    tree: dict[str, Any] = {"train": "images/train", "val": "images/val", "names": ["qr", "signature", "stamp"]}
    tree["labelled"] = {"images/train/страница_0.png": ["stamp"], "images/val/страница_0.png": ["stamp"]}
    (folder / "data.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    images: tuple[LabelledImage, ...] = read_dataset(folder).splits["train"]
    data = {"pages": {"images": images}, "names": dict(enumerate(("qr", "signature", "stamp"))), "channels": 3}
    recipe = SimpleNamespace(**{**vars(DEFAULT_CFG), "degrees": 10.0, "mosaic": 1.0, "erasing": 0.5})
    return kind(img_path="images", data=data, task="detect", imgsz=96, hyp=recipe, batch_size=2, **more)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_dataset(tmp_path, train=4, val=1).parent


def test_regions_go_through_mosaics_and_turns_with_their_page(folder: Path) -> None:
    pages = pages_of(folder, Pages, augment=True)
    shares = []
    for _ in range(12):
        for index in range(4):
            batch = pages.collate_fn([pages[index]])
            marks, regions = without_regions(batch, 3)
            assert bool((marks["cls"] < 3).all())
            assert len(marks["cls"]) == len(marks["bboxes"]) == len(marks["batch_idx"])
            assert bool((regions[:, 1] == REGION).all())
            low, high = regions[:, 2:4] - regions[:, 4:] / 2, regions[:, 2:4] + regions[:, 4:] / 2
            assert bool((low >= -1e-5).all())
            assert bool((high <= 1 + 1e-5).all())
            shares += (regions[:, 4] * regions[:, 5]).tolist()
    assert 0 < np.mean(shares) < 0.9  # a page is a part of a mosaic


def test_a_whole_page_in_validation_and_a_window_are_regions_as_a_whole(folder: Path) -> None:
    checked = pages_of(folder, ValidationPages, augment=False)
    marks, regions = without_regions(checked.collate_fn([checked[0], checked[1]]), 3)
    assert regions.tolist() == [[0, REGION, 0.5, 0.5, 1, 1]]
    assert bool((marks["cls"][marks["batch_idx"] == 0] == 2).all())
    windows = pages_of(folder, Windows, augment=False, page_px=96, window_wh=(64, 64))
    for index in range(4):
        label = windows.get_image_and_label(index)
        region = label["cls"].reshape(-1) >= 3
        assert region.sum() == (index == 0)
        assert len(label["cls"]) == len(label["instances"])


def test_too_many_classes_for_a_region_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 23 classes"):
        region_class(frozenset(), 24)
