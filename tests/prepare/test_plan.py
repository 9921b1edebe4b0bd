"""The plan of a dataset: which pages are taken, at which size, and where they go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.config.schema import DataConfig
from docdetect.datasets.ground_truth import SurveyedDocument, same_aspect
from docdetect.datasets.split import PageKey, Split, SplitRow
from docdetect.documents.sizes import AtDpi, ExactSize, LongSide
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import InputError
from docdetect.prepare.plan import choose_pages, plan_dataset, read_sources, render_sizes, split_warnings
from docdetect.types import Detections, SizeWH
from docdetect.workers.parts import WorkerSettings
from tests.support.documents import make_documents

KEYS = [PageKey("a", number) for number in range(1, 11)]
MARKS = {PageKey("a", 1): 2, PageKey("a", 5): 1, PageKey("a", 6): 0}


def surveyed(name: str, *sizes_wh: SizeWH | None) -> SurveyedDocument:
    return SurveyedDocument(DocumentFile(Path(name), name, DocumentKind.PDF), "00", sizes_wh)


def test_keep_and_drop() -> None:
    assert choose_pages(KEYS, MARKS, "keep", 42) == KEYS
    assert choose_pages(KEYS, MARKS, "drop", 42) == [PageKey("a", 1), PageKey("a", 5)]


@given(st.floats(0, 20), st.integers(0, 9))
def test_at_most_so_many_per_page_with_marks(ratio: float, seed: int) -> None:
    chosen = choose_pages(KEYS, MARKS, ratio, seed)
    assert chosen == sorted(chosen)
    assert {PageKey("a", 1), PageKey("a", 5)} <= set(chosen)
    assert len(chosen) == 2 + min(8, int(2 * ratio))
    assert chosen == choose_pages(KEYS[::-1], MARKS, ratio, seed)


def test_sizes_follow_the_annotations() -> None:
    documents = [surveyed("a", (100, 200), (100, 200), (200, 100)), surveyed("b", (100, 200))]
    annotated = {PageKey("a", 1): (1000, 2001), PageKey("a", 3): (500, 1000)}
    assert render_sizes(DataConfig(), documents, annotated) == {
        PageKey("a", 1): ExactSize(1000, 2001),
        PageKey("a", 2): LongSide(2001),
        PageKey("a", 3): LongSide(1000),  # annotated on its side: not distorted
        PageKey("b", 1): LongSide(2001),
    }


def test_sizes_without_annotations_and_by_choice() -> None:
    documents = [surveyed("a", (100, 200), None)]
    annotated = {PageKey("a", 1): (50, 100)}
    keys = [PageKey("a", 1), PageKey("a", 2)]
    assert render_sizes(DataConfig(), documents, {}) == dict.fromkeys(keys, AtDpi(200))
    assert render_sizes(DataConfig(size="dpi", dpi=96), documents, annotated) == dict.fromkeys(keys, AtDpi(96))
    assert render_sizes(DataConfig(size="long_side"), documents, annotated) == dict.fromkeys(keys, LongSide(1024))


@pytest.mark.parametrize(
    ("a_wh", "b_wh", "same"),
    [
        ((1190, 1684), (595, 842), True),
        ((1190, 1684), (1684, 1190), False),
        ((1000, 1414), (612, 792), False),  # A4 and Letter
        ((3, 4), (300, 430), True),  # rounding of tiny sizes
        ((1, 10000), (10000, 1), False),
    ],
)
def test_same_aspect(a_wh: SizeWH, b_wh: SizeWH, same: bool) -> None:
    assert same_aspect(a_wh, b_wh) == same
    assert same_aspect(b_wh, a_wh) == same


def config_for(folder: Path, **changes: object) -> DataConfig:
    made = make_documents(folder, ("a.pdf", "b.pdf", "c.pdf"))
    values = {"pdfs": str(made.pdfs), "annotations": str(made.annotations)} | changes
    return DataConfig.model_validate(values)


def test_a_plan_holds_every_page_and_what_it_was_made_from(tmp_path: Path) -> None:
    config = config_for(tmp_path, split_by="document")
    sources = read_sources(config, WorkerSettings())
    plan = plan_dataset(config, sources.ground_truth, WorkerSettings())
    assert len(plan.split.rows) == len(plan.sizes) == 6
    assert {row.key.document for row in plan.split.rows if row.split == "val"} < {"a.pdf", "b.pdf", "c.pdf"}
    assert set(sources.inputs) == {"settings", "annotations", "documents"}
    assert str(tmp_path) not in str(sources.inputs), "paths of this machine do not decide what a dataset is"


def boxes(*class_ids: int) -> Detections:
    xyxy = np.array([[0, 0, 9, 9]] * len(class_ids), np.float32).reshape(-1, 4)
    return Detections(xyxy, np.array(class_ids, np.int64), (100, 100))


def split_of(sides: dict[str, str]) -> Split:
    return Split(tuple(SplitRow(PageKey(name, 1), side, name) for name, side in sides.items()))


def test_a_split_without_validation_says_where_the_pages_are() -> None:
    pages = {PageKey(name, 1): boxes(0) for name in "ab"}
    assert split_warnings(split_of({"a": "train", "b": "test"}), pages, ("qr",))[0] == (
        "no validation pages: all 2 groups are in train and test; take another --seed, --val or --manifest"
    )


def test_few_groups_say_where_they_are_which_class_is_missing_and_what_to_do() -> None:
    pages = {PageKey("a", 1): boxes(0, 1), PageKey("b", 1): boxes(0), PageKey("c", 1): boxes(0)}
    warnings = split_warnings(split_of({"a": "train", "b": "train", "c": "val"}), pages, ("qr", "stamp"))
    assert warnings[0] == "no stamp in val: its figures there will say nothing"
    assert warnings[1].startswith("stamp: all marks are in one group")
    assert warnings[2].startswith("3 groups were divided: 2 in train, 1 in val.")
    assert all(word in warnings[2] for word in ("--seed", "--val", "docdetect crossval"))


def test_many_groups_with_every_class_need_no_advice() -> None:
    names = [f"{number}.pdf" for number in range(12)]
    split = split_of({name: "val" if position < 3 else "train" for position, name in enumerate(names)})
    assert split_warnings(split, {PageKey(name, 1): boxes(0) for name in names}, ("qr",)) == []


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    config = config_for(tmp_path, empty="drop", unlisted="empty")
    Path(config.annotations).write_text("{}", encoding="utf-8")
    sources = read_sources(config, WorkerSettings())
    with pytest.raises(InputError, match="no page is left for the dataset: none has a mark"):
        plan_dataset(config, sources.ground_truth, WorkerSettings())


def test_documents_that_all_fail_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "pdfs").mkdir()
    (tmp_path / "pdfs" / "x.pdf").write_bytes(b"not a PDF")
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    config = DataConfig(pdfs=str(tmp_path / "pdfs"), annotations=str(tmp_path / "a.json"))
    with pytest.raises(InputError, match=r"none of the documents could be opened\n  - x\.pdf: "):
        read_sources(config, WorkerSettings())
