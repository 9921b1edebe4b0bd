"""The help of docdetect and of its commands, drawn with a part of Rich that imports fast.

A test compares the drawn help with the real commands and options.
"""

from __future__ import annotations

import inspect
from itertools import groupby
from typing import TYPE_CHECKING, Any, get_args

from rich.box import ROUNDED
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from docdetect.cli.tree import GLOBAL_OPTIONS, TREE
from docdetect.config.option import Panel as Heading
from docdetect.console import reading_stdout, rich_stdout

if TYPE_CHECKING:
    import typer

# The headings of arguments, of the commands of a group, and of options that have none.
_ARGUMENTS = "Arguments"
_COMMANDS = "Commands"
_OPTIONS = "Options"


def show_help() -> None:
    """Prints usage, global options and the commands grouped by stage to stdout."""
    with reading_stdout():
        _print_help(rich_stdout())


def _print_help(console: Console) -> None:
    console.print(Text("\n Usage: docdetect [OPTIONS] COMMAND [ARGS]...\n", style="bold"))
    console.print(Text(" Find QR codes, signatures and stamps on scanned legal documents.\n"))
    console.print(_panel("Options", GLOBAL_OPTIONS))
    for stage, entries in groupby(TREE, key=lambda entry: entry.stage):
        console.print(_panel(stage, tuple((entry.name, f"{entry.summary}.") for entry in entries)))
    console.print(Text("\n docdetect COMMAND --help explains a command and its options.\n", style="dim"))


def show_command_help(context: typer.Context, *, everything: bool) -> None:
    """Prints usage, description and options of one command, or of a group of commands, to stdout.

    Args:
        context: of the command.
        everything: True shows every option, False those that most people need.
    """
    with reading_stdout():
        _print_command_help(rich_stdout(), context, everything=everything)


def _print_command_help(console: Console, context: typer.Context, *, everything: bool) -> None:
    command = context.command
    console.print(Text(f"\n{context.get_usage()}\n", style="bold"))
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        console.print(Text(" ".join(paragraph.split()) + "\n"))
    panels: dict[str, list[tuple[str, str]]] = {}
    for name, one in getattr(command, "commands", {}).items():
        panels.setdefault(_COMMANDS, []).append((name, " ".join((one.help or "").split("\n\n")[0].split())))
    for parameter in command.params:
        panel = _heading_of(parameter)
        if panel and (everything or not getattr(parameter, "hidden", False)):
            panels.setdefault(panel, []).append((_names_of(parameter), _help_of(parameter)))
    order = [_ARGUMENTS, _COMMANDS, _OPTIONS, *get_args(Heading)]
    for panel in sorted(panels, key=lambda panel: order.index(panel) if panel in order else len(order)):
        console.print(_panel(panel, tuple(panels[panel])))


def _heading_of(parameter: Any) -> str:
    """The heading under which a parameter is listed; "" for further names of an option, which have no line."""
    if parameter.param_type_name == "argument":
        return _ARGUMENTS
    heading: str | None = getattr(parameter, "rich_help_panel", None)
    return heading or ("" if parameter.hidden else _OPTIONS)


def _help_of(parameter: Any) -> str:
    """The help of a parameter. Options of the configuration name their default themselves and show no other one."""
    text, default = getattr(parameter, "help", None) or "", parameter.default
    if not parameter.show_default or default is None or default is False or default == "":
        return text
    if default is True:
        default = parameter.opts[0].removeprefix("--")
    return f"{text} [default: {default}]"


def _names_of(parameter: Any) -> str:
    """The names of a parameter and the word for its value: `--conf NUMBER`, `-v, --verbose`."""
    if parameter.param_type_name == "argument":
        return f"{parameter.metavar or parameter.name.upper()}{'' if parameter.nargs == 1 else ' ...'}"
    names = sorted([*parameter.opts, *parameter.secondary_opts], key=lambda name: name.startswith("--"))
    if parameter.is_flag:
        return ", ".join(names)
    return f"{', '.join(names)} {parameter.metavar or 'TEXT'}"


def _panel(title: str, rows: tuple[tuple[str, str], ...]) -> Panel:
    grid = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    grid.add_column(style="bold cyan", min_width=20, max_width=28, overflow="fold")
    grid.add_column(ratio=1)
    for name, text in rows:
        grid.add_row(Text(name), Text(text))
    return Panel(grid, title=Text(title), title_align="left", box=ROUNDED, border_style="dim")
