"""The path below which a reverse proxy offers the service: where requests come in, and what addresses in answers have.

The path is the `root_path` of ASGI. Proxies pass it on or take it away, and requests of this machine, such as the
health check of a container, never have it: all of them are answered alike.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Scope

from docdetect.errors import ConfigError


def below_root_path(scope: Scope, root_path: str) -> Scope:
    """A request or websocket as ASGI wants it: its path begins with the root path.

    Args:
        scope: with a path that begins with the root path, or has lost it on the way.
        root_path: such as `/docdetect`; "" where there is none.
    """
    path: str = scope["path"]
    if not root_path:
        return scope
    placed = {**scope, "root_path": root_path}
    if path != root_path and not path.startswith(f"{root_path}/"):
        placed["path"] = root_path + path
        placed["raw_path"] = root_path.encode() + (scope.get("raw_path") or path.encode())
    return placed


def address_of(scope: Scope) -> str:
    """The path of a request without the root path, such as `/v1/jobs`; "" where there is nothing behind it."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def job_address(root_path: str, job_id: str) -> str:
    """The address of a job in answers."""
    return f"{root_path}/v1/jobs/{job_id}"


def check_root_path(root_path: str, addresses: Iterable[str]) -> None:
    """Raises ConfigError: an address of the service begins with the root path, so that it would not be known whether a
    request has lost the root path on its way.

    Args:
        root_path: "" where there is none.
        addresses: paths of all addresses.
    """
    if any(f"{address}/".startswith(f"{root_path}/") for address in addresses if root_path):
        raise ConfigError(
            f"serve.root_path: {root_path} is the beginning of addresses that the service has itself",
            "Let the proxy offer the service below another path, such as /docdetect.",
        )
