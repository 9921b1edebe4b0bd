"""`docdetect labels --from --to`: from one tool to the next, with what is lost said aloud, and hostile files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docdetect.annotations.formats import FORMATS
from docdetect.annotations.marks import Annotations
from docdetect.annotations.native import annotations_from_text, annotations_to_json
from docdetect.cli.main import run
from docdetect.datasets import label_files
from docdetect.files import write_json, write_text
from tests.support.fakes import make_image
from tests.support.labels import SAMPLE, same_pages


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_json(tmp_path / "annotations.json", annotations_to_json(SAMPLE))
    return tmp_path / "annotations.json"


def convert(source: Path, first: str, second: str, target: Path, *options: str) -> int:
    return run(["--json", "labels", "--from", first, "--to", second, str(source), str(target), *options])


def native(path: Path) -> Annotations:
    return annotations_from_text(path.read_text(encoding="utf-8"), str(path))


def make_pictures(folder: Path, annotations: Annotations) -> None:
    for document, pages in annotations.items():
        for number, page in pages.items():
            make_image(folder / document / f"page_{number:04d}.jpg", [], size_wh=page.size_wh)


def test_what_a_format_cannot_hold_is_a_property_of_the_format_and_not_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    box = {"x": -40, "y": 20, "width": 90, "height": 60}
    page = {"annotations": [{"m1": {"category": "qr", "bbox": box, "text": "A"}}]}
    write_json(tmp_path / "a.json", {"a.pdf": {"page_1": {**page, "page_size": {"width": 800, "height": 1000}}}})

    def remarks(output: str) -> dict[str, int]:
        assert convert(tmp_path / "a.json", "native", "coco", tmp_path / output) == 0
        return dict(json.loads(capsys.readouterr().out)["remarks"])

    assert remarks("kept.json") == {}
    poorer = replace(FORMATS["coco"], keeps_texts=False, keeps_outside=False)
    monkeypatch.setattr("docdetect.prepare.label_conversion.FORMATS", {**FORMATS, "coco": poorer})
    assert remarks("lost.json") == {
        "texts of codes, which the format has no place for, left out": 1,
        "boxes that reach over the edge of the page, cut there": 1,
    }


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("label-studio", "tasks.json"),
        ("cvat", "cvat.xml"),
        ("coco", "coco.json"),
        ("voc", "voc"),
        ("labelme", "labelme"),
        ("native", "again.json"),
    ],
)
def test_there_and_back(name: str, target: str, source: Path, tmp_path: Path) -> None:
    assert convert(source, "native", name, tmp_path / "made" / target) == 0
    assert convert(tmp_path / "made" / target, name, "native", tmp_path / "back.json") == 0
    same_pages(native(tmp_path / "back.json"), SAMPLE, within_px=1.0)


def test_yolo_there_and_back_with_its_pictures(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_pictures(tmp_path / "yolo" / "images", SAMPLE)
    assert convert(source, "native", "yolo", tmp_path / "yolo", "--overwrite") == 0
    told = json.loads(capsys.readouterr().out)["remarks"]
    assert list(told.values()) == [3, 1], "three confidences and a text are left out, and it says so"
    assert convert(tmp_path / "yolo", "yolo", "native", tmp_path / "back.json") == 0
    found = native(tmp_path / "back.json")
    assert {(name, number) for name, pages in found.items() for number in pages} == {
        (name, number) for name, pages in SAMPLE.items() for number in pages
    }
    assert found["договор № 7.pdf"][1].marks[0].xywh == pytest.approx((100.5, 200.25, 300, 250), abs=0.01)
    assert convert(source, "native", "yolo", tmp_path / "yolo", "--overwrite", "--confidences") == 0
    assert convert(tmp_path / "yolo", "yolo", "native", tmp_path / "back.json", "--overwrite") == 0
    assert native(tmp_path / "back.json")["договор № 7.pdf"][1].marks[0].confidence == 0.91


def test_prepared_datasets_come_back_under_the_names_of_their_documents(tmp_path: Path) -> None:
    """`split.csv` knows which document the picture `act_page_0002.png` is of."""
    write_text(tmp_path / "data.yaml", "train: images/train\nval: images/train\nnames: [qr, stamp]\n")
    make_image(tmp_path / "images" / "train" / "act_page_0002.png", [], size_wh=(100, 200))
    write_text(tmp_path / "labels" / "train" / "act_page_0002.txt", "1 0.5 0.5 0.1 0.1\n")
    write_text(tmp_path / "split.csv", "document,page,group,split\nact.pdf,2,act.pdf,train\n")
    assert convert(tmp_path, "yolo", "native", tmp_path / "out.json") == 0
    (mark,) = native(tmp_path / "out.json")["act.pdf"][2].marks
    assert (mark.category, mark.xywh) == ("stamp", (45.0, 90.0, 10.0, 20.0))


def test_what_is_lost_is_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxes: list[tuple[str, list[int | None]]] = [
        ("stamp", [0, 0, 9, 9]),
        ("stamp", [0, None, 9, 9]),
        ("seal", [0, 0, 9, 9]),
        ("signatur", [0, 0, 9, 9]),
        ("logo", [0, 0, 9, 9]),
        ("qr", [5, 5, -3, 4]),
    ]
    marks = [
        {f"m{n}": {"category": name, "bbox": dict(zip(("x", "y", "width", "height"), box, strict=True))}}
        for n, (name, box) in enumerate(boxes)
    ]
    page: dict[str, Any] = {"page_size": {"width": 100, "height": 100}, "annotations": marks}
    write_json(tmp_path / "a.json", {"a.pdf": {"page_1": page}, "unseen.pdf": {}})
    options = ["--map", "seal=stamp", "--map", "logo=null"]
    assert convert(tmp_path / "a.json", "native", "coco", tmp_path / "coco.json", *options) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["marks"] == {"qr": 0, "signature": 0, "stamp": 2, "signatur": 1}
    assert json.loads(out)["remarks"] == {
        "marks whose box is no box (missing, or not finite), left out": 1,
        "marks of the category 'logo', dropped by the class map": 1,
        "marks whose box has a negative size, left out": 1,
        "documents of which no page is listed, left out": 1,
        "marks of the category 'signatur', which is no class (did you mean signature?), kept": 1,
    }
    assert "a.pdf, page 1" in err


@pytest.mark.parametrize("target", ["cvat", "voc"])
def test_characters_that_xml_cannot_hold_are_counted(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Codes of the standard GS1 separate their parts by such a character; those of business cards have line ends.
    box = {"x": 0, "y": 0, "width": 9, "height": 9}
    marks = [
        {f"m{n}": {"category": "qr", "bbox": box, "text": text}} for n, text in enumerate(("01\x1d21", "BEGIN\r\nEND"))
    ]
    write_json(
        tmp_path / "a.json",
        {"a.pdf": {"page_1": {"page_size": {"width": 99, "height": 99}, "annotations": marks}}},
    )
    assert convert(tmp_path / "a.json", "native", target, tmp_path / f"out.{target}") == 0
    assert json.loads(capsys.readouterr().out)["remarks"] == {
        f"texts of codes with characters that {target} cannot hold, question marks in their place": 1
    }


def test_outputs_that_are_there_are_not_replaced(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, target in (("coco", "x.json"), ("voc", "x")):
        assert convert(source, "native", name, tmp_path / target) == 0
        assert convert(source, "native", name, tmp_path / target) == 6
        assert "--overwrite" in capsys.readouterr().err
        assert convert(source, "native", name, tmp_path / target, "--overwrite") == 0
    assert convert(source, "native", "coco", tmp_path) == 6
    assert convert(source, "native", "voc", source, "--overwrite") == 6


@pytest.mark.parametrize("name", ["voc", "yolo", "labelme"])
@pytest.mark.parametrize("document", ["../../stolen.pdf", "../labels.pdf", "a/../../../b.pdf"])
def test_names_that_lead_elsewhere_are_refused(
    name: str, document: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(tmp_path / "a.json", annotations_to_json({document: SAMPLE["deep/b & c.jpg"]}))
    before = sorted(tmp_path.rglob("*"))
    assert convert(tmp_path / "a.json", "native", name, tmp_path / "deep" / "out") == 4
    assert "leads out of the folder" in capsys.readouterr().err
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - set(before)
    assert {path.name for path in written} <= {"classes.txt", "data.yaml"}
    assert all(path.is_relative_to(tmp_path / "deep" / "out") for path in written)


def test_files_that_are_too_large_archives_and_missing_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(label_files, "_MOST_MIB", 1)
    (tmp_path / "big.json").write_bytes(b" " * (3 << 20))
    assert convert(tmp_path / "big.json", "coco", "native", tmp_path / "out.json") == 4
    assert "at most 1 are read" in capsys.readouterr().err
    (tmp_path / "task.zip").write_bytes(b"PK")
    assert convert(tmp_path / "task.zip", "cvat", "native", tmp_path / "out.json") == 4
    assert "Unpack it" in capsys.readouterr().err
    assert convert(tmp_path / "none.json", "coco", "native", tmp_path / "out.json") == 4
    assert convert(tmp_path / "nothing", "voc", "native", tmp_path / "out.json") == 4


def test_half_a_conversion_is_no_command(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["labels", "--from", "coco", str(source), str(tmp_path / "x")]) == 2
    assert "--to" in capsys.readouterr().err
    assert run(["labels", "--from", "coco", "--to", "native", str(source)]) == 2
    assert run(["labels", "a", "b"]) == 2
    assert run(["labels", "--from", "word", "--to", "native", "a", "b"]) == 3


def test_sizes_of_pages_come_from_the_pictures(tmp_path: Path) -> None:
    """A task of Label Studio without a mark says nothing of the size of its page."""
    tasks = [
        {"id": 1, "data": {"image": "/data/upload/1/0123abcd-a.png"}, "annotations": [{"result": []}]},
        {"id": 2, "data": {"image": "/data/upload/1/../../../etc/b.png"}, "annotations": [{"result": []}]},
    ]
    write_json(tmp_path / "export.json", tasks)
    make_image(tmp_path / "pictures" / "a.png", [], size_wh=(31, 47))
    options = ["--images", str(tmp_path / "pictures")]
    assert convert(tmp_path / "export.json", "label-studio", "native", tmp_path / "out.json", *options) == 0
    assert {name: pages[1].size_wh for name, pages in native(tmp_path / "out.json").items()} == {"a.png": (31, 47)}
