"""Names of documents that are sent: whatever they are, files lie inside the folder, apart from each other."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docdetect.service.document_names import Names, safe_name
from docdetect.service.options import DetectOptions
from docdetect.service.uploads import Limits, Upload, receive

_PIECES = st.sampled_from(
    (
        "..",
        ".",
        "/",
        "\\",
        "a",
        "A",
        "a.png",
        "é",
        "e\u0301",
        "ß",
        "ss",
        "İ",
        "\u202e",
        "C:",
        "~",
        " ",
        "x" * 255,
        "(2)",
    )
)
_NAMES = st.one_of(st.lists(_PIECES, max_size=6).map("".join), st.text(max_size=40))


async def _received(folder: Path, body: bytes, cuts: list[int]) -> Upload[DetectOptions]:
    async def pieces() -> AsyncIterator[bytes]:
        places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
        for start, end in pairwise(places):
            yield body[start:end]

    headers = {"content-type": "multipart/form-data; boundary=b0undary"}
    return await receive(pieces(), headers, folder, Limits(1 << 30, 99, 0, 60), DetectOptions)


@settings(max_examples=60)
@given(st.lists(_NAMES, min_size=1, max_size=6), st.lists(st.integers(0, 1 << 16), max_size=5))
@example(["a.png", "A.png", "é", "e\u0301", "a.png/b", "../../a.png", "/etc/passwd", "..\\..\\a.png", ""], [1, 2, 3])
def test_documents_lie_inside_the_folder_and_apart(names: list[str], cuts: list[int]) -> None:
    parts = []
    for number, name in enumerate(names):
        quoted = name.encode("utf-8", "replace").replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        quoted = quoted.translate(None, b"\r\n\0")  # which no header can hold
        head = b'--b0undary\r\nContent-Disposition: form-data; name="file"; filename="' + quoted + b'"\r\n\r\n'
        parts.append(head + b"content %d\r\n" % number)
    with TemporaryDirectory() as place:
        folder = Path(place) / "in" / "request"
        folder.parent.mkdir()
        upload = anyio.run(_received, folder, b"".join(parts) + b"--b0undary--\r\n", cuts)
        assert [(folder / one.name).read_text() for one in upload.documents] == [
            f"content {number}" for number in range(len(names))
        ]
        found = [path for path in Path(place).rglob("*") if path.is_file()]
        assert len(found) == len(names)
        assert all(path.is_relative_to(folder) for path in found)
    # File systems that know no case, or one form of Unicode only, keep the documents apart, too.
    assert len({unicodedata.normalize("NFC", one.name).casefold() for one in upload.documents}) == len(names)


@given(_NAMES)
@example("hidden by its length." + "x" * 179)
@example(".. ..a")
@example("a. . /\ud800b")
def test_a_safe_name_is_its_own_safe_name(name: str) -> None:
    safe = safe_name(name)
    assert safe_name(safe) == safe
    assert all(part not in ("", ".", "..") and len(part.encode()) <= 180 for part in safe.split("/"))


@pytest.mark.parametrize(
    ("parameters", "name", "safe"),
    [
        ("filename*=UTF-8''%D0%94%D0%BE%D0%B3%D0%BE%D0%B2%D0%BE%D1%80.pdf", "Договор.pdf", "Договор.pdf"),
        ("FileName*=utf-8'ru'%D0%B0%20%22b%22.pdf", 'а "b".pdf', "а _b_.pdf"),
        ("filename*=\"UTF-8''%e2%82%ac.pdf\"", "€.pdf", "€.pdf"),
        ("filename*=iso-8859-1''%A3.pdf", "£.pdf", "£.pdf"),
        # .NET sends both, and the plain one is no name that anybody would know.
        ("filename=\"=?utf-8?B?0LAucGRm?=\"; filename*=utf-8''%D0%B0.pdf", "а.pdf", "а.pdf"),
        ("filename*=utf-8''%D0%B0.pdf; filename=\"plain; filename*=x.pdf\"", "а.pdf", "а.pdf"),
        ("filename=\"a; filename*=utf-8''b.pdf\"", "a; filename*=utf-8''b.pdf", "a; filename_=utf-8''b.pdf"),
        ("filename=plain.pdf; filename*=utf-8''%FF.pdf", "plain.pdf", "plain.pdf"),
        ("filename=plain.pdf; filename*=nonsense", "plain.pdf", "plain.pdf"),
        ("filename*=utf-8''..%2F..%2F%65tc%2Fpasswd", "../../etc/passwd", "etc/passwd"),
        ("filename*=utf-8''C:%5CUsers%5Canna%5C%D0%B0.pdf", "а.pdf", "а.pdf"),
        ("filename*=utf-8''%5C%5Chost%5Cscans%5Ca.pdf", "a.pdf", "a.pdf"),
        ("filename*=utf-8''2026/%D0%B0.pdf", "2026/а.pdf", "2026/а.pdf"),
        ("filename*=utf-8''a%00%0D%0A.pdf", "a\0\r\n.pdf", "a___.pdf"),
        ("filename*=utf-8''", "", "document"),
    ],
)
def test_names_of_rfc_6266(parameters: str, name: str, safe: str, tmp_path: Path) -> None:
    head = f'--b0undary\r\nContent-Disposition: form-data; name="file"; {parameters}\r\n\r\nx\r\n'
    upload = anyio.run(_received, tmp_path / "in", head.encode() + b"--b0undary--\r\n", [])
    assert upload.sent_names == (name,)
    assert [one.name for one in upload.documents] == [safe]
    assert (tmp_path / "in" / safe).read_bytes() == b"x"


def test_ten_thousand_files_of_one_name_are_numbered_at_once() -> None:
    names = Names()
    started_s = time.process_time()
    given = [names.take("a.png") for _ in range(10_000)]
    assert given[:3] == ["a.png", "a (2).png", "a (3).png"]
    assert (given[-1], len(set(given))) == ("a (10000).png", 10_000)
    assert time.process_time() - started_s < 5  # a search from the first number took minutes
    assert names.take("A.PNG") == "A (10001).PNG"
