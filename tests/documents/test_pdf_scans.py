"""Pages that are one JPEG: decoded without MuPDF and as MuPDF shows them, or left to it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from PIL import Image

from docdetect.documents.pdf_scans import scanned_pixels
from docdetect.documents.pixels import resized
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.types import ByteArray

WIDE, HIGH = 300, 420
Edit = Callable[[Any, int], None]


def jpeg(mode: str = "RGB") -> bytes:
    """A smooth picture with a dark block in its left top quarter."""
    y, x = np.mgrid[:HIGH, :WIDE]
    pixels = np.stack([x * 255 / WIDE, y * 255 / HIGH, 255 - x * 255 / WIDE], axis=2).astype(np.uint8)
    pixels[60:140, 30:110] = 0
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def scan(path: Path, *edits: Edit, mode: str = "RGB", rotation: int = 0) -> Path:
    """A PDF as scanners write it: a picture over all of its page, placed by six numbers."""
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=WIDE / 2, height=HIGH / 2)
        xref = page.insert_image(page.rect, stream=jpeg(mode))
        name = page.get_images()[0][7]
        (contents,) = page.get_contents()
        pdf.update_stream(contents, f"q {WIDE / 2} 0 0 {HIGH / 2} 0 0 cm /{name} Do Q\n".encode())
        pdf.xref_set_key(xref, "ColorSpace", {"RGB": "/DeviceRGB", "L": "/DeviceGray", "CMYK": "/DeviceCMYK"}[mode])
        page.set_rotation(rotation)
        for edit in edits:
            edit(page, xref)
        pdf.save(path)
    return path


def fast_and_drawn(path: Path, long_side: int) -> tuple[ByteArray | None, ByteArray]:
    with pymupdf.open(path) as pdf:
        page = pdf[0]
        scale = long_side / max(page.rect.width, page.rect.height)
        size_wh = round(page.rect.width * scale), round(page.rect.height * scale)
        drawn = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), alpha=False)
        pixels = np.frombuffer(drawn.samples, np.uint8).reshape(drawn.height, drawn.width, 3)
        return scanned_pixels(page, size_wh), pixels[: size_wh[1], : size_wh[0]]


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("long_side", [100, 256, 420, 700])
def test_a_scan_looks_as_in_a_viewer(tmp_path: Path, mode: str, rotation: int, long_side: int) -> None:
    path = scan(tmp_path / "a.pdf", mode=mode, rotation=rotation)
    fast, drawn = fast_and_drawn(path, long_side)
    assert fast is not None
    assert fast.shape == drawn.shape
    assert fast.flags.c_contiguous
    apart = np.abs(fast.astype(int) - drawn)
    assert apart.mean() < 3
    with open_document(list_documents(path)[0]) as document:
        np.testing.assert_array_equal(document.render(1, LongSide(long_side)).pixels, fast)


def annotated(page: Any, xref: int) -> None:
    page.add_rect_annot((10, 10, 60, 60))


def written_on(page: Any, xref: int) -> None:
    page.insert_text((20, 20), "copy")


def cropped(page: Any, xref: int) -> None:
    page.set_cropbox((0, 0, 80, 100))


def smaller(page: Any, xref: int) -> None:
    (contents,) = page.get_contents()
    text = page.read_contents().replace(b"q 150.0", b"q 120.0")
    page.parent.update_stream(contents, text)


def twice(page: Any, xref: int) -> None:
    page.insert_image((0, 0, 40, 40), stream=jpeg("L"))


def keyed(key: str, value: str) -> Edit:
    def edit(page: Any, xref: int) -> None:
        page.parent.xref_set_key(xref, key, value)

    return edit


def keyed_stream(raw: bytes) -> Edit:
    """Puts another JPEG file in the place of the picture's."""

    def edit(page: Any, xref: int) -> None:
        page.parent.update_stream(xref, raw, new=False, compress=False)
        page.parent.xref_set_key(xref, "Filter", "/DCTDecode")

    return edit


def default_colours(page: Any, xref: int) -> None:
    resources = int(page.parent.xref_get_key(page.xref, "Resources")[1].split()[0])
    page.parent.xref_set_key(resources, "ColorSpace", "<</DefaultRGB /DeviceRGB>>")


@pytest.mark.parametrize(
    "edit",
    [
        annotated,
        written_on,
        cropped,
        smaller,
        twice,
        default_colours,
        keyed("Decode", "[1 0 1 0 1 0]"),
        keyed("Mask", "[0 9 0 9 0 9]"),
        keyed("DecodeParms", "<</ColorTransform 0>>"),
        keyed("ColorSpace", "[/CalRGB <</WhitePoint [0.95 1 1.09]>>]"),
        keyed("Width", str(WIDE - 1)),
    ],
    ids=lambda edit: edit.__name__,
)
def test_what_is_more_than_a_scan_is_left_to_mupdf(tmp_path: Path, edit: Edit) -> None:
    path = scan(tmp_path / "a.pdf", edit)
    assert fast_and_drawn(path, 200)[0] is None
    with open_document(list_documents(path)[0]) as document:
        assert document.render(1, LongSide(200)).pixels.any()


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("long_side", [211, 300, 419, 420])
def test_opencv_and_pillow_decode_the_same_pixels(
    tmp_path: Path, mode: str, long_side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # on its side, which counts in a PDF as little as for MuPDF
    picture = Image.open(io.BytesIO(jpeg(mode)))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90, exif=exif)
    path = scan(tmp_path / "a.pdf", keyed_stream(stream.getvalue()), mode=mode)
    if long_side < HIGH:
        monkeypatch.setattr("docdetect.documents.pdf_scans.resized", lambda *_: pytest.fail("by Pillow"))
    fast, _ = fast_and_drawn(path, long_side)
    assert fast is not None
    size_wh = fast.shape[1], fast.shape[0]
    np.testing.assert_array_equal(fast, resized(Image.open(stream), size_wh))


def test_a_damaged_picture_is_left_to_mupdf(tmp_path: Path) -> None:
    whole = jpeg()
    path = scan(tmp_path / "a.pdf")
    path.write_bytes(path.read_bytes().replace(whole, whole[:2000] + bytes(len(whole) - 2000)))
    assert fast_and_drawn(path, 200)[0] is None


def test_cmyk_is_left_to_mupdf(tmp_path: Path) -> None:
    path = scan(tmp_path / "a.pdf", mode="CMYK")
    assert fast_and_drawn(path, 200)[0] is None


@pytest.mark.parametrize(("kept", "is_damaged"), [(1.0, False), (0.6, True)])
def test_a_page_with_a_cut_picture_says_that_it_is_damaged(tmp_path: Path, kept: float, is_damaged: bool) -> None:
    path = scan(tmp_path / "a.pdf")
    with pymupdf.open(path) as pdf:
        xref = pdf[0].get_images()[0][0]
        data = pdf.xref_stream_raw(xref)
        pdf.update_stream(xref, data[: int(len(data) * kept)], compress=0)
        for key in ("Filter", "Subtype", "ColorSpace"):
            pdf.xref_set_key(xref, key, {"Filter": "/DCTDecode", "Subtype": "/Image", "ColorSpace": "/DeviceRGB"}[key])
        pdf.save(tmp_path / "b.pdf")
    with open_document(list_documents(tmp_path / "b.pdf")[0]) as document:
        for _ in range(2):
            assert (document.render(1, LongSide(420)).info.damaged is not None) is is_damaged
