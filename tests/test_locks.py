"""A folder that one process at a time may write."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from docdetect.errors import OutputError, OutputExistsError
from docdetect.locks import locked_folder

HOLDER = """
import sys, time
from pathlib import Path
from docdetect.locks import locked_folder
with locked_folder(Path(sys.argv[1]), ""):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputExistsError, match="another docdetect is writing there") as refused:
            locked_folder(tmp_path, "Wait.").__enter__()
        assert refused.value.remedy == "Wait."
        threading.Timer(0.3, holder.kill).start()
        with locked_folder(tmp_path, "Wait.", patience_s=30):
            assert holder.wait() != 0


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"), locked_folder(tmp_path / "none", ""):
        pass


def test_what_fails_inside_keeps_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="other"), locked_folder(tmp_path, ""):
        (tmp_path / "other").read_bytes()
