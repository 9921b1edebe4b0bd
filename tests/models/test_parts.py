"""Files in parts: whole again, and a missing or damaged part is seen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from docdetect.errors import InputError
from docdetect.models.parts import PART_BYTES, join_parts, split_into_parts


def test_parts_are_small_and_whole_again(tmp_path: Path) -> None:
    content = os.urandom(1000)
    listed = split_into_parts(content, tmp_path / "out", "net", part_bytes=300)
    sizes = [path.stat().st_size for path in sorted((tmp_path / "out").glob("net.0*"))]
    assert sizes == [300, 300, 300, 100]
    assert join_parts(listed) == content
    assert join_parts(split_into_parts(b"", tmp_path, "empty")) == b""
    assert PART_BYTES < 16 * 2**20


@pytest.mark.parametrize(("harm", "reason"), [("missing", "this part is missing"), ("changed", "this part is damaged")])
def test_a_part_that_is_not_there_or_not_right_is_named(tmp_path: Path, harm: str, reason: str) -> None:
    listed = split_into_parts(b"x" * 50, tmp_path, "net", part_bytes=20)
    part = tmp_path / "net.001"
    part.unlink() if harm == "missing" else part.write_bytes(b"y" * 20)
    with pytest.raises(InputError, match=reason):
        join_parts(listed)


def test_something_else_is_no_list_of_parts(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"parts": 3}', encoding="utf-8")
    with pytest.raises(InputError, match="no list of parts"):
        join_parts(tmp_path / "x.json")
