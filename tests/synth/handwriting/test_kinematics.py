"""The sigma-lognormal model: strokes add up, turn as planned, and the pen arrives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docdetect.synth.handwriting.kinematics import TIME_STEP_S, Strokes, lognormal, plan_strokes, trace, velocity


def one_stroke(turn: float = 0.0, length: float = 10.0) -> Strokes:
    values = (0.0, -1.7, 0.25, length, -turn / 2, turn / 2)
    return Strokes(*(np.array([value]) for value in values))


def test_lognormal_is_a_density() -> None:
    times = np.linspace(0.001, 4, 4000)
    density = lognormal(times, np.array(-1.7), np.array(0.25))
    assert density.sum() * 0.001 == pytest.approx(1, abs=1e-4)
    mode_s = np.exp(-1.7 - 0.25**2)
    assert times[density.argmax()] == pytest.approx(mode_s, abs=0.002)
    assert lognormal(np.array([-1.0, 0.0]), np.array(-1.7), np.array(0.25)).tolist() == [0, 0]


def test_one_stroke_has_a_lognormal_speed_and_its_full_length() -> None:
    moved = velocity(one_stroke(turn=1.2))
    times = np.linspace(0, (len(moved) - 1) * TIME_STEP_S, len(moved))
    expected = 10 * lognormal(times, np.array(-1.7), np.array(0.25))
    np.testing.assert_allclose(np.hypot(moved[:, 0], moved[:, 1]), expected, atol=1e-9)


@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0, 1))
@settings(max_examples=40)
def test_the_velocity_is_the_sum_of_lognormal_strokes(seed: int, count: int, overlap: float) -> None:
    rng = np.random.default_rng(seed)
    targets = np.column_stack([rng.uniform(-10, 10, (count, 2)), rng.uniform(-2, 2, count)])
    strokes = plan_strokes(rng, np.zeros(2), targets, overlap)
    total = velocity(strokes)
    fastest = float(np.hypot(*total.T).max())
    for position in range(count):
        alone = Strokes(*(getattr(strokes, name)[position : position + 1] for name in Strokes.__dataclass_fields__))
        part = velocity(alone)[: len(total)]
        total[: len(part)] -= part
    # The tail of a stroke is followed less far when the stroke is alone than when a longer stroke is beside it.
    assert abs(total).max() < 0.01 * fastest


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(max_examples=40)
def test_the_pen_arrives_at_the_last_target(seed: int, overlap: float) -> None:
    rng = np.random.default_rng(seed)
    targets = np.column_stack([rng.uniform(-10, 10, (6, 2)), rng.uniform(-2.5, 2.5, 6)])
    start = rng.uniform(-5, 5, 2)
    xy = trace(plan_strokes(rng, start, targets, overlap), start).xy
    lengths = np.hypot(*np.diff(np.vstack([start, targets[:, :2]]), axis=0).T)
    np.testing.assert_allclose(xy[-1], targets[-1, :2], atol=0.03 * lengths.sum())


@pytest.mark.parametrize("turn", [0.0, 1.0, -2.5])
def test_a_stroke_is_an_arc_that_turns_as_planned(turn: float) -> None:
    rng = np.random.default_rng(1)
    xy = trace(plan_strokes(rng, np.zeros(2), np.array([[10.0, 0.0, turn]]), 0.0), np.zeros(2)).xy
    sagitta = 0.0 if turn == 0 else 5 * np.tan(turn / 4)
    # A clockwise arc to the right goes up first, which is towards negative y.
    assert xy[abs(xy[:, 1]).argmax(), 1] == pytest.approx(-sagitta, abs=0.05)


def test_overlap_makes_it_faster_and_cuts_corners() -> None:
    targets = np.array([[1.0, -5.0, 0.0], [2.0, 0.0, 0.0], [3.0, -5.0, 0.0], [4.0, 0.0, 0.0]])
    heights, durations = [], []
    for overlap in (0.0, 1.0):
        drawn = trace(plan_strokes(np.random.default_rng(3), np.zeros(2), targets, overlap), np.zeros(2))
        heights.append(np.ptp(drawn.xy[:, 1]))
        durations.append(len(drawn.xy))
    assert durations[1] < durations[0]
    assert heights[1] < heights[0]
