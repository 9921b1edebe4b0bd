"""Makes the sample documents of this folder: a page here, a document there, out of one seeded run of `docdetect synth`.

    python data/samples/make_samples.py

The pages follow from the seed, the generator's version and the fonts that are installed: elsewhere, other pages come
out, and the numbers below have to be chosen anew.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.annotations.native import annotations_from_json, annotations_to_json
from docdetect.files import read_json, write_json
from docdetect.synth.dataset import JOURNAL_NAME, PageRecord, read_journal

HERE = Path(__file__).parent
SETTINGS = (
    "papers={digital: 2, scan: 4, copy: 1, camera: 0.6, fax: 0.4}",
    "layouts={contract: 3, act: 2, letter: 3, estimate: 2, invoice: 1, certificate: 1, application: 1, codes: 0.5}",
    "empty=0.05",
)
PDFS = {"power-of-attorney.pdf": 40, "technical-conditions.pdf": 15}  # name -> first page of the document
PICTURES = {"letter.jpg": 80, "rental-agreement.jpg": 39, "resolution.png": 26, "affidavit.tif": 7}  # -> page


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / "made"
        command = [sys.executable, "-c", "from docdetect.cli.main import main; main()", "--quiet", "synth"]
        sizes = ["--output", str(made), "--pages", "90", "--imgsz", "1400", "--val", "0", "--pdf", "--seed", "11"]
        changes = [part for setting in SETTINGS for part in ("--set", f"synth.{setting}")]
        subprocess.run([*command, *sizes, *changes], check=True)
        ground_truth: Annotations = {}
        of_pdfs = annotations_from_json(read_json(made / "annotations.json"), "annotations.json")
        for sample, number in PDFS.items():
            document = f"document_{number:06}.pdf"
            (HERE / sample).write_bytes((made / "pdfs" / document).read_bytes())
            ground_truth[sample] = of_pdfs[document]
        records = read_journal(made / JOURNAL_NAME)
        for sample, number in PICTURES.items():
            write_picture(made / "images" / "train" / f"page_{number:06}.jpg", HERE / sample)
            ground_truth[sample] = {1: annotated(records[number])}
    write_json(HERE / "annotations.json", annotations_to_json(dict(sorted(ground_truth.items()))))


def write_picture(page: Path, sample: Path) -> None:
    """The page in the sample's format: the JPEG as it is, TIFF black and white (Group 4), PNG with 128 colours."""
    if sample.suffix == ".jpg":
        sample.write_bytes(page.read_bytes())
        return
    with Image.open(page) as picture:
        if sample.suffix == ".tif":
            grey = picture.convert("L").point(lambda level: 255 * (level > 127))
            grey.convert("1", dither=Image.Dither.NONE).save(sample, compression="group4", dpi=(120, 120))
        else:
            picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(sample, optimize=True, dpi=(120, 120))


def annotated(record: PageRecord) -> AnnotatedPage:
    """The true marks of a page."""
    marks = (
        Mark(mark.category, (left, top, right - left, bottom - top), text=mark.text)
        for mark in record.marks
        for left, top, right, bottom in (mark.box,)
    )
    return AnnotatedPage(record.size_wh, tuple(marks))


if __name__ == "__main__":
    main()
