"""Simulates active learning: does `select` choose better pages to label than chance does?

    python -m benchmarks.active_learning --folder FOLDER [--pieces 1]   # resumable: again until all is done
    python -m benchmarks.active_learning --folder FOLDER --report docs  # the table, and the curve as SVG

Made-up documents (`docdetect synth`) stand for the archive, and their exact labels for the person who labels. Two of
the four classes are rare in the archive: QR codes, and initials, a kind of signature that the bundled network does not
distinguish. All but a dozen pages with each are removed from the archive, and none from the pages for the evaluation.
Everything starts from the same random pages; in every round a strategy chooses further ones, the network learns from
all that are labelled, from the weights of the round before, and is evaluated on pages that are not in the archive:

- random: pages drawn at random;
- uncertainty: the pages with the highest score, by the very functions of `docdetect select`;
- uncertainty + diversity: a shortlist of eight times as many of the best pages, and of these by greedy k-center over
  the pooled features of the network, by the very function of `docdetect select`.

So that all of it takes minutes on one core, only the class scores are trained. The bundled network is frozen and sees
every page once, at 384 px: its boxes stay as they are, and a small network of two layers, the same for every cell,
computes the scores of the four classes from the input of the last layers of the bundled network. The other parts of
`select` (second looks, near-duplicates, lacking marks, merged boxes) are not simulated.

An interval is Student's t over the seeds, of the differences to random of the same seed.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from docdetect.active_learning.diversity import k_center
from docdetect.active_learning.scores import TOP, Weights, binary_entropy, class_weights, highest_by_class, page_mean
from docdetect.boxes import clip, iou, nms
from docdetect.config.schema import SynthConfig
from docdetect.documents.pictures import read_picture
from docdetect.metrics.bootstrap import metric_draws
from docdetect.metrics.matching import Sample, match
from docdetect.models.checkpoint import load_network
from docdetect.models.engines.features import pooled
from docdetect.models.head import parts
from docdetect.models.letterbox import Letterbox, page_to_picture
from docdetect.models.weights import resolve_weights
from docdetect.synth.dataset import JOURNAL_NAME, image_path, read_journal
from docdetect.synth.generate import generate
from docdetect.types import Detections, FloatArray

KINDS = {
    "qr": "qr",
    "handwritten_signature": "signature",
    "initials": "initials",
    "stamp_official": "stamp",
    "stamp_company": "stamp",
    "stamp_notary": "stamp",
}
CLASSES = ("qr", "signature", "initials", "stamp")
RARE = ("qr", "initials")
TITLES = {
    "all": "AP50, mean of the four classes",
    "rare": "AP50, mean of the two rare classes",
    "pages_with_rare": "labelled pages with a rare mark",
}
STRATEGIES = ("random", "uncertainty", "uncertainty + diversity")
SEEDS = (0, 1, 2, 3, 4)

# Pages that are made, those among them that are for the evaluation, and pages of the archive with each rare kind.
PAGES, TEST_PAGES, RARE_PAGES = 1200, 450, 12
# Pages that are labelled at the start, and in each round.
START, ROUNDS, PER_ROUND = 15, 4, 12
# Width and height in px of the pictures of all pages, both multiples of 32.
PICTURE_WH = 288, 384
STRIDES = (8, 16, 32)
BINS = 16
# Epochs at the start and in each round, cells in a batch, and the learning rate.
EPOCHS, BATCH, LEARNING_RATE = 20, 1024, 4e-3
# Cells of each page that take part in an epoch beside those of its marks: the ones with the highest scores of the
# bundled network, and random ones.
HARD_CELLS, RANDOM_CELLS = 150, 350
# Cells of a mark: as many as this with the highest IoU. Other cells above the second value are left out of the loss.
CELLS_OF_MARK, IGNORED_IOU = 8, 0.4
WIDTH = 64
# Score from which a detection is a mark, and from which it is a possible mark.
CONF, CHECK_CONF = 0.25, 0.05
# Pages in the shortlist for each page that is wanted, as in `docdetect select`.
SHORTLIST = 8
# 97.5 % quantile of Student's t, by degrees of freedom.
STUDENT_T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


# --------------------------------------------------------------------------------------------------- pages, features


@dataclass(frozen=True)
class Archive:
    """All pages with their features, by cell: the cells of all levels, the finest level first.

    Attributes:
        features: (N, A, D) float16, of each cell what the last layers of the bundled network take in.
        boxes: (N, A, 4) float16 xyxy px, the boxes of the bundled network.
        hardness: (N, A) float16, the highest score that the bundled network gives a cell.
        pooled: float32 (N, P), see `docdetect.models.engines.features.pooled`.
        ground_truth: the marks in px of the picture.
        test: positions of the pages for the evaluation.
        pool: positions of the pages that can be labelled.
    """

    features: np.ndarray
    boxes: np.ndarray
    hardness: np.ndarray
    pooled: FloatArray
    ground_truth: list[Detections]
    test: list[int]
    pool: list[int]


def make_pages(folder: Path, pages: int) -> None:
    """The made-up pages; nothing happens where they are there already."""
    if len(read_journal(folder / JOURNAL_NAME)) < pages:
        generate(
            SynthConfig(output=str(folder), pages=pages, imgsz=640, seed=11, val=0.0, classes=tuple(KINDS), workers=1)
        )


def read_pages(folder: Path) -> tuple[list[Path], list[Detections]]:
    """Pictures of all pages, and their marks in px of `PICTURE_WH`."""
    pictures, marks = [], []
    for _, record in sorted(read_journal(folder / JOURNAL_NAME).items()):
        fit = fit_of(record.size_wh)
        labelled = [(mark.box, CLASSES.index(KINDS[mark.kind])) for mark in record.marks if mark.kind in KINDS]
        boxes = np.array([box for box, _ in labelled], np.float32).reshape(-1, 4)
        scale = fit.inner_wh[0] / fit.page_wh[0], fit.inner_wh[1] / fit.page_wh[1]
        boxes = boxes * np.array([*scale, *scale], np.float32) + np.array([fit.left, fit.top] * 2, np.float32)
        ids = np.array([class_id for _, class_id in labelled], np.int64)
        pictures.append(image_path(folder, record, "jpg"))
        marks.append(Detections(boxes, ids, PICTURE_WH))
    return pictures, marks


def fit_of(page_wh: tuple[int, int]) -> Letterbox:
    """Where a page lies in its picture of `PICTURE_WH`."""
    gain = min(PICTURE_WH[0] / page_wh[0], PICTURE_WH[1] / page_wh[1])
    inner = max(1, round(page_wh[0] * gain)), max(1, round(page_wh[1] * gain))
    left, top = (PICTURE_WH[0] - inner[0]) // 2, (PICTURE_WH[1] - inner[1]) // 2
    return Letterbox(page_wh, inner, left, top, PICTURE_WH)


def divide(ground_truth: Sequence[Detections], test_pages: int, rare_pages: int) -> tuple[list[int], list[int]]:
    """The pages for the evaluation, and those of the archive, of which few have a rare kind."""
    order = np.random.default_rng(0).permutation(len(ground_truth)).tolist()
    test, rest = sorted(order[:test_pages]), order[test_pages:]
    left = dict.fromkeys((CLASSES.index(name) for name in RARE), rare_pages)
    pool = []
    for page in rest:
        rare = set(ground_truth[page].class_ids.tolist()) & left.keys()
        if all(left[class_id] > 0 for class_id in rare):
            pool.append(page)
            for class_id in rare:
                left[class_id] -= 1
    return test, sorted(pool)


def compute_features(pictures: Sequence[Path], folder: Path) -> None:
    """What the bundled network gives for every page, into files; kept once they are whole."""
    done = folder / "features.json"
    if done.is_file():
        return
    network: Any = load_network(resolve_weights("", Path("runs/train"))).float().eval()
    head = network.model[-1]
    taken: list[torch.Tensor] = []
    head.register_forward_pre_hook(lambda _, inputs: taken.extend(inputs[0]))
    files: list[np.ndarray] = []
    pools: list[FloatArray] = []
    with torch.inference_mode():
        for position, path in enumerate(pictures):
            page = read_picture(path).pixels
            picture = page_to_picture(page, fit_of((page.shape[1], page.shape[0])))
            taken.clear()
            network(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255)
            neck = [level.clone() for level in taken]
            arrays = _cells(head, neck)
            if not files:
                files = [_mapped(folder, i, (len(pictures), *one.shape), "w+") for i, one in enumerate(arrays)]
            for file, array in zip(files, arrays, strict=True):
                file[position] = array.astype(np.float16)
            pools.append(pooled([level[0].numpy() for level in neck]))
    np.save(folder / "pooled.npy", np.stack(pools))
    done.write_text(json.dumps([list(file.shape) for file in files]), encoding="utf-8")


def _cells(head: Any, neck: Sequence[torch.Tensor]) -> list[np.ndarray]:
    """What the levels of one page give: features (A, D), boxes (A, 4) px and highest scores (A,) of the cells."""
    features, boxes, hardness = [], [], []
    for i, level in enumerate(neck):
        for_classes = head.cv3[i][1](head.cv3[i][0](level))
        for_boxes = head.cv2[i][1](head.cv2[i][0](level))
        sides = head.cv2[i][2](for_boxes)[0].reshape(4, BINS, -1).softmax(1)
        distances = (sides * torch.arange(BINS).view(1, BINS, 1)).sum(1)
        high, wide = level.shape[2:]
        rows, columns = torch.meshgrid(torch.arange(high) + 0.5, torch.arange(wide) + 0.5, indexing="ij")
        centre = torch.stack([columns.reshape(-1), rows.reshape(-1)])
        boxes.append(torch.cat([centre - distances[:2], centre + distances[2:]]).T * STRIDES[i])
        which = torch.zeros(len(STRIDES), high * wide)
        which[i] = 1
        features.append(torch.cat([for_classes[0].flatten(1), for_boxes[0].flatten(1), which]).T)
        hardness.append(head.cv3[i][2](for_classes)[0].flatten(1).sigmoid().amax(0))
    return [torch.cat(part).numpy() for part in (features, boxes, hardness)]


def _mapped(folder: Path, number: int, shape: tuple[int, ...], mode: str) -> np.ndarray:
    return np.memmap(folder / f"features_{number}.f16", np.float16, mode, shape=shape)  # type: ignore[call-overload,no-any-return]


def read_archive(folder: Path, ground_truth: list[Detections]) -> Archive:
    """What `compute_features` has written, with the marks."""
    shapes = json.loads((folder / "features.json").read_text(encoding="utf-8"))
    features, boxes, hardness = (_mapped(folder, number, tuple(shape), "r") for number, shape in enumerate(shapes))
    test, pool = divide(ground_truth, TEST_PAGES, RARE_PAGES)
    return Archive(features, boxes, hardness, np.load(folder / "pooled.npy"), ground_truth, test, pool)


# ----------------------------------------------------------------------------------------------- what learns, figures


class Head(nn.Module):
    """What learns: the scores of the classes of a cell from its features."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.normed = nn.BatchNorm1d(count)
        last = nn.Linear(WIDTH, len(CLASSES))
        nn.init.constant_(last.bias, -4.0)  # few cells hold a mark
        self.layers = nn.Sequential(nn.Linear(count, WIDTH), nn.SiLU(), last)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layers(self.normed(features))
        return logits


def cells_of(archive: Archive, page: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The cells of a labelled page that take part in the training, and their target scores (cells, classes).

    The cells of a mark are those whose boxes overlap most with it; their target is the IoU, and at least a half, since
    the frozen boxes of classes that the bundled network does not know may be loose.
    """
    truth = archive.ground_truth[page]
    overlaps = iou(archive.boxes[page].astype(np.float32), truth.xyxy)
    targets = np.zeros((len(overlaps), len(CLASSES)), np.float32)
    for mark, class_id in enumerate(truth.class_ids.tolist()):
        best = np.argsort(-overlaps[:, mark], kind="stable")[:CELLS_OF_MARK]
        best = best[overlaps[best, mark] > 0]
        targets[best, class_id] = np.maximum(overlaps[best, mark], 0.5)
    of_marks = np.flatnonzero(targets.any(axis=1))
    clear = np.flatnonzero((overlaps.max(axis=1, initial=0) < IGNORED_IOU) & ~targets.any(axis=1))
    hard = clear[np.argsort(-archive.hardness[page][clear], kind="stable")[:HARD_CELLS]]
    drawn = generator.choice(clear, min(RANDOM_CELLS, len(clear)), replace=False)
    cells = np.concatenate([of_marks, np.union1d(hard, drawn)])
    return cells, targets[cells]


def train(head: Head, archive: Archive, pages: Sequence[int], seed: int) -> None:
    """Some epochs over the labelled pages; every class of a cell has a binary cross-entropy of its own."""
    generator = np.random.default_rng(seed)
    chosen = [(page, *cells_of(archive, page, generator)) for page in sorted(pages)]
    features = torch.from_numpy(np.concatenate([archive.features[page][cells] for page, cells, _ in chosen])).float()
    targets = torch.from_numpy(np.concatenate([scores for _, _, scores in chosen]))
    steps = EPOCHS * math.ceil(len(features) / BATCH)
    optimizer = torch.optim.AdamW(head.parameters(), lr=LEARNING_RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1)
    head.train()
    for batch in islice(_batches(len(features), generator), steps):
        loss = nn.functional.binary_cross_entropy_with_logits(head(features[batch]), targets[batch], reduction="sum")
        optimizer.zero_grad()
        torch.autograd.backward(loss / targets[batch].sum().clamp(min=1))
        optimizer.step()
        schedule.step()
    head.eval()


def _batches(count: int, generator: np.random.Generator) -> Iterator[torch.Tensor]:
    while True:
        order = generator.permutation(count)
        yield from (torch.from_numpy(order[start : start + BATCH]) for start in range(0, count, BATCH))


def predict(head: Head, archive: Archive, pages: Sequence[int], conf: float) -> list[Detections]:
    """What the network finds on some pages, in px of the picture."""
    found = []
    with torch.inference_mode():
        for page in pages:
            logits = head(torch.from_numpy(archive.features[page].astype(np.float32)))
            scores, class_ids = (one.numpy() for one in logits.sigmoid().max(1))
            kept = np.flatnonzero(scores > conf)
            boxes = clip(archive.boxes[page][kept].astype(np.float32), PICTURE_WH)
            best = nms(boxes, scores[kept], class_ids[kept], 0.6, 100)
            one = Detections(boxes[best], class_ids[kept][best], PICTURE_WH, scores[kept][best])
            found.append(one.select(~parts(one.xyxy, one.class_ids)))
    return found


def evaluate(head: Head, archive: Archive) -> dict[str, float]:
    """AP50 of each class, and their means over all and over the rare ones, on the pages for the evaluation."""
    found = predict(head, archive, archive.test, 0.02)
    samples = [
        Sample(f"{page}", 1, f"{page}", archive.ground_truth[page], one)
        for page, one in zip(archive.test, found, strict=True)
    ]
    matches = match(samples, len(CLASSES))
    once = np.ones((1, len(samples)), np.int64)
    drawn = metric_draws(matches, once, (CONF,) * len(CLASSES))
    figures = {name: float(drawn.ap50[0, i]) for i, name in enumerate(CLASSES)}
    figures["all"] = float(np.mean([figures[name] for name in CLASSES]))
    figures["rare"] = float(np.mean([figures[name] for name in RARE]))
    figures["all_50_95"] = float(drawn.ap50_95[0].mean())
    return figures


# ------------------------------------------------------------------------------------------------------- strategies


def worths(found: Sequence[Detections]) -> np.ndarray:
    """(N,) what each page is worth: uncertainty and near misses, as `docdetect select` adds them."""
    classes = len(CLASSES)
    entropies, near = (np.zeros((len(found), classes, TOP), np.float32) for _ in range(2))
    marks = np.zeros(classes, np.int64)
    for position, page in enumerate(found):
        entropies[position] = highest_by_class(binary_entropy(page.known_scores), page.class_ids, classes)
        below = page.select(page.known_scores < CONF)
        near[position] = highest_by_class(below.known_scores / CONF, below.class_ids, classes)
        marks += np.bincount(page.class_ids[page.known_scores >= CONF], minlength=classes)
    weights = class_weights(marks)
    return np.asarray(
        Weights().entropy * page_mean(entropies, weights) + Weights().near_miss * page_mean(near, weights)
    )


def choose(strategy: str, archive: Archive, head: Head, labelled: Sequence[int], count: int, seed: int) -> list[int]:
    """The pages that a strategy labels next."""
    left = [page for page in archive.pool if page not in set(labelled)]
    if strategy == "random":
        return sorted(np.random.default_rng(seed).choice(left, count, replace=False).tolist())
    worth = worths(predict(head, archive, left, CHECK_CONF))
    order = np.argsort(-worth, kind="stable")
    if strategy == "uncertainty":
        return sorted(left[position] for position in order[:count])
    short = order[: SHORTLIST * count]
    features = archive.pooled[[left[position] for position in short]]
    chosen = k_center(worth[short], features, archive.pooled[list(labelled)], count)
    return sorted(left[short[one.position]] for one in chosen)


def play(archive: Archive, strategy: str, seed: int) -> Iterator[dict[str, Any]]:
    """One seed of one strategy: a record for each round, the start included."""
    torch.manual_seed(seed)
    head = Head(archive.features.shape[2])
    labelled = sorted(np.random.default_rng(seed).choice(archive.pool, START, replace=False).tolist())
    rare = {CLASSES.index(name) for name in RARE}
    for round_ in range(ROUNDS + 1):
        if round_:
            labelled += choose(strategy, archive, head, labelled, PER_ROUND, 1000 * round_ + seed)
        train(head, archive, labelled, 1000 * round_ + seed)
        with_rare = sum(bool(rare & set(archive.ground_truth[page].class_ids.tolist())) for page in labelled)
        yield {
            "strategy": strategy,
            "seed": seed,
            "pages": len(labelled),
            "pages_with_rare": with_rare,
            "figures": evaluate(head, archive),
        }


# ----------------------------------------------------------------------------------------------------------- report


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval, by Student's t."""
    half = STUDENT_T[len(values) - 1] * statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return statistics.fmean(values), half


def by_round(records: Sequence[dict[str, Any]], figure: str) -> dict[str, dict[int, dict[int, float]]]:
    """Strategy -> labelled pages -> seed -> figure."""
    table: dict[str, dict[int, dict[int, float]]] = {}
    for record in records:
        pages = table.setdefault(record["strategy"], {}).setdefault(record["pages"], {})
        pages[record["seed"]] = record["pages_with_rare"] if figure == "pages_with_rare" else record["figures"][figure]
    return table


def whole_seeds(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records of the seeds that all strategies have played."""
    played = {(record["strategy"], record["seed"]) for record in records}
    whole = {seed for _, seed in played if all((strategy, seed) in played for strategy in STRATEGIES)}
    return [record for record in records if record["seed"] in whole]


def area(table: dict[int, dict[int, float]], seed: int) -> float:
    """The mean of a figure over the rounds, without the start, which is the same for all: the area under the curve."""
    return statistics.fmean(seeds[seed] for pages, seeds in sorted(table.items())[1:])


def report(records: Sequence[dict[str, Any]]) -> str:
    """The tables in Markdown: each figure by round, and the differences to random."""
    lines: list[str] = []
    for figure, title in TITLES.items():
        table = by_round(records, figure)
        rounds = sorted(table["random"])
        digits = 1 if figure == "pages_with_rare" else 3
        heads = [f"{pages} pages" for pages in rounds]
        lines.append(f"| {title} | {' | '.join(heads)} | after the start, minus random |")
        lines.append("|---|" + "---:|" * (len(rounds) + 1))
        for strategy in STRATEGIES:
            cells = [f"{statistics.fmean(table[strategy][pages].values()):.{digits}f}" for pages in rounds]
            seeds = sorted(table[strategy][rounds[0]])
            differences = [area(table[strategy], seed) - area(table["random"], seed) for seed in seeds]
            mean, half = interval(differences)
            last = "" if strategy == "random" else f"{mean:+.{digits}f} ± {half:.{digits}f}"
            lines.append(f"| {strategy} | {' | '.join(cells)} | {last} |")
        lines.append("")
    return "\n".join(lines)


def draw(records: Sequence[dict[str, Any]], path: Path) -> None:
    """The curves as SVG: mean over the seeds, and the band of the 95 % interval of the mean."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "docdetect"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis, name, title in zip(axes, ("all", "rare"), ("all four classes", "the two rare classes"), strict=True):
        for strategy, pages in by_round(records, name).items():
            xs = sorted(pages)
            middle, half = np.array([interval(list(pages[x].values())) for x in xs]).T
            (line,) = axis.plot(xs, middle, marker="o", markersize=3, label=strategy)
            # An average precision lies between 0 and 1, while the interval of the mean of a few seeds can reach beyond.
            low, high = np.clip((middle - half, middle + half), 0, 1)
            axis.fill_between(xs, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        axis.set(title=title, xlabel="labelled pages", ylabel="AP50")
        axis.grid(alpha=0.3)
    axes[0].legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="Folder of pages, features and results.")
    parser.add_argument("--pieces", type=int, default=1000, help="Most runs of one strategy and one seed.")
    parser.add_argument("--report", type=Path, help="Write the table and the curve of what is done into this folder.")
    wanted = parser.parse_args()
    log = wanted.folder / "rounds.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    records = [json.loads(line) for line in lines]
    if wanted.report:
        wanted.report.mkdir(parents=True, exist_ok=True)
        whole = whole_seeds(records)
        draw(whole, wanted.report / "active-learning.svg")
        print(report(whole))
        return
    torch.set_num_threads(1)
    make_pages(wanted.folder / "pages", PAGES)
    pictures, ground_truth = read_pages(wanted.folder / "pages")
    compute_features(pictures, wanted.folder)
    archive = read_archive(wanted.folder, ground_truth)
    finished = {(record["strategy"], record["seed"]) for record in records}
    missing = [(name, seed) for seed in SEEDS for name in STRATEGIES if (name, seed) not in finished]
    for strategy, seed in missing[: wanted.pieces]:
        played = list(play(archive, strategy, seed))  # written when it is whole
        with log.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(record) + "\n" for record in played)
        print(strategy, seed, [round(record["figures"]["all"], 3) for record in played], flush=True)
    left = len(missing) - wanted.pieces
    print("all is done" if left <= 0 else f"{left} pieces are left")


if __name__ == "__main__":
    main()
