"""One network on several GPUs: every call goes to the one that has least to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

from docdetect.models.engine import Engine, Traits
from docdetect.types import ByteArray, Detections


class SeveralEngines:
    """Engines with the same weights as one; see `docdetect.models.engine.Engine`.

    Args:
        engines: at least one.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._engines = tuple(engines)
        self._busy = [0] * len(self._engines)
        self._lock = Lock()

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._engines[0].class_names

    @property
    def traits(self) -> Traits:
        """Those of one, with the lanes of all."""
        return replace(self._engines[0].traits, lanes=sum(engine.traits.lanes for engine in self._engines))

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """See `Engine.detect`."""
        with self._lock:
            position = min(range(len(self._engines)), key=self._busy.__getitem__)
            self._busy[position] += 1
        try:
            return self._engines[position].detect(pages, conf, iou)
        finally:
            with self._lock:
                self._busy[position] -= 1
