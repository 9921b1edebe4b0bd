"""bf16 in the forward pass only; a loss that is not a number stops the training."""

from __future__ import annotations

from typing import Any

import pytest

from docdetect import machine
from docdetect.errors import ConfigError
from docdetect.models.checkpoint import load_network
from docdetect.training import precision as room
from tests.support.tiny_network import write_checkpoint


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from ultralytics.cfg import get_cfg

    made = load_network(write_checkpoint(tmp_path_factory.mktemp("weights") / "x.pt"))
    made.args = get_cfg()
    return made.train()


def batch() -> dict[str, Any]:
    import torch

    torch.manual_seed(1)
    boxes = torch.tensor([[0.5, 0.5, 0.3, 0.3], [0.3, 0.6, 0.2, 0.2]])
    classes, index = torch.tensor([[0.0], [2.0]]), torch.tensor([0.0, 1.0])
    return {"img": torch.rand(2, 3, 96, 96), "bboxes": boxes, "cls": classes, "batch_idx": index}


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("bf16", 0.15)])
def test_loss_is_fp32_and_as_without_the_wrapper(network: Any, precision: str, tolerance: float) -> None:
    import torch

    network.eval()  # statistics of the batch would move between the two calls
    network.model[-1].training = True
    plain, parts = network(batch())
    wrapped = room.PreciseLoss(network, precision=precision)
    loss, own_parts = wrapped(batch())
    assert loss.dtype is torch.float32
    assert list(own_parts) == list(parts)
    torch.testing.assert_close(loss, plain, rtol=tolerance, atol=tolerance)
    loss.sum().backward()
    assert all(value.grad.dtype is torch.float32 for value in network.parameters() if value.grad is not None)


def test_wrapper_is_looked_through_like_a_parallel_one(network: Any) -> None:
    from ultralytics.utils.torch_utils import unwrap_model

    assert unwrap_model(room.PreciseLoss(network, precision="fp32")) is network


def test_a_loss_that_is_no_number_stops_with_an_explanation(network: Any) -> None:
    bad = batch()
    bad["img"][0, 0, 0, 0] = float("nan")
    with pytest.raises(room.TrainingDivergedError) as caught:
        room.PreciseLoss(network, precision="fp32")(bad)
    assert "its loss is not a number any more" in caught.value.message
    assert "train.lr0" in caught.value.remedy


def test_choice_of_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    cpu = torch.device("cpu")
    monkeypatch.setattr(machine, "processor_flags", lambda: frozenset({"avx2"}))
    assert room.choose_precision("auto", cpu) == "fp32"
    with pytest.raises(ConfigError, match="bf16 is not native to this cpu"):
        room.choose_precision("bf16", cpu)
    monkeypatch.setattr(room, "step_seconds", lambda *, bf16: pytest.fail("measured"))
    for flag in ("amx_bf16", "avx512_bf16"):
        monkeypatch.setattr(machine, "processor_flags", lambda flag=flag: frozenset({flag, "amx_bf16"}))
        assert room.choose_precision("auto", cpu) == "bf16"
        assert room.choose_precision("fp32", cpu) == "fp32"
        assert room.choose_precision("bf16", cpu) == "bf16"


@pytest.mark.parametrize(("bf16_s", "expected"), [(0.5, "bf16"), (0.97, "fp32"), (1.6, "fp32")])
def test_where_bf16_is_native_but_may_be_slow_it_is_measured(
    monkeypatch: pytest.MonkeyPatch, bf16_s: float, expected: str
) -> None:
    import torch

    monkeypatch.setattr(machine, "processor_flags", lambda: frozenset({"avx512_bf16"}))
    monkeypatch.setattr(room, "step_seconds", lambda *, bf16: bf16_s if bf16 else 1.0)
    assert room.choose_precision("auto", torch.device("cpu")) == expected
    assert room.choose_precision("bf16", torch.device("cpu")) == "bf16"


def test_measuring_leaves_chance_alone() -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    assert room.step_seconds(bf16=True) > 0
    assert room.step_seconds(bf16=False) > 0
    assert torch.equal(torch.rand(3), expected)


def test_loader_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from docdetect.training import trainer

    monkeypatch.setattr(trainer, "available_cores", lambda: 2)
    assert trainer.loader_processes(8, torch.device("cpu")) == 1
    assert trainer.loader_processes(0, torch.device("cpu")) == 0
    monkeypatch.setattr(trainer, "available_cores", lambda: 64)
    assert trainer.loader_processes(8, torch.device("cpu")) == 8
    assert trainer.loader_processes(8, torch.device("cuda:0")) == 8
