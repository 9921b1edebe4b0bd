"""`docdetect infer` as people call it, with a detector that finds colours in place of a network."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pymupdf
import pytest

from docdetect.cli.main import run
from docdetect.config.loading import load_config
from docdetect.config.schema import Config
from docdetect.inference.run import infer as run_infer
from tests.support.fakes import ColourEngine, make_folder, make_pdf

STAMP = ("stamp", (20.0, 20.0, 60.0, 50.0))


@pytest.fixture(autouse=True)
def colour_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = tmp_path / "fake.pt"
    weights.write_bytes(b"weights")
    monkeypatch.setattr("docdetect.inference.networks.resolve_weights", lambda name, runs: weights)
    monkeypatch.setattr("docdetect.inference.networks.load_engine", lambda weights, **_: ColourEngine())
    monkeypatch.setattr("docdetect.inference.detector.available_cores", lambda: 1)


def infer(tmp_path: Path, *options: str) -> int:
    places = ["--source", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    return run(["infer", *places, "--imgsz", "256", *options])


def test_it_finds_marks_and_ends_with_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP], []])
    assert infer(tmp_path) == 0
    text = capsys.readouterr().err
    assert "a.pdf    │ none │ none      │     1" in text
    assert "1 document, 2 pages: 0 QR codes, 0 signatures, 1 stamp; " in text
    assert text.rstrip().endswith(
        f"results: {tmp_path / 'out'}\n"
        "  index.html     all documents and pages, to look at in a browser\n"
        "  results.xlsx   documents and marks as a workbook\n"
        "  pages          every page with its marks\n"
        "  documents.csv  one line for each document"
    )
    assert (tmp_path / "out" / "pages" / "a.pdf" / "page_0001.jpg").is_file()
    found = json.loads((tmp_path / "out" / "detections.json").read_text(encoding="utf-8"))
    assert list(found["a.pdf"]) == ["page_1", "page_2"]


def test_a_resumed_run_without_new_pages_tells_no_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP], []])
    assert infer(tmp_path) == 0
    assert " pages/s\n" in capsys.readouterr().err
    assert run(["infer", "--output", str(tmp_path / "out"), "--resume", "--require", "stamp"]) == 0
    text = capsys.readouterr().err
    assert " s, all pages are of an earlier run\n" in text
    assert "pages/s" not in text


def test_encrypted_documents_come_with_the_command_that_opens_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    with pymupdf.open() as document:
        document.new_page()
        document.save(tmp_path / "in" / "locked.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret")
    assert infer(tmp_path) == 7
    text = capsys.readouterr().err
    assert "warning: locked.pdf: encrypted: needs a password\n" in text
    assert f"docdetect infer --resume --password-file FILE --output {tmp_path / 'out'}\n" in text


def test_failed_documents_give_exit_code_7_and_their_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_folder(tmp_path / "in")
    assert infer(tmp_path, "--no-save-pages") == 7
    text = capsys.readouterr().err
    assert "warning: broken.pdf: unreadable: " in text
    assert "broken.pdf       │ ?" in text, "nobody knows what is on its pages"
    assert "1 document could not be read; " in text
    assert "error" not in text
    assert not (tmp_path / "out" / "pages").exists()


def test_json_summary_on_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    places = ["--source", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    assert run(["--json", "infer", *places, "--require", "signature,stamp", "--set", "infer.imgsz=256"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["totals"]["marks"] == {"qr": 0, "signature": 0, "stamp": 1}
    assert summary["lacking"] == {"a.pdf": ["signature"]}


def test_blank_borders_are_left_out_unless_asked_and_the_results_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    asked: list[bool] = []

    def load(weights: Path, *, trim: bool, **_: object) -> ColourEngine:
        asked.append(trim)
        return ColourEngine()

    monkeypatch.setattr("docdetect.inference.networks.load_engine", load)
    assert infer(tmp_path) == 0
    assert infer(tmp_path, "--overwrite", "--trim", "off") == 0
    assert asked == [True, False]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert summary["settings"]["trim"] is False
    assert infer(tmp_path, "--overwrite", "--trim", "some") == 3


def test_an_existing_output_is_refused_resumed_or_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    assert infer(tmp_path) == 0
    assert infer(tmp_path) == 6
    assert capsys.readouterr().err.endswith(
        f"error: {tmp_path / 'out'}: holds the results of an earlier run\n"
        "  Add --resume to go on from there, or --overwrite to start over.\n"
    )
    assert infer(tmp_path, "--resume") == 0
    assert infer(tmp_path, "--overwrite", "--no-save-pages") == 0
    assert not (tmp_path / "out" / "pages").exists()
    assert infer(tmp_path, "--overwrite", "--resume") == 2


def test_missing_marks_fail_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    assert infer(tmp_path, "--require", "signature", "--fail-on-missing") == 7
    text = capsys.readouterr().err
    assert "warning: a.pdf: no signature\n" in text
    assert "; 1 document without signature; " in text
    assert infer(tmp_path, "--require", "seal", "--overwrite") == 3
    assert "infer.require: seal not among the classes of these weights\n" in capsys.readouterr().err
    assert infer(tmp_path, "--require", "STAMP", "--overwrite") == 3
    assert "STAMP not among the classes of these weights (did you mean stamp?)\n" in capsys.readouterr().err
    assert infer(tmp_path, "--conf", "Signature=0.3", "--overwrite") == 3
    assert "Signature not among the classes of these weights (did you mean signature?)\n" in capsys.readouterr().err


def test_possible_marks_and_documents_not_seen_as_a_whole_are_told_apart_from_missing_marks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_pdf(tmp_path / "in" / "doubt.pdf", [[("signature", (10, 10, 160, 110))], [STAMP]])
    make_pdf(tmp_path / "in" / "none.pdf", [[("signature", (10, 10, 160, 110))]])
    (tmp_path / "in" / "broken.pdf").write_bytes(b"this is no PDF")
    unsure = ("--conf", "signature=0.5,stamp=0.9", "--check-conf", "0.1", "--require", "stamp")
    assert infer(tmp_path, *unsure) == 7
    text = capsys.readouterr().err
    assert re.search(r"│ doubt.pdf +│ none +│ 1 +│ check 2 +│", text)
    assert re.search(r"│ none.pdf +│ none +│ 1 +│ none +│", text)
    assert re.search(r"│ broken.pdf +│ \? +│ \? +│ \? +│", text)
    assert "check: possible marks that a person should look at" in text
    assert "none.pdf: no stamp\n" in text
    assert "doubt.pdf: please check page 2 for a possible stamp\n" in text
    assert "broken.pdf: stamp not known\n" in text
    assert "; 1 document without stamp; 1 document to check; 1 document not seen as a whole; " in text


def test_fail_on_missing_does_not_pass_what_a_person_should_check(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "doubt.pdf", [[STAMP]])
    unsure = ("--conf", "0.9", "--check-conf", "0.1", "--require", "stamp", "--overwrite")
    assert infer(tmp_path, *unsure) == 0
    assert infer(tmp_path, *unsure, "--fail-on-missing") == 7
    assert infer(tmp_path, *unsure, "--fail-on-missing", "--conf", "0.5") == 0


def test_options_of_infer_without_effect_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    assert infer(tmp_path, "--fail-on-missing") == 2
    assert capsys.readouterr().err.startswith("error: infer.fail_on_missing needs infer.require")
    assert infer(tmp_path, "--screen-conf", "0.2") == 0
    assert "infer.screen_conf acts together with a smaller network only: add --screen" in capsys.readouterr().err


def test_a_marked_copy_that_cannot_be_made_gives_exit_code_7(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    with pymupdf.open(path) as pdf:
        pdf.save(path.with_name("locked.pdf"), encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="x", permissions=4)
    assert infer(tmp_path, "--save-pdf") == 7
    text = capsys.readouterr().err
    assert "\n  pdf            every PDF with its marks as annotations\n" in text
    assert "warning: locked.pdf: no marked copy: encrypted: its permissions forbid annotations\n" in text
    assert [copy.name for copy in (tmp_path / "out" / "pdf").iterdir()] == ["a.pdf"]


def test_include_and_exclude(tmp_path: Path) -> None:
    make_folder(tmp_path / "in")
    assert infer(tmp_path, "--include", "*.pdf", "--exclude", "broken*", "--exclude", "DEEP/*") == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert [row["document"] for row in summary["documents"]] == ["a.pdf"]
    assert infer(tmp_path, "--include", "*.docx", "--overwrite") == 4


def test_several_sources_and_a_list_with_what_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.docx").write_bytes(b"x")
    (tmp_path / "list.txt").write_text("in/a.pdf\nin/gone.pdf\nnotes.docx\n", encoding="utf-8")
    sources = ["--source", "list.txt", "--source", "in/deep", "--source", "in/*.jpg"]
    assert run(["infer", *sources, "--output", "out", "--imgsz", "256", "--set", "infer.read_codes=false"]) == 7
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    kinds = {row["document"]: (row["failure"] or {}).get("kind") for row in summary["documents"]}
    assert kinds == {
        "in/a.pdf": None,
        "in/deep/Договор.PDF": None,
        "in/gone.pdf": "unreadable",
        "in/photo.jpg": None,
        "notes.docx": "unsupported",
    }
    assert "warning: in/gone.pdf: unreadable: cannot be read (No such file or directory)" in capsys.readouterr().err


def test_heic_alone_without_what_reads_it_is_a_missing_dependency(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.heic").write_bytes(b"x")
    monkeypatch.setattr("docdetect.inference.selection.find_spec", lambda name: None)
    assert infer(tmp_path) == 5
    assert 'pip install "docdetect[heic]"' in capsys.readouterr().err
    make_pdf(tmp_path / "in" / "b.pdf", [[STAMP]])
    assert infer(tmp_path, "--overwrite") == 7, "among other documents it fails alone"


def test_no_source_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["infer"]) == 2
    shown = capsys.readouterr().err
    assert shown.endswith("error: no source given\n  Say where the documents are: --source FOLDER.\n")


def test_the_distance_of_the_original_system_warns_where_it_does_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    assert infer(tmp_path, "--group-dist", "40") == 0
    assert "grouping.dist acts in the grouping of the original system only" in capsys.readouterr().err


def test_many_documents_are_counted_by_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(31):
        make_pdf(tmp_path / "in" / f"{number}.pdf", [[STAMP] if number % 2 else []])
    assert infer(tmp_path, "--no-save-pages", "--no-codes", "--require", "stamp") == 0
    text = capsys.readouterr().err
    assert re.search(r"│ stamp     │    15 │ +15 │ +16 │ +0 │ +0 │", text)
    assert text.count(": no stamp\n") == 16
    assert "31 documents, 31 pages: 0 QR codes, 0 signatures, 15 stamps; 16 documents without stamp; " in text


def test_progress_tells_phases_and_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP], []])
    make_pdf(tmp_path / "in" / "b.pdf", [[], []])
    told: list[tuple[int, int, str]] = []
    config = load_config(
        None, (), {"infer.source": [str(tmp_path / "in")], "infer.output": str(tmp_path / "out"), "infer.imgsz": 256}
    )
    run_infer(config, lambda *step: told.append(step))
    assert [note for _, total, note in told if total == 0] == ["listing the documents", "loading the network"]
    pages = [(done, total) for done, total, _ in told if total]
    assert [done for done, _ in pages] == [1, 2, 2, 3, 4, 4]
    assert pages[2] == (2, 4), "the second document counts as many pages as the first has"
    assert pages[-1] == (4, 4)
    assert all(done < total for done, total in pages[:-1]), "only the last page is the last one"
    assert all(done <= total for done, total in pages)


def test_two_runs_that_begin_in_one_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    monkeypatch.setattr("docdetect.files.timestamped", lambda name, now=None: f"{name}_now")
    arguments = ["infer", str(tmp_path / "in"), "--runs", str(tmp_path / "runs"), "--imgsz", "256"]
    assert run(arguments) == 0
    assert run(arguments) == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["infer_now", "infer_now_2"]


def test_the_shipped_configuration_is_the_defaults() -> None:
    shipped = load_config(str(Path(__file__).parents[2] / "configs" / "infer.yaml"))
    assert shipped.model_dump() == Config().model_dump()


def test_an_interrupted_run_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        time.sleep(3)  # longer than a stop waits

    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    monkeypatch.setattr(ColourEngine, "detect", interrupt)
    assert infer(tmp_path) == 130
    text = capsys.readouterr().err
    assert "error: interrupted after 0 of 1 documents" in text
    assert "--resume" in text
    assert run(["infer", str(tmp_path / "in"), "--output", str(tmp_path / "my results")]) == 130
    assert f"docdetect infer --resume --output '{tmp_path / 'my results'}'\n" in capsys.readouterr().err
    monkeypatch.undo()
