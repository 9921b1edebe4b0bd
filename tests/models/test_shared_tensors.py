"""What a `.pt` file holds already is left out of a form, and read back without PyTorch and without a pickle."""

from __future__ import annotations

import copy
import zipfile
from pathlib import Path

import pytest

from docdetect.models.shared_tensors import Shared, leave_out, put_back, read_tensors

LONG, LONGER, SHORT = bytes(range(100)), bytes(range(200)), bytes(range(200, 210))
TENSORS = {"archive/data/0": LONG, "archive/data/1": LONGER, "archive/data/2": SHORT}


def described(*places: tuple[int, int]) -> bytes:
    return b"".join(b'<data shape="4" offset="%d" size="%d" />' % place for place in places)


def test_what_is_left_out_is_put_back() -> None:
    content = b"a" + LONGER + b"bc" + LONG + SHORT + LONG + b"d"
    xml = described((0, 1), (1, 200), (1, 200), (203, 100), (303, 10), (313, 100))
    rest, shared = leave_out(content, xml, TENSORS)
    assert shared == [(1, "archive/data/1"), (203, "archive/data/0")], "a tensor at most once, and no short one"
    assert rest == b"abc" + SHORT + LONG + b"d"
    assert put_back(rest, shared, TENSORS) == content
    assert leave_out(content, described((0, 2), (2, 200)), TENSORS) == (content, []), "no constant is a tensor"
    overlapping = leave_out(LONGER, described((0, 100), (0, 200)), TENSORS)
    assert overlapping == (LONGER[100:], [(0, "archive/data/0")])


@pytest.mark.parametrize(
    "shared",
    [
        [(0, "archive/data/3")],
        [(0, "archive/data/0"), (100, "archive/data/0")],
        [(0, "archive/data/0"), (99, "archive/data/1")],
        [(-1, "archive/data/0")],
    ],
    ids=["missing", "twice", "one over the other", "before the start"],
)
def test_tensors_without_a_place_are_refused(shared: list[Shared]) -> None:
    with pytest.raises(ValueError, match=r"is not in the \.pt file, or has no place"):
        put_back(b"", shared, TENSORS)


def test_tensors_are_read_as_pytorch_wrote_them(tmp_path: Path) -> None:
    import torch

    numbers = [torch.rand(3, 50).half(), torch.arange(7)]
    torch.save({"model": numbers, "name": "x"}, tmp_path / "w.pt")
    assert list(read_tensors(tmp_path / "w.pt").values()) == [one.numpy().tobytes() for one in numbers]


def test_other_entries_and_other_files_hold_no_tensors(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data/0", LONG)
        archive.writestr("archive/data/1", LONGER, zipfile.ZIP_DEFLATED)
        archive.writestr("archive/data.pkl", LONGER)
    assert read_tensors(file) == {"archive/data/0": LONG}
    file.write_bytes(b"an old checkpoint")
    assert read_tensors(file) == {}


def test_entries_in_one_place_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data/0", LONG * 20)
        for number in range(1, 9):
            entry = copy.copy(archive.filelist[0])
            entry.filename = f"archive/data/{number}"
            archive.filelist.append(entry)
    with pytest.raises(ValueError, match=r"w\.pt: its entries are larger than the file"):
        read_tensors(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data/0", LONG)
    file.write_bytes(file.read_bytes().replace(LONG, LONG[::-1]))
    with pytest.raises(ValueError, match=r"w\.pt: Bad CRC-32"):
        read_tensors(file)
