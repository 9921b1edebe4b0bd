"""Measures how much work a page is on the review page: a scripted reviewer corrects made-up documents.

    python -m benchmarks.review [--pages 60] [--seed 7] [--conf 0.25]

Made-up documents go through `docdetect infer` with the bundled weights. The reviewer then works on every page in a real
browser (headless Chromium), with the keys and the mouse that a person has, until the boxes are those that the pages
were made with. False alarms are deleted, missing marks are accepted if they are possible marks and drawn otherwise, a
wrong category is changed, and Enter confirms the page.

Printed are:

1. the strokes: keys and drags for each page, and the share of pages for which Enter is enough;
2. the seconds of the browser: from Enter until the next page is on the screen, and from a correction until the service
   has it on its disk;
3. the seconds of a person, by the keystroke-level model of Card, Moran and Newell (The keystroke-level model for user
   performance time with interactive systems, Communications of the ACM 23(7), 1980): 0.2 s for a key (a good typist),
   1.1 s to point with a mouse, 0.1 s to press or release its button, 0.4 s to move a hand between keyboard and mouse,
   1.35 s to decide. A page takes one decision, and each correction another one. The model assumes routine work without
   errors, and one decision is little for a page that has to be read: the seconds are a lower bound, which is good for
   comparisons. Printed beside it is the same model for a reviewer who draws all boxes on pages without any.

The last line says whether the corrections that the service returns are the ground truth. Needs chromium and
chromium-driver.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from tests.support.browser import open_browser
from tests.support.review_page import BASE, Reviewer, reviewing
from tests.support.waiting import wait_until

from docdetect.annotations.native import annotations_from_text
from docdetect.machine import processor_summary
from docdetect.review.boxes import box_iou

# Seconds of the operators of the keystroke-level model.
KEY_S, POINT_S, BUTTON_S, HAND_S, DECIDE_S = 0.2, 1.1, 0.1, 0.4, 1.35
# A drag: the hand goes to the mouse and back, two points, the button down and up.
DRAG_S = 2 * HAND_S + 2 * POINT_S + 2 * BUTTON_S

_SAME_IOU = 0.5


@dataclass(frozen=True)
class Truth:
    """A mark of the ground truth: its category, and its box in px of the page of the run."""

    category: str
    xyxy: tuple[float, float, float, float]


@dataclass
class Work:
    """What the reviewer did on one page.

    Attributes:
        keys: key strokes, Enter included.
        drags: with the mouse.
        corrections: of each kind.
        marks: number of marks of the ground truth.
        next_s: from Enter until the next page was seen; None for the last page.
        saved_s: from each correction until it was on the disk of the service.
    """

    keys: int = 0
    drags: int = 0
    corrections: Counter[str] = field(default_factory=Counter)
    marks: int = 0
    next_s: float | None = None
    saved_s: list[float] = field(default_factory=list)

    @property
    def person_s(self) -> float:
        """Seconds of a person by the model."""
        return DECIDE_S * (1 + sum(self.corrections.values())) + KEY_S * self.keys + DRAG_S * self.drags

    @property
    def from_nothing_s(self) -> float:
        """Seconds of a person who draws every mark: a decision, a key for the category and a drag each, and Enter."""
        return DECIDE_S + KEY_S + self.marks * (DECIDE_S + KEY_S + DRAG_S)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 0 when the corrections are the ground truth."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.review", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--conf", type=float, default=0.25, help="threshold of infer")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run_docdetect(
            "synth", "--pages", str(wanted.pages), "--seed", str(wanted.seed), "--pdf", "--output", f"{folder}/made"
        )
        run_docdetect("infer", f"{folder}/made/pdfs", "--output", f"{folder}/run", "--conf", str(wanted.conf))
        with open_browser() as window, reviewing(folder / "made" / "pdfs", folder / "run") as address:
            reviewer = Reviewer(window, address)
            truth = _truth(folder / "made" / "annotations.json", reviewer)
            work = _review(reviewer, truth)
            is_true = _compare(reviewer, truth)
    _report(work, is_true)
    return 0 if is_true else 1


def run_docdetect(*arguments: str) -> None:
    """Runs a command of docdetect quietly. Raises CalledProcessError."""
    command = [sys.executable, "-c", "import sys; from docdetect.cli.main import run; sys.exit(run(sys.argv[1:]))"]
    subprocess.run([*command, *arguments, "--quiet"], check=True)


def _truth(annotations: Path, reviewer: Reviewer) -> dict[str, list[Truth]]:
    """Id of each page -> its marks."""
    known = annotations_from_text(annotations.read_text(encoding="utf-8"), annotations.name)
    truth: dict[str, list[Truth]] = {}
    for page in reviewer.get("/pages", limit=5000)["pages"]:
        made = known.get(page["document"], {}).get(page["number"])
        truth[page["id"]] = []
        if made is None:
            continue
        x, y = page["width"] / made.size_wh[0], page["height"] / made.size_wh[1]
        for mark in made.marks:
            left, top, wide, high = mark.xywh
            box = (left * x, top * y, (left + wide) * x, (top + high) * y)
            truth[page["id"]].append(Truth(mark.category, box))
    return truth


def _matched(marks: Sequence[Truth], boxes: Sequence[dict[str, Any]], *, any_category: bool) -> dict[int, int]:
    """Index of each mark -> index of the box that is it; the best pairs first."""
    pairs = sorted(
        (
            (box_iou(mark.xyxy, box["xyxy"]), at, place)
            for at, mark in enumerate(marks)
            for place, box in enumerate(boxes)
            if any_category or mark.category == box["category"]
        ),
        reverse=True,
    )
    found: dict[int, int] = {}
    for iou, at, place in pairs:
        if iou >= _SAME_IOU and at not in found and place not in found.values():
            found[at] = place
    return found


def _review(reviewer: Reviewer, truth: dict[str, list[Truth]]) -> list[Work]:
    pages = list(truth)
    categories: list[str] = reviewer.get("")["categories"]
    reviewer.open_page(0)
    done: list[Work] = []
    for number, page in enumerate(pages):
        work = Work(marks=len(truth[page]))
        _correct(reviewer, page, truth[page], categories, work)
        reviewer.saved()
        started_s = time.perf_counter()
        reviewer.keys("Enter")
        work.keys += 1
        if number + 1 < len(pages):
            reviewer.wait_for_page(pages[number + 1])
            work.next_s = time.perf_counter() - started_s
        done.append(work)
    wait_until(lambda: reviewer.get("")["reviewed"] == len(pages))
    return done


def _correct(reviewer: Reviewer, page: str, marks: list[Truth], categories: list[str], work: Work) -> None:
    """Makes the boxes of a page those of the ground truth, from the first box to the last one."""
    shown = reviewer.get(f"/pages/{page}")
    boxes, possible_marks = shown["boxes"], shown["possible_marks"]
    same = _matched(marks, boxes, any_category=False)
    others = [at for at in range(len(marks)) if at not in same]
    rest = [box for place, box in enumerate(boxes) if place not in same.values()]
    wrong = {
        others[at]: rest[place] for at, place in _matched([marks[at] for at in others], rest, any_category=True).items()
    }
    missing = [at for at in others if at not in wrong]
    accepted = {
        missing[at]: possible_marks[place]
        for at, place in _matched([marks[at] for at in missing], possible_marks, any_category=False).items()
    }
    for at, box in wrong.items():
        _go_to(reviewer, box["id"], work)
        _corrected(
            reviewer, work, "category", lambda at=at: reviewer.type(str(categories.index(marks[at].category) + 1))
        )
        work.keys += 1
    for box in rest:
        if box["id"] not in {other["id"] for other in wrong.values()}:
            _go_to(reviewer, box["id"], work)
            _corrected(reviewer, work, "deleted", lambda: reviewer.keys("Delete"))
            work.keys += 1
    for possible_mark in accepted.values():
        if _go_to(reviewer, possible_mark["id"], work):
            _corrected(reviewer, work, "accepted", lambda: reviewer.keys("Space"))
            work.keys += 1
    for at in missing:
        if at not in accepted:
            if any(box["selected"] for box in reviewer.shown()):
                reviewer.keys("Escape")
                work.keys += 1
            reviewer.type(str(categories.index(marks[at].category) + 1))
            left, top, right, bottom = marks[at].xyxy
            _corrected(reviewer, work, "drawn", lambda: reviewer.drag((left, top), (right, bottom)))  # noqa: B023
            work.keys += 1
            work.drags += 1


def _go_to(reviewer: Reviewer, box: str, work: Work) -> bool:
    """Presses Tab, or Shift Tab where that is shorter, until the box has the focus."""
    shown = reviewer.shown()
    wanted = next((at for at, one in enumerate(shown) if one["id"] == box), None)
    if wanted is None:
        return False
    now = next((at for at, one in enumerate(shown) if one["focus"]), -1)
    for _ in range(abs(wanted - now)):
        reviewer.keys("Tab" if wanted > now else "Shift+Tab")
        work.keys += 1
    return True


def _corrected(reviewer: Reviewer, work: Work, kind: str, act: Any) -> None:
    started_s = time.perf_counter()
    act()
    reviewer.saved()
    work.saved_s.append(time.perf_counter() - started_s)
    work.corrections[kind] += 1


def _compare(reviewer: Reviewer, truth: dict[str, list[Truth]]) -> bool:
    text = httpx2.get(f"{reviewer.address}{BASE}/annotations.json").text
    known = annotations_from_text(text, "annotations.json")
    pages = {page["id"]: page for page in reviewer.get("/pages", limit=5000)["pages"]}
    for page, marks in truth.items():
        made = known[pages[page]["document"]][pages[page]["number"]]
        boxes = [
            {"category": mark.category, "xyxy": (x, y, x + wide, y + high)}
            for mark in made.marks
            for x, y, wide, high in (mark.xywh,)
        ]
        if len(boxes) != len(marks) or len(_matched(marks, boxes, any_category=False)) != len(marks):
            print(f"{pages[page]['document']}, page {pages[page]['number']}: {len(boxes)} boxes, {len(marks)} marks")
            return False
    return True


def _report(work: Sequence[Work], is_true: bool) -> None:
    pages = len(work)
    kinds: Counter[str] = sum((one.corrections for one in work), Counter())
    keys, drags = [one.keys for one in work], [one.drags for one in work]
    turned = sorted(one.next_s for one in work if one.next_s is not None)
    saved = sorted(second for one in work for second in one.saved_s)
    print(f"{processor_summary()}; headless Chromium; {pages} made-up pages, {sum(one.marks for one in work)} marks")
    print(f"corrections: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items())) or 'none'}")
    print(f"pages for which Enter is enough: {sum(one.keys == 1 for one in work) / pages:.0%}")
    print(f"keys a page: mean {statistics.mean(keys):.1f}, median {statistics.median(keys):g}, most {max(keys)}")
    print(f"drags a page: mean {statistics.mean(drags):.2f}")
    print(f"Enter until the next page is seen: median {_at(turned, 0.5):.3f} s, 95 % within {_at(turned, 0.95):.3f} s")
    if saved:
        print(f"correction until it is kept: median {_at(saved, 0.5):.3f} s, 95 % within {_at(saved, 0.95):.3f} s")
    person, nothing = statistics.mean(one.person_s for one in work), statistics.mean(one.from_nothing_s for one in work)
    print(f"seconds of a person a page, by the model: {person:.1f}; drawing all marks: {nothing:.1f}")
    print("the corrections are the ground truth" if is_true else "the corrections are NOT the ground truth")


def _at(ordered: Sequence[float], share: float) -> float:
    return float(np.quantile(ordered, share)) if ordered else float("nan")


if __name__ == "__main__":
    sys.exit(main())
