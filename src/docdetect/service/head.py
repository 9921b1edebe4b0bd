"""HEAD on every address that answers GET: the same status and headers, and no body."""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """ASGI middleware that lets an application answer HEAD as it would answer GET, up to the body.

    Once the headers are known, the answer is stopped: no file is read for it, and a stream of events, which would go
    on until its job ends, is closed.

    Args:
        app: knows GET only.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}
        with anyio.CancelScope() as answering:

            async def send_head(message: Message) -> None:
                if answering.cancel_called:  # what is being cancelled may still say something
                    return
                await send(message)
                if message["type"] == "http.response.start":
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    answering.cancel()

            try:
                await self._app(as_get, receive, send_head)
            finally:
                if "route" in as_get:  # which the log and the figures name
                    scope["route"] = as_get["route"]
