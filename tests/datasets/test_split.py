"""The split: seeded, near its share, no group on both sides, and re-applied only to the pages it was made for."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.datasets.split import (
    PageKey,
    Split,
    SplitRow,
    apply_split,
    choose_split,
    missing_classes,
    page_groups,
    split_from_csv,
    split_to_csv,
)
from docdetect.errors import InputError

DOCUMENTS = st.dictionaries(st.text(min_size=1, max_size=8), st.integers(1, 12), max_size=15)


def keys_of(documents: dict[str, int]) -> list[PageKey]:
    return [PageKey(name, number) for name, count in documents.items() for number in range(1, count + 1)]


def val_of(split: Split) -> list[PageKey]:
    return [row.key for row in split.rows if row.split == "val"]


def test_known_answer_that_holds_on_every_platform_and_python() -> None:
    keys = keys_of(dict.fromkeys((f"{n:02}.pdf" for n in range(20)), 1))
    val = val_of(choose_split(page_groups(keys, "document"), {"val": 0.1}, 42))
    assert [key.document for key in val] == ["08.pdf", "11.pdf"]


def test_the_seeds_figures() -> None:
    split = choose_split(page_groups(keys_of({"a.pdf": 57}), "page"), {"val": 0.1}, 42)
    assert len(val_of(split)) == 6
    assert len(split.rows) == 57


def test_another_seed_is_another_split() -> None:
    groups = page_groups(keys_of(dict.fromkeys(map(str, range(40)), 1)), "document")
    assert len({tuple(val_of(choose_split(groups, {"val": 0.1}, seed))) for seed in range(5)}) > 1


@given(DOCUMENTS, st.sampled_from(["document", "page"]), st.floats(0.01, 0.99), st.integers(0, 99))
def test_no_group_is_on_both_sides_and_both_sides_have_pages(
    documents: dict[str, int], by: str, share: float, seed: int
) -> None:
    groups = page_groups(keys_of(documents), by)
    split = choose_split(groups, {"val": share}, seed)
    assert set(split.sides()) == set(groups)
    sides: dict[str, set[str]] = {}
    for row in split.rows:
        assert row.group == groups[row.key]
        sides.setdefault(row.group, set()).add(row.split)
    assert all(len(found) == 1 for found in sides.values())
    expected = () if not groups else ("train",) if len(sides) == 1 else ("train", "val")
    assert split.names() == expected


@given(DOCUMENTS)
def test_order_of_input_does_not_matter(documents: dict[str, int]) -> None:
    keys = keys_of(documents)
    turned = list(reversed(keys))
    assert choose_split(page_groups(keys, "document"), {"val": 0.2}, 1) == choose_split(
        page_groups(turned, "document"), {"val": 0.2}, 1
    )


@given(st.integers(2, 300), st.floats(0.01, 0.99))
def test_single_pages_come_as_near_to_the_share_as_whole_pages_can(count: int, share: float) -> None:
    split = choose_split(page_groups(keys_of({"a": count}), "page"), {"val": share}, 0)
    expected = min(max(share * count, 1), count - 1)
    assert abs(len(val_of(split)) - expected) <= 0.5 + 1e-9


def test_documents_are_counted_by_their_pages() -> None:
    documents = {"long.pdf": 80, **dict.fromkeys((f"{n}.pdf" for n in range(20)), 1)}
    for seed in range(10):
        val = val_of(choose_split(page_groups(keys_of(documents), "document"), {"val": 0.1}, seed))
        assert len(val) == 10
        assert "long.pdf" not in {key.document for key in val}


def test_few_documents() -> None:
    two = choose_split(page_groups(keys_of({"a.pdf": 9, "b.pdf": 2}), "document"), {"val": 0.1}, 42)
    assert {key.document for key in val_of(two)} == {"b.pdf"}
    one = choose_split(page_groups(keys_of({"a.pdf": 9}), "document"), {"val": 0.1}, 42)
    assert one.names() == ("train",)
    assert choose_split({}, {"val": 0.1}, 42).rows == ()


@pytest.mark.parametrize(
    ("count", "names"), [(1, "train"), (2, "train val"), (3, "train val test"), (9, "train val test")]
)
def test_three_ways(count: int, names: str) -> None:
    groups = page_groups(keys_of(dict.fromkeys(map(str, range(count)), 3)), "document")
    assert " ".join(choose_split(groups, {"val": 0.2, "test": 0.2}, 42).names()) == names


def test_a_new_document_moves_few_others() -> None:
    documents = dict.fromkeys((f"{n}.pdf" for n in range(100)), 1)
    before = set(val_of(choose_split(page_groups(keys_of(documents), "document"), {"val": 0.1}, 42)))
    after = set(val_of(choose_split(page_groups(keys_of(documents | {"new": 1}), "document"), {"val": 0.1}, 42)))
    assert len(before & after) >= len(before) - 1


@given(DOCUMENTS)
def test_manifest_round_trip(documents: dict[str, int]) -> None:
    keys = keys_of({unicodedata.normalize("NFC", name): count for name, count in documents.items()})
    split = choose_split(page_groups(keys, "document"), {"val": 0.3}, 7)
    assert split_from_csv(split_to_csv(split), "made") == split


def test_manifest_text() -> None:
    split = Split((SplitRow(PageKey("б.pdf", 2), "val", "б.pdf"), SplitRow(PageKey("a,b.pdf", 1), "train", "a")))
    assert split_to_csv(split) == '\ufeffdocument,page,split,group\n"a,b.pdf",1,train,a\nб.pdf,2,val,б.pdf\n'


def test_every_problem_of_a_manifest_is_listed() -> None:
    text = "document,page,split,group\na,1,train,g\na,1,train,g\nb,0,train,g\nb,1,dev,g\nb,x\nc,1,val,g\n\n"
    with pytest.raises(InputError) as caught:
        split_from_csv(text, "split.csv")
    assert caught.value.message.splitlines() == [
        "split.csv: not a split manifest",
        "  - line 4: page '0' is not a number from 1",
        "  - line 5: split 'dev' is none of train, val, test",
        "  - line 6: document and group must not be empty",
        "  - a, page 1: stands 2 times",
        "  - g: in train and val",
    ]


@pytest.mark.parametrize("text", ["", "document;page;split;group\n", "page,document,split\n"])
def test_other_columns_are_no_manifest(text: str) -> None:
    with pytest.raises(InputError, match=r"not a split manifest: the (file is empty|table lacks the column)"):
        split_from_csv(text, "split.csv")


def test_a_manifest_fits_its_pages_only() -> None:
    keys = keys_of({"a.pdf": 2, "b.pdf": 1})
    manifest = choose_split(page_groups(keys, "document"), {"val": 0.3}, 42)
    assert apply_split(manifest, keys, "document", "split.csv") == manifest
    with pytest.raises(InputError) as caught:
        apply_split(manifest, [*keys[1:], PageKey("c.pdf", 1), PageKey("c.pdf", 2)], "document", "split.csv")
    assert caught.value.message.splitlines() == [
        "split.csv: does not fit the pages",
        "  - c.pdf, page 1: not in the manifest",
        "  - c.pdf, page 2: not in the manifest",
        "  - a.pdf, page 1: in the manifest, not among the pages",
    ]


def test_a_split_by_page_is_not_taken_for_one_by_document() -> None:
    keys = keys_of({"a.pdf": 10})
    manifest = choose_split(page_groups(keys, "page"), {"val": 0.1}, 42)
    assert apply_split(manifest, keys, "page", "split.csv") == manifest
    with pytest.raises(InputError, match=r"a\.pdf: in train and val"):
        apply_split(manifest, keys, "document", "split.csv")


def test_a_split_that_leaks_cannot_be_made() -> None:
    rows = (SplitRow(PageKey("a", 1), "train", "g"), SplitRow(PageKey("a", 2), "val", "g"))
    with pytest.raises(ValueError, match="g: in train and val"):
        Split(rows)


def test_missing_classes() -> None:
    counts = {"train": {"qr": 3, "stamp": 1}, "val": {"qr": 1, "stamp": 0}}
    assert missing_classes(counts, ("qr", "stamp")) == ["no stamp in val: its figures there will say nothing"]
    assert len(missing_classes(counts, ("qr", "signature"))) == 2


def test_a_manifest_may_have_its_columns_in_another_order_and_more_of_them() -> None:
    text = "group,split,page,document,note\ng,val,3,a.pdf,seen\n"
    assert split_from_csv(text, "split.csv") == Split((SplitRow(PageKey("a.pdf", 3), "val", "g"),))


def test_names_that_a_spreadsheet_would_run_are_guarded_and_read_back() -> None:
    split = Split((SplitRow(PageKey("=cmd.pdf", 1), "train", "=cmd.pdf"),))
    assert "'=cmd.pdf,1,train,'=cmd.pdf" in split_to_csv(split)
    assert split_from_csv(split_to_csv(split), "made") == split
