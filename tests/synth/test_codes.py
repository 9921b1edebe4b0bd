"""QR codes: they read as their label says, and their size stays below the limit that is asked for."""

from __future__ import annotations

import numpy as np
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from docdetect.synth.codes import make_qr, qr_patch
from docdetect.synth.text import random_writer
from docdetect.types import ByteArray

QR_ONLY = zxingcpp.barcode_formats_from_str("QRCode")


def on_paper(rgba: ByteArray, margin: int = 40) -> ByteArray:
    page = np.full((rgba.shape[0] + 2 * margin, rgba.shape[1] + 2 * margin, 3), 255, np.uint8)
    alpha = rgba[:, :, 3:].astype(np.float32) / 255
    inner = page[margin:-margin, margin:-margin]
    inner[:] = (inner * (1 - alpha) + rgba[:, :, :3] * alpha).astype(np.uint8)
    return page


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_codes_read_as_labelled(seed: int) -> None:
    code = make_qr(random_writer(np.random.default_rng(seed)), most_modules=97)
    patch = qr_patch(code, code.modules.shape[0] * 4, (20, 30, 120), (200, 40, 40))
    read = zxingcpp.read_barcodes(on_paper(patch.rgba), formats=QR_ONLY)
    assert [found.text for found in read] == [code.text]
    assert read[0].ec_level == code.level


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(21, 177))
def test_codes_stay_below_the_modules_allowed(seed: int, most: int) -> None:
    side = make_qr(random_writer(np.random.default_rng(seed)), most).modules.shape[0]
    assert (side - 17) % 4 == 0
    # The shortest payload with error level H may need version 4, which has 33 modules along a side.
    assert side <= max(most, 33)


def test_every_range_of_versions_and_every_level_occurs() -> None:
    codes = [make_qr(random_writer(np.random.default_rng(seed))) for seed in range(120)]
    versions = {(code.modules.shape[0] - 17) // 4 for code in codes}
    assert {code.level for code in codes} == set("LMQH")
    assert min(versions) <= 2
    assert max(versions) >= 30
    assert len(versions) >= 15


def test_a_patch_is_as_large_as_asked() -> None:
    code = make_qr(random_writer(np.random.default_rng(1)), 33)
    assert qr_patch(code, 69.4).size_wh == (69, 69)
    assert qr_patch(code, 69.4).kind == "qr"
