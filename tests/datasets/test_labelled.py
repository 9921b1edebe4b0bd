"""Incomplete labels: what a data.yaml and `prepare` say about them, and that it goes along wherever a dataset goes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from docdetect.config.loading import load_config
from docdetect.config.schema import DataConfig
from docdetect.datasets.folds import fold_images, write_fold
from docdetect.datasets.labelled import LabelRules, rules_of_pages, written_rules
from docdetect.datasets.reader import YoloDataset, content_hashes, read_dataset
from docdetect.errors import ConfigError, InputError
from docdetect.files import write_json, write_text
from docdetect.prepare.dataset import prepare
from docdetect.workers.parts import WorkerSettings
from tests.support.documents import make_documents

NAMES = ("qr", "signature", "stamp")


@pytest.fixture
def folder(tmp_path: Path, dataset: Path) -> Path:
    shutil.copytree(dataset.parent, tmp_path / "made")
    return tmp_path / "made"


def with_rules(folder: Path, rules: object) -> YoloDataset:
    tree = {"train": "images/train", "val": "images/val", "names": list(NAMES), "labelled": rules}
    write_text(folder / "data.yaml", yaml.safe_dump(tree, allow_unicode=True))
    return read_dataset(folder)


def known(dataset: YoloDataset, split: str) -> list[frozenset[int] | None]:
    return [image.labelled for image in dataset.splits[split]]


def test_the_deepest_place_decides() -> None:
    rules = LabelRules({".": ("stamp",), "a/b": ("qr",), "a/b/one.png": ("qr", "signature", "stamp")})
    assert rules.ids_at("a/x.png", NAMES) == frozenset({2})
    assert rules.ids_at("a/b/two.png", NAMES) == frozenset({0})
    assert rules.ids_at("a/b/one.png", NAMES) is None
    assert rules.ids_at("a/bc.png", NAMES) == frozenset({2})
    assert LabelRules({"a": ("qr",)}).ids_at("b/x.png", NAMES) is None


def test_labels_of_classes_that_are_not_named_are_left_out_and_counted(folder: Path) -> None:
    whole = read_dataset(folder)
    read = with_rules(folder, ["stamp"])
    assert known(read, "train") == [frozenset({2})] * 6
    kept = [image.ground_truth.class_ids.tolist() for image in read.splits["train"]]
    assert kept == [[one for one in image.ground_truth.class_ids if one == 2] for image in whole.splits["train"]]
    dropped = sum(whole.marks(side) - read.marks(side) for side in ("train", "val"))
    assert dropped > 0
    assert any(note.endswith(f"which are left out: {dropped}") for note in read.notes)
    assert any(note.endswith("neither learnt nor scored there: 9 of 9") for note in read.notes)
    assert not [note for note in whole.notes if "only some classes" in note]
    assert content_hashes(read).dataset != content_hashes(whole).dataset


def test_a_folder_a_picture_and_a_file_of_rules(folder: Path, tmp_path: Path) -> None:
    rules = {"images/val": ["stamp", "qr"], "images/train/страница_1.png": ["qr"]}
    read = with_rules(folder, rules)
    assert known(read, "val") == [frozenset({0, 2})] * 3
    assert known(read, "train").count(frozenset({0})) == 1
    assert known(read, "train").count(None) == 5
    write_json(folder / "rules.json", rules)
    from_file = with_rules(folder, "rules.json")
    assert known(from_file, "train") == known(read, "train")
    for number, one in enumerate((read, from_file)):  # as a run folder has it
        write_text(tmp_path / f"run{number}" / "data.yaml", one.data_yaml_text())
        again = read_dataset(tmp_path / f"run{number}")
        assert known(again, "train") == known(read, "train")
        assert known(again, "val") == known(read, "val")


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (["seal"], "labelled: seal not among the classes qr, signature, stamp"),
        ({"images/trian": ["qr"]}, "'images/trian' is no folder and no picture"),
        ({"images/train": "qr"}, "expected a list of classes"),
        ("nothing.json", "neither a list of classes nor a JSON file"),
        (3, "expected a list of classes, or folders"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused_with_their_line(folder: Path, rules: object, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        with_rules(folder, rules)
    assert reason in caught.value.message
    assert "data.yaml, line " in caught.value.message


def test_folds_know_what_is_labelled(folder: Path, tmp_path: Path) -> None:
    read = with_rules(folder, {"images/val": ["stamp"]})
    images = fold_images(read, {}, 3, 0)
    seen = []
    for fold in range(3):
        made = read_dataset(write_fold(tmp_path / f"fold{fold}", images, fold, NAMES))
        seen += known(made, "val")
        assert (known(made, "train") + known(made, "val")).count(frozenset({2})) == 3
    assert seen.count(frozenset({2})) == 3


def test_what_is_written_is_as_short_as_it_can_be() -> None:
    assert written_rules({"a": None, "b": None}, NAMES) is None
    assert written_rules({"a": frozenset({2}), "b": frozenset({2})}, NAMES) == ["stamp"]
    assert written_rules({"a": frozenset({2}), "b": None}, NAMES) == {"a": ["stamp"]}


def test_prepare_carries_the_rules_of_documents_into_the_dataset(tmp_path: Path) -> None:
    made = make_documents(tmp_path / "raw", ("a.pdf", "b.pdf", "deep/c.PDF"))
    common = {"pdfs": str(made.pdfs), "annotations": str(made.annotations), "split_by": "document", "val": 0.4}
    config = DataConfig(**common, dataset=str(tmp_path / "some"), labelled={"deep": ("stamp",)})  # type: ignore[arg-type]
    report = prepare(config, workers=WorkerSettings()).report
    read = read_dataset(tmp_path / "some")
    partial = [image for side in read.splits.values() for image in side if image.labelled is not None]
    assert partial
    assert all("~" in image.path.stem and image.labelled == frozenset({2}) for image in partial)
    pages = sum(len(side) for side in read.splits.values())
    assert len(partial) < pages
    told = f"of {pages} pages: qr on {len(partial)}, signature on {len(partial)}; there these classes are neither"
    assert [told in warning for warning in report.warnings].count(True) == 1
    assert told in (tmp_path / "some" / "report.md").read_text(encoding="utf-8")
    everywhere = config.model_copy(update={"labelled": {".": ("qr", "stamp")}, "dataset": str(tmp_path / "all")})
    prepare(everywhere, workers=WorkerSettings())
    assert yaml.safe_load((tmp_path / "all" / "data.yaml").read_text(encoding="utf-8"))["labelled"] == ["qr", "stamp"]
    wrong = config.model_copy(update={"labelled": {"deeper": ("qr",)}, "dataset": str(tmp_path / "no")})
    with pytest.raises(InputError, match=r"data\.labelled: 'deeper' is no folder of documents"):
        prepare(wrong, workers=WorkerSettings())


def test_the_configuration_takes_a_list_a_mapping_and_options() -> None:
    assert load_config(None, ("data.labelled=[stamp]",)).data.labelled == {".": ("stamp",)}
    given = load_config(None, (), {"data.labelled": {"office/": "stamp,qr"}}).data.labelled
    assert given == {"office": ("stamp", "qr")}
    with pytest.raises(ConfigError, match=r"data\.labelled\.office: seal not among"):
        load_config(None, ("data.labelled={office: [seal]}",))


def test_a_class_is_labelled_in_a_document_where_it_is_on_all_of_its_pages() -> None:
    every = [("a", None), ("b", NAMES)]
    assert rules_of_pages(every, NAMES) is None
    rules = rules_of_pages([*every, ("b", ("qr", "stamp")), ("b", None), ("c", ("stamp",))], NAMES)
    assert rules is not None
    assert [rules.names_at(name) for name in ("a", "b", "c")] == [None, ("qr", "stamp"), ("stamp",)]
