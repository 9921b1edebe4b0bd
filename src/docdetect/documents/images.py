"""Pages of image files through Pillow: PNG, JPEG, TIFF with any number of pages, BMP, WebP, GIF, JPEG 2000 and AVIF;
HEIC with an extra.

The headers decide how large a page is: its orientation, whether its pixels are square, and its resolution as far as it
can be believed.
"""

from __future__ import annotations

import contextlib
import io
import math
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from docdetect.documents.damage import (
    DAMAGED_PICTURE,
    filled_webp,
    has_late_exif,
    is_tiff_without_directory,
    mended_picture,
)
from docdetect.documents.document import check_page_number, check_pixel_budget, document_error, page_error
from docdetect.documents.kinds import HEIF_SUFFIXES, first_bytes, is_heif
from docdetect.documents.pixels import decoded_by_opencv, resized, upright_rgb
from docdetect.documents.sizes import AtDpi, RenderSize, fitted_wh, paper_of_picture, scaled_wh
from docdetect.documents.sources import DocumentFile
from docdetect.errors import DocdetectError, MissingDependencyError
from docdetect.types import ByteArray, Failure, FailureKind, Note, NoteKind, Page, PageInfo, SizeWH

with contextlib.suppress(ImportError):  # Pillow before 11.3 has none
    from PIL import AvifImagePlugin  # noqa: F401

# Imported because that registers them: `Image.open` loads only some by itself when it is told the formats.
_PLUGINS = (
    BmpImagePlugin,
    GifImagePlugin,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

# Those that this Pillow can open: AVIF and WebP may be missing from it.
_FORMATS = tuple(
    name for name in ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "JPEG2000", "AVIF") if name in Image.OPEN
)

# EXIF orientations that make width and height change places.
_QUARTER_TURNS = (5, 6, 7, 8)

# Resolutions in px/inch that scanners and faxes write. Files also say 0, 1 or a million, which means nothing.
_DPI_RANGE = (20.0, 4800.0)

# The largest ratio of the two resolutions of a file that can be true. The coarsest mode of a fax has about 2.
_MAX_DPI_RATIO = 4.0

# Up to this ratio of the two resolutions they are believed without a look at the shape: fine fax has 204 x 196 px/inch.
_NEARLY_SQUARE = 1.05

# Resolutions of fax machines: px/inch across, and the ratio of the resolution down the page to that across.
_FAX_DPI = (190.0, 210.0)
_FAX_RATIOS = ((0.45, 0.55), (1.85, 2.05))

# TIFF tags.
_X_RESOLUTION, _Y_RESOLUTION = 282, 283

# TIFF tag of what a frame is for, and its bits for a smaller copy of a page and for a mask.
_SUBFILE_TYPE, _NO_PAGE = 254, 0b101

# Frames of a TIFF that are looked for at most: a hostile file may have a chain of them without end.
_MAX_FRAMES = 100_000


@dataclass(frozen=True)
class _Geometry:
    """How a frame is displayed.

    Attributes:
        size_wh: width and height in px as displayed, with square pixels.
        dpi: px/inch of these square pixels, None where the file says none.
        orientation: EXIF orientation of the stored raster, 1 for one that is stored upright.
    """

    size_wh: tuple[float, float]
    dpi: float | None
    orientation: int

    @property
    def sideways(self) -> bool:
        """Whether width and height of the stored raster change places when it is displayed."""
        return self.orientation in _QUARTER_TURNS


class ImageDocument:
    """An open image file; see `Document`. Only TIFF has more than one page."""

    def __init__(self, file: DocumentFile) -> None:
        self._path = file.path
        self._name = file.name
        self._formats = _formats(file.path)
        self._filled: bytes | None = None  # a file that ends early, made long enough to be opened
        self._lacks_pages = False
        try:
            with _quiet():
                self._image = self._opened()
                self._frames = self._listed()
        except Exception as error:  # hostile bytes reach unguarded code of the library
            failure = _failure(error)
            if isinstance(error, UnidentifiedImageError) and self._path.stat().st_size == 0:
                failure = Failure(FailureKind.UNREADABLE, "the file is empty")
            elif is_tiff_without_directory(self._path):
                failure = Failure(
                    FailureKind.UNREADABLE,
                    "the TIFF file ends before or within the list of its pages, so that no part of it can be read",
                )
            raise document_error(self._path, failure.kind, failure.message) from error
        self._stale = False

    @property
    def page_count(self) -> int:
        return len(self._frames)

    @property
    def notes(self) -> tuple[Note, ...]:
        return (Note(NoteKind.REPAIRED),) if self._lacks_pages else ()

    def page_info(self, number: int, size: RenderSize) -> PageInfo:
        with self._frame(number) as image:
            return self._info(_geometry(image), number, size)

    def paper_in(self, number: int) -> tuple[float, float]:
        with self._frame(number) as image:
            geometry = _geometry(image)
        return paper_of_picture(geometry.size_wh, geometry.dpi)

    def camera_tags(self, number: int) -> Mapping[int, object]:
        with self._frame(number) as image:
            exif = Image.Image.getexif(image)  # that of a PNG would decode it
            return dict(exif) | dict(exif.get_ifd(ExifTags.IFD.Exif))

    def stored_long_px(self, number: int) -> int | None:
        with self._frame(number) as image:
            return round(max(_geometry(image).size_wh))

    def render(self, number: int, size: RenderSize) -> Page:
        with self._frame(number) as image:
            geometry = _geometry(image)
            info = self._info(geometry, number, size)
            check_pixel_budget(self._path, number, info.size_wh)
            self._stale = True  # decoding turns the image upright and drops the tags that said so
            pixels, damaged = self._decoded(image, self._frames[number - 1], geometry, info)
        return Page(replace(info, damaged=damaged), pixels)

    def _decoded(
        self, image: Image.Image, frame: int, geometry: _Geometry, info: PageInfo
    ) -> tuple[ByteArray, str | None]:
        """The pixels of a frame at the size of `info`, and what is missing of them where the file is damaged."""
        stored_wh = info.size_wh[::-1] if geometry.sideways else info.size_wh
        whole_wh = image.size
        image.draft("RGB", stored_wh)
        if image.format in ("JPEG", "PNG") and image.size == whole_wh and geometry.orientation == 1:  # no coarser draft
            pixels = decoded_by_opencv(self._path.read_bytes(), image, info.size_wh)
            if pixels is not None:
                return pixels, None
        try:
            return resized(upright_rgb(image), info.size_wh), None if self._filled is None else DAMAGED_PICTURE
        except (OSError, SyntaxError, ValueError, OverflowError, struct.error) as error:
            pixels = self._what_is_there(image.format, frame, whole_wh, stored_wh, info.size_wh)
            if pixels is not None:
                return pixels, DAMAGED_PICTURE
            if image.format == "TIFF":
                raise OSError(
                    "the file ends too early or is damaged, and no part of compressed pixels of a TIFF page can be read"
                ) from error
            raise

    def _what_is_there(
        self, format_name: str | None, frame: int, whole_wh: SizeWH, stored_wh: SizeWH, size_wh: SizeWH
    ) -> ByteArray | None:
        """The pixels of a frame of a damaged file as far as it goes; None where nothing can be had of it."""
        mended = mended_picture(self._path, format_name, whole_wh, frame)
        if mended is None:
            return None
        try:
            with Image.open(io.BytesIO(mended), formats=self._formats) as image:
                image.seek(frame)
                is_lower = image.format == "TIFF" and image.size != whole_wh
                image.draft("RGB", stored_wh)
                upright = upright_rgb(image)
                return resized(_with_blank_rows(upright, whole_wh) if is_lower else upright, size_wh)
        except (OSError, SyntaxError, ValueError, EOFError, OverflowError, struct.error):
            return None

    def close(self) -> None:
        self._image.close()

    def __enter__(self) -> ImageDocument:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self) -> Image.Image:
        """The file, opened by Pillow, or what there is of a WebP file that ends early."""
        if self._filled is None:
            try:
                return Image.open(self._path, formats=self._formats)
            except OSError:
                self._filled = filled_webp(self._path)
                if self._filled is None:
                    raise
        return Image.open(io.BytesIO(self._filled), formats=self._formats)

    def _listed(self) -> tuple[int, ...]:
        """The positions of the pages among the frames; of a damaged TIFF those before the damage."""
        if self._image.format != "TIFF":  # frames of an animation are not pages
            return (0,)
        frames = []
        for position in range(_MAX_FRAMES):  # `n_frames` does the same walk without a limit
            try:
                self._image.seek(position)
            except EOFError:
                break
            except (OSError, SyntaxError, TypeError, ValueError, KeyError, struct.error):
                if not position:
                    raise
                self._lacks_pages = True
                break
            if not _tags(self._image).get(_SUBFILE_TYPE, 0) & _NO_PAGE:
                frames.append(position)
        return tuple(frames) or (0,)

    @contextmanager
    def _frame(self, number: int) -> Iterator[Image.Image]:
        check_page_number(self._path, number, len(self._frames))
        try:
            with _quiet():
                if self._stale:
                    self._image.close()
                    self._image = self._opened()
                    self._stale = False
                self._image.seek(self._frames[number - 1])
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


def _with_blank_rows(image: Image.Image, size_wh: SizeWH) -> Image.Image:
    """The picture, in RGB or L, at the upper edge of a white one."""
    whole = Image.new(image.mode, size_wh, "white")
    whole.paste(image)
    return whole


def _formats(path: Path) -> tuple[str, ...]:
    """What the file may be. Raises DocumentError (unsupported) for HEIC without the package that reads it."""
    if path.suffix.lower() not in HEIF_SUFFIXES and not is_heif(first_bytes(path)):
        return _FORMATS
    try:
        import pillow_heif
    except ImportError:
        error = MissingDependencyError.for_extra("pillow-heif", "heic", "reading HEIC pictures")
        raise document_error(path, FailureKind.UNSUPPORTED, f"{error.message}: {error.remedy}") from None
    pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
    return (*_FORMATS, "HEIF")


def _tags(image: Image.Image) -> Any:
    """The tags of a TIFF; nothing for other kinds."""
    return getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}


def _geometry(image: Image.Image) -> _Geometry:
    """What the headers say, before anything is decoded."""
    width, height = _stored_wh(image)
    orientation = _orientation(image)
    stretch_x, stretch_y, dpi = _stretch_and_dpi(image, (width, height))
    size_wh = (width * stretch_x, height * stretch_y)
    return _Geometry(size_wh[::-1] if orientation in _QUARTER_TURNS else size_wh, dpi, orientation)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation that the file states for its raster, 1 to 8; 1 where it states none, or nonsense."""
    # Pillow decodes a PNG to look for EXIF data after its pixels; `Image.getexif` of the base class does not.
    is_told = image.format != "PNG" or (isinstance(image, ImageFile.ImageFile) and has_late_exif(image))
    exif = image.getexif() if is_told else Image.Image.getexif(image)
    stated = exif.get(ExifTags.Base.Orientation)
    return stated if isinstance(stated, int) and 1 <= stated <= 8 else 1


def _stored_wh(image: Image.Image) -> tuple[int, int]:
    """Width and height in px of the stored raster. Pillow's `size` of a TIFF may be that of the upright picture."""
    tags = _tags(image)
    if not tags:
        return image.size
    return int(tags[ExifTags.Base.ImageWidth]), int(tags[ExifTags.Base.ImageLength])


def _stretch_and_dpi(image: Image.Image, stored_wh: SizeWH) -> tuple[float, float, float | None]:
    """By what width and height of the stored raster grow, so that pixels are square; then px/inch of these pixels,
    None where the file says none that can be believed.

    The lines of a fax (204 x 98 px/inch) are drawn at the finer of its resolutions. Other files whose pixels are not
    square are believed only where that gives the page a shape more like paper: programs write careless numbers.
    """
    density, is_per_inch = _stated_density(image)
    if density is None:
        return 1.0, 1.0, None
    finest = max(density)
    stretch = finest / density[0], finest / density[1]
    is_square = max(stretch) <= _NEARLY_SQUARE
    if not is_square and not _is_fax(density):
        stretched_wh = stored_wh[0] * stretch[0], stored_wh[1] * stretch[1]
        if _unlikeness_to_paper(stretched_wh) >= _unlikeness_to_paper(stored_wh):
            return 1.0, 1.0, None
    return *stretch, finest if is_per_inch else None


def _stated_density(image: Image.Image) -> tuple[tuple[float, float] | None, bool]:
    """Horizontal and vertical resolution of the stored raster that the file states, None where it states none, or
    nonsense; and whether that is in px/inch, or says only how wide a pixel is compared with its height."""
    stated, is_per_inch = image.info.get("dpi"), True
    if stated is None:
        stated, is_per_inch = _unitless_density(image), False
    if not isinstance(stated, tuple) or len(stated) != 2:
        return None, False
    across, down = (float(value) for value in stated)
    if not (math.isfinite(across) and math.isfinite(down) and min(across, down) > 0):
        return None, False
    lowest, highest = _DPI_RANGE
    if is_per_inch and not (lowest <= min(across, down) and max(across, down) <= highest):
        return None, False
    if max(across, down) > _MAX_DPI_RATIO * min(across, down):
        return None, False
    return (across, down), is_per_inch


def _unitless_density(image: Image.Image) -> object:
    """Two numbers of which only the ratio means something, as TIFF, JPEG and PNG can state it; None without them."""
    tags = _tags(image)
    if tags:
        return (
            (tags.get(_X_RESOLUTION), tags.get(_Y_RESOLUTION))
            if _X_RESOLUTION in tags and _Y_RESOLUTION in tags
            else None
        )
    return image.info.get("jfif_density") if image.format == "JPEG" else image.info.get("aspect")


def _is_fax(density: tuple[float, float]) -> bool:
    """Whether a resolution is one of the coarse or fine modes of fax machines: about 204 x 98 or 204 x 391 px/inch."""
    across, down = density
    return _FAX_DPI[0] <= across <= _FAX_DPI[1] and any(low <= down / across <= high for low, high in _FAX_RATIOS)


def _unlikeness_to_paper(size_wh: tuple[float, float]) -> float:
    """How far the shape of a page is from that of A4 paper, upright or lying; 0 for the same shape."""
    return abs(math.log(max(size_wh) / min(size_wh)) - math.log(math.sqrt(2)))


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
    # Of files on disk such a place is a ValueError with these words, of bytes in memory an OverflowError.
    if isinstance(error, OverflowError) or "offset-sized integer" in str(error):
        return Failure(FailureKind.UNREADABLE, "damaged picture (a place that it names lies beyond every file)")
    if isinstance(error, OSError) and error.strerror:
        return Failure(FailureKind.UNREADABLE, f"cannot be read ({error.strerror})")
    cause = " ".join(str(error).split()) or type(error).__name__
    return Failure(FailureKind.UNREADABLE, f"damaged picture ({cause[:200]})")
