"""Files: names in one form, whole writes, clear errors."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import unicodedata
from datetime import datetime
from pathlib import Path

import pytest

from docdetect import files
from docdetect.errors import DiskFullError, InputError, OutputError, OutputExistsError


def test_names_are_relative_posix_and_composed(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Йод.pdf")
    assert decomposed != "Йод.pdf"
    assert files.relative_name(tmp_path / "a" / decomposed, tmp_path) == "a/Йод.pdf"


def test_writes_replace_atomically_and_leave_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "отчёт.json"
    files.write_json(target, {"ё": 1})
    files.write_json(target, {"ё": 2})
    assert files.read_json(target) == {"ё": 2}
    assert target.read_bytes() == '{\n  "ё": 2\n}\n'.encode()
    assert list(target.parent.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o666 & ~files._umask()


def test_not_a_number_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        files.write_json(tmp_path / "x.json", float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        files.write_text(tmp_path / "file" / "below.txt", "x")


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"{", "not valid JSON (line 1, column 2"), (b"\xff", "not UTF-8 text (byte 0)"), (None, "no such file")],
)
def test_bad_json_names_the_file_and_the_place(tmp_path: Path, content: bytes | None, expected: str) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        files.read_json(path)
    assert str(path) in caught.value.message
    assert expected in caught.value.message


def test_a_folder_in_the_place_of_a_file_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a folder, not a file") as caught:
        files.read_json(tmp_path)
    assert caught.value.remedy == "Name the file itself."


def test_byte_order_marks_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert files.read_json(tmp_path / "a.json") == [1]


def test_a_staged_folder_replaces_the_old_one_only_when_whole(tmp_path: Path) -> None:
    target = tmp_path / "dataset"
    with files.staged_folder(target) as staging:
        (staging / "one").write_text("1")
    with pytest.raises(RuntimeError):
        _interrupted(target)
    assert [path.name for path in target.iterdir()] == ["one"]
    with files.staged_folder(target) as staging:
        (staging / "three").write_text("3")
    assert [path.name for path in target.iterdir()] == ["three"]
    assert list(tmp_path.iterdir()) == [target]


def _interrupted(target: Path) -> None:
    with files.staged_folder(target) as staging:
        (staging / "two").write_text("2")
        raise RuntimeError


def test_hashes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.sha256_file(tmp_path / "a") == known == files.sha256_text("abc")
    with pytest.raises(InputError, match="cannot be read"):
        files.sha256_file(tmp_path / "nothing")


def test_run_names() -> None:
    assert files.timestamped("infer", datetime(2025, 11, 3, 4, 5, 6)) == "infer_20251103_040506"


def test_run_folders_of_one_second_are_numbered(tmp_path: Path) -> None:
    now = datetime(2025, 11, 3, 4, 5, 6)
    names = [files.make_run_folder(tmp_path / "runs", "infer", now).name for _ in range(3)]
    assert names == ["infer_20251103_040506", "infer_20251103_040506_2", "infer_20251103_040506_3"]


@pytest.mark.parametrize("name", ["a/b.pdf", "../../etc/passwd", "C:\\x", "a\x00b", "...", ""])
def test_safe_stems_have_no_folders(name: str) -> None:
    stem = files.safe_stem(name)
    assert stem
    assert not set(stem) & set('/\\:\x00"<>|?*')
    assert stem.strip(".") == stem


HOLDER = """
import sys, time
from pathlib import Path
from docdetect.files import locked_folder
with locked_folder(Path(sys.argv[1]), ""):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputExistsError, match="another docdetect is writing there") as refused:
            files.locked_folder(tmp_path, "Wait.").__enter__()
        assert refused.value.remedy == "Wait."
        assert refused.value.exit_code == 6
        threading.Timer(0.3, holder.kill).start()
        with files.locked_folder(tmp_path, "Wait.", patience_s=30):
            assert holder.wait() != 0


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"), files.locked_folder(tmp_path / "none", ""):
        pass


def test_what_fails_inside_keeps_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="other"), files.locked_folder(tmp_path, ""):
        (tmp_path / "other").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="flock")
def test_a_file_system_without_locks_is_refused_since_a_lock_file_would_outlive_a_killed_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def without_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", without_locks)
    with pytest.raises(OutputError, match="Function not implemented") as refused, files.locked_folder(tmp_path, ""):
        pass
    assert refused.value.remedy == "Choose a folder on a file system that knows locks."


def test_two_threads_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    with files.locked_folder(tmp_path, "Wait."), pytest.raises(OutputExistsError):
        files.locked_folder(tmp_path, "Wait.").__enter__()
    with files.locked_folder(tmp_path, "Wait."):
        pass


def test_a_block_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    files.write_text(target, "old")

    def write_half(error: Exception) -> None:
        with files.replacing_text(target) as stream:
            stream.write("half of the n")
            stream.flush()
            raise error

    with pytest.raises(KeyError):
        write_half(KeyError())
    with pytest.raises(OutputError, match="cannot be written"):
        write_half(OSError(errno.ENOSPC, "No space left on device"))
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_without_room_is_told_apart(tmp_path: Path, number: int) -> None:
    with pytest.raises(DiskFullError) as caught, files.output_errors(tmp_path / "a.json"):
        raise OSError(number, "no room")
    assert caught.value.message == f"{tmp_path / 'a.json'}: cannot be written (no room)"
    assert caught.value.remedy == "Free some space or choose another folder."


WRITER = """
import sys
from pathlib import Path
from docdetect.files import replacing
with replacing(Path(sys.argv[1])) as stream:
    stream.write(b"half of the n")
    stream.flush()
    print("half", flush=True)
    sys.stdin.read()
"""


def test_a_killed_writer_leaves_the_old_file_whole_and_its_remains_can_be_removed(tmp_path: Path) -> None:
    target = tmp_path / ("ы" * 120 + ".pdf")
    files.write_text(target, "old")
    command = [sys.executable, "-c", WRITER, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "half\n"
        writer.kill()
    assert target.read_text(encoding="utf-8") == "old"
    assert len(list(tmp_path.iterdir())) == 2
    files.remove_staging(target)
    assert list(tmp_path.iterdir()) == [target]


def test_json_of_a_path_that_is_not_utf8_is_still_utf8_and_reads_back(tmp_path: Path) -> None:
    data = {"source": os.fsdecode(b"in/\xa4\xae.pdf"), "name": "Договор"}
    files.write_json(tmp_path / "a.json", data)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "Договор" in text
    assert json.loads(text) == data
