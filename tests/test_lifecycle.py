"""The whole life of a detector through the command line: prepare, train, validate, infer, correct what was found."""

from __future__ import annotations

import json
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from docdetect.cli.main import run
from tests.support.documents import MadeDocuments, make_documents
from tests.support.tiny_network import write_architecture

pytestmark = pytest.mark.slow

BY_DOCUMENT = ["--by", "document"]  # the made documents are all alike: one group


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lifecycle")


@pytest.fixture(scope="module")
def documents(workplace: Path) -> MadeDocuments:
    decomposed = unicodedata.normalize("NFD", "Йод/письмо.pdf")  # as a Mac writes names
    return make_documents(workplace / "raw", ("a.pdf", "b.PDF", "deep/c.pdf", decomposed, "e.pdf", "f.pdf"))


@pytest.fixture(scope="module")
def dataset(workplace: Path, documents: MadeDocuments) -> Path:
    target = workplace / "dataset"
    arguments = ["--pdfs", str(documents.pdfs), "--annotations", str(documents.annotations), "--dataset", str(target)]
    assert run(["prepare", *arguments, *BY_DOCUMENT]) == 0
    return target


@pytest.fixture(scope="module")
def trained(workplace: Path, dataset: Path) -> Path:
    model = write_architecture(workplace)
    settings = [
        "epochs=2",
        "imgsz=96",
        "batch=4",
        "workers=0",
        "freeze=0",
        "warmup_epochs=0",
        f"runs={workplace / 'runs'}",
    ]
    changes = [word for setting in settings for word in ("--set", f"train.{setting}")]
    assert run(["train", "--config", "best.yaml", "--data", str(dataset), "--model", str(model), *changes]) == 0
    (folder,) = (workplace / "runs").iterdir()
    return folder


@pytest.fixture(scope="module")
def results(workplace: Path, documents: MadeDocuments, trained: Path) -> Path:
    target = workplace / "results"
    weights = trained / "weights" / "best.pt"
    arguments = ["--source", str(documents.pdfs), "--output", str(target), "--weights", str(weights), "--conf", "0.0"]
    assert run(["infer", *arguments]) == 0
    return target


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_prepare_makes_a_dataset_of_all_pages(dataset: Path) -> None:
    images = sorted(path.relative_to(dataset).as_posix() for path in (dataset / "images").rglob("*.png"))
    labels = sorted(path.relative_to(dataset).as_posix() for path in (dataset / "labels").rglob("*.txt"))
    assert len(images) == 12
    assert [name.replace("images/", "").replace(".png", "") for name in images] == [
        name.replace("labels/", "").replace(".txt", "") for name in labels
    ]
    boxes = [line for name in labels for line in (dataset / name).read_text().splitlines()]
    assert len(boxes) == 18, "three marks on the first page of each of six documents"
    assert {path.name for path in dataset.iterdir()} >= {"data.yaml", "split.csv", "vis", "report.md", "report.json"}


def test_preparing_again_changes_nothing(documents: MadeDocuments, dataset: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in dataset.rglob("*") if path.is_file()}
    arguments = ["--pdfs", str(documents.pdfs), "--annotations", str(documents.annotations), "--dataset", str(dataset)]
    assert run(["prepare", *arguments, *BY_DOCUMENT]) == 0
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in dataset.rglob("*") if path.is_file()}
    assert after == before


def test_train_leaves_a_complete_run_folder(trained: Path) -> None:
    expected = {
        "weights/best.pt", "weights/last.pt", "args.yaml", "training_metrics.csv", "results.png", "report.html",
        "BoxPR_curve.png", "BoxF1_curve.png", "BoxP_curve.png", "BoxR_curve.png", "confusion_matrix.png",
        "confusion_matrix_normalized.png", "train_batch0.jpg", "val_batch0_labels.jpg", "val_batch0_pred.jpg",
        "config.yaml",
    }  # fmt: skip
    there = {path.relative_to(trained).as_posix() for path in trained.rglob("*") if path.is_file()}
    assert expected <= there
    assert trained.name.startswith("yolo11s_frozen10_")
    assert len((trained / "training_metrics.csv").read_text().splitlines()) == 3


def test_val_reports_every_class(
    workplace: Path, dataset: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    weights = trained / "weights" / "best.pt"
    arguments = ["--weights", str(weights), "--data", str(dataset), "--set", f"val.runs={workplace / 'val'}"]
    assert run(["--json", "val", *arguments, "--set", "val.workers=0"]) == 0
    assert json.loads(capsys.readouterr().out)
    (folder,) = (workplace / "val").iterdir()
    text = (folder / "metrics.json").read_text(encoding="utf-8")
    assert all(name in text for name in ("qr", "signature", "stamp"))


def test_infer_has_every_page_of_every_document(results: Path, documents: MadeDocuments) -> None:
    found = read(results / "detections.json")
    assert set(found) == {unicodedata.normalize("NFC", name) for name in documents.names}
    assert all(set(pages) == {"page_1", "page_2"} for pages in found.values())
    journal = [json.loads(line) for line in (results / "detections.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({(line.get("document"), line.get("page")) for line in journal if line.get("page")}) == 12
    assert (results / "summary.json").is_file()
    assert run(["config", "validate", str(results / "config.yaml")]) == 0
    assert (results / "detections.csv").is_file()
    assert (results / "pages" / "deep" / "c.pdf" / "page_0001.jpg").is_file()


def test_results_can_be_corrected_and_trained_on(workplace: Path, documents: MadeDocuments, results: Path) -> None:
    target = workplace / "second"
    corrected = results / "detections.json"
    arguments = ["--pdfs", str(documents.pdfs), "--annotations", str(corrected), "--dataset", str(target)]
    assert run(["prepare", *arguments, *BY_DOCUMENT]) == 0
    assert len(list((target / "images").rglob("*.png"))) == 12
    shutil.rmtree(target)


def test_the_size_of_the_training_belongs_to_the_weights(workplace: Path, dataset: Path, trained: Path) -> None:
    """The network was trained at 96 px: val, infer and export use 96 px, and so does the exported network."""
    best, pages = trained / "weights" / "best.pt", str(next((dataset / "images").rglob("*.png")))

    def used(command: str, folder: str, *options: str) -> int:
        places = ["--data", str(dataset), "--set", f"val.runs={workplace / folder}"]
        if command == "infer":
            places = ["--source", pages, "--output", str(workplace / folder), "--workers", "1"]
        assert run([command, *places, *options]) == 0
        if command == "infer":
            return int(read(workplace / folder / "summary.json")["settings"]["imgsz"])
        (file,) = (workplace / folder).rglob("metrics.json")
        return int(read(file)["imgsz"])

    exported = workplace / "exported"
    assert run(["export", "--weights", str(best), "--output", str(exported)]) == 0
    assert read(exported / "docdetect.json")["imgsz"] == 96
    for number, weights in enumerate((best, exported)):
        assert used("infer", f"size_infer{number}", "--weights", str(weights)) == 96
        # val takes the engine of an export by itself
        assert used("val", f"size_val{number}", "--weights", str(weights), "--set", "val.workers=0") == 96
    assert used("infer", "size_option", "--weights", str(best), "--imgsz", "160") == 160
    again = ["export", "--weights", str(best), "--output", str(exported), "--overwrite", "--imgsz", "128"]
    assert run(again) == 0
    assert used("infer", "size_of_export", "--weights", str(exported)) == 128
