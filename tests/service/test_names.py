"""Names of documents that are sent: whatever they are, files lie inside the folder, apart from each other."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docdetect.service.options import DetectOptions
from docdetect.service.uploads import Limits, Upload, receive, safe_name

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
    return await receive(pieces(), headers, folder, Limits(1 << 30, 99, 0), DetectOptions)


@settings(max_examples=60, deadline=None)
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
def test_a_safe_name_is_its_own_safe_name(name: str) -> None:
    safe = safe_name(name)
    assert safe_name(safe) == safe
    assert all(part not in ("", ".", "..") and len(part.encode()) <= 180 for part in safe.split("/"))
