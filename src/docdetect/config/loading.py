"""Configuration: defaults < configuration file < `--set key=value` < options, with strict keys.

This module imports the standard library only. PyYAML and the pydantic schema are imported inside functions, so that
`docdetect --help` stays fast.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docdetect.config.describe import keys_of, sections
from docdetect.errors import ConfigError, InputError, problem_list
from docdetect.files import read_text

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from docdetect.config.schema import Config

_PACKAGE = Path(__file__).parents[1]
# Keys whose values are never shown.
_SECRET_KEYS = frozenset({"infer.passwords"})

# Keys that files of earlier versions have, and what stands for them now.
_RENAMED = {"train.handedness": "say train.flips: false for handedness: true"}


def load_config(
    file: str | None = None,
    assignments: Iterable[str] = (),
    flags: Mapping[str, object] | None = None,
    names: Mapping[str, str] | None = None,
) -> Config:
    """The resolved configuration.

    Args:
        file: path of a YAML file, or the name of one in `./configs` or in the package; None uses the defaults.
        assignments: `section.key=value` texts of `--set`, the values in YAML.
        flags: dotted key -> value of the options given on the command line. A mapping is added to what the file and
            the assignments say of the key.
        names: dotted key -> the option that it was given with, such as `--conf`, for messages.

    Raises:
        ConfigError: unknown key, wrong type, out of range, not YAML. Every problem is in the message, each with the
            file, `--set` or the option that it comes from.
        InputError: no such file.
    """
    return load_with_origins(file, assignments, flags, names)[0]


def load_with_origins(
    file: str | None, assignments: Iterable[str], flags: Mapping[str, object] | None, names: Mapping[str, str] | None
) -> tuple[Config, dict[str, str]]:
    """As `load_config`, with dotted key -> the file, `--set` or the option that its value comes from.

    A key of the file, or of the assignments, that has no effect without another key (`Option.needs`) brings that key
    where it is not given beside it, as options do: `data.dpi` alone means `data.size: dpi`.

    Raises:
        ConfigError, InputError: see `load_config`.
    """
    tree: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if file:
        path = find_config(file)
        tree = parse_yaml(read_text(path), str(path))
        origins = dict.fromkeys(_dotted_keys(tree), str(path))
        _give_effect(tree, origins, origins.copy())
    assigned = {}
    for assignment in assignments:
        key, value = _parse_assignment(assignment)
        _put(tree, key, value)
        origins[key] = assigned[key] = "--set"
    _give_effect(tree, origins, assigned)
    for key, value in (flags or {}).items():
        _put(tree, key, value)
        origins[key] = (names or {}).get(key, f"--{key.rpartition('.')[2].replace('_', '-')}")
    return _validated(tree, origins), origins


def describe_changes(config: Config, origins: Mapping[str, str]) -> list[str]:
    """A line for every setting that was given or is not the default: its value, and where the value comes from.

    Args:
        config: the settings.
        origins: dotted key -> the file, `--set` or the option; a key that is missing has no known origin.
    """
    from docdetect.config.schema import Config as Defaults

    values, defaults = config.model_dump(mode="json"), Defaults().model_dump(mode="json")
    lines = []
    for key in known_keys():
        section, _, name = key.partition(".")
        if key in origins or values[section].get(name) != defaults[section].get(name):
            value = "(not shown)" if key in _SECRET_KEYS else values[section].get(name)
            lines.append(f"setting {key} = {value}{f' ({origins[key]})' if key in origins else ''}")
    return lines


def find_config(name: str) -> Path:
    """The file that `--config name` means: a path, a file in `./configs`, or one that came with docdetect.

    The ending .yaml may be left out: `best` finds `best.yaml`.

    Raises:
        InputError: there is none; the message lists the places and the names that would work.
    """
    folders = [Path("configs"), *shipped_config_folders()]
    endings = ("", ".yaml", ".yml")
    candidates = [Path(f"{folder / name}{ending}") for folder in (Path(), *folders) for ending in endings]
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


def parse_value(text: str) -> object:
    """A value as YAML understands it; a text that is no YAML is the text itself."""
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


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
    """Sets a dotted key; a mapping from an option is added to the mapping that is there."""
    *sections, key = dotted.split(".")
    node = tree
    for section in sections:
        child = node.setdefault(section, {})
        if child is None:
            child = node[section] = {}
        if not isinstance(child, dict):
            raise ConfigError(f"--set {dotted}: {section} is a value, not a section", _nearest(dotted))
        node = child
    before = node.get(key)
    node[key] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value


def _give_effect(tree: dict[str, Any], origins: dict[str, str], given: Mapping[str, str]) -> None:
    """Sets the keys without which keys that were given together have no effect.

    Args:
        tree: changed where a key is set.
        origins: as of `load_with_origins`; added to where a key is set.
        given: dotted key -> where it comes from; the keys of one file, or of all assignments.

    Raises:
        ConfigError: two keys need different values of a third one, whose default serves neither.
    """
    wanted: dict[str, dict[str, str]] = {}
    defaults: dict[str, object] = {}
    for section in sections():
        keys = keys_of(section)
        defaults |= {key.key: key.info.default for key in keys}
        for key in keys:
            for needs in key.option.needs if key.key in given else ():
                wanted.setdefault(f"{section}.{needs.key}", {}).setdefault(needs.value, key.key)
    for other, by_value in wanted.items():
        if other in given:
            continue
        if len(by_value) == 1:
            ((value, needing),) = by_value.items()
            _put(tree, other, value)
            origins[other] = given[needing]
        elif defaults[other] not in by_value:
            rivals = list(by_value.values())
            raise ConfigError(
                f"{given[rivals[0]]}: {' and '.join(rivals)} need different values of {other}",
                f"Keep one of them, or add {' or '.join(f'{other}: {value}' for value in by_value)}.",
            )


def _dotted_keys(tree: Mapping[str, Any]) -> list[str]:
    """`section.key` of every key of a file, and `section` of a section that is no mapping."""
    keys = []
    for section, values in tree.items():
        keys += [f"{section}.{key}" for key in values] if isinstance(values, dict) else [str(section)]
    return keys


def _validated(tree: Mapping[str, Any], origins: Mapping[str, str]) -> Config:
    from pydantic import ValidationError

    from docdetect.config.schema import Config

    present = {key: value for key, value in tree.items() if value is not None}  # `data:` without keys is the defaults
    try:
        return Config.model_validate(present)
    except ValidationError as error:
        problems = _problems(error, origins)
        remedy = "docdetect config show lists every key with its meaning and value."
        if len(problems) == 1:
            raise ConfigError(problems[0], remedy) from error
        raise ConfigError(problem_list(f"{len(problems)} settings are wrong", problems), remedy) from error


def _problems(error: ValidationError, origins: Mapping[str, str]) -> list[str]:
    """One line for every wrong key: where its value comes from, the key, and what is wrong with it."""
    texts: dict[str, list[str]] = {}
    details = error.errors(include_url=False)
    for detail in details:
        # A list whose only items are wrong has no item left, so that pydantic calls it too short besides.
        inside = any(other["loc"][:-1] == detail["loc"] for other in details)
        if detail["type"] == "too_short" and inside:
            continue
        where, text = _problem(detail)
        texts.setdefault(where, []).append(text)
    lines = []
    for where, found in texts.items():
        origin = _origin(where, origins)
        if origin == "--set":
            place = f"--set {where}"
        elif origin.startswith("-"):
            place = f"{origin} ({where})"
        else:
            place = f"{origin}: {where}"
        lines.append(f"{place}: {' or '.join(dict.fromkeys(found))}")
    return lines


def _origin(where: str, origins: Mapping[str, str]) -> str:
    """Where the value of a key comes from; of a combination such as `data.val + test`, all the places that it has."""
    section, _, rest = where.partition(".")
    keys = [f"{section}.{key}" for key in rest.split(" + ")] if " + " in rest else [where]
    known = [origins[key] for key in keys if key in origins]
    if not known:  # a key inside a mapping, or a whole section
        parts = where.split(".")
        above = [".".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
        known = [origins[key] for key in above if key in origins][:1]
        known = known or [origin for key, origin in origins.items() if key.startswith(f"{where}.")]
    return " and ".join(dict.fromkeys(known)) or "configuration"


def _problem(detail: ErrorDetails) -> tuple[str, str]:
    """The dotted key of a problem, and what is wrong with it."""
    known = {*known_keys(), *_inner_keys(), *(key.split(".")[0] for key in known_keys())}
    parts = [str(part) for part in detail["loc"]]
    dotted = ".".join(parts)
    if detail["type"] == "extra_forbidden":
        renamed = _RENAMED.get(dotted)
        return dotted, f"unknown key; {renamed}" if renamed else f"unknown key{_did_you_mean(dotted)}"
    while parts and ".".join(parts) not in known and len(parts) > 2:  # pydantic adds union branches to the path
        parts.pop()
    message = detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
    if detail["type"] == "literal_error":  # an empty value is what is not set, and no choice that a person would make
        message = message.replace("should be '', ", "should be ").replace("should be '' or ", "should be ")
    if detail["type"] == "value_error" and len(parts) == 1:  # validators of a section begin with the key at fault
        key, colon, rest = message.partition(": ")
        return (f"{parts[0]}.{key}", rest) if colon else (parts[0], message)
    shown = detail["type"] != "value_error" and ".".join(parts[:2]) not in _SECRET_KEYS
    return ".".join(parts), f"{message} (found {detail['input']!r})" if shown else message


def known_keys() -> list[str]:
    """Every dotted key of the configuration, in order."""
    from docdetect.config.schema import Config

    return [f"{section}.{key}" for section, values in Config() for key in type(values).model_fields]


def _inner_keys() -> list[str]:
    """The dotted keys of keys that have keys of their own, such as `train.synth.share`."""
    from docdetect.config.schema import Config

    return [
        f"{section}.{key}.{inner}"
        for section, values in Config()
        for key, value in values
        if hasattr(type(value), "model_fields")
        for inner in type(value).model_fields
    ]


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
