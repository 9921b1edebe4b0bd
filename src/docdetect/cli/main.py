"""The `docdetect` command: global options, lazily loaded commands, errors turned into messages and exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

from docdetect.console import Console, StdoutClosedError, reading_stdout
from docdetect.errors import DocdetectError, InterruptedRunError, TerminatedRunError, UsageError
from docdetect.interrupts import sigterm_as_interrupt

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Entry point: runs the command line and exits with the codes of `docdetect.errors`."""
    if any("password" in word for word in sys.argv):
        from docdetect.cli.titles import hide_passwords

        hide_passwords()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command line and returns its exit code; used by `main` and by tests. SIGTERM does what Ctrl-C does."""
    with sigterm_as_interrupt() as sigterm:
        try:
            code = _run(arguments)
        except KeyboardInterrupt:  # before the command, or in what it says at its end
            code = _say_interrupted(Console())
    return TerminatedRunError.exit_code if code == InterruptedRunError.exit_code and sigterm.has_come() else code


def _run(arguments: list[str]) -> int:
    """The exit code of a command line, that of Ctrl-C for SIGTERM too."""
    completing = "_DOCDETECT_COMPLETE" in os.environ  # the shell asks Typer for completions, without arguments
    if not completing and (not arguments or arguments in (["-h"], ["--help"])):
        from docdetect.cli.help import show_help

        try:
            show_help()
        except StdoutClosedError as closed:
            return closed.exit_code
        return 0 if arguments else UsageError.exit_code
    console = Console(verbosity=int("-v" in arguments or "--verbose" in arguments))
    unknown = None if completing else _unknown_command(arguments)
    if unknown is not None:
        console.error(unknown.message, unknown.remedy)
        return unknown.exit_code
    import typer

    command_line_error = typer.BadParameter.__bases__[0]  # Typer exports BadParameter, but not its base
    assert issubclass(command_line_error, Exception)
    try:
        result = build_app(arguments)(args=arguments, prog_name="docdetect", standalone_mode=False)
        with reading_stdout():  # what is still in the buffer is written now, where a closed pipe can be told
            pass
    except DocdetectError as error:
        console.error(error.message, error.remedy)
        if error.__cause__ is not None:
            console.detail("".join(traceback.format_exception(error.__cause__)).rstrip())
        return error.exit_code
    except StdoutClosedError as closed:
        return closed.exit_code
    except typer.Abort:
        result = InterruptedRunError.exit_code
    except command_line_error as error:
        _say_usage_error(console, error)
        return UsageError.exit_code
    if result == InterruptedRunError.exit_code:  # Typer turns Ctrl-C into this result
        return _say_interrupted(console)
    return result if isinstance(result, int) else 0


def _say_interrupted(console: Console) -> int:
    """Says that the command was stopped, and returns the exit code."""
    console.error("interrupted", "What was finished is kept.")
    return InterruptedRunError.exit_code


# What people look for under the name that another command has for it; the first name that a command knows is meant.
_CALLED_ELSEWHERE = {
    "--weights": ("--model",),
    "--model": ("--weights",),
    "--output": ("--name", "--folder"),
    "--name": ("--output",),
    "--data": ("--source",),
    "--source": ("--data",),
    "--hours": ("--time",),
}
# Options that people give to a command whose name suggests them, and the command that has them.
_OF_ANOTHER_COMMAND = {"--from": "labels", "--to": "labels"}


def _say_usage_error(console: Console, error: Any) -> None:
    """Says what is wrong with a command line, in Typer's words, and which help explains the command."""
    path = error.ctx.command_path if error.ctx is not None else "docdetect"
    message, hint = error.format_message().rstrip("."), ""
    unknown = getattr(error, "option_name", "")
    if unknown in _CALLED_ELSEWHERE and error.ctx is not None:
        options = {name for parameter in error.ctx.command.params for name in parameter.opts}
        meant = next((name for name in _CALLED_ELSEWHERE[unknown] if name in options), "")
        if meant:  # Typer proposes options that are spelled alike, which are not those that are meant
            message, hint = f"No such option: {unknown}", f"{path} has {meant} instead. "
    elif unknown in _OF_ANOTHER_COMMAND:
        other = f"docdetect {_OF_ANOTHER_COMMAND[unknown]}"
        message, hint = f"No such option: {unknown}", f"{other} has {unknown}, to convert annotations. "
    console.error(message, f"{hint}{path} --help explains the options.")


def _unknown_command(arguments: list[str]) -> UsageError | None:
    """An error that names the commands that may be meant, where the first word is no command; None where it is one."""
    from docdetect.cli.tree import TREE, commands_like

    typed = next((word for word in arguments if not word.startswith("-")), None)
    if typed is None or typed in {entry.name for entry in TREE}:
        return None
    if typed == "help":
        return UsageError("there is no command 'help'", "docdetect --help lists the commands.")
    meant = [f"docdetect {entry.name} ({entry.summary})" for entry in commands_like(typed)]
    hint = f"Did you mean {' or '.join(meant)}?" if meant else "docdetect --help lists the commands."
    return UsageError(f"there is no command {typed!r}", hint)


def build_app(arguments: list[str]) -> typer.Typer:
    """The Typer app with the command that `arguments` name, or with all of them when they name none."""
    from importlib import import_module

    import typer

    from docdetect.cli.options import global_options
    from docdetect.cli.tree import TREE
    from docdetect.machine import require_extra

    app = typer.Typer(
        name="docdetect",
        help="Find QR codes, signatures and stamps on scanned legal documents.",
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(global_options)
    typed = next((word for word in arguments if not word.startswith("-")), None)
    named = [entry for entry in TREE if entry.name == typed]
    if not any(word == "-h" or word.startswith("--help") for word in arguments):
        for entry in named:
            if entry.extra:
                require_extra(entry.extra, f"docdetect {entry.name}")
    for entry in named or TREE:
        module, _, attribute = entry.target.partition(":")
        command = getattr(import_module(f"docdetect.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=entry.name, rich_help_panel=entry.stage, short_help=entry.summary)
        else:
            app.command(entry.name, rich_help_panel=entry.stage, short_help=entry.summary, add_help_option=False)(
                command
            )
    return app
