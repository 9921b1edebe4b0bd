from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from docdetect.config.schema import DataConfig
from docdetect.datasets.split import PageKey
from docdetect.documents.page_names import page_stem
from docdetect.errors import InputError, OutputExistsError
from docdetect.files import write_json
from docdetect.prepare.convert import Converted, convert
from docdetect.types import FailureKind
from docdetect.workers.parts import WorkerSettings

IN_PROCESS = WorkerSettings(workers=0)


def made_pdf(path: Path, pages: int = 1, text: str = "page") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with pymupdf.open() as pdf:
        for number in range(pages):
            pdf.new_page(width=72, height=144).insert_text((5, 50), f"{text} {number}")
        path.write_bytes(pdf.tobytes())
    return path


def run(tmp_path: Path, **settings: object) -> Converted:
    config = DataConfig.model_validate(
        {"pdfs": str(tmp_path / "pdfs"), "images": str(tmp_path / "images")} | settings, strict=False
    )
    return convert(config, IN_PROCESS)


def images(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "images").iterdir() if path.name != "manifest.json")


def size_of(tmp_path: Path, name: str) -> tuple[int, int]:
    with Image.open(tmp_path / "images" / name) as image:
        assert image.mode == "RGB"
        return image.size


def test_every_page_becomes_a_png_at_200_dpi(tmp_path: Path) -> None:
    made_pdf(tmp_path / "pdfs" / "акт.pdf", 2)
    done = run(tmp_path)
    assert images(tmp_path) == ["акт_page_0001.png", "акт_page_0002.png"]
    assert done.written == (PageKey("акт.pdf", 1), PageKey("акт.pdf", 2))
    assert size_of(tmp_path, "акт_page_0001.png") == (200, 400)
    with Image.open(tmp_path / "images" / "акт_page_0001.png") as image:
        assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_nested_documents_and_names_that_differ_in_case_or_suffix_do_not_meet(tmp_path: Path) -> None:
    for name in ("act.pdf", "Act.pdf", "act.PDF", "deep/er/act.pdf", "deep__er__act.pdf"):
        made_pdf(tmp_path / "pdfs" / name)
    Image.new("RGB", (9, 9)).save(tmp_path / "pdfs" / "act.png")
    distinct = {path.name.casefold() for path in (tmp_path / "pdfs").rglob("*") if path.is_file()}
    done = run(tmp_path)
    assert len(done.written) >= len(distinct)
    names = images(tmp_path)
    assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == len(names) == len(done.written)
    assert "act_page_0001.png" in names


def test_a_long_side_or_the_annotated_size_can_be_asked_for(tmp_path: Path) -> None:
    made_pdf(tmp_path / "pdfs" / "a.pdf", 2)
    made_pdf(tmp_path / "pdfs" / "sub" / "b.pdf")
    annotations = tmp_path / "annotations.json"
    page = {"page_size": {"width": 50, "height": 101}, "annotations": []}
    write_json(annotations, {"a.pdf": {"page_1": page}, "not here.pdf": {"page_1": page}})
    run(tmp_path, images_size="long_side", long_side=96)
    assert size_of(tmp_path, "a_page_0001.png") == (48, 96)
    run(tmp_path, images_size="annotations", annotations=str(annotations))
    assert size_of(tmp_path, "a_page_0001.png") == (50, 101)
    assert size_of(tmp_path, "a_page_0002.png") == (50, 101)  # as large as its document's annotated pages
    (other,) = (name for name in images(tmp_path) if name.startswith("sub__b"))
    assert max(size_of(tmp_path, other)) == 101


def test_a_second_run_makes_only_what_is_new_or_changed(tmp_path: Path) -> None:
    made_pdf(tmp_path / "pdfs" / "a.pdf", 2)
    made_pdf(tmp_path / "pdfs" / "b.pdf", 3)
    run(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "images").glob("*.png")}
    again = run(tmp_path)
    assert (again.written, len(again.skipped)) == ((), 5)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "images").glob("*.png")} == before

    made_pdf(tmp_path / "pdfs" / "b.pdf", 2, text="other")
    (tmp_path / "images" / "a_page_0002.png").unlink()
    changed = run(tmp_path)
    assert changed.written == (PageKey("a.pdf", 2), PageKey("b.pdf", 1), PageKey("b.pdf", 2))
    assert changed.skipped == (PageKey("a.pdf", 1),)
    assert images(tmp_path) == [f"{stem}_page_000{n}.png" for stem in "ab" for n in (1, 2)]  # b's third page is gone
    assert len(run(tmp_path, dpi=100).written) == 4


def test_what_failed_is_said_and_the_rest_is_made(tmp_path: Path) -> None:
    made_pdf(tmp_path / "pdfs" / "good.pdf")
    (tmp_path / "pdfs" / "broken.pdf").write_bytes(b"%PDF-1.4 no")
    bomb = made_pdf(tmp_path / "pdfs" / "bomb.pdf", 2)
    with pymupdf.open(bomb) as pdf:
        pdf[1].set_mediabox(pymupdf.Rect(0, 0, 14_400, 14_400))
        pdf.saveIncr()
    done = run(tmp_path)
    assert done.written == (PageKey("bomb.pdf", 1), PageKey("good.pdf", 1))
    assert [(failed.document, failed.page, failed.failure.kind) for failed in done.failed] == [
        ("bomb.pdf", 2, FailureKind.TOO_LARGE),
        ("broken.pdf", None, FailureKind.UNREADABLE),
    ]
    assert [failed.document for failed in run(tmp_path).failed] == ["bomb.pdf", "broken.pdf"]  # said again


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    made_pdf(tmp_path / "pdfs" / "a.pdf", 3)

    def interrupt(done: int, total: int, note: str) -> None:
        if note == "a.pdf, page 2":
            raise KeyboardInterrupt

    config = DataConfig(pdfs=str(tmp_path / "pdfs"), images=str(tmp_path / "images"))
    with pytest.raises(KeyboardInterrupt):
        convert(config, IN_PROCESS, interrupt)
    done = convert(config, IN_PROCESS)
    assert (len(done.skipped), done.written) == (2, (PageKey("a.pdf", 3),))


def test_workers_give_the_same_files(tmp_path: Path) -> None:
    for name in ("a.pdf", "b/c.pdf"):
        made_pdf(tmp_path / "pdfs" / name, 3)
    run(tmp_path)
    config = DataConfig(pdfs=str(tmp_path / "pdfs"), images=str(tmp_path / "parallel"))
    convert(config, WorkerSettings(workers=2))
    for name in images(tmp_path):
        assert (tmp_path / "parallel" / name).read_bytes() == (tmp_path / "images" / name).read_bytes()


def test_a_folder_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    made_pdf(tmp_path / "pdfs" / "a.pdf")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a_page_0001.png").write_text("mine")
    with pytest.raises(OutputExistsError, match="not made by docdetect convert"):
        run(tmp_path)
    assert (tmp_path / "images" / "a_page_0001.png").read_text() == "mine"


def test_images_inside_the_source_are_not_taken_for_documents(tmp_path: Path) -> None:
    made_pdf(tmp_path / "pdfs" / "a.pdf")
    inside = str(tmp_path / "pdfs" / "png")
    assert len(run(tmp_path, images=inside).written) == 1
    assert (len(run(tmp_path, images=inside).written), len(run(tmp_path, images=inside).skipped)) == (0, 1)


def test_a_record_with_hostile_names_writes_and_removes_nothing_outside(tmp_path: Path) -> None:
    made_pdf(tmp_path / "pdfs" / "a.pdf")
    run(tmp_path)
    victim = tmp_path / "victim_page_0009.png"
    victim.write_text("mine")
    record = json.loads((tmp_path / "images" / "manifest.json").read_text())
    entry = record["inputs"]["documents"]["a.pdf"]["1"]
    record["inputs"]["documents"] = {"a.pdf": {"1": entry, "9": entry}, "../victim.pdf": {"9": entry}}
    content = record["files"]["a_page_0001.png"]
    for name in (page_stem("a.pdf", 9), page_stem("../victim.pdf", 9), "../victim_page_0009"):
        record["files"][f"{name}.png"] = content
    write_json(tmp_path / "images" / "manifest.json", record)
    run(tmp_path)
    assert victim.read_text() == "mine"
    assert images(tmp_path) == ["a_page_0001.png"]


def test_a_source_without_documents_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder") as caught:
        run(tmp_path)
    assert caught.value.remedy == "Put the documents there, or name their folder with --source."
