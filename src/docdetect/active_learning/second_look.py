"""A second look at the pages of a shortlist: rendered once, small, for fingerprints, features and another opinion.

Only these pages are rendered, in isolated processes, and the network of the run sees them at a smaller size than the
run did. What it takes is therefore set by the number of pages that are wanted, and not by the size of the archive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docdetect.console import ProgressCallback, no_progress, say_nothing
from docdetect.datasets.groups import find_groups
from docdetect.datasets.page_fingerprints import INK_LONG_SIDE_PX, PageFingerprint, Spool, fingerprint
from docdetect.datasets.split import PageKey
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.document import Document
from docdetect.documents.reader import DocumentOpener
from docdetect.documents.sizes import AtDpi, LongSide
from docdetect.documents.sources import DocumentFile
from docdetect.errors import InputError
from docdetect.files import sha256_file
from docdetect.machine import available_cores
from docdetect.models.engines.features import FeatureNetwork, Looked, feature_network
from docdetect.types import ByteArray
from docdetect.workers.parts import WorkerSettings

IMGSZ = INK_LONG_SIDE_PX
"""px, the long side of the pages: enough for fingerprints, and 2.5 times fewer pixels than `infer` looks at."""


@dataclass(frozen=True)
class LookedAt:
    """What the second look gave.

    Attributes:
        looks: page -> features and detections, in px of a picture whose long side is `IMGSZ`.
        group_of: page -> name of its group of near-duplicates.
        unreadable: pages that cannot be looked at now, each with the reason.
    """

    looks: Mapping[PageKey, Looked]
    group_of: Mapping[PageKey, str]
    unreadable: Mapping[PageKey, str]


@dataclass(frozen=True)
class RunDocuments:
    """The documents of a run and how they are opened.

    Attributes:
        files: document -> where it lies.
        sha256: document -> content hash that the run has noted.
        opener: opens documents, with their passwords.
        limits: processes that render, and what a page may cost.
    """

    files: Mapping[str, DocumentFile]
    sha256: Mapping[str, str]
    opener: DocumentOpener
    limits: WorkerSettings


def look_again(
    pages: Sequence[PageKey],
    documents: RunDocuments,
    weights: Path,
    conf: float,
    *,
    on_progress: ProgressCallback = no_progress,
    announce: Callable[[str], None] = say_nothing,
) -> LookedAt:
    """Looks at some pages of a run. A document that is another one now than in the run is not looked at.

    Args:
        pages: which pages.
        documents: the documents of the run.
        weights: of the run.
        conf: lowest score of a detection, in [0, 1).
        on_progress: told about every page.
        announce: told when the weights have to be converted first.

    Raises:
        InputError: the weights cannot be used.
        MissingDependencyError: OpenVINO, or what loads a checkpoint that was never converted, is not installed.
    """
    network = FeatureNetwork(feature_network(weights, announce), imgsz=IMGSZ, threads=available_cores())
    wanted: dict[str, set[int]] = {}
    for key in pages:
        wanted.setdefault(key.document, set()).add(key.page)
    unreadable = {
        PageKey(name, number): reason
        for name in sorted(wanted)
        if (reason := _why_not(documents.files.get(name), documents.sha256.get(name, "")))
        for number in wanted[name]
    }
    sound = sorted(set(wanted) - {key.document for key in unreadable})
    files = [documents.files[name] for name in sound]
    work = _SmallPages({name: frozenset(wanted[name]) for name in sound})
    looks: dict[PageKey, Looked] = {}
    prints: list[PageFingerprint] = []
    spool = Spool()
    for outcome in iter_pages(files, work, documents.limits, opener=documents.opener):
        if not isinstance(outcome, PageOutcome) or outcome.number not in wanted[outcome.file.name]:
            continue
        key = PageKey(outcome.file.name, outcome.number)
        if outcome.value is None:
            unreadable[key] = "cannot be read" if outcome.failure is None else outcome.failure.message
            continue
        print_of_page, pixels = outcome.value
        looks[key] = network(pixels, conf)
        # Groups hold documents together. A page that is a document of its own is joined with near-duplicates only.
        prints.append(print_of_page.renamed(PageKey(_alone(key), 1)).spooled(spool))
        on_progress(len(looks) + len(unreadable), len(pages), f"looked at {key}")
    for key in pages:
        if key not in looks:
            unreadable.setdefault(key, "the document has no such page now")
    groups = find_groups(prints, on_progress=on_progress)
    named = {one.document: root for one, root in groups.group_of.items()}
    return LookedAt(looks, {key: named[_alone(key)] for key in looks}, unreadable)


def _why_not(file: DocumentFile | None, sha256: str) -> str:
    """Why a document cannot be looked at; "" where it can."""
    if file is None:
        return "the document is not where the run found it"
    try:
        return "" if sha256_file(file.path) == sha256 else "the document has changed since the run"
    except InputError as error:
        return error.message


def _alone(key: PageKey) -> str:
    return f"{key.document}#{key.page}"


@dataclass(frozen=True)
class _SmallPages:
    """The PageWork that renders the wanted pages small; pickled to every process."""

    wanted: Mapping[str, frozenset[int]]

    def __call__(self, document: Document, number: int) -> tuple[PageFingerprint, ByteArray] | None:
        name = document.page_info(number, AtDpi(72)).document
        if number not in self.wanted[name]:
            return None
        pixels = document.render(number, LongSide(IMGSZ)).pixels
        return fingerprint(PageKey(name, number), pixels), pixels
