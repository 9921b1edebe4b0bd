"""Stratified division of groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docdetect.datasets.split import PageKey, Split, stratified_folds, stratified_split

Groups = dict[PageKey, str]
Counts = dict[PageKey, list[int]]


def singles(count: int, marks: list[list[int]]) -> tuple[Groups, Counts]:
    """`count` documents of one page, each its own group, the marks of `marks` in turn."""
    keys = [PageKey(f"{i:04}.pdf", 1) for i in range(count)]
    return {key: key.document for key in keys}, {key: marks[i % len(marks)] for i, key in enumerate(keys)}


def per_side(split: Split, counts: Counts) -> dict[str, tuple[int, list[int]]]:
    """Split -> pages and marks per class."""
    sides = split.sides()
    return {
        name: (
            sum(side == name for side in sides.values()),
            np.sum([counts.get(key, [0, 0, 0]) for key, side in sides.items() if side == name], axis=0).tolist(),
        )
        for name in split.names()
    }


def test_every_class_keeps_its_share() -> None:
    groups, counts = singles(200, [[1, 0, 0], [0, 2, 1], [0, 1, 0], [0, 0, 0], [0, 3, 1]])
    sides = per_side(stratified_split(groups, counts, {"val": 0.1, "test": 0.2}, 42), counts)
    assert sides["val"] == (20, [4, 24, 8])
    assert sides["test"] == (40, [8, 48, 16])


def test_a_rare_class_is_on_both_sides() -> None:
    groups, counts = singles(40, [[0, 1, 0]])
    for name in ("0003.pdf", "0017.pdf"):
        counts[PageKey(name, 1)] = [1, 1, 0]
    for seed in range(10):
        sides = per_side(stratified_split(groups, counts, {"val": 0.1}, seed), counts)
        assert sides["val"][1][0] == sides["train"][1][0] == 1
        assert 3 <= sides["val"][0] <= 5


def test_a_class_of_one_group_is_left_for_training() -> None:
    groups, counts = singles(10, [[0, 1, 0]])
    counts[PageKey("0004.pdf", 1)] = [24, 1, 0]
    for seed in range(5):
        sides = per_side(stratified_split(groups, counts, {"val": 0.1}, seed), counts)
        assert sides["train"][1][0] == 24
        assert sides["val"][0] == 1


def test_groups_stay_whole() -> None:
    keys = [PageKey(f"{i}.pdf", page) for i in range(30) for page in (1, 2, 3)]
    groups = {key: str(int(key.document[:-4]) // 3) for key in keys}
    split = stratified_split(groups, {key: [1, 0] for key in keys}, {"val": 0.2}, 1)
    assert {row.group for row in split.rows if row.split == "val"}.isdisjoint(
        {row.group for row in split.rows if row.split == "train"}
    )
    assert sum(row.split == "val" for row in split.rows) == 18


def test_the_same_seed_gives_the_same_split_in_any_order() -> None:
    groups, counts = singles(50, [[1, 0, 2], [0, 2, 1], [3, 1, 0]])
    backwards = dict(reversed(list(groups.items())))
    first = stratified_split(groups, counts, {"val": 0.2}, 42)
    assert stratified_split(backwards, counts, {"val": 0.2}, 42) == first
    assert stratified_split(groups, counts, {"val": 0.2}, 43) != first


def test_the_split_never_changes_with_versions_or_platforms() -> None:
    groups, counts = singles(12, [[1, 0, 2], [0, 2, 1], [3, 1, 0]])
    split = stratified_split(groups, counts, {"val": 0.25}, 42)
    assert [row.group for row in split.rows if row.split == "val"] == ["0004.pdf", "0006.pdf", "0011.pdf"]


def test_folds_share_pages_and_classes() -> None:
    groups, counts = singles(50, [[1, 0, 2], [0, 2, 1], [3, 1, 0], [0, 0, 0], [1, 1, 1]])
    folds = stratified_folds(groups, counts, 5, 42)
    for fold in range(5):
        keys = [key for key, side in folds.items() if side == fold]
        assert len(keys) == 10
        assert np.sum([counts[key] for key in keys], axis=0).tolist() == [10, 8, 8]


def test_more_folds_than_groups_are_refused() -> None:
    groups, counts = singles(3, [[1]])
    with pytest.raises(ValueError, match="4 folds of 3 groups"):
        stratified_folds(groups, counts, 4, 1)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.lists(st.integers(0, 4), min_size=3, max_size=3)), max_size=40),
    st.sampled_from([{"val": 0.1}, {"val": 0.2, "test": 0.1}, {"val": 0.5}]),
)
def test_no_page_is_lost_and_no_side_empty(pages: list[tuple[int, list[int]]], shares: dict[str, float]) -> None:
    keys = [PageKey(f"{group}.pdf", number) for number, (group, _) in enumerate(pages, start=1)]
    groups = {key: key.document for key in keys}
    counts = {key: marks for key, (_, marks) in zip(keys, pages, strict=True)}
    split = stratified_split(groups, counts, shares, 7)  # Split refuses groups in two splits
    assert len(split.rows) == len(keys)
    if len(set(groups.values())) > len(shares):
        assert len(split.names()) == len(shares) + 1
