"""Slices of networks: exact at full width, the chosen channels at half of it, nearer to the larger one than chance."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from docdetect.errors import InputError
from docdetect.models.slicing import channel_importance, slice_network
from docdetect.models.ultralytics_setup import prepare_ultralytics
from docdetect.training.resident.teacher import distillation_loss

PICTURES = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))


def built(yaml: str, seed: int = 0) -> Any:
    """A network whose layers keep the strength of their signal, and whose scores differ."""
    prepare_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(seed)
    network: Any = DetectionModel(yaml, ch=3, nc=3, verbose=False)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
            torch.nn.init.uniform_(layer.weight, 0.1, 2.0)
    for scores in network.model[-1].cv3:
        torch.nn.init.normal_(scores[-1].weight, std=0.5)
    with torch.no_grad():
        network.train()(PICTURES)
    return network.eval()


@pytest.fixture(scope="module")
def larger() -> Any:
    return built("yolo11s.yaml")


@torch.no_grad()
def answers(network: Any) -> dict[str, torch.Tensor]:
    raw = network.eval()(PICTURES)[1]
    return {name: raw[name] for name in ("boxes", "scores")}


def test_a_network_that_is_sliced_at_full_width_is_the_larger_one() -> None:
    whole = built("yolo11n.yaml")
    same, taken = slice_network(whole, channel_importance(whole, [PICTURES]), "yolo11n.yaml")
    assert taken[9].tolist() == list(range(256))
    for name in ("boxes", "scores"):
        assert torch.equal(answers(same)[name], answers(whole)[name])


def test_half_of_the_channels_are_those_that_vary_most_and_shortcuts_keep_them_in_order(larger: Any) -> None:
    importance = channel_importance(larger, [PICTURES])
    small, taken = slice_network(larger, importance, "yolo11n.yaml")
    first, second = taken[0], taken[1]
    assert first.tolist() == sorted(importance["model.0"].topk(16).indices.tolist())
    assert torch.equal(small.model[1].conv.weight, larger.model[1].conv.weight[second][:, first])
    assert torch.equal(small.model[1].bn.running_var, larger.model[1].bn.running_var[second])
    assert torch.equal(taken[11], taken[10])  # upsampling
    assert taken[12].tolist() == [*taken[11].tolist(), *(taken[6] + 512).tolist()]  # concatenation
    split, ours = larger.model[2], small.model[2]
    other = importance["model.2.cv1"][32:].topk(16).indices.sort().values
    inner = importance["model.2.m.0.cv1"].topk(8).indices.sort().values
    assert torch.equal(ours.m[0].cv1.conv.weight, split.m[0].cv1.conv.weight[inner][:, other])
    assert torch.equal(ours.m[0].cv2.conv.weight, split.m[0].cv2.conv.weight[other][:, inner])  # the shortcut's order
    assert all(torch.isfinite(value).all() for value in answers(small).values())


def test_a_slice_is_nearer_to_the_larger_network_than_random_weights(larger: Any) -> None:
    small, _ = slice_network(larger, channel_importance(larger, [PICTURES]), "yolo11n.yaml")
    goal = answers(larger)
    sliced = sum(distillation_loss(answers(small), goal, 16, (1.0, 1.0)))
    others = [sum(distillation_loss(answers(built("yolo11n.yaml", seed)), goal, 16, (1.0, 1.0))) for seed in (5, 6)]
    assert float(sliced) < min(map(float, others))


def test_networks_of_other_families_are_refused(larger: Any) -> None:
    importance = channel_importance(larger, [PICTURES])
    with pytest.raises(InputError, match=r"cannot be sliced out of a larger one: the larger network has .* as model"):
        slice_network(larger, importance, "yolov8n.yaml")
    with pytest.raises(
        InputError, match=r"model\.0\.conv would need 64 channels out of 3, the larger network has 32"
    ) as wider:
        slice_network(larger, importance, {**built("yolo11n.yaml").yaml, "scales": {"n": [0.5, 1.0, 512]}})
    assert "such as yolo11n out of yolo11s" in wider.value.remedy
    content = larger.yaml
    with pytest.raises(InputError, match=r"the heads of model\.10\.m\.0\.attn have keys of 32"):
        slice_network(larger, importance, {**content, "scales": {"s": [0.5, 0.3125, 1024]}})
