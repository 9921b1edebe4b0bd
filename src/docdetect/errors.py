"""Exceptions that own an exit code, a message naming the file and the cause, and what to do about it.

Nothing below `cli/` prints or exits: it raises one of these, and `cli/` turns it into two lines on stderr and a
process exit code.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class DocdetectError(Exception):
    """Base of every error that docdetect raises on purpose.

    Args:
        message: what happened, naming the file, key or value at fault; no trailing full stop.
        remedy: what the user can do about it, as a sentence; empty when there is nothing to say.
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message

    def __reduce__(self) -> tuple[type[DocdetectError], tuple[str, str]]:
        return type(self), (self.message, self.remedy)  # errors cross process borders


class UsageError(DocdetectError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class ConfigError(DocdetectError):
    """A configuration key or value is wrong; the message has the dotted key and what is allowed."""

    exit_code = 3


class InputError(DocdetectError):
    """An input file is missing, unreadable or contradicts another input."""

    exit_code = 4


class MissingDependencyError(DocdetectError):
    """An optional package is not installed; the remedy is the pip command that adds it."""

    exit_code = 5

    @classmethod
    def for_extra(cls, package: str, extra: str, purpose: str) -> MissingDependencyError:
        return cls(
            f"{purpose} needs the package {package!r}, which is not installed",
            f'Install it with: pip install "docdetect[{extra}]"',
        )


class OutputExistsError(DocdetectError):
    """The output is there already and the command was not told to replace or resume it."""

    exit_code = 6


class OutputError(DocdetectError):
    """The output cannot be written: full disk, read-only folder, no permission."""

    exit_code = 4


class DiskFullError(OutputError):
    """There is no room for the output.

    Attributes:
        unfinished: the result folder of a run that can be resumed once there is room; None where there is none.
    """

    unfinished: Path | None = None


class PartialFailureError(DocdetectError):
    """The work is finished and some documents failed; the results are written."""

    exit_code = 7


class RefusedError(DocdetectError):
    """The work is finished, and its result does not allow what was asked for."""

    exit_code = 8


class InterruptedRunError(DocdetectError):
    """The user stopped the command: 128 and the number of the signal that Ctrl-C sends."""

    exit_code = 130


class TerminatedRunError(InterruptedRunError):
    """SIGTERM stopped the command: 128 and the number of the signal."""

    exit_code = 143


def problem_list(heading: str, problems: Iterable[str], *, limit: int = 50) -> str:
    """A heading and one indented line per problem, the tail counted when there are more than `limit`."""
    problems = list(problems)
    lines = [f"  - {problem}" for problem in problems[:limit]]
    if len(problems) > limit:
        lines.append(f"  ... and {len(problems) - limit} more")
    return "\n".join([heading, *lines])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` for an unknown word that resembles a known one, upper or lower case alike, else ""."""
    import difflib  # only mistakes need it

    by_folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), list(by_folded), n=1, cutoff=0.6)
    return f" (did you mean {by_folded[close[0]]}?)" if close else ""
