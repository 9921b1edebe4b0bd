"""The passwords that a run knows. They reach the worker processes and nothing that is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docdetect.files import read_text

if TYPE_CHECKING:
    from docdetect.schema import InferConfig


def known_passwords(wanted: InferConfig) -> tuple[str, ...]:
    """Those of `passwords`, then the lines of `password_file`, each once, in this order.

    Of a line only its end is taken off: a password may begin or end with a space. Empty lines are none.

    Raises:
        InputError: the file is missing, unreadable or not UTF-8; the message has nothing of its content.
    """
    given = [password.get_secret_value() for password in wanted.passwords]
    if wanted.password_file:
        given += [line.removesuffix("\r") for line in read_text(Path(wanted.password_file)).split("\n")]
    return tuple(dict.fromkeys(password for password in given if password))
