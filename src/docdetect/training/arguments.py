"""Translation of a recipe, `TrainConfig`, into the arguments of Ultralytics' trainer; a pure function."""

from __future__ import annotations

from typing import Any

from docdetect.config.schema import TrainConfig

# Keys whose names and values mean the same to Ultralytics; `training_arguments` translates all others.
_SAME = (
    *("imgsz", "batch", "epochs", "patience", "optimizer", "lr0", "lrf", "momentum", "weight_decay", "warmup_epochs"),
    *("cos_lr", "box", "cls", "dfl", "mosaic", "close_mosaic", "degrees", "translate", "scale", "hsv_h", "hsv_s"),
    *("hsv_v", "auto_augment", "erasing", "mixup", "copy_paste", "perspective", "shear", "seed", "deterministic"),
    *("nbs", "workers"),
)


def training_arguments(config: TrainConfig) -> dict[str, Any]:
    """Ultralytics' training arguments for a recipe.

    Paths, device and resumption are not in here: they belong to a run, not to the recipe. `amp` is off because
    docdetect's own wrapper does mixed precision (see `docdetect.training.precision`), and with it on, Ultralytics
    would want to download a network to try it on.
    """
    arguments: dict[str, Any] = {name: getattr(config, name) for name in _SAME}
    return {
        "task": "detect",
        "mode": "train",
        **arguments,
        "freeze": config.freeze or None,
        "fliplr": config.fliplr if config.flips else 0.0,
        "flipud": config.flipud if config.flips else 0.0,
        "cache": "ram" if config.cache else False,
        "time": config.hours or None,
        "amp": False,
        "warmup_bias_lr": 0.1 if config.optimizer == "SGD" else 0.0,  # Adam's steps do not shrink with the gradient
        "cutmix": 0.0,
        "bgr": 0.0,
        "multi_scale": 0.0,
        "rect": False,
        "plots": True,
        "val": True,
        "save": True,
        "verbose": False,
        "exist_ok": True,
    }
