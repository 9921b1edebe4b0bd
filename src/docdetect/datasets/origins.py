"""Which document, page and group a picture of a dataset comes from, as the dataset's `split.csv` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from docdetect.datasets.reader import LabelledImage
from docdetect.datasets.split import SPLIT_CSV
from docdetect.documents.page_names import page_stem
from docdetect.errors import InputError
from docdetect.files import nfc
from docdetect.tables import read_csv


@dataclass(frozen=True)
class Origin:
    """Where a picture comes from.

    Attributes:
        document: name of the document, or of the picture in a dataset that docdetect did not make.
        page: page number from 1.
        group: the group of near-duplicates that the page must stay together with.
    """

    document: str
    page: int
    group: str


def read_origins(root: Path) -> dict[str, Origin]:
    """File stem of a picture -> its origin, from the `split.csv` in a dataset's folder; empty where there is none.

    A page that is a group of its own (split by page) still belongs to its document's group.

    Raises:
        InputError: the file is not a split manifest.
    """
    file = root / SPLIT_CSV
    if not file.is_file():
        return {}
    table = read_csv(file, ("document", "page", "group"))
    origins = {}
    for line, (document, page, group) in enumerate(
        zip(*(table[name] for name in ("document", "page", "group")), strict=True), start=2
    ):
        name, group = nfc(document), nfc(group)
        if not page.isdecimal() or int(page) < 1:
            raise InputError(f"{file}: line {line}: {page!r} is no page number", "docdetect split writes a manifest.")
        group = name if group == f"{name}#{page}" else group
        origins[page_stem(name, int(page))] = Origin(name, int(page), group)
    return origins


def origin_of(image: LabelledImage, origins: Mapping[str, Origin]) -> Origin:
    """The picture's origin; a picture that the manifest does not know is a document and a group of its own."""
    return origins.get(nfc(image.path.stem), Origin(image.name, 1, image.name))
