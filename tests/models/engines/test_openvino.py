"""OpenVINO: the same boxes as PyTorch in fp32, whoever calls it; converted once, and nothing is sent anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from docdetect import machine
from docdetect.errors import InputError, OutputError, UsageError
from docdetect.machine import has_native_bf16
from docdetect.models.conversions import ConvertedNetwork
from docdetect.models.engines import openvino_precision
from docdetect.models.engines.base import Engine
from docdetect.models.engines.conversion import to_openvino
from docdetect.models.engines.openvino import OpenVinoEngine, openvino_core, usual_sizes
from docdetect.models.engines.openvino_precision import fastest
from docdetect.models.engines.select import load_engine
from docdetect.models.head import HeadSpec
from tests.support.engine_pages import PAGES, assert_equal, assert_same

IMGSZ = 160
CONF, IOU = 0.3, 0.537


@pytest.fixture(scope="module")
def engine(weights: Path) -> Engine:
    return load_engine(weights, imgsz=IMGSZ, device="cpu", engine="openvino", precision="fp32")


def test_same_boxes_as_pytorch(engine: Engine, weights: Path) -> None:
    assert isinstance(engine, Engine)
    torch_engine = load_engine(weights, imgsz=IMGSZ, device="cpu")
    assert engine.class_names == torch_engine.class_names
    expected = torch_engine.detect(PAGES, CONF, IOU)
    assert sum(len(found) for found in expected) > 5
    for ours, theirs in zip(engine.detect(PAGES, CONF, IOU), expected, strict=True):
        assert_same(ours, theirs, px=0.01, score=1e-4)


def test_same_results_whatever_the_neighbours_and_the_thread(engine: Engine) -> None:
    alone = [engine.detect([page], CONF, IOU)[0] for page in PAGES]
    together = engine.detect(PAGES[::-1], CONF, IOU)[::-1]
    with ThreadPoolExecutor(3) as pool:
        crowded = list(pool.map(lambda page: engine.detect([page], CONF, IOU)[0], PAGES * 8))
    for position, found in enumerate(crowded):
        assert_equal(found, alone[position % len(PAGES)])
    for ours, theirs in zip(together, alone, strict=True):
        assert_equal(ours, theirs)


def test_without_blank_borders_it_finds_what_pytorch_finds_there(weights: Path) -> None:
    trimmed = load_engine(weights, imgsz=IMGSZ, device="cpu", engine="openvino", trim=True)
    expected = load_engine(weights, imgsz=IMGSZ, device="cpu", trim=True).detect(PAGES, CONF, IOU)
    assert sum(len(found) for found in expected) > 5
    found = trimmed.detect(PAGES, CONF, IOU)
    for ours, theirs in zip(found, expected, strict=True):
        assert_same(ours, theirs, px=0.01, score=1e-4)
    again = trimmed.detect(PAGES[::-1], CONF, IOU)[::-1]  # pictures of other sizes before each
    for ours, theirs in zip(again, found, strict=True):
        assert_equal(ours, theirs)


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(openvino_precision, "cache_folder", lambda: tmp_path)
    return tmp_path / "measured"


@pytest.mark.parametrize(
    ("flags", "bf16_s", "expected"),
    [
        ({"amx_bf16"}, 9.0, "bf16"),
        ({"avx512_bf16"}, 0.5, "bf16"),
        ({"avx512_bf16"}, 1.6, "fp32"),
        ({"avx2"}, 0.5, "fp32"),
    ],
)
def test_auto_is_openvino_in_the_processors_best_precision(
    weights: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, flags: set[str], bf16_s: float, expected: str
) -> None:
    if expected == "bf16" and not has_native_bf16():
        pytest.skip("this processor has no bf16")
    monkeypatch.setattr(machine, "processor_flags", lambda: frozenset(flags))
    monkeypatch.setattr(openvino_precision, "seconds_per_page", lambda _, name: bf16_s if name == "bf16" else 1.0)
    engine = load_engine(weights, imgsz=IMGSZ, device="cpu", engine="auto", precision="auto")
    assert (engine.traits.name, engine.traits.precision) == ("openvino", expected)
    assert sum(len(found) for found in engine.detect(PAGES, CONF, IOU)) > 5
    assert own_cache.exists() == (flags == {"avx512_bf16"})


def test_the_precision_is_measured_once_and_kept(
    weights: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = dict.fromkeys(("fp32", "bf16"), to_openvino(weights, ""))
    told: list[str] = []
    first = fastest(networks, told.append)
    assert first in ("fp32", "bf16")
    assert len(told) == 1
    with monkeypatch.context() as patched:
        patched.setattr(openvino_precision, "seconds_per_page", lambda *_: pytest.fail("measured again"))
        assert fastest(networks, told.append) == first
    (kept,) = own_cache.iterdir()
    kept.write_bytes(b"\xff nonsense")
    monkeypatch.setattr(openvino_precision, "seconds_per_page", lambda _, name: {"bf16": 1.0, "fp32": 3.0}[name])
    assert fastest(networks, told.append) == "bf16"
    assert len(told) == 2
    monkeypatch.setattr(openvino_precision, "processor_name", lambda: "another")
    monkeypatch.setattr(openvino_precision, "write_text", _full_disk)
    assert fastest(networks, told.append) == "bf16"
    assert len(told) == 3


def _full_disk(path: Path, text: str) -> None:
    raise OutputError(f"{path}: no space left", "")


def test_what_is_no_network_is_refused() -> None:
    nonsense = ConvertedNetwork("openvino", "fp32", HeadSpec(("qr",), (8,)), "", (("m.xml", b"<net/>"), ("m.bin", b"")))
    with pytest.raises(InputError, match="OpenVINO cannot run this network"):
        OpenVinoEngine(nonsense, imgsz=96, precision="fp32", threads=1)


def test_a_fork_of_a_program_with_networks_compiles_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert openvino_core() is openvino_core()
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with pytest.raises(UsageError, match="this process is a fork of one that has used docdetect"):
        openvino_core()


def test_usual_sizes_are_those_of_a4_and_letter() -> None:
    assert usual_sizes(1024, 32) == ((736, 1024), (1024, 736), (800, 1024), (1024, 800))


WATCHED = """
import sys
from pathlib import Path

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "os.fork"):
        print("tried:", event, arguments[:1], flush=True)

sys.addaudithook(watch)
from docdetect.models.engines.select import load_engine
engine = load_engine(Path(sys.argv[1]), imgsz=96, device="cpu", engine="openvino", announce=print)
import numpy as np
print(len(engine.detect([np.zeros((96, 64, 3), np.uint8)], 0.1, 0.5)), "page")
print(sorted(name for name in sys.modules if name.startswith("openvino_telemetry") and sys.modules[name]))
print("torch" in sys.modules, "ultralytics" in sys.modules)
"""


@pytest.mark.slow
def test_nothing_is_sent_and_nothing_left_in_the_home_folder(weights: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        **os.environ,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PYTHONWARNINGS": "error",
    }
    environment.pop("CI", None)
    command = [sys.executable, "-c", WATCHED, str(weights)]
    told = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
        for _ in range(2)
    ]
    assert [line for line in told[0] if line.startswith("tried")] == []
    assert told[0][0].startswith("converting best.pt for OpenVINO")
    assert told[0][1:3] == ["1 page", "[]"]
    assert told[1] == ["1 page", "[]", "False False"]  # once converted, PyTorch is not even imported
    assert list(home.iterdir()) == []


LET_GO_ELSEWHERE = """
import gc, signal, sys, threading
from pathlib import Path
import numpy as np
from docdetect.models.engines.select import load_engine

held = [load_engine(Path(sys.argv[1]), imgsz=64, device="cpu", engine="openvino", precision="fp32")]
held[0].detect([np.full((64, 48, 3), 255, np.uint8)], 0.5, 0.7)


def let_go():
    held.clear()
    gc.collect()


thread = threading.Thread(target=let_go)
thread.start()
thread.join()
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_does_no_harm_after_another_thread_let_go_of_the_network(weights: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LET_GO_ELSEWHERE, str(weights)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "interrupted"), done.stderr
