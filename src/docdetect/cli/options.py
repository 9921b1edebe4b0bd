"""The options of the commands, generated from the configuration, and what a command is given.

Every key of a section of `docdetect.config.schema` becomes an option of the commands that take the section: its type,
choices, default, help and heading come from the key, so that a new option is one new key and nothing else.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

import typer

from docdetect import __version__
from docdetect.cli.help import show_command_help
from docdetect.config.option import Option
from docdetect.console import Console, write_stdout
from docdetect.errors import UsageError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from docdetect.config.schema import Config

_GENERAL = "General"
_EMPTY: tuple[object, ...] = ("", None, 0, (), {})

Work: TypeAlias = Callable[..., int | None]
"""The function of a command: it takes a Request, and parameters of its own that are no keys of the configuration.

What it returns is the exit code; None is 0.
"""


@dataclass(frozen=True)
class Request:
    """What the user asked of a command.

    Attributes:
        console: where messages go.
        file: the value of `--config`.
        assignments: the values of `--set`.
        flags: dotted key -> value of every option that was given.
        names: dotted key -> the option that it was given with, such as `--conf`.
    """

    console: Console
    file: str | None = None
    assignments: tuple[str, ...] = ()
    flags: Mapping[str, object] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Config:
        """The configuration: defaults < file < `--set` < options.

        Raises:
            ConfigError: a key or a value is wrong; the message names the file, `--set` or the option at fault.
            InputError: there is no such file.
        """
        from docdetect.config.loading import load_with_origins

        settings, origins = load_with_origins(self.file, self.assignments, self.flags, self.names)
        self.tell(settings, origins)
        return settings

    def tell(self, settings: Config, origins: Mapping[str, str]) -> None:
        """Says with -v which settings are not the defaults, and where they come from."""
        if self.console.verbosity > 0:
            from docdetect.config.loading import describe_changes

            for line in describe_changes(settings, origins):
                self.console.detail(line)

    @property
    def is_bare(self) -> bool:
        """Whether no configuration at all was given: no file, no `--set`, no option."""
        return self.file is None and not self.assignments and not self.flags


def takes(*sections: str, keys: Sequence[str] = (), argument: str = "", command: str = "") -> Callable[[Work], Work]:
    """Decorator that makes a function a command with the options of sections of the configuration.

    Args:
        sections: sections all of whose keys become options, as far as they are meant for this command.
        keys: further keys, such as `train.epochs`.
        argument: a key that may also be given without its option, as in `docdetect infer scans/`.
        command: name of the command; the name of the function when empty.
    """

    def decorate(work: Work) -> Work:
        name = command or work.__name__
        generated = list(_generate(name, sections, keys))
        own = list(inspect.signature(work, eval_str=True).parameters.values())[1:]  # without the Request
        parameters = [_context_parameter()]
        for one in generated:
            parameters += one.parameters(with_argument=one.key == argument)
        parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
        parameters += _general_parameters()

        def call(context: typer.Context, **values: Any) -> int | None:
            _refuse_missing_values(context)
            own_values = {one.name: values.pop(one.name) for one in own}
            request = _request(context, generated, values)
            start = time.monotonic()
            try:
                exit_code = work(request, **own_values)
            except BrokenPipeError as error:  # Typer takes every such error for stdout's and would end without a word
                raise RuntimeError("a pipe to one of docdetect's own processes is broken") from error
            request.console.detail(f"{name} took {time.monotonic() - start:.1f} s")
            return exit_code

        call.__name__ = call.__qualname__ = work.__name__
        call.__doc__ = work.__doc__
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {one.name: one.annotation for one in parameters}
        return call

    return decorate


def make_group(text: str) -> typer.Typer:
    """A group of commands, such as `docdetect config`, whose help looks like the help of a command.

    Args:
        text: what the commands of the group are for.
    """
    group = typer.Typer(help=text, add_help_option=False, invoke_without_command=True)

    @group.callback()
    def callback(
        context: typer.Context,
        help_: Annotated[
            bool,
            typer.Option(
                "--help",
                "-h",
                help="Show this message.",
                is_eager=True,
                callback=_show_help,
                rich_help_panel=_GENERAL,
            ),
        ] = False,
    ) -> None:
        if context.invoked_subcommand is None:
            show_command_help(context, everything=False)
            raise typer.Exit(UsageError.exit_code)

    return group


def global_options(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more: settings, files, times.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Summary as JSON on stdout, the rest on stderr.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version.", callback=lambda wanted: _show_version(wanted), is_eager=True
        ),
    ] = False,
) -> None:
    """Find QR codes, signatures and stamps on scanned legal documents."""
    context.obj = Console(verbosity=-1 if quiet else int(verbose), as_json=as_json)


def _show_version(wanted: bool) -> None:
    if wanted:
        write_stdout(f"docdetect {__version__}\n")
        raise typer.Exit


@dataclass(frozen=True)
class _Generated:
    """A key of the configuration as the option of one command.

    Attributes:
        key: dotted key.
        name: name of the option, without dashes.
        info: the key's field: its type, default and description.
        option: what the key says about its option.
        command: name of the command.
    """

    key: str
    name: str
    info: FieldInfo
    option: Option
    command: str = ""

    @cached_property
    def kind(self) -> str:
        """How the option is read.

        One of bool, int, float, text (taken as it is), choice, list, pairs (KEY=VALUE), and value (a number or a text).
        """
        return _kind(self.info.annotation)

    @cached_property
    def choices(self) -> tuple[str, ...]:
        """The texts that the key allows, where it names them."""
        return _choices(self.info.annotation)

    @property
    def _identifier(self) -> str:
        return self.key.replace(".", "__")

    def parameters(self, *, with_argument: bool) -> Iterator[inspect.Parameter]:
        """The parameters of the command: the option, its aliases, its switch, and the argument."""
        if with_argument:
            yield self._argument()
        yield self._option(self._identifier, self.name, hidden=not self.option.shown)
        for alias in self.option.aliases:
            if alias != self.name:
                text = f"The same as --{self.name}."
                yield self._option(f"{self._identifier}__{_identifier(alias)}", alias, hidden=True, text=text)
        if self.option.flag is not None:
            name, value = self.option.flag
            info = typer.Option(
                f"--{name}", hidden=True, help=f"The same as --{self.name} {value}.", show_default=False
            )
            yield _parameter(f"{self._identifier}__{_identifier(name)}", bool | None, info)

    def given(self, values: Mapping[str, Any]) -> tuple[object, str] | None:
        """The value that the user gave and the option that it came from; None where there is none.

        Raises:
            UsageError: one value was given twice in different ways, or a KEY=VALUE text is none.
        """
        found: list[tuple[Any, str]] = []
        for name in (self.name, *self.option.aliases):
            suffix = "" if name == self.name else f"__{_identifier(name)}"
            value = values.get(f"{self._identifier}{suffix}")
            if value is not None and value != []:
                found.append((value, f"--{name}"))
        in_place = values.get(f"{self._identifier}__argument")
        if in_place:
            found.insert(0, (in_place, _metavar_of_argument(self)))
        if self.option.flag is not None and values.get(f"{self._identifier}__{_identifier(self.option.flag[0])}"):
            found.append((self.option.flag[1], f"--{self.option.flag[0]}"))
        if not found:
            return None
        if self.kind in ("list", "pairs"):
            texts = [text for value, _ in found for text in value]
            return (self._pairs(texts) if self.kind == "pairs" else self._list(texts)), found[-1][1]
        if len(found) > 1:
            ways = " and ".join(way for _, way in found)
            raise UsageError(f"{ways} say the same thing twice", "Give one of them.")
        value, way = found[0]
        if value is False:
            way = f"--no-{self.name}"
        return (_value_of(value) if self.kind == "value" else value), way

    def _option(self, identifier: str, name: str, *, hidden: bool, text: str = "") -> inspect.Parameter:
        declaration = f"--{name}/--no-{name}" if self.kind == "bool" and self.info.default else f"--{name}"
        info = typer.Option(
            declaration,
            metavar=self._metavar(),
            help=text or self._help(),
            hidden=hidden,
            show_default=False,
            rich_help_panel=self.option.panel_of(self.name),
            autocompletion=_completer(self.choices) if self.choices else None,
        )
        return _parameter(identifier, _TYPES[self.kind], info)

    def _argument(self) -> inspect.Parameter:
        info = typer.Argument(metavar=_metavar_of_argument(self), help=self._help(), show_default=False)
        return _parameter(f"{self._identifier}__argument", _TYPES[self.kind], info)

    def _metavar(self) -> str:
        standard = "NUMBER" if self.kind in ("int", "float") else "TEXT"
        own = self.option.metavars.get(self.command, self.option.metavar)
        return own or "|".join(self.choices) or standard

    def _help(self) -> str:
        addition = " Repeatable." if self.kind in ("list", "pairs") else ""
        if self.option.unset and self.info.default not in _EMPTY:
            addition = f" 0: {self.option.unset}."
        for option, value in self._needs():
            addition += f" Alone it means {option} {value}."
        default = self._default()
        text = self.option.texts.get(self.command) or self.info.description
        return f"{text}{addition}{f' [default: {default}]' if default else ''}"

    def _needs(self) -> Iterator[tuple[str, str]]:
        """The options of this command that the option sets where they are not given, with their values."""
        from docdetect.config.describe import key_of

        for needs in self.option.needs:
            other = key_of(f"{self.key.partition('.')[0]}.{needs.key}").option.name_in(self.command, needs.key)
            if other:
                yield f"--{other}", needs.value

    def _default(self) -> str:
        value = self.info.default
        if self.option.unset and value in _EMPTY:
            return self.option.unset
        if isinstance(value, bool):
            return self.name if value else ""
        if isinstance(value, tuple):
            return ",".join(f"{one:g}" if isinstance(one, float) else one for one in value)
        if isinstance(value, float):
            return f"{value:g}"
        return "" if value in ("", None) or isinstance(value, dict) or hasattr(value, "model_dump") else f"{value}"

    def _list(self, texts: Sequence[str]) -> list[str]:
        if not self.option.commas:
            return list(texts)
        return [part.strip() for text in texts for part in text.split(",") if part.strip()]

    def _pairs(self, texts: Sequence[str]) -> dict[str, object]:
        pairs: dict[str, object] = {}
        for text in texts:
            name, equals, value = (part.strip() for part in text.partition("="))
            if not equals or not name or not value:
                raise UsageError(
                    f"--{self.name} {text}: expected {self.option.metavar}", f"For example: --{self.name} NAME=VALUE."
                )
            pairs[name] = _value_of(value)
        return pairs


def _generate(command: str, sections: Sequence[str], keys: Sequence[str]) -> Iterator[_Generated]:
    """The options of a command, section by section in the order of the keys; names are unique."""
    from docdetect.config.describe import key_of, keys_of

    entries = [entry for section in sections for entry in keys_of(section)] + [key_of(key) for key in keys]
    names: set[str] = set()
    for entry in entries:
        name = entry.option.name_in(command, entry.key.partition(".")[2])
        if name:
            assert name not in names, f"{command}: two keys want the option --{name}"
            names.add(name)
            yield _Generated(entry.key, name, entry.info, entry.option, command)


def _request(context: typer.Context, generated: Sequence[_Generated], values: Mapping[str, Any]) -> Request:
    console: Console = context.obj
    verbosity = -1 if values["quiet"] else 1 if values["verbose"] else console.verbosity
    flags: dict[str, object] = {}
    names: dict[str, str] = {}
    for one in generated:
        given = one.given(values)
        if given is not None:
            flags[one.key], names[one.key] = given
    assignments = tuple(values["assignments"] or ())
    _give_effect(generated, assignments, flags, names)
    return Request(
        console=Console(verbosity=verbosity, as_json=console.as_json or bool(values["as_json"])),
        file=values["config"],
        assignments=assignments,
        flags=flags,
        names=names,
    )


def _give_effect(
    generated: Sequence[_Generated], assignments: Sequence[str], flags: dict[str, object], names: dict[str, str]
) -> None:
    """Sets the keys without which options of the command line have no effect, as `--dpi 300` sets the size to dpi.

    Keys that are given with `--set` count as options do.

    Raises:
        UsageError: such a key has another value, given as an option, with `--set`, or by a second option.
    """
    by_key = {one.key: one for one in generated}
    given = dict(flags)
    assigned = {key.strip(): value.strip() for key, _, value in (text.partition("=") for text in assignments)}
    said_as = {key: f"--set {key}={value}" for key, value in assigned.items()} | names
    for one in generated:
        for needs in one.option.needs if one.key in given or one.key in assigned else ():
            other = f"{one.key.partition('.')[0]}.{needs.key}"
            if other not in by_key:
                continue
            option = f"--{by_key[other].name}"
            present = flags.get(other, assigned.get(other))
            if present is None:
                flags[other], names[other] = needs.value, said_as[one.key]
            elif present not in (needs.value, *needs.also):
                said = f"{option} {present}" if other in given else f"--set {other}={present}"
                if other in flags and other not in given:
                    said = names[other]
                raise UsageError(
                    f"{said_as[one.key]} has no effect together with {said}",
                    f"Give one of them; {said_as[one.key]} alone means {option} {needs.value}.",
                )


def _refuse_missing_values(context: typer.Context) -> None:
    """Raises UsageError where an option took the next option as its value, as in `--dewarp --conf 0.3`."""
    options = [one for one in context.command.params if one.param_type_name == "option"]
    names = {name for one in options for name in (*one.opts, *one.secondary_opts)}
    for one in options:
        value = context.params.get(one.name or "")
        for text in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(text, str) and text in names:
                raise UsageError(
                    f"{one.opts[-1]}: the value is missing; what follows is the option {text}",
                    f"Write {one.opts[-1]} {one.metavar or 'TEXT'}, or leave out {one.opts[-1]}.",
                )


def _general_parameters() -> list[inspect.Parameter]:
    """The options of every command that are no keys of the configuration."""

    def switch(identifier: str, *names: str, text: str) -> inspect.Parameter:
        info = typer.Option(*names, help=text, show_default=False, rich_help_panel=_GENERAL)
        return _parameter(identifier, bool, info, default=False)

    def helper(identifier: str, *names: str, text: str, everything: bool) -> inspect.Parameter:
        info = typer.Option(
            *names,
            help=text,
            show_default=False,
            rich_help_panel=_GENERAL,
            is_eager=True,
            callback=_show_everything if everything else _show_help,
        )
        return _parameter(identifier, bool, info, default=False)

    config = typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="YAML file of settings: a path, or the name of a file in configs/ or of one that came with docdetect.",
        show_default=False,
        rich_help_panel=_GENERAL,
    )
    assignments = typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any key of the configuration, such as train.epochs=20. Repeatable.",
        show_default=False,
        rich_help_panel=_GENERAL,
    )
    return [
        _parameter("config", str | None, config),
        _parameter("assignments", list[str] | None, assignments),
        switch("verbose", "--verbose", "-v", text="Say more: settings, files, times."),
        switch("quiet", "--quiet", "-q", text="Say only what went wrong."),
        switch("as_json", "--json", text="Summary as JSON on stdout, the rest on stderr."),
        helper("help_", "--help", "-h", text="Show the options that most people need.", everything=False),
        helper("help_all", "--help-all", text="Show all options.", everything=True),
    ]


def _show_help(context: typer.Context, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        show_command_help(context, everything=False)
        raise typer.Exit


def _show_everything(context: typer.Context, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        show_command_help(context, everything=True)
        raise typer.Exit


def _context_parameter() -> inspect.Parameter:
    return inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)


def _parameter(identifier: str, kind: object, info: object, *, default: object = None) -> inspect.Parameter:
    return inspect.Parameter(
        identifier,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, info],
    )


def _identifier(name: str) -> str:
    return name.replace("-", "_")


def _metavar_of_argument(one: _Generated) -> str:
    return one.name.upper()


def _completer(choices: tuple[str, ...]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete)]

    return complete


_TYPES: Mapping[str, object] = {
    "bool": bool | None,
    "int": int | None,
    "float": float | None,
    "text": str | None,
    "choice": str | None,
    "value": str | None,
    "list": list[str] | None,
    "pairs": list[str] | None,
}


def _kind(annotation: object) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in (Union, UnionType):
        kinds = {_kind(one) for one in get_args(annotation) if one is not NoneType}
        if kinds == {"text", "list"}:  # one text, or several
            return "list"
        return kinds.pop() if kinds in ({"int"}, {"float"}) else "value"
    simple = {bool: "bool", int: "int", float: "float", str: "text"}
    if hasattr(annotation, "model_fields"):  # keys of their own
        return "pairs"
    if annotation in simple:
        return simple[annotation]
    kinds_of_origin = {Literal: "choice", tuple: "list", dict: "pairs"}
    if origin in kinds_of_origin:
        return kinds_of_origin[origin]
    raise TypeError(f"no option can be made of the type {annotation}")


def _choices(annotation: object) -> tuple[str, ...]:
    """The texts of the Literals in a type."""
    if get_origin(annotation) is Literal:
        return tuple(one for one in get_args(annotation) if isinstance(one, str) and one)
    return tuple(text for one in get_args(annotation) for text in _choices(one))


def _value_of(text: str) -> object:
    """The value that a text on the command line means: a number, null, a list or a mapping in YAML, else the text."""
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    if text in ("null", "true", "false") or text.startswith(("[", "{")):
        from docdetect.config.loading import parse_value

        return parse_value(text)
    return text
