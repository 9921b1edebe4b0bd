"""Splits: which pages are in training, validation and test, and the manifest (`split.csv`) that says so.

Whole groups of pages are divided; a group is a document, a page, or any other name that the caller gives to a page.
`choose_split` divides at random; `stratified_split` and `stratified_folds` also give every class its share on each
side, as well as the groups allow: a greedy pass after K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the Stratification
of Multi-Label Data", ECML PKDD 2011 (the rarest label first, each group to the side that still wants most of it), then
moves and exchanges of groups as long as these bring the shares nearer. Groups are ordered by hashes of seed and name
and counted in whole numbers, so that a split is the same on every platform.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from docdetect.errors import InputError, problem_list
from docdetect.files import nfc, sha256_text
from docdetect.tables import csv_text, table_from_csv
from docdetect.types import IntArray

TRAIN, TEST = "train", "test"

SPLIT_NAMES = (TRAIN, "val", TEST)

SPLIT_CSV = "split.csv"

_COLUMNS = ("document", "page", "split", "group")


@dataclass(frozen=True, order=True)
class PageKey:
    """One page: document name (NFC) and page number from 1."""

    document: str
    page: int

    def __str__(self) -> str:
        return f"{self.document}, page {self.page}"


@dataclass(frozen=True)
class SplitRow:
    """One line of the manifest: a page, the split it is in, and the group it must stay with."""

    key: PageKey
    split: str
    group: str


@dataclass(frozen=True)
class Split:
    """The division of a dataset, in page order.

    It is checked when it is made: no page stands twice, and no group is in two splits.
    """

    rows: tuple[SplitRow, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(sorted(self.rows, key=lambda row: row.key)))
        problems = _conflicts(self.rows)
        if problems:
            raise ValueError(problem_list("not a split", problems))

    def sides(self) -> dict[PageKey, str]:
        """Page -> split name."""
        return {row.key: row.split for row in self.rows}

    def names(self) -> tuple[str, ...]:
        """The splits that have pages, in the order train, val, test."""
        used = {row.split for row in self.rows}
        return tuple(name for name in SPLIT_NAMES if name in used)

    def only_in(self, name: str) -> list[PageKey]:
        """The pages of the split `name`, in page order."""
        return [row.key for row in self.rows if row.split == name]

    def only(self, keys: Iterable[PageKey]) -> Split:
        """The part of the split that concerns `keys`."""
        wanted = set(keys)
        return Split(tuple(row for row in self.rows if row.key in wanted))


def page_groups(keys: Iterable[PageKey], by: str) -> dict[PageKey, str]:
    """Page -> group: the document's name for `by` "document", a name of its own for "page"."""
    return {key: key.document if by == "document" else f"{key.document}#{key.page}" for key in keys}


def choose_split(groups: Mapping[PageKey, str], shares: Mapping[str, float], seed: int) -> Split:
    """Divides whole groups of pages at random.

    Groups are ordered by the SHA-256 of seed and name: the same on every platform and Python, and a new document
    moves no other one to a distant place. Each split takes groups from the front while that brings its number of
    pages nearer to its share; it gets at least one group as long as one is left for training.

    Args:
        groups: page -> group.
        shares: split name other than train -> share of the pages, in (0, 1); the rest is for training.
        seed: of the order.
    """
    sizes: dict[str, int] = {}
    for group in groups.values():
        sizes[group] = sizes.get(group, 0) + 1
    left = sorted(sizes, key=lambda group: (sha256_text(f"{seed}\n{group}"), group))
    side_of: dict[str, str] = {}
    for position, (name, share) in enumerate(shares.items()):
        reserved = len(shares) - position  # one for training, one for each split still to come
        most = max(len(left) - reserved, min(1, len(left) - 1))
        side_of.update(dict.fromkeys(_nearest(left, sizes, share * len(groups), most), name))
        left = [group for group in left if group not in side_of]
    return Split(tuple(SplitRow(key, side_of.get(group, TRAIN), group) for key, group in groups.items()))


def split_to_csv(split: Split) -> str:
    """The text of the manifest: a header and one line for each page, columns document, page, split, group."""
    rows = ((row.key.document, row.key.page, row.split, row.group) for row in split.rows)
    return csv_text(rows, _COLUMNS)


def split_from_csv(text: str, origin: str) -> Split:
    """The split that a manifest's text holds.

    Raises:
        InputError: other columns, page numbers or split names that are none, a page twice, a group in two splits;
            every problem is listed, `origin` in front.
    """
    remedy = "docdetect split writes one."
    try:
        table = table_from_csv(text, origin, _COLUMNS)
    except InputError as error:
        raise InputError(f"{origin}: not a split manifest: {error.message.partition(': ')[2]}", remedy) from error
    rows: list[SplitRow] = []
    problems: list[str] = []
    for line, cells in enumerate(table[list(_COLUMNS)].itertuples(index=False), start=2):
        row = _row(cells)
        if isinstance(row, SplitRow):
            rows.append(row)
        else:
            problems.append(f"line {line}: {row}")
    problems += _conflicts(rows)
    if problems:
        raise InputError(problem_list(f"{origin}: not a split manifest", problems), remedy)
    return Split(tuple(rows))


def apply_split(manifest: Split, keys: Iterable[PageKey], by: str, origin: str) -> Split:
    """The manifest, once it is known to speak of exactly these pages.

    Args:
        manifest: as read.
        keys: the pages of the dataset.
        by: "document" also demands that no document is in two splits, whatever the manifest's groups say.
        origin: names the manifest in the message.

    Raises:
        InputError: pages that the manifest misses, pages that do not exist, documents in two splits; all of them.
    """
    wanted, named = set(keys), {row.key for row in manifest.rows}
    problems = [f"{key}: not in the manifest" for key in sorted(wanted - named)]
    problems += [f"{key}: in the manifest, not among the pages" for key in sorted(named - wanted)]
    if by != "page":
        problems += _in_two_splits((row.key.document, row.split) for row in manifest.rows)
    if problems:
        raise InputError(
            problem_list(f"{origin}: does not fit the pages", problems),
            "Use the manifest with the documents and the settings (by, empty) it was made with, or make a new one.",
        )
    return manifest


def missing_classes(counts: Mapping[str, Mapping[str, int]], classes: Iterable[str]) -> list[str]:
    """A sentence for each class that one of the splits has no mark of; `counts` is split -> class -> marks."""
    return [
        f"no {name} in {split}: {'it cannot be learnt' if split == TRAIN else 'its figures there will say nothing'}"
        for split, marks in counts.items()
        for name in classes
        if not marks.get(name)
    ]


def _nearest(groups: list[str], sizes: Mapping[str, int], target_pages: float, most: int) -> list[str]:
    """Up to `most` groups, from the front, whose pages together come nearest to the target; at least one of them."""
    taken: list[str] = []
    pages = 0
    for group in groups:
        if len(taken) < most and abs(pages + sizes[group] - target_pages) < abs(pages - target_pages):
            taken.append(group)
            pages += sizes[group]
    if not taken and most > 0:
        taken = [min(groups, key=lambda group: sizes[group])]  # every group is too large: the least too large
    return taken


def _row(cells: tuple[str, str, str, str]) -> SplitRow | str:
    """One row of the manifest, or what is wrong with it."""
    document, page, split, group = cells
    if not document or not group:
        return "document and group must not be empty"
    if not (page.isascii() and page.isdecimal() and len(page) < 8 and int(page)):
        return f"page {page!r} is not a number from 1"
    if split not in SPLIT_NAMES:
        return f"split {split!r} is none of {', '.join(SPLIT_NAMES)}"
    return SplitRow(PageKey(nfc(document), int(page)), split, nfc(group))


def _conflicts(rows: Iterable[SplitRow]) -> list[str]:
    rows = list(rows)
    counts: dict[PageKey, int] = {}
    for row in rows:
        counts[row.key] = counts.get(row.key, 0) + 1
    problems = [f"{key}: stands {count} times" for key, count in sorted(counts.items()) if count > 1]
    return problems + _in_two_splits((row.group, row.split) for row in rows)


def _in_two_splits(pairs: Iterable[tuple[str, str]]) -> list[str]:
    splits: dict[str, set[str]] = {}
    for name, split in pairs:
        splits.setdefault(name, set()).add(split)
    return [f"{name}: in {' and '.join(sorted(found))}" for name, found in sorted(splits.items()) if len(found) > 1]


# Shares are whole numbers of this unit, which is a hundredth of a per cent.
_UNIT = 10_000
# Deviation that counts for a class that a side does not have although there are groups enough.
_MISSING = 4 * _UNIT
# Most rounds of moves and exchanges after the greedy pass.
_MAX_ROUNDS = 200
# Most cells of the table of exchanges; with more groups than this allows, the greedy pass is near enough.
_MAX_EXCHANGES = 4_000_000


def stratified_split(
    groups: Mapping[PageKey, str],
    class_counts: Mapping[PageKey, Sequence[int]],
    shares: Mapping[str, float],
    seed: int,
) -> Split:
    """Divides whole groups of pages, stratified by class.

    Args:
        groups: page -> group.
        class_counts: page -> marks of each class; pages that are not in it have none.
        shares: split name other than train -> share of the pages and of every class; the rest is for training.
        seed: of the order in which groups are taken.
    """
    names = (TRAIN, *shares)
    parts = (1 - sum(shares.values()), *shares.values())
    side_of = _sides(groups, class_counts, parts, seed)
    return Split(tuple(SplitRow(key, names[side_of[group]], group) for key, group in groups.items()))


def stratified_folds(
    groups: Mapping[PageKey, str], class_counts: Mapping[PageKey, Sequence[int]], folds: int, seed: int
) -> dict[PageKey, int]:
    """Page -> fold, 0 <= fold < `folds`, whole groups together, stratified by class; see `stratified_split`.

    Raises:
        ValueError: there are fewer groups than folds, or fewer than two folds.
    """
    count = len(set(groups.values()))
    if not 2 <= folds <= count:
        raise ValueError(f"cannot make {folds} folds of {count} groups")
    side_of = _sides(groups, class_counts, (1 / folds,) * folds, seed)
    return {key: side_of[group] for key, group in sorted(groups.items())}


def _sides(
    groups: Mapping[PageKey, str],
    class_counts: Mapping[PageKey, Sequence[int]],
    parts: Sequence[float],
    seed: int,
) -> dict[str, int]:
    """Group -> position in `parts`."""
    names = sorted(set(groups.values()), key=lambda group: (sha256_text(f"{seed}\n{group}"), group))
    if not names:
        return {}
    labels = _group_labels(names, groups, class_counts)
    targets = np.array([round(part * _UNIT) for part in parts], np.int64)
    table = _Table(labels, targets, _greedy(labels, targets))
    table.improve()
    return dict(zip(names, table.sides.tolist(), strict=True))


def _group_labels(
    names: Sequence[str], groups: Mapping[PageKey, str], class_counts: Mapping[PageKey, Sequence[int]]
) -> IntArray:
    """(groups, labels) counts: pages, pages without marks, then marks of each class; labels without any left out."""
    position = {name: i for i, name in enumerate(names)}
    classes = max((len(counts) for counts in class_counts.values()), default=0)
    labels = np.zeros((len(names), 2 + classes), np.int64)
    for key, group in groups.items():
        counts = list(class_counts.get(key, ()))
        row = labels[position[group]]
        row[0] += 1
        row[1] += not any(counts)
        row[2 : 2 + len(counts)] += np.array(counts, np.int64)
    return np.asarray(labels[:, labels.sum(axis=0) > 0], np.int64)


def _greedy(labels: IntArray, targets: IntArray) -> IntArray:
    """(groups,) side of each group, by iterative stratification.

    Args:
        labels: (groups, labels) counts, the groups in the order in which equal ones are taken.
        targets: (sides,) share of each side in units of `_UNIT`.
    """
    wanted = targets[:, None] * labels.sum(axis=0)[None, :]  # in units of 1 / _UNIT marks
    sides = np.full(len(labels), -1, np.int64)
    while (open_rows := np.flatnonzero(sides < 0)).size:
        left = labels[open_rows].sum(axis=0)
        label = min((int(count), at) for at, count in enumerate(left.tolist()) if count)[1]
        row = int(open_rows[np.argmax(labels[open_rows, label])])
        need = wanted[:, label]
        best = max(range(len(targets)), key=lambda side: (int(need[side]), int(wanted[side, 0]), -side))
        sides[row] = best
        wanted[best] -= labels[row] * _UNIT
    return sides


class _Table:
    """The counts of each side, the cost of their deviations from the shares, and the moves that lower the cost."""

    def __init__(self, labels: IntArray, targets: IntArray, sides: IntArray) -> None:
        self.sides = sides
        self._labels = labels
        self._targets = targets
        self._totals = labels.sum(axis=0)
        self._common = (labels > 0).sum(axis=0) >= len(targets)  # labels of which every side can have some
        self._counts = np.stack([labels[sides == side].sum(axis=0) for side in range(len(targets))])

    def improve(self) -> None:
        for _ in range(_MAX_ROUNDS):
            if not (self._best_move() or self._best_exchange()):
                return

    def _cost(self, side: int, counts: IntArray) -> IntArray:
        """(..., labels) counts on one side -> (...) squared deviations from its share."""
        deviation = counts * _UNIT // self._totals - self._targets[side]
        missing = (counts == 0) & self._common
        cost = np.where(missing, _MISSING + deviation, deviation) ** 2
        cost[..., 0] += np.where(counts[..., 0] == 0, (10 * _UNIT) ** 2, 0)  # a side must have pages
        return np.asarray(cost.sum(axis=-1), np.int64)

    def _costs(self) -> list[int]:
        return [int(self._cost(side, self._counts[side])) for side in range(len(self._targets))]

    def _best_move(self) -> bool:
        now = self._costs()
        best = (0, -1, -1)
        for source in range(len(now)):
            rows = np.flatnonzero(self.sides == source)
            if not rows.size:
                continue
            without = self._cost(source, self._counts[source] - self._labels[rows])
            for target in range(len(now)):
                if target != source:
                    joined = self._cost(target, self._counts[target] + self._labels[rows])
                    gain = without + joined - now[source] - now[target]
                    at = int(np.argmin(gain))
                    best = min(best, (int(gain[at]), int(rows[at]), target))
        return self._apply(best[0], [(best[1], best[2])])

    def _best_exchange(self) -> bool:
        now = self._costs()
        best = (0, -1, -1)
        for one in range(len(now)):
            for other in range(one + 1, len(now)):
                rows, columns = np.flatnonzero(self.sides == one), np.flatnonzero(self.sides == other)
                if 0 < rows.size * columns.size * self._labels.shape[1] <= _MAX_EXCHANGES:
                    difference = self._labels[columns][None, :, :] - self._labels[rows][:, None, :]
                    gain = self._cost(one, self._counts[one] + difference)
                    gain = gain + self._cost(other, self._counts[other] - difference) - now[one] - now[other]
                    row, column = np.unravel_index(int(np.argmin(gain)), gain.shape)
                    best = min(best, (int(gain[row, column]), int(rows[row]), int(columns[column])))
        _, first, second = best
        return self._apply(best[0], [(first, int(self.sides[second])), (second, int(self.sides[first]))])

    def _apply(self, gain: int, moves: Iterable[tuple[int, int]]) -> bool:
        """Carries out moves (row, side) that lower the cost by `-gain`; False when they do not."""
        if gain >= 0:
            return False
        for row, side in list(moves):
            self._counts[self.sides[row]] -= self._labels[row]
            self._counts[side] += self._labels[row]
            self.sides[row] = side
        return True
