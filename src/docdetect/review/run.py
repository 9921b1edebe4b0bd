"""A run that is reviewed: its pages with what the network found and what people said, and the changes that they make.

`ReviewedRun` is what the review page works on. It reads the journal of a result folder, which may still grow, and the
log of reviews beside it, and answers from indexes in memory: a page is read from the disk when it is looked at.
"""

from __future__ import annotations

import bisect
import math
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

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
from docdetect.review.wall import CropOrder, NetworkMarks, Place, RevisedMarks, Wall, WallMark

# Lists of pages that are kept for readers who ask for one part after the other.
_KEPT_LISTS = 8


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
        self._wall = Wall(lambda: self._network_marks(possible_marks=False), self._revised_marks)
        self._possible_wall = Wall(lambda: self._network_marks(possible_marks=True), self._revised_possible)
        # Filter -> the version of the run for which the keys of the pages that pass it were listed, and the keys.
        self._listed: OrderedDict[PageFilter, tuple[int, list[Key]]] = OrderedDict()

    def refresh(self) -> None:
        """Takes in what the run and other reviewers have written since the last call. Raises InputError."""
        with self._lock:
            self._index.refresh()
            self._log.refresh()
            self._queue.refresh()

    @property
    def version(self) -> int:
        """Grows whenever something of the run, its reviews or its queue was read."""
        return self._index.version + self._log.version + self._queue.version

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
        with self._lock:
            return [self._facts(*key) for key in self._keys(wanted or PageFilter())]

    def section(self, wanted: PageFilter, place: PagePlace) -> PageSection:
        """Some of the pages that are wanted; see `pages`. Raises UnknownPageError for a place that is none."""
        with self._lock:
            found = self._keys(wanted)
            ranks = {key: rank for rank, key in enumerate(self._queue.reasons)} if wanted.queue else {}

            def order(key: Key) -> tuple[int, str, int]:
                return ranks.get(key, len(ranks)) if wanted.queue else 0, *key

            def position(page: str, *, behind: bool) -> int:
                bisected = bisect.bisect_right if behind else bisect.bisect_left
                return bisected(found, order(self._found(page)), key=order)

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
            return PageSection([self._facts(*key) for key in found[start:end]], start, len(found))

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

    def content_of(self, wanted_id: str) -> str:
        """Content hash of the document that a page belongs to. Raises UnknownPageError."""
        with self._lock:
            document, _ = self._found(wanted_id)
            return self._index.documents[document].sha256

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
            return [self._view(*review.key) for review in reviews]

    def wall(
        self,
        category: str,
        order: CropOrder,
        reviewed: bool | None,
        after: Place | None,
        limit: int,
        *,
        possible_marks: bool = False,
    ) -> tuple[list[tuple[PageView, ReviewedBox, bool]], Place | None, int]:
        """The next marks of the wall of crops; see `Wall.section`.

        Args:
            category, order, reviewed, after, limit: see `Wall.section`.
            possible_marks: possible marks below the thresholds, on pages that nobody has reviewed, in place of marks.

        Returns:
            The page of each mark, its box, and whether a person has looked at it; the place of the last of them where
            there are more; the number of all such marks.
        """
        with self._lock:
            wall = self._possible_wall if possible_marks else self._wall
            versions = (self._index.version, self.version)
            marks, last, total = wall.section(versions, category, order, reviewed, after, limit)
            names = self._index.names()
            views: dict[Key, PageView] = {}
            shown = []
            for mark in marks:
                key = (names[mark.document], mark.page)
                if key not in views:
                    views[key] = self._view(*key)
                among = views[key].possible_marks if possible_marks else views[key].boxes
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
                kept, review_state = decided_boxes(view, set(accepted.get(one, ())), set(rejected.get(one, ())))
                changes.append(Change(one, revisions[one], kept, review_state, by))
            return self.revise(changes)

    def annotations(self) -> ReviewedAnnotations:
        """What people said, as ground truth; pages of contents that have changed since are left out."""
        with self._lock:
            reviews = (self._current_review(*key) for key in sorted(self._log.pages()))
            return annotations_of([one for one in reviews if one is not None], self._log.damaged_lines)

    def void_reviews(self) -> list[Key]:
        """Pages with a review that does not hold any more: the run lacks the page, or has seen another content."""
        with self._lock:
            return [key for key in sorted(self._log.pages()) if self._current_review(*key) is None]

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

    def _keys(self, wanted: PageFilter) -> list[Key]:
        """The pages that are wanted, in their order; lists that were asked for lately are kept while they hold."""
        # What people say changes nothing in the list of all pages.
        version = self._index.version if wanted == PageFilter() else self.version
        kept = self._listed.pop(wanted, None)
        if kept is None or kept[0] != version:
            kept = version, [key for key in self._candidates(wanted) if self._is_wanted(key, wanted)]
        self._listed[wanted] = kept
        while len(self._listed) > _KEPT_LISTS:
            self._listed.popitem(last=False)
        return kept[1]

    def _candidates(self, wanted: PageFilter) -> Iterator[Key]:
        if wanted.queue:
            for key in self._queue.reasons:
                if self._index.page(*key) is not None and wanted.document in ("", key[0]):
                    yield key
            return
        names = [wanted.document] if wanted.document else self._index.names()
        for name in names:
            found = self._index.documents.get(name)
            for number in sorted(found.pages) if found is not None else ():
                yield name, number

    def _is_wanted(self, key: Key, wanted: PageFilter) -> bool:
        document, number = key
        if wanted.failed is not None:
            page = self._index.documents[document].pages[number]
            if wanted.failed != (page.size_wh is None):
                return False
        if wanted.unreviewed is not None:
            logged = self._logged(document, number)
            if wanted.unreviewed == (logged is not None and logged.review_state in REVIEWED):
                return False
        if wanted.lacks and wanted.lacks not in self._document(document).lacks:
            return False
        if not wanted.category and wanted.min_confidence is None:
            return True
        least = wanted.min_confidence or 0.0
        return any(
            score >= least and wanted.category in ("", category) for category, score in self._marks(document, number)
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

    def _network_marks(self, *, possible_marks: bool) -> NetworkMarks:
        """All marks of the network, or all its possible marks."""
        documents: list[int] = []
        pages: list[int] = []
        numbers: list[int] = []
        categories: list[bytes] = []
        scores = array("f")
        for position, name in enumerate(self._index.names()):
            for number, page in sorted(self._index.documents[name].pages.items()):
                found = page.possible_categories if possible_marks else page.categories
                documents += [position] * len(found)
                pages += [number] * len(found)
                numbers += range(len(found))
                categories.append(found)
                scores += page.possible_scores if possible_marks else page.scores
        return NetworkMarks(
            "g" if possible_marks else "n",
            np.array(documents, np.int64),
            np.array(pages, np.int64),
            np.array(numbers, np.int64),
            np.frombuffer(b"".join(categories), np.uint8),
            np.array(scores, np.float32),
            self._index.class_names,
        )

    def _revised(self) -> Iterator[tuple[int, int, str, LoggedReview]]:
        """The pages of the run with a review that holds: position and number, name of the document, the review."""
        positions = {name: position for position, name in enumerate(self._index.names())}
        for document, number in self._log.pages():
            logged = None
            if self._index.page(document, number) is not None:
                logged = self._logged(document, number)
            if logged is not None:
                yield positions[document], number, document, logged

    def _revised_marks(self) -> RevisedMarks:
        pages, found = [], []
        for position, number, _, logged in self._revised():
            pages.append((position, number))
            done = logged.review_state in REVIEWED
            marks = zip(logged.ids, logged.categories, logged.scores, logged.decided, strict=True)
            for box, category, score, decided in marks:
                found.append(WallMark(position, number, box, category, score, done or bool(decided)))
        return RevisedMarks(pages, found)

    def _revised_possible(self) -> RevisedMarks:
        """Of pages that somebody is done with, no possible mark is left."""
        pages, found = [], []
        for position, number, document, logged in self._revised():
            pages.append((position, number))
            if logged.review_state in REVIEWED or not self._index.documents[document].pages[number].possible_categories:
                continue
            for mark in self._view(document, number).possible_marks:
                found.append(WallMark(position, number, mark.id, mark.category, mark.confidence or 0.0, False))
        return RevisedMarks(pages, found)

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
        reviewed = logged is not None and logged.review_state in REVIEWED
        return PageFacts(
            page_id(document, number),
            document,
            number,
            page.size_wh,
            page.reason,
            reviewed,
            self._revision(document, number),
            "unreviewed" if logged is None else logged.review_state,  # type: ignore[arg-type]
            counts,
            round(max(scores), 4) if scores else None,
            frozenset() if reviewed else frozenset(names[index] for index in page.possible_categories),
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
        counts = dict.fromkeys(self._index.class_names, 0)
        possible: set[str] = set()
        scores: list[float] = []
        reviewed, is_damaged = 0, False
        for number, page in document.pages.items():
            logged = self._logged(document.name, number)
            for category, _ in self._marks(document.name, number):
                counts[category] = counts.get(category, 0) + 1
            scores += page.scores if logged is None else logged.scores
            if logged is not None and logged.review_state in REVIEWED:
                reviewed += 1
            else:
                possible.update(self._index.class_names[index] for index in page.possible_categories)
                is_damaged |= page.damaged
        good = [number for number, page in document.pages.items() if page.size_wh is not None]
        failed = [number for number, page in document.pages.items() if page.size_wh is None]
        status = "partial" if failed or document.reason or not document.ended else "ok"
        if not good:
            status = "failed" if failed or document.reason else "partial"
        reason = document.reason or (document.pages[min(failed)].reason if failed else "")
        absent = tuple(category for category, count in counts.items() if not count)
        is_seen = status == "ok" and not document.leaves_doubt and not is_damaged
        highest = max((score for score in scores if not math.isnan(score)), default=None)
        first = min(good or failed, default=None)
        return DocumentFacts(
            document.name,
            status,
            reason,
            len(document.pages),
            reviewed,
            counts,
            None if highest is None else round(highest, 4),
            tuple(category for category in absent if is_seen and category not in possible),
            tuple(category for category in absent if category in possible),
            None if first is None else page_id(document.name, first),
        )

    def _view(self, document: str, number: int) -> PageView:
        facts = self._facts(document, number)
        indexed = self._index.documents[document]
        line, base = self._index.read(indexed.pages[number])
        found = () if facts.size_wh is None else network_boxes(line.data["marks"], "n")
        possible_marks = () if facts.size_wh is None else network_boxes(line.data.get("possible_marks", ()), "g")
        review = self._current_review(document, number)
        if review is None:
            return PageView(facts, found, possible_marks, found, "", "", indexed.sha256, base)
        same_base = review.base == base
        possible_marks = tuple(mark for mark in possible_marks if not is_among(mark, review.boxes, same_base=same_base))
        return PageView(facts, review.boxes, possible_marks, found, review.by, review.at, indexed.sha256, base)

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
        known = {box.id: box for box in (*view.boxes, *view.possible_marks)}
        where = f"{document}, page {number}"
        checked = checked_boxes(change.boxes, page.size_wh, self._index.class_names, where)
        boxes = tuple(with_text(box, known) for box in with_ids(checked, revision, where))
        at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        return Review(
            document, number, revision, change.review_state, boxes, page.size_wh, at, change.by, view.sha256, view.base
        )


def run_folder(path: Path) -> Path:
    """The folder, if it holds results of `infer`.

    Raises:
        InputError: it does not exist, or holds no results.
    """
    if not path.is_dir():
        what = "a file, not a result folder" if path.exists() else "no such folder"
        raise InputError(f"{path}: {what}", "Give the folder that docdetect infer wrote.")
    if not (path / JOURNAL_NAME).is_file() or not is_result_folder(path):
        raise InputError(
            f"{path}: no results of docdetect infer ({JOURNAL_NAME} is missing or is no journal)",
            "Give the folder that docdetect infer wrote, such as the one with index.html and detections.jsonl.",
        )
    return path
