"""What a key of the configuration says about its option on the command line. Imports the standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Panel: TypeAlias = Literal[
    "Input",
    "Output",
    "Model",
    "Pages",
    "Split",
    "Speed",
    "Limits",
    "Grouping",
    "Length",
    "Optimizer",
    "Losses",
    "Augmentation",
    "Reproducibility",
    "Contents",
    "Figures",
    "Network",
]
"""The headings under which the help of a command lists its options."""

_PANEL_OF_NAME: Mapping[str, Panel] = {"source": "Input", "data": "Input", "output": "Output"}


@dataclass(frozen=True)
class Needs:
    """The value of another key without which an option has no effect.

    A command whose options include both keys sets the other key to `value` where it is not given; a command that has
    no such key ignores this.

    Attributes:
        key: the other key of the section, such as `size`.
        value: what the other key becomes where only the option is given.
        also: further values of the other key with which the option has an effect.
    """

    key: str
    value: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Option:
    """How a key of the configuration appears as an option; it stands in the key's annotation.

    The type, the choices, the default and the help text of the option come from the key itself.

    Attributes:
        panel: heading under which the help lists the option.
        shown: True lists the option in `--help`; False lists it in `--help-all` only.
        name: name without dashes, where it is not the name of the key.
        commands: command -> name of the option there, for a key that only some of the commands of its section use;
            empty means every command of the section, and an empty name means the usual name.
        unset: what an empty value, null or 0 stands for, in words; the default is one of these.
        metavar: what the help shows in place of the value, such as FILE.
        commas: True for a list whose values may be joined by commas; every list may also be repeated.
        aliases: further names, which the help does not list.
        flag: name of a switch and the value of the key that it stands for.
        needs: other keys that decide whether the option has an effect.
        metavars: command -> what its help shows in place of the value, where it is not `metavar`.
        texts: command -> what its help says, where it is not the description of the key.
    """

    panel: Panel
    shown: bool = False
    name: str = ""
    commands: Mapping[str, str] = field(default_factory=dict)
    unset: str = ""
    metavar: str = ""
    commas: bool = False
    aliases: tuple[str, ...] = ()
    flag: tuple[str, str] | None = None
    needs: tuple[Needs, ...] = ()
    metavars: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def name_in(self, command: str, key: str) -> str:
        """The name of the option, without dashes, in a command; "" where the command does not take it.

        Args:
            command: name of the command, such as `infer`.
            key: name of the key within its section, such as `save_pages`.
        """
        if self.commands and command not in self.commands:
            return ""
        return self.commands.get(command, "") or self.name or key.replace("_", "-")

    def panel_of(self, name: str) -> Panel:
        """The heading of the option; options called source, data and output stand in one place in every command."""
        return _PANEL_OF_NAME.get(name, self.panel)
