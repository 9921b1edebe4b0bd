"""Records, splits and documents of a made-up dataset."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.config.schema import SynthConfig
from docdetect.errors import InputError
from docdetect.synth.dataset import (
    LabelledMark,
    PageRecord,
    content_hash,
    document_ranges,
    document_start,
    label_text,
    pages_for_validation,
    read_journal,
    split_of,
)

side = st.integers(0, 5000)
marks = st.builds(
    LabelledMark,
    st.sampled_from(["qr", "печать"]),
    st.sampled_from(["qr", "stamp_notary"]),
    st.tuples(side, side, side, side),
    st.none() | st.text(),
)
records = st.builds(
    PageRecord,
    st.integers(0, 10**6),
    st.sampled_from(["train", "val"]),
    st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
    st.integers(0, 10**7),
    st.just("letter"),
    st.just("scan"),
    st.lists(marks, max_size=4).map(tuple),
)


@given(records)
def test_records_survive_their_line(record: PageRecord) -> None:
    line = record.to_line()
    assert line.count("\n") == 1
    assert PageRecord.from_line(line) == record


@given(st.integers(0, 50), st.integers(1, 200))
def test_documents_divide_the_pages_and_stay_as_the_set_grows(seed: int, pages: int) -> None:
    ranges = document_ranges(seed, pages)
    assert [number for one in ranges for number in one] == list(range(pages))
    assert all(1 <= len(one) <= 6 for one in ranges)
    larger = document_ranges(seed, pages + 30)
    assert ranges[:-1] == larger[: len(ranges) - 1]
    for one in ranges:
        assert {document_start(seed, number) for number in one} == {one[0]}
        assert len({split_of(seed, number, 0.3) for number in one}) == 1


def test_the_validation_share_is_near_what_was_asked() -> None:
    found = [split_of(0, number, 0.2) for number in range(3000)]
    assert 0.16 < found.count("val") / len(found) < 0.24
    assert {split_of(0, number, 0.0) for number in range(200)} == {"train"}


@given(st.integers(0, 500), st.floats(0.01, 0.99))
def test_few_pages_are_enough_for_a_page_of_validation(seed: int, val: float) -> None:
    assert "val" in {split_of(seed, number, val) for number in range(pages_for_validation(val))}


def test_a_journal_may_end_in_the_middle_of_a_line_but_not_be_damaged_elsewhere(tmp_path: Path) -> None:
    record = PageRecord(4, "train", (10, 20), 5, "letter", "scan", (), ((1, 2, 3, 4),))
    path = tmp_path / "pages.jsonl"
    assert read_journal(path) == {}
    path.write_text(record.to_line() + record.to_line()[:20], encoding="utf-8")
    assert read_journal(path) == {4: record}
    path.write_text("nonsense\n" + record.to_line(), encoding="utf-8")
    with pytest.raises(InputError, match="line 1 is no page record"):
        read_journal(path)


def test_labels_are_normalised_and_in_class_order() -> None:
    mark = LabelledMark("stamp", "stamp_notary", (10, 20, 30, 60))
    record = PageRecord(0, "train", (100, 200), 5, "letter", "scan", (mark,))
    assert label_text(record, ("qr", "signature", "stamp")) == "2 0.20000000 0.20000000 0.20000000 0.20000000\n"


def test_what_pages_look_like_decides_the_content_hash() -> None:
    base = SynthConfig()
    same = base.model_copy(update={"pages": 5, "workers": 3, "output": "elsewhere", "preview": True})
    assert content_hash(base, "fonts") == content_hash(same, "fonts")
    assert content_hash(base, "fonts") != content_hash(base, "other fonts")
    for change in ({"seed": 1}, {"imgsz": 640}, {"papers": {"fax": 1.0}}, {"classes": ("qr",)}, {"pdf": True}):
        assert content_hash(base.model_copy(update=change), "fonts") != content_hash(base, "fonts")


@pytest.mark.parametrize(
    ("classes", "class_map", "kind", "expected"),
    [
        (("qr", "signature", "stamp"), {}, "handwritten_signature", "signature"),
        (("qr", "signature", "stamp"), {}, "initials", "signature"),
        (("qr", "signature", "stamp"), {}, "digital_signature", None),
        (("qr", "signature", "stamp"), {}, "stamp_notary", "stamp"),
        (("qr", "signature", "stamp"), {"digital_signature": "signature"}, "digital_signature", "signature"),
        (("qr", "signature", "stamp"), {"initials": None}, "initials", None),
        (("qr", "stamp_notary", "stamp"), {}, "stamp_notary", "stamp_notary"),
        (("qr", "stamp_notary", "stamp"), {}, "stamp_company", "stamp"),
        (("digital_signature",), {}, "digital_signature", "digital_signature"),
        (("digital_signature",), {}, "qr", None),
    ],
)
def test_kinds_become_classes(
    classes: tuple[str, ...], class_map: dict[str, str | None], kind: str, expected: str | None
) -> None:
    assert SynthConfig(classes=classes, class_map=class_map).class_of(kind) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_map": {"seal": "stamp"}}, "class_map: seal not among qr, handwritten_signature"),
        ({"class_map": {"qr": "code"}}, "class_map: code not among qr, signature, stamp"),
        ({"margin": {"seal": 2}}, "margin: seal not among qr, signature, stamp"),
        ({"margin": {"stamp": -1}}, "greater than or equal to 0"),
        ({"layouts": {"poster": 1.0}}, "layouts: poster not among letter"),
        ({"papers": {"scan": 0.0}}, "papers: at least one weight must be above 0"),
        ({"classes": ("qr", "qr")}, "a name stands twice"),
    ],
)
def test_wrong_names_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SynthConfig.model_validate(change)
