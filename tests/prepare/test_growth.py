"""Datasets that grow: splits stay, near-duplicates follow, pages for tests are never trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.annotations.native import annotations_to_json
from docdetect.config.schema import DataConfig
from docdetect.datasets.pages_for_tests import TEST_PAGES_CSV, pages_for_tests_text, read_pages_for_tests
from docdetect.datasets.reader import read_dataset
from docdetect.datasets.split import SPLIT_CSV, PageKey, SplitRow, split_from_csv
from docdetect.errors import ConfigError, InputError, OutputExistsError
from docdetect.files import read_text, write_json, write_text
from docdetect.prepare.dataset import Made, prepare
from docdetect.prepare.growth import grown_split
from docdetect.workers.parts import WorkerSettings
from tests.support.word_pages import write_document

INLINE = WorkerSettings(workers=0)
NOBODY: frozenset[PageKey] = frozenset()

pytestmark = pytest.mark.usefixtures("without_plots")


def annotate(file: Path, annotations: Annotations) -> Path:
    write_json(file, annotations_to_json(annotations))
    return file


def made(tmp_path: Path, name: str, **settings: object) -> Made:
    config = DataConfig(pdfs=str(tmp_path / "scans"), dataset=str(tmp_path / name), **settings)  # type: ignore[arg-type]
    return prepare(config, INLINE)


def sides(folder: Path) -> dict[PageKey, str]:
    return split_from_csv(read_text(folder / SPLIT_CSV), "split.csv").sides()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A dataset of six documents of one page, all different, a third of them in val."""
    annotations = {f"{i}.pdf": write_document(tmp_path / "scans" / f"{i}.pdf", (i,), 60.0) for i in range(6)}
    made(tmp_path, "set", annotations=str(annotate(tmp_path / "first.json", annotations)), val=0.34)
    return tmp_path / "set"


def grow(tmp_path: Path, annotations: Annotations, output: str = "set", **settings: object) -> Made:
    file = annotate(tmp_path / "more.json", annotations)
    return made(tmp_path, output, annotations=str(file), add_to=str(tmp_path / "set"), **settings)


def test_pages_keep_their_splits_and_near_duplicates_follow_them(tmp_path: Path, base: Path) -> None:
    before = sides(base)
    kept = {path.name: path.read_bytes() for path in base.rglob("images/*/*.png")}
    (in_val, *_), (in_train, *_) = ([key for key, side in before.items() if side == one] for one in ("val", "train"))
    more = {}
    for name, like, stamp_at in (("val copy.pdf", in_val, 220.0), ("train copy.pdf", in_train, 220.0)):
        seed = int(like.document.removesuffix(".pdf"))
        more[name] = write_document(tmp_path / "scans" / name, (seed,), stamp_at)
    for seed in range(20, 26):
        more[f"new {seed}.pdf"] = write_document(tmp_path / "scans" / f"new {seed}.pdf", (seed,))
    result = grow(tmp_path, more)
    after = sides(base)
    assert len(after) == 14
    assert {key: after[key] for key in before} == before
    assert after[PageKey("val copy.pdf", 1)] == "val"
    assert after[PageKey("train copy.pdf", 1)] == "train"
    images = {path.name: path.read_bytes() for path in base.rglob("images/*/*.png")}
    assert {name: images[name] for name in kept} == kept
    dataset = read_dataset(base)
    assert sum(dataset.marks(side) for side in dataset.splits) == 14
    assert sum(entry.pages for entry in result.report.splits) == 14


def test_adding_the_same_again_changes_nothing_and_a_third_round_goes_on(tmp_path: Path, base: Path) -> None:
    first = {"a.pdf": write_document(tmp_path / "scans" / "a.pdf", (30, 31))}
    assert not grow(tmp_path, first).unchanged
    stamp = (base / "manifest.json").stat().st_mtime_ns
    assert grow(tmp_path, first).unchanged
    assert (base / "manifest.json").stat().st_mtime_ns == stamp
    before = sides(base)
    grow(tmp_path, {"b.pdf": write_document(tmp_path / "scans" / "b.pdf", (40,))})
    after = sides(base)
    assert {key: after[key] for key in before} == before
    assert len(after) == len(before) + 1


def test_only_listed_pages_are_added_and_listed_pages_without_marks_are_pages_without_marks(
    tmp_path: Path, base: Path
) -> None:
    pages = write_document(tmp_path / "scans" / "long.pdf", (50, 51, 52))
    write_document(tmp_path / "scans" / "nobody looked.pdf", (60,))
    listed = {1: pages[1], 3: AnnotatedPage((596, 842), ())}
    grow(tmp_path, {"long.pdf": listed})
    new = {key for key in sides(base) if key.document in ("long.pdf", "nobody looked.pdf")}
    assert new == {PageKey("long.pdf", 1), PageKey("long.pdf", 3)}
    (empty,) = base.rglob("labels/*/*long*3*.txt")
    assert empty.read_text(encoding="utf-8") == ""


def test_new_labels_of_a_page_replace_the_old_ones_where_the_page_is(tmp_path: Path, base: Path) -> None:
    before = sides(base)
    key = next(key for key, side in before.items() if side == "val")
    corrected = AnnotatedPage((596, 842), (Mark("signature", (10.0, 10.0, 40.0, 20.0)),))
    grow(tmp_path, {key.document: {1: corrected}})
    assert sides(base) == before
    dataset = read_dataset(base)
    (image,) = [one for one in dataset.splits["val"] if one.path.stem.startswith(key.document.removesuffix(".pdf"))]
    assert image.ground_truth.class_ids.tolist() == [1]


def test_pages_drawn_for_tests_go_to_test_and_stay_there_in_later_rounds(tmp_path: Path, base: Path) -> None:
    drawn = tmp_path / "drawn.csv"
    write_text(drawn, pages_for_tests_text([PageKey("t.pdf", 1), PageKey("not reviewed.pdf", 1)]))
    grow(tmp_path, {"t.pdf": write_document(tmp_path / "scans" / "t.pdf", (70,))}, test_pages=str(drawn))
    assert sides(base)[PageKey("t.pdf", 1)] == "test"
    assert read_pages_for_tests(base / TEST_PAGES_CSV) == (PageKey("t.pdf", 1),)
    copy = write_document(tmp_path / "scans" / "copy.pdf", (70,), 220.0)
    grow(tmp_path, {"copy.pdf": copy, "u.pdf": write_document(tmp_path / "scans" / "u.pdf", (80,))})
    after = sides(base)
    assert (after[PageKey("t.pdf", 1)], after[PageKey("copy.pdf", 1)]) == ("test", "test")
    assert read_pages_for_tests(base / TEST_PAGES_CSV) == (PageKey("t.pdf", 1),)
    assert {path.name for path in (base / "images" / "test").iterdir()} == {
        "t_page_0001.png",
        "copy_page_0001.png",
    } or (len(list((base / "images" / "test").iterdir())) == 2)


def test_a_new_dataset_takes_pages_for_tests_too(tmp_path: Path) -> None:
    annotations = {f"{i}.pdf": write_document(tmp_path / "scans" / f"{i}.pdf", (i,), 60.0) for i in range(5)}
    write_text(tmp_path / "drawn.csv", pages_for_tests_text([PageKey("3.pdf", 1)]))
    file = annotate(tmp_path / "a.json", annotations)
    made(tmp_path, "set", annotations=str(file), test_pages=str(tmp_path / "drawn.csv"), val=0.2)
    after = sides(tmp_path / "set")
    assert [key.document for key, side in after.items() if side == "test"] == ["3.pdf"]
    assert "val" in after.values()


def test_another_folder_can_take_the_grown_dataset(tmp_path: Path, base: Path) -> None:
    before = {path: path.read_bytes() for path in base.rglob("*") if path.is_file()}
    grow(tmp_path, {"a.pdf": write_document(tmp_path / "scans" / "a.pdf", (30,))}, output="other")
    assert {path: path.read_bytes() for path in base.rglob("*") if path.is_file()} == before
    assert len(sides(tmp_path / "other")) == 7


def test_a_document_that_took_the_name_of_another_is_refused(tmp_path: Path, base: Path) -> None:
    with pytest.raises(InputError, match=r"0\.pdf: another file"):
        grow(tmp_path, {"0.pdf": write_document(tmp_path / "scans" / "0.pdf", (99,))})


def test_files_of_others_in_a_dataset_are_not_lost_when_it_grows(tmp_path: Path, base: Path) -> None:
    (base / "my notes.txt").write_text("look at page 3", encoding="utf-8")
    with pytest.raises(OutputExistsError, match="my notes"):
        grow(tmp_path, {"a.pdf": write_document(tmp_path / "scans" / "a.pdf", (30,))})
    assert (base / "my notes.txt").is_file()


def test_what_cannot_grow_is_refused_by_name(tmp_path: Path, base: Path) -> None:
    more = {"a.pdf": write_document(tmp_path / "scans" / "a.pdf", (30,))}
    with pytest.raises(InputError, match="its classes are qr, signature, stamp"):
        grow(tmp_path, more, classes=("stamp",))
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="no dataset that docdetect prepare made"):
        made(tmp_path, "x", annotations=str(tmp_path / "more.json"), add_to=str(tmp_path / "folder"))
    with pytest.raises((ConfigError, ValueError), match="manifest"):
        DataConfig(manifest="split.csv", add_to="set")


def row(name: str, split: str, group: str = "") -> SplitRow:
    return SplitRow(PageKey(name, 1), split, group or name)


def test_the_dataset_is_looked_at_before_the_documents_are_read(tmp_path: Path) -> None:
    config = DataConfig(
        pdfs=str(tmp_path / "no scans"), dataset=str(tmp_path / "new"), add_to=str(tmp_path / "no dataset")
    )
    with pytest.raises(InputError, match="no dataset that docdetect prepare made"):
        prepare(config, INLINE)


def test_a_group_that_joins_two_splits_keeps_both_and_new_pages_go_where_nobody_trains() -> None:
    kept = {one.key: one for one in (row("a", "train"), row("b", "val"), row("c", "test"))}
    groups = {PageKey(name, 1): "g" for name in ("a", "b", "new")} | {PageKey("c", 1): "c"}
    split, notes = grown_split(groups, kept, NOBODY, {}, DataConfig())
    assert split.sides()[PageKey("new", 1)] == "val"
    assert any("train and val" in note for note in notes)


def test_a_page_for_tests_whose_group_was_trained_on_is_no_page_for_tests() -> None:
    kept = {one.key: one for one in (row("a", "train"), row("b", "val"))}
    groups = {PageKey("a", 1): "g", PageKey("t", 1): "g", PageKey("b", 1): "b"}
    split, notes = grown_split(groups, kept, frozenset({PageKey("t", 1)}), {}, DataConfig())
    assert split.sides()[PageKey("t", 1)] == "train"
    assert any("drawn for tests" in note for note in notes)


def test_the_share_of_validation_is_kept_over_the_rounds() -> None:
    kept = {one.key: one for one in [row(f"t{i}", "train") for i in range(9)] + [row("v", "val")]}
    every = dict(kept)
    for round_ in range(5):
        groups = {key: one.group for key, one in every.items()}
        groups |= {PageKey(f"n{round_}-{i}", 1): f"n{round_}-{i}" for i in range(10)}
        split, _ = grown_split(groups, every, NOBODY, {}, DataConfig(val=0.2))
        assert {key: side for key, side in split.sides().items() if key in every} == {
            key: one.split for key, one in every.items()
        }
        every = {one.key: one for one in split.rows}
    share = sum(one.split == "val" for one in every.values()) / len(every)
    assert share == pytest.approx(0.2, abs=0.03)
