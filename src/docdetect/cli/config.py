"""`docdetect config show` and `docdetect config validate`."""

from __future__ import annotations

from typing import Annotated

import typer

from docdetect.cli.options import ConfigOption, SetOption, console_of, resolve

group = typer.Typer(no_args_is_help=True, help="Show or check a configuration.", rich_markup_mode="rich")


@group.command()
def show(
    context: typer.Context,
    section: Annotated[list[str] | None, typer.Argument(help="Only these sections.")] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Print the resolved configuration as YAML (with --json: as JSON)."""
    from docdetect.config.loading import dump_config
    from docdetect.errors import UsageError

    resolved = resolve(config, assignments, {})
    tree = resolved.model_dump(mode="json")
    for name in section or ():
        if name not in tree:
            raise UsageError(f"no section {name!r}", f"Sections: {', '.join(tree)}.")
    console = console_of(context)
    if console.as_json:
        console.summary({name: tree[name] for name in section or tree})
    else:
        print(dump_config(resolved, section or None), end="")


@group.command()
def validate(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A path, or a name in configs/ or in docdetect.")],
    assignments: SetOption = None,
) -> None:
    """Check a configuration file; exit code 3 and every problem when it is not right."""
    from docdetect.config.loading import find_config

    resolve(file, assignments, {})
    console = console_of(context)
    console.info(f"{find_config(file)}: valid")
    console.summary({"file": str(find_config(file)), "valid": True})
