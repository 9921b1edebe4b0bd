"""What the service answers when it refuses something: problem details (RFC 9457) with a remedy and a request id."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """A request that is refused.

    Args:
        status: status of HTTP.
        kind: short name of the problem for programs, such as `queue-full`.
        detail: what is wrong, in words for people; without anything of the inside of the service.
        remedy: what the sender can do about it, as a sentence; "" where there is nothing to say.
        retry_after_s: seconds after which the same request may succeed; None where waiting does not help.
        members: what else programs are told, as further members of the answer.
        closes: whether the connection ends with the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        remedy: str = "",
        retry_after_s: int | None = None,
        members: Mapping[str, Any] | None = None,
        *,
        closes: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.remedy = status, kind, detail, remedy
        self.retry_after_s = retry_after_s
        self.members = dict(members or {})
        self.closes = closes or status is HTTPStatus.REQUEST_TIMEOUT  # the rest of such a request is not waited for

    def to_json(self, request_id: str = "") -> dict[str, Any]:
        """The body of the answer."""
        return problem_json(self.status, self.kind, self.detail, self.remedy, request_id) | self.members

    def headers(self) -> dict[str, str]:
        """Headers that belong to the answer."""
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        if self.status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        if self.closes:
            headers["Connection"] = "close"
        return headers


def problem_json(status: HTTPStatus, kind: str, detail: str, remedy: str = "", request_id: str = "") -> dict[str, Any]:
    """Problem details: `type`, `title`, `status`, `detail`, and where there are any `remedy` and `request_id`."""
    data: dict[str, Any] = {
        "type": f"urn:docdetect:problem:{kind}",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
    }
    if remedy:
        data["remedy"] = remedy
    if request_id:
        data["request_id"] = request_id
    return data
