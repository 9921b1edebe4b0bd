from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, TiffImagePlugin

from docdetect.documents.damage import DAMAGED_PICTURE
from docdetect.documents.document import DocumentError
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import AtDpi, ExactSize, LongSide
from docdetect.documents.sources import list_documents
from docdetect.types import ByteArray, FailureKind, Note, NoteKind, Page

RED, WHITE = (255, 0, 0), (255, 255, 255)


def corner_picture(mode: str = "RGB", size: tuple[int, int] = (40, 60)) -> Image.Image:
    """White with a red (in grey: black) top left quarter."""
    picture = Image.new("RGB", size, "white")
    picture.paste(RED if mode not in ("1", "L") else (0, 0, 0), (0, 0, size[0] // 2, size[1] // 2))
    return picture.convert(mode)


def read(path: Path, size: AtDpi | LongSide | ExactSize = AtDpi(200), number: int = 1) -> Page:  # noqa: B008
    with open_document(list_documents(path)[0]) as document:
        info = document.page_info(number, size)
        page = document.render(number, size)
        again = document.render(number, size)
        assert document.page_info(number, size) == info == page.info
    assert (page.pixels == again.pixels).all()
    return page


def colour(pixels: ByteArray, x: int, y: int) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in pixels[y, x])
    return red, green, blue


def close(a: tuple[int, int, int], b: tuple[int, int, int], slack: int = 12) -> bool:
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) <= slack


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".tif", ".bmp", ".webp"])
def test_every_format_gives_its_native_pixels_where_no_resolution_is_said(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    corner_picture().save(path)
    page = read(path)
    assert page.info.size_wh == (40, 60)
    assert page.info.size_pt is None
    assert page.info.dpi is None or suffix == ".bmp"  # a BMP always says one
    assert close(colour(page.pixels, 5, 5), RED, 30)
    assert close(colour(page.pixels, 35, 50), WHITE, 30)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize(
    ("orientation", "size_wh", "red_at"),
    [
        (1, (40, 60), (5, 5)),
        (2, (40, 60), (35, 5)),
        (3, (40, 60), (35, 55)),
        (4, (40, 60), (5, 55)),
        (5, (60, 40), (5, 5)),
        (6, (60, 40), (55, 5)),
        (7, (60, 40), (55, 35)),
        (8, (60, 40), (5, 35)),
    ],
)
def test_exif_rotation_is_applied(
    tmp_path: Path, suffix: str, orientation: int, size_wh: tuple[int, int], red_at: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"a{suffix}"
    corner_picture().save(path, exif=exif)
    page = read(path)
    assert page.info.size_wh == size_wh
    assert close(colour(page.pixels, *red_at), RED, 30)
    small = read(path, LongSide(30))
    assert max(small.info.size_wh) == 30
    assert close(colour(small.pixels, red_at[0] // 2, red_at[1] // 2), RED, 30)


@pytest.mark.parametrize(
    ("mode", "suffix", "expected"),
    [
        ("1", ".png", (0, 0, 0)),
        ("1", ".tif", (0, 0, 0)),
        ("L", ".jpg", (0, 0, 0)),
        ("P", ".png", RED),
        ("CMYK", ".tif", RED),
        ("CMYK", ".jpg", RED),
        ("LAB", ".tif", None),
        ("RGB", ".tif", RED),
        ("RGBA", ".png", RED),
        ("LA", ".png", None),
        ("I;16", ".png", None),
        ("F", ".tif", None),
    ],
)
def test_every_colour_model_comes_out_as_rgb(
    tmp_path: Path, mode: str, suffix: str, expected: tuple[int, int, int] | None
) -> None:
    path = tmp_path / f"a{suffix}"
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(corner_picture("L")).astype(np.uint16) * 257)
    elif mode == "LAB":
        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        lab = ImageCms.applyTransform(corner_picture(), to_lab)
        assert lab is not None
        picture, expected = lab, RED
    else:
        picture = corner_picture("L").convert(mode) if mode in ("LA", "F") else corner_picture(mode)
    picture.save(path, **({"compression": "jpeg"} if (mode, suffix) == ("RGB", ".tif") else {}))  # scanners' YCbCr
    page = read(path)
    assert close(colour(page.pixels, 35, 50), WHITE)
    assert close(colour(page.pixels, 5, 5), expected or (0, 0, 0), 20)


def test_sixteen_bits_keep_their_greys(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 0x8000, np.uint16)).save(tmp_path / "a.png")
    Image.fromarray(np.full((8, 8), 0x8000, np.uint16)).save(tmp_path / "b.tif")
    for name in ("a.png", "b.tif"):
        assert close(colour(read(tmp_path / name).pixels, 3, 3), (128, 128, 128), 1)


def write_grey_tiff(path: Path, samples: bytes, bits: int, *, sample_format: int = 1, black: int = 0) -> None:
    """An uncompressed TIFF of 8 x 8 grey samples of a depth that Pillow reads and does not write."""
    tags = {
        256: 8,
        257: 8,
        258: bits,
        259: 1,
        262: 1 - (black > 0),
        277: 1,
        278: 8,
        279: len(samples),
        339: sample_format,
    }
    tags[273] = 8 + 2 + 12 * (len(tags) + 1) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + samples)


@pytest.mark.parametrize(("bits", "sample_format", "grey"), [(16, 1, 0x8000), (12, 1, 0x800), (16, 2, 0x4000)])
def test_deep_greys_are_scaled_by_the_bits_that_the_file_says(
    tmp_path: Path, bits: int, sample_format: int, grey: int
) -> None:
    samples = np.full(64, grey, "<u2")
    packed = np.unpackbits(samples.astype(">u2").view(np.uint8).reshape(64, 2), axis=1)[:, 16 - bits :]
    stored = samples.tobytes() if bits == 16 else np.packbits(packed).tobytes()
    write_grey_tiff(tmp_path / "a.tif", stored, bits, sample_format=sample_format)
    assert close(colour(read(tmp_path / "a.tif").pixels, 3, 3), (128, 128, 128), 1)


def test_sixteen_bits_with_white_as_zero_are_no_negative(tmp_path: Path) -> None:
    write_grey_tiff(tmp_path / "a.tif", np.full(64, 0x1000, "<u2").tobytes(), 16, black=0xFFFF)
    assert close(colour(read(tmp_path / "a.tif").pixels, 3, 3), (239, 239, 239), 1)


def test_sixteen_bit_colours_keep_their_values(tmp_path: Path) -> None:
    row = b"\0" + np.array([[0xFFFF, 0x8000, 0x00FF]] * 8, ">u2").tobytes()
    head = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(row * 8)), (b"IEND", b"")):
        data += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    (tmp_path / "a.png").write_bytes(data)
    assert close(colour(read(tmp_path / "a.png").pixels, 3, 3), (255, 128, 0), 1)


def test_an_inverted_cmyk_jpeg_as_adobe_writes_it_is_not_a_negative(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    corner_picture("CMYK").save(path, quality=95)
    assert b"Adobe" in path.read_bytes()
    assert close(colour(read(path).pixels, 35, 50), WHITE)
    assert close(colour(read(path).pixels, 5, 5), RED, 30)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white_paper(tmp_path: Path, mode: str) -> None:
    picture = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 10, 10))
    picture.convert(mode).save(tmp_path / "a.png")
    pixels = read(tmp_path / "a.png").pixels
    assert colour(pixels, 15, 15) == WHITE
    assert colour(pixels, 3, 3) == (0, 0, 0)


def test_the_colour_named_transparent_in_an_rgb_png_is_white_paper(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), (10, 20, 30)).save(tmp_path / "a.png", transparency=(10, 20, 30))
    assert colour(read(tmp_path / "a.png").pixels, 4, 4) == WHITE


def test_a_tiff_has_all_its_pages_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    pages = [Image.new("RGB", (10 + n, 20), (0, 0, 50 * n)) for n in range(4)]
    pages[0].save(path, save_all=True, append_images=pages[1:], compression="tiff_lzw")
    with open_document(list_documents(path)[0]) as document:
        assert document.page_count == 4
        for number in (3, 1, 4, 2, 2):
            page = document.render(number, AtDpi(200))
            assert page.info.size_wh == (9 + number, 20)
            assert colour(page.pixels, 2, 2) == (0, 0, 50 * (number - 1))


def test_small_copies_and_masks_in_a_tiff_are_no_pages(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(stream, True) as writer:
        for width, kind in ((10, 0), (11, 1), (12, 2), (13, 4)):  # a page, its small copy, a page of several, a mask
            Image.new("L", (width, 20)).save(writer, "TIFF", tiffinfo={254: kind})
            writer.newFrame()
    (tmp_path / "a.tiff").write_bytes(stream.getvalue())
    with open_document(list_documents(tmp_path)[0]) as document:
        assert document.page_count == 2
        assert [document.render(number, AtDpi(200)).info.size_wh[0] for number in (1, 2)] == [10, 12]


@pytest.mark.parametrize("suffix", [".heic", ".HEIF", ".hif"])
def test_heic_is_read_and_turned_upright(tmp_path: Path, suffix: str) -> None:
    heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture = corner_picture()
    picture.info["exif"] = exif.tobytes()
    heif.register_heif_opener()
    picture.save(tmp_path / "a.heic", quality=90)
    (tmp_path / "a.heic").rename(tmp_path / f"a{suffix}")
    page = read(tmp_path / f"a{suffix}")
    assert page.info.size_wh == (60, 40)
    assert close(colour(page.pixels, 55, 5), RED, 30)
    assert close(colour(page.pixels, 5, 35), WHITE, 30)


def test_heic_without_what_reads_it_fails_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.heic").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(DocumentError, match=r'pip install "docdetect\[heic\]"') as caught:
        read(tmp_path / "a.heic")
    assert caught.value.failure.kind is FailureKind.UNSUPPORTED


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_an_animation_is_one_page(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (9, 9), (n * 90, 0, 0)) for n in range(3)]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    with open_document(list_documents(tmp_path)[0]) as document:
        assert document.page_count == 1


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_stated_resolution_counts_and_nothing_is_enlarged(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    corner_picture(size=(400, 600)).save(path, dpi=(300, 300))
    page = read(path, AtDpi(150))
    assert page.info.size_wh == (200, 300)
    assert page.info.dpi == pytest.approx(150, rel=0.01)
    assert read(path, AtDpi(600)).info.size_wh == (400, 600)
    assert read(path, AtDpi(600)).info.dpi == pytest.approx(300, rel=0.01)


def test_a_fax_with_flat_pixels_gets_its_height_back(tmp_path: Path) -> None:
    Image.new("1", (400, 200), 1).save(tmp_path / "a.tif", dpi=(204, 98), compression="group4")
    page = read(tmp_path / "a.tif", AtDpi(204))
    assert page.info.size_wh == (400, 416)
    assert read(tmp_path / "a.tif", LongSide(208)).info.size_wh == (200, 208)


def with_density(path: Path, size_wh: tuple[int, int], density: tuple[int, int], *, unit: bool) -> Path:
    """A picture whose file states a resolution, in px/inch or without a unit."""
    picture = Image.new("L", size_wh, 255)
    if path.suffix == ".tif":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[282], tags[283], tags[296] = density[0], density[1], 2 if unit else 1
        picture.save(path, tiffinfo=tags)
    elif path.suffix == ".jpg":
        picture.save(path, dpi=density)
        data = bytearray(path.read_bytes())
        data[13] = 1 if unit else 0
        path.write_bytes(data)
    else:
        picture.save(path, dpi=density)
        data = bytearray(path.read_bytes())
        start = data.index(b"pHYs")
        across, down = (round(value / 0.0254) if unit else value for value in density)
        data[start + 4 : start + 13] = struct.pack(">IIB", across, down, int(unit))
        data[start + 13 : start + 17] = struct.pack(">I", zlib.crc32(data[start : start + 13]))
        path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".tif", ".jpg", ".png"])
@pytest.mark.parametrize(
    ("size_wh", "density", "unit", "shown_wh"),
    [
        ((172, 110), (204, 98), False, (172, 229)),  # a fax whose unit got lost is not squashed
        ((172, 110), (204, 98), True, (172, 229)),
        ((172, 300), (204, 98), True, (172, 624)),  # a long fax is one all the same
        ((110, 172), (98, 204), False, (229, 172)),
        ((100, 141), (1, 1), False, (100, 141)),
        ((248, 351), (300, 100), True, (248, 351)),  # an A4 page whose resolution would make it a strip
        ((248, 117), (300, 100), True, (248, 351)),
        ((248, 351), (1, 2), False, (248, 351)),
        ((248, 176), (2, 1), False, (248, 176)),
        ((248, 117), (3, 1), False, (248, 351)),
        ((100, 141), (65_535, 1), False, (100, 141)),
    ],
)
def test_pixels_that_are_not_square_are_believed_where_the_page_gets_the_shape_of_paper(
    tmp_path: Path,
    suffix: str,
    size_wh: tuple[int, int],
    density: tuple[int, int],
    unit: bool,
    shown_wh: tuple[int, int],
) -> None:
    path = with_density(tmp_path / f"a{suffix}", size_wh, density, unit=unit)
    shown = read(path, AtDpi(1e6)).info
    assert shown.size_wh == pytest.approx(shown_wh, abs=1)
    is_believed = unit and shown_wh != size_wh
    assert shown.dpi == (pytest.approx(max(density), rel=0.01) if is_believed else None)


@pytest.mark.parametrize("dpi", [(0, 0), (1, 1), (100_000, 100_000), (300, 10)])
def test_a_nonsense_resolution_is_none(tmp_path: Path, dpi: tuple[int, int]) -> None:
    corner_picture().save(tmp_path / "a.jpg", dpi=dpi)
    page = read(tmp_path / "a.jpg", AtDpi(20))
    assert (page.info.size_wh, page.info.dpi) == ((40, 60), None)


def test_exact_size_and_long_side_are_exact(tmp_path: Path) -> None:
    corner_picture(size=(401, 307)).save(tmp_path / "a.jpg")
    assert read(tmp_path / "a.jpg", ExactSize(33, 77)).info.size_wh == (33, 77)
    assert read(tmp_path / "a.jpg", LongSide(100)).info.size_wh == (100, 77)
    assert read(tmp_path / "a.jpg", LongSide(802)).info.size_wh == (802, 614)


def failure_of(path: Path) -> FailureKind:
    with pytest.raises(DocumentError) as caught:
        read(path)
    assert str(path) in caught.value.message
    assert str(path) not in caught.value.failure.message
    return caught.value.failure.kind


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".webp"])
def test_a_file_that_ends_in_its_header_is_unreadable(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    corner_picture().save(path)
    path.write_bytes(path.read_bytes()[:24])
    assert failure_of(path) is FailureKind.UNREADABLE


def noise(count: int = 1) -> list[Image.Image]:
    pixels = np.random.default_rng(0).integers(0, 255, (count, 64, 64, 3), np.uint8)
    return [Image.fromarray(one) for one in pixels]


def cut(path: Path, share: float = 0.6) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def test_a_truncated_tiff_whose_list_of_pages_is_lost_says_so(tmp_path: Path) -> None:
    noise()[0].save(tmp_path / "a.tif", compression="tiff_lzw")
    with pytest.raises(
        DocumentError, match="ends before or within the list of its pages, so that no part of it can be read"
    ):
        read(cut(tmp_path / "a.tif"))


def test_pages_before_the_damage_of_a_truncated_tiff_are_read_and_the_document_says_damaged(tmp_path: Path) -> None:
    first, *others = noise(3)
    first.save(tmp_path / "a.tif", save_all=True, append_images=others, compression="tiff_lzw")
    with open_document(list_documents(tmp_path / "a.tif")[0]) as whole:
        assert (whole.page_count, whole.notes) == (3, ())
    cut(tmp_path / "a.tif", 0.9)
    with open_document(list_documents(tmp_path / "a.tif")[0]) as document:
        assert (document.page_count, document.notes) == (2, (Note(NoteKind.REPAIRED),))
        page = document.render(2, AtDpi(72))
        assert np.array_equal(page.pixels, np.asarray(others[0]))
        assert document.render(1, AtDpi(72)).info.damaged is None


def tiff_with_list_in_front(pixels: ByteArray, rows: int, compression: int = 8) -> bytes:
    """A TIFF file of grey pixels in strips of so many rows, whose directory stands before them; 8 is Deflate."""
    height, width = pixels.shape
    strips = [zlib.compress(pixels[top : top + rows].tobytes()) for top in range(0, height, rows)]
    arrays, count = 8 + 2 + 12 * 9 + 4, len(strips)
    starts = [arrays + 8 * count + sum(map(len, strips[:number])) for number in range(count)]
    entries = [
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1)),
        *((273, 4, count, arrays), (277, 3, 1, 1), (278, 4, 1, rows), (279, 4, count, arrays + 4 * count)),
    ]
    directory = struct.pack("<H", 9) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    lists = struct.pack(f"<{2 * count}I", *starts, *map(len, strips))
    return b"II*\0" + struct.pack("<I", 8) + directory + lists + b"".join(strips)


def big_tiff_in_tiles(pixels: ByteArray, compression: int) -> tuple[bytes, int]:
    """A BigTIFF of grey pixels in tiles of 16 px with its directory in front, and where its pixels begin.

    `compression` is 1 for none and 8 for Deflate. The sides of `pixels` are multiples of 16.
    """
    height, width = pixels.shape
    tiles = [
        pixels[top : top + 16, left : left + 16].tobytes()
        for top in range(0, height, 16)
        for left in range(0, width, 16)
    ]
    tiles = [zlib.compress(tile) for tile in tiles] if compression == 8 else tiles
    arrays, count = 16 + 8 + 20 * 10 + 8, len(tiles)
    begin = arrays + 16 * count
    starts = [begin + sum(map(len, tiles[:number])) for number in range(count)]
    entries = [
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1)),
        *((277, 3, 1, 1), (322, 4, 1, 16), (323, 4, 1, 16), (324, 16, count, arrays)),
        (325, 16, count, arrays + 8 * count),
    ]
    directory = struct.pack("<Q", 10) + b"".join(struct.pack("<HHQQ", *entry) for entry in entries) + bytes(8)
    lists = struct.pack(f"<{2 * count}Q", *starts, *map(len, tiles))
    return struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) + directory + lists + b"".join(tiles), begin


def test_a_truncated_big_tiff_in_tiles_gives_what_is_there_or_says_what_is_wrong(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (96, 64), np.uint8)
    path = tmp_path / "a.tif"
    for compression in (1, 8):
        data, begin = big_tiff_in_tiles(pixels, compression)
        path.write_bytes(data)
        assert np.array_equal(read(path, AtDpi(72)).pixels[:, :, 0], pixels)
        for length in (20, 16 + 8 + 20 * 3):  # before the directory, and within it
            path.write_bytes(data[:length])
            with pytest.raises(DocumentError, match=r"a\.tif: .* ends before or within the list of its pages"):
                read(path)
        path.write_bytes(data[: begin + (len(data) - begin) // 2])
        if compression == 1:
            with open_document(list_documents(path)[0]) as document:
                page = document.render(1, AtDpi(72))
            assert page.info.damaged == DAMAGED_PICTURE
            assert np.array_equal(page.pixels[:32, :, 0], pixels[:32])
        else:
            with pytest.raises(DocumentError, match=r"a\.tif.*page 1: .*the file ends too early or is damaged"):
                read(path)


def test_a_big_tiff_with_a_place_beyond_all_files_is_damaged_in_plain_words(tmp_path: Path) -> None:
    data, _ = big_tiff_in_tiles(np.zeros((32, 32), np.uint8), 8)
    odd = bytearray(data)
    struct.pack_into("<Q", odd, 16 + 8 + 20 * 10, 2**64 - 2)  # where the next page is
    struct.pack_into("<Q", odd, 16 + 8 + 20 * 8 + 12, 2**64 - 2)  # where the places of the tiles are
    (tmp_path / "a.tif").write_bytes(odd)
    with pytest.raises(DocumentError) as caught:
        read(tmp_path / "a.tif")
    assert caught.value.failure.kind is FailureKind.UNREADABLE
    assert caught.value.failure.message == "damaged picture (a place that it names lies beyond every file)"


def test_the_whole_strips_of_a_truncated_tiff_with_compressed_pixels_are_read(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (100, 60), np.uint8)
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_with_list_in_front(pixels, 10))
    assert np.array_equal(read(path, AtDpi(72)).pixels[:, :, 0], pixels)
    with open_document(list_documents(cut(path, 0.58))[0]) as document:
        page = document.render(1, AtDpi(72))
    assert page.info.damaged == DAMAGED_PICTURE
    assert np.array_equal(page.pixels[:50, :, 1], pixels[:50])
    assert (page.pixels[50:] == 255).all()
    with open_document(list_documents(cut(path, 0.1))[0]) as document, pytest.raises(DocumentError, match="no part of"):
        document.render(1, AtDpi(72))


@pytest.mark.parametrize("lossless", [True, False])
def test_a_truncated_webp_is_read_as_far_as_it_goes_and_says_damaged(tmp_path: Path, lossless: bool) -> None:
    picture = Image.new("RGB", (400, 600), "white")
    for top in range(0, 600, 40):
        picture.paste((200, 0, 0), (20, top, 380, top + 20))
    fuzzy = np.asarray(picture, np.int16) + np.random.default_rng(0).integers(-9, 9, (600, 400, 3), np.int16)
    Image.fromarray(fuzzy.clip(0, 255).astype(np.uint8)).save(tmp_path / "a.webp", lossless=lossless)
    whole = read(tmp_path / "a.webp", AtDpi(72))
    with open_document(list_documents(cut(tmp_path / "a.webp", 0.7))[0]) as document:
        page = document.render(1, AtDpi(72))
        assert np.array_equal(document.render(1, AtDpi(72)).pixels, page.pixels)
    assert (whole.info.damaged, page.info.damaged) == (None, DAMAGED_PICTURE)
    assert page.pixels.shape == whole.pixels.shape
    assert np.abs(page.pixels[:200].astype(int) - whole.pixels[:200]).mean() < 1
    path = tmp_path / "a.webp"
    path.write_bytes(path.read_bytes()[:4] + b"\xff\xff\xff\xff" + path.read_bytes()[8:])  # 4 GB are not made up
    assert failure_of(path) is FailureKind.UNREADABLE


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.4", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"])
def test_what_is_no_picture_is_unreadable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    assert failure_of(tmp_path / "a.png") is FailureKind.UNREADABLE


def test_an_empty_picture_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(DocumentError) as caught:
        read(tmp_path / "a.jpg")
    assert caught.value.failure.message == "the file is empty"


def test_a_decompression_bomb_is_refused_from_its_header(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    corner_picture().save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)
    assert failure_of(path) is FailureKind.TOO_LARGE


def test_a_size_over_the_budget_is_refused(tmp_path: Path) -> None:
    corner_picture().save(tmp_path / "a.png")
    with pytest.raises(DocumentError, match="over the limit of 100 megapixels"):
        read(tmp_path / "a.png", ExactSize(20_000, 20_000))


def test_the_second_page_of_a_damaged_tiff_does_not_cost_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    pages = [Image.new("RGB", (50, 50), (n, n, n)) for n in (0, 9)]
    pages[0].save(path, save_all=True, append_images=pages[1:], compression="tiff_lzw")
    data = bytearray(path.read_bytes())
    with Image.open(path) as image:
        image.seek(1)
        (offset,) = image.tag_v2[273]  # type: ignore[attr-defined]
    data[offset : offset + 30] = b"\xff" * 30
    path.write_bytes(data)
    with open_document(list_documents(path)[0]) as document:
        with pytest.raises(DocumentError, match=r"page 2: .*no part of compressed pixels of a TIFF page can be read"):
            document.render(2, AtDpi(72))
        assert document.render(1, AtDpi(72)).pixels.shape == (50, 50, 3)
