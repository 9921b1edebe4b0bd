"""A run that is reviewed: its pages with what the network found and what people said, and the changes that they make.

`ReviewedRun` is what the review page works on. It reads the journal of a result folder, which may still grow, and the
log of reviews beside it, and answers from indexes in memory: a page is read from the disk when it is looked at.
"""

from __future__ import annotations

import bisect
import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from docdetect.annotations.reviews import REVIEWED, Review, ReviewedAnnotations, ReviewedBox, annotations_of
from docdetect.errors import InputError
from docdetect.inference.folder import is_result_folder
from docdetect.inference.journal import JOURNAL_NAME
from docdetect.review.boxes import (
    checked_boxes,
    decided_boxes,
    is_among,
    network_boxes,
    scaled,
    with_ids,
    with_text,
)
from docdetect.review.journal_index import IndexedDocument, JournalIndex, page_id
from docdetect.review.log import Key, LoggedReview, ReviewLog, RevisionError
from docdetect.review.pages import (
    BadBoxesError,
    Change,
    DocumentFacts,
    PageFacts,
    PageFilter,
    PagePlace,
    PageSection,
    PageView,
    UnknownPageError,
)
from docdetect.review.queue import ReviewQueue
from docdetect.review.wall import CropOrder, Place, Wall, WallMark


class ReviewedRun:
    """A result folder of `infer` under review; safe to use from several threads.

    Args:
        folder: the result folder; the run may still go on.
        required: classes that every document should have.

    Attributes:
        required: see above.
    """

    def __init__(self, folder: Path, required: Sequence[str] = ()) -> None:
        self.folder = folder
        self.required = tuple(required)
        self._lock = threading.RLock()
        self._documents: dict[str, DocumentFacts] = {}
        self._index = JournalIndex(folder, self._forget)
        self._log = ReviewLog(folder, lambda key: self._forget(key[0]))
        self._queue = ReviewQueue(folder)
        self._wall = Wall(self._wall_marks)
        self._ghost_wall = Wall(self._wall_ghosts)
        self.version = 0

    def refresh(self) -> None:
        """Takes in what the run and other reviewers have written since the last call. Raises InputError."""
        with self._lock:
            changed = self._index.refresh()
            changed |= self._log.refresh()
            changed |= self._queue.refresh()
            self.version += changed

    @property
    def categories(self) -> tuple[str, ...]:
        """What the run looks for."""
        return self._index.class_names

    @property
    def thresholds(self) -> dict[str, float]:
        """Category -> lowest score of a mark."""
        return self._index.thresholds

    @property
    def has_queue(self) -> bool:
        """Whether there is an order in which pages should be looked at."""
        return bool(self._queue.reasons)

    @property
    def queue_problem(self) -> str:
        """Why the order in which pages should be looked at cannot be used; "" where it can, or there is none."""
        return self._queue.problem

    def log_text(self) -> bytes:
        """The whole revisions of the log; empty where nobody has reviewed a page. Raises InputError."""
        return self._log.content()

    def documents(self) -> list[DocumentFacts]:
        """All documents that the run has reached, sorted by name."""
        with self._lock:
            return [self._document(name) for name in self._index.names()]

    def pages(self, wanted: PageFilter | None = None) -> list[PageFacts]:
        """The pages that are wanted, in the order of documents and pages, or of the queue."""
        wanted = wanted or PageFilter()
        with self._lock:
            return [facts for facts in self._candidates(wanted) if self._is_wanted(facts, wanted)]

    def section(self, wanted: PageFilter, place: PagePlace) -> PageSection:
        """Some of the pages that are wanted; see `pages`. Raises UnknownPageError for a place that is none."""
        with self._lock:
            ranks = {key: rank for rank, key in enumerate(self._queue.reasons)} if wanted.queue else {}
            found = self.pages(wanted)

            def order(document: str, number: int) -> tuple[int, str, int]:
                return ranks.get((document, number), len(ranks)) if wanted.queue else 0, document, number

            def position(page: str, *, behind: bool) -> int:
                bisected = bisect.bisect_right if behind else bisect.bisect_left
                return bisected(found, order(*self._found(page)), key=lambda one: order(one.document, one.number))

            start, end = 0, place.limit
            if place.after:
                start = position(place.after, behind=True)
                end = start + place.limit
            elif place.before:
                end = position(place.before, behind=False)
                start = max(0, end - place.limit)
            elif place.around:
                start = max(0, position(place.around, behind=False) - place.limit // 2)
                end = start + place.limit
            return PageSection(found[start:end], start, len(found))

    def page(self, wanted_id: str) -> PageView:
        """A page with its boxes. Raises UnknownPageError, InputError."""
        with self._lock:
            document, number = self._found(wanted_id)
            return self._view(document, number)

    def facts(self, wanted_id: str) -> PageFacts:
        """A page without its boxes. Raises UnknownPageError."""
        with self._lock:
            return self._facts(*self._found(wanted_id))

    def facts_of(self, keys: Iterable[Key]) -> list[PageFacts]:
        """Pages by document and number; those that the run does not have any more are left out."""
        with self._lock:
            return [self._facts(*key) for key in keys if self._index.page(*key) is not None]

    def content_of(self, wanted_id: str) -> tuple[str, int, str]:
        """Document, page number and content hash of the document. Raises UnknownPageError."""
        with self._lock:
            document, number = self._found(wanted_id)
            return document, number, self._index.documents[document].sha256

    def revise(self, changes: Sequence[Change]) -> list[PageView]:
        """Keeps what people make of pages, all of it or nothing, and gives the pages as they then are.

        Raises:
            UnknownPageError: there is no such page.
            BadBoxesError: a box lies outside the page or is none, a category is unknown, or the page has no result.
            RevisionError: somebody else has revised a page meanwhile.
            OutputError: the log cannot be written.
        """
        with self._lock:
            self.refresh()
            reviews = [self._review(change) for change in changes]
            self._log.append(reviews)
            self.version += 1
            return [self._view(*review.key) for review in reviews]

    def wall(
        self,
        category: str,
        order: CropOrder,
        reviewed: bool | None,
        after: Place | None,
        limit: int,
        *,
        ghosts: bool = False,
    ) -> tuple[list[tuple[PageView, ReviewedBox, bool]], Place | None, int]:
        """The next marks of the wall of crops; see `Wall.section`.

        Args:
            category, order, reviewed, after, limit: see `Wall.section`.
            ghosts: possible marks below the thresholds, on pages that nobody has reviewed, in place of marks.

        Returns:
            The page of each mark, its box, and whether a person has looked at it; the place of the last of them where
            there are more; the number of all such marks.
        """
        with self._lock:
            wall = self._ghost_wall if ghosts else self._wall
            marks, last, total = wall.section(self.version, category, order, reviewed, after, limit)
            names = self._index.names()
            views: dict[Key, PageView] = {}
            shown = []
            for mark in marks:
                key = (names[mark.document], mark.page)
                if key not in views:
                    views[key] = self._view(*key)
                among = views[key].ghosts if ghosts else views[key].boxes
                box = next((one for one in among if one.id == mark.id), None)
                if box is not None:
                    shown.append((views[key], box, mark.decided))
            return shown, last, total

    def decide(
        self,
        accepted: Mapping[str, Iterable[str]],
        rejected: Mapping[str, Iterable[str]],
        revisions: Mapping[str, int],
        by: str = "",
    ) -> list[PageView]:
        """Accepts and rejects single marks of pages, one revision for each page; gives the pages as they then are.

        An accepted mark counts as a person's. A page counts as reviewed once all its marks are decided and the network
        has no possible mark below its thresholds on it; a page that was reviewed before stays so.

        Args:
            accepted: id of a page -> ids of boxes.
            rejected: id of a page -> ids of boxes, which go.
            revisions: id of a page -> the revision that was looked at, for every page above.
            by: who decides.

        Raises:
            BadBoxesError: a page has no such box, a box is both accepted and rejected, or a revision is missing.
            UnknownPageError, RevisionError, OutputError: see `revise`.
        """
        with self._lock:
            self.refresh()
            pages = dict.fromkeys((*accepted, *rejected))
            views = {one: self.page(one) for one in pages}
            moved_on = {
                (view.facts.document, view.facts.number): view.facts.revision
                for one, view in views.items()
                if one in revisions and view.facts.revision != revisions[one]
            }
            if moved_on:
                raise RevisionError(moved_on)
            changes = []
            for one, view in views.items():
                if one not in revisions:
                    raise BadBoxesError(f"page {one}: no revision is given for the page", "Give the one you looked at.")
                kept, verdict = decided_boxes(view, set(accepted.get(one, ())), set(rejected.get(one, ())))
                changes.append(Change(one, revisions[one], kept, verdict, by))
            return self.revise(changes)

    def annotations(self) -> ReviewedAnnotations:
        """What people said, as ground truth; pages of contents that have changed since are left out."""
        with self._lock:
            reviews = (self._current_review(*key) for key in sorted(self._log.keys()))
            return annotations_of([one for one in reviews if one is not None], self._log.damaged_lines)

    def void_reviews(self) -> list[Key]:
        """Pages with a review that does not hold any more: the run lacks the page, or has seen another content."""
        with self._lock:
            return [key for key in sorted(self._log.keys()) if self._current_review(*key) is None]

    def untouched(self) -> list[Key]:
        """Pages with a result that nobody has revised."""
        with self._lock:
            return [
                (name, number)
                for name in self._index.names()
                for number, page in sorted(self._index.documents[name].pages.items())
                if page.size_wh is not None and self._logged(name, number) is None
            ]

    # ------------------------------------------------------------------------------------------------- inside

    def _forget(self, document: str) -> None:
        self._documents.pop(document, None)

    def _found(self, wanted_id: str) -> Key:
        found = self._index.find(wanted_id)
        if found is None:
            raise UnknownPageError(
                f"{self.folder}: the run has no page {wanted_id[:40]!r}", "It may have been done again."
            )
        return found

    def _logged(self, document: str, number: int) -> LoggedReview | None:
        """The last review of a page, unless it was made of another content of the document."""
        logged = self._log.latest((document, number))
        known = self._index.documents[document].sha256
        return None if logged is None or (logged.sha256 and logged.sha256 != known) else logged

    def _candidates(self, wanted: PageFilter) -> Iterator[PageFacts]:
        if wanted.queue:
            for document, number in self._queue.reasons:
                if self._index.page(document, number) is not None and wanted.document in ("", document):
                    yield self._facts(document, number)
            return
        names = [wanted.document] if wanted.document else self._index.names()
        for name in names:
            found = self._index.documents.get(name)
            for number in sorted(found.pages) if found is not None else ():
                yield self._facts(name, number)

    def _is_wanted(self, facts: PageFacts, wanted: PageFilter) -> bool:
        if wanted.failed is not None and wanted.failed != (facts.size_wh is None):
            return False
        if wanted.unreviewed is not None and wanted.unreviewed == facts.reviewed:
            return False
        if wanted.category and not facts.counts.get(wanted.category):
            return False
        if wanted.lacks and wanted.lacks not in self._document(facts.document).lacks:
            return False
        if wanted.min_confidence is None:
            return True
        return any(
            score >= wanted.min_confidence
            for category, score in self._marks(facts.document, facts.number)
            if wanted.category in ("", category)
        )

    def _marks(self, document: str, number: int) -> Iterator[tuple[str, float]]:
        """Category and confidence of the marks of a page; a mark that a person drew counts as 1."""
        logged = self._logged(document, number)
        if logged is not None:
            for category, score in zip(logged.categories, logged.scores, strict=True):
                yield category, 1.0 if math.isnan(score) else score
            return
        page = self._index.documents[document].pages[number]
        for index, score in zip(page.categories, page.scores, strict=True):
            yield self._index.class_names[index], score

    def _wall_marks(self) -> Iterator[WallMark]:
        names = self._index.class_names
        for position, document in enumerate(self._index.names()):
            for number, page in sorted(self._index.documents[document].pages.items()):
                logged = self._logged(document, number)
                if logged is None:
                    for at, (index, score) in enumerate(zip(page.categories, page.scores, strict=True)):
                        yield WallMark(position, number, f"n{at}", names[index], score, False)
                    continue
                done = logged.verdict in REVIEWED
                marks = zip(logged.ids, logged.categories, logged.scores, logged.decided, strict=True)
                for box, category, score, decided in marks:
                    yield WallMark(position, number, box, category, score, done or bool(decided))

    def _wall_ghosts(self) -> Iterator[WallMark]:
        names = self._index.class_names
        for position, document in enumerate(self._index.names()):
            for number, page in sorted(self._index.documents[document].pages.items()):
                logged = self._logged(document, number)
                if logged is None:
                    for at, (index, score) in enumerate(zip(page.doubtful, page.doubtful_scores, strict=True)):
                        yield WallMark(position, number, f"g{at}", names[index], score, False)
                elif page.doubtful and logged.verdict not in REVIEWED:
                    for ghost in self._view(document, number).ghosts:
                        yield WallMark(position, number, ghost.id, ghost.category, ghost.confidence or 0.0, False)

    def _facts(self, document: str, number: int) -> PageFacts:
        page = self._index.documents[document].pages[number]
        logged = self._logged(document, number)
        names = self._index.class_names
        counts = dict.fromkeys(names, 0)
        if logged is None:
            for index in page.categories:
                counts[names[index]] += 1
            scores = list(page.scores)
        else:
            for category in logged.categories:
                counts[category] = counts.get(category, 0) + 1
            scores = [score for score in logged.scores if not math.isnan(score)]
        reviewed = logged is not None and logged.verdict in REVIEWED
        return PageFacts(
            page_id(document, number),
            document,
            number,
            page.size_wh,
            page.reason,
            reviewed,
            self._revision(document, number),
            "unreviewed" if logged is None else logged.verdict,  # type: ignore[arg-type]
            counts,
            round(max(scores), 4) if scores else None,
            frozenset() if reviewed else frozenset(names[index] for index in page.doubtful),
            self._queue.reasons.get((document, number)),
        )

    def _revision(self, document: str, number: int) -> int:
        logged = self._log.latest((document, number))
        return 0 if logged is None else logged.revision

    def _document(self, name: str) -> DocumentFacts:
        known = self._documents.get(name)
        if known is None:
            known = self._documents[name] = self._counted(self._index.documents[name])
        return known

    def _counted(self, document: IndexedDocument) -> DocumentFacts:
        pages = [self._facts(document.name, number) for number in sorted(document.pages)]
        counts = dict.fromkeys(self._index.class_names, 0)
        for page in pages:
            for category, count in page.counts.items():
                counts[category] = counts.get(category, 0) + count
        failed = [page for page in pages if page.size_wh is None]
        good = len(pages) - len(failed)
        status = "partial" if failed or document.reason or not document.ended else "ok"
        if not good:
            status = "failed" if failed or document.reason else "partial"
        possible = frozenset().union(*(page.possible for page in pages))
        absent = tuple(category for category, count in counts.items() if not count)
        seen = status == "ok" and not document.leaves_doubt
        seen &= not any(
            page.damaged and not self._facts(document.name, number).reviewed for number, page in document.pages.items()
        )
        return DocumentFacts(
            document.name,
            status,
            document.reason or (failed[0].reason if failed else ""),
            len(pages),
            sum(page.reviewed for page in pages),
            counts,
            max((page.max_confidence for page in pages if page.max_confidence is not None), default=None),
            tuple(category for category in absent if seen and category not in possible),
            tuple(category for category in absent if category in possible),
            next((page.id for page in (*(one for one in pages if one.size_wh is not None), *pages)), None),
        )

    def _view(self, document: str, number: int) -> PageView:
        facts = self._facts(document, number)
        indexed = self._index.documents[document]
        line, base = self._index.read(indexed.pages[number])
        found = () if facts.size_wh is None else network_boxes(line.data["marks"], "n")
        ghosts = () if facts.size_wh is None else network_boxes(line.data.get("doubtful", ()), "g")
        review = self._current_review(document, number)
        if review is None:
            return PageView(facts, found, ghosts, found, "", "", indexed.sha256, base)
        ghosts = tuple(ghost for ghost in ghosts if not is_among(ghost, review.boxes, same_base=review.base == base))
        return PageView(facts, review.boxes, ghosts, found, review.by, review.at, indexed.sha256, base)

    def _current_review(self, document: str, number: int) -> Review | None:
        """The last review of a page in px of the page as the run has it now; None where none holds any more."""
        page = self._index.page(document, number)
        if page is None or page.size_wh is None or self._logged(document, number) is None:
            return None
        review = self._log.read((document, number))
        return None if review is None else scaled(review, page.size_wh)

    def _review(self, change: Change) -> Review:
        document, number = self._found(change.page_id)
        page = self._index.documents[document].pages[number]
        if page.size_wh is None:
            raise BadBoxesError(
                f"{document}, page {number}: has no result that could be corrected ({page.reason})",
                "Have a look at the document.",
            )
        view = self._view(document, number)
        revision = change.revision + 1
        known = {box.id: box for box in (*view.boxes, *view.ghosts)}
        where = f"{document}, page {number}"
        checked = checked_boxes(change.boxes, page.size_wh, self._index.class_names, where)
        boxes = tuple(with_text(box, known) for box in with_ids(checked, revision, where))
        at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        return Review(
            document, number, revision, change.verdict, boxes, page.size_wh, at, change.by, view.sha256, view.base
        )


def run_folder(path: Path) -> Path:
    """The folder, if it holds results of `infer`.

    Raises:
        InputError: it does not exist, or holds no results.
    """
    if not path.is_dir():
        what = "a file" if path.exists() else "no such folder"
        raise InputError(f"{path}: {what}, not a result folder", "Give the folder that docdetect infer wrote.")
    if not (path / JOURNAL_NAME).is_file() or not is_result_folder(path):
        raise InputError(
            f"{path}: no results of docdetect infer ({JOURNAL_NAME} is missing or is no journal)",
            "Give the folder that docdetect infer wrote, such as the one with index.html and detections.jsonl.",
        )
    return path
