"""From the pictures of a dataset to samples: which document, page and family a picture is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from docdetect.documents.naming import page_stem
from docdetect.errors import InputError
from docdetect.files import nfc, read_text
from docdetect.metrics.samples import Sample
from docdetect.training.data import LabelledImage
from docdetect.training.predictions import PredictedImage

SPLIT_MANIFEST = "split.csv"
_COLUMNS = {"document", "page", "group"}


@dataclass(frozen=True)
class Origin:
    """Where a picture comes from.

    Attributes:
        document: name of the document, or of the picture in a dataset that docdetect did not make.
        page: from 1.
        family: what it must stay together with.
    """

    document: str
    page: int
    family: str


def read_origins(root: Path) -> dict[str, Origin]:
    """File stem -> origin, from the `split.csv` in a dataset's folder; empty where there is none.

    A page that is a group of its own (split by page) still belongs to its document's family.

    Raises:
        InputError: the file is not a split manifest.
    """
    file = root / SPLIT_MANIFEST
    if not file.is_file():
        return {}
    rows = csv.DictReader(io.StringIO(read_text(file), newline=""))
    if not set(rows.fieldnames or ()) >= _COLUMNS:
        raise InputError(f"{file}: not a split manifest: columns document, page and group are missing")
    origins = {}
    for row in rows:
        document, page, group = nfc(row["document"]), row["page"], nfc(row["group"])
        if not page.isdecimal() or int(page) < 1:
            raise InputError(f"{file}: line {rows.line_num}: {page!r} is no page number")
        family = document if group == f"{document}#{page}" else group
        origins[page_stem(document, int(page))] = Origin(document, int(page), family)
    return origins


def origin_of(image: LabelledImage, origins: Mapping[str, Origin]) -> Origin:
    """The picture's origin; a picture that the manifest does not know is a document and a family of its own."""
    return origins.get(nfc(image.path.stem), Origin(image.name, 1, image.name))


def samples_of(pages: Iterable[PredictedImage], origins: Mapping[str, Origin]) -> tuple[Sample, ...]:
    """Predicted pictures as samples, in their order."""
    samples = []
    for page in pages:
        origin = origin_of(page.image, origins)
        samples.append(Sample(origin.document, origin.page, origin.family, page.image.truth, page.found))
    return tuple(samples)
