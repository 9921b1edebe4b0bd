"""Finds the sheet of paper in a photograph.

A sheet is a quadrilateral each of whose sides shows paper on one side of it and something else on the other. Candidates
come from several ways to tell paper from what is behind it; their sides are moved to where the colour changes most, and
the candidate whose sides have the most evidence wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import cv2
import numpy as np

from docdetect.documents.flattening import Points, Sheet, area_of
from docdetect.types import BoolArray, ByteArray, FloatArray

# Long side in px at which a sheet is looked for: text is then a few px high, and the sides of a sheet are sharp.
_LOOK_PX = 512

# Side in px, at that size, of the square that covers strokes of text: dark strokes on paper are filled from around.
_STROKE_PX = 9

# Smallest share of the picture that a sheet covers.
_LEAST_AREA_FRAC = 0.12

# A corner may lie outside the picture by so much of its long side, where it is cut off.
_OUTSIDE_FRAC = 0.1

# Points on each side at which the colours of both sides are compared, and px from the side up to which they are.
_SAMPLES, _REACH_PX = 40, 7

# Difference of the colours on both sides of an edge of paper, in units of CIELAB, from which on the edge is seen.
_EDGE_CONTRAST = 8.0

# Share of the points of a side at which an edge has to be seen: of the weakest side, and of all sides.
_LEAST_SIDE_SUPPORT, _LEAST_SUPPORT = 0.5, 0.7

# A side that runs so close to the border of the picture, as a share of its long side, shows no edge of paper.
_FRAME_FRAC = 0.006

# Level from which on a pixel is white in all of its colours, and the share of such pixels in the border of a picture
# above which nothing is around the page.
_WHITE_LEVEL, _MOST_WHITE_FRAC = 235, 0.5

# Sides of a contour, the longest ones, among which the four sides of a sheet are sought.
_MOST_SIDES = 6

# Smallest angle between neighbouring sides of a sheet, in degrees.
_LEAST_ANGLE_DEGREES = 50.0


def find_sheet(pixels: ByteArray) -> Sheet | None:
    """The sheet of paper in a picture, uint8 (H, W, 3) RGB; None where none is seen, or all of the picture is paper.

    All four sides have to be in the picture; corners may be cut off.
    """
    small = small_picture(pixels)
    small_wh = small.shape[1], small.shape[0]
    if min(small_wh) < 8 * _REACH_PX or _is_white_around(small):
        return None
    bare = _without_ink(in_cielab(small))
    best: Sheet | None = None
    for corners in _candidates(bare):
        found = _measured(bare, corners)
        if found is not None:
            found = _measured(bare, _refined(bare, found.corners_px(small_wh))) or found
            if best is None or _worth(found) > _worth(best):
                best = found
    return best


def small_picture(pixels: ByteArray) -> ByteArray:
    """The picture, uint8 (H, W, 3), at the size at which a sheet is looked for; a smaller one as it is."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _LOOK_PX / max(height, width))
    small_wh = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, small_wh, interpolation=cv2.INTER_AREA), np.uint8)


def in_cielab(pixels: ByteArray) -> FloatArray:
    """uint8 (H, W, 3) RGB -> float32 (H, W, 3) in CIELAB, lightness from 0 to 100."""
    return np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _is_white_around(small: ByteArray) -> bool:
    """Whether most of the border of a picture is white, as that of pages without anything around them: most scans."""
    border = np.concatenate([part.reshape(-1, 3) for part in (small[:2], small[-2:], small[:, :2], small[:, -2:])])
    return bool((border.min(axis=1) >= _WHITE_LEVEL).mean() > _MOST_WHITE_FRAC)


def _worth(found: Sheet) -> float:
    """Larger for the better one of two sheets: much evidence, and of sheets inside sheets the larger one."""
    return found.support * float(np.sqrt(found.area_frac))


def _without_ink(lab: FloatArray) -> FloatArray:
    """The picture in CIELAB with dark strokes filled from around, slightly smoothed."""
    square = cv2.getStructuringElement(cv2.MORPH_RECT, (_STROKE_PX, _STROKE_PX))
    lightness = cv2.morphologyEx(lab[:, :, 0], cv2.MORPH_CLOSE, square)
    colours = [cv2.medianBlur(np.ascontiguousarray(lab[:, :, channel]), 5) for channel in (1, 2)]
    return np.asarray(cv2.GaussianBlur(cv2.merge([lightness, *colours]), (0, 0), 1.0), np.float32)


def _candidates(bare: FloatArray) -> Iterator[Points]:
    """Quadrilaterals (4, 2) px that may be sheets."""
    for mask in _masks(bare):
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:2]:
            hull = cv2.convexHull(contour)
            if cv2.contourArea(hull) >= _LEAST_AREA_FRAC * mask.size:
                yield from _quadrilaterals(hull[:, 0].astype(np.float64))


def _masks(bare: FloatArray) -> Iterator[ByteArray]:
    """Pictures that are 255 where paper may be, 0 elsewhere."""
    lightness = bare[:, :, 0]
    levels = np.clip(lightness * 2.55, 0, 255).astype(np.uint8)
    otsu, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    bright = np.percentile(lightness, 90) * 2.55
    for level in sorted({int(otsu), int(otsu * 0.5 + bright * 0.5), int(otsu * 0.25 + bright * 0.75)}):
        yield _cleaned(levels > level)
    # What differs in colour from the border of the picture, where a sheet lies on something of one colour.
    band = max(3, max(bare.shape[:2]) // 64)
    border = np.concatenate(
        [part.reshape(-1, 3) for part in (bare[:band], bare[-band:], bare[:, :band], bare[:, -band:])]
    )
    away = np.linalg.norm(bare - np.median(border, axis=0), axis=2)
    distances = np.clip(away * 3, 0, 255).astype(np.uint8)
    level, _ = cv2.threshold(distances, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    yield _cleaned(distances > max(level, 3 * _EDGE_CONTRAST))
    # What edges enclose.
    steps = np.zeros(lightness.shape, np.float32)
    for channel in range(3):
        plane = np.ascontiguousarray(bare[:, :, channel])
        steps = np.maximum(steps, np.hypot(cv2.Sobel(plane, -1, 1, 0), cv2.Sobel(plane, -1, 0, 1)))
    for least in (12.0, 24.0):
        edges = cv2.dilate((steps > least).astype(np.uint8), np.ones((3, 3), np.uint8))
        yield np.asarray(edges * 255, np.uint8)
        edges[[0, -1]] = edges[:, [0, -1]] = 0
        yield _largest_hole(edges)


def _cleaned(mask: BoolArray) -> ByteArray:
    square = np.ones((5, 5), np.uint8)
    opened = cv2.morphologyEx(mask.astype(np.uint8) * 255, cv2.MORPH_OPEN, square)
    return np.asarray(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, square), np.uint8)


def _largest_hole(edges: ByteArray) -> ByteArray:
    """The largest area that edges enclose."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats(1 - edges, connectivity=4)
    height, width = edges.shape
    best, most = 0, 0
    for label in range(1, count):
        left, top, wide, high, area = facts[label]
        if left > 0 and top > 0 and left + wide < width and top + high < height and area > most:
            best, most = label, area
    return np.asarray((labels == best).astype(np.uint8) * 255 if most else np.zeros_like(edges), np.uint8)


def _quadrilaterals(hull: Points) -> Iterator[Points]:
    """The quadrilaterals whose sides are the longest sides of a convex contour."""
    outline = hull.astype(np.float32).reshape(-1, 1, 2)
    simple = cv2.approxPolyDP(outline, 0.012 * cv2.arcLength(outline, True), True)[:, 0].astype(np.float64)
    if len(simple) < 4:
        return
    following = np.roll(simple, -1, axis=0)
    lengths = np.linalg.norm(following - simple, axis=1)
    longest = sorted(np.argsort(lengths)[::-1][:_MOST_SIDES].tolist())
    for sides in combinations(longest, 4):
        corners = []
        for position, side in enumerate(sides):
            before = sides[position - 1]
            corner = _crossing(
                simple[before], simple[(before + 1) % len(simple)], simple[side], simple[(side + 1) % len(simple)]
            )
            if corner is None:
                break
            corners.append(corner)
        else:
            found = np.array(corners)
            if 0.8 * area_of(hull) < area_of(found) < 1.25 * area_of(hull):
                yield found


def _crossing(a: Points, b: Points, c: Points, d: Points) -> Points | None:
    """Where the line through a and b meets that through c and d; None where they are nearly parallel."""
    along, other = b - a, d - c
    across = along[0] * other[1] - along[1] * other[0]
    if abs(across) < np.sin(np.radians(_LEAST_ANGLE_DEGREES)) * np.linalg.norm(along) * np.linalg.norm(other):
        return None
    share = ((c - a)[0] * other[1] - (c - a)[1] * other[0]) / across
    return np.asarray(a + share * along, np.float64)


def _in_order(corners: Points) -> Points:
    """The corners clockwise as displayed, beginning with the top left one."""
    middle = corners.mean(axis=0)
    angles = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    clockwise = corners[np.argsort(angles)]
    first = int(np.argmin(clockwise.sum(axis=1)))
    ordered = np.roll(clockwise, -first, axis=0)
    # The top side is the one that runs more to the right than down.
    along = ordered[1] - ordered[0]
    return np.roll(ordered, 1, axis=0) if along[1] > along[0] else ordered


def _profiles(bare: FloatArray, corners: Points) -> tuple[FloatArray, Points, Points]:
    """Colours across the sides: (4, samples, 2 * reach + 1, 3) from outside to inside, where they were taken at the
    sides (4, samples, 2) px, and the directions (4, 2) into the sheet."""
    following = np.roll(corners, -1, axis=0)
    along = following - corners
    inward = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1, keepdims=True)
    shares = np.linspace(0.04, 0.96, _SAMPLES)
    at = corners[:, None] + shares[None, :, None] * along[:, None]
    steps = np.arange(-_REACH_PX, _REACH_PX + 1)
    points = (at[:, :, None] + steps[None, None, :, None] * inward[:, None, None]).astype(np.float32)
    flat = points.reshape(4 * _SAMPLES, len(steps), 2)
    colours = cv2.remap(bare, flat, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return colours.reshape(4, _SAMPLES, len(steps), 3), at, inward


def _measured(bare: FloatArray, corners: Points) -> Sheet | None:
    """A quadrilateral as a sheet, with its evidence; None where it is none."""
    height, width = bare.shape[:2]
    slack = _OUTSIDE_FRAC * max(height, width)
    if (
        not np.isfinite(corners).all()
        or (corners < -slack).any()
        or (corners > np.array([width, height]) + slack).any()
    ):
        return None
    corners = _in_order(corners)
    if not cv2.isContourConvex(corners.astype(np.float32).reshape(-1, 1, 2)) or not _is_square_enough(corners):
        return None
    if area_of(corners) < _LEAST_AREA_FRAC * width * height:
        return None
    colours, at, _ = _profiles(bare, corners)
    outside, inside = colours[:, :, : _REACH_PX - 2].mean(axis=2), colours[:, :, _REACH_PX + 3 :].mean(axis=2)
    contrast = np.linalg.norm(inside - outside, axis=2)
    margin = _FRAME_FRAC * max(height, width)
    in_picture = ((at > margin) & (at < np.array([width, height]) - margin)).all(axis=2)
    paper = np.median(inside.reshape(-1, 3), axis=0)
    like_paper = np.linalg.norm(inside - paper, axis=2) < np.linalg.norm(outside - paper, axis=2)
    seen = (contrast > _EDGE_CONTRAST) & in_picture & like_paper
    support = seen.mean(axis=1).astype(np.float32)
    if support.min() < _LEAST_SIDE_SUPPORT or support.mean() < _LEAST_SUPPORT:
        return None
    return Sheet(corners / np.array([width, height]), float(support.mean()), (width, height))


def _is_square_enough(corners: Points) -> bool:
    before, after = np.roll(corners, 1, axis=0) - corners, np.roll(corners, -1, axis=0) - corners
    cosines = (before * after).sum(axis=1) / (np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1))
    return bool((np.abs(cosines) < np.cos(np.radians(_LEAST_ANGLE_DEGREES))).all())


def _refined(bare: FloatArray, corners: Points) -> Points:
    """The quadrilateral with its sides moved to where the colour changes most."""
    for _ in range(2):
        colours, at, inward = _profiles(bare, corners)
        change = np.linalg.norm(colours[:, :, 2:] - colours[:, :, :-2], axis=3)
        where = change.argmax(axis=2) + 1 - _REACH_PX
        weight = change.max(axis=2)
        lines = []
        for side in range(4):
            points = at[side] + where[side][:, None] * inward[side]
            seen = weight[side] > _EDGE_CONTRAST / 2
            if seen.sum() < _SAMPLES // 3:
                seen[:] = True
                points = at[side]
            vx, vy, x, y = cv2.fitLine(points[seen].astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01)[:, 0]
            lines.append((np.array([x, y], np.float64), np.array([x + vx, y + vy], np.float64)))
        moved = [_crossing(*lines[side - 1], *lines[side]) for side in range(4)]
        if any(corner is None for corner in moved):
            return corners
        corners = np.array(moved)
    return corners
