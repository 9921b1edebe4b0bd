"""Pages of image files through Pillow: PNG, JPEG, TIFF with any number of pages, BMP, WebP."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from PIL import (
    BmpImagePlugin,
    ExifTags,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from docdetect.documents.colours import resized, upright_rgb
from docdetect.documents.document import (
    check_page_number,
    check_pixel_budget,
    document_error,
    page_error,
)
from docdetect.documents.sizes import AtDpi, RenderSize, fitted_wh, scaled_wh
from docdetect.documents.sources import DocumentFile
from docdetect.errors import DocdetectError
from docdetect.types import Failure, FailureKind, Page, PageInfo

_PLUGINS = (BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
"""Imported because that registers them: `Image.open` loads only some by itself when it is told the formats."""

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
_QUARTER_TURNS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_DPI_RANGE = (20.0, 4800.0)  # what scanners and faxes write; files say 0, 1 or a million, too
_MAX_DPI_RATIO = 4.0  # finest fax modes are near 2
_MAX_FRAMES = 100_000


@dataclass(frozen=True)
class _Geometry:
    """How a frame is displayed: `size_wh` px with square pixels, `dpi` of them, and whether stored on its side."""

    size_wh: tuple[float, float]
    dpi: float | None
    sideways: bool


class ImageDocument:
    """An open image file; see `Document`. Only TIFF has more than one page."""

    def __init__(self, file: DocumentFile) -> None:
        self._path = file.path
        self._name = file.name
        try:
            with _quiet():
                self._image: Image.Image = Image.open(file.path, formats=_FORMATS)
                self._page_count = self._counted()
        except Exception as error:  # hostile bytes reach unguarded code of the library
            failure = _failure(error)
            raise document_error(self._path, failure.kind, failure.message) from error
        self._stale = False

    @property
    def page_count(self) -> int:
        return self._page_count

    def page_info(self, number: int, size: RenderSize) -> PageInfo:
        with self._frame(number) as image:
            return self._info(_geometry(image), number, size)

    def render(self, number: int, size: RenderSize) -> Page:
        with self._frame(number) as image:
            geometry = _geometry(image)
            info = self._info(geometry, number, size)
            check_pixel_budget(self._path, number, info.size_wh)
            self._stale = True  # decoding turns the image upright and drops the tags that said so
            width, height = info.size_wh
            image.draft("RGB", (height, width) if geometry.sideways else (width, height))
            pixels = np.array(resized(upright_rgb(image), info.size_wh))
        return Page(info, pixels)

    def close(self) -> None:
        self._image.close()

    def __enter__(self) -> ImageDocument:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _counted(self) -> int:
        if self._image.format != "TIFF":  # frames of an animation are not pages
            return 1
        count = 0
        while count < _MAX_FRAMES:  # `n_frames` does the same walk without a limit
            try:
                self._image.seek(count)
            except EOFError:
                break
            count += 1
        return count

    @contextmanager
    def _frame(self, number: int) -> Iterator[Image.Image]:
        check_page_number(self._path, number, self._page_count)
        try:
            with _quiet():
                if self._stale:
                    self._image.close()
                    self._image = Image.open(self._path, formats=_FORMATS)
                    self._stale = False
                if self._page_count > 1:
                    self._image.seek(number - 1)
                yield self._image
        except DocdetectError:
            raise
        except Exception as error:  # hostile bytes reach unguarded code of the library
            failure = _failure(error)
            raise page_error(self._path, number, failure.kind, failure.message) from error

    def _info(self, geometry: _Geometry, number: int, size: RenderSize) -> PageInfo:
        natural_wh = geometry.size_wh
        if isinstance(size, AtDpi):
            factor = 1.0 if geometry.dpi is None else min(1.0, size.dpi / geometry.dpi)
            size_wh = scaled_wh(natural_wh, factor)
        else:
            size_wh = fitted_wh(natural_wh, size)
        factor = max(size_wh) / max(natural_wh)
        return PageInfo(self._name, number, size_wh, None if geometry.dpi is None else geometry.dpi * factor)


def _geometry(image: Image.Image) -> _Geometry:
    """What the headers say, before anything is decoded."""
    width, height = _stored_wh(image)
    sideways = image.getexif().get(ExifTags.Base.Orientation) in _QUARTER_TURNS
    dpi_xy = _dpi_xy(image)
    # A fax has 204 x 98 px/inch: its lines are drawn at the finer of the two.
    dpi = max(dpi_xy) if dpi_xy else None
    stretch_x, stretch_y = (dpi / dpi_xy[0], dpi / dpi_xy[1]) if dpi and dpi_xy else (1.0, 1.0)
    size_wh = (width * stretch_x, height * stretch_y)
    return _Geometry(size_wh[::-1] if sideways else size_wh, dpi, sideways)


def _stored_wh(image: Image.Image) -> tuple[int, int]:
    """Width and height of the stored raster; Pillow's `size` of a TIFF is sometimes that of the upright picture."""
    tags = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
    if tags is None:
        return image.size
    return int(tags[ExifTags.Base.ImageWidth]), int(tags[ExifTags.Base.ImageLength])


def _dpi_xy(image: Image.Image) -> tuple[float, float] | None:
    """The file's px/inch (horizontal, vertical) of the stored raster, or None where it says none, or nonsense."""
    stated = image.info.get("dpi")
    if not isinstance(stated, tuple) or len(stated) != 2:
        return None
    dpi_x, dpi_y = (float(value) for value in stated)
    lowest, highest = _DPI_RANGE
    if not all(math.isfinite(value) and lowest <= value <= highest for value in (dpi_x, dpi_y)):
        return None
    if max(dpi_x, dpi_y) > _MAX_DPI_RATIO * min(dpi_x, dpi_y):
        return None
    return dpi_x, dpi_y


@contextmanager
def _quiet() -> Iterator[None]:
    """No Python warnings about odd metadata or large pictures: what matters becomes a Failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _failure(error: Exception) -> Failure:
    if isinstance(error, Image.DecompressionBombError):
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        return Failure(FailureKind.TOO_LARGE, f"the stored picture is over the limit of {limit} megapixels")
    if isinstance(error, MemoryError):
        return Failure(FailureKind.MEMORY, "not enough memory")
    if isinstance(error, UnidentifiedImageError):
        return Failure(FailureKind.UNREADABLE, "not a picture of a kind that docdetect reads")
    if isinstance(error, OSError) and error.strerror:
        return Failure(FailureKind.UNREADABLE, f"cannot be read ({error.strerror})")
    cause = " ".join(str(error).split()) or type(error).__name__
    return Failure(FailureKind.UNREADABLE, f"damaged picture ({cause[:200]})")
