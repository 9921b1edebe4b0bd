"""Values between processes: pickle with large arrays beside it, written and read without a copy in between."""

from __future__ import annotations

import os
import pickle
import sys
from multiprocessing.connection import Connection

import numpy as np

_RAW = sys.platform != "win32"  # a Windows connection is no file descriptor
_DIRECT_BYTES = 1 << 16


def send_value(connection: Connection, value: object) -> None:
    """Sends a picklable value; contiguous arrays in it are not copied on the way into the pipe.

    Raises:
        OSError: the other side is gone.
    """
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    views = [buffer.raw() for buffer in buffers]
    connection.send_bytes(pickle.dumps((body, [view.nbytes for view in views])))
    for view in views:
        if not _RAW or view.nbytes < _DIRECT_BYTES:
            connection.send_bytes(view)
            continue
        sent = 0
        while sent < view.nbytes:
            sent += os.write(connection.fileno(), view[sent:])


def receive_value(connection: Connection) -> tuple[object, int]:
    """What `send_value` sent, arrays writable, and the bytes of its arrays. From our own workers only: it unpickles.

    Raises:
        EOFError, OSError: the other side is gone, perhaps in the middle of a value.
    """
    body, sizes = pickle.loads(connection.recv_bytes())  # noqa: S301 - our own worker wrote it
    buffers = [_receive_buffer(connection, size) for size in sizes]
    return pickle.loads(body, buffers=buffers), sum(sizes)  # noqa: S301


def _receive_buffer(connection: Connection, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    buffer = np.empty(size, np.uint8)
    if not _RAW or size < _DIRECT_BYTES:
        connection.recv_bytes_into(buffer.data if size else bytearray())
        return buffer
    view, filled = buffer.data, 0
    while filled < size:
        count = os.readv(connection.fileno(), [view[filled:]])
        if count == 0:
            raise EOFError
        filled += count
    return buffer
