"""Waiting for something that another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def wait_until(happened: Callable[[], Any], patience_s: float = 60) -> Any:
    """What `happened` gives once that is something; fails after `patience_s`."""
    deadline_s = time.monotonic() + patience_s
    while True:
        found = happened()
        if found:
            return found
        assert time.monotonic() < deadline_s, "it has not happened"
        time.sleep(0.03)
