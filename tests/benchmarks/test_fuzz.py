"""The fuzzer damages documents as its functions say, and tells a run that passed from one that did not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from benchmarks.fuzz import (
    DAMAGES,
    Damage,
    Outcome,
    change_numbers,
    cut,
    double_block,
    drop_block,
    table,
    write_damaged,
)

DATA = b"%PDF-1.7 1 0 obj <</Length 17>> endobj " * 20


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_the_same_for_a_seed_and_differs_between_seeds(damage: Damage) -> None:
    damaged = {damage(DATA, random.Random(seed)) for seed in range(20)}
    assert len(damaged) > 5
    assert damage(DATA, random.Random(3)) == damage(DATA, random.Random(3))


def test_damages_do_what_they_are_called() -> None:
    rng = random.Random(1)
    assert DATA.startswith(cut(DATA, rng))
    assert len(drop_block(DATA, rng)) < len(DATA) < len(double_block(DATA, rng))
    assert change_numbers(b"no digits", rng) == b"no digits"


def test_every_document_and_every_damage_has_its_turn(tmp_path: Path) -> None:
    write_damaged({"a.pdf": DATA, "b.png": DATA}, tmp_path / "in", 14, seed=0)
    names = sorted(path.name for path in (tmp_path / "in").iterdir())
    assert names[:3] == ["00000_flip_a.pdf", "00001_flip_b.png", "00002_flip_head_a.pdf"]
    assert len({name.split("_", 1)[1] for name in names}) == 14


def test_a_run_that_leaves_a_file_out_or_crashes_does_not_pass() -> None:
    expected, reported = frozenset({"a.pdf", "b.pdf"}), {"a.pdf": "ok", "b.pdf": "failed: timeout"}
    assert Outcome(7, False, expected, reported, 1.0).passed
    assert not Outcome(7, False, expected, {"a.pdf": "ok"}, 1.0).passed
    assert not Outcome(1, False, expected, reported, 1.0).passed
    assert not Outcome(0, True, expected, reported, 1.0).passed
    assert not Outcome(None, False, expected, reported, 1.0).passed


def test_the_table_counts_formats_and_outcomes() -> None:
    reported = {"a.pdf": "ok", "b.PDF": "failed: timeout", "c.png": "ok"}
    assert table(Outcome(7, False, frozenset(reported), reported, 12.3)).splitlines() == [
        "| | failed: timeout | ok | all |",
        "|---|---:|---:|---:|",
        "| .pdf | 1 | 1 | 2 |",
        "| .png | 0 | 1 | 1 |",
        "| all | 1 | 2 | 3 |",
        "",
        "passed: exit code 7, no traceback, 0 of 3 files left out, 12 s",
    ]
