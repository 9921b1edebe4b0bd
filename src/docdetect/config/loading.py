"""Configuration: defaults < config file < `--set key=value` < flag, with strict keys.

Standard library only; PyYAML and the pydantic schema are imported inside functions: `docdetect --help` stays fast.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docdetect.errors import ConfigError, InputError, problem_list
from docdetect.files import read_text

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from docdetect.config.schema import Config

_PACKAGE = Path(__file__).parents[1]
_SECRET_KEYS = frozenset({"infer.passwords"})
"""Their values are never shown."""


def load_config(
    file: str | None = None, assignments: Iterable[str] = (), flags: Mapping[str, object] | None = None
) -> Config:
    """The resolved configuration.

    Args:
        file: path of a YAML file, or the name of one in `./configs` or in the package; None uses the defaults.
        assignments: `section.key=value` texts of `--set`, the values in YAML.
        flags: dotted key -> value of the options given on the command line; None values were not given.

    Raises:
        ConfigError: unknown key, wrong type, out of range, not YAML; every problem in one message.
        InputError: no such file.
    """
    tree: dict[str, Any] = {}
    origin = "the command line"
    if file:
        path = find_config(file)
        origin = str(path)
        tree = parse_yaml(read_text(path), origin)
    for assignment in assignments:
        key, value = _parse_assignment(assignment)
        _put(tree, key, value)
    for key, value in (flags or {}).items():
        if value is not None:
            _put(tree, key, value)
    return _validated(tree, origin)


def find_config(name: str) -> Path:
    """The file that `--config name` means: a path, a file in `./configs`, or one that came with docdetect.

    Raises:
        InputError: there is none; the message lists the places and the names that would work.
    """
    folders = [Path("configs"), *shipped_config_folders()]
    candidates = [Path(name), *(folder / name for folder in folders)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    known = sorted({path.name for folder in folders if folder.is_dir() for path in folder.glob("*.yaml")})
    raise InputError(
        f"no configuration file {name!r} here, in configs/ or in docdetect itself",
        f"Give a path, or one of: {', '.join(known)}." if known else "Give a path.",
    )


def shipped_config_folders() -> list[Path]:
    """Where the configurations of an installed docdetect, or of its source checkout, lie."""
    return [_PACKAGE / "configs", _PACKAGE.parents[1] / "configs"]


def parse_yaml(text: str, origin: str) -> dict[str, Any]:
    """The mapping that a YAML text holds; no Python tags, no key twice.

    Raises:
        ConfigError: not YAML, not a mapping, a tag, a duplicate key; `origin` names the text in the message.
    """
    import yaml

    try:
        _refuse_duplicate_keys(yaml.compose(text, Loader=yaml.SafeLoader), origin)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        place = f" (line {where.line + 1}, column {where.column + 1})" if where else ""
        reason = getattr(error, "problem", None) or "malformed"
        raise ConfigError(
            f"{origin}: not valid YAML{place}: {reason}",
            "Plain YAML only: mappings, lists, text, numbers, true/false, null.",
        ) from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(
            f"{origin}: expected sections with keys, found {type(data).__name__}",
            "See configs/best.yaml for an example.",
        )
    return data


def dump_config(config: Config, sections: Iterable[str] | None = None) -> str:
    """The configuration as YAML that `load_config` reads back to the same values."""
    import yaml

    tree = config.model_dump(mode="json")
    chosen = tree if sections is None else {name: tree[name] for name in sections}
    return yaml.safe_dump(chosen, sort_keys=False, allow_unicode=True)


def _parse_assignment(text: str) -> tuple[str, object]:
    import yaml

    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {text}: expected section.key=value", "For example: --set train.epochs=20.")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        shown = key.strip() if key.strip() in _SECRET_KEYS else text
        raise ConfigError(
            f"--set {shown}: the value is not valid YAML", 'Quote it, for example --set train.name="a: b".'
        ) from error


def _put(tree: dict[str, Any], dotted: str, value: object) -> None:
    *sections, key = dotted.split(".")
    node = tree
    for section in sections:
        child = node.setdefault(section, {})
        if child is None:
            child = node[section] = {}
        if not isinstance(child, dict):
            raise ConfigError(f"{dotted}: {section} is a value, not a section", _nearest(dotted))
        node = child
    node[key] = value


def _validated(tree: Mapping[str, Any], origin: str) -> Config:
    from pydantic import ValidationError

    from docdetect.config.schema import Config

    present = {key: value for key, value in tree.items() if value is not None}  # `data:` without keys is the defaults
    try:
        return Config.model_validate(present)
    except ValidationError as error:
        problems = _problems(error)
        raise ConfigError(
            problem_list(f"{origin}: bad configuration", problems),
            "docdetect config show lists every key with its value.",
        ) from error


def _problems(error: ValidationError) -> list[str]:
    texts: dict[str, list[str]] = {}
    for detail in error.errors(include_url=False):
        where, text = _problem(detail)
        texts.setdefault(where, []).append(text)
    return [f"{where}: {' or '.join(dict.fromkeys(found))}" if where else found[0] for where, found in texts.items()]


def _problem(detail: ErrorDetails) -> tuple[str, str]:
    known = set(known_keys()) | {key.split(".")[0] for key in known_keys()}
    parts = [str(part) for part in detail["loc"]]
    dotted = ".".join(parts)
    if detail["type"] == "extra_forbidden":
        return dotted, f"unknown key{_did_you_mean(dotted)}"
    while parts and ".".join(parts) not in known and len(parts) > 2:  # pydantic adds union branches to the path
        parts.pop()
    message = detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
    shown = detail["type"] != "value_error" and ".".join(parts[:2]) not in _SECRET_KEYS
    return ".".join(parts), f"{message} (found {detail['input']!r})" if shown else message


def known_keys() -> list[str]:
    """Every dotted key of the configuration, in order."""
    from docdetect.config.schema import Config

    return [f"{section}.{key}" for section, values in Config().model_dump().items() for key in values]


def _did_you_mean(dotted: str) -> str:
    close = _closest(dotted)
    return f"; did you mean {close}?" if close else ""


def _nearest(dotted: str) -> str:
    close = _closest(dotted)
    return f"Did you mean {close}?" if close else "docdetect config show lists every key."


def _closest(dotted: str) -> str | None:
    keys = known_keys()
    if "." not in dotted:
        sections = difflib.get_close_matches(dotted, {key.split(".")[0] for key in keys}, n=1, cutoff=0.6)
        if sections:
            return sections[0]
    by_path = difflib.get_close_matches(dotted, keys, n=1, cutoff=0.75)
    if by_path:
        return by_path[0]
    last = dotted.rpartition(".")[2]
    names = {key.rpartition(".")[2]: key for key in reversed(keys)}
    by_name = difflib.get_close_matches(last, list(names), n=1, cutoff=0.6)
    return names[by_name[0]] if by_name else None


def _refuse_duplicate_keys(node: Any, origin: str) -> None:
    import yaml

    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigError(
                    f"{origin}: {key.value} stands twice (line {key.start_mark.line + 1})", "Keep one of the two."
                )
            seen.add(key.value)
            _refuse_duplicate_keys(value, origin)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_duplicate_keys(value, origin)
