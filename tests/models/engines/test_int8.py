"""The int8 form of weights: packed beside them, used where it is theirs and the processor can, and never silently."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docdetect import machine
from docdetect.errors import ConfigError, InputError, MissingDependencyError
from docdetect.files import sha256_file
from docdetect.machine import has_native_int8
from docdetect.models.bundled import WeightsState, list_bundled
from docdetect.models.conversions import (
    INT8_FORM,
    ConvertedNetwork,
    int8_path,
    read_form,
    write_converted,
    write_form,
)
from docdetect.models.engines import openvino_precision
from docdetect.models.engines.conversion import to_openvino
from docdetect.models.engines.openvino import import_openvino
from docdetect.models.engines.quantization import convolutions, to_int8
from docdetect.models.engines.select import load_engine
from docdetect.models.packing import pack_int8, pack_weights
from tests.support.engine_pages import PAGES

CONF, IOU = 0.3, 0.537
VNNI = frozenset({"avx512_vnni"})
AVX2 = frozenset({"avx2"})

needs_int8 = pytest.mark.skipif(not has_native_int8(), reason="this processor has no int8 arithmetic")


@pytest.fixture
def quantised(weights: Path, tmp_path: Path) -> Path:
    """Weights with an int8 form that says so; its arithmetic is that of fp32, which takes no time to make."""
    file = Path(shutil.copy(weights, tmp_path / "w.pt"))
    write_form(file, INT8_FORM, replace(to_openvino(file, sha256_file(file)), precision="int8"))
    return file


@needs_int8
def test_auto_takes_the_int8_form_and_converts_nothing(quantised: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "processor_flags", lambda: VNNI)
    monkeypatch.setattr("docdetect.models.engines.select.kept_network", lambda *_: pytest.fail("converted"))
    engine = load_engine(quantised, imgsz=160, device="cpu", engine="auto", precision="auto")
    assert engine.traits.precision == "int8"
    assert sum(len(found) for found in engine.detect(PAGES, CONF, IOU)) > 5


@pytest.mark.parametrize(("flags", "wanted"), [({"avx2"}, "auto"), (VNNI, "fp32")])
def test_int8_is_left_where_it_may_overflow_or_is_not_wanted(
    quantised: Path, monkeypatch: pytest.MonkeyPatch, flags: set[str], wanted: str
) -> None:
    monkeypatch.setattr(machine, "processor_flags", lambda: frozenset(flags))
    engine = load_engine(quantised, imgsz=96, device="cpu", engine="openvino", precision=wanted)
    assert engine.traits.precision == "fp32"


@pytest.mark.parametrize(("int8_s", "expected"), [(0.5, "int8"), (1.0, "bf16")])
def test_with_matrix_arithmetic_bf16_and_int8_are_measured(
    quantised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, int8_s: float, expected: str
) -> None:
    monkeypatch.setattr(openvino_precision, "has_native_int8", lambda: True)
    monkeypatch.setattr(openvino_precision, "has_matrix_bf16", lambda: True)
    monkeypatch.setattr(openvino_precision, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(openvino_precision, "seconds_per_page", lambda _, name: int8_s if name == "int8" else 1.0)
    network = to_openvino(quantised, "")
    networks = openvino_precision.networks_of(quantised, "auto", ("bf16",), lambda: network, print)
    assert list(networks) == ["bf16", "int8"]
    assert openvino_precision.fastest(networks, print) == expected


def test_weights_that_come_in_int8_alone_run_where_nothing_can_convert_them(
    quantised: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without PyTorch, with bf16 as fast as int8: auto takes what is there; others say what is missing."""

    def convert() -> ConvertedNetwork:
        raise MissingDependencyError("no PyTorch", "install it")

    monkeypatch.setattr(openvino_precision, "has_native_int8", lambda: True)
    monkeypatch.setattr(openvino_precision, "has_matrix_bf16", lambda: True)
    assert list(openvino_precision.networks_of(quantised, "auto", ("bf16",), convert, print)) == ["int8"]
    with pytest.raises(MissingDependencyError):
        openvino_precision.networks_of(quantised, "bf16", ("bf16",), convert, print)


@pytest.mark.parametrize("wanted", ["auto", "int8"])
def test_half_range_weights_run_without_vnni(quantised: Path, monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setattr(machine, "processor_flags", lambda: AVX2)
    network = replace(to_openvino(quantised, sha256_file(quantised)), precision="int8", half_range=True)
    write_form(quantised, INT8_FORM, network)
    assert load_engine(quantised, imgsz=96, device="cpu", engine="auto", precision=wanted).traits.precision == "int8"


def test_full_range_weights_are_refused_without_vnni(
    quantised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "processor_flags", lambda: AVX2)
    with pytest.raises(ConfigError, match="made for processors with VNNI"):
        load_engine(quantised, imgsz=96, device="cpu", engine="openvino", precision="int8")
    form = read_form(quantised, INT8_FORM, pytest.fail)
    assert form is not None
    manifest = write_converted(tmp_path / "export", form)
    with pytest.raises(ConfigError, match="may overflow"):
        load_engine(manifest, imgsz=96, device="cpu", engine="auto", precision="auto")


def largest_weight(convolution: Any) -> int:
    """The largest of the 8-bit weights of a convolution; 0 where it has none. Depthwise ones do not add up pairs."""
    node = convolution
    while node.get_type_name() != "Constant":
        inputs = [node.input_value(position).get_node() for position in range(node.get_input_size())]
        node = inputs[1] if node is convolution else inputs[0]
    is_int8 = node.get_element_type().get_type_name() == "i8"
    return int(np.abs(node.get_data().astype(int)).max()) if is_int8 else 0


@pytest.mark.slow
@pytest.mark.parametrize("half_range", [True, False])
def test_half_range_weights_use_seven_bits(weights: Path, half_range: bool) -> None:
    """Two products of 8-bit activations (to 255) and such weights fit into 16 bits: 2 * 255 * 64 < 2 ** 15."""
    pytest.importorskip("nncf", reason="the extra int8 is not installed")
    noise = np.random.default_rng(0).integers(0, 256, (2, 96, 68, 3), dtype=np.uint8)
    network = to_int8(to_openvino(weights, sha256_file(weights)), list(noise), 96, half_range=half_range)
    assert network.half_range == half_range
    model = import_openvino().Core().read_model(network.content(".xml"), network.content(".bin"))
    largest = [largest_weight(node) for node in convolutions(model) if node.get_type_name() == "Convolution"]
    largest = [one for one in largest if one]  # those that stay in fp32 have no 8-bit weights
    assert len(largest) > 5
    assert (max(largest) <= 64) == half_range


def test_a_form_of_other_weights_and_a_damaged_one_are_announced(quantised: Path) -> None:
    told: list[str] = []
    assert read_form(quantised, INT8_FORM, told.append) is not None
    assert told == []
    form = int8_path(quantised)
    intact = form.read_bytes()
    form.write_bytes(intact[: len(intact) // 2] + b"?" + intact[len(intact) // 2 + 1 :])
    assert read_form(quantised, INT8_FORM, told.append) is None
    assert "w.int8.zip is left out: damaged" in told[-1]
    form.write_bytes(intact)
    quantised.write_bytes(quantised.read_bytes() + b" ")
    assert read_form(quantised, INT8_FORM, told.append) is None
    assert told[-1] == "w.int8.zip is left out: it was made from other weights than w.pt"


def test_int8_is_refused_where_weights_do_not_have_it(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "processor_flags", lambda: VNNI)
    with pytest.raises(ConfigError, match="has no int8 form") as caught:
        load_engine(weights, imgsz=96, device="cpu", engine="openvino", precision="int8")
    assert "--calibration" in caught.value.remedy


def test_no_pages_no_ranges(weights: Path) -> None:
    with pytest.raises(InputError, match="int8 needs pages"):
        to_int8(to_openvino(weights, ""), [], 96)


@pytest.mark.slow
def test_packed_beside_its_weights_and_gone_with_them(weights: Path, tmp_path: Path) -> None:
    pytest.importorskip("nncf", reason="the extra int8 is not installed")
    packed = pack_weights(weights, tmp_path, "x")
    noise = np.random.default_rng(0).integers(0, 256, (2, 96, 68, 3), dtype=np.uint8)
    form = pack_int8(packed, list(noise))
    assert form.file == int8_path(packed.file)
    assert list_bundled(tmp_path) == (packed, form)
    assert form.name == "x.int8"
    assert read_form(packed.file, INT8_FORM, pytest.fail) is not None
    assert pack_weights(weights, tmp_path, "x") == packed  # the same again: its form stays
    assert list_bundled(tmp_path) == (packed, form)
    form.file.write_bytes(b"x")
    assert [one.state for one in list_bundled(tmp_path)] == [WeightsState.OK, WeightsState.DAMAGED]
    (tmp_path / "x.pt").write_bytes(b"other weights")
    pack_weights(weights, tmp_path, "x", overwrite=True)
    assert list_bundled(tmp_path) == (packed,)
    assert not form.file.exists()
