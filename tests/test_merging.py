"""Grouping: real title blocks stay apart, fragments of one mark come together, order does not matter."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docdetect.merging import GroupingSettings, merge_boxes
from docdetect.types import Detections

PAGE = (724, 1024)
CLASSES = ["qr", "signature", "stamp"]


def boxes(
    *rows: tuple[float, float, float, float], classes: list[int] | None = None, scores: list[float] | None = None
) -> Detections:
    ids = np.array(classes if classes is not None else [1] * len(rows), np.int64)
    return Detections(
        np.array(rows, np.float32).reshape(-1, 4), ids, PAGE, np.array(scores or [0.5] * len(rows), np.float32)
    )


@pytest.fixture(scope="module")
def true_pages(shared_data: Path) -> list[Detections]:
    """The true boxes of armeta at 1024 px."""
    pages = []
    annotations = json.loads((shared_data / "armeta" / "annotations.json").read_text(encoding="utf-8"))
    for document in annotations.values():
        for page in document.values():
            size = page["page_size"]["width"], page["page_size"]["height"]
            marks = [mark for entry in page["annotations"] for mark in entry.values()]
            xywh = np.array([[mark["bbox"][key] for key in ("x", "y", "width", "height")] for mark in marks])
            xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
            ids = np.array([CLASSES.index(mark["category"]) for mark in marks])
            scale = 1024 / max(size)
            pages.append(Detections(xyxy, ids, size).scaled((round(size[0] * scale), round(size[1] * scale))))
    return pages


def lost(pages: list[Detections], settings: GroupingSettings) -> int:
    """How many true boxes vanish when true boxes are grouped."""
    return sum(len(page) - len(merge_boxes(page, settings)[0]) for page in pages)


def test_default_keeps_every_true_box_of_real_documents_apart(true_pages: list[Detections]) -> None:
    assert sum(len(page) for page in true_pages) == 98
    assert lost(true_pages, GroupingSettings()) == 0


def test_the_seeds_rules_lose_true_boxes_of_real_documents(true_pages: list[Detections]) -> None:
    assert lost(true_pages, GroupingSettings(method="original")) == 25
    assert lost(true_pages, GroupingSettings(method="original", per_class=True)) == 7
    no_distance = GroupingSettings(method="original", per_class=True, dist=0)
    assert lost(true_pages, no_distance) == 0, "within a class only the 50 px rule joins true boxes"


DUPLICATES = boxes((100, 100, 200, 150), (104, 98, 206, 149), (96, 101, 198, 155), scores=[0.3, 0.9, 0.5])


def test_duplicates_become_the_surest_of_them_with_all_members() -> None:
    grouped, members = merge_boxes(DUPLICATES)
    assert grouped.xyxy.tolist() == [[104, 98, 206, 149]]
    assert grouped.scores is not None
    assert grouped.scores.tolist() == pytest.approx([0.9])
    assert members == ((0, 1, 2),)


def test_a_mark_that_overlaps_a_dropped_box_and_not_the_one_that_stays_is_not_lost() -> None:
    chain = boxes((100, 100, 200, 150), (150, 100, 250, 150), (205, 100, 300, 150), scores=[0.9, 0.3, 0.8])
    grouped, members = merge_boxes(chain)
    assert grouped.xyxy.tolist() == [[100, 100, 200, 150], [205, 100, 300, 150]]
    assert members == ((0, 1), (2,))


def test_duplicates_become_their_union_where_nothing_says_which_is_surer() -> None:
    grouped, members = merge_boxes(Detections(DUPLICATES.xyxy, DUPLICATES.class_ids, PAGE))
    assert grouped.xyxy.tolist() == [[96, 98, 206, 155]]
    assert members == ((0, 1, 2),)


def test_the_seed_takes_the_box_around_all_members() -> None:
    grouped, _ = merge_boxes(
        boxes((0, 0, 200, 100), (100, 10, 300, 110), scores=[0.9, 0.5]), GroupingSettings(method="original")
    )
    assert grouped.xyxy.tolist() == [[0, 0, 300, 110]]


@pytest.mark.parametrize(("scores", "box"), [([0.4, 0.8], [120, 110, 190, 170]), ([0.8, 0.4], [100, 100, 300, 200])])
def test_of_a_mark_and_a_nested_fragment_the_surer_one_stays(scores: list[float], box: list[float]) -> None:
    grouped, members = merge_boxes(boxes((100, 100, 300, 200), (120, 110, 190, 170), scores=scores))
    assert grouped.xyxy.tolist() == [box]
    assert members == ((0, 1),)


@pytest.mark.parametrize(
    "halves",
    [
        [(100, 100, 180, 150), (180, 101, 260, 151)],
        [(100, 100, 185, 150), (180, 100, 260, 150)],
        [(100, 100, 240, 170), (102, 170.3, 241, 240)],
    ],
)
def test_split_halves_become_one_mark(halves: list[tuple[float, float, float, float]]) -> None:
    found = boxes(*halves)
    grouped, members = merge_boxes(found)
    assert grouped.xyxy.tolist() == [[*found.xyxy[:, :2].min(0), *found.xyxy[:, 2:].max(0)]]
    assert members == ((0, 1),)


def test_halves_of_which_one_was_found_twice_are_put_together_from_the_surest_boxes() -> None:
    grouped, members = merge_boxes(
        boxes((100, 100, 180, 150), (180, 101, 260, 151), (96, 90, 178, 158), scores=[0.9, 0.8, 0.3])
    )
    assert grouped.xyxy.tolist() == [[100, 100, 260, 151]]
    assert members == ((0, 1, 2),)


def test_stacked_signatures_stay_apart() -> None:
    stacked = boxes((100, 100, 160, 127), (103, 130, 165, 157), (99, 160, 158, 186))
    assert len(merge_boxes(stacked)[0]) == 3
    assert len(merge_boxes(stacked, GroupingSettings(method="original"))[0]) == 1


def test_stacked_signatures_whose_strokes_reach_into_each_other_stay_apart() -> None:
    column = boxes((221, 226, 305, 269), (215, 255, 303, 306), (197, 299, 306, 351), scores=[0.56, 0.43, 0.31])
    assert len(merge_boxes(column)[0]) == 3
    for overlap_px, marks in ((4, 1), (6, 2)):
        pair = boxes((100, 100, 180, 150), (100, 150 - overlap_px, 180, 200 - overlap_px))
        assert len(merge_boxes(pair)[0]) == marks, "halves overlap by a tenth of the shorter side at most"


def test_a_box_around_two_surer_signatures_does_not_swallow_them() -> None:
    around = boxes((100, 100, 300, 300), (105, 105, 200, 150), (150, 240, 290, 295), scores=[0.3, 0.8, 0.7])
    grouped, members = merge_boxes(around)
    assert len(grouped) == 2
    assert members == ((1,), (2,))


def test_a_signature_inside_a_stamp_is_two_marks_by_default_and_one_for_the_seed() -> None:
    pair = boxes((100, 100, 240, 240), (120, 150, 220, 200), classes=[2, 1], scores=[0.9, 0.6])
    assert len(merge_boxes(pair)[0]) == 2
    seed, members = merge_boxes(pair, GroupingSettings(method="original"))
    assert seed.class_ids.tolist() == [2]
    assert members == ((0,),), "the seed drops the less confident of two nested boxes"
    assert len(merge_boxes(pair, GroupingSettings(method="original", per_class=True))[0]) == 2


def test_the_seeds_first_pass_keeps_the_surer_of_two_nested_boxes() -> None:
    grouped, members = merge_boxes(
        boxes((0, 0, 200, 200), (20, 20, 100, 100), scores=[0.3, 0.7]), GroupingSettings(method="original")
    )
    assert grouped.xyxy.tolist() == [[20, 20, 100, 100]]
    assert members == ((1,),)


def test_the_seeds_second_pass_joins_by_each_of_its_three_rules() -> None:
    seed = GroupingSettings(method="original")
    near = boxes((0, 0, 30, 20), (45, 0, 75, 20))
    overlapping = boxes((0, 0, 200, 100), (100, 0, 300, 100))
    contained = boxes((0, 0, 300, 100), (0, 60, 200, 120))
    assert [len(merge_boxes(pair, seed)[0]) for pair in (near, overlapping, contained)] == [1, 1, 1]
    far = boxes((0, 0, 30, 20), (50, 0, 80, 20))
    assert len(merge_boxes(far, seed)[0]) == 2, "centres exactly 50 px apart are not less than 50 px apart"


def test_none_only_sorts() -> None:
    grouped, members = merge_boxes(
        boxes((0, 0, 9, 9), (0, 0, 9, 9), scores=[0.1, 0.2]), GroupingSettings(method="none")
    )
    assert len(grouped) == 2
    assert members == ((1,), (0,))


def test_no_boxes() -> None:
    for method in ("default", "original", "none"):
        grouped, members = merge_boxes(Detections.none(PAGE), GroupingSettings(method=method))
        assert len(grouped) == 0
        assert members == ()


@st.composite
def detections(draw: st.DrawFn) -> Detections:
    count = draw(st.integers(0, 9))
    side = st.integers(0, 60)
    rows = draw(st.lists(st.tuples(side, side, side, side), min_size=count, max_size=count))
    xyxy = np.array([(x * 5, y * 5, x * 5 + w * 3, y * 5 + h * 3) for x, y, w, h in rows], np.float32).reshape(-1, 4)
    ids = draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    scores = draw(st.lists(st.sampled_from([0.2, 0.5, 0.5, 0.8]), min_size=count, max_size=count))
    return Detections(xyxy, np.array(ids, np.int64), PAGE, np.array(scores, np.float32))


def as_rows(found: Detections) -> list[tuple[float, ...]]:
    assert found.scores is not None
    return [
        (*box, int(k), float(s)) for box, k, s in zip(found.xyxy.tolist(), found.class_ids, found.scores, strict=True)
    ]


@given(detections(), st.sampled_from(["default", "original"]), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_the_order_of_the_input_does_not_matter(found: Detections, method: str, random: object) -> None:
    settings_ = GroupingSettings(method="default" if method == "default" else "original")
    shuffled = np.array(random.sample(range(len(found)), len(found)), np.int64)  # type: ignore[attr-defined]
    assert as_rows(merge_boxes(found, settings_)[0]) == as_rows(merge_boxes(found.select(shuffled), settings_)[0])


@given(detections())
@settings(max_examples=150)
def test_grouping_twice_is_grouping_once(found: Detections) -> None:
    once = merge_boxes(found)[0]
    twice, members = merge_boxes(once)
    assert as_rows(twice) == as_rows(once)
    assert members == tuple((i,) for i in range(len(once)))


@given(detections())
@settings(max_examples=100)
def test_every_merged_box_is_around_its_surest_member_and_within_all_members(found: Detections) -> None:
    grouped, members = merge_boxes(found)
    assert grouped.scores is not None
    assert found.scores is not None
    used = [position for positions in members for position in positions]
    assert len(used) == len(set(used))
    for box, score, label, positions in zip(grouped.xyxy, grouped.scores, grouped.class_ids, members, strict=True):
        own = found.select(np.array(positions))
        assert own.scores is not None
        assert score == own.scores.max()
        surest = own.xyxy[own.scores == score]
        assert (box[:2] >= own.xyxy[:, :2].min(0)).all()
        assert (box[2:] <= own.xyxy[:, 2:].max(0)).all()
        assert ((box[:2] <= surest[:, :2]) & (box[2:] >= surest[:, 2:])).all(axis=1).any()
        assert set(own.class_ids.tolist()) == {int(label)}


def test_three_way_ties_do_not_depend_on_order() -> None:
    rows = [(0, 0, 100, 100), (10, 10, 90, 90), (0, 5, 95, 100)]
    results = {str(as_rows(merge_boxes(boxes(*order))[0])) for order in permutations(rows)}
    assert len(results) == 1
