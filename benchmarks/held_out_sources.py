"""Trains without some sources and evaluates on them, to measure what a change of generator or recipe is worth there.

    python -m benchmarks.held_out_sources --work FOLDER --settings before.yaml after.yaml
        [--folds 5] [--seeds 0 1] [--steps 150] [--sizes 640 1024] [--pieces 2] [--report]

A setting is a configuration file of `docdetect train` with what is to be compared: in `train.data` datasets of made-up
pages (`docdetect synth` makes them), in `train.synth` and `synth` pages that are made while the network trains, with or
without cut-outs or a kind of page, or another learning rate. What a file leaves open is `RECIPE` below. The budget is
that of the command for all settings: network, steps, pages in a batch, size, share of real pages, seeds.

Sources are the sets of ../shared/data (unless --data names another folder); sets that share a repository are one
source. `armeta` is never read. In each fold one source, or with `--folds` several, stays out of the training, and the
trained network sees nothing but its pages. The trainer is `docdetect train` with `views: device`: a fixed number of
steps, no choice among epochs. Classes that a set does not label completely stay out of the loss and of all figures.

Training starts from weights that have not seen the sources left out. The default, `data/starts/docdetect-n-early.pt`,
has seen the sets that `SEEN` names, so that these are trained on in every fold and never evaluated; --start and --seen
name others. Of the empty forms it has seen half of the pages; they are evaluated, and marked in the table.

Printed are, for each class, average precision at IoU 0.3 (is a mark found at all?) and 0.5: the mean over the sources
with at least five marks, the worst source, and the change between the settings, paired over the sources, with the 95 %
interval of Student's t; the same for false alarms a page at confidence 0.25 on pages without marks, by kind of page.
With --sizes each trained network sees the pages at several long sides, and there are tables for each of them. Training
sees pages at --imgsz, times `train.scales` of the setting, whatever the sizes are.

Pages are shrunk into the work folder, and what each training has found on its pages is written there when it is whole.
The same command goes on after a stop. Nothing in the work folder belongs into the project: it holds real documents.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.held_out_tables import Figures, tables
from benchmarks.other_origins import TRAINED_ON, has_documents
from benchmarks.real_documents import NAMES
from docdetect.annotations.yolo import detections_to_yolo
from docdetect.config.loading import load_config, parse_yaml
from docdetect.config.schema import Config
from docdetect.datasets.data_yaml import data_yaml_text
from docdetect.datasets.labelled import write_rules
from docdetect.datasets.reader import LabelledImage, label_path, read_dataset
from docdetect.documents.drawing import write_image
from docdetect.documents.pictures import read_picture
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.errors import DocdetectError, InputError
from docdetect.files import absolute, read_json, read_text, sha256_file, sha256_text, write_json, write_text
from docdetect.machine import processor_summary
from docdetect.metrics.codec import predictions_from_json, predictions_to_json
from docdetect.metrics.matching import Sample
from docdetect.models.ultralytics_setup import prepare_ultralytics
from docdetect.training.listeners import Listeners
from docdetect.training.records import RunFolder
from docdetect.training.train import train

# The sets that `data/starts/docdetect-n-early.pt` and the bundled weights were trained on.
SEEN = TRAINED_ON | {"signatures", "stamps_ru", "stamps_india"}
# Sets beside ../shared/data/train: name -> folder, beginning of the names of its pictures, classes, kind of page.
BESIDE = {
    "signatures": ("signatures/images", "", ("qr", "signature"), "letters"),
    "stamps_ru": ("stamps/images", "ru_", ("stamp",), ""),
    "stamps_india": ("stamps/images", "india_", ("stamp",), ""),
    "forms": ("forms", "", NAMES, "forms (half of them seen)"),
}
# What the pages without marks of a set are, for the table of false alarms; "other" where nothing is said.
KINDS = {
    "receipts": ("neg_receipts",),
    "letters and memos": (
        *("neg_letters", "sig_fedfoia", "sig_fpki", "usgov_fbi_cooper", "usgov_fbi_misc", "usgov_shaef45"),
        *("usgov_usaf4749", "jfk_nara", "jfk_nara2", "va_caseflow"),
    ),
    "laws, orders, court papers": (
        *("sig_avella", "sig_fedreg", "sig_indonesia", "sig_linsengericht", "sig_rivergrove", "sig_uscongress_courts"),
        *("seal_cachoeiro", "seal_indonesia2", "seal_srilanka", "usgov_fedreg_eo", "usgov_orders", "usgov_rivergrove"),
        *("uscourts_doctor", "uscourts_xray"),
    ),
    "old books": ("neg_oldbooks",),
}
# The recipe, as far as a setting does not say otherwise: neck and head learn, views as `infer` shows pages.
RECIPE: dict[str, Any] = {
    "freeze": 10, "optimizer": "AdamW", "lr0": 0.0005, "lrf": 0.02, "momentum": 0.9, "weight_decay": 0.01,
    "mosaic": 0.0, "close_mosaic": 0, "flips": False, "degrees": 1.0, "scales": [0.6, 1.5], "hsv_s": 0.5, "hsv_v": 0.3,
    "erasing": 0.0,
}  # fmt: skip
START = Path(__file__).resolve().parents[1] / "data" / "starts" / "docdetect-n-early.pt"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]*\w")
LEFT_OUT = "left_out.yaml"
_PAGES = "pages.json"
# Fainter detections make no difference to average precision.
_LOWEST_CONF = 0.001


@dataclass(frozen=True)
class PageSet:
    """One set of real pages in the work folder.

    Attributes:
        name: of the set.
        folder: its dataset; `train.txt` there lists the pages that are trained on.
        source: the set that names its source: sets of one publisher have the same.
        labelled: the classes that are labelled completely.
        kind: what its pages without marks are.
        marks: number of labelled marks.
        training_pages: number of pages in `train.txt`.
    """

    name: str
    folder: Path
    source: str
    labelled: tuple[str, ...]
    kind: str
    marks: int
    training_pages: int


@dataclass(frozen=True)
class Budget:
    """What is the same for all settings.

    Attributes:
        start: the weights that training starts from.
        seen: sets that these weights have seen.
        steps: of each training.
        batch: whole pages in a step.
        imgsz: px, long side of pages in training.
        real_share: how often a real page is drawn where a setting names datasets of made-up pages.
        most: pages of a set that are trained on, at most.
        folds: number of folds; 0 leaves one source out at a time.
        sizes: px, long sides at which the sources left out are evaluated; none: at `imgsz`.
    """

    start: Path
    seen: frozenset[str]
    steps: int
    batch: int
    imgsz: int
    real_share: float
    most: int
    folds: int
    sizes: tuple[int, ...] = ()

    @property
    def evaluated_px(self) -> tuple[int, ...]:
        """The long sides in px at which the sources left out are evaluated, each once."""
        return tuple(dict.fromkeys(self.sizes)) or (self.imgsz,)

    @property
    def page_px(self) -> int:
        """The long side in px of the pages in the work folder: the largest that anything looks at."""
        return max(self.imgsz, *self.evaluated_px)


# ------------------------------------------------------------------------------------------------------------- pages


def sources_of(origins: Mapping[str, str]) -> dict[str, str]:
    """Set -> the set that names its source; sets whose origins name the same repository (owner/name) are one source.

    Args:
        origins: set -> where it comes from, as `sources.tsv` says it.
    """
    first: dict[str, str] = {}
    source = {name: name for name in origins}
    for name, text in origins.items():
        for repository in _REPOSITORY.findall(text):
            other = first.setdefault(repository.lower(), name)
            here, there = source[name], source[other]
            if here != there:  # two sources turn out to be one
                source = {one: there if of == here else of for one, of in source.items()}
    return source


def read_page_sets(data: Path, work: Path, page_px: int, most: int) -> list[PageSet]:
    """The sets of real pages, shrunk into the work folder; a set that is there at this size is not read again."""
    with (data / "train" / "sources.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    kinds = {name: kind for kind, names in KINDS.items() for name in names}
    found = {row["folder"]: (f"train/{row['folder']}/images", "", tuple(row["labelled completely"].split()),
                             kinds.get(row["folder"], "other")) for row in rows}  # fmt: skip
    found |= {name: beside for name, beside in BESIDE.items() if (data / beside[0]).is_dir()}
    sources = sources_of(
        {row["folder"]: row["origin"] for row in rows} | {name: "" for name in BESIDE if name in found}
    )
    sets = []
    for name, (pictures, prefix, labelled, kind) in found.items():
        folder = work / f"pages_{page_px}" / name
        if not (folder / _PAGES).is_file():
            write_json(folder / _PAGES, _shrink_set(data / pictures, prefix, folder, page_px))
            print(f"shrunk: {name}", file=sys.stderr)
        pages: dict[str, int] = read_json(folder / _PAGES)
        if not pages:
            raise InputError(f"{data / pictures}: no page of {name}", "Put its pictures there, or take it out.")
        order = np.random.default_rng(0).permutation(len(pages))[:most].tolist()
        chosen = [list(pages)[position] for position in sorted(order)]
        write_text(folder / "train.txt", "".join(f"images/{page}\n" for page in chosen))
        sets.append(PageSet(name, folder, sources[name], labelled, kind, sum(pages.values()), len(chosen)))
    return sets


def _shrink_set(pictures: Path, prefix: str, folder: Path, page_px: int) -> dict[str, int]:
    """Writes the pages of a set with their long side at `page_px`; returns their names with their number of marks."""
    pages = {}
    for document in (one for one in list_documents(pictures) if one.name.startswith(prefix)):
        label = pictures.with_name("labels") / f"{Path(document.name).stem}.txt"
        text = read_text(label) if pictures.name == "images" and label.is_file() else ""
        with open_document(document) as opened:
            for number in range(1, opened.page_count + 1):
                name = f"{Path(document.name).stem}_{number}.png"
                write_image(folder / "images" / name, opened.render(number, LongSide(page_px)).pixels)
                write_text(label_path(folder / "images" / name), text)
                pages[name] = sum(bool(line.strip()) for line in text.splitlines())
    return pages


def shrink_dataset(data: str, work: Path, imgsz: int) -> Path:
    """The training split of a dataset with pages of at most `imgsz` px, in the work folder; returns its data.yaml."""
    read = read_dataset(data, ("train",), need_marks=False)
    identity = [
        str(read.file.resolve()),
        imgsz,
        [[one.name, one.path.stat().st_mtime_ns] for one in read.splits["train"]],
    ]
    folder = work / "made" / f"{read.root.resolve().name}-{sha256_text(json.dumps(identity))[:12]}"
    if not (folder / "data.yaml").is_file():
        distractors, rules = {}, {}
        for number, image in enumerate(read.splits["train"]):
            name = f"images/{number:06d}.png"
            boxes = _write_shrunk(image, folder / name, imgsz)
            rules[name] = image.labelled
            if len(boxes):
                distractors[name] = boxes
        write_json(folder / "distractors.json", distractors)
        labelled = write_rules(folder, rules, read.class_names)
        text = data_yaml_text(
            read.class_names, {"train": ["images"]}, distractors="distractors.json", labelled=labelled
        )
        write_text(folder / "data.yaml", text)
    return folder / "data.yaml"


def _write_shrunk(image: LabelledImage, target: Path, imgsz: int) -> list[list[float]]:
    """Writes a page and its labels; returns its distractors in px of the smaller page."""
    pixels = read_picture(image.path).pixels
    height, width = pixels.shape[:2]
    scale = min(1.0, imgsz / max(height, width))
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    if scale < 1:
        pixels = np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    write_image(target, pixels)
    write_text(label_path(target), detections_to_yolo(image.ground_truth))
    smaller: list[list[float]] = (image.distractors * np.float32(scale)).tolist()
    return smaller


# ------------------------------------------------------------------------------------------------------------- folds


def folds_of(sets: Sequence[PageSet], seen: frozenset[str], count: int) -> list[list[str]]:
    """The sources that each fold leaves out, by name; each source that the start has not seen is in one fold.

    Args:
        sets: all sets.
        seen: sets that the start has seen; a source with one of them is in no fold.
        count: number of folds of about as many marks each; 0 is one fold for each source.

    Raises:
        InputError: there is nothing to leave out, or a fold would leave out everything.
    """
    known = {one.source for one in sets if one.name in seen}
    marks: dict[str, int] = {}
    for one in sets:
        if one.source not in known:
            marks[one.source] = marks.get(one.source, 0) + one.marks
    if not marks:
        raise InputError("no source is left that the start has not seen", "Name fewer sets with --seen.")
    if not known and 1 in (count, len(marks)):
        raise InputError(
            f"all sources ({', '.join(sorted(marks))}) would be in one fold, and nothing would be left to train on",
            "Use two sources or more and two --folds or more, or name with --seen sets that are trained on in every "
            "fold.",
        )
    if not count:
        return [[source] for source in marks]
    folds: list[list[str]] = [[] for _ in range(min(count, len(marks)))]
    sums = [0] * len(folds)
    for source in sorted(marks, key=lambda name: (-marks[name], name)):
        smallest = min(range(len(folds)), key=lambda number: (sums[number], len(folds[number])))
        folds[smallest].append(source)
        sums[smallest] += marks[source]
    return folds


def write_fold(folder: Path, sets: Sequence[PageSet], left_out: Sequence[str]) -> list[Path]:
    """Writes the data.yaml of each set that is trained on, and `left_out.yaml`: the sources left out as split `val`.

    A training wants pages to evaluate at its end, and draws them. It gets one page of the sources left out, and all of
    these pages are evaluated afterwards.

    Returns:
        The files of the sets that are trained on, in their order.
    """
    outside = [one for one in sets if one.source in left_out]
    rules = {absolute(one.folder / "images").as_posix(): list(one.labelled) for one in outside}
    all_pages: list[Path | str] = [absolute(one.folder / "images") for one in outside]
    write_text(folder / LEFT_OUT, data_yaml_text(NAMES, {"val": all_pages}, labelled=rules))
    pages: dict[str, int] = read_json(outside[0].folder / _PAGES)
    one_page = max(pages, key=lambda name: pages[name] > 0)  # the first one with a mark, where there is one
    write_text(folder / "one_page.txt", f"{absolute(outside[0].folder / 'images' / one_page)}\n")
    files: list[Path] = []
    for one in (one for one in sets if one.source not in left_out):
        places: dict[str, list[Path | str]] = {"train": [absolute(one.folder / "train.txt")]}
        labelled = {absolute(one.folder / "images").as_posix(): list(one.labelled)}
        if not files:
            places["val"] = [absolute(folder / "one_page.txt")]
            labelled |= rules
        file = folder / one.name / "data.yaml"
        write_text(file, data_yaml_text(NAMES, places, root=absolute(one.folder), labelled=labelled))
        files.append(file)
    return files


# ---------------------------------------------------------------------------------------------------------- training


def setting_config(
    file: Path, work: Path, budget: Budget, sets: Sequence[PageSet], left_out: Sequence[str], seed: int
) -> Config:
    """The configuration of one training: the setting on top of the recipe, with the budget on top of both."""
    given = parse_yaml(read_text(file), str(file)).get("train") or {}
    shutil.rmtree(work / "fold", ignore_errors=True)
    real = write_fold(work / "fold", sets, left_out)
    pages = [one.training_pages for one in sets if one.source not in left_out]
    made = load_config(str(file)).train.sources if "data" in given else ()
    shrunk = [(shrink_dataset(one.path, work, budget.imgsz), one.weight) for one in made]
    drawn = sum(weight * len(list((path.parent / "images").iterdir())) ** 0.5 for path, weight in shrunk)
    weight = 1.0
    if drawn:  # so that real pages are drawn as often as the budget says, whatever the fold leaves out
        weight = budget.real_share / (1 - budget.real_share) * drawn / sum(count**0.5 for count in pages)
    data = [{"path": str(path), "weight": weight} for path in real]
    data += [{"path": str(path), "weight": of_setting} for path, of_setting in shrunk]
    fixed = {
        "views": "device", "model": str(budget.start), "imgsz": budget.imgsz, "steps": budget.steps,
        "batch": budget.batch, "seed": seed, "hours": 0.0, "pause_hours": 0.0, "data": data, "runs": str(work / "runs"),
        "name": "fold", "checkpoint_s": 100_000.0,
    }  # fmt: skip
    recipe = {key: value for key, value in RECIPE.items() if key not in given}
    return load_config(str(file), flags={f"train.{key}": value for key, value in (recipe | fixed).items()})


def identity_of(file: Path, budget: Budget, folds: Sequence[Sequence[str]]) -> str:
    """What a record must agree with: the budget, the folds and the setting."""
    values = [
        sha256_file(budget.start), sorted(budget.seen), budget.steps, budget.batch, budget.imgsz, budget.real_share,
        budget.most, list(budget.evaluated_px), [list(one) for one in folds], parse_yaml(read_text(file), str(file)),
        RECIPE,
    ]  # fmt: skip
    return sha256_text(json.dumps(values, sort_keys=True))


def run_fold(config: Config, left_out: Path, sizes: Sequence[int], *, trained: bool) -> dict[str, Any]:
    """Trains one fold, or takes the start as it is, and evaluates the sources left out.

    Args:
        config: of the training.
        left_out: the data.yaml with the sources left out as split `val`.
        sizes: px, the long sides at which they are evaluated.
        trained: whether there is a training.

    Returns:
        Seconds and views of the training, and for each size predictions.
    """
    from docdetect.training.outcome import evaluated

    weights, spent = Path(config.train.networks[0].path), {"seconds": 0.0, "views": 0}
    if trained:
        result = train(config, Listeners(announce=partial(print, file=sys.stderr)))
        about = read_json(RunFolder(result.folder).record)
        weights, spent = result.weights, {"seconds": about["seconds"], "views": about["views"]}
    outside, found = read_dataset(left_out, ("val",)), {}
    for size in sizes:
        at_size = config.model_copy(update={"train": config.train.model_copy(update={"imgsz": size})})
        samples, _, _ = evaluated(weights, at_size, outside, Listeners())
        found[str(size)] = predictions_to_json([one.above(_LOWEST_CONF) for one in samples], NAMES)
    if trained:
        shutil.rmtree(result.folder)
    return {**spent, "predictions": found}


def record_of(file: Path, identity: str) -> dict[str, Any] | None:
    """A record that is there; None where there is none.

    Raises:
        InputError: it was made with another budget or another setting.
    """
    if not file.is_file():
        return None
    record: dict[str, Any] = read_json(file)
    if record["identity"] != identity:
        raise InputError(
            f"{file}: made with another budget, other folds or another text of its setting",
            "Use another --work folder, or the same options again.",
        )
    return record


def run_missing(
    work: Path, settings: Sequence[Path], budget: Budget, sets: Sequence[PageSet], seeds: Sequence[int], pieces: int
) -> int:
    """Makes the records that are missing, at most so many; returns how many are left.

    All settings of a fold are trained one after the other, so that whatever is done can be compared.
    """
    folds = folds_of(sets, budget.seen, budget.folds)
    identities = {file: identity_of(file, budget, folds) for file in settings}
    wanted: list[tuple[int, int, Path | None]] = []
    for seed in seeds:
        for fold in range(len(folds)):
            wanted += [(fold, seed, None)] if seed == seeds[0] else []
            wanted += [(fold, seed, file) for file in settings]
    missing = [one for one in wanted if record_of(_record(work, *one), identities[one[2] or settings[0]]) is None]
    for fold, seed, file in missing[:pieces]:
        config = setting_config(file or settings[0], work, budget, sets, folds[fold], seed)
        record = run_fold(config, work / "fold" / LEFT_OUT, budget.evaluated_px, trained=file is not None)
        identity = identities[file or settings[0]]
        write_json(_record(work, fold, seed, file), {"identity": identity, "left_out": folds[fold], **record})
        print(
            f"{_record(work, fold, seed, file).stem}: {record['seconds']:.0f} s, {', '.join(folds[fold])}", flush=True
        )
    return max(0, len(missing) - pieces)


def _record(work: Path, fold: int, seed: int, setting: Path | None) -> Path:
    name = f"start_fold{fold}" if setting is None else f"{setting.stem}_fold{fold}_seed{seed}"
    return work / "records" / f"{name}.json"


# ------------------------------------------------------------------------------------------------------------ report


def figures_of(
    work: Path, settings: Sequence[Path], budget: Budget, sets: Sequence[PageSet], seeds: Sequence[int]
) -> tuple[dict[int, Figures], dict[str, int]]:
    """What every setting found on the sources that all settings and seeds were evaluated on, and what was spent.

    Returns:
        Long side in px -> the samples, and numbers of folds, trainings, views and seconds.
    """
    folds = folds_of(sets, budget.seen, budget.folds)
    identities = {file: identity_of(file, budget, folds) for file in settings}
    by_name = {one.name: one for one in sets}
    names = {"start": 1} | {file.stem: len(seeds) for file in settings}
    found: dict[int, dict[str, list[dict[str, list[Sample]]]]] = {
        size: {name: [{} for _ in range(count)] for name, count in names.items()} for size in budget.evaluated_px
    }
    spent = {"folds": 0, "of": len(folds), "trainings": 0, "views": 0, "seconds": 0}
    for fold in range(len(folds)):
        start = record_of(_record(work, fold, seeds[0], None), identities[settings[0]])
        trained = {
            (file, seed): record_of(_record(work, fold, seed, file), identities[file])
            for file in settings
            for seed in seeds
        }
        if start is None or any(record is None for record in trained.values()):
            continue
        for size, at_size in found.items():
            _sort_samples(start, size, by_name, at_size["start"][0])
        for (file, seed), record in trained.items():
            assert record is not None
            for size, at_size in found.items():
                _sort_samples(record, size, by_name, at_size[file.stem][seeds.index(seed)])
            spent["seconds"] += round(record["seconds"])
            spent["views"] += record["views"]
            spent["trainings"] += 1
        spent["folds"] += 1
    kinds = {one.name: one.kind for one in sets}
    return {size: Figures(at_size, kinds) for size, at_size in found.items()}, spent


def _sort_samples(
    record: Mapping[str, Any], size: int, sets: Mapping[str, PageSet], into: dict[str, list[Sample]]
) -> None:
    """Adds a record's samples of a size to those of their sources; a sample's group becomes the name of its set."""
    samples, _ = predictions_from_json(record["predictions"][str(size)], "a record")
    for sample in samples:
        name = Path(sample.document).parent.parent.name
        one = Sample(sample.document, 1, name, sample.ground_truth, sample.found, sample.labelled)
        into.setdefault(sets[name].source, []).append(one)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of shrunk pages and of what was found")
    parser.add_argument("--settings", type=Path, nargs="+", required=True, help="one configuration file, or two")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--start", type=Path, default=START)
    parser.add_argument("--seen", nargs="*", default=sorted(SEEN), help="sets that the start has seen")
    parser.add_argument("--folds", type=int, default=0, help="folds of several sources each; 0: one source at a time")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--imgsz", type=int, default=640, help="long side of pages in training, px")
    parser.add_argument("--sizes", type=int, nargs="+", default=[], help="long sides in evaluation, px [--imgsz]")
    parser.add_argument("--real-share", type=float, default=0.33, help="how often a real page is drawn")
    parser.add_argument("--most", type=int, default=24, help="pages of a set that are trained on, at most")
    parser.add_argument("--pieces", type=int, default=1_000_000, help="most trainings and evaluations of this call")
    parser.add_argument("--report", action="store_true", help="print the tables of what is done, and train nothing")
    given = parser.parse_args(arguments)
    if given.folds < 0:
        parser.error("--folds: a number of folds, or 0 to leave out one source at a time")
    if given.folds == 1 and not given.seen:
        parser.error(
            "--folds: one fold leaves out all sources, and nothing is left to train on; use two or more, 0 to leave "
            "out one source at a time, or name with --seen sets that are trained on in every fold"
        )
    if not has_documents(given.data):
        return 0
    if len(given.settings) > 2 or len({file.stem for file in given.settings} | {"start"}) != len(given.settings) + 1:
        parser.error("--settings: one file, or two of different names, none of them called start")
    if not 0 < given.real_share < 1:
        parser.error("--real-share: a number between 0 and 1")
    prepare_ultralytics()
    budget = Budget(
        given.start, frozenset(given.seen), given.steps, given.batch, given.imgsz, given.real_share, given.most,
        given.folds, tuple(given.sizes),
    )  # fmt: skip
    try:
        sets = read_page_sets(given.data, given.work, budget.page_px, given.most)
        left = 0 if given.report else run_missing(given.work, given.settings, budget, sets, given.seeds, given.pieces)
        figures, spent = figures_of(given.work, given.settings, budget, sets, given.seeds)
    except DocdetectError as error:
        print(f"{error.message}\n{error.remedy}", file=sys.stderr)
        return 1
    print(f"{spent['folds']} of {spent['of']} folds, {spent['trainings']} trainings of {given.steps} steps, "
          f"{spent['views']} views in {spent['seconds']} s, {given.imgsz} px, start {given.start.name}, "
          f"{processor_summary()}\n")  # fmt: skip
    for size, at_size in figures.items() if spent["folds"] else ():
        heading = f"Evaluated at {size} px:\n\n" if len(figures) > 1 else ""
        print(f"{heading}{tables(at_size)}\n")
    if left:
        print(f"{left} trainings and evaluations are left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
