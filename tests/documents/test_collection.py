"""What `--source` may say, and how documents from several places are named."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from docdetect.documents.sources import Collection, DocumentKind, collect_documents
from docdetect.errors import InputError

unix_only = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are a Unix thing")


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with documents in `scans`, one hidden and one not of our kinds."""
    for name in ("a.pdf", "b.png", "2023/a.pdf", "2024/deep/c.tif", ".hidden/d.pdf", "notes.docx"):
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "scans"


def names(*sources: str) -> list[str]:
    return [file.name for file in collect_documents(sources).files]


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> Collection:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    return collect_documents(["-"])


def test_a_folder_or_a_file_alone_names_documents_as_before(scans: Path) -> None:
    assert names("scans") == ["2023/a.pdf", "2024/deep/c.tif", "a.pdf", "b.png"]
    assert names("scans/2023/a.pdf") == ["a.pdf"]


def test_several_sources_name_documents_from_the_folder_that_holds_them_all(scans: Path) -> None:
    assert names("scans/2023", str(scans / "2024"), "scans/b.png") == ["2023/a.pdf", "2024/deep/c.tif", "b.png"]
    assert collect_documents(["scans/2023", "scans/../scans/2024"]).root == scans


def test_a_document_that_two_sources_hold_is_there_once(scans: Path) -> None:
    assert names("scans", "scans/2023/../a.pdf", "scans/2*") == names("scans")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("scans/*.pdf", ["a.pdf"]),
        ("scans/**/*.pdf", ["2023/a.pdf", "a.pdf"]),
        ("scans/202?/a.pdf", ["2023/a.pdf"]),
        ("scans/*", ["2023/a.pdf", "2024/deep/c.tif", "a.pdf", "b.png"]),
        ("sc[a-z]ns/2024", ["scans/2024/deep/c.tif"]),
        ("scans/**", ["2023/a.pdf", "2024/deep/c.tif", "a.pdf", "b.png"]),
    ],
)
def test_a_glob_matches_documents_and_folders_of_documents(scans: Path, pattern: str, found: list[str]) -> None:
    assert names(pattern) == found
    assert names(str(scans.parent / pattern)) == names(pattern)


def test_a_path_with_wildcards_that_exists_is_that_path(scans: Path) -> None:
    (scans / "[1] a?.pdf").write_bytes(b"x")
    assert names("scans/[1] a?.pdf") == ["[1] a?.pdf"]


@unix_only
def test_a_glob_does_not_follow_links_out_of_its_folder(scans: Path) -> None:
    outside = scans.parent / "outside"
    outside.mkdir()
    (outside / "secret.pdf").write_bytes(b"x")
    (scans / "link.pdf").symlink_to(outside / "secret.pdf")
    (scans / "folder").symlink_to(outside)
    (scans / "inside.pdf").symlink_to(scans / "a.pdf")
    assert names("scans/*.pdf", "scans/*/*.pdf") == ["2023/a.pdf", "a.pdf", "inside.pdf"]
    assert "folder/secret.pdf" not in names("scans/*")


@pytest.mark.parametrize(
    "content",
    [
        "scans/a.pdf\nscans/2024\n\n",
        "scans/a.pdf\r\nscans/2024\r\n",
        "\ufeffscans/a.pdf\nscans/2024",
        "scans/a.pdf\0scans/2024\0",
    ],
)
def test_a_text_file_lists_files_and_folders(scans: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    (scans.parent / "list.TXT").write_bytes(content.encode())
    assert names("list.TXT") == ["2024/deep/c.tif", "a.pdf"]
    assert [file.name for file in piped(monkeypatch, content.encode()).files] == ["2024/deep/c.tif", "a.pdf"]


def test_a_list_from_powershell_is_utf16(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (scans / "Акт №1.pdf").write_bytes(b"x")
    data = "scans\\a.pdf\r\n" if os.sep == "\\" else "scans/Акт №1.pdf\r\nscans/a.pdf\r\n"
    assert "a.pdf" in [file.name for file in piped(monkeypatch, data.encode("utf-16")).files]


def test_a_listed_name_is_taken_to_the_letter(scans: Path) -> None:
    for name in ("# 1.pdf", " [x]*.pdf"):
        (scans / name).write_bytes(b"x")
    (scans.parent / "list.txt").write_text("scans/# 1.pdf\nscans/ [x]*.pdf\n", encoding="utf-8")
    assert names("list.txt") == [" [x]*.pdf", "# 1.pdf"]


@unix_only
def test_what_a_list_names_stays_in_so_that_the_results_can_say_what_became_of_it(
    scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(scans / "pipe.pdf")
    (scans / "link.pdf").symlink_to(scans / "a.pdf")
    collection = piped(monkeypatch, b"scans/gone.pdf\nscans/notes.docx\nscans/pipe.pdf\nscans/link.pdf\n")
    assert {file.name: file.kind for file in collection.files} == {
        "gone.pdf": DocumentKind.PDF,
        "notes.docx": DocumentKind.UNKNOWN,
        "pipe.pdf": DocumentKind.UNKNOWN,
        "link.pdf": DocumentKind.PDF,
    }
    assert collection.named == {file.path for file in collection.files}


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_a_list_holds_names_that_are_not_utf8(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(os.fsdecode(b"scans/caf\xe9.pdf")).write_bytes(b"x")
    (file,) = piped(monkeypatch, b"scans/caf\xe9.pdf\n").files
    assert file.name == "caf%E9.pdf"
    assert file.path.is_file()


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (["nothing"], "nothing: no such file or folder"),
        (["scans/*.jpg"], "scans/*.jpg: matches no documents"),
        (["scans/notes.docx"], "scans/notes.docx: not a document that docdetect reads"),
        (["scans/.hidden/empty.txt"], "scans/.hidden/empty.txt: no paths in this list"),
        (["scans", "missing"], "missing: no such file or folder"),
    ],
)
def test_a_source_that_gives_nothing_is_an_error(scans: Path, sources: list[str], message: str) -> None:
    (scans / ".hidden" / "empty.txt").write_text("\n\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        collect_documents(sources)
    assert caught.value.message == message
    assert caught.value.remedy


def test_an_empty_list_on_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="standard input: no paths in this list"):
        piped(monkeypatch, b"")
