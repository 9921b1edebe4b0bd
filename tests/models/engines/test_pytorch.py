"""The PyTorch engine: boxes on the page, whatever its size and its neighbours, and as Ultralytics itself has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from docdetect.models.engines.base import Engine
from docdetect.models.engines.select import load_engine
from docdetect.models.head import parts
from docdetect.types import Detections
from tests.support.engine_pages import PAGES, assert_equal, assert_same

IMGSZ = 160
CONF, IOU = 0.3, 0.537  # boxes of an untrained network overlap by round shares


@pytest.fixture(scope="module")
def engine(weights: Path) -> Engine:
    return load_engine(weights, imgsz=IMGSZ, device="cpu")


def test_it_is_an_engine_and_knows_its_classes(engine: Engine) -> None:
    assert isinstance(engine, Engine)
    assert engine.class_names == ("qr", "signature", "stamp")


def test_boxes_lie_on_their_page_by_descending_score(engine: Engine) -> None:
    results = engine.detect(PAGES, CONF, IOU)
    assert sum(len(found) for found in results) > 5
    for found, pixels in zip(results, PAGES, strict=True):
        height, width = pixels.shape[:2]
        assert found.size_wh == (width, height)
        assert found.scores is not None
        assert (np.diff(found.scores) <= 0).all()
        assert (found.scores > CONF).all()
        assert (found.xyxy >= 0).all()
        assert (found.xyxy <= (width, height, width, height)).all()


def test_same_results_whatever_the_batch(engine: Engine) -> None:
    together = engine.detect(PAGES, CONF, IOU)
    alone = [engine.detect([pixels], CONF, IOU)[0] for pixels in PAGES]
    backwards = engine.detect(PAGES[::-1], CONF, IOU)[::-1]
    for one, two, three in zip(together, alone, backwards, strict=True):
        assert_equal(one, two)
        assert_equal(one, three)


def test_no_pages_and_nothing_found(engine: Engine) -> None:
    assert engine.detect([], CONF, IOU) == []
    (found,) = engine.detect([PAGES[0]], 1.0, IOU)
    assert len(found) == 0
    assert found.scores is not None


def test_same_boxes_as_ultralytics_itself(engine: Engine, weights: Path) -> None:
    from ultralytics import YOLO

    model = YOLO(str(weights))
    for pixels in PAGES:
        (found,) = engine.detect([pixels], CONF, IOU)
        bgr = np.ascontiguousarray(pixels[..., ::-1])
        options = {"imgsz": IMGSZ, "conf": CONF, "iou": IOU, "device": "cpu", "verbose": False, "save": False}
        boxes = model.predict(bgr, **options)[0].boxes
        theirs = Detections(boxes.xyxy.numpy(), boxes.cls.numpy().astype(np.int64), found.size_wh, boxes.conf.numpy())
        own_step = ~parts(theirs.xyxy, theirs.class_ids)
        assert_same(found, theirs.select(own_step), px=1, score=0.01)


def test_channel_order_matters_and_is_rgb(engine: Engine) -> None:
    (as_is,) = engine.detect([PAGES[0]], CONF, IOU)
    (swapped,) = engine.detect([np.ascontiguousarray(PAGES[0][..., ::-1])], CONF, IOU)
    assert as_is.scores is not None
    assert swapped.scores is not None
    assert len(as_is) != len(swapped) or not np.allclose(as_is.scores, swapped.scores)
