"""Preparing a dataset: what lies on disk, twice the same, whole or not at all, and what failed is said."""

from __future__ import annotations

import json
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from docdetect.annotations.yolo import labels_from_yolo
from docdetect.config.schema import DataConfig
from docdetect.datasets.split import split_from_csv
from docdetect.documents.drawing import write_image
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import AtDpi
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import InputError, OutputExistsError
from docdetect.prepare.dataset import Made, prepare
from docdetect.prepare.report import splits_table
from docdetect.workers.parts import WorkerSettings
from tests.support.documents import make_documents

IN_PROCESS = WorkerSettings()

pytestmark = pytest.mark.usefixtures("without_plots")


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    made = make_documents(tmp_path / "raw", ("a.pdf", "b.pdf", "deep/c.PDF"))
    return DataConfig(
        pdfs=str(made.pdfs),
        annotations=str(made.annotations),
        dataset=str(tmp_path / "main"),
        split_by="document",  # the documents are all alike
    )


def make(config: DataConfig, **changes: Any) -> Made:
    return prepare(config.model_copy(update=changes), workers=IN_PROCESS)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def edit(config: DataConfig, change: Any) -> None:
    path = Path(config.annotations)
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def read_image(path: Path) -> Any:
    with open_document(DocumentFile(path, path.name, DocumentKind.IMAGE)) as image:
        return image.render(1, AtDpi(10_000)).pixels


def test_what_lies_on_disk(config: DataConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # with plots
    prepared = make(config)
    assert not prepared.unchanged
    root = prepared.path
    assert yaml.safe_load((root / "data.yaml").read_text()) == {
        "train": "images/train",
        "val": "images/val",
        "names": {0: "qr", 1: "signature", 2: "stamp"},
    }
    split = split_from_csv((root / "split.csv").read_text(), "split.csv")
    assert {(row.key.document, row.key.page) for row in split.rows} == {
        (name, number) for name in ("a.pdf", "b.pdf", "deep/c.PDF") for number in (1, 2)
    }
    for side in ("train", "val"):
        images = {path.stem for path in (root / "images" / side).iterdir()}
        assert images
        assert images == {path.stem for path in (root / "labels" / side).iterdir()}
        assert images == {path.stem for path in (root / "vis" / side).iterdir()}
        assert len(images) == sum(row.split == side for row in split.rows)
        assert (root / "vis" / f"contact_{side}_01.jpg").is_file()
    assert {"report.md", "report.json", "manifest.json"} <= {path.name for path in root.iterdir()}
    assert {path.name for path in (root / "report").iterdir()} == {"classes.png", "box_sizes.png", "positions.png"}
    counts = {entry.split: entry for entry in prepared.report.splits}
    assert (counts["train"].pages, counts["train"].empty_pages, counts["train"].marks["qr"]) == (4, 2, 2)
    assert (counts["val"].documents, counts["val"].pages, counts["val"].marks["stamp"]) == (1, 2, 1)


def test_boxes_sit_on_the_marks(config: DataConfig) -> None:
    root = make(config).path
    (image,) = (root / "images").rglob("a_page_0001.png")
    (label,) = (root / "labels").rglob("a_page_0001.txt")
    pixels = read_image(image)
    assert pixels.shape == (842, 596, 3), "the size it was annotated at"
    found = labels_from_yolo(label.read_text(), (596, 842), "a").boxes
    assert found.class_ids.tolist() == [0, 1, 2]
    ground_truth = json.loads(Path(config.annotations).read_text())["a.pdf"]["page_1"]["annotations"]
    expected = [[*body["bbox"].values()] for mark in ground_truth for body in mark.values()]
    np.testing.assert_allclose(found.xyxy[:, :2], np.array(expected)[:, :2], atol=0.01)
    for left, top, right, bottom in found.xyxy.round().astype(int):
        inside = pixels[top:bottom, left:right].min(axis=2)
        rows, columns = np.nonzero(inside < 128)
        assert rows.min() <= 3
        assert columns.min() <= 3
        assert rows.max() >= inside.shape[0] - 4
        assert columns.max() >= inside.shape[1] - 4


def test_the_same_again_touches_nothing(config: DataConfig) -> None:
    first = make(config)
    stamps = {path: path.stat().st_mtime_ns for path in first.path.rglob("*")}
    again = make(config, workers=2)
    assert again.unchanged
    assert again.report == first.report
    assert {path: path.stat().st_mtime_ns for path in first.path.rglob("*")} == stamps


def test_the_same_elsewhere_has_the_same_bytes(
    config: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # with plots
    shutil.copytree(config.pdfs, tmp_path / "moved")
    first, second = make(config), make(config, pdfs=str(tmp_path / "moved"), dataset=str(tmp_path / "second"))
    assert content(first.path) == content(second.path)


def test_other_settings_need_overwrite(config: DataConfig) -> None:
    before = content(make(config).path)
    with pytest.raises(OutputExistsError):
        make(config, empty="drop")
    assert content(Path(config.dataset)) == before
    report = make(config, empty="drop", overwrite=True).report
    assert sum(entry.pages for entry in report.splits) == 3
    assert report.left_out == 3
    assert len(list((Path(config.dataset) / "images").rglob("*.png"))) == 3


def test_changed_documents_and_annotations_are_noticed(config: DataConfig) -> None:
    make(config)
    edit(config, lambda data: data["a.pdf"]["page_1"]["annotations"].pop())
    with pytest.raises(OutputExistsError, match="from other inputs or settings"):
        make(config)


def test_a_foreign_folder_is_never_deleted(config: DataConfig) -> None:
    photo = Path(config.dataset) / "photo.jpg"
    photo.parent.mkdir()
    photo.write_bytes(b"x")
    with pytest.raises(OutputExistsError, match="is no dataset that docdetect made"):
        make(config, overwrite=True)
    assert photo.read_bytes() == b"x"


@pytest.mark.parametrize("there_before", [False, True])
def test_an_interruption_leaves_no_half_dataset(config: DataConfig, there_before: bool) -> None:
    target = Path(config.dataset)
    before = content(make(config).path) if there_before else {}

    def interrupt(done: int, total: int, note: str) -> None:
        if "page 2" in note:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(config.model_copy(update={"seed": 1, "overwrite": True}), workers=IN_PROCESS, on_progress=interrupt)
    assert (content(target) if target.exists() else {}) == before
    assert not [path.name for path in target.parent.iterdir() if path.name.startswith(".")]


def test_a_broken_document_is_reported_and_the_rest_prepared(config: DataConfig) -> None:
    (Path(config.pdfs) / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    edit(config, lambda data: data.update({"broken.pdf": data["a.pdf"]}))
    prepared = make(config)
    (failed,) = prepared.report.failures
    assert (failed.document, failed.page) == ("broken.pdf", None)
    assert "broken.pdf: cannot be opened, its 3 annotated marks are lost" in prepared.report.warnings
    assert sum(entry.pages for entry in prepared.report.splits) == 6
    assert "broken.pdf" in (prepared.path / "report.md").read_text(encoding="utf-8")
    assert make(config).report.failures == (failed,), "also when nothing is left to do"


def test_a_page_too_large_to_render_is_reported_and_not_in_the_split(config: DataConfig) -> None:
    def enlarge(data: Any) -> None:
        data["b.pdf"]["page_1"]["page_size"] = {"width": 59600, "height": 84200}
        data["b.pdf"]["page_2"] = {"page_size": {"width": 596, "height": 842}}

    edit(config, enlarge)
    prepared = make(config)
    (failed,) = prepared.report.failures
    assert (failed.document, failed.page, failed.failure.kind.value) == ("b.pdf", 1, "too_large")
    assert "b.pdf,1," not in (prepared.path / "split.csv").read_text()
    assert not list(prepared.path.rglob("b_page_0001*"))


def test_what_was_removed_is_in_the_reports(config: DataConfig) -> None:
    def spoil(data: Any) -> None:
        marks = data["a.pdf"]["page_1"]["annotations"]
        marks[0]["qr_0"]["bbox"]["width"] = 0
        marks[1]["signature_1"]["bbox"]["x"] = float("nan")
        marks.append({"twin": marks[2]["stamp_2"]})

    edit(config, spoil)
    prepared = make(config)
    written = json.loads((prepared.path / "report.json").read_text(encoding="utf-8"))
    assert [(entry["key"], entry["reason"]) for entry in written["removals"]] == [
        ("qr_0", "zero size"),
        ("signature_1", "not finite"),
        ("twin", "duplicate"),
    ]
    assert written["removals"][1]["box"][0] == "nan"
    (label,) = (prepared.path / "labels").rglob("a_page_0001.txt")
    assert [line[0] for line in label.read_text().splitlines()] == ["2"]


def test_contradictions_leave_nothing_behind(config: DataConfig) -> None:
    edit(config, lambda data: data.update({"ghost.pdf": {}}))
    with pytest.raises(InputError, match=r"ghost\.pdf: no such document"):
        make(config)
    assert not Path(config.dataset).exists()


def test_a_manifest_is_applied_again(config: DataConfig, tmp_path: Path) -> None:
    first = make(config)
    manifest = tmp_path / "kept.csv"
    shutil.copy(first.path / "split.csv", manifest)
    second = make(config, seed=7, manifest=str(manifest), dataset=str(tmp_path / "second"))
    assert (second.path / "split.csv").read_bytes() == manifest.read_bytes()
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(InputError, match=r"deep/c\.PDF, page 2: not in the manifest"):
        make(config, manifest=str(manifest), dataset=str(tmp_path / "third"))


def test_detections_with_confidence_are_annotations_too(config: DataConfig, tmp_path: Path) -> None:
    first = make(config)

    def as_found(data: Any) -> None:
        for pages in data.values():
            for page in pages.values():
                for mark in page["annotations"]:
                    next(iter(mark.values())).update(confidence=0.7, text="https://example.org")
            pages["page_2"] = {"page_size": {"width": 596, "height": 842}, "annotations": []}

    edit(config, as_found)
    second = make(config, dataset=str(tmp_path / "second"))
    labels = [{name: text for name, text in content(made.path).items() if "labels" in name} for made in (first, second)]
    assert labels[0] == labels[1]


def test_images_are_documents_and_the_same_picture_on_both_sides_is_told(tmp_path: Path) -> None:
    pixels = np.full((60, 40, 3), 250, np.uint8)
    for name in ("x.png", "y.png"):
        write_image(tmp_path / "scans" / name, pixels)
    annotations = tmp_path / "a.json"
    annotations.write_text("{}", encoding="utf-8")
    config = DataConfig(
        pdfs=str(tmp_path / "scans"),
        annotations=str(annotations),
        dataset=str(tmp_path / "main"),
        split_by="document",
        unlisted="empty",
    )
    report = make(config).report
    assert sum("is the same picture as" in warning for warning in report.warnings) == 1
    assert "no qr in train: it cannot be learnt" in report.warnings


def test_one_document_has_no_validation_and_says_so(tmp_path: Path) -> None:
    made = make_documents(tmp_path / "raw", ("only.pdf",))
    config = DataConfig(pdfs=str(made.pdfs), annotations=str(made.annotations), dataset=str(tmp_path / "main"))
    prepared = make(config)
    assert prepared.report.warnings == (
        "no validation pages: there is only 1 group to divide; add documents or split by page (--by page)",
    )
    assert (prepared.path / "images" / "val").is_dir()


def test_near_duplicates_stay_together_by_default_and_leave_no_validation(config: DataConfig) -> None:
    prepared = make(config, split_by=DataConfig().split_by)
    assert prepared.report.warnings[:1] == (
        "no validation pages: all 3 documents are near-duplicates of each other, one group; add documents of another "
        "kind, or divide by document (--by document), whose figures flatter the model",
    )
    assert {row.group for row in split_from_csv((prepared.path / "split.csv").read_text(), "split.csv").rows} == {
        "a.pdf"
    }


def test_groups_are_not_looked_for_again(config: DataConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    make(config, split_by="group")

    def look(*_: object) -> None:
        raise AssertionError("nothing has changed")

    monkeypatch.setattr("docdetect.prepare.plan.group_pages", look)
    assert make(config, split_by="group").unchanged


def test_worker_processes_make_the_same_dataset(config: DataConfig, tmp_path: Path) -> None:
    here = make(config)
    there = prepare(config.model_copy(update={"dataset": str(tmp_path / "there")}), workers=WorkerSettings(workers=1))
    assert content(here.path) == content(there.path)


def test_unlisted_documents_are_left_out_and_counted(config: DataConfig) -> None:
    edit(config, lambda data: data.pop("b.pdf"))
    with pytest.raises(InputError, match=r"documents that the annotations do not list: 1 of 3 \(b\.pdf\)") as caught:
        make(config)
    assert "--unlisted skip" in caught.value.remedy
    skipped = make(config, unlisted="skip")
    assert (skipped.report.unlisted.documents, skipped.report.unlisted.treated) == (("b.pdf",), "left out")
    assert not list(skipped.path.rglob("b_page*"))
    assert skipped.report.warnings[0] == "documents that the annotations do not list: 1, left out (b.pdf)"
    assert "Documents that the annotations do not list: 1, left out" in (skipped.path / "report.md").read_text()
    assert splits_table(skipped.report)[1][-1][:4] == ("unlisted: left out", "", 1, 2)
    again = make(config, unlisted="skip")
    assert again.unchanged
    assert again.report == skipped.report
    taken = make(config, unlisted="empty", overwrite=True)
    assert taken.report.unlisted.treated == "taken as pages without marks"
    assert len(list((taken.path / "images").rglob("b_page*"))) == 2


def test_missing_documents_are_refused_or_counted(config: DataConfig) -> None:
    (Path(config.pdfs) / "b.pdf").unlink()
    with pytest.raises(InputError, match=r"b\.pdf: no such document") as caught:
        make(config)
    assert "--missing skip" in caught.value.remedy
    made = make(config, missing="skip")
    assert made.report.missing.documents == ("b.pdf",)
    assert made.report.warnings[0] == "annotated documents that are not there: 1, left out (b.pdf)"
    assert "Annotated documents that are not there: 1, left out" in (made.path / "report.md").read_text()


def test_what_is_done_with_unlisted_documents_decides_nothing_where_there_are_none(config: DataConfig) -> None:
    make(config)
    assert make(config, unlisted="skip", missing="skip").unchanged


def test_it_ends_with_paths_and_the_next_command(config: DataConfig) -> None:
    made = make(config)
    look, following = made.next_steps
    assert str(made.path / "report.md") in look
    assert following == f"next: docdetect train --data {made.path / 'data.yaml'}"


def test_twins_in_unicode_and_files_that_are_no_documents_stop_nothing(config: DataConfig, tmp_path: Path) -> None:
    made = make_documents(tmp_path / "twins", ("a.pdf", "b.pdf", "c.pdf"))
    for form in ("NFC", "NFD"):
        shutil.copy(made.pdfs / "a.pdf", made.pdfs / unicodedata.normalize(form, "йод.pdf"))
    (made.pdfs / "letter.docx").write_text("of another program", encoding="utf-8")
    report = make(config, pdfs=str(made.pdfs), annotations=str(made.annotations), unlisted="skip").report
    assert any("left out: 1 .docx" in warning for warning in report.warnings)
    assert any("do not list: 2, left out" in warning for warning in report.warnings), "both twins are unlisted"
