"""The one place that imports OpenVINO: without its telemetry, which would write to the home folder and send."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from docdetect.errors import MissingDependencyError

_TELEMETRY = "openvino_telemetry"


def import_openvino() -> Any:
    """The module `openvino`. Its converter does without telemetry where that package cannot be imported.

    Raises:
        MissingDependencyError: not installed, or broken.
    """
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("openvino")
    except (ImportError, OSError) as error:
        raise MissingDependencyError(
            f"--engine openvino needs the package 'openvino', which cannot be imported ({error})",
            "Install it with: pip install openvino; or use --engine torch.",
        ) from error
