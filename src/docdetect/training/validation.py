"""The validation after each epoch: Ultralytics' loss, and docdetect's own figures from the same pass of the network.

Ultralytics' figures differ from those of `docdetect val` for four reasons (see docs/evaluation.md). The outputs of the
network are therefore also read by `docdetect.models.head` and compared with the ground truth by `docdetect.metrics`,
exactly as `docdetect val` does it. The weights with the highest AP50-95 of docdetect are kept as the best ones.

Imported after `prepare_ultralytics` only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from ultralytics.models.yolo.detect import DetectionValidator

from docdetect.datasets.origins import Origin
from docdetect.datasets.reader import LabelledImage
from docdetect.documents.pictures import read_picture
from docdetect.metrics.figures import BootstrapSettings, ClassFigures, class_figures
from docdetect.metrics.matching import LOWEST_CONF, Sample, match
from docdetect.models.engines.conversion import head_spec
from docdetect.models.head import Raw, raw_to_detections
from docdetect.models.letterbox import fitted_letterbox
from docdetect.training.pages import ValidationPages
from docdetect.training.partial_labels import leave_unknown_out, without_regions
from docdetect.training.samples import sample_of
from docdetect.types import ByteArray

_IOU = 0.7  # of non-maximum suppression, the default of `docdetect val`


class PagesValidator(DetectionValidator):  # type: ignore[misc]
    """Validates on `ValidationPages`.

    Attributes:
        samples: each page with its marks and what the newest pass has found on it.
        matches: which detections of the newest pass meet which marks.
        figures: of the newest pass, "all" first, then of each class.
        conf, iou: the confidence threshold of precision, recall and F1, and the IoU of non-maximum suppression.
        class_names: in the order of their ids.
        origins: file stem -> the document, page and group that a picture comes from.
    """

    conf: float = 0.25
    iou: float = _IOU
    class_names: tuple[str, ...] = ()
    origins: Mapping[str, Origin] = MappingProxyType({})

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Without Ultralytics' own plots, which would show its figures beside docdetect's."""
        self.args.plots = False
        return super().__call__(*arguments, **keywords)

    def init_metrics(self, model: torch.nn.Module) -> None:
        super().init_metrics(model)
        self.samples: list[Sample] = []
        self._pages: list[LabelledImage] = []
        self.figures: tuple[ClassFigures, ...] = ()
        network: Any = model.model if getattr(model, "format", None) == "pt" else model
        if self.training:
            leave_unknown_out(network)
        self._spec, self._head = head_spec(network), network.model[-1]

    def postprocess(self, preds: Any) -> Any:
        """Keeps the raw outputs of the head, of which Ultralytics makes its own detections."""
        raw = preds[1]
        if "one2one" in raw:
            raw = raw["one2one" if self._head.end2end else "one2many"]
        self._raw = raw["boxes"].float().cpu().numpy(), raw["scores"].float().cpu().numpy()
        return super().postprocess(preds)

    def update_metrics(self, preds: Sequence[dict[str, torch.Tensor]], batch: dict[str, Any]) -> None:
        super().update_metrics(preds, without_regions(batch, self.nc)[0])
        pages: ValidationPages = self.dataloader.dataset
        for position, file in enumerate(batch["im_file"]):
            page = pages.page(Path(file))
            fit = fitted_letterbox(page.ground_truth.size_wh, pages.imgsz, pages.stride)
            raw = Raw(self._raw[0][position], self._raw[1][position])
            found = raw_to_detections(raw, self._spec, fit, LOWEST_CONF, self.iou)
            self._pages.append(page)
            self.samples.append(sample_of(page, self.origins, found))

    def get_stats(self) -> dict[str, Any]:
        """Ultralytics' figures by its own names, and docdetect's AP50-95 as the fitness that chooses the best epoch."""
        stats = super().get_stats()
        names = self.class_names
        order = sorted(range(len(self._pages)), key=lambda position: self._pages[position].name)
        self._pages = [self._pages[position] for position in order]
        self.samples = [self.samples[position] for position in order]
        self.matches = match(self.samples, len(names))
        self.figures = class_figures(self.matches, names, (self.conf,) * len(names), BootstrapSettings(resamples=0))
        return {**stats, "fitness": self.figures[0].ap50_95.value or 0.0}

    def pixels(self, position: int) -> ByteArray:
        """uint8 (H, W, 3) RGB pixels of the page of a sample. Raises InputError where its picture cannot be read."""
        return read_picture(self._pages[position].path).pixels
