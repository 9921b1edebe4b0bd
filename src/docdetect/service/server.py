"""`serve`: the service behind a socket, until a signal ends it."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Protocol

import uvicorn

from docdetect.errors import ConfigError, InputError, OutputError
from docdetect.files import read_text
from docdetect.inference.detector import Detector
from docdetect.interrupts import INTERRUPTS
from docdetect.machine import keep_freed_pictures, share_memory_among_threads
from docdetect.service.access import is_local_host
from docdetect.service.app import make_app
from docdetect.service.connections import connections_up_to
from docdetect.service.logs import write_logs_to
from docdetect.service.runner import Service

if TYPE_CHECKING:
    from docdetect.config.schema import Config, ServeConfig

# Seconds that requests under way may still take when the service ends.
_GRACE_S = 20

_SHORTEST_TOKEN = 16


def serve(
    config: Config,
    write_log: Callable[[str], None],
    announce: Callable[[str], None],
    load: Callable[[], Detector] | None = None,
) -> None:
    """Answers requests until SIGINT or SIGTERM; requests under way are ended, and jobs go on at the next start.

    Args:
        config: the sections `serve`, `infer`, `grouping` and `train.runs`.
        write_log: takes the lines of the log.
        announce: told the address once the service listens.
        load: makes the Detector; None loads the weights of the section `infer`.

    Raises:
        ConfigError: the address needs a token file and there is none, or the token is too short.
        InputError: the token file cannot be read.
        OutputError: the address is taken, or the folder cannot be written.
        OutputExistsError: another service uses the folder.
        DocdetectError: the weights cannot be loaded; see `Detector`.
    """
    wanted = config.serve
    token = read_token(wanted)
    write_logs_to(write_log)
    share_memory_among_threads()
    keep_freed_pictures()  # as `infer` does: without it a page took 10 % more time
    service = Service(config, load)
    app = make_app(service, token=token, any_host=bool(token))
    with _signals_that_only_stop(service), listening_socket(wanted.host, wanted.port) as listening, service:
        _answer(app, service, listening, lambda address: announce(f"listening on {address}"), wanted.connections)
    if service.error is not None:
        raise service.error


class Stoppable(Protocol):
    """What a server works for.

    Attributes:
        stopping: set when the server is to end.
    """

    stopping: threading.Event

    def stop(self) -> None:
        """Sets `stopping`, and whatever else belongs to the end."""


def serve_until_stopped(
    app: Callable[..., object], work: Stoppable, listening: socket.socket, announce: Callable[[str], None]
) -> None:
    """Answers requests until SIGINT, SIGTERM or `work.stopping`.

    Args:
        app: the ASGI application.
        work: told of signals, and asked whether to end.
        listening: see `listening_socket`; closed at the end.
        announce: told the address once the service listens.
    """
    with _signals_that_only_stop(work), listening:
        _answer(app, work, listening, announce)


def _answer(
    app: Callable[..., object],
    work: Stoppable,
    listening: socket.socket,
    announce: Callable[[str], None],
    most_connections: int | None = None,
) -> None:
    host, port = listening.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    _Server(work, address, announce, app, most_connections).run(sockets=[listening])


@contextmanager
def _signals_that_only_stop(work: Stoppable) -> Iterator[None]:
    """Within the block SIGINT and SIGTERM end nothing by themselves, and one that comes before the server takes them is
    not lost. The server sends them once more when it has ended, at which point the service has still to put its job
    back. A signal that the program was started to ignore stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = set(INTERRUPTS) - _ignored_signals()
    before = {one: signal.signal(one, lambda *_: work.stop()) for one in heard}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _ignored_signals() -> set[signal.Signals]:
    return {one for one in INTERRUPTS if signal.getsignal(one) is signal.SIG_IGN}


def read_token(wanted: ServeConfig) -> str:
    """The token of the token file, "" where there is none; see `serve` for what is refused."""
    if not wanted.token_file:
        if not is_local_host(wanted.host):
            raise ConfigError(
                f"serve.host: {wanted.host} can be reached from other machines, and there is no token",
                "Write a long random text into a file and give the file with --token-file, or listen on 127.0.0.1.",
            )
        return ""
    path = Path(wanted.token_file)
    token = read_text(path).strip()
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or any(character.isspace() for character in token):
        raise InputError(
            f"{path}: the token has to be one line of {_SHORTEST_TOKEN} or more letters, digits and signs",
            "Make one, for instance with: openssl rand -hex 32",
        )
    return token


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address; port 0 takes a free one. Raises OutputError: the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OutputError(
            f"{host}:{port}: the service cannot listen there ({error.strerror or error})",
            "Choose another --port or --host.",
        ) from error
    return listening


class _Server(uvicorn.Server):
    """Uvicorn, which tells the service at once when it is to end, and ends when the service cannot go on."""

    def __init__(
        self,
        work: Stoppable,
        address: str,
        announce: Callable[[str], None],
        app: Callable[..., object],
        most_connections: int | None,
    ) -> None:
        settings = uvicorn.Config(
            app,
            http=connections_up_to(most_connections),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_GRACE_S,
            ws_max_size=32 << 20,
        )
        super().__init__(settings)
        self._work, self._address, self._announce = work, address, announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the service and listens."""
        await super().startup(sockets)
        if self.started:
            self._announce(self._address)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Takes SIGINT and SIGTERM, but for those that the program was started to ignore."""
        in_main_thread = threading.current_thread() is threading.main_thread()
        ignored = _ignored_signals() if in_main_thread else set()
        with super().capture_signals():
            for one in ignored:
                signal.signal(one, signal.SIG_IGN)
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal asks for the end."""
        self._work.stop()
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Whether to end; asked ten times a second."""
        return await super().on_tick(counter) or self._work.stopping.is_set()
