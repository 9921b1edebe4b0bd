"""What one command writes, the next one reads: datasets of `prepare`, run folders of `train`, folds of `crossval`."""

from __future__ import annotations

from pathlib import Path

import pytest

from docdetect.audit.run import audit_split
from docdetect.config.schema import Config, DataConfig
from docdetect.datasets.folds import fold_images, write_fold
from docdetect.datasets.origins import read_origins
from docdetect.datasets.reader import content_hashes, list_dataset, read_dataset
from docdetect.files import write_text
from docdetect.prepare.dataset import prepare
from docdetect.prepare.visualize import visualize_dataset
from docdetect.training.records import RunFolder, write_configuration
from docdetect.workers.parts import WorkerSettings
from tests.support.datasets import write_dataset
from tests.support.documents import make_documents

HERE = WorkerSettings(workers=0)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    made = make_documents(folder / "raw", ("a.pdf", "b.pdf", "=c.pdf"))
    config = DataConfig(
        pdfs=str(made.pdfs),
        annotations=str(made.annotations),
        dataset=str(folder / "main"),
        split_by="document",  # the documents are all alike
    )
    return prepare(config, HERE).path


def test_a_prepared_dataset_is_read_by_every_command(prepared: Path, tmp_path: Path) -> None:
    dataset = read_dataset(prepared, pixels=True)
    assert dataset.notes == ()
    assert {split: len(images) for split, images in dataset.splits.items()} == {"train": 4, "val": 2}
    origins = read_origins(dataset.root)
    assert {origin.document for origin in origins.values()} == {"a.pdf", "b.pdf", "=c.pdf"}
    assert visualize_dataset(list_dataset(prepared), tmp_path / "vis", HERE).pages == 6
    audit = audit_split([prepared], HERE)
    assert audit.pages == {"train": 4, "val": 2}
    assert {one.page.document for one in audit.leaks} <= {"a.pdf", "b.pdf", "=c.pdf"}
    folds = fold_images(dataset, origins, 3, 0)
    data = write_fold(tmp_path / "fold", folds, 0, dataset.class_names)
    assert read_dataset(data).marks("train") + read_dataset(data).marks("val") == 9


def test_what_train_writes_into_its_run_folder_is_audited_and_drawn(tmp_path: Path) -> None:
    write_dataset(tmp_path / "one", train=2, val=1)
    write_dataset(tmp_path / "two", train=3, val=1)
    leaked = tmp_path / "two" / "images" / "train" / "страница_2.png"
    (tmp_path / "one" / "images" / "val" / "same.png").write_bytes(leaked.read_bytes())
    places = "train: [one/images/train, two/images/train]\nval: one/images/val\n"
    write_text(tmp_path / "data.yaml", f"{places}names: [qr, signature, stamp]\n")
    dataset = read_dataset(tmp_path)
    run = RunFolder(tmp_path / "runs" / "train_1")
    write_configuration(run, Config(), dataset)
    again = read_dataset(run.data)
    assert content_hashes(again) == content_hashes(dataset)
    assert content_hashes(again).shared == ("one/images/val/same.png",)
    audit = audit_split([run.data], HERE)
    assert audit.pages == {"train": 5, "val": 2}
    pairs = {(one.page.document, one.other.document) for one in audit.leaks}
    assert ("one/images/val/same.png", "two/images/train/страница_2.png") in pairs
    assert visualize_dataset(list_dataset(run.data), tmp_path / "vis", HERE).pages == 7
