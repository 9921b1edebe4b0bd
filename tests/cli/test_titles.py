"""Passwords in the list of processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from docdetect.cli.titles import password_spans

SHOW = (
    "import sys; from docdetect.cli.titles import hide_passwords; hide_passwords();"
    "sys.stdout.buffer.write(open('/proc/self/cmdline', 'rb').read()); print(sys.argv[2])"
)


@pytest.mark.skipif(sys.platform != "linux", reason="titles are memory of the process on Linux only")
def test_the_title_of_a_process_loses_its_passwords() -> None:
    words = [
        "--password",
        "s3cret-ж",
        "--password=an0ther",
        "--password-file",
        "kept",
        "--set",
        "infer.passwords=[th1rd]",
    ]
    done = subprocess.run([sys.executable, "-c", SHOW, *words], capture_output=True, check=True)
    title, _, kept = done.stdout.rpartition(b"\0")
    shown = title.split(b"\0")[3:]
    assert shown == [
        b"--password",
        b"*" * len("s3cret-ж".encode()),
        b"--password=*******",
        b"--password-file",
        b"kept",
        b"--set",
        b"infer.passwords=*******",
    ]
    assert kept.decode().strip() == "s3cret-ж", "the program itself still has it"


@pytest.mark.parametrize(
    ("title", "hidden"),
    [
        (b"docdetect\0infer\0", []),
        (b"docdetect\0--password\0", []),
        (b"docdetect\0--password\0--password\0x\0", [b"--password"]),
        (b"docdetect\0--password=\0--password\0\0", [b"", b""]),
        (b"docdetect\0--set=infer.passwords=x\0--set\0infer.password_file=y\0", [b"x"]),
    ],
)
def test_only_values_of_passwords_are_hidden(title: bytes, hidden: list[bytes]) -> None:
    assert [title[begin:end] for begin, end in password_spans(title)] == hidden
