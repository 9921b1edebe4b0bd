"""Pages of PDFs through PyMuPDF, which nothing outside this package imports.

MuPDF is not thread-safe, and hostile files can make it crash or hang: batches go through `documents/batches.py`.
"""

from __future__ import annotations

import math
import mmap
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pymupdf

from docdetect.documents.document import check_page_number, check_pixel_budget, document_error, page_error
from docdetect.documents.pdf_annotations import show_as_viewers_do
from docdetect.documents.pdf_scans import scan_size_wh, scanned_pixels
from docdetect.documents.pdf_unseen import unseen_content
from docdetect.documents.sizes import (
    DRAWN_DPI,
    MAX_REGION_PX,
    POINTS_PER_INCH,
    SCAN_DPI_RANGE,
    AtDpi,
    BoxFrac,
    LongSide,
    RenderSize,
    fitted_wh,
    paper_of_picture,
    scaled_wh,
)
from docdetect.documents.sources import DocumentFile
from docdetect.errors import DocdetectError
from docdetect.types import ByteArray, Failure, FailureKind, Note, NoteKind, Page, PageInfo, SizeWH

pymupdf.TOOLS.mupdf_display_errors(False)

pymupdf.TOOLS.mupdf_display_warnings(False)

# PyMuPDF would print messages on stdout, which belongs to the JSON of `--json`.
pymupdf.set_messages(path=os.devnull)

DAMAGED_PAGE = "a picture or drawing on the page is damaged or ends early, so that a part of the page may be missing"

# What MuPDF's warnings say when a picture or a content stream ends early or cannot be decompressed.
_SIGNS_OF_DAMAGE = ("premature end", "zlib error", "jpeg error")

# What MuPDF's messages begin with, and what tells people nothing.
_CODE = re.compile(r"^code=\d+: ")

# MuPDF rounds a page's edge up when its product in float32 exceeds the whole pixel by 0.001, so that pages are rendered
# by so many px smaller than they should become.
_SIZE_SLACK_PX = 0.02


class PdfDocument:
    """An open PDF; see `Document`. Annotations and form fields are drawn, as in a viewer.

    Args:
        file: the PDF.
        passwords: tried in order where it is encrypted; user's or owner's.
    """

    def __init__(self, file: DocumentFile, passwords: Sequence[str] = ()) -> None:
        self._path = file.path
        self._name = file.name
        self._pdf = self._opened(passwords)
        self._prepared: set[int] = set()
        self._damaged: set[int] = set()
        try:
            self._page_count = self._counted()
            self._unseen = unseen_content(self._pdf)
        except BaseException:
            self.close()
            raise

    @property
    def page_count(self) -> int:
        return self._page_count

    @property
    def notes(self) -> tuple[Note, ...]:
        notes = [Note(NoteKind.REPAIRED)] if self._pdf.is_repaired else []
        return (*notes, *self._unseen)

    @property
    def pdf(self) -> Any:
        """PyMuPDF's own object, for the files of `documents/`."""
        return self._pdf

    def page_info(self, number: int, size: RenderSize) -> PageInfo:
        with self._page(number) as page:
            return self._info(page, number, size)

    def paper_in(self, number: int) -> tuple[float, float]:
        with self._page(number) as page:
            size_pt = self._info(page, number, LongSide(1)).size_pt
            scan_dpi = _scan_dpi(page)
        assert size_pt is not None
        if scan_dpi is None:
            return size_pt[0] / POINTS_PER_INCH, size_pt[1] / POINTS_PER_INCH
        scale = scan_dpi / POINTS_PER_INCH
        return paper_of_picture((size_pt[0] * scale, size_pt[1] * scale), scan_dpi)

    def camera_tags(self, number: int) -> Mapping[int, object]:
        return {}

    def stored_long_px(self, number: int) -> int | None:
        with self._page(number) as page:
            stored_wh = scan_size_wh(page)
        return None if stored_wh is None else max(stored_wh)

    def render(self, number: int, size: RenderSize) -> Page:
        with self._page(number) as page:
            info = self._info(page, number, size)
            check_pixel_budget(self._path, number, info.size_wh)
            pymupdf.TOOLS.reset_mupdf_warnings()
            pixels = _drawn(page, info.size_wh)
            if any(sign in pymupdf.TOOLS.mupdf_warnings() for sign in _SIGNS_OF_DAMAGE):
                self._damaged.add(number)  # MuPDF says so once, and keeps the decoded picture
        return Page(replace(info, damaged=DAMAGED_PAGE if number in self._damaged else None), pixels)

    def render_regions(
        self, number: int, regions: Sequence[BoxFrac], dpi: float | None, longest_px: int | None = None
    ) -> list[ByteArray]:
        """Regions of page `number` at `dpi` px/inch, None: as its scan was stored; see `regions.render_regions`."""
        with self._page(number) as page:
            self._info(page, number, LongSide(1))
            wanted = dpi or _closest_dpi(page)
            return [_drawn_region(page, region, wanted, longest_px) for region in regions]

    def close(self) -> None:
        self._pdf.close()
        pymupdf.TOOLS.reset_mupdf_warnings()  # they pile up for the life of the process
        pymupdf.TOOLS.store_shrink(100)  # decoded images and fonts of this file

    def __enter__(self) -> PdfDocument:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self, passwords: Sequence[str]) -> Any:
        try:
            self._mapped = _mapped_if_needed(self._path)
            pymupdf.TOOLS.reset_mupdf_warnings()
            if self._mapped is None:
                pdf = pymupdf.open(self._path, filetype="pdf")
            else:
                pdf = pymupdf.open(stream=memoryview(self._mapped), filetype="pdf")
            is_pdf = bool(pdf.is_pdf)
            locked = is_pdf and pdf.needs_pass and not any(pdf.authenticate(password) for password in passwords)
        except _EmptyFileError:
            raise document_error(self._path, FailureKind.UNREADABLE, "the file is empty") from None
        except OSError as error:
            raise document_error(self._path, FailureKind.UNREADABLE, f"cannot be read ({error.strerror})") from error
        except Exception as error:  # hostile bytes reach unguarded code of the library
            failure = _open_failure(error)
            raise document_error(self._path, failure.kind, failure.message) from error
        if not is_pdf:
            pdf.close()
            raise document_error(self._path, FailureKind.UNREADABLE, "not a PDF inside")
        if locked:
            pdf.close()
            tried = "none of the passwords given opens it" if passwords else "needs a password"
            raise document_error(self._path, FailureKind.ENCRYPTED, tried)
        return pdf

    def _counted(self) -> int:
        try:
            # A page is an object, so a page tree that claims more pages than there are objects lies.
            count = min(int(self._pdf.page_count), int(self._pdf.xref_length()))
        except Exception as error:  # hostile bytes reach unguarded code of the library
            failure = pdf_failure(error)
            raise document_error(self._path, failure.kind, failure.message) from error
        if count < 1:
            raise document_error(self._path, FailureKind.EMPTY, "no pages")
        return count

    @contextmanager
    def _page(self, number: int) -> Iterator[Any]:
        check_page_number(self._path, number, self._page_count)
        try:
            if number not in self._prepared:
                show_as_viewers_do(self._pdf, number)
                self._prepared.add(number)
            yield self._pdf.load_page(number - 1)
        except DocdetectError:
            raise
        except Exception as error:  # hostile bytes reach unguarded code of the library
            failure = pdf_failure(error)
            raise page_error(self._path, number, failure.kind, failure.message) from error

    def _info(self, page: Any, number: int, size: RenderSize) -> PageInfo:
        size_pt = (float(page.rect.width), float(page.rect.height))
        if not all(math.isfinite(side) and side > 0 for side in size_pt):
            raise page_error(self._path, number, FailureKind.UNREADABLE, "the page has no area")
        if isinstance(size, AtDpi):
            size_wh = scaled_wh(size_pt, size.dpi / POINTS_PER_INCH)
            dpi = float(size.dpi)
        else:
            size_wh = fitted_wh(size_pt, size)
            dpi = max(size_wh) / max(size_pt) * POINTS_PER_INCH
        return PageInfo(self._name, number, size_wh, dpi, size_pt)


class _EmptyFileError(Exception):
    """The file has no bytes."""


def _mapped_if_needed(path: Path) -> mmap.mmap | None:
    """The file mapped into memory where MuPDF cannot open it by its name, None where it can.

    MuPDF takes names in UTF-8 only, and calls a file that it cannot open damaged. So the file is always opened here
    first, for the true reason; a name in another encoding, as old archives have, is then not needed again.

    Raises:
        OSError: the file cannot be opened.
        _EmptyFileError: the file has no bytes.
    """
    with path.open("rb") as stream:
        if not stream.read(1):
            raise _EmptyFileError
        if has_utf8_name(path):
            return None
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def has_utf8_name(path: Path) -> bool:
    """Whether the path can be given to a library that takes names in UTF-8."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _drawn(page: Any, size_wh: SizeWH) -> ByteArray:
    """The page as uint8 (H, W, 3) RGB: through MuPDF, unless it is a scan and nothing else."""
    scanned = scanned_pixels(page, size_wh)
    if scanned is not None:
        return scanned
    pixmap = page.get_pixmap(matrix=_matrix(page.rect, size_wh), alpha=False, annots=True)
    shape = (pixmap.height, pixmap.width, 3)
    pixels: ByteArray = (
        np.frombuffer(pixmap.samples_mv, np.uint8).reshape(shape).copy()
    )  # the pixmap dies with its page
    return pixels


def _drawn_region(page: Any, region: BoxFrac, dpi: float, longest_px: int | None) -> ByteArray:
    """A region of the page, uint8 (H, W, 3) RGB, at `dpi` px/inch or as near to it as its limits let it."""
    width_pt, height_pt = page.rect.width, page.rect.height
    clip = pymupdf.Rect(region[0] * width_pt, region[1] * height_pt, region[2] * width_pt, region[3] * height_pt)
    scale = min(dpi / POINTS_PER_INCH, math.sqrt(MAX_REGION_PX / max(1.0, clip.width * clip.height)))
    if longest_px is not None:
        scale = min(scale, longest_px / max(1.0, clip.width, clip.height))
    origin = pymupdf.Matrix(1, 0, 0, 1, -page.rect.x0, -page.rect.y0)
    pixmap = page.get_pixmap(matrix=origin * pymupdf.Matrix(scale, scale), clip=clip, alpha=False, annots=True)
    pixels: ByteArray = np.frombuffer(pixmap.samples_mv, np.uint8).reshape(pixmap.height, pixmap.width, 3).copy()
    return pixels


def _closest_dpi(page: Any) -> float:
    """px/inch at which a page that is a scan was stored, within reason; DRAWN_DPI for a page that is drawn."""
    dpi = _scan_dpi(page)
    return DRAWN_DPI if dpi is None else min(max(dpi, SCAN_DPI_RANGE[0]), SCAN_DPI_RANGE[1])


def _scan_dpi(page: Any) -> float | None:
    """px/inch at which a page that is a scan was stored; None for a page that is drawn."""
    best_pt2, best_dpi = 0.5 * page.rect.width * page.rect.height, None  # a scan fills most of its page
    for image in page.get_image_info():
        a, b, c, d, _, _ = image["transform"]
        sides_pt = math.hypot(a, b), math.hypot(c, d)
        if sides_pt[0] * sides_pt[1] > best_pt2:
            best_pt2 = sides_pt[0] * sides_pt[1]
            best_dpi = POINTS_PER_INCH * max(image["width"] / sides_pt[0], image["height"] / sides_pt[1])
    return best_dpi


def _matrix(rect: Any, size_wh: SizeWH) -> Any:
    """From the displayed page in points to exactly `size_wh` px."""
    scale_x, scale_y = ((px - _SIZE_SLACK_PX) / pt for px, pt in zip(size_wh, (rect.width, rect.height), strict=True))
    return pymupdf.Matrix(1, 0, 0, 1, -rect.x0, -rect.y0) * pymupdf.Matrix(scale_x, scale_y)


def _open_failure(error: Exception) -> Failure:
    """Why a file does not open: PyMuPDF's own message says only that, and with the path; MuPDF noted the cause."""
    noted = [line for line in pymupdf.TOOLS.mupdf_warnings().splitlines() if "error: " in line]
    cause = noted[0].partition("error: ")[2] if noted else "not a PDF inside"
    if "encrypt" in cause.lower():
        return Failure(FailureKind.ENCRYPTED, f"encrypted in a way that cannot be read ({cause})")
    return pdf_failure(error if _is_memory(error) else RuntimeError(cause))


def pdf_failure(error: Exception) -> Failure:
    """What an exception of MuPDF or PyMuPDF says about the document."""
    if _is_memory(error):
        return Failure(FailureKind.MEMORY, "not enough memory")
    cause = _CODE.sub("", " ".join(str(error).split())) or type(error).__name__
    return Failure(FailureKind.UNREADABLE, f"damaged PDF ({cause[:200]})")


def _is_memory(error: BaseException) -> bool:
    """Whether MuPDF or Python could not allocate."""
    texts = f"{error} {error.__cause__}"
    return isinstance(error, MemoryError) or "malloc" in texts or "calloc" in texts
