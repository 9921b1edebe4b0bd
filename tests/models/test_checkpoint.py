"""Checkpoints: half precision, hostile pickles, files that are none."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docdetect.errors import ConfigError, InputError
from docdetect.models.checkpoint import check_architecture, load_network, read_train_args, trained_imgsz
from docdetect.models.engines.base import select_device
from docdetect.models.ultralytics_setup import prepare_ultralytics
from tests.support.tiny_network import write_architecture, write_checkpoint


class Payload:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


class Shell:
    """A pickle that would call the shell."""

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return (os.system, ("true",))


def test_half_precision_comes_out_as_fp32(weights: Path) -> None:
    import torch

    network = load_network(weights)
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    assert not network.training


@pytest.mark.parametrize("wrap", [lambda payload: {"model": payload}, lambda payload: payload])
def test_malicious_pickle_is_refused_and_not_run(tmp_path: Path, wrap: Callable[[object], object]) -> None:
    import torch

    proof = tmp_path / "code was run"
    file = tmp_path / "evil.pt"
    torch.save(wrap(Payload(proof)), file)
    with pytest.raises(InputError):
        load_network(file)
    assert not proof.exists()


def test_refusal_names_what_the_file_wants(tmp_path: Path) -> None:
    import torch

    file = tmp_path / "evil.pt"
    torch.save({"model": Shell()}, file)
    with pytest.raises(InputError) as caught:
        load_network(file)
    assert "evil.pt: refused, the file wants to run code that no network needs" in caught.value.message
    assert "system" in caught.value.message


def test_plain_pickle_with_code_is_refused(tmp_path: Path) -> None:
    proof = tmp_path / "code was run"
    file = tmp_path / "evil.pt"
    file.write_bytes(pickle.dumps(Payload(proof)))
    with pytest.raises(InputError):
        load_network(file)
    assert not proof.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 damaged", b"\x80\x04."])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.pt"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.pt"):
        load_network(file)


def test_truncated_checkpoint_is_refused(tmp_path: Path, weights: Path) -> None:
    file = tmp_path / "cut.pt"
    file.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    with pytest.raises(InputError, match=r"cut\.pt"):
        load_network(file)


def test_a_bare_state_dict_is_refused(tmp_path: Path) -> None:
    import torch

    file = tmp_path / "state.pt"
    torch.save(OrderedDict(weight=torch.zeros(3)), file)
    with pytest.raises(InputError, match="not a checkpoint of a detection model"):
        load_network(file)


def test_missing_and_unknown_kinds(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such weights file"):
        load_network(tmp_path / "none.pt")
    (tmp_path / "x.bin").write_bytes(b"x")
    with pytest.raises(InputError, match="not a kind of weights") as caught:
        load_network(tmp_path / "x.bin")
    assert ".ensemble.json" in caught.value.remedy, "an ensemble under another name is a likely mistake"


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, weights: Path) -> None:
    import torch

    network = load_network(weights)
    next(network.parameters()).data[:] = float("nan")
    file = tmp_path / "nan.pt"
    torch.save({"model": network, "train_args": {}}, file)
    with pytest.raises(InputError, match="not numbers"):
        load_network(file)


def test_damaged_names_are_refused(tmp_path: Path) -> None:
    file = write_checkpoint(tmp_path / "names.pt", names={1: "a", 2: "b"})
    with pytest.raises(InputError, match="class names"):
        load_network(file)


def test_other_tasks_are_refused(tmp_path: Path) -> None:
    prepare_ultralytics()
    import torch
    from ultralytics.nn.tasks import ClassificationModel

    network = ClassificationModel("yolo11n-cls.yaml", nc=3, verbose=False)
    file = tmp_path / "cls.pt"
    torch.save({"model": network, "train_args": {}}, file)
    with pytest.raises(InputError, match="not a YOLO detection model"):
        load_network(file)


def test_architectures_are_built_once(tmp_path: Path) -> None:
    check_architecture(write_architecture(tmp_path), 3)
    bad = tmp_path / "bad.yaml"
    bad.write_text("nc: 3\nbackbone: [[-1, 1, Nothing, [1]]]\nhead: []\n", encoding="utf-8")
    with pytest.raises(InputError, match="not an architecture that can be built"):
        check_architecture(bad, 3)


def test_architecture_cannot_run_code(tmp_path: Path) -> None:
    proof = tmp_path / "code was run"
    bad = tmp_path / "evil.yaml"
    code = f"__import__('pathlib').Path({str(proof)!r}).touch()"
    bad.write_text(f'nc: 3\nactivation: "{code}"\nbackbone: [[-1, 1, Conv, [8]]]\nhead: []\n', encoding="utf-8")
    with pytest.raises(InputError):
        check_architecture(bad, 3)
    assert not proof.exists()


def test_devices() -> None:
    import torch

    assert select_device("cpu") == torch.device("cpu")
    if not torch.cuda.is_available():
        assert select_device("") == torch.device("cpu")
        with pytest.raises(ConfigError, match="no GPU that PyTorch can use is here"):
            select_device("0")
    with pytest.raises(ConfigError):
        select_device("0,1")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({"imgsz": 320}, 320), ({"imgsz": [640, 480]}, 640), ({"imgsz": 100}, 128), ({"imgsz": "x"}, 0), ({}, 0)],
)
def test_the_size_of_the_training_is_read_without_running_the_file(
    tmp_path: Path, arguments: dict[str, Any], expected: int
) -> None:
    import torch

    proof, file = tmp_path / "code was run", tmp_path / "a.pt"
    torch.save({"model": Payload(proof), "train_args": {**arguments, "data": "d"}}, file)
    assert trained_imgsz(file) == expected
    assert read_train_args(file)["data"] == "d"
    assert not proof.exists()


def test_arguments_of_a_real_network_are_read_and_damage_gives_none(weights: Path, tmp_path: Path) -> None:
    import torch

    checkpoint = torch.load(weights, weights_only=False)
    torch.save({**checkpoint, "train_args": {"imgsz": 64, "scale": 0.5}}, tmp_path / "a.pt")
    assert read_train_args(tmp_path / "a.pt") == {"imgsz": 64, "scale": 0.5}
    (tmp_path / "a.pt").write_bytes((tmp_path / "a.pt").read_bytes()[:1000])
    assert read_train_args(tmp_path / "a.pt") == {}
    assert read_train_args(tmp_path / "none.pt") == {}
