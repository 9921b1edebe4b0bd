"""The files that the writers of annotation formats make up, piece by piece.

A module of its own, since `infer` writes such files and needs none of the readers in `label_files.py`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

from docdetect.annotations.writing import Piece
from docdetect.errors import InputError
from docdetect.files import absolute, output_errors, replacing_text, write_text


class PieceFiles:
    """The files that pieces of text make up; a context manager.

    Files of several pieces appear when the block ends well; when it fails, earlier files of these names stay.

    Args:
        folder: what the names of files are relative to; it is made when it is missing.

    Raises:
        InputError: a name leads out of the folder.
        OutputError: a file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.names: dict[str, None] = {}
        self._folder = folder
        self._stack = ExitStack()
        self._streams: dict[str, IO[str]] = {}
        self._scratch: dict[str, IO[str]] = {}

    def __enter__(self) -> PieceFiles:
        with output_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            try:
                self._append_scratch()
            except BaseException as failure:
                self._stack.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._stack.__exit__(kind, error, traceback)

    def put(self, pieces: Iterable[Piece]) -> None:
        """Takes pieces in order."""
        for piece in pieces:
            path = self._path(piece.file)
            self.names[piece.file.partition("/")[0]] = None
            if piece.place == "whole":
                write_text(path, piece.text)
                continue
            if piece.file not in self._streams:
                self._streams[piece.file] = self._stack.enter_context(replacing_text(path))
            if piece.place == "last" and piece.file not in self._scratch:
                # A nameless file in the folder: what does not fit there shows before anything is replaced.
                with output_errors(path):
                    scratch = tempfile.TemporaryFile(  # noqa: SIM115 - the stack closes it
                        "w+", encoding="utf-8", newline="", dir=self._folder
                    )
                self._scratch[piece.file] = self._stack.enter_context(scratch)
            with output_errors(path):
                (self._streams if piece.place == "next" else self._scratch)[piece.file].write(piece.text)

    def _append_scratch(self) -> None:
        for name, late in self._scratch.items():
            with output_errors(self._folder / name):
                late.seek(0)
                while chunk := late.read(1 << 20):
                    self._streams[name].write(chunk)

    def _path(self, name: str) -> Path:
        root = absolute(self._folder)
        path = absolute(root / name)
        if not path.is_relative_to(root) or ".." in Path(name).parts or "\0" in name:
            message = f"{name!r}: a name that leads out of the folder {self._folder}"
            raise InputError(message, "Rename the document in the annotations.")
        return self._folder / path.relative_to(root)
