"""Pixels of pictures: every colour model brought to 8-bit RGB or grey, upright, over white paper; and scaled.

Pillow does the work. OpenCV stands in where it gives the same pixels in less time.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from docdetect.documents.damage import has_end_marker, is_plain_png
from docdetect.types import ByteArray, SizeWH

# How many px may become one along the longer side, after the picture was reduced by whole factors, for OpenCV to scale
# it. Beyond that the picture is squeezed much more along one side than along the other.
_MOST_PX_TO_ONE = 2.05

# Standard deviation of the blur before a picture is made smaller, in px for each px that becomes one. Without the blur
# fine lines would break.
_BLUR = 0.4

# Bytes of a decoded picture up to which it is kept for a second rendering: 16 megapixels in colour.
_MOST_KEPT_BYTES = 48 << 20

# Pillow's modes of more than 8 bits.
_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")

# TIFF tags, and the values of them that matter here.
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_BITS = 258
_SAMPLE_FORMAT, _SIGNED = 339, 2


def upright_rgb(image: Image.Image) -> Image.Image:
    """The picture as a viewer shows it: EXIF rotation applied, mode RGB, or L where there is no colour.

    Alpha is laid over white; CMYK goes through the profile in the file where there is one; 16 and 32 bits are
    scaled to 8. Decodes the picture; raises what Pillow raises for a damaged one.
    """
    image.load()
    tags = getattr(image, "tag_v2", {})  # the upright copy has none
    return _to_eight_bits(ImageOps.exif_transpose(image), tags)


def resized(image: Image.Image, size_wh: SizeWH) -> ByteArray:
    """The picture (mode RGB or L) at `size_wh` px, uint8 (H, W, 3) RGB.

    Averaged when it shrinks, smooth when it grows.
    """
    whole = min(image.width // size_wh[0], image.height // size_wh[1])
    if whole == 0:
        return _rgb_pixels(image.resize(size_wh, Image.Resampling.BICUBIC))
    if whole > 1:
        image = image.reduce(whole)
    factor = max(image.width / size_wh[0], image.height / size_wh[1])
    if factor > _MOST_PX_TO_ONE:
        return _rgb_pixels(image.resize(size_wh, Image.Resampling.HAMMING))
    if image.size == size_wh:
        return _rgb_pixels(image)
    return shrunk(np.asarray(image), size_wh)


def shrunk(pixels: ByteArray, size_wh: SizeWH) -> ByteArray:
    """uint8 (H, W, 3) or (H, W) at `size_wh` px, each side about half or more: uint8 (H', W', 3), grey three times.

    OpenCV does in 4 ms what takes Pillow 15, for an A4 page of 2 megapixels.
    """
    factor = max(pixels.shape[1] / size_wh[0], pixels.shape[0] / size_wh[1])
    smooth = cv2.GaussianBlur(pixels, (3, 3), _BLUR * factor)
    small = np.asarray(cv2.resize(smooth, size_wh, interpolation=cv2.INTER_LINEAR), np.uint8)
    return small if small.ndim == 3 else np.repeat(small[:, :, None], 3, axis=2)


def decoded_by_opencv(data: bytes, image: Image.Image, size_wh: SizeWH) -> ByteArray | None:
    """The pixels that `resized` makes of a plain JPEG or PNG, decoded by OpenCV, which takes less time than Pillow.

    Both libraries decode with libjpeg-turbo and libpng, to the same pixels.

    Args:
        data: the whole file.
        image: the same file opened by Pillow and not yet decoded.
        size_wh: px, of the picture as stored; each side at most that of the picture and more than half of it.

    Returns:
        uint8 (H, W, 3) RGB, the orientation of the file's EXIF data not applied. None for other sizes and other kinds
        of picture, and for a damaged file: OpenCV would fill in what is missing without a word.
    """
    sides = image.width / size_wh[0], image.height / size_wh[1]
    is_sound = is_plain_png if image.format == "PNG" else has_end_marker
    if image.format not in ("JPEG", "PNG") or image.mode not in ("RGB", "L"):
        return None
    if min(sides) < 1 or max(sides) >= 2 or not is_sound(data):
        return None
    kind = cv2.IMREAD_GRAYSCALE if image.mode == "L" else cv2.IMREAD_COLOR
    pixels = _decoded(data, kind | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.shape[1::-1] != image.size:
        return None
    if image.size != size_wh:
        pixels = shrunk(pixels, size_wh)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB if pixels.ndim == 2 else cv2.COLOR_BGR2RGB), np.uint8)


@dataclass
class _LastDecoded:
    """The picture that was decoded last: a page that is also drawn for people is rendered twice, one time after the
    other, and is decoded once."""

    data: bytes = b""
    flags: int = 0
    pixels: ByteArray | None = None


_last = _LastDecoded()


def _decoded(data: bytes, flags: int) -> ByteArray | None:
    """The picture in a file as OpenCV decodes it, never to be changed; None where OpenCV cannot."""
    global _last
    last = _last  # one reading, as another thread may decode at the same time
    if last.flags == flags and last.data == data and last.pixels is not None:
        return last.pixels
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if decoded is None:
        return None
    pixels = np.asarray(decoded, np.uint8)
    _last = _LastDecoded(data, flags, pixels) if pixels.nbytes <= _MOST_KEPT_BYTES else _LastDecoded()
    return pixels


def _rgb_pixels(image: Image.Image) -> ByteArray:
    return np.array(image.convert("RGB"))


def _to_eight_bits(image: Image.Image, tags: Mapping[int, Any]) -> Image.Image:
    if image.mode in ("RGB", "L") and "transparency" not in image.info:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in _DEEP_MODES:
        return _from_deep(image, tags)
    if image.has_transparency_data:
        return _over_white(image.convert("RGBA"))
    if image.mode in ("CMYK", "LAB"):
        return _managed(image)
    return image.convert("RGB")


def _over_white(image: Image.Image) -> Image.Image:
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _from_deep(image: Image.Image, tags: Mapping[int, Any]) -> Image.Image:
    """Grey of more than 8 bits, or float, to L: scaled, never cut off.

    Integers of up to 16 bits are scaled from the bits that the file says, else from 16; larger ones from the largest
    that occurs; floats from 1, unless larger ones occur.
    """
    values = np.asarray(image)
    white = _white(values, tags)
    if values.dtype == np.uint16:  # by table: a large scan must not become floats of four times its size
        table = np.clip(np.arange(1 << 16) * (255.0 / white), 0, 255).round().astype(np.uint8)
        grey = table[values]
    else:
        finite = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
        grey = np.clip(finite * (255.0 / white), 0, 255).round().astype(np.uint8)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        grey = 255 - grey
    return Image.fromarray(grey)


def _white(values: NDArray[Any], tags: Mapping[int, Any]) -> float:
    """The value that is white."""
    peak = float(np.nan_to_num(values, posinf=0.0, neginf=0.0).max(initial=0))
    if values.dtype.kind == "f":
        return next(limit for limit in (1.0, 255.0, 65535.0, peak) if peak <= limit)
    bits = int(tags.get(_BITS, (16,))[0])
    signed = int(tags.get(_SAMPLE_FORMAT, (1,))[0]) == _SIGNED
    stated = float((1 << (bits - signed)) - 1) if 8 < bits <= 16 else 65535.0
    return max(stated, peak)


def _managed(image: Image.Image) -> Image.Image:
    """CMYK or LAB to RGB by colour profile; by Pillow's plain formula where the file has none that works."""
    screen = ImageCms.createProfile("sRGB")
    try:
        if image.mode == "LAB":
            source = ImageCms.createProfile("LAB")
        else:
            source = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))  # type: ignore[assignment]
        managed = ImageCms.profileToProfile(image, source, screen, outputMode="RGB")
    except (KeyError, TypeError, OSError, ImageCms.PyCMSError):
        return image.convert("RGB")
    assert managed is not None  # only in-place calls return None
    return managed
