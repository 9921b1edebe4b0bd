"""The folder of cut-outs: complete, the same bytes again, edited by people, and never laid over other work."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docdetect.cli.main import run
from docdetect.config.schema import CutoutsConfig
from docdetect.datasets.reader import read_dataset
from docdetect.documents.drawing import write_image
from docdetect.errors import ConfigError, InputError, OutputExistsError
from docdetect.files import read_json, write_json
from docdetect.synth.cutouts.cutting import CutReport, cut_out
from docdetect.synth.cutouts.folder import decode_rgba, read_kept, read_list
from docdetect.synth.cutouts.on_paper import mm_per_pixel
from docdetect.tables import read_csv, write_csv
from docdetect.types import PageInfo


def cut(folder: Path, labelled: Path, **changes: Any) -> CutReport:
    return cut_out(CutoutsConfig.model_validate({"data": str(labelled), "output": str(folder), "workers": 1} | changes))


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def folder(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cutouts") / "made"
    assert not cut(made, labelled).unchanged
    return made


def copied(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


def test_every_mark_is_cut_out_or_left_out_with_a_reason(folder: Path, labelled: Path) -> None:
    dataset = read_dataset(str(labelled), ("train",))
    marks = Counter(
        dataset.class_names[class_id] for image in dataset.splits["train"] for class_id in image.ground_truth.class_ids
    )
    listed = read_list(folder)
    left_out = read_csv(folder / "left_out.csv", ("category", "document", "page", "reason"))
    assert Counter(one.category for one in listed) + Counter(left_out["category"]) == marks
    assert all(left_out["reason"])
    assert {one.document for one in listed} <= {image.name for image in dataset.splits["train"]}
    assert len(listed) > 6
    for one in listed:
        rgba = decode_rgba((folder / one.file).read_bytes(), folder / one.file)
        assert rgba.shape[:2] == (one.box[3] - one.box[1], one.box[2] - one.box[0])
        # The ink reaches every side of the picture, and some of the picture is paper.
        for side in (rgba[0], rgba[-1], rgba[:, 0], rgba[:, -1]):
            assert side[:, 3].max() > 0
        assert one.category == "qr" or (rgba[:, :, 3] == 0).mean() > 0.05
        assert 1 < one.size_mm[0] < 210
    assert all(one.category == "qr" for one in listed if one.text)


def test_the_same_pages_give_the_same_bytes_and_again_change_nothing(
    folder: Path, labelled: Path, tmp_path: Path
) -> None:
    before = hashes(folder)
    assert cut(folder, labelled).unchanged
    assert hashes(folder) == before
    assert not cut(tmp_path / "again", labelled, workers=2).unchanged
    assert hashes(tmp_path / "again") == before


def test_decisions_of_people_are_kept_and_honoured(folder: Path, labelled: Path, tmp_path: Path) -> None:
    edited = copied(folder, tmp_path / "edited")
    all_kept = read_kept(edited)
    listing = edited / "cutouts.csv"
    lines = listing.read_text(encoding="utf-8").splitlines()
    row = next(index for index, line in enumerate(lines) if line.endswith(",yes"))
    lines[row] = lines[row].removesuffix("yes") + "no"
    listing.write_text("\n".join(lines) + "\n", encoding="utf-8")
    deleted = read_kept(edited).kept[-1]
    (edited / deleted.file).unlink()
    kept = read_kept(edited)
    assert len(kept.kept) == len(all_kept.kept) - 2
    assert kept.deleted == 1
    assert kept.digest != all_kept.digest
    assert "1 whose files were deleted" in kept.notes[0]
    before = hashes(edited)
    report = cut(edited, labelled)
    assert report.unchanged
    assert sum(report.kept.values()) == len(kept.kept)
    assert hashes(edited) == before
    write_image(edited / "mine.png", np.zeros((5, 5, 3), np.uint8))
    assert "1 pictures that cutouts.csv does not list are not used: mine.png" in read_kept(edited).notes[-1]


def test_other_settings_and_foreign_files_are_never_laid_over(folder: Path, labelled: Path, tmp_path: Path) -> None:
    other = copied(folder, tmp_path / "other")
    with pytest.raises(OutputExistsError, match="holds cut-outs of other pages or settings"):
        cut(other, labelled, categories=["stamp"])
    (other / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputExistsError, match=r"files that its list does not name, such as thesis\.txt"):
        cut(other, labelled, categories=["stamp"], overwrite=True)
    (other / "thesis.txt").unlink()
    report = cut(other, labelled, categories=["stamp"], overwrite=True, format="webp")
    assert set(report.found) == {"stamp"}
    assert {one.file.rpartition(".")[2] for one in read_list(other)} == {"webp"}
    webp = other / read_list(other)[0].file
    assert decode_rgba(webp.read_bytes(), webp).shape[2] == 4
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputExistsError, match="is no folder of cut-outs"):
        cut(foreign, labelled, overwrite=True)


def test_documents_with_annotations_are_cut_at_their_own_resolution(labelled: Path, tmp_path: Path) -> None:
    settings = CutoutsConfig(
        source=str(labelled / "pdfs"), annotations=str(labelled / "annotations.json"), output=str(tmp_path / "out"),
        workers=1, dpi=100,
    )  # fmt: skip
    cut_out(settings)
    listed = read_list(tmp_path / "out")
    assert {one.document for one in listed} <= {path.name for path in (labelled / "pdfs").glob("*.pdf")}
    for one in listed:
        mm_per_px = one.size_mm[0] / (one.box[2] - one.box[0])
        # A scan has the resolution of its picture, 900 px; a drawn page is looked at with 100 px/inch.
        assert max(one.page_wh) == 900 or mm_per_px == pytest.approx(25.4 / 100, rel=0.02)
    assert any(max(one.page_wh) != 900 for one in listed)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"source": "pdfs"}, ConfigError, "belong together"),
        ({"categories": ["stamps"]}, ConfigError, r"stamps is no class \(did you mean stamp\?\)"),
        ({"data": "nowhere"}, InputError, "no such dataset"),
        ({"splits": ["test"]}, InputError, "test"),
    ],
)
def test_wrong_settings_are_refused(
    labelled: Path, tmp_path: Path, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        cut(tmp_path / "out", labelled, **changes)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("keep", "maybe", "keep is 'maybe'"),
        ("file", "../other.png", "is not in this folder"),
        ("width_mm", "wide", "width_mm is 'wide'"),
        ("height_mm", "0", "is not possible"),
        ("category", "", "there is no category"),
    ],
)
def test_a_wrong_line_of_the_list_is_named(folder: Path, tmp_path: Path, column: str, value: str, message: str) -> None:
    edited = copied(folder, tmp_path / "edited")
    table = read_csv(edited / "cutouts.csv")
    table.loc[1, column] = value
    write_csv(edited / "cutouts.csv", table.itertuples(index=False, name=None), list(table.columns))
    with pytest.raises(InputError, match=f"line 3: .*{message}"):
        read_list(edited)


def test_damaged_cut_outs_and_empty_lists_are_told(folder: Path, tmp_path: Path) -> None:
    edited = copied(folder, tmp_path / "edited")
    file = edited / read_list(edited)[0].file
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(InputError, match="the cut-out cannot be read"):
        decode_rgba(file.read_bytes(), file)
    Image.new("RGB", (20, 20)).save(file)
    with pytest.raises(InputError, match="no transparent pixels"):
        decode_rgba(file.read_bytes(), file)
    listing = edited / "cutouts.csv"
    listing.write_text(listing.read_text(encoding="utf-8").replace(",yes\n", ",no\n"), encoding="utf-8")
    with pytest.raises(InputError, match="is kept and there"):
        read_kept(edited)
    with pytest.raises(InputError, match=r"there is no cutouts\.csv"):
        read_list(tmp_path)


def test_the_size_on_paper_is_that_of_the_pdf_of_the_file_or_of_a4() -> None:
    assert mm_per_pixel(PageInfo("a.pdf", 1, (1000, 2000), 100.0, (360.0, 720.0))) == pytest.approx(254 / 2000)
    # A scan of 1,684 px on a page of as many points claims to be A2 at 72 px/inch; a drawn page may be A2.
    claimed = PageInfo("a.pdf", 1, (1190, 1684), 72.0, (1190.0, 1684.0))
    assert mm_per_pixel(claimed, 1684) == pytest.approx(297 / 1684)
    assert mm_per_pixel(claimed, None) == pytest.approx(594 / 1684, rel=0.001)
    assert mm_per_pixel(claimed, 8000) == pytest.approx(594 / 1684, rel=0.001)
    assert mm_per_pixel(PageInfo("a.png", 1, (1000, 2000), 200.0)) == pytest.approx(25.4 / 200)
    # 72 px/inch is what programs write that know nothing, and 2000 px at 4000 px/inch would be a stamp of 13 mm.
    for dpi in (72.0, 4000.0, None):
        assert mm_per_pixel(PageInfo("a.png", 1, (1000, 2000), dpi)) == pytest.approx(297 / 2000)


def test_a_document_that_fails_is_told_and_the_others_are_cut(
    labelled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(labelled / "pdfs", tmp_path / "pdfs")
    annotations = read_json(labelled / "annotations.json")
    broken = sorted(annotations)[0]
    (tmp_path / "pdfs" / broken).write_bytes(b"%PDF-1.4 and no more")
    write_json(tmp_path / "annotations.json", annotations)
    source = ["--source", str(tmp_path / "pdfs"), "--annotations", str(tmp_path / "annotations.json")]
    assert run(["--json", "cutouts", *source, "--output", str(tmp_path / "out"), "--workers", "1"]) == 7
    shown = capsys.readouterr()
    summary = json.loads(shown.out)
    assert any(broken in failed for failed in summary["failures"])
    assert sum(summary["cutouts"].values()) == len(read_list(tmp_path / "out")) > 3
    assert broken in shown.err
    assert f"next: docdetect synth --marks {tmp_path / 'out'}\n" in shown.err
