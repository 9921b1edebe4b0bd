"""Errors by kind and rank, slices, and what grouping does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docdetect.merging import GroupingSettings
from docdetect.metrics.errors import Mistake, MistakeKind, confusion_matrix, find_mistakes, mistake_counts
from docdetect.metrics.matching import Sample, match
from docdetect.metrics.merging_effect import group_samples, grouping_figures
from docdetect.metrics.slices import by_contact, by_document, by_size, list_marks

MakeSample = Callable[..., Sample]
RandomSamples = Callable[..., list[Sample]]
CONF = [0.25, 0.25]
MARK = (100, 100, 200, 200)
FAR = (600, 600, 700, 700)


def _mistakes(*samples: Sample) -> tuple[Mistake, ...]:
    return find_mistakes(samples, match(samples, 2), CONF)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], [("missed", 0, -1)]),
        ([(*MARK, 0, 0.9)], []),
        ([(*MARK, 0, 0.2)], [("missed", 0, -1)]),
        ([(*MARK, 0, 0.9), (*FAR, 0, 0.5)], [("false", -1, 1)]),
        ([(*MARK, 1, 0.9)], [("confused", 0, 0)]),
        ([(100, 100, 200, 140, 0, 0.9)], [("loose", 0, 0)]),
        ([(100, 100, 200, 160, 0, 0.9)], [("loose", 0, 0)]),
        ([(*MARK, 0, 0.9), (105, 105, 205, 205, 0, 0.4)], [("duplicate", 0, 1)]),
        ([(*MARK, 0, 0.9), (120, 120, 150, 150, 0, 0.4)], [("duplicate", 0, 1)]),
    ],
)
def test_each_kind_of_error(
    make_sample: MakeSample, found: list[tuple[float, ...]], expected: list[tuple[str, int, int]]
) -> None:
    mistakes = _mistakes(make_sample([(*MARK, 0)], found))
    assert [(mistake.kind.value, mistake.ground_truth, mistake.found) for mistake in mistakes] == expected


def test_the_worst_come_first(make_sample: MakeSample) -> None:
    pages = [
        make_sample([(*MARK, 0)], [(*FAR, 0, 0.3)], page=1),
        make_sample([(*MARK, 0)], [(*MARK, 0, 0.2), (*FAR, 1, 0.8)], page=2),
    ]
    mistakes = _mistakes(*pages)
    assert [(m.kind, m.sample) for m in mistakes] == [
        (MistakeKind.MISSED, 0),
        (MistakeKind.MISSED, 1),
        (MistakeKind.FALSE, 1),
        (MistakeKind.FALSE, 0),
    ]
    assert mistakes[1].score == pytest.approx(0.2)
    counts = mistake_counts(mistakes, 2)
    assert counts["missed"] == (2, 0)
    assert counts["false"] == (1, 1)
    assert counts["loose"] == (0, 0)


def test_every_error_is_one_of_the_counted(random_samples: RandomSamples) -> None:
    """Detections that hit nothing are each one mistake; marks that nothing met are missed, loose or confused."""
    samples = random_samples(40, seed=3, skill=0.7)
    matches = match(samples, 3)
    conf = [0.3] * 3
    mistakes = find_mistakes(samples, matches, conf)
    wrong = sum(int(((one.scores >= 0.3) & ~one.hits[:, 0]).sum()) for one in matches.classes)
    assert sum(m.found >= 0 and not (m.kind is MistakeKind.LOOSE and m.iou >= 0.5) for m in mistakes) == wrong
    assert len({(m.sample, m.found) for m in mistakes if m.found >= 0}) == sum(m.found >= 0 for m in mistakes)


def test_slices_by_contact_size_and_document(make_sample: MakeSample) -> None:
    pages = [
        make_sample(
            [(0, 0, 100, 100, 0), (20, 20, 60, 60, 1), (300, 0, 340, 40, 1)],
            [(0, 0, 100, 100, 0, 0.9), (300, 0, 340, 40, 1, 0.2), (800, 800, 900, 900, 0, 0.9)],
        ),
        make_sample([(0, 0, 300, 300, 1)], [(0, 0, 300, 240, 1, 0.9)], document="b.pdf", group="b"),
    ]
    matches = match(pages, 2)
    marks = list_marks(pages, matches)
    contact = {one.label: one for one in by_contact(marks, ["stamp", "signature"], CONF)}
    assert contact["stamp, nested with another class"].recall == 1
    assert contact["signature, nested with another class"].recall == 0
    apart = contact["signature, apart"]
    assert (apart.marks, apart.recall, apart.recall_any) == (2, 0.5, 1)
    assert apart.mean_iou == pytest.approx(0.8)
    assert contact["stamp, touching another class"].recall is None
    sizes = by_size(marks, ["stamp", "signature"], CONF)
    assert [one.marks for one in sizes if one.label.startswith("signature")] == [2, 0, 1]
    documents = by_document(pages, matches, CONF)
    assert [(d.document, d.marks, d.hits, d.false) for d in documents] == [("a.pdf", 3, 1, 1), ("b.pdf", 1, 1, 0)]


def test_slices_of_pages_without_marks(make_sample: MakeSample) -> None:
    pages = [make_sample([], [])]
    marks = list_marks(pages, match(pages, 2))
    assert by_size(marks, ["a", "b"], CONF) == ()
    assert by_contact(marks, ["a", "b"], CONF) == ()


def test_grouping_removes_duplicates_and_wrong_merges_are_counted(make_sample: MakeSample) -> None:
    left, right = (100, 100, 200, 140), (100, 145, 200, 185)
    page = make_sample(
        [(*left, 0), (*right, 0)],
        [(*left, 0, 0.9), (102, 100, 202, 141, 0, 0.6), (*right, 0, 0.8), (*FAR, 0, 0.1)],
    )
    good = grouping_figures([page], ["signature", "stamp"], CONF, GroupingSettings())
    assert (good.raw.duplicates, good.raw.detections, good.raw.recall) == (1, 3, 1.0)
    assert (good.grouped.duplicates, good.grouped.precision, good.grouped.recall) == (0, 1.0, 1.0)
    assert good.wrong_merges == ()
    seed = grouping_figures([page], ["signature", "stamp"], CONF, GroupingSettings(method="original"))
    assert [merge.ground_truths for merge in seed.wrong_merges] == [(0, 1)]
    assert seed.grouped.recall is not None
    assert seed.grouped.recall < 1
    _, members = group_samples([page], CONF, GroupingSettings())
    assert members == [((0, 1), (2,))]


def test_the_confusion_matrix_pairs_marks_and_detections_one_to_one(make_sample: MakeSample) -> None:
    marks = [(*MARK, 0), (*FAR, 1)]
    confused = make_sample(
        marks, [(*MARK, 1, 0.9), (102, 102, 202, 202, 0, 0.8), (*FAR, 1, 0.9), (0, 0, 50, 50, 0, 0.5)]
    )
    missed = make_sample(marks, [(*MARK, 0, 0.2)])
    matrix = confusion_matrix([confused, missed], 2, CONF)
    assert matrix.tolist() == [[0, 0, 2], [1, 1, 0], [1, 1, 0]]
