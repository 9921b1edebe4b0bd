"""Recorded handwriting: units, stray strokes, and words that are either signatures or notes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from docdetect.errors import InputError
from docdetect.synth.handwriting.kinematics import Trace
from docdetect.synth.handwriting.notes import ScribbleKind, make_scribble
from docdetect.synth.handwriting.recorded import RecordedInk
from docdetect.synth.handwriting.signatures import SignatureStyle, make_signature
from docdetect.synth.handwriting.writing import extent


def word_line(seed: int) -> str:
    rng = np.random.default_rng(seed)
    times = np.arange(12) * 15
    stroke = [
        [int(20 * t + rng.integers(40)), int(200 + 150 * np.sin(t) + rng.integers(30)), int(times[t])]
        for t in range(12)
    ]
    return json.dumps({"writer": "w", "strokes": [stroke]})


@pytest.fixture
def ink_file(tmp_path: Path) -> Path:
    path = tmp_path / "words.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(word_line, range(60))).encode()))
    return path


def bytes_of(words: tuple[tuple[Trace, ...], ...]) -> set[bytes]:
    return {b"".join(one.xy.tobytes() for one in word) for word in words}


def test_no_word_is_both_signature_and_note(ink_file: Path) -> None:
    ink = RecordedInk.load(ink_file)
    signatures, notes = bytes_of(ink.signature_words), bytes_of(ink.note_words)
    assert len(signatures) + len(notes) == 60
    assert not signatures & notes
    assert len(signatures) > len(notes) > 0


def test_a_word_stays_on_its_side_whatever_else_is_in_the_file(ink_file: Path, tmp_path: Path) -> None:
    fewer = tmp_path / "fewer.jsonl"
    fewer.write_text("\n".join(word_line(seed) for seed in range(59, -1, -3)))
    part, whole = RecordedInk.load(fewer), RecordedInk.load(ink_file)
    assert bytes_of(part.signature_words) <= bytes_of(whole.signature_words)
    assert bytes_of(part.note_words) <= bytes_of(whole.note_words)


def test_lengths_are_in_mm(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    diagonal = [[0, 0, 0], [254, 254, 500], [508, 508, 1000]]
    level = [[0, 100, 0], [508, 100, 1000]]
    path.write_text("\n".join(json.dumps({"writer": "w", "strokes": [line]}) for line in (diagonal, level)))
    ink = RecordedInk.load(path)
    for word in ink.signature_words + ink.note_words:
        left, _, right, _ = extent(word)
        assert right - left == pytest.approx(25.4)
        # The strokes are an inch (25.4 mm), or the diagonal of a square inch, long and take a second.
        assert 20 < np.median(word[0].speed) < 40


def test_a_stroke_far_from_the_word_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "stray.jsonl"
    stroke = [[0, 0, 0], [100, 100, 10], [200, 0, 20]]
    path.write_text(
        "\n".join(
            json.dumps({"strokes": [stroke, [[x + shift, y, t] for x, y, t in stroke]]}) for shift in (320, 900, 1200)
        )
    )
    ink = RecordedInk.load(path)
    assert sorted(len(word) for word in ink.signature_words + ink.note_words) == [1, 1, 2]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "line 1: the line is not a recorded word"),
        ("{}", "line 1: the line is not a recorded word"),
        ('{"strokes": [[[1, 2]]]}', r"line 1: a stroke is a list of \[x, y, t_ms\]"),
        ('{"strokes": [[[1, 2, NaN], [1, 2, 3]]]}', "line 1: a stroke is a list"),
        ("", "has no recorded words"),
    ],
)
def test_other_formats_are_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(line)
    with pytest.raises(InputError, match=message):
        RecordedInk.load(path)


@pytest.mark.parametrize("content", [b"not gzip", b"\x1f\x8b\x08\x00\x00"])
def test_a_file_that_is_not_gzip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as recorded ink"):
        RecordedInk.load(path)


def test_recorded_words_are_drawn(ink_file: Path) -> None:
    ink = RecordedInk.load(ink_file)
    drawn = make_signature(np.random.default_rng(0), 3.45, style=SignatureStyle.RECORDED, recorded=ink)
    assert drawn.kind == "handwritten_signature"
    assert drawn.size_wh[0] > 30
    assert make_scribble(np.random.default_rng(1), 3.45, kind=ScribbleKind.NOTE, recorded=ink).kind == ""


def test_the_recordings_of_the_issue(shared_data: Path) -> None:
    ink = RecordedInk.load(shared_data / "ink" / "unipen_words.jsonl.gz")
    assert len(ink.signature_words) + len(ink.note_words) == 1593
    assert not bytes_of(ink.signature_words) & bytes_of(ink.note_words)
