"""`docdetect audit` and `docdetect split --by group` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from docdetect.cli.main import run
from docdetect.config.schema import DataConfig
from docdetect.tables import read_csv
from docdetect.workers.parts import WorkerSettings
from tests.support.archives import Archive, make_archive
from tests.support.pages import rescanned
from tests.support.tiny_network import write_checkpoint

FAST = ["--set", "data.workers=1", "--set", "data.unlisted=empty"]  # one document of the archive is not listed


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """Four documents, the last one a new scan of the first."""
    monkeypatch.chdir(tmp_path)
    made = make_archive(tmp_path, documents=3, pages=3, marked_page=2)
    with Image.open(made.pdfs / "act 0.tif") as scan:
        sheets = []
        for number in range(3):
            scan.seek(number)
            import numpy as np

            sheets.append(Image.fromarray(rescanned(np.array(scan.convert("RGB")), number, degrees=0.3)))
    sheets[0].save(made.pdfs / "copy.tif", save_all=True, append_images=sheets[1:])
    return made


def inputs(archive: Archive) -> list[str]:
    return ["--pdfs", str(archive.pdfs), "--annotations", str(archive.json), *FAST]


def test_a_split_by_document_leaks_and_one_by_group_does_not(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = Path("leaky.csv")
    rows = [("document", "page", "split", "group")]
    for name in ("act 0.tif", "act 1.tif", "act 2.tif", "copy.tif"):
        rows += [(name, str(page), "val" if name == "copy.tif" else "train", name) for page in (1, 2, 3)]
    manifest.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    assert run(["prepare", *inputs(archive), "--dataset", "leaky", "--manifest", str(manifest)]) == 0
    capsys.readouterr()
    assert run(["--json", "audit", *inputs(archive), "--dataset", "leaky", "--fix"]) == 7
    shown = capsys.readouterr()
    summary = json.loads(shown.out)
    assert summary["leaks"] == 3
    assert "leaky: 3 pages have a counterpart in another split" in shown.err
    folder = Path(summary["report"]).parent
    assert (folder / "annotations_fixed.json").is_file()
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert html.count("data:image/jpeg") >= 3
    assert "near-duplicate" in html
    assert set(read_csv(folder / "leaks.csv")["other_document"]) == {"act 0.tif"}

    assert run(["prepare", *inputs(archive), "--dataset", "sound", "--by", "group"]) == 0
    capsys.readouterr()
    assert run(["audit", "--dataset", "sound", "--pdfs", "none", *FAST]) == 0
    text = capsys.readouterr().err
    assert "0 leaks between splits" in text
    assert "warning: No label was audited, since none with data/raw/annotations.json is not there: name both" in text


def test_groups_can_be_cut_into_folds(archive: Archive) -> None:
    assert run(["split", *inputs(archive), "--by", "group", "--folds", "3", "--output", "s.csv"]) == 0
    held_out = []
    for fold in (1, 2, 3):
        table = read_csv(Path(f"s_fold_{fold}.csv"))
        held_out.append(set(table["document"][table["split"] == "val"]))
    assert sorted(map(sorted, held_out)) == [["act 0.tif", "copy.tif"], ["act 1.tif"], ["act 2.tif"]]


def test_more_folds_than_groups_are_an_input_error(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["split", *inputs(archive), "--by", "group", "--folds", "4", "--output", "s.csv"]) == 4
    assert "cannot make 4 folds of 3 groups" in capsys.readouterr().err


def test_nothing_to_audit_is_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["audit"]) == 4
    assert "nothing to audit" in capsys.readouterr().err


def test_weights_and_detections_exclude_each_other(archive: Archive) -> None:
    assert run(["audit", *inputs(archive), "--weights", "a.pt", "--detections", "b.json"]) == 3


def test_labels_are_held_against_what_weights_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (best := Path("my_run/weights/best.pt")).parent.mkdir(parents=True)
    write_checkpoint(best)  # untrained: it does not see the labels where they are
    archive = make_archive(tmp_path, documents=2, pages=1, marked_page=1)

    def in_process(_: DataConfig) -> WorkerSettings:  # starting workers takes longer than what they do here
        return WorkerSettings()

    monkeypatch.setattr("docdetect.datasets.ground_truth.worker_settings", in_process)
    words = ["--weights", "my_run", "--set", "audit.imgsz=96", "--set", "audit.device=cpu", "--set", "audit.pictures=3"]
    assert run(["--json", "audit", *inputs(archive), *words]) == 0
    summary = json.loads(capsys.readouterr().out)
    kinds = {one["suspicion"] for one in summary["findings"]}
    assert summary["leaks"] is None
    assert "model disagrees" in kinds
    page = Path(summary["report"]).read_text(encoding="utf-8")
    assert "my_run/weights/best.pt" in page
    assert "data:image/jpeg" in page


def test_weights_that_are_not_there_are_an_input_error(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", *inputs(archive), "--weights", "nothing.pt"]) == 4
    assert "nothing.pt: no such weights" in capsys.readouterr().err


def test_audits_that_start_in_one_second_number_their_folders(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["prepare", *inputs(archive), "--dataset", "sound"]) == 0
    monkeypatch.setattr("docdetect.files.timestamped", lambda name, now=None: f"{name}_20251103_040506")
    folders = []
    for _ in range(2):
        capsys.readouterr()
        assert run(["--json", "audit", "--dataset", "sound", "--pdfs", "none", *FAST]) == 0
        folders.append(Path(json.loads(capsys.readouterr().out)["report"]).parent.name)
    assert folders == ["audit_20251103_040506", "audit_20251103_040506_2"]


def test_an_audit_that_fails_leaves_no_folder(archive: Archive) -> None:
    assert run(["audit", *inputs(archive), "--weights", "nothing.pt"]) == 4
    assert not Path("runs/audit").exists()
