"""The features of pages are those that the head takes in, and the detections beside them those of the engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from docdetect.errors import ConfigError
from docdetect.models.checkpoint import load_network
from docdetect.models.conversions import MANIFEST_NAME, write_converted
from docdetect.models.engines.conversion import to_onnx
from docdetect.models.engines.features import FeatureNetwork, feature_network, pooled
from docdetect.models.engines.select import load_engine
from docdetect.models.letterbox import Framing, page_to_picture
from docdetect.types import ByteArray
from tests.support.tiny_network import write_checkpoint


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("features") / "tiny.pt")


@pytest.fixture(scope="module")
def page() -> ByteArray:
    return np.random.default_rng(0).integers(0, 256, (120, 90, 3), np.uint8)


def test_features_are_what_the_head_takes_in(weights: Path, page: ByteArray) -> None:
    network = FeatureNetwork(feature_network(weights, print), imgsz=96, threads=1)
    looked = network(page, 0.2)
    module = load_network(weights).float().eval()
    taken: list[torch.Tensor] = []
    module.model[-1].register_forward_pre_hook(lambda _, inputs: taken.extend(inputs[0]))  # type: ignore[index,union-attr]
    picture = page_to_picture(page, Framing(96, 32).of(page))
    with torch.inference_mode():
        module(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255)
    expected = pooled([level[0].numpy() for level in taken])
    assert looked.features.shape == expected.shape
    assert looked.features == pytest.approx(expected, abs=5e-3)  # engines differ a little
    assert np.linalg.norm(looked.features) == pytest.approx(1, abs=1e-5)


def test_detections_are_those_of_the_engine(weights: Path, page: ByteArray) -> None:
    looked = FeatureNetwork(feature_network(weights, print), imgsz=96, threads=1)(page, 0.2)
    engine = load_engine(weights, imgsz=96, device="cpu", engine="openvino", precision="fp32")
    (found,) = engine.detect([page], 0.2, 0.7)
    assert len(looked.found) == len(found) > 0
    assert looked.found.xyxy == pytest.approx(found.xyxy, abs=0.1)


def test_pages_that_are_alike_have_features_that_are_alike(weights: Path, page: ByteArray) -> None:
    network = FeatureNetwork(feature_network(weights, print), imgsz=96, threads=1)
    blank = np.full_like(page, 255)
    noisy = np.clip(page.astype(int) + 2, 0, 255).astype(np.uint8)
    one, same, other = (network(shown, 0.2).features for shown in (page, noisy, blank))
    assert float(one @ same) > float(one @ other) + 0.01


def test_an_export_for_another_engine_is_refused(weights: Path, tmp_path: Path) -> None:
    write_converted(tmp_path / "onnx", to_onnx(weights, "0" * 64))
    with pytest.raises(ConfigError, match="exported for onnx"):
        feature_network(tmp_path / "onnx" / MANIFEST_NAME, print)
