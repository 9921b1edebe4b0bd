"""Photographs in the words of the original system: what kind of picture it is, and the picture with its perspective
corrected."""

from __future__ import annotations

import base64
import secrets
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, Literal

from docdetect.documents.photographs import PHOTO_THRESHOLD
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.service.compat_pages import as_ms
from docdetect.service.options import DetectOptions
from docdetect.service.pictures import FlatPicture, LookedAt, laid_flat, looked_at
from docdetect.service.problems import ProblemError
from docdetect.service.runner import Service, document_file
from docdetect.service.uploads import Upload
from docdetect.types import Failure

# Seconds that a picture may take to be looked at, and to be laid flat.
_LIMIT_S = 60.0

# Parts of names of those who make phones, of phones, and of programs that make documents, in lower case.
_PHONE_MAKERS = (
    "apple", "samsung", "google", "huawei", "xiaomi", "oneplus", "oppo", "vivo", "motorola", "nokia", "sony", "honor",
    "realme",
)  # fmt: skip
_PHONES = ("iphone", "ipad", "galaxy", "pixel", "sm-", "redmi", "poco", "oneplus", "reno", "moto ")
_DOCUMENT_PROGRAMS = ("photoshop", "illustrator", "gimp", "acrobat", "scan", "office", "word", "paint", "preview")

# Ratios of the sides of pictures that phones take, and how far from them a ratio may be.
_PHONE_RATIOS, _RATIO_SLACK = (4 / 3, 16 / 9, 3 / 2), 0.05

# A sheet has room around it below the first share of the picture, and fills it above the second.
_WITHIN_FRAC, _FILLS_FRAC = 0.92, 0.98

# Tilt in degrees from which on perspective is seen, the range of the paper's lightness above which light is uneven, and
# the variation of sharpness above which the focus varies, which is that of the original system.
_PERSPECTIVE_DEGREES, _UNEVEN_FRAC, _FOCUS_VARIES = 2.0, 0.3, 0.15


@dataclass(frozen=True)
class Kind:
    """What kind of document a file is.

    Attributes:
        json: CLASSIFICATION.
        picture: the picture; None for a PDF, and for a file that gives no picture.
    """

    json: dict[str, Any]
    picture: LookedAt | None = None

    @property
    def is_photo(self) -> bool:
        """Whether it is a photograph."""
        return self.picture is not None and self.picture.photo.is_photo


def kind_of(service: Service, file: DocumentFile) -> Kind:
    """Looks at a file, in an isolated process. A file that cannot be read counts as no photograph, with the error."""
    if file.kind is DocumentKind.PDF:
        return Kind({"classification": "digital_document", "confidence": 1.0, "reason": "pdf_format"})
    found = service.process.call(_LIMIT_S, looked_at, file, service.opener)
    if isinstance(found, Failure):
        return Kind(
            {
                "classification": "digital_document",
                "confidence": 0.0,
                "error": found.message,
                "recommendation": "use_as_is",
            }
        )
    return Kind(classification(found), found)


def classification(picture: LookedAt) -> dict[str, Any]:
    """CLASSIFICATION of a picture. Indicators that are not there are false, as in the original system."""
    photo = picture.photo
    return {
        "classification": "camera_photo" if photo.is_photo else "digital_document",
        "confidence": round(photo.score, 3),
        "scores": {
            "exif": round(photo.exif_score, 3),
            "visual": round(photo.visual_score, 3),
            "final": round(photo.score, 3),
        },
        "indicators": {"exif": _exif_indicators(picture), "visual": _visual_indicators(picture)},
        "recommendation": "apply_perspective_correction" if photo.is_photo else "use_as_is",
        "threshold": PHOTO_THRESHOLD,
    }


def _exif_indicators(picture: LookedAt) -> dict[str, Any]:
    facts = picture.facts
    if not facts["has_exif"]:
        return {"has_exif": False}
    make, model, software = (str(facts.get(name) or "").lower() for name in ("make", "model", "software"))
    longer, shorter = max(picture.size_wh), min(picture.size_wh)
    seen = {
        "is_phone_camera": any(name in make for name in _PHONE_MAKERS),
        "is_phone_model": any(name in model for name in _PHONES),
        "is_digital_software": any(name in software for name in _DOCUMENT_PROGRAMS),
        "phone_aspect_ratio": any(abs(longer / shorter - ratio) < _RATIO_SLACK for ratio in _PHONE_RATIOS),
    }
    return {name: value for name, value in (facts | seen).items() if value or name == "has_exif"}


def _visual_indicators(picture: LookedAt) -> dict[str, Any]:
    sheet, around = picture.photo.found, picture.photo.surroundings
    if sheet is None or around is None:
        return {"edges_touch_boundaries": True}
    has_room = bool((sheet.corners > 0).all() and (sheet.corners < 1).all())
    seen = {
        "document_within_frame": sheet.area_frac < _WITHIN_FRAC,
        "document_fills_frame": sheet.area_frac > _FILLS_FRAC,
        "edges_have_margin": has_room,
        "edges_touch_boundaries": not has_room,
        "perspective_distortion": sheet.tilt_degrees > _PERSPECTIVE_DEGREES,
        "visible_background": around.lightness is not None and around.lightness < around.paper_lightness,
        "has_focus_variation": around.focus_variation > _FOCUS_VARIES,
        "non_uniform_lighting": around.light_range > _UNEVEN_FRAC,
    }
    return {
        "document_contour": True,
        "contour_area_ratio": round(sheet.area_frac, 3),
        "blur_variance": round(around.focus_variation, 3),
        **{name: True for name, value in seen.items() if value},
    }


@dataclass(frozen=True)
class Scan:
    """What became of the correction of a picture's perspective.

    Attributes:
        json: the member `scan` of `processing`.
        reason: why it was tried or not, `scan_reason`.
        flat: the corrected picture; None where the file is used as it is.
    """

    json: dict[str, Any]
    reason: str
    flat: FlatPicture | None = None


def scanned(service: Service, file: DocumentFile, kind: Kind, *, force: bool, skip: bool) -> Scan:
    """Corrects the perspective of a photograph, or of any picture where that is forced.

    A picture in which no sheet of paper is seen is used as it is, and the answer says so.
    """
    as_it_is = {"applied": False, "reason": "not_camera_photo"}
    if file.kind is DocumentKind.PDF:
        if force:
            return Scan(_no_scan("a PDF is no photograph"), "force_scan_override")
        return Scan(as_it_is, "pdf_never_scanned")
    if force:
        reason = "force_scan_flag"
    elif skip:
        reason = "skip_scan_flag"
    else:
        reason = f"classifier_decision_{kind.json['classification']}"
    if not force and (skip or not kind.is_photo):
        return Scan(as_it_is, reason)
    sheet = None if kind.picture is None else kind.picture.photo.sheet_to_flatten(always=force)
    if sheet is None:
        return Scan(_no_scan("no sheet of paper with four visible edges"), reason)
    flat = service.process.call(_LIMIT_S, laid_flat, file, sheet, service.opener)
    if isinstance(flat, Failure):
        return Scan(_no_scan(flat.message), reason)
    corners = [list(corner) for corner in flat.corners]
    return Scan({"applied": True, "corners_detected": corners, "scan_success": True}, reason, flat)


def _no_scan(error: str) -> dict[str, Any]:
    return {"applied": False, "error": error, "scan_success": False, "fallback_to_original": True}


def flat_or_whole(service: Service, file: DocumentFile, name: str) -> FlatPicture:
    """The sheet in a picture laid flat, the whole picture where none is seen. Raises ProblemError."""
    if file.kind is DocumentKind.PDF:
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no-picture", f"{name}: only pictures can be scanned")
    found = service.process.call(_LIMIT_S, looked_at, file, service.opener)
    flat: FlatPicture | Failure = found if isinstance(found, Failure) else _flat(service, file, found)
    if isinstance(flat, Failure):
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "document-unreadable", f"{name}: {flat.message}")
    return flat


def _flat(service: Service, file: DocumentFile, picture: LookedAt) -> FlatPicture | Failure:
    return service.process.call(_LIMIT_S, laid_flat, file, picture.photo.found, service.opener)


def jpeg_url(data: bytes) -> str:
    """A JPEG as a data URL."""
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


@dataclass(frozen=True)
class ScanFlags:
    """What a request says about the correction of perspective: forced, or left out."""

    force: bool
    skip: bool

    @property
    def dewarp(self) -> Literal["off", "auto", "all"]:
        """The same as the option of a request whose marks are those of the picture as it was sent."""
        return "all" if self.force else "off" if self.skip else "auto"


@dataclass(frozen=True)
class Prepared:
    """A document that is ready for the network.

    Attributes:
        json: `processing`.
        name: of the file that the network sees: the document, or its corrected picture.
        kind: of the document.
        transformed: the corrected picture as a data URL; None where there is none.
    """

    json: dict[str, Any]
    name: str
    kind: DocumentKind
    transformed: str | None = None

    @property
    def more(self) -> dict[str, Any]:
        """The members that the answer has beside the marks."""
        return {} if self.transformed is None else {"transformed_image": self.transformed}


def prepared(service: Service, upload: Upload[DetectOptions], index: int, flags: ScanFlags) -> Prepared:
    """Looks at a document, and corrects its perspective where it is a photograph or that is forced."""
    started_s = time.monotonic()
    document = upload.documents[index]
    file = document_file(upload.folder, document.name)
    kind = kind_of(service, file)
    scan = scanned(service, file, kind, force=flags.force, skip=flags.skip)
    processing = {
        "filename": upload.sent_names[index],
        "file_size_bytes": document.size_bytes,
        "format": PurePosixPath(document.name).suffix.lower(),
        "classification": kind.json,
        "scan_reason": scan.reason,
        "scan": scan.json,
        "preprocessing_time_ms": as_ms(time.monotonic() - started_s),
    }
    if scan.flat is None:
        return Prepared(processing, document.name, file.kind)
    name = f"{secrets.token_hex(16)}.jpg"
    (upload.folder / name).write_bytes(scan.flat.jpeg)
    return Prepared(processing, name, file.kind, jpeg_url(scan.flat.jpeg))
