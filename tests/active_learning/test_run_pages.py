"""What is read from the journal of a run: calibrated, of the right settings, and without what failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from docdetect.active_learning.run_pages import RunPages, read_head, read_run
from docdetect.calibration import Calibration, ScoreMap
from docdetect.datasets.split import PageKey
from docdetect.errors import InputError
from docdetect.inference.journal import JOURNAL_NAME
from docdetect.inference.journal_lines import DocumentEnd, Origin, document_to_line, page_to_line, run_to_line
from docdetect.types import Detections, FailedPage, Failure, FailureKind, PageInfo, PageResult
from tests.support.fakes import SETTINGS

SIZE = (100, 100)
CHECKED = replace(SETTINGS, conf=0.2, check_conf=(0.05, 0.05, 0.05))
BOX = (10.0, 10.0, 40.0, 40.0)


def boxes(*scored: tuple[int, float]) -> Detections:
    xyxy = np.array([BOX] * len(scored), np.float32).reshape(-1, 4)
    return Detections(
        xyxy, np.array([c for c, _ in scored], np.int64), SIZE, np.array([s for _, s in scored], np.float32)
    )


def result(name: str, number: int, marks: Detections, possible: Detections | None = None) -> PageResult:
    return PageResult(PageInfo(name, number, SIZE), marks, marks, possible_marks=possible)


def write_journal(folder: Path, *lines: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / JOURNAL_NAME).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def read(folder: Path, calibration: Calibration | None = None) -> RunPages:
    return read_run(folder, read_head(folder), calibration)


def line(page: PageResult | FailedPage, settings: object = CHECKED, sha256: str = "0") -> str:
    return page_to_line(page, Origin(sha256, settings.content_hash()), settings)  # type: ignore[attr-defined,arg-type]


def test_marks_and_possible_marks_are_scored_by_class(tmp_path: Path) -> None:
    marks, possible = boxes((2, 0.5), (2, 1.0)), boxes((1, 0.1))
    folder = write_journal(tmp_path / "run", run_to_line(CHECKED), line(result("a.pdf", 1, marks, possible)))
    pages = read(folder)
    assert pages.keys == [PageKey("a.pdf", 1)]
    assert pages.marks.tolist() == [[0, 0, 2]]
    assert pages.entropies[0, 2] == pytest.approx([1, 0, 0])
    assert pages.near[0, 1, 0] == pytest.approx(0.5)  # 0.1 of a threshold of 0.2
    assert pages.p_possible[0] == pytest.approx([0, 0.1, 0])
    assert (pages.unsure_class[0], pages.unsure_p[0]) == (2, pytest.approx(0.5))


def test_entropy_is_that_of_the_calibrated_probability(tmp_path: Path) -> None:
    folder = write_journal(tmp_path / "run", run_to_line(CHECKED), line(result("a.pdf", 1, boxes((2, 0.3)))))
    sure = Calibration({"stamp": ScoreMap("platt", (0.0, 0.3, 1.0), (0.0, 1.0, 1.0))})
    assert read(folder).entropies.max() > 0.8
    assert read(folder, sure).entropies.max() == 0
    marks, p = read(folder, sure).marks_of(0)
    assert (len(marks), p[0]) == (1, 1)


def test_pages_that_failed_and_documents_that_could_not_be_opened_are_counted(tmp_path: Path) -> None:
    failure = Failure(FailureKind.TIMEOUT, "too slow")
    origin = Origin("0", CHECKED.content_hash())
    folder = write_journal(
        tmp_path / "run",
        run_to_line(CHECKED),
        line(FailedPage("a.pdf", 1, failure)),
        line(result("a.pdf", 2, boxes())),
        document_to_line(DocumentEnd("a.pdf", 2), origin),
        document_to_line(
            DocumentEnd("b.pdf", 0, Failure(FailureKind.ENCRYPTED, "locked")), Origin("", origin.settings)
        ),
    )
    pages = read(folder)
    assert (pages.keys, pages.failed_pages, pages.failed_documents) == ([PageKey("a.pdf", 2)], 1, 1)


def test_only_lines_of_the_last_settings_and_of_the_last_contents_count(tmp_path: Path) -> None:
    older = replace(CHECKED, conf=0.4)
    folder = write_journal(
        tmp_path / "run",
        run_to_line(older),
        line(result("a.pdf", 1, boxes((0, 0.9))), older),
        run_to_line(CHECKED),
        line(result("b.pdf", 1, boxes((0, 0.9))), sha256="1"),
        line(result("b.pdf", 2, boxes((0, 0.9))), sha256="1"),
        line(result("b.pdf", 1, boxes((1, 0.9))), sha256="2"),
    )
    with (folder / JOURNAL_NAME).open("a", encoding="utf-8") as stream:
        stream.write(line(result("c.pdf", 1, boxes()))[:40])  # torn by a kill
    pages = read(folder)
    assert pages.keys == [PageKey("b.pdf", 1)]
    assert pages.marks.tolist() == [[0, 1, 0]]
    assert pages.sha256["b.pdf"] == "2"


def test_a_document_that_lacks_a_required_mark_scores_on_its_likeliest_page(tmp_path: Path) -> None:
    folder = write_journal(
        tmp_path / "run",
        run_to_line(CHECKED),
        line(result("a.pdf", 1, boxes((0, 0.9)))),
        line(result("a.pdf", 2, boxes(), boxes((1, 0.15)))),
        line(result("b.pdf", 1, boxes((1, 0.9)))),
    )
    scores = read(folder).lacks(("signature",))
    assert scores[1] > 0.9 > 0.1 > scores[0]
    assert scores[2] == 0
    assert read(folder).lacks(()).sum() == 0


def test_a_folder_without_a_run_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no results"):
        read_head(tmp_path)
