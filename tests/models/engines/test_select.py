"""Which engine, precision and device go together, and what is said when they do not."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from docdetect import machine
from docdetect.errors import ConfigError, MissingDependencyError
from docdetect.models.conversions import ConvertedNetwork, write_converted
from docdetect.models.engines import base as devices
from docdetect.models.engines.base import SeveralEngines, Traits
from docdetect.models.engines.select import choose_precision, exact_engine, load_engine
from docdetect.models.head import HeadSpec
from docdetect.types import ByteArray, Detections
from tests.support.engine_pages import PAGES, assert_same


@pytest.mark.parametrize(
    ("engine", "device", "flags", "expected"),
    [
        ("openvino", "cpu", {"amx_bf16"}, "bf16"),
        ("openvino", "cpu", {"avx512_bf16", "amx_bf16"}, "bf16"),
        ("openvino", "cpu", {"avx512_bf16"}, "auto"),  # measured, when the engine is made
        ("openvino", "cpu", {"avx2"}, "fp32"),
        ("openvino", "cpu", {"avx_vnni"}, "fp32"),
        ("onnx", "cpu", {"amx_bf16"}, "fp32"),
        ("torch", "cpu", {"amx_bf16"}, "fp32"),
        ("torch", "cuda:1", set(), "fp16"),
        ("tensorrt", "cuda:0", set(), "fp16"),
    ],
)
def test_auto_precision(
    monkeypatch: pytest.MonkeyPatch, engine: str, device: str, flags: set[str], expected: str
) -> None:
    monkeypatch.setattr(machine, "processor_flags", lambda: frozenset(flags))
    assert choose_precision("auto", engine, device) == expected
    assert choose_precision("fp32", engine, device) == "fp32"


def test_what_does_not_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "processor_flags", lambda: frozenset({"avx2"}))
    with pytest.raises(ConfigError, match="openvino on cpu has no bf16"):
        choose_precision("bf16", "openvino", "cpu")
    monkeypatch.setattr(machine, "processor_flags", lambda: frozenset({"sse4_2"}))
    with pytest.raises(ConfigError, match=r"openvino on cpu has no int8 .*neither VNNI or AMX nor AVX2"):
        choose_precision("int8", "openvino", "cpu")
    with pytest.raises(ConfigError, match=r"torch on cpu has no int8\n"):  # whatever the processor can do
        choose_precision("int8", "torch", "cpu")
    with pytest.raises(ConfigError, match="torch on cpu has no fp16"):
        choose_precision("fp16", "torch", "cpu")
    with pytest.raises(ConfigError, match="tensorrt runs on GPUs of NVIDIA only, not on cpu"):
        choose_precision("auto", "tensorrt", "cpu")
    with pytest.raises(ConfigError, match="openvino runs on the CPU only, not on cuda:0"):
        choose_precision("auto", "openvino", "cuda:0")


@pytest.mark.parametrize(
    ("made_for", "stored", "expected"),
    [
        ("openvino", "fp16", ("openvino", "fp32")),  # stored so, computed in fp32
        ("openvino", "int8", ("openvino", "int8")),
        ("onnx", "fp32", ("onnx", "fp32")),
        ("tensorrt", "fp16", ("tensorrt", "fp16")),
    ],
)
def test_exact_figures_are_those_of_what_the_weights_were_exported_for(
    tmp_path: Path, made_for: str, stored: str, expected: tuple[str, str]
) -> None:
    network = ConvertedNetwork(made_for, stored, HeadSpec(("stamp",), (8,), 16), "0" * 64, (("network.bin", b"x"),))
    manifest = write_converted(tmp_path / "exported", network)
    assert exact_engine(manifest) == expected
    assert exact_engine(manifest, "auto", "auto") == ("auto", "auto")
    assert exact_engine(tmp_path / "best.pt") == ("torch", "fp32")


def test_no_driver_no_question_to_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_may_have_gpu", lambda: False)
    monkeypatch.setattr(devices, "select_device", lambda device: pytest.fail("PyTorch was asked"))
    assert devices.list_devices("") == devices.list_devices("CPU") == ("cpu",)


def test_without_pytorch_there_is_only_the_cpu(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docdetect.models.engines.base.shutil.which", lambda name: "/usr/bin/" + name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert devices.list_devices("") == ("cpu",)
    with pytest.raises(MissingDependencyError, match="device: '0' needs packages that are not installed: torch"):
        devices.list_devices("0")
    with pytest.raises(MissingDependencyError, match=r"loading a checkpoint needs packages .*: torch") as caught:
        load_engine(weights, imgsz=96, device="cpu", engine="torch")
    assert 'pip install "docdetect[train]"' in caught.value.remedy


def test_several_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "select_device", lambda device: f"cuda:{device.strip()}")
    assert devices.list_devices("0, 1") == ("cuda:0", "cuda:1")
    with pytest.raises(ConfigError, match="names a device twice"):
        devices.list_devices("1,1")


@pytest.mark.parametrize(("engine", "package"), [("onnx", "onnxruntime"), ("openvino", "openvino")])
def test_a_missing_package_has_its_command(
    weights: Path, monkeypatch: pytest.MonkeyPatch, engine: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=package) as caught:
        load_engine(weights, imgsz=96, device="cpu", engine=engine)
    assert "pip install" in caught.value.remedy


def test_tensorrt_is_asked_for_before_anything_is_built(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setattr("docdetect.models.engines.select.list_devices", lambda device: ("cuda:0",))
    with pytest.raises(MissingDependencyError) as caught:
        load_engine(weights, imgsz=96, device="0", engine="tensorrt", precision="auto")
    assert caught.value.remedy == 'Install it with: pip install "docdetect[tensorrt]"'


@pytest.mark.parametrize("trim", [False, True])
def test_onnx_runtime_has_the_boxes_of_pytorch(weights: Path, trim: bool) -> None:
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    pytest.importorskip("onnx", reason="the extra onnx is not installed")
    engine = load_engine(weights, imgsz=160, device="cpu", engine="onnx", trim=trim)
    expected = load_engine(weights, imgsz=160, device="cpu", trim=trim).detect(PAGES, 0.3, 0.537)
    for ours, theirs in zip(engine.detect(PAGES, 0.3, 0.537), expected, strict=True):
        assert_same(ours, theirs, px=0.01, score=1e-4)


class WaitingEngine:
    """Answers when it is let."""

    class_names = ("qr",)
    traits = Traits("fake", lanes=2)

    def __init__(self) -> None:
        self.calls = 0
        self.free = threading.Event()

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        self.calls += 1
        assert self.free.wait(10)
        return [Detections.none((8, 8)) for _ in pages]


def test_calls_go_to_the_engine_that_has_least_to_do() -> None:
    engines = [WaitingEngine(), WaitingEngine(), WaitingEngine()]
    several = SeveralEngines(engines)
    assert several.traits.lanes == 6
    page = np.zeros((8, 8, 3), np.uint8)
    threads = [threading.Thread(target=several.detect, args=([page], 0.1, 0.5)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(1000):
        if sum(engine.calls for engine in engines) == 6:
            break
        threading.Event().wait(0.005)
    assert [engine.calls for engine in engines] == [2, 2, 2]
    for engine in engines:
        engine.free.set()
    for thread in threads:
        thread.join()
    several.detect([page], 0.1, 0.5)
    assert engines[0].calls == 3
