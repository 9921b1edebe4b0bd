"""What is known of every key of the configuration, and configurations as YAML with the descriptions as comments.

Imports the standard library only; pydantic and PyYAML are imported inside functions.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docdetect.config.option import Option

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_WIDTH = 118


@dataclass(frozen=True)
class Key:
    """A key of the configuration.

    Attributes:
        key: dotted key, such as `infer.conf`.
        info: its type, default and description.
        option: what it says about its option on the command line.
    """

    key: str
    info: FieldInfo
    option: Option


def sections() -> Mapping[str, str]:
    """Name of every section -> what it is about, in order."""
    from docdetect.config.schema import Config

    return {
        name: " ".join((info.annotation.__doc__ or "").split())
        for name, info in Config.model_fields.items()
        if info.annotation
    }


def keys_of(section: str) -> list[Key]:
    """Every key of a section, in order.

    Raises:
        KeyError: there is no such section.
    """
    from docdetect.config.schema import Config

    model: Any = Config.model_fields[section].annotation
    fields: dict[str, FieldInfo] = model.model_fields
    return [Key(f"{section}.{name}", info, _option_of(info)) for name, info in fields.items()]


def key_of(dotted: str) -> Key:
    """One key by its dotted name.

    Raises:
        KeyError: there is no such key.
    """
    for key in keys_of(dotted.partition(".")[0]):
        if key.key == dotted:
            return key
    raise KeyError(dotted)


def describe(key: Key) -> str:
    """The description of a key, its choices, and what an empty value stands for: the comment of configuration files."""
    unset = key.option.unset
    if not unset:
        return key.info.description or ""
    return f"{key.info.description} {_empty_value(key.info.default)}: {unset}."


def commented_yaml(tree: Mapping[str, Mapping[str, Any]], remarks: Mapping[str, str] | None = None) -> str:
    """Sections and values as YAML in the order of the schema, each key below its description as a comment.

    Args:
        tree: section -> key -> value, plain data.
        remarks: dotted key -> remark that follows the value on its line.
    """
    known = sections()
    parts = []
    for section in (name for name in known if name in tree):
        lines = [*_comment(known[section], ""), f"{section}:"]
        values = tree[section]
        if not values:
            lines[-1] += " {}"
        panel = ""
        for key in _by_panel(keys_of(section)):
            name = key.key.partition(".")[2]
            if name not in values:
                continue
            if key.option.panel != panel:
                panel = key.option.panel
                lines += ["", f"  # --- {panel} ---"]
            written = _yaml_lines(name, values[name])
            remark = (remarks or {}).get(key.key, "")
            if remark:
                written[0] += f"  # {remark}"
            lines += _comment(describe(key), "  ") + [f"  {line}" for line in written]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _yaml_lines(name: str, value: object) -> list[str]:
    """A key and its value as lines of YAML; lists and mappings stand between brackets."""
    import yaml

    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=_WIDTH - 4)
    first, *rest = f"{name}: {text}".removesuffix("\n").removesuffix("\n...").split("\n")
    return [first, *(f"  {line}" for line in rest)]


def _by_panel(keys: list[Key]) -> list[Key]:
    """The keys with those of one heading together, headings and keys otherwise in the order of the schema."""
    panels = list(dict.fromkeys(key.option.panel for key in keys))
    return sorted(keys, key=lambda key: panels.index(key.option.panel))


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ") if text else []


def _empty_value(default: object) -> str:
    if default is None:
        return "null"
    return "Empty" if isinstance(default, str) else "0"


def _option_of(info: FieldInfo) -> Option:
    return next(one for one in info.metadata if isinstance(one, Option))
