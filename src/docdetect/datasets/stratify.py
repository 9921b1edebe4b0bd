"""Dividing whole groups of pages so that every class keeps its share on each side, as well as the groups allow.

A greedy pass after K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the Stratification of Multi-Label Data", ECML PKDD 2011
(the rarest label first, each group to the side that still wants most of it), then moves and exchanges of groups as
long as they bring the shares nearer. All in whole numbers and ordered by hashes: the same on every platform.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from docdetect.datasets.split import TRAIN, PageKey, Split, SplitRow
from docdetect.files import sha256_text
from docdetect.types import IntArray

_UNIT = 10_000  # shares are counted in hundredths of a per cent
_MISSING = 4 * _UNIT  # a class that a side misses although there are groups enough, as a deviation
_MAX_ROUNDS = 200
_MAX_EXCHANGES = 4_000_000  # table cells; with more groups than this the greedy pass is near enough


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
    """(groups,) sides by iterative stratification; `labels` in the order in which equals are taken."""
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
    """Counts per side, their cost, and the moves and exchanges that lower it."""

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
        cost[..., 0] += np.where(counts[..., 0] == 0, (10 * _UNIT) ** 2, 0)  # no side without pages
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
