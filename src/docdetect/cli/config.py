"""`docdetect config`: what the settings are, and whether a file of settings is right."""

from __future__ import annotations

from typing import Annotated

import typer

from docdetect.cli.options import Request, make_group, takes

group = make_group("Show or check a configuration.")


@group.command(add_help_option=False)
@takes()
def show(
    request: Request,
    section: Annotated[list[str] | None, typer.Argument(metavar="SECTION", help="Only these sections.")] = None,
) -> None:
    """Print the resolved configuration as YAML, every key below its description (with --json: as JSON)."""
    from docdetect.config.describe import commented_yaml
    from docdetect.errors import UsageError

    tree = request.settings.model_dump(mode="json")
    for name in section or ():
        if name not in tree:
            raise UsageError(f"no section {name!r}", f"Sections: {', '.join(tree)}.")
    chosen = {name: tree[name] for name in tree if not section or name in section}
    if request.console.as_json:
        request.console.summary(chosen)
    else:
        request.console.output(commented_yaml(chosen))


@group.command(add_help_option=False)
@takes()
def validate(
    request: Request,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A path, or a name in configs/ or in docdetect.")],
) -> None:
    """Check a configuration file; a wrong file ends with exit code 3 and a list of every problem."""
    from docdetect.config.loading import find_config, load_config

    load_config(file, request.assignments)
    request.console.info(f"{find_config(file)}: valid")
    request.console.summary({"file": str(find_config(file)), "valid": True})
