"""Connections of the HTTP server that wait neither for a request nor for a reader for ever."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

IDLE_S = 60.0
"""Seconds that a connection may be open without a request that is being answered, and that nobody may read of an answer
that waits to be sent."""
LATE_IDLE_S = 5.0
"""As `IDLE_S`, for a connection beyond the limit without a request. Nearly all that such a connection may ask is
refused, and each takes a file descriptor of the service. Uvicorn waits as long for the second request of a connection.
"""

CROWDED = "crowded"
"""The key in the state of a request that says whether the request came on a connection beyond the limit."""


class ImpatientConnection(H11Protocol):
    """Closes a connection whose next request does not begin, or whose answer is not read.

    Uvicorn waits without end for the first bytes, for a head that comes letter by letter, for the rest of a body that
    nobody reads any more, because its request is answered already, and for clients that do not read. What an answer
    holds, such as the documents of a batch, would stay as long.
    """

    most_connections: int | None = None
    """Connections at once; requests of further ones are marked as `CROWDED`. Uvicorn's own limit would refuse health
    checks and requests of connections that are open already, too, and without problem details."""

    _came_late = False
    _overdue: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        if self._are_too_many():
            self._came_late, self.app = True, self._answer_marked
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

    async def _answer_marked(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application, told whether there are still too many connections."""
        scope["state"][CROWDED] = self._are_too_many()
        await self.config.loaded_app(scope, receive, send)

    def _are_too_many(self) -> bool:
        return self.most_connections is not None and len(self.connections) > self.most_connections

    def _should_upgrade(self) -> bool:
        """A websocket beyond the limit is answered as a request, with the refusal."""
        return super()._should_upgrade() and not (self._came_late and self._are_too_many())

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

        idle_s = LATE_IDLE_S if self._came_late and self._are_too_many() else IDLE_S
        self._overdue = self.loop.call_later(idle_s, close)

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


def connections_up_to(most: int | None) -> type[ImpatientConnection]:
    """The class of connections with a limit of their number; None for no limit."""

    class Connection(ImpatientConnection):
        most_connections = most

    return Connection


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
