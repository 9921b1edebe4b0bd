"""Documents that come in a request (multipart/form-data), written to the disk piece by piece within limits."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Generic, TypeVar

import anyio
from pydantic import ValidationError
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool

from docdetect.files import DISK_FULL, output_errors
from docdetect.service.document_names import Names, safe_name, sent_name
from docdetect.service.options import DetectOptions, known_options, wrong_values
from docdetect.service.problems import ProblemError
from docdetect.service.store import StoredDocument

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

OptionsT = TypeVar("OptionsT", bound=DetectOptions)

DOCUMENT_FIELDS = ("file", "files")
OPTIONS_FIELD = "options"

# Seconds that the next piece of a request is waited for.
STALL_S = 60.0

# Encodings of a part in which its bytes stand as they are.
_PLAIN_ENCODINGS = (b"binary", b"8bit", b"7bit")

_MOST_OPTION_BYTES = 64 << 10
_CHECK_DISK_EVERY = 16 << 20


@dataclass(frozen=True)
class Limits:
    """What a request may bring.

    Attributes:
        most_bytes: of the whole request.
        most_documents: in the request.
        free_bytes: of the disk that stay free.
        most_s: seconds until the whole request has come.
    """

    most_bytes: int
    most_documents: int
    free_bytes: int
    most_s: float


@dataclass(frozen=True)
class Upload(Generic[OptionsT]):
    """What a request brought.

    Attributes:
        folder: where the documents lie, under their names.
        documents: in the order in which they were sent.
        options: what the sender chose.
        digest: hash of the names, the contents and the options.
        sent_names: the file names as they were sent.
    """

    folder: Path
    documents: tuple[StoredDocument, ...]
    options: OptionsT
    digest: str
    sent_names: tuple[str, ...]


async def receive(
    stream: AsyncIterator[bytes],
    headers: dict[str, str],
    folder: Path,
    limits: Limits,
    options_type: type[OptionsT],
    other_fields: tuple[str, ...] = (),
    *,
    ignores_others: bool = False,
) -> Upload[OptionsT]:
    """Writes the documents of a request into a folder.

    Args:
        stream: the body of the request.
        headers: of the request, their names in lower case.
        folder: an empty folder, or one that is missing yet.
        limits: what the request may bring.
        options_type: the model of the field `options`.
        other_fields: names of further fields that hold documents.
        ignores_others: fields without a document that nobody knows are passed over, and not refused.

    Raises:
        ProblemError: the request is no form, brings too much, or brings nothing.
        OutputError: the folder cannot be written for another reason than a full disk.
    """
    _check_encoding(headers.get("content-encoding", ""))
    boundary = _boundary(headers.get("content-type", ""))
    announced = headers.get("content-length", "")
    form = _Form(folder, limits, (*DOCUMENT_FIELDS, *other_fields), ignores_others)
    try:
        if announced.isdigit():
            check_size(int(announced), limits)
            check_disk(folder.parent, limits, int(announced))
        parser = MultipartParser(boundary, form.callbacks())
        received = 0
        async for chunk in patient(stream, limits.most_s):
            received += len(chunk)
            check_size(received, limits)
            if chunk:
                await run_in_threadpool(parser.write, chunk)
        await run_in_threadpool(parser.finalize)
        if not form.ended:
            raise _malformed("it ends before its last boundary")
    except FormParserError as error:
        raise _malformed(str(error)) from error
    except OSError as error:
        if error.errno in DISK_FULL:
            raise _disk_full() from error
        with output_errors(folder):
            raise
    finally:
        form.close()
    if not form.documents:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "no-documents",
            "the request brings no document",
            "Send documents as parts named file or files, each with a file name.",
        )
    options = _parsed(form.options, options_type)
    digest = hashlib.sha256(options.model_dump_json().encode())
    for document, sha256 in zip(form.documents, form.hashes, strict=True):
        digest.update(json.dumps([document.name, sha256]).encode())
    return Upload(folder, tuple(form.documents), options, digest.hexdigest(), tuple(form.sent_names))


async def patient(stream: AsyncIterator[bytes], most_s: float) -> AsyncIterator[bytes]:
    """The pieces of a body; raises ProblemError (408) where the next one, or the whole, does not come for too long."""
    deadline_s = time.monotonic() + most_s
    while True:
        chunk: bytes | None = None
        left_s = deadline_s - time.monotonic()
        with anyio.move_on_after(min(STALL_S, left_s)) as waiting:
            chunk = await anext(stream, None)
        if waiting.cancelled_caught and left_s <= STALL_S:
            raise ProblemError(
                HTTPStatus.REQUEST_TIMEOUT,
                "too-slow",
                f"the request had not come as a whole after {most_s:g} s",
                "Send less in a request, or use a faster connection.",
            )
        if waiting.cancelled_caught:
            raise ProblemError(
                HTTPStatus.REQUEST_TIMEOUT,
                "stalled",
                f"nothing of the request came for {STALL_S:g} s",
                "Send it again.",
            )
        if chunk is None:
            return
        yield chunk


def check_size(size_bytes: int, limits: Limits) -> None:
    """Raises ProblemError (413) where a request has more bytes than it may."""
    if size_bytes > limits.most_bytes:
        raise ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too-many-bytes",
            f"the request has more than {limits.most_bytes >> 20} MiB",
            "Send fewer or smaller documents in a request.",
        )


def check_disk(folder: Path, limits: Limits, coming_bytes: int = 0) -> None:
    """Raises ProblemError (507) where the disk of a folder would not have so much free space as is to stay free."""
    if shutil.disk_usage(folder).free - coming_bytes < limits.free_bytes:
        raise _disk_full()


class _Form:
    """Takes the parts of a form as the parser finds them."""

    def __init__(
        self, folder: Path, limits: Limits, document_fields: tuple[str, ...], ignores_others: bool = False
    ) -> None:
        self.documents: list[StoredDocument] = []
        self.hashes: list[str] = []
        self.sent_names: list[str] = []
        self.options = bytearray()
        self.ended = False
        self._folder, self._limits, self._document_fields = folder, limits, document_fields
        self._ignores_others, self._is_ignored = ignores_others, False
        self._has_options = False
        self._names = Names()
        self._header_field = self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._file: BinaryIO | None = None
        self._name, self._written, self._unchecked = "", 0, 0
        self._digest = hashlib.sha256()

    def callbacks(self) -> MultipartCallbacks:
        """For the parser."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._add_to_field,
            "on_header_value": self._add_to_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._write,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def close(self) -> None:
        """Closes the file of a part that did not come to its end."""
        if self._file is not None:
            with suppress(OSError):  # what was not written yet cannot be written, and is of no use
                self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._headers = {}

    def _add_to_field(self, data: bytes, start: int, end: int) -> None:
        self._header_field += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_field.lower()] = self._header_value
        self._header_field = self._header_value = b""

    def _open(self) -> None:
        if self._headers.get(b"content-transfer-encoding", b"binary").strip().lower() not in _PLAIN_ENCODINGS:
            raise _malformed("a part has a Content-Transfer-Encoding, which forms may not have (RFC 7578)")
        disposition = self._headers.get(b"content-disposition", b"")
        _, options = parse_options_header(disposition)
        field_name = options.get(b"name", b"").decode("utf-8", "replace")
        try:
            sent = sent_name(disposition, options)
        except ValueError as error:
            raise _malformed(str(error)) from error
        if field_name == OPTIONS_FIELD:  # also from a file, as with curl -F options=@options.json
            self._open_options()
            return
        if sent is None:
            self._is_ignored = self._ignores_others
            if not self._is_ignored:
                raise self._unknown(field_name)
            return
        if field_name not in self._document_fields:
            raise self._unknown(field_name)
        if len(self.documents) >= self._limits.most_documents:
            raise ProblemError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too-many-documents",
                f"the request has more than {self._limits.most_documents} document"
                + ("s" if self._limits.most_documents > 1 else ""),
                "Send the documents in several requests.",
            )
        self.sent_names.append(sent)
        self._name = self._names.take(safe_name(sent))
        path = self._folder / self._name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._written, self._digest = path.open("xb"), 0, hashlib.sha256()

    def _open_options(self) -> None:
        if self._has_options:
            raise _malformed(f"it has the field {OPTIONS_FIELD} twice")
        self._has_options, self._is_ignored = True, False

    def _unknown(self, field_name: str) -> ProblemError:
        return ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "unknown-field",
            f"the form has a field {field_name[:80]!r}, which this address does not take",
            f"Documents are parts named {' or '.join(self._document_fields)}, with a file name; everything else "
            f"belongs into {OPTIONS_FIELD}, as JSON.",
        )

    def _write(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._file is None and self._is_ignored:
            return
        if self._file is None:
            self.options += piece
            if len(self.options) > _MOST_OPTION_BYTES:
                raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-many-bytes", "options: over 64 KiB")
            return
        self._file.write(piece)
        self._digest.update(piece)
        self._written += len(piece)
        self._unchecked += len(piece)
        if self._unchecked >= _CHECK_DISK_EVERY:
            self._unchecked = 0
            check_disk(self._folder, self._limits)

    def _end_part(self) -> None:
        if self._file is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self.close()
        self.documents.append(StoredDocument(self._name, self._written))
        self.hashes.append(self._digest.hexdigest())

    def _end(self) -> None:
        self.ended = True


def _check_encoding(encoding: str) -> None:
    """Raises ProblemError (415) where a body is compressed."""
    if encoding.strip().lower() not in ("", "identity"):
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "encoded",
            f"the body of the request has the Content-Encoding {encoding[:40]!r}",
            "Send it as it is, without the header Content-Encoding.",
        )


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "no-form",
            "the body of the request is not multipart/form-data",
            "Send documents as a form does, for instance with curl -F file=@contract.pdf.",
        )
    return options[b"boundary"]


def _parsed(text: bytearray, options_type: type[OptionsT]) -> OptionsT:
    try:
        return options_type.model_validate_json(bytes(text) or b"{}")
    except ValidationError as error:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "wrong-options",
            wrong_values(error, OPTIONS_FIELD),
            known_options(options_type, error),
        ) from error


def _malformed(what: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, "malformed-form", f"the form cannot be read: {what}")


def _disk_full() -> ProblemError:
    return ProblemError(
        HTTPStatus.INSUFFICIENT_STORAGE,
        "disk-full",
        "the disk of the service has too little free space",
        "Delete jobs that are not needed any more, or wait until the service does.",
        retry_after_s=60,
    )
