"""PDF pages through PyMuPDF, which nothing else imports.

MuPDF is not thread-safe, and hostile files can make it crash or hang: batches go through `workers.py`.

PDF pages that are one JPEG and nothing else, as scanners write them, decoded without MuPDF.

MuPDF's decoder and its scaling take most of the time of such a page. Pillow and OpenCV decode with the same library to
the same pixels; OpenCV copies them less often.
What is not plainly such a page is left to MuPDF: other content, annotations, cropping, masks, colour spaces with a
profile, unusual decoding, damage.

The text layer of PDFs: what a scan lacks and an export from a word processor has.
"""

from __future__ import annotations

import io
import math
import mmap
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import pymupdf
from PIL import Image

from docdetect.documents.images import decoded_by_opencv, resized
from docdetect.documents.pdf_annotations import show_as_viewers_do
from docdetect.documents.pdf_unseen import unseen_content
from docdetect.documents.reader import (
    Document,
    check_page_number,
    check_pixel_budget,
    document_error,
    open_document,
    page_error,
)
from docdetect.documents.sizes import (
    DRAWN_DPI,
    MAX_PART_PX,
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
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import DocdetectError
from docdetect.types import ByteArray, Failure, FailureKind, Note, NoteKind, Page, PageInfo, SizeWH

_NUMBER = rb"([-+]?[0-9]*\.?[0-9]+)"

_ONLY_A_PICTURE = re.compile(rb"\s*q\s+" + rb"\s+".join([_NUMBER] * 6) + rb"\s+cm\s*/(\S+)\s+Do\s+Q\s*")

_MODES = {"DeviceRGB": "RGB", "DeviceGray": "L"}

_SLACK_FRAC = 0.002  # of the page: where the picture may end beside the edge

_PLAIN_KEYS = ("Decode", "DecodeParms", "Mask", "SMask", "OC")

_LARGEST_PX = 50_000_000

_TURNS = {0: 0, 90: 3, 180: 2, 270: 1}  # PDF turns clockwise, NumPy counterclockwise


def scanned_pixels(page: Any, size_wh: SizeWH) -> ByteArray | None:
    """The page at exactly `size_wh` px as displayed, uint8 (H, W, 3) RGB; None where MuPDF has to draw it.

    Args:
        page: of PyMuPDF.
        size_wh: px.

    Raises:
        Whatever PyMuPDF raises for a damaged page.
    """
    data = _only_jpeg(page)
    if data is None:
        return None
    raw, mode, stored_wh = data
    turns = _TURNS[page.rotation]
    target_wh = size_wh[::-1] if turns % 2 else size_wh
    try:
        with Image.open(io.BytesIO(raw), formats=("JPEG",)) as picture:
            if picture.mode != mode or picture.size != stored_wh:
                return None
            picture.draft(None, target_wh)
            pixels = decoded_by_opencv(raw, picture, target_wh) if picture.size == stored_wh else None
            if pixels is None:
                pixels = resized(picture, target_wh)
    except (cv2.error, OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError):
        return None  # MuPDF draws what there is of a damaged picture
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _only_jpeg(page: Any) -> tuple[bytes, str, SizeWH] | None:
    """The file of the only picture, its mode and its size in px, where the page is nothing else."""
    pdf, pictures = page.parent, page.get_images(full=True)
    if len(pictures) != 1 or page.first_annot is not None or page.first_widget is not None:
        return None
    xref, _, width, height, bits, space, _, name, packing, holder = pictures[0][:10]
    if holder or bits != 8 or space not in _MODES or packing != "DCTDecode" or width * height > _LARGEST_PX:
        return None
    if any(pdf.xref_get_key(xref, key)[0] != "null" for key in _PLAIN_KEYS):
        return None
    if any(pdf.xref_get_key(page.xref, key)[0] != "null" for key in ("Resources/ColorSpace", "Group")):
        return None
    if pdf.xref_get_key(page.xref, "Resources")[0] == "null":  # inherited: who knows what else is
        return None
    drawn = _ONLY_A_PICTURE.fullmatch(page.read_contents())
    if drawn is None or drawn[7] != name.encode():
        return None
    a, b, c, d, x, y = (float(value) for value in drawn.groups()[:6])
    media = page.mediabox
    edges = (x - media.x0, y - media.y0, x + a - media.x1, y + d - media.y1)
    slack = _SLACK_FRAC * min(media.width, media.height)
    if (b, c) != (0, 0) or page.cropbox != media or any(abs(edge) > slack for edge in edges):
        return None
    return pdf.xref_stream_raw(xref), _MODES[space], (width, height)


pymupdf.TOOLS.mupdf_display_errors(False)

pymupdf.TOOLS.mupdf_display_warnings(False)

pymupdf.set_messages(path=os.devnull)  # PyMuPDF would print on stdout, which belongs to --json

DAMAGED_PAGE = "a picture or drawing on the page is damaged or ends early, so that a part of the page may be missing"

_SIGNS_OF_DAMAGE = ("premature end", "zlib error", "jpeg error")  # in MuPDF's warnings

_CODE = re.compile(r"^code=\d+: ")

_SIZE_SLACK_PX = 0.02

"""MuPDF rounds a page's edge up when its float32 product exceeds the whole pixel by 0.001: aim a little below it."""


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

    def render(self, number: int, size: RenderSize) -> Page:
        with self._page(number) as page:
            info = self._info(page, number, size)
            check_pixel_budget(self._path, number, info.size_wh)
            pymupdf.TOOLS.reset_mupdf_warnings()
            pixels = _drawn(page, info.size_wh)
            if any(sign in pymupdf.TOOLS.mupdf_warnings() for sign in _SIGNS_OF_DAMAGE):
                self._damaged.add(number)  # MuPDF says so once, and keeps the decoded picture
        return Page(replace(info, damaged=DAMAGED_PAGE if number in self._damaged else None), pixels)

    def render_parts(
        self, number: int, parts: Sequence[BoxFrac], dpi: float | None, longest_px: int | None = None
    ) -> list[ByteArray]:
        """Parts of page `number` at `dpi` px/inch, None: as its scan was stored; see `parts.render_parts`."""
        with self._page(number) as page:
            self._info(page, number, LongSide(1))
            wanted = dpi or _closest_dpi(page)
            return [_drawn_part(page, part, wanted, longest_px) for part in parts]

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


def _drawn_part(page: Any, part: BoxFrac, dpi: float, longest_px: int | None) -> ByteArray:
    """A part of the page, uint8 (H, W, 3) RGB, at `dpi` px/inch or as near to it as its limits let it."""
    width_pt, height_pt = page.rect.width, page.rect.height
    clip = pymupdf.Rect(part[0] * width_pt, part[1] * height_pt, part[2] * width_pt, part[3] * height_pt)
    scale = min(dpi / POINTS_PER_INCH, math.sqrt(MAX_PART_PX / max(1.0, clip.width * clip.height)))
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


class TextDocument(PdfDocument):
    """A PDF that also gives its text."""

    def text(self, number: int) -> str:
        """The text layer of page `number` (from 1), in the order of the file. Raises DocumentError."""
        with self._page(number) as page:
            return str(page.get_text("text"))


def open_with_text(file: DocumentFile) -> Document:
    """As `open_document`, PDFs as `TextDocument`; for `WorkerSettings.opener`. Raises DocumentError."""
    return TextDocument(file) if file.kind is DocumentKind.PDF else open_document(file)


def page_text(document: Document, number: int) -> str:
    """The text layer of a page of a document from `open_with_text`; "" for images. Raises DocumentError."""
    return document.text(number) if isinstance(document, TextDocument) else ""
