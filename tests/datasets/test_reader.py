"""A dataset is checked before anything is trained on it, and all its problems are told at once."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from docdetect.datasets.reader import content_hashes, label_path, read_dataset
from docdetect.errors import InputError
from docdetect.files import write_json
from tests.support.datasets import PAGE_WH, made_page, write_dataset


@pytest.fixture
def folder(tmp_path: Path, dataset: Path) -> Path:
    target = tmp_path / "копия"
    shutil.copytree(dataset.parent, target)
    return target


def test_pages_sizes_and_boxes(dataset: Path) -> None:
    found = read_dataset(str(dataset.parent))
    assert found.class_names == ("qr", "signature", "stamp")
    assert [len(found.splits[split]) for split in ("train", "val")] == [6, 3]
    assert found.marks("train") == 12
    first = found.splits["train"][0]
    assert first.name == "images/train/страница_0.png"
    assert first.ground_truth.size_wh == (72, 96)
    assert (first.ground_truth.xyxy[:, 2:] > first.ground_truth.xyxy[:, :2]).all()


def test_every_problem_is_told_at_once(folder: Path) -> None:
    labels = folder / "labels" / "train"
    (labels / "страница_0.txt").write_text("7 0.5 0.5 0.1 0.1\n", encoding="utf-8")
    (labels / "страница_1.txt").write_text("0 0.5 zero 0.1 0.1\n", encoding="utf-8")
    (folder / "images" / "val" / "страница_2.png").write_bytes(b"not a picture")
    with pytest.raises(InputError) as caught:
        read_dataset(str(folder))
    text = caught.value.message
    assert "class 7, but there are 3 names" in text
    assert "страница_1.txt: not YOLO labels" in text
    assert "страница_2.png: not a picture" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: images/train\nval: images/val\n", "names"),
        ("train: images/train\nval: images/val\nnames: {0: a, 2: b}\n", "names"),
        ("train: images/train\nval: images/val\nnames: [a, a, b]\n", "stands twice"),
        (
            "train: images/none\nval: images/val\nnames: [a, b, c]\n",
            "line 1: train: 'images/none' is no folder",
        ),
        ("val: images/val\nnames: [a, b, c]\n", "no folder of pictures is named"),
        ("train: !!python/name:os.system\n", "not valid YAML"),
        ("- 1\n", "expected sections"),
    ],
)
def test_bad_data_yaml(folder: Path, text: str, message: str) -> None:
    (folder / "data.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_dataset(str(folder))


def test_distractors(folder: Path) -> None:
    before = content_hashes(read_dataset(str(folder)))
    with (folder / "data.yaml").open("a", encoding="utf-8") as file:
        file.write("distractors: distractors.json\n")
    write_json(folder / "distractors.json", {"images/train/страница_0.png": [[1, 2, 30, 40], [5, 5, 9, 9]]})
    found = read_dataset(str(folder))
    assert [image.distractors.tolist() for image in found.splits["train"][:2]] == [[[1, 2, 30, 40], [5, 5, 9, 9]], []]
    assert content_hashes(found).dataset != before.dataset


@pytest.mark.parametrize("content", [[1], {"images/train/страница_0.png": [[1, 2, 3]]}, {"a.png": [["x", 1, 2, 3]]}])
def test_bad_distractors(folder: Path, content: object) -> None:
    with (folder / "data.yaml").open("a", encoding="utf-8") as file:
        file.write("distractors: distractors.json\n")
    with pytest.raises(InputError, match=r"distractors\.json"):
        read_dataset(str(folder))
    write_json(folder / "distractors.json", content)
    with pytest.raises(InputError, match=r"distractors\.json: expected lists of"):
        read_dataset(str(folder))


def test_missing_and_empty(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="no such dataset"):
        read_dataset(str(tmp_path / "none"))
    for file in (folder / "images" / "train").iterdir():
        file.unlink()
    with pytest.raises(InputError, match="no picture in images/train"):
        read_dataset(str(folder))


def test_training_without_any_mark_is_refused(folder: Path) -> None:
    shutil.rmtree(folder / "labels" / "train")
    with pytest.raises(InputError, match="not one mark in the training split"):
        read_dataset(str(folder))


def test_hashes_follow_content_and_split(folder: Path, dataset: Path) -> None:
    same = content_hashes(read_dataset(str(dataset)))
    assert content_hashes(read_dataset(str(folder))) == same
    assert same.shared == ()
    (folder / "labels" / "train" / "страница_0.txt").write_text("0 0.5 0.5 0.1 0.1\n", encoding="utf-8")
    changed = content_hashes(read_dataset(str(folder)))
    assert changed.dataset != same.dataset
    assert changed.split == same.split
    shutil.copy(folder / "images" / "val" / "страница_0.png", folder / "images" / "train" / "z.png")
    shared = content_hashes(read_dataset(str(folder)))
    assert shared.split != same.split
    assert shared.shared == ("images/val/страница_0.png",)


def test_label_lies_in_the_last_folder_named_images() -> None:
    assert label_path(Path("/images/x/images/train/a.b.png")) == Path("/images/x/labels/train/a.b.txt")
    assert label_path(Path("/plain/a.png")) == Path("/plain/a.txt")


def test_a_dataset_can_be_moved(tmp_path: Path) -> None:
    file = write_dataset(tmp_path / "old", train=1, val=1)
    file.write_text(file.read_text(encoding="utf-8").replace("path: .", "path: /nowhere/else"), encoding="utf-8")
    (tmp_path / "old").rename(tmp_path / "new")
    assert len(read_dataset(str(tmp_path / "new")).splits["train"]) == 1


def test_polygons_and_confidences_are_read_and_counted(folder: Path) -> None:
    label = folder / "labels" / "train" / "страница_0.txt"
    label.write_text("0 0.25 0.25 0.5 0.75 0.75 0.25\n1 0.5 0.5 0.5 0.5 0.87\n", encoding="utf-8")
    (folder / "labels" / "train" / "страница_1.txt").unlink()
    told: list[str] = []
    found = read_dataset(folder, announce=told.append)
    width, height = PAGE_WH
    first = found.splits["train"][0].ground_truth
    box = [width / 4, height / 4, 3 * width / 4, 3 * height / 4]
    assert first.xyxy.tolist() == [box, box]
    assert first.scores is None
    assert tuple(told) == found.notes
    assert [note.partition(": ")[2] for note in told] == [
        "labels that are polygons, of which the bounding boxes are used: 1",
        "labels with a sixth value, a confidence, which is not used: 1",
        "pictures without a label file, which count as pages without marks: 1",
    ]


def test_a_picture_whose_pixels_cannot_be_decoded_is_found_before_a_run(folder: Path) -> None:
    picture = folder / "images" / "train" / "scan.jpg"
    Image.fromarray(made_page(1)[0]).save(picture)
    data = picture.read_bytes()
    picture.write_bytes(data[:-2])
    (note,) = read_dataset(folder, pixels=True).notes[1:]
    assert "scan.jpg: the picture is damaged" in note
    picture = folder / "images" / "train" / "страница_0.png"
    picture.write_bytes(picture.read_bytes()[:60])
    assert len(read_dataset(folder).splits["train"]) == 7, "the header alone looks sound"
    with pytest.raises(InputError, match=r"страница_0\.png: .*damaged"):
        read_dataset(folder, pixels=True)


def test_labels_are_found_in_whatever_unicode_form_the_names_have(folder: Path) -> None:
    label = folder / "labels" / "train" / "страница_0.txt"
    label.write_text("0 0.5 0.5 0.5 0.5\n", encoding="utf-8")
    picture = folder / "images" / "train" / "й.png"
    (folder / "images" / "train" / "страница_0.png").rename(picture.with_name(unicodedata.normalize("NFD", "й.png")))
    label.rename(label.with_name("й.txt"))
    found = read_dataset(folder)
    assert found.notes == ()
    assert "images/train/й.png" in [image.name for image in found.splits["train"]]
