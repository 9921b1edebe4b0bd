"""The recipe reaches Ultralytics' trainer value by value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from docdetect.config.loading import load_config
from docdetect.config.schema import TrainConfig
from docdetect.datasets.reader import read_dataset
from docdetect.models.ultralytics_setup import prepare_ultralytics
from docdetect.training.arguments import training_arguments

# The table of the recipe, row by row, as Ultralytics names the values.
RECIPE: dict[str, Any] = {
    "model": "docdetect-s",
    "imgsz": 1024,
    "batch": 16,
    "epochs": 60,
    "patience": 20,
    "optimizer": "SGD",
    "lr0": 0.001,
    "lrf": 0.01,
    "momentum": 0.937,
    "weight_decay": 0.0005,
    "warmup_epochs": 3.0,
    "cos_lr": True,
    "freeze": 10,
    "box": 7.5,
    "cls": 0.5,
    "dfl": 1.5,
    "mosaic": 1.0,
    "close_mosaic": 10,
    "fliplr": 0.5,
    "flipud": 0.5,
    "degrees": 10.0,
    "translate": 0.1,
    "scale": 0.5,
    "hsv_h": 0.015,
    "hsv_s": 0.7,
    "hsv_v": 0.4,
    "auto_augment": "randaugment",
    "erasing": 0.4,
    "mixup": 0.0,
    "copy_paste": 0.0,
    "perspective": 0.0,
    "shear": 0.0,
    "seed": 0,
    "deterministic": True,
    "workers": 8,
}


@pytest.fixture(scope="module")
def resolved(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The arguments of a trainer that `configs/best.yaml` made, after Ultralytics has resolved them."""
    import yaml

    from docdetect.console import no_progress, say_nothing
    from docdetect.training.progress import no_report

    prepare_ultralytics()
    from docdetect.training.trainer import Job, PagesTrainer

    recipe = load_config(str(Path(__file__).parents[2] / "configs" / "best.yaml")).train
    folder = tmp_path_factory.mktemp("run")
    job = Job(
        dataset=read_dataset(str(dataset)),
        data_yaml=dataset,
        network=None,
        precision=recipe.precision,
        workers=recipe.workers,
        window=None,
        pause_hours=recipe.pause_hours,
        conf=0.25,
        iou=0.7,
        announce=say_nothing,
        on_epoch=no_report,
        on_progress=no_progress,
    )
    arguments = {**training_arguments(recipe), "model": recipe.model, "save_dir": str(folder), "device": "cpu"}
    PagesTrainer(arguments, job)
    return yaml.safe_load((folder / "args.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RECIPE)
def test_resolved_argument_is_the_recipes(resolved: dict[str, Any], name: str) -> None:
    assert resolved[name] == RECIPE[name]
    assert type(resolved[name]) is type(RECIPE[name])


def test_best_yaml_says_every_value_and_equals_the_defaults() -> None:
    import yaml

    file = Path(__file__).parents[2] / "configs" / "best.yaml"
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert set(RECIPE) <= set(tree["train"])
    written = load_config(str(file)).train.model_dump()
    assert {name: written[name] for name in RECIPE} == RECIPE


def test_without_flips_both_are_off() -> None:
    arguments = training_arguments(TrainConfig(flips=False))
    assert (arguments["fliplr"], arguments["flipud"]) == (0.0, 0.0)


def test_nothing_is_left_to_ultralytics_guesses() -> None:
    arguments = training_arguments(TrainConfig())
    assert arguments["optimizer"] != "auto"  # which would ignore lr0 and momentum
    assert arguments["amp"] is False  # which would look for a network to download
