"""Several datasets in one training: how often each is drawn, what is refused, and what their run folder says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from docdetect.config.loading import dump_config, load_config
from docdetect.config.schema import DataSource
from docdetect.datasets.reader import TrainingShare, read_dataset
from docdetect.datasets.several import PageDraws, read_training_data
from docdetect.errors import ConfigError, InputError
from docdetect.files import write_text
from docdetect.training.records import RunFolder, write_configuration
from tests.support.datasets import write_dataset

SHARES = (TrainingShare(Path("a"), 100, 2.0), TrainingShare(Path("b"), 4, 1.0))  # 2 x 10 to 1 x 2


def test_a_dataset_is_drawn_by_weight_times_the_root_of_its_pages() -> None:
    draws = PageDraws(SHARES, 0)
    taken = np.concatenate([draws.take(11) for _ in range(100)])
    assert (taken >= 100).sum() == 100
    assert set(Counter(taken[taken < 100].tolist()).values()) == {10}
    assert set(Counter(taken[taken >= 100].tolist()).values()) == {25}


def test_draws_follow_from_the_seed() -> None:
    first, again, other = (PageDraws(SHARES, seed).take(200).tolist() for seed in (5, 5, 6))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("a", "a"),
        (["a"], "a"),
        (["a=2", "b"], (DataSource(path="a", weight=2.0), DataSource(path="b"))),
        ([{"path": "a", "weight": 0.5}, "b"], (DataSource(path="a", weight=0.5), DataSource(path="b"))),
        (["x=y/a", "b=1"], (DataSource(path="x=y/a"), DataSource(path="b"))),
    ],
)
def test_one_path_or_several_with_weights(given: object, meant: object) -> None:
    config = load_config(None, (), {"train.data": given})
    assert config.train.data == meant
    file = dump_config(config)
    assert load_config(None, [f"train.data={yaml.safe_load(file)['train']['data']!r}"]).train.data == meant


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([{"path": "a", "weight": 0}], "entry 1: weight should be a number greater than 0"),
        ([{"path": "a", "wieght": 2}, "b"], "entry 1 has the unknown key wieght"),
        (["a", 3], "entry 2 should be a path"),
        ([], "should name a dataset"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_key(given: object, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, (), {"train.data": given})
    assert "train.data" in caught.value.message
    assert reason in caught.value.message


def test_together_they_are_one_dataset_and_the_run_folder_says_so(tmp_path: Path) -> None:
    first, second = write_dataset(tmp_path / "in" / "a"), write_dataset(tmp_path / "in" / "b", train=2, val=1)
    with second.open("a", encoding="utf-8") as stream:
        stream.write("labelled: [stamp]\ndistractors: d.json\n")
    write_text(second.parent / "d.json", '{"images/train/страница_1.png": [[1, 2, 30, 40]]}')
    config = load_config(None, (), {"train.data": [str(first), f"{second.parent}=3"]})
    dataset = read_training_data(config.train.sources)
    assert [(one.pages, one.weight) for one in dataset.shares] == [(6, 1.0), (2, 3.0)]
    assert [image.name.split("/")[0] for image in dataset.splits["train"]] == ["a"] * 6 + ["b"] * 2
    (tmp_path / "run").mkdir()
    run = RunFolder(tmp_path / "run")
    write_configuration(run, config, dataset)
    again = read_dataset(run.data)
    for side in ("train", "val"):
        known = {image.path.resolve(): image for image in again.splits[side]}
        for image in dataset.splits[side]:
            twin = known.pop(image.path.resolve())
            assert twin.labelled == image.labelled
            assert twin.ground_truth.xyxy.tolist() == image.ground_truth.xyxy.tolist()
            assert twin.distractors.tolist() == image.distractors.tolist()
        assert not known
    assert len(dataset.splits["train"][7].distractors) == 1


def test_other_classes_and_the_same_dataset_twice_are_refused(tmp_path: Path) -> None:
    first, second = write_dataset(tmp_path / "a"), write_dataset(tmp_path / "b")
    with pytest.raises(InputError, match="stands there twice"):
        read_training_data([DataSource(path=str(first)), DataSource(path=str(first.parent))])
    write_text(second, second.read_text(encoding="utf-8").replace("[qr, signature, stamp]", "[signature, qr, stamp]"))
    with pytest.raises(InputError, match=r"train\.data: .*has the classes signature, qr, stamp"):
        read_training_data([DataSource(path=str(first)), DataSource(path=str(second))])
