"""Values between processes: a pickle, and beside the pickle the arrays of the value, which are sent without a copy."""

from __future__ import annotations

import os
import pickle
import sys
from multiprocessing.connection import Connection

import numpy as np

# Whether the bytes of arrays may bypass the connection object: on Windows a connection is no file descriptor.
_BYPASS = sys.platform != "win32"

# Arrays from this size on bypass the connection object, which would read them into a buffer of its own and copy them.
_BYPASS_FROM_BYTES = 1 << 16


def send_value(connection: Connection, value: object) -> None:
    """Sends a picklable value; contiguous arrays in the value are not copied on the way into the pipe.

    The value is pickled before its first byte is sent: an error of pickling leaves the connection usable.

    Raises:
        OSError: the other side is gone.
    """
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    views = [buffer.raw() for buffer in buffers]
    connection.send_bytes(pickle.dumps((body, [view.nbytes for view in views])))
    for view in views:
        if not _BYPASS or view.nbytes < _BYPASS_FROM_BYTES:
            connection.send_bytes(view)
            continue
        sent = 0
        while sent < view.nbytes:
            sent += os.write(connection.fileno(), view[sent:])


def receive_value(connection: Connection) -> tuple[object, int]:
    """The value that `send_value` sent, its arrays writable, and how many bytes its arrays have together.

    Unpickling runs code that the sender chooses, so the other side has to be a process of this program.

    Raises:
        EOFError, OSError: the other side is gone, perhaps in the middle of a value.
    """
    body, sizes = pickle.loads(connection.recv_bytes())  # noqa: S301 - a process of this program wrote it
    buffers = [_receive_buffer(connection, size) for size in sizes]
    return pickle.loads(body, buffers=buffers), sum(sizes)  # noqa: S301


def _receive_buffer(connection: Connection, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    buffer = np.empty(size, np.uint8)
    if not _BYPASS or size < _BYPASS_FROM_BYTES:
        connection.recv_bytes_into(buffer.data if size else bytearray())
        return buffer
    view, filled = buffer.data, 0
    while filled < size:
        count = os.readv(connection.fileno(), [view[filled:]])
        if count == 0:
            raise EOFError
        filled += count
    return buffer
