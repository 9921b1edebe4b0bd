"""What every request passes before it is read: an id, the token, the hosts and origins that may ask, a log line."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import re
import secrets
import time
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from docdetect.service.connections import CROWDED
from docdetect.service.head import HeadAsGet
from docdetect.service.logs import REQUEST_ID, log
from docdetect.service.metrics import Metrics
from docdetect.service.problems import MEDIA_TYPE, ProblemError
from docdetect.service.root_path import address_of, below_root_path

OPEN_PATHS = ("/livez", "/readyz", "/source", "/docs", "/openapi.json", "/v1/about")
"""Addresses that need no token: whoever keeps the service alive, whoever asks for its source code, and the page that
asks people for the token, has none. Browsers, which ask `/` for HTML, get the page without a token, too. The page links
to the description of the service, where a browser sends no token, and which tells no more than the source code."""

OPEN_FOLDER = "/static/"
"""Addresses that begin with this need no token: the files that the page is made of."""

# What the log and the figures say of a request whose sender has gone before the answer; proxies say the same.
_GONE = 499

_QUIET_PATHS = ("/livez", "/readyz")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Access:
    """ASGI middleware around the whole application.

    Args:
        app: what answers.
        metrics: counts requests.
        token: that requests have to bring; "" for none.
        any_host: True takes requests for every host name. False, for a service of this machine without a token, takes
            those for this machine's own names only, so that web pages of others cannot reach the service through a
            name of theirs.
        origins: further origins of web pages that may ask; the service's own may always.
        root_path: path below which a reverse proxy offers the service; "" for none.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        token: str = "",
        any_host: bool = True,
        origins: Iterable[str] = (),
        root_path: str = "",
    ) -> None:
        self._app, self._metrics = app, metrics
        self._answering = HeadAsGet(app)
        self._token, self._any_host, self._origins = token.encode(), any_host, frozenset(origins)
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope = below_root_path(scope, self._root_path)
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        token = REQUEST_ID.set(request_id)
        try:
            await self._answer(scope, headers, receive, send, request_id)
        finally:
            REQUEST_ID.reset(token)

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive, send: Send, request_id: str) -> None:
        started_s = time.monotonic()
        status = 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = MutableHeaders(scope=message)
                answered["X-Request-ID"] = request_id
                answered["X-Content-Type-Options"] = "nosniff"
                answered.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            problem = self._refusal(scope, headers)
            if scope["type"] == "http" and not address_of(scope):  # relative addresses of the page need the slash
                await RedirectResponse(f"{self._root_path}/")(scope, receive, send_noting)
            elif problem is None:
                await self._answering(scope, receive, send_noting)
            elif scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": problem.detail[:120]})
            else:
                body = problem.to_json(request_id)
                response = JSONResponse(body, problem.status, problem.headers(), MEDIA_TYPE)
                await response(scope, receive, send_noting)
        except ClientDisconnect:
            status = _GONE
        except Exception as error:
            log("bug", logging.ERROR, error=error, path=address_of(scope))
            if status != HTTPStatus.INTERNAL_SERVER_ERROR:  # the answer broke off in the middle
                raise
        finally:
            self._note(scope, status, time.monotonic() - started_s)

    def _refusal(self, scope: Scope, headers: Headers) -> ProblemError | None:
        host = headers.get("host", "")
        if not self._any_host and not is_local_host(_name_of(host)):
            return ProblemError(
                HTTPStatus.MISDIRECTED_REQUEST,
                "wrong-host",
                f"the service does not answer for the host name {host[:80]!r}",
                "Ask 127.0.0.1 or localhost; docdetect serve --token-file answers for every name.",
            )
        if scope["state"].get(CROWDED) and address_of(scope) not in _QUIET_PATHS:
            return ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too-many-connections",
                "as many connections are open as the service takes",
                "Try again soon. docdetect serve --connections is the limit.",
                5,
                closes=True,
            )
        origin = headers.get("origin", "")
        if origin and origin not in self._origins and origin.partition("://")[2] != host:
            return ProblemError(
                HTTPStatus.FORBIDDEN,
                "wrong-origin",
                f"web pages of {origin[:80]!r} may not use the service",
                "Open the page at the address of the service; docdetect serve --allow-origin lets others in.",
            )
        is_preflight = scope["type"] == "http" and scope["method"] == "OPTIONS"
        if not self._token or _is_open(address_of(scope), headers) or is_preflight:
            return None
        if _is_same(self._given_token(headers), self._token):
            return None
        return ProblemError(
            HTTPStatus.UNAUTHORIZED,
            "no-token",
            "the request brings no token, or a wrong one",
            "Send the header Authorization: Bearer TOKEN, or X-API-Key: TOKEN.",
        )

    @staticmethod
    def _given_token(headers: Headers) -> bytes:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        given = value.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        return given.encode("latin-1", "replace")

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope.get("method", "WEBSOCKET")
        if method not in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "WEBSOCKET"):
            method = "other"
        self._metrics.requests.labels(method, route, str(status or "cut off")).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        path = address_of(scope)
        level = logging.DEBUG if path in _QUIET_PATHS else logging.INFO
        log("request", level, method=method, path=path, status=status, seconds=round(seconds, 4))


def _is_open(path: str, headers: Headers) -> bool:
    wants_page = path == "/" and "text/html" in headers.get("accept", "")
    return wants_page or path in OPEN_PATHS or path.startswith(OPEN_FOLDER)


def _name_of(host: str) -> str:
    """The name or address in a header `Host`, without the port; "" where there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_local_host(name: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_same(given: bytes, wanted: bytes) -> bool:
    """Compares in a time that tells nothing of the token."""
    return hmac.compare_digest(given, wanted)
