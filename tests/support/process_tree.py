"""A program and all that it started, found again by a mark in their environment, whoever their parent is by now."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_MARK = "DOCDETECT_PROCESS_TREE"


def _hear_interrupts() -> None:
    """A program that is started in the background ignores Ctrl-C from birth, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@dataclass
class ProcessTree:
    """A program in a process group of its own. Linux only: `/proc` knows every process's environment.

    Attributes:
        command: what runs.
        process: its first process.
    """

    command: Sequence[str]
    cwd: Path | None = None
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            env=os.environ | {_MARK: self.mark},
            cwd=self.cwd,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_hear_interrupts,
        )

    def alive(self) -> list[int]:
        """The processes of the tree that run, the first one included."""
        wanted = f"{_MARK}={self.mark}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            with suppress(OSError):  # it ended while it was looked at
                environment = (folder / "environ").read_bytes().split(b"\0")
                if wanted in environment:  # a zombie's is empty
                    found.append(int(folder.name))
        return found

    def left_after(self, limit_s: float) -> int:
        """How many processes still run when all of them had `limit_s` to end."""
        deadline_s = time.monotonic() + limit_s
        while self.alive() and time.monotonic() < deadline_s:
            time.sleep(0.02)
        return len(self.alive())

    def interrupt(self) -> None:
        """Ctrl-C: every process of the group gets it."""
        os.killpg(self.process.pid, signal.SIGINT)

    def terminate(self, *, only_parent: bool = False) -> None:
        """SIGTERM for every process of the group, as systemd sends it, or for the first one alone, as Docker does."""
        if only_parent:
            self.process.terminate()
        else:
            os.killpg(self.process.pid, signal.SIGTERM)

    def kill(self, *, only_parent: bool = False) -> None:
        """SIGKILL for the first process alone, or for every process of the tree at once."""
        for pid in [self.process.pid] if only_parent else self.alive():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stacks(self) -> str:
        """Ends a program that hangs; returns what it wrote to stderr, with where its threads were at the end.

        The program must have registered `faulthandler` for SIGUSR1.
        """
        self.process.send_signal(signal.SIGUSR1)
        time.sleep(1)
        self.kill()
        return self.errors()

    def errors(self) -> str:
        """What it wrote to stderr, once it has ended."""
        return self.process.communicate()[1]
