"""An evaluation on disk: files, the gallery, and where a picture comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from docdetect.datasets.origins import Origin, read_origins
from docdetect.datasets.reader import LabelledImage
from docdetect.errors import InputError
from docdetect.evaluation.gallery import caption, error_pictures, worst_of_each_kind
from docdetect.evaluation.predictions import PredictedImage, TimedEngine, samples_of
from docdetect.evaluation.report import ReportFrame, read_predictions, write_evaluation
from docdetect.files import read_json, write_text
from docdetect.metrics.errors import MistakeKind
from docdetect.metrics.evaluation import EvaluationSettings, evaluate
from docdetect.metrics.figures import BootstrapSettings
from docdetect.metrics.matching import Sample
from docdetect.models.engines.base import Traits
from docdetect.tables import read_csv
from docdetect.types import ByteArray, Detections

NAMES = ("qr", "stamp")
SIZE_WH = (400, 500)
SETTINGS = EvaluationSettings((0.25, 0.25), BootstrapSettings(resamples=50))


def _boxes(*rows: tuple[float, ...], scores: list[float] | None = None) -> Detections:
    table = np.array(rows, np.float64).reshape(-1, 5)
    return Detections(
        table[:, :4].astype(np.float32),
        table[:, 4].astype(np.int64),
        SIZE_WH,
        None if scores is None else np.array(scores, np.float32),
    )


def _samples() -> list[Sample]:
    """Every kind of error at least once."""
    mark, other = (100, 100, 200, 180, 0), (20, 300, 120, 400, 1)
    return [
        Sample("a.pdf", 1, "a", _boxes(mark, other), _boxes(mark, (21, 301, 121, 402, 1), scores=[0.9, 0.8])),
        Sample("a.pdf", 2, "a", _boxes(mark), _boxes((300, 0, 399, 60, 1), scores=[0.7])),
        Sample("б.pdf", 1, "б", _boxes(mark), _boxes((100, 100, 200, 180, 1), scores=[0.6])),
        Sample("б.pdf", 2, "б", _boxes(mark), _boxes((100, 100, 200, 140, 0), scores=[0.5])),
        Sample("в.pdf", 1, "в", _boxes(mark), _boxes(mark, (105, 105, 205, 185, 0), scores=[0.9, 0.4])),
        Sample("в.pdf", 2, "в", _boxes(), _boxes(scores=[])),
    ]


def _white(_: int) -> ByteArray:
    return np.full((SIZE_WH[1], SIZE_WH[0], 3), 255, np.uint8)


class NoMarks:
    class_names = ("qr",)
    traits = Traits("none")

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        none = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), (8, 8), np.zeros(0, np.float32))
        return [none] * len(pages)


def test_files_of_an_evaluation(tmp_path: Path) -> None:
    frame = ReportFrame("Evaluation", "of nothing much", {"weights": "best.pt"})
    evaluation = write_evaluation(tmp_path, _samples(), NAMES, SETTINGS, frame, _white)
    data = read_json(tmp_path / "evaluation.json")
    assert data["facts"]["weights"] == "best.pt"
    assert data["classes"] == list(NAMES)
    assert data["figures"][0]["ap50"]["value"] == evaluation.figures[0].ap50.value
    assert {kind: sum(counts) for kind, counts in data["mistakes"].items()} == {
        "missed": 1,
        "false": 1,
        "confused": 1,
        "loose": 1,
        "duplicate": 1,
    }
    assert data["empty"]["pages"] == 1
    table = read_csv(tmp_path / "metrics.csv")
    assert table["class"].tolist() == [*NAMES, "all"]
    assert float(table["AP50"].iloc[-1]) == pytest.approx(evaluation.figures[0].ap50.value, abs=1e-6)
    assert table["AP50 low"].iloc[-1] == "", "three groups are too few for an interval"
    assert "Too few groups for intervals" in (tmp_path / "report.html").read_text(encoding="utf-8")
    samples, names = read_predictions(tmp_path)
    assert names == NAMES
    assert evaluate(samples, names, SETTINGS).figures == evaluation.figures
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Only 3 groups of documents: too few for intervals." in html
    assert "A class with fewer than 10 marks (qr, stamp) has 0.25 in place of its best threshold" in html
    assert "Only 1 mark of class stamp: one of them moves recall by 1.000." in html
    assert html.count("data:image/jpeg") == 5


def test_a_set_without_marks_has_words_in_place_of_axes(tmp_path: Path) -> None:
    nothing = [Sample("a.pdf", 1, "a", _boxes(), _boxes(scores=[]))]
    write_evaluation(tmp_path, nothing, NAMES, SETTINGS, ReportFrame("Evaluation"))
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No page has a mark" in html
    assert "There is no error at the working thresholds." in html
    assert "there is nothing to draw" in html
    assert "data:image/svg" not in html


def test_predictions_are_only_where_val_or_crossval_was(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"predictions\.json: no such file"):
        read_predictions(tmp_path)


def test_the_gallery_shows_each_kind_and_keeps_to_the_page() -> None:
    samples = _samples()
    mistakes = evaluate(samples, NAMES, SETTINGS).mistakes
    worst = worst_of_each_kind(mistakes, 1)
    assert [mistake.kind for mistake in worst] == list(MistakeKind)
    pictures = error_pictures(samples, worst, NAMES, _white)
    assert [picture.caption for picture in pictures] == [
        "missed qr, nothing found there",
        "false stamp, 0.70",
        "confused stamp, 0.60, IoU 1.00",
        "loose qr, 0.50, IoU 0.50",
        "duplicate qr, 0.40",
    ]
    assert pictures[1].note == "a.pdf, page 2"
    assert all(caption(mistake, NAMES) == picture.caption for mistake, picture in zip(worst, pictures, strict=True))


@pytest.mark.parametrize(("laps", "seconds"), [([], None), ([(2, 8.0)], 4.0), ([(2, 8.0), (2, 1.0), (1, 0.5)], 0.5)])
def test_the_first_call_of_an_engine_warms_it_up(laps: list[tuple[int, float]], seconds: float | None) -> None:
    assert TimedEngine(NoMarks(), laps).seconds_per_page == seconds


def test_an_engine_is_timed_call_by_call() -> None:
    engine = TimedEngine(NoMarks())
    assert len(engine.detect([np.zeros((8, 8, 3), np.uint8)] * 2, 0.1, 0.7)) == 2
    assert [pages for pages, _ in engine.laps] == [2]


def test_origins_come_from_the_split_manifest(tmp_path: Path) -> None:
    write_text(
        tmp_path / "split.csv",
        "document,page,split,group\nact 7.pdf,2,val,act.pdf\nб.pdf,1,train,б.pdf#1\n",
    )
    origins = read_origins(tmp_path)
    assert origins["act 7_page_0002"] == Origin("act 7.pdf", 2, "act.pdf")
    assert origins["б_page_0001"] == Origin("б.pdf", 1, "б.pdf")
    known = PredictedImage(LabelledImage(Path("act 7_page_0002.png"), "images/x.png", _boxes()), _boxes(scores=[]))
    foreign = PredictedImage(LabelledImage(Path("scan.png"), "images/val/scan.png", _boxes()), _boxes(scores=[]))
    samples = samples_of([known, foreign], origins)
    assert [(one.document, one.page, one.group) for one in samples] == [
        ("act 7.pdf", 2, "act.pdf"),
        ("images/val/scan.png", 1, "images/val/scan.png"),
    ]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "document,page,group\nx.pdf,zero,g\n"])
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: str) -> None:
    write_text(tmp_path / "split.csv", text)
    with pytest.raises(InputError, match=r"split\.csv"):
        read_origins(tmp_path)
    assert read_origins(tmp_path / "elsewhere") == {}
