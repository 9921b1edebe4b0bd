"""`make weights`: what is packed, a rehearsal of the whole on a CPU, and networks in parts that are whole again."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import yaml

from docdetect.datasets.reader import read_dataset
from docdetect.documents.drawing import write_image
from docdetect.files import write_text
from docdetect.models.checkpoint import load_network, trained_imgsz
from docdetect.tables import read_csv
from scripts import weights, weights_pack
from tests.support.datasets import made_page, write_dataset
from tests.support.documents import make_documents
from tests.support.tiny_network import write_checkpoint, write_half_architecture


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A YOLO dataset, a table of two folders of which one labels stamps only, and documents without marks."""
    folder = tmp_path_factory.mktemp("sources")
    write_dataset(folder / "letters", train=4, val=2)
    for name, pages in (("stamps", 26), ("nothing", 2)):
        for number in range(pages):
            page, _ = made_page(number)
            write_image(folder / name / "images" / f"{number}.png", page)
            text = "2 0.5 0.5 0.2 0.2\n1 0.3 0.3 0.1 0.1\n" if name == "stamps" else ""
            write_text(folder / name / "labels" / f"{number}.txt", text)
    write_text(
        folder / "sources.tsv", "folder\tlabelled completely\tweight\nstamps\tstamp\t2\nnothing\tqr signature stamp\t\n"
    )
    make_documents(folder / "forms", ("a.pdf",))
    return folder


@pytest.fixture(scope="module")
def pack(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack")
    given = ["--output", str(folder), "--data", f"{sources / 'letters'}=3", "--table", str(sources / "sources.tsv")]
    documents = next(path for path in (sources / "forms").rglob("a.pdf")).parent
    assert weights_pack.main([*given, "--without-marks", str(documents), "--imgsz", "80"]) == 0
    return folder


def test_a_pack_holds_every_source_with_what_is_labelled_in_it(pack: Path) -> None:
    recipe = yaml.safe_load((pack / "weights.yaml").read_text(encoding="utf-8"))
    entries = {entry["path"]: entry["weight"] for entry in recipe["train"]["data"]}
    assert entries.pop("data/letters") == 3.0
    assert entries.pop("data/stamps") == 2.0
    assert entries.pop("data/nothing") == 1.0
    assert list(entries.values()) == [1.0]  # the documents without marks
    assert recipe["train"]["views"] == "device"
    stamps = read_dataset(pack / "data" / "stamps")
    assert {side: len(pages) for side, pages in stamps.splits.items()} == {"train": 25, "val": 1}
    page = stamps.splits["train"][0]
    assert page.labelled == frozenset({2})
    assert page.ground_truth.class_ids.tolist() == [2]
    assert max(page.ground_truth.size_wh) == 80
    letters = read_dataset(pack / "data" / "letters")
    assert [image.labelled for image in letters.splits["val"]] == [None, None]


def test_datasets_in_folders_of_one_name_do_not_overwrite_each_other_and_keep_their_distractors(tmp_path: Path) -> None:
    for name, pages in (("a", 3), ("b", 2)):
        write_dataset(tmp_path / name / "main", train=pages, val=1)
    yaml_of_b = tmp_path / "b" / "main" / "data.yaml"
    write_text(yaml_of_b, f"{yaml_of_b.read_text(encoding='utf-8')}labelled: [stamp]\ndistractors: d.json\n")
    page = "images/train/страница_0.png"
    write_text(yaml_of_b.with_name("d.json"), json.dumps({page: [[8, 16, 24, 32]]}))
    given = [f"--data={tmp_path / name / 'main'}" for name in ("a", "b")]
    pack = tmp_path / "pack"
    assert weights_pack.main(["--output", str(pack), *given, "--imgsz", "80"]) == 0
    recipe = yaml.safe_load((pack / "weights.yaml").read_text(encoding="utf-8"))
    folders = [pack / entry["path"] for entry in recipe["train"]["data"]]
    first, second = (read_dataset(folder) for folder in folders)
    assert [len(one.splits["train"]) for one in (first, second)] == [3, 2]
    assert {image.labelled for image in first.splits["train"]} == {None}
    assert {image.labelled for image in second.splits["train"]} == {frozenset({2})}
    before = read_dataset(yaml_of_b).splits["train"][0]
    after = second.splits["train"][0]
    scale = after.ground_truth.size_wh[0] / before.ground_truth.size_wh[0]
    assert scale < 1
    assert after.distractors.tolist() == [pytest.approx([8 * scale, 16 * scale, 24 * scale, 32 * scale], abs=0.5)]


def test_a_pack_without_a_page_to_validate_on_is_refused_where_it_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_dataset(tmp_path / "letters", train=2, val=1)
    write_text(file, file.read_text(encoding="utf-8").replace("val: images/val\n", ""))
    assert weights_pack.main(["--output", str(tmp_path / "pack"), "--data", str(file), "--imgsz", "80"]) == 4
    assert "no page to validate on" in capsys.readouterr().out


def test_a_rehearsal_makes_both_networks_in_parts_and_a_second_call_has_nothing_to_do(
    pack: Path, tmp_path: Path
) -> None:
    larger, half = write_checkpoint(tmp_path / "larger.pt", half=False), write_half_architecture(tmp_path)
    models = f"train.model=[{{path: {larger.as_posix()}, lr0: 0.001}}, {half.as_posix()}]"
    command = ["run", str(pack), "--output", str(tmp_path / "out"), "--device", "cpu", "--tiny", "--set", models]
    assert weights.main(command) == 0
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "finished"
    assert record["made_pages"]["made"] >= 1
    assert {one["weight"] for one in record["data"]["datasets"]} == {1.0, 2.0, 3.0}
    losses = read_csv(tmp_path / "out" / "steps.csv", ("yolo11n-half teacher", "yolo11n-half features"))
    assert (losses[["yolo11n-half teacher", "yolo11n-half features"]].astype(float) > 0).all(axis=None)
    for name in ("larger", "yolo11n-half"):
        target = tmp_path / f"{name}.pt"
        assert weights.main(["join", str(tmp_path / "out" / f"{name}.json"), str(target)]) == 0
        assert load_network(target).names == {0: "qr", 1: "signature", 2: "stamp"}
        assert trained_imgsz(target) == 128
    runs = list((pack / "runs").iterdir())
    assert weights.main(command) == 0
    assert list((pack / "runs").iterdir()) == runs


def test_what_is_missing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert weights.main(["run", str(tmp_path), "--output", str(tmp_path / "out")]) == 4
    assert "no pack of weights" in capsys.readouterr().out
    assert weights_pack.main(["--output", str(tmp_path / "pack")]) == 4
    assert "no page to train on" in capsys.readouterr().out
    write_text(tmp_path / "t.tsv", "folder\tlabelled\nx\tseal\n")
    assert weights_pack.main(["--output", str(tmp_path / "pack"), "--table", str(tmp_path / "t.tsv")]) == 4
    assert "no class seal" in capsys.readouterr().out


def test_wheels_are_of_what_docdetect_needs_and_the_machine_lacks() -> None:
    needed = weights_pack.needed_packages("train", {"torch", "torchvision", "numpy"})
    assert {"ultralytics", "pydantic", "pyyaml"} <= set(needed)
    assert not {"torch", "torchvision", "numpy", "docdetect"} & set(needed)


def test_the_wheels_of_a_pack_are_installed_once_without_a_network(tmp_path: Path) -> None:
    wheel = tmp_path / "wheels" / "carried-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    head = "Metadata-Version: 2.1\nName: carried\nVersion: 1.0\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("carried.py", "ANSWER = 42\n")
        archive.writestr("carried-1.0.dist-info/METADATA", head)
        archive.writestr(
            "carried-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("carried-1.0.dist-info/RECORD", "carried.py,,\n")
    site = tmp_path / "site"
    assert weights.install_wheels(wheel.parent, site) == site
    assert (site / "carried.py").read_text(encoding="utf-8") == "ANSWER = 42\n"
    (site / "carried.py").unlink()
    assert weights.install_wheels(wheel.parent, site) == site
    assert not (site / "carried.py").exists()  # it was not done again
    assert weights.install_wheels(tmp_path / "none", site) is None
