"""Raw outputs to boxes: as Ultralytics' own decoding and suppression have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from docdetect.boxes import nms
from docdetect.models.checkpoint import load_network
from docdetect.models.head import HeadSpec, Raw, parts, raw_to_detections
from docdetect.models.letterbox import fitted_letterbox, page_to_picture
from docdetect.types import ByteArray, FloatArray, IntArray

SPEC = HeadSpec(("qr", "signature", "stamp"), (8, 16, 32))


def made_boxes(seed: int, count: int) -> tuple[FloatArray, FloatArray, IntArray]:
    """Boxes in clusters, as a detector finds them."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(100, 900, (max(1, count // 8), 2))[rng.integers(0, max(1, count // 8), count)]
    sizes = rng.uniform(40, 160, (count, 2))
    xyxy = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1) + rng.normal(0, 6, (count, 4))
    scores = (rng.permutation(count) / max(1, count)).astype(np.float32)
    return xyxy.astype(np.float32), scores, rng.integers(0, 3, count)


@pytest.mark.parametrize("count", [0, 1, 40, 700, 4000])
def test_suppression_is_torchvisions(count: int) -> None:
    import torch
    from torchvision.ops import batched_nms

    for seed in range(3):
        xyxy, scores, class_ids = made_boxes(seed, count)
        arrays = [torch.from_numpy(values) for values in (xyxy, scores, class_ids)]
        expected = batched_nms(*arrays, iou_threshold=0.5).numpy()[:300]
        np.testing.assert_array_equal(nms(xyxy, scores, class_ids, 0.5, 300), expected)


def test_parts_lie_in_a_surer_box_of_their_class() -> None:
    whole = [100, 100, 300, 160]
    cases = [
        (whole, 1, False),
        ([100, 100, 180, 160], 1, True),  # its first half
        ([90, 100, 180, 160], 1, False),  # reaches out by a ninth
        ([98, 100, 180, 160], 1, True),  # and by less than a twentieth
        ([100, 100, 180, 160], 2, False),  # a stamp
        ([80, 80, 320, 180], 1, False),  # around it, but less sure
        ([400, 100, 480, 160], 1, False),
        ([410, 110, 450, 150], 1, True),
    ]
    xyxy = np.array([box for box, _, _ in cases], np.float32)
    class_ids = np.array([class_id for _, class_id, _ in cases])
    assert parts(xyxy, class_ids).tolist() == [part for _, _, part in cases]
    assert parts(xyxy[:0], class_ids[:0]).tolist() == []


def test_what_lies_in_a_surer_box_is_dropped_unless_all_is_asked_for() -> None:
    fit = fitted_letterbox((64, 64), 64, 32)
    distances, logits = np.full((4, 84), 1, np.float32), np.full((1, 84), -9, np.float32)
    logits[0, [27, 80]] = 1, 3  # a cell of 8 px in the middle, and one of 32 px around it
    raw, spec = Raw(distances, logits), HeadSpec(("qr",), (8, 16, 32), bins=1)
    assert len(raw_to_detections(raw, spec, fit, 0.5, 0.7)) == 1
    assert len(raw_to_detections(raw, spec, fit, 0.5, 1.0)) == 2


def test_decoding_is_ultralytics(weights: Path) -> None:
    import torch
    from ultralytics.utils.nms import non_max_suppression

    from docdetect.models.engines.conversion import RawNetwork, head_spec

    network = load_network(weights)
    rng = np.random.default_rng(3)
    page: ByteArray = rng.integers(0, 256, (160, 113, 3), dtype=np.uint8)
    fit = fitted_letterbox((113, 160), 160, 32)
    picture = torch.from_numpy(page_to_picture(page, fit))[None]
    with torch.no_grad():
        decoded = network(picture.permute(0, 3, 1, 2).float().div(255))[0]
        theirs = non_max_suppression(decoded, 0.3, 0.537, max_det=300, max_wh=7680)[0].numpy()
        raw = RawNetwork(network)(picture)
    found = raw_to_detections(Raw(raw[0][0].numpy(), raw[1][0].numpy()), head_spec(network), fit, 0.3, 0.537)
    theirs[:, :4] = np.clip(theirs[:, :4], [fit.left, fit.top] * 2, [fit.left + 113, fit.top + 160] * 2)
    within = parts(theirs[:, :4], theirs[:, 5])
    assert within.any()  # a step of ours after what is theirs
    theirs = theirs[~within]
    assert len(found) == len(theirs) > 5
    assert found.scores is not None
    in_picture = found.xyxy + np.array([fit.left, fit.top] * 2)  # at this size pages are not scaled
    ours = np.column_stack([in_picture, found.scores, found.class_ids])
    apart = np.abs(ours[:, None] - theirs[None, :]).max(axis=2)
    assert apart.min(axis=1).max() < 1e-3
    assert apart.min(axis=0).max() < 1e-3


def test_thresholds_at_their_ends() -> None:
    fit = fitted_letterbox((64, 64), 64, 32)
    anchors = 64 + 16 + 4
    rng = np.random.default_rng(0)
    distances = rng.normal(0, 1, (64, anchors)).astype(np.float32)
    logits = rng.normal(-2, 3, (3, anchors)).astype(np.float32)
    raw = Raw(distances, logits)
    assert len(raw_to_detections(raw, SPEC, fit, 1.0, 0.5)) == 0
    assert len(raw_to_detections(raw, SPEC, fit, 0.0, 1.0)) == anchors
    for conf in (0.2, 0.5, 0.9):
        scores = raw_to_detections(raw, SPEC, fit, conf, 1.0).scores
        assert scores is not None
        assert len(scores) == (1 / (1 + np.exp(-logits.max(axis=0))) > conf).sum()


def test_heads_without_suppression_keep_what_overlaps() -> None:
    fit = fitted_letterbox((64, 64), 64, 32)
    raw = Raw(np.full((4, 84), 3, np.float32), np.full((1, 84), 2, np.float32))
    one_to_one = HeadSpec(("qr",), (8, 16, 32), bins=1, suppress=False)
    assert len(raw_to_detections(raw, one_to_one, fit, 0.5, 0.1)) == 84
    assert len(raw_to_detections(raw, HeadSpec(("qr",), (8, 16, 32), bins=1), fit, 0.5, 0.1)) < 84


def test_a_head_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="not a detection head"):
        HeadSpec((), (8,))
