"""The reader of single pictures: sizes, speed paths, damage; and that all rooms see the same pixels."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from docdetect.documents.document import DocumentError
from docdetect.documents.images import ImageDocument
from docdetect.documents.pictures import NATIVE, picture_size, read_picture
from docdetect.documents.reader import open_document
from docdetect.documents.sources import list_documents
from docdetect.types import ByteArray, SizeWH


def photo(mode: str = "RGB", size_wh: tuple[int, int] = (83, 121)) -> Image.Image:
    """Noise on a slope: no two pixels are alike, so that any other way of reading shows."""
    width, height = size_wh
    rng = np.random.default_rng(5)
    slope = np.linspace(40, 200, width)[None, :, None] + np.linspace(-30, 30, height)[:, None, None]
    pixels = np.clip(slope + rng.integers(-20, 20, (height, width, 3)), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    return tags


def transparent() -> Image.Image:
    picture = photo("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return picture


def deep() -> Image.Image:
    return Image.fromarray(np.asarray(photo("L")).astype(np.uint16) * 257)


def gamma() -> PngImagePlugin.PngInfo:
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"gAMA", (100_000).to_bytes(4, "big"))
    return chunks


def without_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


KINDS: dict[str, tuple[str, Image.Image, dict[str, object]]] = {
    "plain JPEG": ("a.jpg", photo(), {}),
    "grey JPEG": ("a.jpg", photo("L"), {}),
    "progressive JPEG": ("a.jpg", photo(), {"progressive": True, "subsampling": 0}),
    "CMYK JPEG": ("a.jpg", photo("CMYK"), {}),
    "photo of a phone": ("a.jpg", photo(), {"exif": exif(6)}),
    "fax in a JPEG": ("a.jpg", photo(), {"dpi": (204, 98)}),
    "PNG": ("a.png", photo(), {}),
    "PNG with a gamma": ("a.png", photo(), {"pnginfo": gamma()}),
    "animated PNG": ("a.png", photo(), {"save_all": True, "append_images": [photo("L").convert("RGB")]}),
    "few greys": ("a.png", photo("L").quantize(4).convert("L"), {"bits": 2}),
    "transparent PNG": ("a.png", transparent(), {}),
    "palette": ("a.png", photo("P"), {}),
    "16 bits": ("a.png", deep(), {}),
    "mirrored PNG": ("a.png", photo(), {"exif": exif(4)}),
    "fax": ("a.tif", photo("1"), {"compression": "group4", "dpi": (204, 98)}),
    "turned TIFF": ("a.tif", photo(), {"exif": exif(6)}),
    "TIFF of a scanner": ("a.tif", photo(), {"compression": "jpeg"}),
    "BMP": ("a.bmp", photo(), {}),
    "WebP": ("a.webp", photo(), {"lossless": True}),
}


def write(folder: Path, kind: str) -> Path:
    name, picture, options = KINDS[kind]
    folder.mkdir(parents=True, exist_ok=True)
    picture.save(folder / name, **options)  # type: ignore[arg-type]
    return folder / name


def by_infer(path: Path) -> ByteArray:
    with open_document(list_documents(path)[0]) as document:
        return document.render(1, NATIVE).pixels


@pytest.mark.parametrize("kind", KINDS)
def test_training_evaluation_and_inference_see_the_same_pixels(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("ultralytics")
    from docdetect.datasets.reader import read_dataset
    from docdetect.evaluation import predictions
    from docdetect.models.ultralytics_setup import prepare_ultralytics

    prepare_ultralytics()
    from docdetect.training.pages import bgr_pixels

    path = write(tmp_path / "images", kind)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "data.yaml").write_text("train: images\nval: images\nnames: [stamp]\n")
    seen = by_infer(path)
    (image,) = read_dataset(str(tmp_path)).splits["train"]
    assert image.ground_truth.size_wh == (seen.shape[1], seen.shape[0])
    np.testing.assert_array_equal(predictions.read_picture(image.path), seen)
    np.testing.assert_array_equal(bgr_pixels(str(image.path))[..., ::-1], seen)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(10))
def test_the_size_in_the_header_is_that_of_the_decoded_picture(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"a{suffix}"
    photo().save(path, exif=exif(orientation))
    expected = (121, 83) if orientation in (5, 6, 7, 8) else (83, 121)
    assert picture_size(path) == read_picture(path).size_wh == expected


def test_the_size_of_a_png_is_known_without_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    photo().save(path)
    path.write_bytes(path.read_bytes()[:200])
    assert picture_size(path) == (83, 121)


def test_an_orientation_behind_the_pixels_of_a_png_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    photo().save(path, exif=exif(6))
    data = path.read_bytes()
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    path.write_bytes(data[:start] + data[end:-12] + data[start:end] + data[-12:])
    assert picture_size(path) == read_picture(path).size_wh == (121, 83)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".jpg", {}),
        (".jpg", {"subsampling": 0}),
        (".jpg", {"progressive": True}),
        (".jpg", {"quality": 20}),
        (".png", {}),
    ],
)
@pytest.mark.parametrize("long_side", [121, 100, 70])
def test_opencv_and_pillow_agree_about_plain_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, suffix: str, options: dict[str, int], long_side: int
) -> None:
    from docdetect.documents import images
    from docdetect.documents.pixels import decoded_by_opencv
    from docdetect.documents.sizes import LongSide

    path = tmp_path / f"a{suffix}"
    photo(mode).save(path, **options)  # type: ignore[arg-type]
    (file,) = list_documents(path)
    calls: list[ByteArray | None] = []

    def noting(data: bytes, image: Image.Image, size_wh: SizeWH) -> ByteArray | None:
        calls.append(decoded_by_opencv(data, image, size_wh))
        return calls[-1]

    monkeypatch.setattr(images, "decoded_by_opencv", noting)
    with ImageDocument(file) as document:
        quick = document.render(1, LongSide(long_side)).pixels
    assert calls[0] is not None
    monkeypatch.setattr(images, "decoded_by_opencv", lambda *_: None)
    with ImageDocument(file) as document:
        np.testing.assert_array_equal(document.render(1, LongSide(long_side)).pixels, quick)


def test_a_jpeg_without_its_end_marker_is_whole_and_said_to_be_damaged(tmp_path: Path) -> None:
    path = write(tmp_path, "plain JPEG")
    whole = read_picture(path)
    without_end(path)
    found = read_picture(path)
    np.testing.assert_array_equal(found.pixels, whole.pixels)
    assert whole.damaged is None
    assert found.damaged is not None
    assert picture_size(path) == found.size_wh


@pytest.mark.parametrize(("suffix", "size_wh"), [(".jpg", (640, 960)), (".png", (83, 121)), (".tif", (83, 121))])
def test_what_is_there_of_a_damaged_picture_is_read(tmp_path: Path, suffix: str, size_wh: tuple[int, int]) -> None:
    path = tmp_path / f"a{suffix}"
    photo(size_wh=size_wh).save(path, exif=exif(3))
    whole = read_picture(path).pixels[::-1]
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    found = read_picture(path)
    assert found.damaged is not None
    upright = found.pixels[::-1]  # stored upside down: what is missing is at the top
    there = size_wh[1] * 6 // 10
    np.testing.assert_array_equal(upright[:there], whole[:there])
    assert (upright[-1] != whole[-1]).any()


def test_a_png_with_a_broken_middle_keeps_the_rows_before_it(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    photo().save(path)
    whole = read_picture(path).pixels
    data = bytearray(path.read_bytes())
    data[len(data) * 8 // 10] ^= 0x5A
    path.write_bytes(data)
    found = read_picture(path)
    assert found.damaged is not None
    np.testing.assert_array_equal(found.pixels[:60], whole[:60])


def test_a_bitmap_that_ends_early_is_blank_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    photo().save(path)
    whole = read_picture(path).pixels
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = read_picture(path)
    assert found.damaged is not None
    np.testing.assert_array_equal(found.pixels[-50:], whole[-50:])  # bitmaps begin with their lowest row
    assert (found.pixels[:50] == 255).all()


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"no picture"])
def test_what_gives_no_pixels_fails_with_the_name_of_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    for read in (read_picture, picture_size):
        with pytest.raises(DocumentError, match=r"a\.jpg"):
            read(path)


def test_a_picture_cut_before_its_pixels_fails(tmp_path: Path) -> None:
    stream = io.BytesIO()
    photo().save(stream, "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(stream.getvalue()[:60])
    with pytest.raises(DocumentError, match=r"a\.png"):
        read_picture(path)


def test_a_page_that_is_rendered_twice_in_a_row_is_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from docdetect.documents import pixels
    from docdetect.documents.sizes import LongSide

    photo().save(tmp_path / "a.jpg", quality=90)
    (file,) = list_documents(tmp_path / "a.jpg")
    long_px = max(photo().size)
    sizes = (LongSide(long_px * 3 // 4), LongSide(long_px))
    alone = []
    for size in sizes:
        monkeypatch.setattr(pixels, "_last", pixels._LastDecoded())
        with ImageDocument(file) as document:
            alone.append(document.render(1, size).pixels)
    calls: list[bytes] = []

    def counting(data: ByteArray, flags: int) -> ByteArray | None:
        calls.append(data.tobytes())
        decoded = cv2.imdecode(data, flags)
        return None if decoded is None else np.asarray(decoded, np.uint8)

    monkeypatch.setattr(pixels, "_last", pixels._LastDecoded())
    monkeypatch.setattr(pixels, "cv2", SimpleNamespace(**{**vars(cv2), "imdecode": counting}))
    with ImageDocument(file) as document:
        both = [document.render(1, size).pixels for size in sizes]
    assert len(calls) == 1
    assert all(np.array_equal(one, other) for one, other in zip(both, alone, strict=True))
