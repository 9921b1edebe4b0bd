"""Connections of the HTTP server that do not wait for ever for a request."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

IDLE_S = 60.0
"""Seconds that a connection may be open without a request that is being answered."""


class ImpatientConnection(H11Protocol):
    """Closes a connection whose next request does not begin.

    Uvicorn waits without end for the first bytes, for a head that comes letter by letter, and for the rest of a body
    that nobody reads any more, because its request is answered already.
    """

    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: object) -> None:
        """A websocket has rules of its own."""
        self._stop_waiting()
        super().handle_websocket_upgrade(event)  # type: ignore[arg-type]

    def on_response_complete(self) -> None:
        """From now on the next request is waited for."""
        self._wait()  # before the next request, which may have come already
        super().on_response_complete()

    def _wait(self) -> None:
        self._stop_waiting()
        answered = self.cycle

        def close() -> None:
            if self.cycle is answered and not self.transport.is_closing():
                self.transport.close()

        self._overdue = self.loop.call_later(IDLE_S, close)

    def _stop_waiting(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None
