"""Leaks between splits."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from docdetect.audit.leaks import Leak, find_leaks
from docdetect.audit.run import audit_split, run_audit
from docdetect.config.loading import load_config
from docdetect.datasets.data_yaml import DATA_YAML, data_yaml_text
from docdetect.datasets.groups import Evidence
from docdetect.datasets.page_fingerprints import fingerprint
from docdetect.datasets.split import PageKey
from docdetect.files import write_text
from docdetect.types import ByteArray
from docdetect.workers.parts import WorkerSettings
from tests.support.pages import rescanned, stamped, text_page

Places = dict[tuple[str, int], tuple[str, ByteArray]]


def leaks_of(pages: Places) -> tuple[Leak, ...]:
    prints = [fingerprint(PageKey(*key), pixels) for key, (_, pixels) in pages.items()]
    return find_leaks(prints, {PageKey(*key): side for key, (side, _) in pages.items()})


def test_each_kind_of_leak_is_named_the_gravest_first() -> None:
    white = np.full((990, 700, 3), 255, np.uint8)
    pages: Places = {
        ("a", 1): ("train", text_page(1)),
        ("b", 1): ("train", text_page(2)),
        ("c", 1): ("train", text_page(3)),
        ("c", 2): ("val", text_page(4)),
        ("d", 1): ("val", text_page(1)),
        ("e", 1): ("val", rescanned(stamped(text_page(2), (300, 700)), 1)),
        ("e", 2): ("val", white),
        ("f", 1): ("val", text_page(9)),
    }
    leaks = leaks_of(pages)
    assert [(str(one.page), one.evidence, str(one.other)) for one in leaks] == [
        ("d, page 1", Evidence.SAME_PIXELS, "a, page 1"),
        ("e, page 1", Evidence.NEAR_DUPLICATE, "b, page 1"),
        ("c, page 2", Evidence.SAME_DOCUMENT, "c, page 1"),
        ("e, page 2", Evidence.SAME_GROUP, "b, page 1"),
    ]


def test_test_is_held_against_train_and_val() -> None:
    page = text_page(1)
    pages: Places = {("a", 1): ("train", page), ("b", 1): ("val", page), ("c", 1): ("test", page)}
    assert [(one.split, one.other_split) for one in leaks_of(pages)] == [
        ("val", "train"),
        ("test", "train"),
        ("test", "val"),
    ]


def test_pages_without_a_counterpart_are_no_leaks() -> None:
    pages: Places = {("a", 1): ("train", text_page(1)), ("b", 1): ("val", text_page(2))}
    assert leaks_of(pages) == ()


def test_a_plain_yolo_dataset_is_audited_by_its_pictures(tmp_path: Path) -> None:
    for side, seeds in (("train", (1, 2)), ("val", (1, 3))):
        (tmp_path / "images" / side).mkdir(parents=True)
        for seed in seeds:
            cv2.imwrite(str(tmp_path / "images" / side / f"x{seed}.png"), text_page(seed))
    write_text(tmp_path / DATA_YAML, data_yaml_text(("stamp",), {"train": ["images/train"], "val": ["images/val"]}))
    audit = audit_split([tmp_path], WorkerSettings(workers=0))
    assert audit.pages == {"train": 2, "val": 2}
    assert [(str(one.page), str(one.other)) for one in audit.leaks] == [
        ("images/val/x1.png, page 1", "images/train/x1.png, page 1")
    ]


def test_a_leak_in_the_second_training_folder_is_found(tmp_path: Path) -> None:
    for folder, seed in (("first", 1), ("second", 2), ("val", 2)):
        (tmp_path / "images" / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "images" / folder / "x.png"), text_page(seed))
    places = {"train": ["images/first", "images/second"], "val": ["images/val"]}
    write_text(tmp_path / DATA_YAML, data_yaml_text(("stamp",), places))
    audit = audit_split([tmp_path], WorkerSettings(workers=0))
    assert audit.pages == {"train": 2, "val": 1}
    assert [str(one.other) for one in audit.leaks] == ["images/second/x.png, page 1"]


def test_a_page_that_the_manifest_names_once_and_both_splits_have_is_a_leak(tmp_path: Path) -> None:
    for folder in ("train", "val"):
        (tmp_path / "images" / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "images" / folder / "act_page_0001.png"), text_page(1))
    write_text(tmp_path / DATA_YAML, data_yaml_text(("stamp",), {"train": ["images/train"], "val": ["images/val"]}))
    write_text(tmp_path / "split.csv", "document,page,split,group\nact.pdf,1,train,act.pdf\n")
    (leak,) = audit_split([tmp_path], WorkerSettings(workers=0)).leaks
    assert (leak.split, str(leak.other)) == ("val", "act.pdf, page 1")


def test_a_split_that_is_not_there_is_left_out_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "train" / "images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "train" / "images" / "x.png"), text_page(1))
    write_text(tmp_path / DATA_YAML, "train: ../train/images\ntest: ../test/images\nnames: [stamp]\n")
    audit = audit_split([tmp_path], WorkerSettings(workers=0))
    assert audit.pages == {"train": 1}
    (note,) = audit.notes
    assert "line 2: test: '../test/images' is no folder" in note


def test_leaks_between_datasets_that_are_trained_on_together(tmp_path: Path) -> None:
    for folder, seeds in (("a/one", {"train": 1, "val": 2}), ("b/one", {"train": 3, "val": 1})):
        for side, seed in seeds.items():
            (tmp_path / folder / "images" / side).mkdir(parents=True)
            cv2.imwrite(str(tmp_path / folder / "images" / side / "x.png"), text_page(seed))
        text = data_yaml_text(("stamp",), {"train": ["images/train"], "val": ["images/val"]})
        write_text(tmp_path / folder / DATA_YAML, text)
    first, second = tmp_path / "a" / "one", tmp_path / "b" / "one"
    for alone in (first, second):
        assert audit_split([alone], WorkerSettings(workers=0)).leaks == ()
    audit = audit_split([first, second], WorkerSettings(workers=0))
    assert audit.pages == {"train": 2, "val": 2}
    assert [(str(one.page), str(one.other)) for one in audit.leaks] == [
        ("one (2)/images/val/x.png, page 1", "one (1)/images/train/x.png, page 1")
    ]
    settings = {"data.dataset": str(first), "data.annotations": str(tmp_path / "none.json")}
    by_option = run_audit(load_config(None, (), {**settings, "audit.also": [str(second)]}))
    by_recipe = run_audit(load_config(None, (), {**settings, "train.data": [str(first), f"{second}=3"]}))
    assert len(by_option.leaks) == len(by_recipe.leaks) == 1
