"""Several engines as one, with engines that find what a test tells them to find."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from docdetect.errors import InputError
from docdetect.models.engines import select
from docdetect.models.engines.base import Engine, Traits
from docdetect.models.engines.ensemble import EnsembleEngine
from docdetect.types import ByteArray, Detections

Row = tuple[float, float, float, float, int, float]
STAMP: Row = (10, 10, 50, 50, 2, 0.4)


class Told:
    """Finds on a page what is told for the number in its first pixel, and notes which pages it was given."""

    def __init__(
        self,
        found: Mapping[int, Sequence[Row]],
        class_names: tuple[str, ...] = ("qr", "signature", "stamp"),
        traits: Traits = Traits("told"),  # noqa: B008 - frozen
    ) -> None:
        self.found, self.class_names, self.traits = found, class_names, traits
        self.calls: list[tuple[list[int], float, float]] = []

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        numbers = [int(page[0, 0, 0]) for page in pages]
        self.calls.append((numbers, conf, iou))
        return [self._of(number, page, conf) for number, page in zip(numbers, pages, strict=True)]

    def _of(self, number: int, page: ByteArray, conf: float) -> Detections:
        rows = np.array([row for row in self.found.get(number, ()) if row[5] > conf], np.float32).reshape(-1, 6)
        rows = rows[np.argsort(-rows[:, 5], kind="stable")]
        return Detections(rows[:, :4], rows[:, 4].astype(np.int64), (page.shape[1], page.shape[0]), rows[:, 5])


def page(number: int, size_wh: tuple[int, int] = (200, 300)) -> ByteArray:
    return np.full((size_wh[1], size_wh[0], 3), number, np.uint8)


def rows_of(found: Detections) -> list[Row]:
    assert found.scores is not None
    return [
        (*box, int(class_id), round(float(score), 4))
        for box, class_id, score in zip(found.xyxy.tolist(), found.class_ids, found.scores, strict=True)
    ]


def test_a_mark_has_the_mean_of_what_all_networks_give_it() -> None:
    engines = [Told({1: [(10, 10, 50, 50, 2, 0.9)]}), Told({1: [(14, 10, 54, 50, 2, 0.3)]}), Told({})]
    (found,) = EnsembleEngine(engines).detect([page(1)], 0.1, 0.7)
    assert rows_of(found) == [(11.0, 10.0, 51.0, 50.0, 2, 0.4)]
    assert found.size_wh == (200, 300)


def test_boxes_of_different_networks_are_one_mark_from_a_lower_iou_on_than_those_of_one_network() -> None:
    box, at_043, at_038 = (0, 0, 100, 40, 2, 0.6), (0, 16, 100, 56, 2, 0.6), (0, 18, 100, 58, 2, 0.6)
    for other, scores in ((at_043, [0.6]), (at_038, [0.3, 0.3])):
        (found,) = EnsembleEngine([Told({1: [box]}), Told({1: [other]})]).detect([page(1)], 0.1, 0.7)
        assert [row[5] for row in rows_of(found)] == scores


def test_what_is_said_of_pages_comes_in_their_order_and_the_others_look_only_where_the_first_is_unsure() -> None:
    sure, negligible = (10, 10, 50, 50, 1, 0.95), (10, 10, 50, 50, 1, 0.03)
    first = Told({1: [sure], 2: [STAMP], 3: [], 4: [negligible], 5: [sure, (60, 60, 90, 90, 2, 0.4)]})
    second = Told({number: [(10, 10, 50, 50, 2, 0.8)] for number in range(1, 6)})
    pages = [page(number, (200 + number, 300)) for number in (5, 1, 2, 3, 4)]
    found = EnsembleEngine([first, second], second_look=True).detect(pages, 0.1, 0.7)
    assert [call[0] for call in first.calls] == [[5, 1, 2, 3, 4]]
    assert [call[0] for call in second.calls] == [[5, 2]]
    assert [one.size_wh for one in found] == [(205, 300), (201, 300), (202, 300), (203, 300), (204, 300)]
    assert rows_of(found[1]) == [(10, 10, 50, 50, 1, 0.95)], "the scores of a page that is seen once are its own"
    assert rows_of(found[2]) == [(10, 10, 50, 50, 2, 0.6)]
    assert rows_of(found[3]) == rows_of(found[4]) == []
    assert rows_of(found[0]) == [
        (10, 10, 50, 50, 1, 0.475),
        (10, 10, 50, 50, 2, 0.4),
        (60, 60, 90, 90, 2, 0.2),
    ], "also the sure mark of a page that has an unsure one has a mean"
    everywhere = Told({number: [(10, 10, 50, 50, 2, 0.8)] for number in range(1, 6)})
    EnsembleEngine([first, everywhere]).detect(pages, 0.1, 0.7)
    assert [call[0] for call in everywhere.calls] == [[5, 1, 2, 3, 4]]


def test_where_nothing_is_unsure_the_others_are_not_called() -> None:
    first, second = Told({1: [(10, 10, 50, 50, 1, 0.8)]}), Told({1: [STAMP]})
    found = EnsembleEngine([first, second], second_look=True).detect([page(1), page(2)], 0.1, 0.7)
    assert second.calls == []
    assert [len(one) for one in found] == [1, 0]
    assert EnsembleEngine([first, second], second_look=True).detect([], 0.1, 0.7) == []


def test_a_page_gives_the_same_in_any_company() -> None:
    told = {number: [(10.0, 10.0, 50.0, 50.0, 2, number / 10)] for number in range(10)}
    engine = EnsembleEngine([Told(told), Told({3: [STAMP], 9: [STAMP]})], second_look=True)
    together = engine.detect([page(number) for number in range(10)], 0.1, 0.7)
    alone = [engine.detect([page(number)], 0.1, 0.7)[0] for number in range(10)]
    assert [rows_of(one) for one in together] == [rows_of(one) for one in alone]


@pytest.mark.parametrize(("conf", "asked"), [(0.25, 0.01), (0.001, 0.001)])
def test_the_networks_are_asked_for_more_than_what_counts(conf: float, asked: float) -> None:
    """A mark of 0.45 in one look and of 0.02 in the other has the mean of both, not half of the larger."""
    first, second = Told({1: [(10, 10, 50, 50, 2, 0.6)]}), Told({1: [(10, 10, 50, 50, 2, 0.02)]})
    (found,) = EnsembleEngine([first, second]).detect([page(1)], conf, 0.6)
    assert [row[5] for row in rows_of(found)] == [0.31]
    assert [engine.calls for engine in (first, second)] == [[([1], asked, 0.6)]] * 2


def test_what_is_below_the_threshold_in_the_mean_does_not_count() -> None:
    engines = [Told({1: [(10, 10, 50, 50, 2, 0.4), (60, 60, 90, 90, 2, 0.8)]}), Told({1: [(60, 60, 90, 90, 2, 0.8)]})]
    assert [row[:2] for row in rows_of(EnsembleEngine(engines).detect([page(1)], 0.2, 0.7)[0])] == [(60, 60)]
    assert len(EnsembleEngine(engines).detect([page(1)], 0.19, 0.7)[0]) == 2


def test_boxes_that_become_one_mark_or_a_part_of_one_by_their_means_are_dropped() -> None:
    """In the first look the boxes are apart; the mean with the second look draws the surer one over the other."""
    near = [(0, 0, 100, 40, 1, 0.6), (0, 30, 100, 70, 1, 0.5)]
    beside = [(10, 100, 110, 140, 1, 0.9), (8, 110, 40, 130, 1, 0.7)]
    drawn = {1: [(0, 12, 100, 52, 1, 0.6)], 2: [(6, 100, 110, 140, 1, 0.9)]}
    first = Told({1: near, 2: beside})
    for engines, left in (([first, Told(drawn)], ([0.6], [0.9])), ([first, Told({})], ([0.3, 0.25], [0.45, 0.35]))):
        one, two = EnsembleEngine(engines).detect([page(1), page(2)], 0.1, 0.2)
        assert ([row[5] for row in rows_of(one)], [row[5] for row in rows_of(two)]) == left
    one, two = EnsembleEngine([first, Told(drawn)]).detect([page(1), page(2)], 0.1, 1)
    assert [row[5] for row in rows_of(one)] == [0.6, 0.25], "with an IoU of 1 all boxes stay"
    assert [row[5] for row in rows_of(two)] == [0.9, 0.35]


def test_traits_are_those_of_the_first_network_with_the_precisions_of_all() -> None:
    first, second = Traits("openvino", "int8", 3, 2), Traits("openvino", "fp32", 1, 1)
    engine = EnsembleEngine([Told({}, traits=first), Told({}, traits=second), Told({}, traits=first)])
    assert engine.traits == Traits("openvino", "int8+fp32", 3, 2)
    assert EnsembleEngine([Told({}, traits=first)] * 2).traits == first
    assert engine.class_names == ("qr", "signature", "stamp")
    assert isinstance(engine, Engine)


def test_an_ensemble_is_loaded_with_each_network_at_its_own_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And networks of different classes, or of the same ones in another order, do not go together."""
    file = tmp_path / "two.ensemble.json"
    looks = [{"weights": "a.pt", "imgsz": 320}, {"weights": "b.pt", "imgsz": 96}]
    file.write_text(json.dumps({"format": 1, "looks": looks, "second_look": True}), encoding="utf-8")
    classes: dict[str, tuple[str, ...]] = {"a.pt": ("qr", "stamp"), "b.pt": ("qr", "stamp")}
    loaded: list[tuple[str, int, str, bool]] = []
    whole = select.load_engine

    def load(weights: Path, **how: object) -> Engine:
        if weights.suffix == ".json":
            return whole(weights, **how)  # type: ignore[arg-type]
        loaded.append((weights.name, how["imgsz"], how["precision"], how["trim"]))  # type: ignore[arg-type]
        return Told({1: [STAMP]} if weights.name == "b.pt" else {}, classes[weights.name])

    monkeypatch.setattr(select, "load_engine", load)
    for name in classes:
        (tmp_path / name).write_bytes(b"weights")
    engine = load(file, imgsz=320, device="cpu", engine="auto", precision="auto", trim=True)
    assert loaded == [("a.pt", 320, "auto", True), ("b.pt", 96, "auto", True)]
    assert engine.class_names == ("qr", "stamp")
    assert rows_of(engine.detect([page(1)], 0.1, 0.7)[0]) == [], "the second look is for what the first is unsure of"
    for others in (("stamp", "qr"), ("qr", "stamp", "seal")):
        classes["b.pt"] = others
        with pytest.raises(InputError, match=rf"different classes \(qr, stamp; {', '.join(others)}\)") as caught:
            load(file, imgsz=320, device="cpu", engine="auto", precision="auto", trim=True)
        assert caught.value.message.startswith(str(file))
