"""What people see while docdetect works: messages, tables and progress on stderr; `--json` summaries on stdout.

Work functions print nothing; they take a `ProgressCallback` and call it. Rich is imported inside functions.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

ProgressCallback: TypeAlias = Callable[[int, int, str], None]
"""Called as (done, total, note): how many of how many steps are done, and a few words on the newest one."""

_PLAIN_INTERVAL_S = 10.0


def no_progress(done: int, total: int, note: str) -> None:
    """A ProgressCallback that shows nothing."""


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
            print(text, file=sys.stderr, flush=True)

    def detail(self, text: str) -> None:
        """A line on stderr, with -v only."""
        if self.verbosity >= 1:
            print(text, file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """A warning on stderr, shown also when quiet."""
        print(f"warning: {text}", file=sys.stderr, flush=True)

    def error(self, message: str, remedy: str = "") -> None:
        """An error on stderr with its remedy on the next line."""
        print(f"error: {message}", file=sys.stderr)
        if remedy:
            print(f"  {remedy}", file=sys.stderr)
        sys.stderr.flush()

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table on stderr; columns whose cells are all numbers are right-aligned."""
        if self.verbosity < 0 or self.as_json:
            return
        from rich.table import Table
        from rich.text import Text

        table = Table(title=Text(title), title_justify="left", header_style="bold")
        for position, name in enumerate(columns):
            numeric = bool(rows) and all(_is_number(row[position]) for row in rows)
            table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(str(cell)) for cell in row))
        self._rich().print(table)

    def summary(self, data: dict[str, Any]) -> None:
        """With `--json` the command's result as one JSON object on stdout; else nothing."""
        if self.as_json:
            print(json.dumps(data, ensure_ascii=False, allow_nan=False), flush=True)

    @contextmanager
    def progress(self, label: str) -> Iterator[ProgressCallback]:
        """A progress bar on a terminal; plain lines every ten seconds elsewhere; nothing when quiet."""
        if self.verbosity < 0:
            yield no_progress
        elif sys.stderr.isatty():
            with self._bar(label) as callback:
                yield callback
        else:
            yield self._plain_lines(label)

    @contextmanager
    def _bar(self, label: str) -> Iterator[ProgressCallback]:
        from rich.markup import escape
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self._rich(), transient=True) as bar:
            task = bar.add_task(label, total=None, note="")

            def advance(done: int, total: int, note: str) -> None:
                bar.update(task, completed=done, total=total, note=escape(note))

            yield advance

    def _plain_lines(self, label: str) -> ProgressCallback:
        last = time.monotonic()

        def advance(done: int, total: int, note: str) -> None:
            nonlocal last
            now = time.monotonic()
            if done >= total or now - last >= _PLAIN_INTERVAL_S:
                last = now
                self.info(f"{label}: {done}/{total} {note}".rstrip())

        return advance

    @staticmethod
    def _rich() -> RichConsole:
        from rich.console import Console as RichConsole

        return RichConsole(stderr=True, highlight=False)


def _is_number(cell: object) -> bool:
    return isinstance(cell, (int, float)) or (isinstance(cell, str) and cell.replace(".", "", 1).isdigit())
