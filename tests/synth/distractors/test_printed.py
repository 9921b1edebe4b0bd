"""Printed seals, logos and blocks of print: drawn tight, no marks, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.distractors.print_blocks import PrintBlockKind, make_print_block
from docdetect.synth.distractors.seals import SealDistractorKind, make_seal_distractor
from docdetect.synth.fonts import FontBook
from docdetect.synth.patch import MIN_INK_ALPHA

PX_PER_MM = 3.45


def tight(alpha: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bool:
    ink = alpha >= MIN_INK_ALPHA
    return all(side.any() for side in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))


@pytest.mark.parametrize("kind", list(SealDistractorKind))
def test_seals_and_logos_are_no_marks(fonts: FontBook, kind: SealDistractorKind) -> None:
    for seed in range(4):
        first, again = (
            make_seal_distractor(np.random.default_rng(seed), PX_PER_MM, fonts, kind=kind) for _ in range(2)
        )
        assert first.kind == ""
        assert tight(first.rgba[:, :, 3])
        assert first.rgba.tobytes() == again.rgba.tobytes()


def test_seals_are_round_and_boxes_are_filled_or_framed(fonts: FontBook) -> None:
    for seed in range(6):
        seal = make_seal_distractor(np.random.default_rng(seed), PX_PER_MM, fonts, kind=SealDistractorKind.SEAL)
        width, height = seal.size_wh
        assert abs(width / height - 1) < 0.05
        box = make_seal_distractor(np.random.default_rng(seed), PX_PER_MM, fonts, kind=SealDistractorKind.BOXED_LOGO)
        edges = box.ink
        assert min(edges[1].mean(), edges[:, 1].mean()) > 0.8


@pytest.mark.parametrize("kind", list(PrintBlockKind))
def test_blocks_of_print_are_no_marks(fonts: FontBook, kind: PrintBlockKind) -> None:
    for seed in range(4):
        first, again = (make_print_block(np.random.default_rng(seed), PX_PER_MM, fonts, kind=kind) for _ in range(2))
        assert first.kind == ""
        assert tight(first.rgba[:, :, 3])
        assert first.rgba.tobytes() == again.rgba.tobytes()


def test_inverted_boxes_are_dark_and_holograms_have_many_colours(fonts: FontBook) -> None:
    for seed in range(4):
        dark = make_print_block(np.random.default_rng(seed), PX_PER_MM, fonts, kind=PrintBlockKind.INVERTED)
        assert dark.ink.mean() > 0.95
        hologram = make_print_block(np.random.default_rng(seed), PX_PER_MM, fonts, kind=PrintBlockKind.HOLOGRAM)
        colours = hologram.rgba[hologram.ink][:, :3].astype(int)
        assert (colours.max(axis=1) - colours.min(axis=1)).mean() > 15
        assert len(np.unique(colours.argmax(axis=1))) == 3
