"""The benchmark of views: both makers give batches of the same pages."""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

from benchmarks import views
from docdetect.datasets.reader import read_dataset
from docdetect.models.ultralytics_setup import prepare_ultralytics


def test_both_make_batches_and_are_timed(dataset: Path, tmp_path: Path) -> None:
    prepare_ultralytics()
    recipe = views.recipe_of(argparse.Namespace(imgsz=96, batch=2))
    pages = read_dataset(dataset)
    for batches in (views.device_batches(pages, recipe), views.ultralytics_batches(pages, recipe, tmp_path)):
        for batch in islice(batches, 2):
            assert batch.shape[1] == 3
            assert 0 <= float(batch.min()) < float(batch.max()) <= 1
        seen, megapixels = views.timed(batches, 3)
        assert seen > megapixels > 0
