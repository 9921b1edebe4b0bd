"""Logs of the service: one JSON object on each line, with the id of the request that it is about."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timezone

LOGGER = logging.getLogger("docdetect.service")

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered; "" outside requests."""


def log(event: str, level: int = logging.INFO, *, error: BaseException | None = None, **facts: object) -> None:
    """Writes a line.

    Args:
        event: what happened, in a word or two.
        level: of `logging`.
        error: whose traceback belongs to the line.
        facts: further members of the JSON object, such as `job` or `seconds`.
    """
    LOGGER.log(level, event, extra={"facts": facts}, exc_info=error)


def format_line(record: logging.LogRecord) -> str:
    """A record as one line of JSON: `time`, `level`, `event`, `request_id` and the facts."""
    moment = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
    data: dict[str, object] = {"time": moment, "level": record.levelname.lower(), "event": record.getMessage()}
    request_id = REQUEST_ID.get()
    if request_id:
        data["request_id"] = request_id
    data |= getattr(record, "facts", {})
    if record.exc_info:
        data["traceback"] = logging.Formatter().formatException(record.exc_info)
    return json.dumps(data, ensure_ascii=True, default=str)


class _Lines(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(format_line(record))


def write_logs_to(write: Callable[[str], None]) -> None:
    """Sends the logs of the service and of its HTTP server, one text for each line, to a function."""
    for name in ("docdetect.service", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [_Lines(write)] if name != "uvicorn.error" else []
        logger.propagate = name == "uvicorn.error"
        logger.setLevel(logging.INFO if name == "docdetect.service" else logging.WARNING)
