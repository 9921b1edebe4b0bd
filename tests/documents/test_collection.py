"""What `--source` may say, and how documents from several places are named."""

from __future__ import annotations

import io
import os
import re
import sys
import unicodedata
from pathlib import Path

import pytest

from docdetect.documents.sources import (
    Choice,
    Collection,
    DocumentKind,
    LeftOut,
    LeftOutReason,
    collect_documents,
    count_left_out,
    list_documents,
)
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


def left_out(*sources: str, choice: Choice | None = None) -> dict[str, str]:
    return {entry.name: entry.reason.value for entry in collect_documents(sources, choice).left_out}


def test_what_is_no_document_is_left_out_with_a_reason(scans: Path) -> None:
    for name in ("Thumbs.db", "2023/table.xlsx", "mail.msg", "2023/.DS_Store", "README"):
        (scans / name).write_bytes(b"x")
    assert left_out("scans") == {
        ".hidden/": "hidden",
        "2023/.DS_Store": "hidden",
        "2023/table.xlsx": "not a document",
        "README": "not a document",
        "Thumbs.db": "not a document",
        "mail.msg": "not a document",
        "notes.docx": "not a document",
    }
    counted = count_left_out(collect_documents(["scans"]).left_out)
    assert counted == "2 hidden, 1 .db, 1 .docx, 1 .msg, 1 .xlsx, 1 without suffix"


@unix_only
def test_links_and_pipes_are_left_out_with_a_reason(scans: Path) -> None:
    os.mkfifo(scans / "pipe.pdf")
    (scans / "broken.pdf").symlink_to(scans / "nowhere.pdf")
    (scans / "folder").symlink_to(scans / "2023")
    (scans / "out.pdf").symlink_to(__file__)
    found = left_out("scans")
    names = ("pipe.pdf", "broken.pdf", "folder/", "out.pdf")
    assert [found[name] for name in names] == ["special", "link", "link", "link"]


def test_what_another_source_holds_is_not_left_out(scans: Path) -> None:
    (scans / "list.txt").write_text("scans/notes.docx\n", encoding="utf-8")
    collection = collect_documents(["scans", "scans/list.txt"])
    assert "notes.docx" in [file.name for file in collection.files]
    assert "notes.docx" not in [entry.name for entry in collection.left_out]


def test_filters_apply_before_anything_is_opened(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def refused(path: Path) -> None:
        opened.append(path.name)
        return DocumentKind.PDF  # type: ignore[return-value]

    monkeypatch.setattr("docdetect.documents.sources.document_kind", refused)

    def enter(path: Path, name: str) -> LeftOutReason | None:
        return LeftOutReason.EXCLUDED if name == "2024" else None

    choice = Choice(lambda name: not name.endswith(".png"), enter)
    for source in ("scans", "scans/*", "scans/**"):
        found = left_out(source, choice=choice)
        assert (found["b.png"], found["2024/"]) == ("excluded", "excluded"), source
    assert not {"b.png", "c.tif"} & set(opened)


def test_an_empty_folder_beside_others_is_said(scans: Path) -> None:
    (scans.parent / "empty").mkdir()
    assert LeftOut("empty/", LeftOutReason.EMPTY) in collect_documents(["scans", "empty"]).left_out
    with pytest.raises(InputError, match="empty: no documents in this folder"):
        collect_documents(["empty"])


def test_a_folder_without_documents_says_what_is_in_it(scans: Path) -> None:
    (scans.parent / "other").mkdir()
    (scans.parent / "other" / "a.docx").write_bytes(b"x")
    with pytest.raises(InputError, match=r"other: no documents in this folder \(left out: 1 \.docx\)"):
        collect_documents(["other"])


def refuse(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the folder refuse to be read, also to the superuser."""
    scandir = os.scandir

    def guarded(path: str) -> object:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)


def test_a_folder_that_cannot_be_read_is_a_document_that_fails(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from docdetect.documents.document import DocumentError
    from docdetect.documents.reader import open_document

    refuse(Path("scans") / "2024", monkeypatch)
    files = {file.name: file for file in collect_documents(["scans"]).files}
    assert sorted(files) == ["2023/a.pdf", "2024", "a.pdf", "b.png"]
    with pytest.raises(DocumentError) as caught:
        open_document(files["2024"])
    assert caught.value.failure.message == "the folder cannot be read (Permission denied)"
    excluding = Choice(enter=lambda _, name: LeftOutReason.EXCLUDED if name == "2024" else None)
    assert "2024" not in [file.name for file in collect_documents(["scans"], excluding).files]
    with pytest.raises(InputError, match="2024: the folder cannot be read"):
        list_documents(Path("scans"))


def test_a_source_that_cannot_be_read_is_an_error(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(Path("scans"), monkeypatch)
    with pytest.raises(InputError, match="scans: the folder cannot be read"):
        collect_documents(["scans"])


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems do not hold both")
def test_names_that_differ_only_in_their_unicode_form_get_distinct_names(scans: Path) -> None:
    for form in ("NFC", "NFD"):
        (scans / unicodedata.normalize(form, "й.pdf")).write_bytes(form.encode())
    files = [file for file in collect_documents(["scans"]).files if "й" in file.name]
    assert [file.path.read_bytes() for file in files] == [b"NFC", b"NFD"]
    assert files[0].name == "й.pdf"
    assert re.fullmatch(r"й~[0-9a-f]{8}\.pdf", files[1].name)
    elsewhere = scans.parent / "moved"
    scans.rename(elsewhere)
    assert files[1].name in names("moved")


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_a_name_that_looks_like_one_that_is_not_utf8_is_another_name(scans: Path) -> None:
    (scans / "caf%E9.pdf").write_bytes(b"x")
    Path(os.fsdecode(b"scans/caf\xe9.pdf")).write_bytes(b"x")
    found = [name for name in names("scans") if name.startswith("caf")]
    assert len(found) == len(set(found)) == 2
