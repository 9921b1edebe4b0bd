"""Checkpoints of a training become bundled weights: the bare network in half precision, always the same bytes."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from docdetect.errors import InputError, OutputExistsError
from docdetect.models.bundled import WeightsState, list_bundled
from docdetect.models.checkpoint import load_network
from docdetect.models.packing import pack_openvino, pack_weights, packed_bytes
from tests.support.tiny_network import CLASSES, write_checkpoint

REPACK = """
import hashlib, sys
from pathlib import Path
from docdetect.models.checkpoint import load_network
from docdetect.models.packing import packed_bytes
print(hashlib.sha256(packed_bytes(load_network(Path(sys.argv[1])), 96)).hexdigest())
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a training leaves it: averaged network, optimizer, arguments with paths."""
    import torch

    folder = tmp_path_factory.mktemp("secret-machine")
    network: Any = load_network(write_checkpoint(folder / "plain.pt"))
    network.yaml["yaml_file"] = str(folder / "yolo11n-tiny.yaml")
    arguments = {"imgsz": 96, "data": str(folder / "data.yaml"), "project": str(folder)}
    moments = {k: torch.randn(50_000) for k in range(3)}
    content = {"model": None, "ema": network.half(), "optimizer": moments, "epoch": 3, "train_args": arguments}
    torch.save({**content, "date": "2020-02-02"}, folder / "last.pt")
    return folder / "last.pt"


def test_packed_weights_are_the_network_and_nothing_else(checkpoint: Path, tmp_path: Path) -> None:
    import torch

    packed = pack_weights(checkpoint, tmp_path, "docdetect-s")
    assert list_bundled(tmp_path) == (packed,)
    assert (packed.state, packed.classes, packed.imgsz) == (WeightsState.OK, CLASSES, 96)
    data = packed.file.read_bytes()
    assert len(data) < checkpoint.stat().st_size / 2
    for trace in (b"secret-machine", b"2020-02-02", b"optimizer"):
        assert trace not in data
    before, after = load_network(checkpoint), load_network(packed.file)
    assert all(value.dtype is torch.float32 for value in after.parameters())
    page = torch.rand(1, 3, 96, 96)
    with torch.inference_mode():
        torch.testing.assert_close(after(page)[0], before(page)[0], rtol=0, atol=0)


def test_the_same_network_gives_the_same_bytes_in_another_process(checkpoint: Path, tmp_path: Path) -> None:
    packed = pack_weights(checkpoint, tmp_path, "x")
    assert packed_bytes(load_network(packed.file), 96) == packed.file.read_bytes()
    environment = {"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", REPACK, str(checkpoint)], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == packed.sha256


def test_the_openvino_form_takes_its_numbers_from_the_weights_and_finds_the_same(
    checkpoint: Path, tmp_path: Path
) -> None:
    from docdetect.models.conversions import OPENVINO_FORM, form_path, read_form
    from docdetect.models.engines.select import load_engine
    from tests.support.engine_pages import PAGES

    packed = pack_weights(checkpoint, tmp_path, "x")
    expected = load_engine(packed.file, imgsz=160, device="cpu", engine="openvino", precision="fp32")
    form = pack_openvino(packed)
    assert list_bundled(tmp_path) == (packed, form)
    network = read_form(packed.file, OPENVINO_FORM, pytest.fail)
    assert network is not None
    assert (network.precision, network.imgsz) == ("fp16", 96)
    with zipfile.ZipFile(form.file) as archive:
        assert archive.getinfo("model.bin").file_size < len(network.content(".bin")) / 10
    engine = load_engine(packed.file, imgsz=160, device="cpu", engine="openvino", precision="fp32")
    for page in PAGES:
        (mine,), (theirs,) = engine.detect([page], 0.3, 1), expected.detect([page], 0.3, 1)
        assert mine.scores is not None
        assert theirs.scores is not None
        most = min(len(mine), len(theirs))
        assert most > 5
        assert abs(mine.scores[:most] - theirs.scores[:most]).max() < 0.0001
    pack_weights(write_checkpoint(tmp_path / "other.pt"), tmp_path, "x", overwrite=True)
    assert not form_path(packed.file, OPENVINO_FORM).exists(), "the form of other weights is gone"


def test_other_weights_of_that_name_are_not_lost(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(b"older")
    with pytest.raises(OutputExistsError, match="there are other weights of that name"):
        pack_weights(checkpoint, tmp_path, "x")
    first = pack_weights(checkpoint, tmp_path, "x", overwrite=True)
    assert pack_weights(checkpoint, tmp_path, "x") == first  # the same again is no loss


def test_a_fused_network_is_refused(checkpoint: Path) -> None:
    network: Any = load_network(checkpoint)
    with pytest.raises(InputError, match="cannot be packed"):
        packed_bytes(network.fuse(verbose=False), 96)
