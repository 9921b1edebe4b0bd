"""Pages on which not every class is labelled: what their pixels say about the other classes stays out of the loss.

Ultralytics knows no such pages. A picture that it trains on can be a mosaic of pages of which each has other classes
labelled, and it is shifted, turned and cut. So each page that is labelled in part carries one more row among its
labels: a region, the whole page as a box, whose class id says which classes are unknown in it. Regions go through
Ultralytics' geometry as boxes do (see `docdetect.training.augment.TightPerspective`), and `PartialLabelsLoss` takes
them out of the batch and leaves the unknown classes out of the classification loss at every anchor inside.

Imported after `prepare_ultralytics` only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from ultralytics.utils.loss import v8DetectionLoss


def region_class(labelled: frozenset[int], class_count: int) -> int:
    """The class id of a region in which only these classes are labelled: `class_count` plus a bit for each other one.

    Class ids travel as float32, which is exact for up to 23 classes.

    Raises:
        ValueError: there are more classes than that.
    """
    if class_count > 23:
        raise ValueError("incomplete labels are possible with at most 23 classes")
    return class_count + sum(1 << one for one in range(class_count) if one not in labelled)


class MaskedCrossEntropy(nn.Module):
    """Binary cross entropy of logits, element by element, times a mask.

    Attributes:
        mask: broadcast to the logits: 1 where a class is labelled, 0 where it is unknown; None for 1 everywhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mask: torch.Tensor | None = None

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The losses, of the shape of the logits, not reduced."""
        losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return losses if self.mask is None else losses * self.mask


class PartialLabelsLoss:
    """Ultralytics' detection loss, without what nobody labelled.

    It stands in the place of the criterion of a network, and all else is the criterion's.
    """

    def __init__(self, criterion: Any) -> None:
        self.criterion = criterion
        self._entropies = []
        for loss in _detection_losses(criterion):
            loss.bce = MaskedCrossEntropy()
            self._entropies.append(loss.bce)

    def __call__(self, predictions: Any, batch: dict[str, Any]) -> Any:
        """The loss and its parts. The batch is left as it is; its `cls` may hold regions, see `region_class`."""
        loss = next(_detection_losses(self.criterion))
        kept, regions = without_regions(batch, loss.nc)
        mask = label_mask(regions, batch["img"].shape, loss.stride.tolist(), loss.nc) if len(regions) else None
        for entropy in self._entropies:
            entropy.mask = mask
        try:
            return self.criterion(predictions, kept)
        finally:
            for entropy in self._entropies:
                entropy.mask = None

    def __getattr__(self, name: str) -> Any:
        if name == "criterion":  # asked for before it is set, as by copies
            raise AttributeError(name)
        return getattr(self.criterion, name)


def leave_unknown_out(network: Any) -> None:
    """Gives a network this loss in place of the one that Ultralytics has made or would make for it."""
    known = getattr(network, "criterion", None)
    if not isinstance(known, PartialLabelsLoss):
        network.criterion = PartialLabelsLoss(known or network.init_criterion())


def without_regions(batch: dict[str, Any], class_count: int) -> tuple[dict[str, Any], torch.Tensor]:
    """The batch with the labels of marks only, and its regions.

    Returns:
        The batch; float32 (N, 6): position in the batch, class id, and centre, width and height in 0..1.
    """
    region = batch["cls"].view(-1) >= class_count
    if not bool(region.any()):
        return batch, batch["bboxes"].new_zeros((0, 6))
    rows = torch.cat((batch["batch_idx"].view(-1, 1), batch["cls"].view(-1, 1), batch["bboxes"]), 1)[region]
    kept = {name: batch[name][~region] for name in ("batch_idx", "cls", "bboxes")}
    return {**batch, **kept}, rows


def label_mask(
    regions: torch.Tensor, image_shape: tuple[int, ...], strides: list[float], class_count: int
) -> torch.Tensor:
    """1 where a class is labelled, 0 where it is unknown: float32 (images, anchors, classes).

    Args:
        regions: float32 (N, 6) of `without_regions`.
        image_shape: (images, channels, height, width).
        strides: px between the anchors of each level of the network, in its order.
        class_count: number of classes.
    """
    images, _, height, width = image_shape
    device = regions.device
    points = []
    for stride in strides:
        rows, columns = round(height / stride), round(width / stride)
        y = (torch.arange(rows, device=device) + 0.5) / rows
        x = (torch.arange(columns, device=device) + 0.5) / columns
        points.append(torch.stack((x.expand(rows, columns), y[:, None].expand(rows, columns)), -1).reshape(-1, 2))
    anchors = torch.cat(points)
    mask = torch.ones(images, len(anchors), class_count, device=device)
    bits = 1 << torch.arange(class_count, device=device)
    for image, class_id, x, y, width_frac, height_frac in regions.unbind():
        inside = ((anchors[:, 0] - x).abs() <= width_frac / 2) & ((anchors[:, 1] - y).abs() <= height_frac / 2)
        unknown = (((class_id.long() - class_count) & bits) > 0).float()
        mask[image.long()] *= 1 - inside.float()[:, None] * unknown[None, :]
    return mask


def _detection_losses(criterion: Any) -> Iterator[Any]:
    """The losses of the heads of a network: one, or those of a head with two branches."""
    if isinstance(criterion, v8DetectionLoss):
        yield criterion
        return
    for name in ("one2many", "one2one"):
        yield getattr(criterion, name)
