from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from docdetect.documents.sources import DocumentFile, DocumentKind, list_documents
from docdetect.errors import InputError


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def names(source: Path) -> list[str]:
    return [file.name for file in list_documents(source)]


def test_a_folder_is_walked_and_names_are_relative_sorted_and_of_any_case(tmp_path: Path) -> None:
    for name in ("b.PDF", "a/z.TiFf", "a/b/c.jpeg", "notes.txt", "a.pdf"):
        touch(tmp_path / name)
    assert list_documents(tmp_path) == [
        DocumentFile(tmp_path / "a.pdf", "a.pdf", DocumentKind.PDF),
        DocumentFile(tmp_path / "a/b/c.jpeg", "a/b/c.jpeg", DocumentKind.IMAGE),
        DocumentFile(tmp_path / "a/z.TiFf", "a/z.TiFf", DocumentKind.IMAGE),
        DocumentFile(tmp_path / "b.PDF", "b.PDF", DocumentKind.PDF),
    ]


def test_one_file_is_a_source_named_by_its_file_name(tmp_path: Path) -> None:
    file = touch(tmp_path / "sub" / "Акт.pdf")
    assert list_documents(file) == [DocumentFile(file, "Акт.pdf", DocumentKind.PDF)]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    for name in ("a.pdf", "._a.pdf", ".git/b.pdf"):
        touch(tmp_path / name)
    assert names(tmp_path) == ["a.pdf"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links_out_of_the_source_pipes_and_loops_are_left_out(tmp_path: Path) -> None:
    outside = touch(tmp_path / "outside" / "secret.pdf")
    source = tmp_path / "source"
    inside = touch(source / "a.pdf")
    (source / "inside.pdf").symlink_to(inside)
    (source / "leads_out.pdf").symlink_to(outside)
    (source / "broken.pdf").symlink_to(source / "nowhere.pdf")
    (source / "loop").symlink_to(source)
    (source / "folder_out").symlink_to(outside.parent)
    os.mkfifo(source / "pipe.pdf")
    assert names(source) == ["a.pdf", "inside.pdf"]


def test_names_are_nfc_whatever_the_disk_says(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Разрешение-й.pdf")
    touch(tmp_path / decomposed)
    (file,) = list_documents(tmp_path)
    assert file.name == unicodedata.normalize("NFC", decomposed)
    assert file.path.is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems do not hold both")
def test_two_files_with_one_nfc_name_are_refused(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        touch(tmp_path / unicodedata.normalize(form, "й.pdf"))
    with pytest.raises(InputError, match="differ only in their Unicode form"):
        list_documents(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_a_name_that_is_not_utf8_can_be_written_as_text(tmp_path: Path) -> None:
    touch(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.pdf")))
    (file,) = list_documents(tmp_path)
    assert file.name.encode("utf-8") == b"caf%E9.pdf"
    assert file.path.is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the locale does not decide how names are read")
def test_a_document_has_the_same_name_in_every_locale(tmp_path: Path) -> None:
    touch(tmp_path / "Договор.pdf")
    program = "import sys; from docdetect.documents.sources import list_documents; from pathlib import Path\n"
    program += "print(sys.getfilesystemencoding(), ascii(list_documents(Path(sys.argv[1]))[0].name))"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    arguments = [sys.executable, "-c", program, str(tmp_path)]
    answer = subprocess.run(arguments, env=os.environ | plain, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["ascii", ascii("Договор.pdf")]


@pytest.mark.parametrize(
    ("name", "reason"), [("missing", "no such file or folder"), ("empty", "no documents"), ("a.txt", "not a document")]
)
def test_a_source_without_documents_is_an_error_that_says_what_documents_are(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "empty").mkdir()
    touch(tmp_path / "a.txt")
    with pytest.raises(InputError, match=reason) as caught:
        list_documents(tmp_path / name)
    assert str(tmp_path / name) in caught.value.message
    assert caught.value.remedy


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_folder_that_cannot_be_read_is_an_error_and_not_left_out(tmp_path: Path) -> None:
    locked = touch(tmp_path / "locked" / "a.pdf").parent
    locked.chmod(0)
    try:
        with pytest.raises(InputError, match="locked"):
            list_documents(tmp_path)
    finally:
        locked.chmod(0o755)
