"""`promote`: new weights take the place of the present ones, if they are at least as good on the pages for tests.

The place is one file, such as runs/weights/current.pt, that the next `infer` is given. What lay there before is kept
beside it under its content hash, so that one can go back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docdetect import __version__
from docdetect.console import ProgressCallback, no_progress, say_nothing
from docdetect.datasets.origins import read_origins
from docdetect.datasets.pages_for_tests import TEST_PAGES_CSV, read_pages_for_tests
from docdetect.datasets.reader import LabelledImage, YoloDataset, list_dataset, read_dataset
from docdetect.documents.page_names import page_stem
from docdetect.errors import InputError, RefusedError, UsageError
from docdetect.evaluation.predictions import Prediction, predict_dataset, samples_of
from docdetect.evaluation.report import bootstrap_settings
from docdetect.files import locked_folder, nfc, output_errors, sha256_file, sha256_text, write_bytes, write_text
from docdetect.metrics.matching import Sample
from docdetect.metrics.paired import Difference, compare
from docdetect.metrics.texts import change, share, span
from docdetect.models.conversions import FORM_SUFFIXES, form_path
from docdetect.models.engines.select import load_engine
from docdetect.models.thresholds import calibration_path, thresholds_path
from docdetect.models.weights import network_imgsz, require_single_network, resolve_weights

if TYPE_CHECKING:
    from docdetect.config.schema import Config

HISTORY = "history.jsonl"
_KEPT = "history"
_METRIC = "ap50_95"
_CONF = 0.25
# Digits of the content hash in the name of weights that are kept.
_DIGITS = 16


@dataclass(frozen=True)
class Promotion:
    """What was decided.

    Attributes:
        place: the file that now holds the weights; where nothing was promoted yet and the weights are the present ones
            already, the file of the present ones.
        weights: where they come from.
        sha256: of the weights in `place` now.
        previous_sha256: of those before; "" where there were none.
        pages: how many pages for tests both were evaluated on; 0 where nothing was compared.
        differences: new minus present, see `docdetect.metrics.paired`; empty where nothing was compared.
        unchanged: these very weights were the present ones already, and no file was touched.
        forced: the reason that the user gave; "" where none was needed.
        went_back: earlier weights were put back.
    """

    place: Path
    weights: Path
    sha256: str
    previous_sha256: str = ""
    pages: int = 0
    differences: tuple[Difference, ...] = ()
    unchanged: bool = False
    forced: str = ""
    went_back: bool = False

    def of(self, metric: str, name: str = "all") -> Difference | None:
        """The difference of one figure; None where nothing was compared."""
        return next((one for one in self.differences if (one.metric, one.name) == (metric, name)), None)


def promote(
    config: Config, *, on_progress: ProgressCallback = no_progress, announce: Callable[[str], None] = say_nothing
) -> Promotion:
    """Puts weights into the place that the next `infer` takes them from.

    Both weights are evaluated on the same pages for tests, in fp32 by PyTorch: those of the dataset's `test_pages.csv`,
    else its test split. The new ones must have at least the AP50-95 of the present ones, mean over the classes.

    Args:
        config: the sections `promote` and `figures`; of `train` the folder of trainings.
        on_progress: told about every page.
        announce: told what is left out.

    Raises:
        RefusedError: the new weights are not as good, or nobody can say so, and `promote.force` gives no reason.
        InputError: weights or dataset are missing or wrong; there are no pages for tests; nothing to go back to.
        OutputError: the place cannot be written.
    """
    wanted, trainings = config.promote, Path(config.train.runs)
    place = Path(wanted.to)
    if place.suffix != ".pt":
        raise UsageError(f"--to {place}: weights are a .pt file", "Name one, such as runs/weights/current.pt.")
    with output_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    with locked_folder(place.parent, "Wait until it has finished."):
        if wanted.back:
            return _go_back(place)
        new = require_single_network(resolve_weights(wanted.weights or "last", trainings), "promote")
        present = place if place.is_file() else _present(wanted.present, trainings)
        digest, previous = sha256_file(new), sha256_file(present) if present is not None else ""
        if present is not None and digest == previous:
            return Promotion(present, new, digest, previous, unchanged=True)
        pages = 0
        differences: tuple[Difference, ...] = ()
        if present is not None:
            try:
                pages, differences = _compare(config, present, new, on_progress, announce)
            except InputError as error:
                if not wanted.force:
                    raise
                announce(f"nothing was compared: {error.message}")
            else:
                _refuse_worse(differences, pages, present, wanted.force)
        if present is not None:
            _keep(place.parent, present, previous)
        _keep(place.parent, new, digest)
        _install(new, place)
        promotion = Promotion(place, new, digest, previous, pages, differences, forced=wanted.force)
        _note(place.parent, _record(promotion, wanted.data))
    return promotion


def _present(name: str, trainings: Path) -> Path | None:
    """The weights that are in use before the first promotion; None where there are none at all."""
    try:
        return require_single_network(resolve_weights(name, trainings), "promote")
    except InputError:
        if name:
            raise
        return None


def _compare(
    config: Config, present: Path, new: Path, on_progress: ProgressCallback, announce: Callable[[str], None]
) -> tuple[int, tuple[Difference, ...]]:
    dataset, images = pages_for_tests(config.promote.data, on_progress)
    both = [_samples(config, weights, dataset, images, on_progress, announce) for weights in (present, new)]
    conf = (_CONF,) * len(dataset.class_names)
    settings = bootstrap_settings(config.figures)
    return len(images), compare(both[0], both[1], dataset.class_names, (conf, conf), settings)


def pages_for_tests(data: str, on_progress: ProgressCallback = no_progress) -> tuple[YoloDataset, list[LabelledImage]]:
    """A dataset and its fixed pages for tests: those of `test_pages.csv`, else all of the test split.

    Raises:
        InputError: no such dataset, or it has no page for tests.
    """
    remedy = (
        "Draw some with docdetect select, review them, and add them with docdetect prepare --test-pages; or make a "
        "dataset with a test split, such as docdetect prepare --test 0.2 --output FOLDER, and train on that."
    )
    files = list_dataset(data)
    if not files.pictures.get("test"):
        raise InputError(f"{files.data_yaml.file}: the dataset has no pages for tests", remedy)
    dataset = read_dataset(data, ("test",), on_progress=on_progress)
    images = list(dataset.splits["test"])
    drawn = {page_stem(key.document, key.page) for key in read_pages_for_tests(dataset.root / TEST_PAGES_CSV)}
    if drawn:
        images = [image for image in images if nfc(image.path.stem) in drawn]
    if not images:
        raise InputError(f"{dataset.root / TEST_PAGES_CSV}: none of these pages is in the split test", remedy)
    return dataset, images


def _samples(
    config: Config,
    weights: Path,
    dataset: YoloDataset,
    images: Sequence[LabelledImage],
    on_progress: ProgressCallback,
    announce: Callable[[str], None],
) -> tuple[Sample, ...]:
    wanted = config.promote
    engine = load_engine(
        weights, imgsz=network_imgsz(weights, wanted.imgsz), device=wanted.device, engine="torch", announce=announce
    )
    pages = predict_dataset(
        engine, images, dataset.class_names, Prediction(), on_progress=on_progress, announce=announce
    )
    return samples_of(pages, read_origins(dataset.root))


def _refuse_worse(differences: Sequence[Difference], pages: int, present: Path, reason: str) -> None:
    """Raises RefusedError where the new weights are not at least as good and no reason is given to take them anyway."""
    one = next(one for one in differences if (one.metric, one.name) == (_METRIC, "all"))
    if reason or (one.difference.value is not None and one.difference.value >= 0):
        return
    if one.difference.value is None:
        raise RefusedError(
            f"none of the {pages} pages for tests has a mark, so nobody can say whether the new weights are as good",
            'Label more pages for tests, or add --force "the reason" to take the weights anyway.',
        )
    raise RefusedError(
        f"the new weights are not as good as {present}: {outcome(one, pages)}",
        'Train on more pages, or add --force "the reason" to take the weights anyway; the reason is kept.',
    )


def outcome(one: Difference, pages: int) -> str:
    """A difference in words, with its interval."""
    interval = span(one.difference) if one.difference.low is not None else "too few groups for an interval"
    noise = ", which may be noise" if one.outcome == "noise" else ""
    return (
        f"AP50-95 {share(one.b)} against {share(one.a)} on {pages} page{'' if pages == 1 else 's'} for tests, "
        f"{change(one.difference.value)} ({interval}){noise}"
    )


def _companions(weights: Path) -> list[tuple[Path, str]]:
    """The files that may lie beside weights, each with what follows the stem of the weights in its name."""
    kept = [thresholds_path(weights), calibration_path(weights), *(form_path(weights, form) for form in FORM_SUFFIXES)]
    return [(path, path.name.removeprefix(weights.stem)) for path in kept]


def _keep(folder: Path, weights: Path, sha256: str) -> None:
    """Keeps a copy of weights and of what lies beside them, under their content hash."""
    kept = folder / _KEPT / f"{sha256[:_DIGITS]}.pt"
    if not (kept.is_file() and sha256_file(kept) == sha256):
        _install(weights, kept)


def _install(weights: Path, place: Path) -> None:
    """Copies weights and what lies beside them. Files beside `place` that belong to other weights go first, so that a
    kill in between leaves weights without thresholds, and never with those of others."""
    with output_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        for path, _ in _companions(place):
            path.unlink(missing_ok=True)
        write_bytes(place, weights.read_bytes())
        for path, ending in _companions(weights):
            if path.is_file():
                write_bytes(place.with_name(f"{place.stem}{ending}"), path.read_bytes())


def _go_back(place: Path) -> Promotion:
    """Puts the weights back that were there before those that are there now."""
    current = sha256_file(place) if place.is_file() else ""
    records = read_history(place.parent)
    last = next((one for one in reversed(records) if one["sha256"] == current and not one.get("back")), None)
    previous = "" if last is None else str(last["previous_sha256"])
    kept = place.parent / _KEPT / f"{previous[:_DIGITS]}.pt"
    if not previous or not kept.is_file():
        raise InputError(f"{place}: there are no earlier weights to go back to", f"{place.parent / HISTORY} lists all.")
    if sha256_file(kept) != previous:
        raise InputError(f"{kept}: damaged, so it is not put back", "Promote other weights.")
    _install(kept, place)
    promotion = Promotion(place, kept, previous, current, went_back=True)
    _note(place.parent, _record(promotion, ""))
    return promotion


def read_history(folder: Path) -> list[dict[str, Any]]:
    """What was promoted into a folder, the first one first; a torn last line is passed over.

    Raises:
        InputError: the file cannot be read.
    """
    path = folder / HISTORY
    if not path.is_file():
        return []
    records = []
    with output_errors(path):
        lines = path.read_bytes().splitlines()
    for line in lines:
        try:
            record = json.loads(line)
            if isinstance(record, dict) and "sha256" in record:
                records.append(record)
        except ValueError:
            continue
    return records


def _note(folder: Path, record: dict[str, Any]) -> None:
    lines = [json.dumps(one, ensure_ascii=False) for one in [*read_history(folder), record]]
    write_text(folder / HISTORY, "".join(f"{line}\n" for line in lines))


def _record(promotion: Promotion, data: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "sha256": promotion.sha256,
        "previous_sha256": promotion.previous_sha256,
        "from": promotion.weights.as_posix(),
        "docdetect": __version__,
    }
    if promotion.went_back:
        return {**record, "back": True}
    tests = Path(data) / TEST_PAGES_CSV
    figures = {
        f"{one.metric} {one.name}": {
            "present": one.a,
            "new": one.b,
            "difference": one.difference.value,
            "low": one.difference.low,
            "high": one.difference.high,
        }
        for one in promotion.differences
        if one.metric in (_METRIC, "ap50")
    }
    return {
        **record,
        "pages": promotion.pages,
        "test_pages": sha256_text(tests.read_text(encoding="utf-8")) if tests.is_file() else "",
        "figures": figures,
        "forced": promotion.forced,
    }
