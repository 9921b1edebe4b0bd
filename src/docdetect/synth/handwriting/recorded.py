"""Recorded handwriting: words that people wrote on a digitising tablet, read from the file given with `--ink FILE`."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docdetect.errors import InputError
from docdetect.synth.handwriting.kinematics import Trace

# Resolution of the recordings: 508 points to the inch.
POINTS_PER_MM = 20.0

# One word in so many is kept for notes; the others are used in signatures.
_WORDS_PER_NOTE_WORD = 4

# Least number of points of a stroke.
_MIN_POINTS = 2

# Gap beyond which a stroke does not belong to the word beside it: wider than any gap between the letters of a word.
_MAX_GAP_MM = 10.0


@dataclass(frozen=True)
class RecordedInk:
    """Recorded words, each a tuple of traces in mm with speeds in mm/s.

    The words are divided by a hash of their points. A word that is used in signatures is never used in notes:
    otherwise a network would learn that the same ink is a mark and is none.

    Attributes:
        signature_words: words for signatures.
        note_words: words for notes, which are distractors.
    """

    signature_words: tuple[tuple[Trace, ...], ...]
    note_words: tuple[tuple[Trace, ...], ...]

    @classmethod
    def load(cls, path: Path) -> RecordedInk:
        """Reads recorded words from JSON lines, gzipped when the file's name ends with .gz.

        A line is {"writer": ..., "strokes": [[[x, y, t_ms], ...], ...]} with y down and 508 points to the inch.

        Raises:
            InputError: the file is missing or unreadable, or a line is not of this form.
        """
        try:
            data = path.read_bytes()
            text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path}: the file cannot be read as recorded ink ({error})", "Check the path given as --ink."
            ) from error
        words: dict[bool, list[tuple[Trace, ...]]] = {False: [], True: []}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            strokes = _parsed_strokes(line, f"{path}, line {number}")
            if strokes:
                words[_is_note(strokes)].append(tuple(_trace(points) for points in strokes))
        if not words[False]:
            raise InputError(
                f"{path}: the file has no recorded words", "Each line must be a JSON object with the key strokes."
            )
        return cls(tuple(words[False]), tuple(words[True]))


def _parsed_strokes(line: str, where: str) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """The strokes (N, 3) of a line: x, y in points and time in ms. Raises InputError with `where` in its message."""
    try:
        strokes = [np.array(points, np.float64) for points in json.loads(line)["strokes"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{where}: the line is not a recorded word ({error})",
            'A line is {"writer": ..., "strokes": [[[x, y, t_ms], ...], ...]}.',
        ) from error
    for points in strokes:
        if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise InputError(f"{where}: a stroke is a list of [x, y, t_ms]", "Repair or remove the line.")
    return _without_stray_strokes([points for points in strokes if len(points) >= _MIN_POINTS])


def _without_stray_strokes(
    strokes: list[np.ndarray[Any, np.dtype[np.float64]]],
) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """The strokes without those that lie apart from the word, such as slips of the pen or parts of the next word."""
    longest = max(strokes, key=len, default=None)
    if longest is None:
        return []
    kept, left, right = [longest], float(longest[:, 0].min()), float(longest[:, 0].max())
    rest = sorted(
        (one for one in strokes if one is not longest), key=lambda one: abs(one[:, 0].mean() - (left + right) / 2)
    )
    for stroke in rest:
        low, high = float(stroke[:, 0].min()), float(stroke[:, 0].max())
        if max(low - right, left - high) <= _MAX_GAP_MM * POINTS_PER_MM:
            kept.append(stroke)
            left, right = min(left, low), max(right, high)
    return [stroke for stroke in strokes if any(stroke is one for one in kept)]


def _is_note(strokes: list[np.ndarray[Any, np.dtype[np.float64]]]) -> bool:
    """Whether the word is kept for notes, as a hash of its points says."""
    digest = hashlib.sha256(b"".join(points.astype("<f8").tobytes() for points in strokes)).digest()
    return digest[0] % _WORDS_PER_NOTE_WORD == 0


def _trace(points: np.ndarray[Any, np.dtype[np.float64]]) -> Trace:
    """The trace of a recorded stroke, resampled four times as finely, since tablets give a point every 15 ms only."""
    xy = _smooth(points[:, :2] / POINTS_PER_MM)
    times = np.interp(np.linspace(0, len(points) - 1, len(xy)), np.arange(len(points)), points[:, 2]) / 1000
    steps = np.hypot(*np.diff(xy, axis=0).T)
    speed = steps / np.maximum(np.diff(times), 1e-3)
    return Trace(xy, np.concatenate([speed[:1], speed]))


def _smooth(xy: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A Catmull-Rom spline through the points (N, 2), in four steps from each point to the next."""
    padded = np.vstack([2 * xy[0] - xy[1], xy, 2 * xy[-1] - xy[-2]])
    before, here, there, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    parts = []
    for step in (0.0, 0.25, 0.5, 0.75):
        square, cube = step**2, step**3
        parts.append(
            0.5
            * (
                2 * here
                + (there - before) * step
                + (2 * before - 5 * here + 4 * there - after) * square
                + (3 * here - before - 3 * there + after) * cube
            )
        )
    return np.vstack([np.stack(parts, axis=1).reshape(-1, 2), xy[-1:]])
