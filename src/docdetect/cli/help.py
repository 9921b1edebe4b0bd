"""`docdetect --help`, drawn with a part of Rich that imports fast; a test holds it against the real command tree."""

from __future__ import annotations

from itertools import groupby

from rich.box import ROUNDED
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from docdetect.cli.tree import GLOBAL_OPTIONS, TREE


def show_help() -> None:
    """Prints usage, global options and the commands grouped by stage to stdout."""
    console = Console(highlight=False)
    console.print(Text("\n Usage: docdetect [OPTIONS] COMMAND [ARGS]...\n", style="bold"))
    console.print(Text(" Find QR codes, signatures and stamps on scanned legal documents.\n"))
    console.print(_panel("Options", GLOBAL_OPTIONS))
    for stage, entries in groupby(TREE, key=lambda entry: entry.stage):
        console.print(_panel(stage, tuple((entry.name, f"{entry.summary}.") for entry in entries)))
    console.print(Text("\n docdetect COMMAND --help explains a command and its options.\n", style="dim"))


def _panel(title: str, rows: tuple[tuple[str, str], ...]) -> Panel:
    grid = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    grid.add_column(style="bold cyan", no_wrap=True, min_width=20)
    grid.add_column(ratio=1)
    for name, text in rows:
        grid.add_row(Text(name), Text(text))
    return Panel(grid, title=Text(title), title_align="left", box=ROUNDED, border_style="dim")
