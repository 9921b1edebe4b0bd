"""Runs `docdetect infer` over thousands of damaged documents: does it crash or hang, and does it report every file?

    python -m benchmarks.fuzz [--files 2000] [--seed 0]
    python -m benchmarks.fuzz --source FOLDER           # the files of a folder, without damaging them

Made-up documents (PDFs written in several ways, TIFFs of several pages and compressions, JPEG, PNG, WebP, BMP) are
damaged: bytes are flipped, ends are cut off, blocks are zeroed, dropped or doubled, numbers are changed. The damage is
the same for the same random seed. A tiny untrained network detects marks on all of them in one run that also writes
crops and marked copies.

Printed is a table of formats and outcomes. The exit code is 1 if the run crashed or hung, or if a file is missing in
the results.
"""

from __future__ import annotations

import argparse
import io
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pymupdf
from PIL import Image
from tests.support.tiny_network import write_checkpoint

from docdetect.documents.sources import document_kind
from docdetect.machine import processor_summary
from docdetect.tables import read_csv

BIN = Path(sys.executable).parent / "docdetect"

# A run that takes longer than this counts as hanging.
RUN_LIMIT_S = 3 * 3600
Damage = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one run over a folder of documents.

    Attributes:
        code: exit code; None where the run did not end within RUN_LIMIT_S.
        trace: whether Python printed a traceback.
        expected: names of the documents in the folder.
        reported: name -> `ok`, `partial` or the kind of failure, as the run reported it.
        elapsed_s: wall seconds of the run.
    """

    code: int | None
    trace: bool
    expected: frozenset[str]
    reported: dict[str, str]
    elapsed_s: float

    @property
    def passed(self) -> bool:
        """Whether the run neither crashed nor hung, and reported every file."""
        return self.code in (0, 7) and not self.trace and self.expected == set(self.reported)


def flip(data: bytes, rng: random.Random) -> bytes:
    """Changes up to 40 bytes to any other value."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 3, 10, 40))):
        damaged[rng.randrange(len(damaged))] ^= rng.randrange(1, 256)
    return bytes(damaged)


def flip_head(data: bytes, rng: random.Random) -> bytes:
    """Changes up to 40 of the first 200 bytes, in which most formats say what they are."""
    return flip(data[:200], rng) + data[200:]


def cut(data: bytes, rng: random.Random) -> bytes:
    """Keeps the beginning alone, of any length."""
    return data[: rng.randrange(len(data))]


def drop_block(data: bytes, rng: random.Random) -> bytes:
    """Drops a block of bytes."""
    start, end = _block(data, rng)
    return data[:start] + data[end:]


def double_block(data: bytes, rng: random.Random) -> bytes:
    """Repeats a block of bytes."""
    start, end = _block(data, rng)
    return data[:end] + data[start:]


def zero_block(data: bytes, rng: random.Random) -> bytes:
    """Sets a block of bytes to zero, as a failed copy leaves it."""
    start, end = _block(data, rng)
    return data[:start] + bytes(end - start) + data[end:]


def change_numbers(data: bytes, rng: random.Random) -> bytes:
    """Makes some numbers in ASCII huge, negative or zero, such as sizes, counts and references of a PDF."""
    places = [match.span() for match in re.finditer(rb"\d+", data)]
    for start, end in sorted(rng.sample(places, min(len(places), rng.choice((1, 3, 10)))), reverse=True):
        data = data[:start] + rng.choice((b"0", b"-1", b"99999999999", b"1", b"65536")) + data[end:]
    return data


DAMAGES: tuple[Damage, ...] = (flip, flip_head, cut, drop_block, double_block, zero_block, change_numbers)


def made_up_documents(folder: Path) -> dict[str, bytes]:
    """Makes small, undamaged documents of every format; returns file name -> content."""
    settings = ["--pages", "24", "--imgsz", "384", "--val", "0", "--pdf", "--seed", "5", "--workers", "1"]
    subprocess.run([str(BIN), "--quiet", "synth", "--output", str(folder), *settings], check=True)
    found: dict[str, bytes] = {}
    for path in sorted((folder / "pdfs").glob("*.pdf"))[:8]:
        found[path.name] = path.read_bytes()
        found |= {f"{name}_{path.name}": data for name, data in _rewritten(path).items()}
    pictures = [Image.open(path).convert("RGB") for path in sorted((folder / "images").rglob("*.jpg"))[:6]]
    for number, picture in enumerate(pictures):
        for suffix, options in (("jpg", {"progressive": bool(number % 2)}), ("png", {}), ("webp", {}), ("bmp", {})):
            found[f"{number}.{suffix}"] = _saved(picture, suffix, **options)
        for compression in ("tiff_lzw", "jpeg", "group4"):
            pages = [one.convert("1") if compression == "group4" else one for one in (picture, *pictures[:2])]
            more = {"save_all": True, "append_images": pages[1:], "compression": compression}
            found[f"{number}_{compression}.tif"] = _saved(pages[0], "tiff", **more)
    return found


def write_damaged(documents: dict[str, bytes], folder: Path, files: int, seed: int) -> None:
    """Writes `files` damaged files into a new folder, with every document and every kind of damage in turn."""
    folder.mkdir(parents=True)
    names = sorted(documents)
    for number in range(files):
        rng = random.Random(f"{seed} {number}")
        name, damage = names[number % len(names)], DAMAGES[number // len(names) % len(DAMAGES)]
        damaged = damage(documents[name], rng)
        (folder / f"{number:05d}_{damage.__name__}_{name}").write_bytes(damaged)


def run_over(source: Path, work: Path, options: Sequence[str] = ()) -> Outcome:
    """Runs `docdetect infer` over a folder.

    Args:
        source: the documents.
        work: folder for the network and the results.
        options: further options of `infer`.
    """
    files = (path for path in source.rglob("*") if path.is_file() and document_kind(path))
    expected = frozenset(path.relative_to(source).as_posix() for path in files)
    weights = write_checkpoint(work / "tiny.pt")
    output = work / "out"
    settings = ["--weights", str(weights), "--imgsz", "320", "--conf", "0.05", "--workers", "2", "--no-save-pages"]
    settings += ["--save-crops", "--save-pdf", "--doc-timeout", "60", "--source", str(source), "--output", str(output)]
    started_s = time.monotonic()
    try:
        done = subprocess.run([str(BIN), "infer", *settings, *options], stderr=-1, timeout=RUN_LIMIT_S, text=True)
        code, text = done.returncode, done.stderr
    except subprocess.TimeoutExpired:
        code, text = None, ""
    elapsed_s = time.monotonic() - started_s
    return Outcome(code, "Traceback" in text, expected, _reported(output / "documents.csv"), elapsed_s)


def table(outcome: Outcome) -> str:
    """The outcomes by format as a Markdown table, and a line that says whether the run passed."""
    counts = Counter((Path(name).suffix.lower(), status) for name, status in outcome.reported.items())
    formats, statuses = sorted({key[0] for key in counts}), sorted({key[1] for key in counts})
    rows = [f"| | {' | '.join(statuses)} | all |", "|---|" + "---:|" * (len(statuses) + 1)]
    for one in [*formats, "all"]:
        figures = [sum(counts[key, status] for key in formats if one in (key, "all")) for status in statuses]
        rows.append(f"| {one} | {' | '.join(map(str, figures))} | {sum(figures)} |")
    missing = len(outcome.expected - set(outcome.reported))
    how = "did not end" if outcome.code is None else f"exit code {outcome.code}"
    traced = "a traceback" if outcome.trace else "no traceback"
    facts = f"{how}, {traced}, {missing} of {len(outcome.expected)} files left out, {outcome.elapsed_s:.0f} s"
    return "\n".join([*rows, "", f"{'passed' if outcome.passed else 'FAILED'}: {facts}"])


def _reported(documents_csv: Path) -> dict[str, str]:
    """Name of each document that the run reported -> its status with the kind of failure."""
    if not documents_csv.is_file():
        return {}
    rows = read_csv(documents_csv, ("document", "status", "reason"))
    return {
        document: status if status == "ok" else f"{status}: {reason.partition(':')[0]}"
        for document, status, reason in zip(rows["document"], rows["status"], rows["reason"], strict=True)
    }


def _block(data: bytes, rng: random.Random) -> tuple[int, int]:
    """First byte and end of a random block of up to 4,096 bytes."""
    start = rng.randrange(len(data))
    return start, min(len(data), start + rng.choice((1, 16, 256, 4096)))


def _rewritten(path: Path) -> dict[str, bytes]:
    """The same PDF with compressed streams, with object streams, and encrypted without a user's password."""
    with pymupdf.open(path) as pdf:
        return {
            "deflated": pdf.tobytes(deflate=True, garbage=3, no_new_id=True),
            "packed": pdf.tobytes(deflate=True, use_objstms=1, no_new_id=True),
            "encrypted": pdf.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="owner", no_new_id=True),
        }


def _saved(picture: Image.Image, suffix: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, {"jpg": "JPEG"}.get(suffix, suffix.upper()), **options)
    return stream.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000, help="number of damaged files")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the damage")
    parser.add_argument("--source", type=Path, help="a folder of documents that are not damaged any further")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work, source = Path(folder), asked.source
        if source is None:
            source = work / "damaged"
            write_damaged(made_up_documents(work / "made"), source, asked.files, asked.seed)
        outcome = run_over(source, work)
    print(f"processor: {processor_summary()}\n\n{table(outcome)}")
    return 0 if outcome.passed else 1


if __name__ == "__main__":
    sys.exit(main())
