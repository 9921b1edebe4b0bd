"""docdetect finds QR codes, signatures and stamps on scanned legal documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docdetect.api import Detector, Document, Mark, Page

__version__ = "0.1.0"
__all__ = ["Detector", "Document", "Mark", "Page", "__version__"]


def __getattr__(name: str) -> object:
    """The names of the Python API, imported when they are first asked for: the command line starts without them."""
    if name.startswith("__") or name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from docdetect import api

    value: object = getattr(api, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
