"""The comments of the configuration files in configs/, made from the descriptions of the keys.

`python -m docdetect.config.shipped FILE...` rewrites files: `make configs` does so with all files in configs/.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from docdetect.config.describe import commented_yaml
from docdetect.config.loading import parse_yaml
from docdetect.files import read_text, write_text


def with_comments(text: str, origin: str) -> str:
    """A configuration file with the description of every key as its comment.

    Values stay. Kept are the comment lines before the first section, up to an empty line, and remarks that follow a
    value on its line; all other comments are replaced.

    Args:
        text: contents of the file.
        origin: name of the file, for messages.

    Raises:
        ConfigError: the text is not a valid YAML mapping.
    """
    tree = parse_yaml(text, origin)
    header = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        header.append(line)
    return "\n".join([*header, "", commented_yaml(tree, _remarks(text))])


def _remarks(text: str) -> dict[str, str]:
    """Dotted key -> the comment behind its value."""
    import yaml

    lines = text.splitlines()
    found: dict[str, str] = {}
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for section, values in root.value if root else ():
        for key, value in values.value if isinstance(values, yaml.MappingNode) else ():
            line = key.start_mark.line  # a remark stands on the line of the key
            end = value.end_mark.column if value.end_mark.line == line else len(lines[line])
            remark = lines[line][end:].strip()
            if remark.startswith("#"):
                found[f"{section.value}.{key.value}"] = remark.lstrip("# ")
    return found


def main(files: list[str]) -> None:
    """Rewrites the comments of these files."""
    for name in files:
        path = Path(name)
        write_text(path, with_comments(read_text(path), name))


if __name__ == "__main__":
    main(sys.argv[1:])
