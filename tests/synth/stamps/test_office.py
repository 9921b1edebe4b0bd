"""Office stamps: mostly without a frame, turned as asked; grids with empty fields inside them."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.fonts import FontBook, Script
from docdetect.synth.ink import Ink
from docdetect.synth.stamps.impression import Wear, make_grid_stamp, make_office_stamp, worn
from docdetect.synth.stamps.office import grid_stamp, office_stamp
from docdetect.synth.stamps.office_text import OfficeKind, office_text, stamp_date

PX_PER_MM = 3.45
BLACK = Ink((20, 20, 24))


@pytest.mark.parametrize("kind", list(OfficeKind))
def test_every_kind_has_words_in_every_script(kind: OfficeKind) -> None:
    for script in Script:
        for seed in range(6):
            text = office_text(np.random.default_rng(seed), script, kind)
            assert text.kind is kind
            assert all(line.strip() for line in text.lines)
            assert len(text.heights) == len(text.lines)
            assert all(0.3 <= height <= 1.2 for height in text.heights)


def test_dates_come_in_many_forms() -> None:
    forms = {
        "".join("9" if sign.isdigit() else sign for sign in stamp_date(np.random.default_rng(k))) for k in range(200)
    }
    assert len(forms) > 60


def test_most_office_stamps_have_no_frame(fonts: FontBook) -> None:
    """A frame is a dark line along all four sides; letters leave most of each side free."""
    framed = 0
    for seed in range(60):
        canvas, _ = office_stamp(np.random.default_rng(seed), fonts, Script.LATIN, PX_PER_MM)
        rows, columns = (np.flatnonzero(canvas.alpha.any(axis=axis)) for axis in (1, 0))
        ink = canvas.alpha[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] > 128
        sides = (ink[2], ink[-3], ink[:, 2], ink[:, -3])
        framed += all(side.mean() > 0.55 for side in sides)
    assert 2 <= framed <= 18


@pytest.mark.parametrize("kind", [OfficeKind.DATE, OfficeKind.CLASSIFIED])
def test_office_stamps_are_turned_as_asked(fonts: FontBook, kind: OfficeKind) -> None:
    for seed in range(4):
        flat, upright = (
            make_office_stamp(
                np.random.default_rng(seed), PX_PER_MM, fonts, Script.LATIN, BLACK, kind=kind, degrees=degrees
            )[0].size_wh
            for degrees in (0.0, 90.0)
        )
        assert flat[0] > 1.5 * flat[1]
        assert upright[1] > 1.5 * upright[0]


def test_sizes_are_those_of_rubber_stamps(fonts: FontBook) -> None:
    for seed in range(30):
        patch, text = make_office_stamp(
            np.random.default_rng(seed), PX_PER_MM, fonts, Script.CYRILLIC, BLACK, kind=None, degrees=0.0
        )
        width_mm, height_mm = (side / PX_PER_MM for side in patch.size_wh)
        assert patch.kind == "stamp_office"
        assert 3 < width_mm < 135, text
        assert 1 < height_mm < 75, text


def test_fields_lie_in_their_grid_and_are_empty(fonts: FontBook) -> None:
    for seed in range(12):
        canvas, fields = grid_stamp(np.random.default_rng(seed), fonts, Script.LATIN, PX_PER_MM)
        half_h, half_w = (side / canvas.scale / 2 for side in canvas.alpha.shape)
        assert fields
        for field in fields:
            assert abs(field.x_mm) + field.width_mm / 2 <= half_w + 3
            assert abs(field.y_mm) + field.height_mm / 2 <= half_h + 1


def test_the_fields_of_a_grid_turn_with_it(fonts: FontBook) -> None:
    """On a print that is turned the fields keep their distance from its middle, and lie within the print."""
    for seed in range(12):
        stamp = make_grid_stamp(np.random.default_rng(seed), PX_PER_MM, fonts, Script.LATIN, BLACK)
        reach = np.hypot(*stamp.patch.size_wh) / 2 / PX_PER_MM
        assert stamp.patch.kind == "stamp_grid"
        assert all(np.hypot(field.x_mm, field.y_mm) <= reach for field in stamp.fields)


def test_squeezed_ink_leaves_the_middle_of_broad_strokes_pale() -> None:
    alpha = np.zeros((120, 120), np.uint8)
    alpha[30:90, 30:90] = 255
    print_ = worn(np.random.default_rng(0), alpha, Wear(rim=1.0), 11.0)
    assert print_[60, 60] < 80
    assert print_[30, 60] > 180
