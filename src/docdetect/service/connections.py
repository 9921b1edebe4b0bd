"""Connections of the HTTP server that wait neither for a request nor for a reader for ever."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

IDLE_S = 60.0
"""Seconds that a connection may be open without a request that is being answered, and that nobody may read of an answer
that waits to be sent."""


class ImpatientConnection(H11Protocol):
    """Closes a connection whose next request does not begin, or whose answer is not read.

    Uvicorn waits without end for the first bytes, for a head that comes letter by letter, for the rest of a body that
    nobody reads any more, because its request is answered already, and for clients that do not read. What an answer
    holds, such as the documents of a batch, would stay as long.
    """

    _overdue: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._stop_waiting()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads more slowly than the answer is made."""
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        """The client has read."""
        _cancel(self._unread)
        super().resume_writing()

    def handle_websocket_upgrade(self, event: object) -> None:
        """A websocket has rules of its own."""
        self._stop_waiting()
        super().handle_websocket_upgrade(event)  # type: ignore[arg-type]

    def on_response_complete(self) -> None:
        """From now on the next request is waited for."""
        self._wait()  # before the next request, which may have come already
        super().on_response_complete()

    def _wait(self) -> None:
        _cancel(self._overdue)
        answered = self.cycle

        def close() -> None:
            if self.cycle is answered and not self.transport.is_closing():
                self.transport.close()
                self._wait_for_reader()  # what is not sent yet would keep the connection

        self._overdue = self.loop.call_later(IDLE_S, close)

    def _wait_for_reader(self) -> None:
        _cancel(self._unread)
        left = self.transport.get_write_buffer_size()

        def look() -> None:
            if self.transport.get_write_buffer_size() < left:
                self._wait_for_reader()
            else:
                self.transport.abort()

        self._unread = self.loop.call_later(IDLE_S, look)

    def _stop_waiting(self) -> None:
        _cancel(self._overdue)
        _cancel(self._unread)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
