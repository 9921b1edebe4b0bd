"""Pages that are in memory already, as a NumPy array or a Pillow image: documents of one page without a file."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from docdetect.documents.document import check_page_number, check_pixel_budget, document_error
from docdetect.documents.pixels import resized, upright_rgb
from docdetect.documents.sizes import AtDpi, RenderSize, fitted_wh, paper_of_picture
from docdetect.documents.sources import DocumentFile
from docdetect.errors import InputError
from docdetect.types import FailureKind, Note, Page, PageInfo, SizeWH

_REMEDY = "Give uint8 of shape (height, width, 3) in the order red, green, blue, or (height, width) for grey."


class ArrayDocument:
    """A picture in memory as a document of one page; see `docdetect.documents.document.Document`.

    The size of the page is the size of the picture: boxes are in the picture's own pixels.

    Args:
        file: names the document; nothing is read from its path.
        picture: a Pillow image (its EXIF rotation is applied, transparent places become white), or a NumPy array:
            uint8 (H, W, 3) RGB, (H, W, 4) RGBA, or (H, W) grey, or bool (H, W) with True for white.

    Raises:
        InputError: the array is of another shape or type.
        DocumentError: the image is damaged.
    """

    page_count = 1
    notes: tuple[Note, ...] = ()

    def __init__(self, file: DocumentFile, picture: Image.Image | NDArray[np.generic]) -> None:
        self._file = file
        if isinstance(picture, Image.Image):
            try:
                self._image = upright_rgb(picture)
            except Exception as error:  # damaged data reach unguarded code of the library
                cause = " ".join(str(error).split())[:200] or type(error).__name__
                raise document_error(file.path, FailureKind.UNREADABLE, f"damaged picture ({cause})") from error
        else:
            self._image = upright_rgb(_image_of(file.name, picture))
        if 0 in self._image.size:
            width, height = self._image.size
            raise InputError(f"{file.name}: the picture has {width} x {height} px, which is no page", _REMEDY)

    def page_info(self, number: int, size: RenderSize) -> PageInfo:
        check_page_number(self._file.path, number, self.page_count)
        return PageInfo(self._file.name, number, self._size_wh(size))

    def paper_in(self, number: int) -> tuple[float, float]:
        return paper_of_picture(self._image.size, None)

    def camera_tags(self, number: int) -> Mapping[int, object]:
        return {}

    def stored_long_px(self, number: int) -> int | None:
        return max(self._image.size)

    def render(self, number: int, size: RenderSize) -> Page:
        info = self.page_info(number, size)
        check_pixel_budget(self._file.path, number, info.size_wh)
        return Page(info, resized(self._image, info.size_wh))

    def close(self) -> None:
        """Does nothing: the picture belongs to the caller."""

    def __enter__(self) -> ArrayDocument:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _size_wh(self, size: RenderSize) -> SizeWH:
        return self._image.size if isinstance(size, AtDpi) else fitted_wh(self._image.size, size)


def _image_of(name: str, pixels: NDArray[np.generic]) -> Image.Image:
    """The array as a Pillow image of mode RGB, RGBA or L. Raises InputError for anything else."""
    array = np.asarray(pixels)
    if array.dtype == np.bool_ and array.ndim == 2:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or 0 in array.shape:
        raise InputError(f"{name}: the array is {array.dtype} of shape {array.shape}, which is no page", _REMEDY)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 3 and array.shape[2] not in (3, 4):
        raise InputError(f"{name}: the array has {array.shape[2]} channels, a page has 1, 3 or 4", _REMEDY)
    return Image.fromarray(np.ascontiguousarray(array))
