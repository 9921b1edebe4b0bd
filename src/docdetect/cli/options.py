"""What commands share: the global options, `--config` and `--set`, and the configuration they resolve to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from docdetect import __version__
from docdetect.console import Console

if TYPE_CHECKING:
    from docdetect.config.schema import Config

ConfigOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--config", "-c", metavar="FILE", help="YAML file: a path, or a name in configs/ or in docdetect."),
]
SetOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any configuration key, e.g. train.epochs=20; repeatable."),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"docdetect {__version__}")
        raise typer.Exit


def global_options(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Summary as JSON on stdout, the rest on stderr.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Find QR codes, signatures and stamps on scanned legal documents."""
    context.obj = Console(verbosity=-1 if quiet else int(verbose), as_json=as_json)


def console_of(context: typer.Context) -> Console:
    """The console that the global options made."""
    console: Console = context.obj
    return console


def resolve(config: str | None, assignments: Sequence[str] | None, flags: Mapping[str, object]) -> Config:
    """The configuration of one command: file, then `--set`, then the flags that were given (not None)."""
    from docdetect.config.loading import load_config

    return load_config(config, assignments or (), flags)
