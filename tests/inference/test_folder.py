"""The output folder: claimed once, never somebody else's, cleaned only of what docdetect made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docdetect.config.schema import InferConfig
from docdetect.documents.sources import collect_documents
from docdetect.errors import OutputError, OutputExistsError
from docdetect.inference.detector import Detector
from docdetect.inference.folder import OnExisting, claimed_folder
from docdetect.inference.journal import JOURNAL_NAME, Journal
from docdetect.inference.run import run
from tests.support.fakes import SETTINGS, ColourEngine, make_folder, make_pdf, run_once, with_pages


@pytest.fixture
def results(tmp_path: Path) -> Path:
    run_once(make_folder(tmp_path / "in"), tmp_path / "out", with_pages())
    return tmp_path / "out"


def test_results_are_not_replaced_unasked(results: Path) -> None:
    with pytest.raises(OutputExistsError) as caught, claimed_folder(results, "refuse"):
        pass
    assert caught.value.message == f"{results}: holds the results of an earlier run"
    assert caught.value.remedy == "Add --resume to go on from there, or --overwrite to start over."


def test_overwriting_removes_what_a_run_made_and_nothing_else(results: Path) -> None:
    (results / "notes.txt").write_text("mine")
    (results / "pages" / "a.pdf" / "page_notes.txt").write_text("mine")
    with claimed_folder(results, "overwrite"):
        left = sorted(path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file())
        assert left == [".docdetect.lock", "notes.txt", "pages/a.pdf/page_notes.txt"]
        assert not (results / "pages" / "deep").exists()


@pytest.mark.parametrize("on_existing", ["refuse", "overwrite", "resume"])
def test_a_foreign_folder_is_never_touched(tmp_path: Path, on_existing: OnExisting) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with (
        pytest.raises(OutputExistsError, match=r"holds other files \(chapter.txt\)"),
        claimed_folder(tmp_path / "thesis", on_existing),
    ):
        pass
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]


def test_a_foreign_journal_does_not_make_a_folder_ours(tmp_path: Path) -> None:
    (tmp_path / "detections.jsonl").write_text('{"id": 1}\n')
    with pytest.raises(OutputExistsError), claimed_folder(tmp_path, "overwrite"):
        pass
    assert (tmp_path / "detections.jsonl").exists()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    with claimed_folder(tmp_path, "refuse") as folder:
        assert folder == tmp_path


def test_a_resumed_run_removes_what_a_killed_run_left_half_written_and_nothing_else(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[]])
    output = tmp_path / "out"
    run_once(tmp_path / "in", output, with_pages())
    whole = sorted(path for path in output.rglob("*") if path.is_file())
    (output / ".detections.json.x1.tmp").write_text("{")
    (output / "pages" / "a.pdf" / ".page_0001.jpg.x1.tmp").write_text("half")
    (output / "notes").mkdir()
    foreign = [output / ".hidden", output / "notes" / ".a.tmp"]
    for path in foreign:
        path.touch()
    with claimed_folder(output, "resume"):
        assert sorted(path for path in output.rglob("*") if path.is_file()) == sorted([*whole, *foreign])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no open file")
@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_run_ends_at_once_where_another_program_takes_its_results_away(tmp_path: Path, how: str) -> None:
    """The work would be for nothing: what is written into a removed file is gone."""
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(9):
        make_pdf(source / f"{number}.pdf", [[]])
    finished: list[int] = []

    def on_progress(done: int, total: int, name: str) -> None:
        finished.append(done)
        if len(finished) == 1:
            shutil.rmtree(output)
            if how == "replaced":
                output.mkdir()
                (output / JOURNAL_NAME).touch()

    with (
        Detector(engine=ColourEngine()) as detector,
        pytest.raises(OutputError, match=r"detections\.jsonl: another program has removed or replaced it") as caught,
        claimed_folder(output, "refuse"),
        Journal(output / JOURNAL_NAME, SETTINGS) as journal,
    ):
        run(collect_documents([str(source)]), detector, journal, InferConfig(), on_progress)
    assert max(finished) == 1
    assert caught.value.remedy.startswith("Start the run again")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputExistsError, match="is a file"), claimed_folder(tmp_path / "out", "overwrite"):
        pass


def test_the_second_run_on_a_folder_refuses(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from docdetect.inference.folder import claimed_folder\n"
        "with claimed_folder(Path(sys.argv[1]), 'resume'): pass\n"
    )
    with claimed_folder(tmp_path / "out", "refuse"):
        command = [sys.executable, "-c", code, str(tmp_path / "out")]
        second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "another docdetect is writing there" in second.stderr
    with claimed_folder(tmp_path / "out", "resume"):
        pass  # the lock went with its holder


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_an_output_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="cannot be written"), claimed_folder(tmp_path / "out", "refuse"):
            pass
    finally:
        tmp_path.chmod(0o700)


def test_results_inside_the_source_are_no_documents(tmp_path: Path) -> None:
    from docdetect.inference.selection import chosen_documents

    make_pdf(tmp_path / "a.pdf", [[]])
    run_once(tmp_path, tmp_path / "found" / "here", with_pages())
    wanted = InferConfig(source=(str(tmp_path),))
    assert [file.name for file in chosen_documents(wanted).files] == ["a.pdf"]
    drawn = tmp_path / "found" / "here" / "pages" / "a.pdf" / "page_0001.jpg"
    wanted = InferConfig(source=(str(tmp_path / "a.pdf"), str(drawn)))
    assert len(chosen_documents(wanted).files) == 2, "what is named one by one is wanted"
