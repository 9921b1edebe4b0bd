"""How a writing hand moves: the sigma-lognormal model of rapid human movements.

The pen's velocity is the vector sum of strokes, each with a lognormal speed profile along a circular arc. A stroke to
the next target begins before the last stroke has ended, which rounds the corners of fluent handwriting.

Sources: R. Plamondon, "A kinematic theory of rapid human movements", Biological Cybernetics 72 (1995) 295-320; for
movements in the plane: C. O'Reilly and R. Plamondon, "Development of a Sigma-Lognormal representation for on-line
signatures", Pattern Recognition 42 (2009) 3324-3337.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

# Time between two samples of a movement.
TIME_STEP_S = 0.005

# How many sigmas a stroke is followed beyond its median time: less than 0.03 % of its length is left then.
_TAIL_SIGMAS = 3.5

# Largest turn of an arc, radians: a little less than a full circle.
_MAX_TURN_RAD = 5.6


@dataclass(frozen=True)
class Strokes:
    """The strokes of one pen-down movement, arrays of shape (N,).

    Attributes:
        start_s: time at which the command for the stroke reaches the hand (t0 in the sources), seconds.
        mu, sigma: logarithmic response delay and response time of the muscles.
        length: distance along the arc (D in the sources), in the unit of the drawing.
        angle_from, angle_to: direction of the pen at the arc's beginning and end, radians.
    """

    start_s: Floats
    mu: Floats
    sigma: Floats
    length: Floats
    angle_from: Floats
    angle_to: Floats

    def __len__(self) -> int:
        return len(self.start_s)


@dataclass(frozen=True)
class Trace:
    """A pen-down movement, sampled in time.

    Attributes:
        xy: (T, 2) positions in the unit of the drawing, y down.
        speed: (T,) speeds in units a second.
    """

    xy: Floats
    speed: Floats

    def moved(self, matrix: Floats, offset: Floats) -> Trace:
        """The trace with each point p at matrix (2, 2) @ p + offset (2,); speeds grow with the matrix's mean scale."""
        scale = float(np.sqrt(abs(np.linalg.det(matrix))))
        return Trace(self.xy @ matrix.T + offset, self.speed * scale)


def lognormal(t_s: Floats, mu: Floats, sigma: Floats) -> Floats:
    """Density of the lognormal distribution at the times `t_s` in seconds; 0 where a time is not positive."""
    safe = np.maximum(t_s, 1e-9)
    density = np.exp(-((np.log(safe) - mu) ** 2) / (2 * sigma**2)) / (safe * sigma * np.sqrt(2 * np.pi))
    return np.where(t_s > 0, density, 0.0)


def plan_strokes(rng: np.random.Generator, start: Floats, targets: Floats, overlap: float) -> Strokes:
    """Plans the strokes that lead from target to target.

    Args:
        rng: random generator.
        start: (2,) where the pen goes down, y down.
        targets: (N, 3) x, y and turn of the arc that leads to each target; the turn is in radians, clockwise positive
            as y points down.
        overlap: how early a stroke starts before the last one ends, from 0 (careful drawing) to 1 (a fast scrawl).
    """
    points = np.vstack([start, targets[:, :2]])
    chords = np.diff(points, axis=0)
    half_turns = np.clip(targets[:, 2], -_MAX_TURN_RAD, _MAX_TURN_RAD) / 2
    directions = np.arctan2(chords[:, 1], chords[:, 0])
    lengths = np.hypot(chords[:, 0], chords[:, 1]) / np.sinc(half_turns / np.pi)
    count = len(targets)
    sigma = rng.uniform(0.2, 0.3, count)
    mu = rng.normal(-1.7, 0.04, count)
    # A long stroke takes longer than a short one, though far less than in proportion to its length (isochrony).
    stretch = np.clip(lengths / max(float(np.median(lengths)), 1e-6), 0.3, 8) ** 0.3
    spacing = 0.25 * np.exp(mu) * (3.3 - 1.5 * overlap) * stretch
    mu = mu + np.log(np.maximum(stretch, 0.5)) * 0.5
    starts = np.concatenate([[0.0], np.cumsum(spacing)[:-1]])
    return Strokes(starts, mu, sigma, lengths, directions - half_turns, directions + half_turns)


def velocity(strokes: Strokes) -> Floats:
    """The pen's velocity (T, 2) at every TIME_STEP_S from time 0, in units a second: the sum over all strokes."""
    duration = np.exp(strokes.mu + _TAIL_SIGMAS * strokes.sigma)
    window = int(np.ceil(duration.max() / TIME_STEP_S)) + 1
    first = np.ceil(strokes.start_s / TIME_STEP_S).astype(np.int64)
    steps = first[:, None] + np.arange(window)
    times = steps * TIME_STEP_S - strokes.start_s[:, None]
    density = lognormal(times, strokes.mu[:, None], strokes.sigma[:, None])
    done = (np.cumsum(density, axis=1) - density / 2) * TIME_STEP_S
    angle = strokes.angle_from[:, None] + (strokes.angle_to - strokes.angle_from)[:, None] * done
    speed = density * strokes.length[:, None]
    columns = [np.bincount(steps.ravel(), (speed * wave(angle)).ravel()) for wave in (np.cos, np.sin)]
    return np.stack(columns, axis=1)


def trace(strokes: Strokes, start: Floats) -> Trace:
    """The movement of the pen from `start` (2,), without the pen's rest at its beginning and end."""
    speeds = velocity(strokes)
    xy = np.vstack([start, start + np.cumsum(speeds, axis=0) * TIME_STEP_S])
    speed = np.hypot(speeds[:, 0], speeds[:, 1])
    moving = np.flatnonzero(speed > 0.01 * max(float(speed.max()), 1e-9))
    first, last = (int(moving[0]), int(moving[-1]) + 2) if len(moving) else (0, len(xy))
    return Trace(xy[first:last], np.concatenate([speed[:1], speed])[first:last])
