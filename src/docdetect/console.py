"""What people see while docdetect works: messages, tables and progress on stderr; results on stdout.

Work functions print nothing; they take a `ProgressCallback` and call it. Rich is imported inside functions.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

ProgressCallback: TypeAlias = Callable[[int, int, str], None]
"""Called as (done, total, note): how many of how many steps are done, and a few words on the newest one.

A total of 0 says that there is nothing to count yet: the note names what docdetect is doing, such as "loading the
network".
"""

_PLAIN_INTERVAL_S = 10.0

# Columns of a terminal from which on the progress bar is drawn at its full length.
_WIDE = 100

# Characters that a column of text keeps at least in a table with columns that must not break.
_READABLE_CHARACTERS = 8

# Fewest seconds of counted work after which a speed is shown: the first steps of a run say little.
_SPEED_AFTER_S = 2.0

# Characters that a terminal obeys instead of showing them: C0 and C1 controls but the line end, marks that turn the
# direction of writing, and lone surrogates, which no encoding can write.
_OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class StdoutClosedError(Exception):
    """Whoever read the standard output has stopped reading, as `head` does; there is nobody to tell anything."""

    exit_code = 141  # what a shell reports of a process that the closed pipe has ended: 128 + SIGPIPE


def no_progress(done: int, total: int, note: str) -> None:
    """A ProgressCallback that shows nothing."""


def say_nothing(text: str) -> None:
    """Announces nothing; for callers that want no announcements."""


def visible(text: str) -> str:
    r"""The text with every character that a terminal would obey written as its number, such as `\x1b` for Escape.

    Names of documents and the texts of QR codes come from strangers. Line ends stay.
    """
    return _OBEYED.sub(lambda found: _escape(ord(found[0])), text)


def _escape(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def visible_line(text: str) -> str:
    r"""The text as one line: `visible`, and line ends as `\n`."""
    return visible(text).replace("\n", "\\n")


def write_stdout(text: str) -> None:
    """Writes text to stdout. Where stdout is no terminal the text is UTF-8, whatever the locale says.

    Raises:
        StdoutClosedError: whoever read stdout has stopped reading.
    """
    stream = sys.stdout
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        if stream.isatty():
            reconfigure(errors="backslashreplace")
        else:
            reconfigure(encoding="utf-8", errors="surrogateescape")
    with reading_stdout():
        stream.write(text)
        stream.flush()


def rich_stdout() -> RichConsole:
    """Rich's console on stdout; it raises StdoutClosedError when whoever read stdout has stopped reading."""
    from rich.console import Console as RichConsole

    class Stdout(RichConsole):
        def on_broken_pipe(self) -> None:  # Rich would end the process with exit code 1
            _silence(sys.stdout)
            raise StdoutClosedError

    return Stdout(highlight=False)


@contextmanager
def reading_stdout() -> Iterator[None]:
    """What is written to stdout inside the block raises StdoutClosedError when nobody reads it any more."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError as error:
        _silence(sys.stdout)
        raise StdoutClosedError from error


def _silence(stream: TextIO) -> None:
    """Leads a stream whose reader is gone into nothing, so that the interpreter does not complain at its end."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


class Console:
    """The one object that prints.

    Args:
        verbosity: -1 errors only, 0 normal, 1 details.
        as_json: the summary goes to stdout as JSON, and no table is shown.
    """

    def __init__(self, *, verbosity: int = 0, as_json: bool = False) -> None:
        self.verbosity = verbosity
        self.as_json = as_json

    def info(self, text: str) -> None:
        """A line on stderr, unless quiet."""
        if self.verbosity >= 0:
            self._say(text)

    def detail(self, text: str) -> None:
        """A line on stderr, with -v only."""
        if self.verbosity >= 1:
            self._say(text)

    def warn(self, text: str) -> None:
        """A warning on stderr, shown also when quiet."""
        self._say(f"warning: {text}")

    def error(self, message: str, remedy: str = "") -> None:
        """An error on stderr with its remedy on the next line."""
        self._say(f"error: {message}")
        if remedy:
            self._say(f"  {remedy}")

    def table(
        self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], whole: Sequence[str] = ()
    ) -> None:
        """A table on stderr, unless it has no rows; columns whose cells are numbers or empty are right-aligned.

        Numbers never break, nor do the cells of the columns in `whole`, such as names that people copy, where the
        terminal is wide enough for them; the other columns give way. In a narrow terminal the spaces beside the cells
        are left out.
        """
        if self.verbosity < 0 or self.as_json or not rows:
            return
        from rich.cells import cell_len
        from rich.table import Table
        from rich.text import Text

        cells = [[visible_line(str(row[position])) for row in rows] for position in range(len(columns))]
        filled = [[row[position] for row in rows if row[position] != ""] for position in range(len(columns))]
        numeric = [bool(column) and all(map(_is_number, column)) for column in filled]
        kept = [name in whole or number for name, number in zip(columns, numeric, strict=True)]
        widest = [max(map(cell_len, texts)) for texts in cells]
        least = [
            max(
                _longest_word(name), widest[position] if kept[position] else min(widest[position], _READABLE_CHARACTERS)
            )
            for position, name in enumerate(columns)
        ]
        room = self._rich().width - 1 - len(columns)
        padding = 1 if sum(least) + 2 * len(columns) <= room else 0
        has_room = sum(least) + 2 * padding * len(columns) <= room
        table = Table(title=Text(visible_line(title)), title_justify="left", header_style="bold", padding=(0, padding))
        for position, name in enumerate(columns):
            side: Literal["left", "right"] = "right" if numeric[position] else "left"
            number_width = widest[position] if numeric[position] else None
            table.add_column(
                Text(visible_line(name)),
                justify=side,
                overflow="fold",
                min_width=least[position] if has_room else number_width,
                no_wrap=name in whole and has_room,
            )
        for row in rows:
            table.add_row(*(Text(visible_line(str(cell))) for cell in row))
        with _hearing_stderr():
            self._rich().print(table)

    def output(self, text: str) -> None:
        """Text that is the result of the command, on stdout; shown also when quiet.

        Raises:
            StdoutClosedError: whoever read stdout has stopped reading.
        """
        write_stdout(text)

    def summary(self, data: dict[str, Any]) -> None:
        """With `--json` the command's result as one JSON object on stdout; else nothing.

        The JSON is ASCII, with other letters as numbers: every program reads it, whatever the locale or code page.

        Raises:
            StdoutClosedError: whoever read stdout has stopped reading.
        """
        if self.as_json:
            write_stdout(json.dumps(data, ensure_ascii=True, allow_nan=False) + "\n")

    @contextmanager
    def progress(self, label: str, unit: str = "", *, estimated: bool = False) -> Iterator[ProgressCallback]:
        """A progress bar on a terminal; plain lines every ten seconds elsewhere; nothing when quiet.

        Args:
            label: what the command does, such as "infer".
            unit: what is counted, such as "pages"; with it the speed is shown.
            estimated: the totals are estimates until the last step, and are shown as such.
        """
        if self.verbosity < 0:
            yield no_progress
        elif sys.stderr.isatty():
            with self._bar(label, _Pace(unit, estimated=estimated)) as callback:
                yield callback
        else:
            yield self._plain_lines(label, _Pace(unit, estimated=estimated))

    @contextmanager
    def _bar(self, label: str, pace: _Pace) -> Iterator[ProgressCallback]:
        from rich.markup import escape
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        console = self._rich()
        columns = (
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=20 if console.width >= _WIDE else 6),
            TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True)),
            # Only the note gives way where the terminal is narrow.
            TextColumn(
                "[dim]{task.fields[note]}[/dim]", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
            ),
        )
        with Progress(*columns, console=console, transient=True, expand=True) as bar:
            task = bar.add_task(escape(label), total=None, figures="", note="")

            def advance(done: int, total: int, note: str) -> None:
                figures = pace.figures(done, total)
                known = total if total > 0 else None
                bar.update(task, completed=done, total=known, figures=figures, note=escape(visible_line(note)))

            yield advance

    def _plain_lines(self, label: str, pace: _Pace) -> ProgressCallback:
        last = time.monotonic()
        phase = shown = ""

        def advance(done: int, total: int, note: str) -> None:
            nonlocal last, phase, shown
            figures = pace.figures(done, total)
            now = time.monotonic()
            if total <= 0:  # a phase without steps: said once, when it begins
                if note != phase:
                    self.info(f"{label}: {note}")
                phase = note
            elif (done >= total and figures != shown) or now - last >= _PLAIN_INTERVAL_S:
                last, shown = now, figures
                self.info(f"{label}: {figures}{'; ' if note else ''}{note}")

        return advance

    @staticmethod
    def _say(text: str) -> None:
        with _hearing_stderr():
            sys.stderr.write(visible(text) + "\n")  # in one piece: print() lets another thread in before the line's end
            sys.stderr.flush()

    @staticmethod
    def _rich() -> RichConsole:
        from rich.console import Console as RichConsole

        class Stderr(RichConsole):
            def on_broken_pipe(self) -> None:  # Rich would end the process
                _silence(sys.stderr)

        return Stderr(stderr=True, highlight=False)


class _Pace:
    """How far a run is, how fast it goes and how long it will take.

    The speed counts from the first step that is reported, so that loading and compiling do not count.
    """

    def __init__(self, unit: str, *, estimated: bool) -> None:
        self._unit = unit
        self._estimated = estimated
        self._start: tuple[float, int] | None = None

    def figures(self, done: int, total: int) -> str:
        """`340/1200 pages, 12.5 pages/s, 1:09 left`; empty where there is nothing to count yet."""
        if total <= 0:
            self._start = None
            return ""
        now = time.monotonic()
        if self._start is None or done < self._start[1]:
            self._start = (now, done)
        share = f"{done} of about {total}" if self._estimated and done < total else f"{done}/{total}"
        counted = f"{share} {self._unit}".rstrip()
        seconds, steps = now - self._start[0], done - self._start[1]
        if seconds < _SPEED_AFTER_S or steps <= 0 or done >= total:
            return counted
        speed = f", {steps / seconds:.3g} {self._unit}/s" if self._unit else ""
        return f"{counted}{speed}, {_clock((total - done) * seconds / steps)} left"


def _clock(seconds: float) -> str:
    """`0:09`, `12:30` or `2:05:00`."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


@contextmanager
def _hearing_stderr() -> Iterator[None]:
    """Messages that nobody reads any more are dropped: the work goes on."""
    try:
        yield
    except BrokenPipeError:
        _silence(sys.stderr)


def _longest_word(text: str) -> int:
    return max(map(len, visible_line(text).split()), default=0)


def _is_number(cell: object) -> bool:
    if isinstance(cell, str):  # a dash stands for a figure that is not defined
        return cell == "-" or cell.lstrip("+-").replace(".", "", 1).isdigit()
    return isinstance(cell, (int, float))
