"""Bytes in a temporary file come back as they were, in any order, and leave nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from docdetect.datasets.page_fingerprints import Spool
from docdetect.errors import OutputError


def test_pieces_come_back_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spool = Spool()
    pieces = [bytes([n]) * (n * 997) for n in range(20)]
    stored = [spool.put(piece) for piece in pieces]
    assert [one.read() for one in reversed(stored)] == pieces[::-1]
    assert spool.put(b"more").read() == b"more"
    assert stored[3].read() == pieces[3]
    del spool, stored
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_that_cannot_be_written_is_an_output_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(OutputError, match="gone: cannot be written"):
        Spool()
