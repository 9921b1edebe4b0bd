"""Distractors of QR codes are dark as codes are, and no reader takes them for QR codes."""

from __future__ import annotations

import numpy as np
import pytest
import zxingcpp

from docdetect.synth.distractors.codes import CodeDistractorKind, draw_code_distractor
from docdetect.synth.text import random_writer
from tests.synth.test_codes import QR_ONLY, on_paper


@pytest.mark.parametrize(
    "kind",
    ["code128", "ean13", "code39", "itf", "datamatrix", "aztec", "pdf417", "crossword", "halftone"],
)
def test_code_distractors_are_dark_and_no_qr_codes(kind: CodeDistractorKind) -> None:
    for seed in range(3):
        rgba = draw_code_distractor(random_writer(np.random.default_rng(seed)), kind)
        assert 0.05 < (rgba[:, :, 3] > 0).mean() < 0.95
        enlarged = np.ascontiguousarray(rgba.repeat(3, axis=0).repeat(3, axis=1))
        assert zxingcpp.read_barcodes(on_paper(enlarged), formats=QR_ONLY) == []
