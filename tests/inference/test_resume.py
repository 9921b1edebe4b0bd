"""Stops of every kind, and going on from there: nothing lost, doubled or torn, and the same bytes in the end."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from docdetect.config.loading import load_config
from docdetect.config.schema import Config, InferConfig
from docdetect.errors import InputError, OutputError
from docdetect.inference import networks as module
from docdetect.inference.detector import Detector
from docdetect.inference.journal import JOURNAL_NAME, Journal
from docdetect.inference.report import InferReport
from docdetect.inference.resuming import infer_config, what_starts_over
from docdetect.inference.run import infer, run_settings
from docdetect.models.conversions import int8_path
from docdetect.models.engines.base import Traits
from docdetect.types import ByteArray, Detections
from tests.support.fakes import SETTINGS, ColourEngine, compared_files, make_folder, make_pdf, run_once, with_pages

STAMP = ("stamp", (20.0, 20.0, 60.0, 50.0))


class StoppingEngine(ColourEngine):
    """Ctrl-C is pressed after so many calls, while the network is busy for longer than a stop waits."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        self.calls -= 1
        if self.calls == -1:
            signal.raise_signal(signal.SIGINT)
        if self.calls < 0:
            time.sleep(3)
        return super().detect(pages, conf, iou)


class CountingEngine(ColourEngine):
    """Counts the pages that it sees."""

    pages = 0

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        self.pages += len(pages)
        return super().detect(pages, conf, iou)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "in")


@pytest.fixture
def uninterrupted(tmp_path: Path, source: Path) -> dict[str, bytes]:
    run_once(source, tmp_path / "whole", with_pages())
    return compared_files(tmp_path / "whole")


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_an_interrupted_run_writes_its_results_and_goes_on(
    source: Path, tmp_path: Path, uninterrupted: dict[str, bytes], calls: int
) -> None:
    output = tmp_path / "out"
    report = run_once(source, output, with_pages(), engine=StoppingEngine(calls))
    assert report.interrupted
    assert report.totals.pages == 2 * calls
    assert {"detections.json", "detections.csv", "summary.json"} <= {path.name for path in output.iterdir()}
    engine = CountingEngine()
    report = run_once(source, output, with_pages(), engine=engine, on_existing="resume")
    assert not report.interrupted
    assert engine.pages == 6 - 2 * calls
    assert compared_files(output) == uninterrupted


def test_resuming_a_finished_run_does_nothing(source: Path, tmp_path: Path, uninterrupted: dict[str, bytes]) -> None:
    engine = CountingEngine()
    run_once(source, tmp_path / "whole", with_pages(), engine=engine, on_existing="resume")
    assert engine.pages == 0
    assert compared_files(tmp_path / "whole") == uninterrupted


@pytest.mark.parametrize("lost_bytes", [1, 40, 400])
def test_a_torn_last_line_is_done_again(
    source: Path, tmp_path: Path, uninterrupted: dict[str, bytes], lost_bytes: int
) -> None:
    journal = tmp_path / "whole" / JOURNAL_NAME
    journal.write_bytes(journal.read_bytes()[:-lost_bytes])
    report = run_once(source, tmp_path / "whole", with_pages(), on_existing="resume")
    assert report.torn_lines == 1
    assert compared_files(tmp_path / "whole") == uninterrupted


def test_lines_that_are_no_records_are_done_again(
    source: Path, tmp_path: Path, uninterrupted: dict[str, bytes]
) -> None:
    journal = tmp_path / "whole" / JOURNAL_NAME
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[1] = b"\0" * 100 + b"\n"
    lines[3] = lines[3].replace(b'"xyxy"', b'"xxyy"')
    journal.write_bytes(b"".join(lines))
    report = run_once(source, tmp_path / "whole", with_pages(), on_existing="resume")
    assert report.torn_lines == 2
    assert compared_files(tmp_path / "whole") == uninterrupted


def test_a_changed_document_starts_over(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run_once(source, output, with_pages())
    make_pdf(source / "a.pdf", [[STAMP]])
    engine = CountingEngine()
    run_once(source, output, with_pages(), engine=engine, on_existing="resume")
    assert engine.pages == 1
    run_once(source, tmp_path / "fresh", with_pages())
    assert compared_files(output) == compared_files(tmp_path / "fresh"), "pages 2 and 3 of a.pdf must be gone"


def test_a_removed_document_is_gone_and_a_new_one_is_done(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run_once(source, output, with_pages())
    (source / "a.pdf").unlink()
    make_pdf(source / "z.pdf", [[STAMP]])
    run_once(source, output, with_pages(), on_existing="resume")
    run_once(source, tmp_path / "fresh", with_pages())
    assert compared_files(output) == compared_files(tmp_path / "fresh")


def test_changed_settings_or_weights_start_over(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run_once(source, output)
    for change in ({"conf": 0.55}, {"weights_sha256": "0" * 64}, {"precision": "bf16"}, {"engine": "openvino"}):
        settings = replace(SETTINGS, **change)
        engine = CountingEngine()
        run_once(source, output, settings, engine=engine, on_existing="resume")
        assert engine.pages == 6
        run_once(source, tmp_path / "fresh", settings, on_existing="overwrite")
        assert compared_files(output) == compared_files(tmp_path / "fresh")


def test_settings_without_influence_do_not_start_over(source: Path, tmp_path: Path) -> None:
    run_once(source, tmp_path / "out")
    engine = CountingEngine()
    run_once(source, tmp_path / "out", replace(SETTINGS, batch=7), engine=engine, on_existing="resume")
    assert engine.pages == 0


def test_a_full_disk_stops_cleanly_and_leaves_a_whole_journal(
    source: Path, tmp_path: Path, uninterrupted: dict[str, bytes]
) -> None:
    resource = pytest.importorskip("resource", reason="file size limits are a Unix thing")
    output = tmp_path / "out"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2500, hard))
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            run_once(source, output, with_pages())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    journal = output / JOURNAL_NAME
    assert not journal.exists() or journal.read_bytes().endswith(b"\n") or journal.read_bytes() == b""
    run_once(source, output, with_pages(), on_existing="resume")
    assert compared_files(output) == uninterrupted


def test_another_int8_form_of_the_same_weights_is_another_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "best.pt"
    weights.write_bytes(b"weights")
    quantised, plain = ColourEngine(), ColourEngine()
    quantised.traits = Traits("colours", "int8")
    seen = []
    for form in (b"", b"ranges from some pages", b"ranges from others"):
        if form:
            int8_path(weights).write_bytes(form)
        hashes = []
        for engine in (quantised, plain):
            monkeypatch.setattr(module, "load_engine", lambda *_, loaded=engine, **__: loaded)
            with Detector(weights, imgsz=256) as detector:
                hashes.append(run_settings(Config(), detector).content_hash())
        seen.append(hashes)
    assert len({first for first, _ in seen}) == 3
    assert len({second for _, second in seen}) == 1


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("change", [{"save_pages": True}, {"save_crops": True}, {"save_pdf": True}])
def test_an_output_that_is_added_repeats_no_inference(
    source: Path, tmp_path: Path, change: dict[str, Any], workers: int
) -> None:
    output, settings = tmp_path / "out", replace(SETTINGS, workers=workers)
    run_once(source, output, settings)
    engine = CountingEngine()
    run_once(source, output, replace(settings, **change), engine=engine, on_existing="resume")
    assert engine.pages == 0
    run_once(source, tmp_path / "fresh", replace(settings, **change))
    assert compared_files(output) == compared_files(tmp_path / "fresh")
    assert any(name.endswith((".jpg", ".pdf")) for name in compared_files(output))


def test_pictures_are_drawn_for_pages_that_were_done_before_the_stop_as_well(source: Path, tmp_path: Path) -> None:
    output, settings = tmp_path / "out", replace(SETTINGS, batch=1)
    run_once(source, output, settings, engine=StoppingEngine(2))
    engine = CountingEngine()
    run_once(source, output, with_pages(settings), engine=engine, on_existing="resume")
    assert engine.pages == 4
    run_once(source, tmp_path / "fresh", with_pages(settings))
    assert compared_files(output) == compared_files(tmp_path / "fresh")


def test_a_format_that_is_added_repeats_no_inference(source: Path, tmp_path: Path) -> None:
    run_once(source, tmp_path / "out")
    engine = CountingEngine()
    wanted = InferConfig(formats=("json", "csv", "coco"))
    run_once(source, tmp_path / "out", engine=engine, on_existing="resume", wanted=wanted)
    assert engine.pages == 0
    run_once(source, tmp_path / "fresh", wanted=wanted)
    assert compared_files(tmp_path / "out") == compared_files(tmp_path / "fresh")


def test_what_starts_over_is_known_before_it_does(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run_once(source, output, SETTINGS)
    with Journal(output / JOURNAL_NAME, SETTINGS) as journal:
        assert what_starts_over(journal) == ""
    with Journal(output / JOURNAL_NAME, replace(SETTINGS, conf=0.5, dpi=100)) as journal:
        said = what_starts_over(journal)
    assert said.startswith("4 documents start over, because settings are others than those of the results in ")
    assert said.endswith("(conf was 0.15 and is 0.5; dpi was 200 and is 100)")
    # The results of the first settings are still there, and nothing starts over when they come back.
    with Journal(output / JOURNAL_NAME, SETTINGS) as journal:
        assert what_starts_over(journal) == ""


@pytest.fixture
def finds_colours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CountingEngine:
    """`infer` with an engine that counts pages, started in an empty folder."""
    engine = CountingEngine()
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"weights")
    monkeypatch.setattr(module, "load_engine", lambda *_, **__: engine)
    monkeypatch.setattr(module, "resolve_weights", lambda *_: weights)
    monkeypatch.chdir(tmp_path)
    return engine


def infer_with(**values: object) -> InferReport:
    said: list[str] = []
    report = infer(
        infer_config(None, (), {f"infer.{key}": value for key, value in values.items()}), announce=said.append
    )
    print(*said, sep="\n")
    return report


def test_resume_alone_goes_on_with_the_newest_results_and_their_own_configuration(
    source: Path, finds_colours: CountingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    first = infer_with(source=str(source), imgsz=256, workers=1, conf=0.3, save_pages=False, include=("a.pdf",))
    assert finds_colours.pages == 3
    report = infer_with(resume=True)
    assert report.output == first.output
    assert finds_colours.pages == 3, "nothing is left to do"
    assert load_config(str(report.output / "config.yaml")).infer.conf == 0.3
    report = infer_with(resume=True, output="last", include=("*",), save_crops=True)
    assert report.output == first.output
    assert finds_colours.pages == 6, "the documents that were left out"
    assert (report.output / "crops" / "a.pdf").is_dir()
    assert "start" not in capsys.readouterr().out
    infer_with(resume=True, conf=0.6)
    assert finds_colours.pages == 12
    assert "4 documents start over" in capsys.readouterr().out


def test_a_format_that_is_added_leaves_no_file_of_another_format_behind(
    source: Path, finds_colours: CountingEngine
) -> None:
    first = infer_with(source=str(source), imgsz=256, workers=1, save_pages=False, include=("a.pdf",))
    report = infer_with(resume=True, include=("*",), formats=("json", "coco"))
    assert report.output == first.output
    assert (report.output / "detections_coco.json").is_file()
    sheet = openpyxl.load_workbook(report.output / "results.xlsx")["Documents"]
    assert sheet.max_row == 1 + len(report.totals.documents), "the documents of this run, too"
    assert infer_config(None, (), {"infer.resume": True}).infer.formats == ("json", "csv", "jsonl", "xlsx", "coco")


def test_resume_without_results_says_what_to_do(source: Path, finds_colours: CountingEngine) -> None:
    with pytest.raises(InputError, match="no results of docdetect infer to go on from"):
        infer_with(source=str(source), resume=True)
    with pytest.raises(InputError, match="gone: holds no results of docdetect infer to go on from"):
        infer_config(flags={"infer.resume": True, "infer.output": str(source.parent / "gone")})


def test_two_runs_in_one_second_have_folders_of_their_own(source: Path, finds_colours: CountingEngine) -> None:
    outputs = [infer_with(source=str(source), imgsz=256, workers=1, save_pages=False).output for _ in range(2)]
    assert outputs[0] != outputs[1]
    assert all((output / "detections.json").is_file() for output in outputs)


def test_the_journals_of_several_machines_become_the_results_of_one_run(
    source: Path, tmp_path: Path, uninterrupted: dict[str, bytes]
) -> None:
    lists = {"one": ("a.pdf", "broken.pdf"), "two": ("a.pdf", "deep/Договор.PDF")}
    for machine, documents in lists.items():
        for document in documents:
            copy = tmp_path / machine / document
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((source / document).read_bytes())
        run_once(tmp_path / machine, tmp_path / f"results {machine}", with_pages())
    output = tmp_path / "results one"
    with (output / JOURNAL_NAME).open("ab") as stream:
        stream.write((tmp_path / "results two" / JOURNAL_NAME).read_bytes())
    engine = CountingEngine()
    report = run_once(source, output, with_pages(), engine=engine, on_existing="resume")
    assert engine.pages == 1  # of photo.jpg, which neither machine had
    assert report.totals.pages == 6
    assert [failed.document for failed in report.totals.failures] == ["broken.pdf"]
    assert compared_files(output) == uninterrupted


def test_documents_of_a_machine_with_other_settings_start_over_when_journals_are_joined(
    source: Path, tmp_path: Path, uninterrupted: dict[str, bytes]
) -> None:
    run_once(source, tmp_path / "other", replace(with_pages(), conf=0.9))
    (tmp_path / "out").mkdir()
    run_once(source, tmp_path / "out", with_pages(), engine=StoppingEngine(0))
    with (tmp_path / "out" / JOURNAL_NAME).open("ab") as stream:
        stream.write((tmp_path / "other" / JOURNAL_NAME).read_bytes())
    engine = CountingEngine()
    run_once(source, tmp_path / "out", with_pages(), engine=engine, on_existing="resume")
    assert engine.pages == 6
    assert compared_files(tmp_path / "out") == uninterrupted
