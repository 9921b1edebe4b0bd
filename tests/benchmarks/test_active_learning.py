"""The simulation of active learning divides, learns, chooses and counts as it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks.active_learning import (
    CLASSES,
    STRATEGIES,
    Archive,
    Head,
    choose,
    divide,
    evaluate,
    interval,
    play,
    train,
)

from benchmarks import active_learning as simulation
from docdetect.types import Detections

CELLS = 24
SIZE = simulation.PICTURE_WH


def truth(*marks: tuple[int, int]) -> Detections:
    """Marks of classes, each exactly where the box of a cell is: (cell, class id)."""
    boxes = np.array([box_of(cell) for cell, _ in marks], np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([class_id for _, class_id in marks], np.int64), SIZE)


def box_of(cell: int) -> tuple[int, int, int, int]:
    left, top = 40 * (cell % 6), 40 * (cell // 6)
    return left, top, left + 30, top + 30


@pytest.fixture(scope="module")
def archive() -> Archive:
    """90 pages whose cells show their class in their features; class 3 is on five pages of the pool."""
    generator = np.random.default_rng(0)
    pages, features = [], generator.normal(0, 0.3, (90, CELLS, 8))
    for page in range(90):
        common = [(int(cell), int(generator.integers(0, 3))) for cell in generator.choice(CELLS, 3, replace=False)]
        marks = [(common[0][0], 3), *common[1:]] if page % 12 == 0 else common
        for cell, class_id in marks:
            features[page, cell, class_id] += 3
        pages.append(truth(*marks))
    boxes = np.array([[box_of(cell) for cell in range(CELLS)]] * 90, np.float16)
    pooled = generator.normal(size=(90, 6)).astype(np.float32)
    pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
    hardness = generator.random((90, CELLS)).astype(np.float16)
    test, pool = list(range(30)), list(range(30, 90))
    return Archive(features.astype(np.float16), boxes, hardness, pooled, pages, test, pool)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"START": 10, "ROUNDS": 2, "PER_ROUND": 5, "EPOCHS": 20, "BATCH": 64}.items():
        monkeypatch.setattr(simulation, name, value)


def test_rare_classes_are_thinned_out_of_the_archive_and_not_out_of_the_evaluation() -> None:
    rare = CLASSES.index(simulation.RARE[0])
    pages = [truth((0, rare)) if page % 2 else truth((0, 1)) for page in range(100)]
    test, pool = divide(pages, 40, 3)
    assert not set(test) & set(pool)
    assert len(test) == 40
    assert sum(rare in pages[page].class_ids for page in pool) == 3
    assert sum(rare in pages[page].class_ids for page in test) > 10


def test_the_network_learns_what_is_labelled_and_nothing_of_a_class_that_is_not(archive: Archive) -> None:
    head = Head(archive.features.shape[2])
    without = [page for page in archive.pool if 3 not in archive.ground_truth[page].class_ids]
    train(head, archive, without[:40], 0)
    figures = evaluate(head, archive)
    assert min(figures[name] for name in CLASSES[:3]) > 0.8
    assert figures[CLASSES[3]] < 0.3
    train(head, archive, archive.pool, 0)
    assert evaluate(head, archive)[CLASSES[3]] > 0.8


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_labels_new_pages_of_the_pool_and_repeats_itself(archive: Archive, strategy: str) -> None:
    records = list(play(archive, strategy, 1))
    assert [record["pages"] for record in records] == [10, 15, 20]
    assert records == list(play(archive, strategy, 1))
    head = Head(archive.features.shape[2])
    labelled = archive.pool[:10]
    chosen = choose(strategy, archive, head, labelled, 5, 0)
    assert len(set(chosen)) == 5
    assert set(chosen) <= set(archive.pool) - set(labelled)


def test_all_strategies_begin_alike(archive: Archive) -> None:
    starts = [next(play(archive, strategy, 2)) for strategy in STRATEGIES]
    assert len({str(start["figures"]) for start in starts}) == 1


def test_an_interval_is_that_of_student() -> None:
    mean, half = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert mean == 3
    assert half == pytest.approx(2.776 * 1.5811 / 5**0.5, abs=1e-3)


def test_the_report_states_differences_of_the_same_seed() -> None:
    def record(strategy: str, seed: int, pages: int, ap: float) -> dict[str, Any]:
        figures = {"all": ap, "rare": ap}
        return {"strategy": strategy, "seed": seed, "pages": pages, "pages_with_rare": pages // 10, "figures": figures}

    records = [
        record(strategy, seed, pages, base + 0.1 * seed)
        for seed in (0, 1, 2)
        for strategy, base in zip(STRATEGIES, (0.1, 0.2, 0.3), strict=True)
        for pages in (20, 40)
    ]
    records.append(record("random", 3, 20, 0.9))  # a seed that not all strategies have played
    text = simulation.report(simulation.whole_seeds(records))
    assert "| uncertainty | 0.300 | 0.300 | +0.100 ± 0.000 |" in text
    assert "| uncertainty + diversity | 0.400 | 0.400 | +0.200 ± 0.000 |" in text
    assert "| random | 2.0 | 4.0 |  |" in text
