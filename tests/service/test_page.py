"""docs/service.md, Dockerfile and compose.yaml: commands and options that they name exist, and requests work."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import typer
import yaml

from docdetect.cli.main import build_app
from docdetect.config.describe import keys_of
from tests.service.test_server import serving
from tests.support.documentation import ROOT, blocks
from tests.support.fakes import make_image, make_pdf
from tests.support.waiting import wait_until

PAGE = ROOT / "docs" / "service.md"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def options_of_serve() -> dict[str, bool]:
    """Every option of the command, and whether it takes a value."""
    command = typer.main.get_command(build_app(["serve", "x"]))
    serve = command.commands["serve"]  # type: ignore[attr-defined]
    return {
        name: not option.is_flag
        for option in serve.params
        if option.param_type_name == "option"
        for name in (*option.opts, *option.secondary_opts)
    }


def check_serve(words: list[str]) -> None:
    """The words after `docdetect serve` are options of it, each with a value where it takes one."""
    known, position = options_of_serve(), 0
    while position < len(words):
        assert words[position] in known, words[position]
        position += 2 if known[words[position]] else 1
    assert position == len(words)


def instructions(name: str) -> list[str]:
    """The arguments of an instruction of the Dockerfile, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    return re.findall(rf"^\s*{name} (.+)$", joined, flags=re.MULTILINE)


@contextmanager
def answering(status: int) -> Iterator[int]:
    """The port of a server that gives every request this status."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def test_the_commands_of_the_page_exist() -> None:
    lines = [line for block in blocks(PAGE, "sh") for line in block.text.splitlines()]
    serve = [shlex.split(line)[2:] for line in lines if line.startswith("docdetect serve")]
    assert len(serve) >= 2
    for words in serve:
        check_serve(words)
    for option in re.findall(r"`(--[a-z-]+)", PAGE.read_text(encoding="utf-8")):
        assert option in options_of_serve(), option


def test_the_limits_of_the_page_are_the_defaults() -> None:
    text = PAGE.read_text(encoding="utf-8")
    defaults = {key.option.name_in("serve", key.key.partition(".")[2]): key.info.default for key in keys_of("serve")}
    table = re.findall(r"^\| `--([a-z-]+)`[^|]*\| ([\d,]+)(?: MiB| s)? \|", text, flags=re.MULTILINE)
    assert len(table) == 11
    for name, value in table:
        assert float(value.replace(",", "")) == defaults[name], name


@pytest.mark.skipif(shutil.which("curl") is None or sys.platform != "linux", reason="needs curl")
def test_the_requests_of_the_page_work(tmp_path: Path) -> None:
    make_pdf(tmp_path / "contract.pdf", [[("stamp", (20, 20, 60, 50))]])
    make_image(tmp_path / "letter.jpg", [("stamp", (20, 20, 60, 50))])
    lines = [line for block in blocks(PAGE, "sh") for line in block.text.splitlines() if line.startswith("curl ")]
    assert len(lines) == 3
    with serving(tmp_path / "service", 0.0) as (_, client):
        wait_until(lambda: client.get("/readyz").status_code == 200)  # requests get 503 while the network is loaded
        for line in lines:
            words = shlex.split(line.replace("http://127.0.0.1:8000", str(client.base_url).rstrip("/")))
            done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout
            assert json.loads(done.stdout)


def test_the_image_starts_the_service() -> None:
    (entry,), (command,) = instructions("ENTRYPOINT"), instructions("CMD")[-1:]
    words = [*json.loads(entry), *json.loads(command)]
    assert words[:2] == ["docdetect", "serve"]
    check_serve(words[2:])
    assert instructions("USER") == ["docdetect"]
    assert next(key.info.default for key in keys_of("serve") if key.key == "serve.port") == 8000


def test_the_health_check_follows_the_service(tmp_path: Path) -> None:
    (health,) = (text.partition("CMD ")[2] for text in instructions("HEALTHCHECK"))
    python, option, code = json.loads(health)
    assert (python, option) == ("python", "-c")
    assert code.count("http://127.0.0.1:8000/readyz") == 1
    environment = {**os.environ, "http_proxy": "http://127.0.0.1:9"}  # as engines set it in containers

    def healthy(port: int) -> bool:
        command = [sys.executable, option, code.replace(":8000/", f":{port}/")]
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0

    with serving(tmp_path / "service", 0.0) as (_, client):
        port = int(client.base_url.port or 0)
        wait_until(lambda: client.get("/readyz").status_code == 200)
        assert healthy(port)
    assert not healthy(port)
    with answering(503) as port:  # while the network is loaded, and while the service ends
        assert not healthy(port)


def test_the_image_is_built_of_what_is_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    for sources in instructions("COPY"):
        for source in shlex.split(sources)[:-1]:
            if source.startswith(("--", "/")):
                continue
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored, source
    (install,) = (text for text in instructions("RUN") if "uv pip install" in text)
    extras = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[project.optional-dependencies]", 1)[1]
    for extra in re.findall(r"\.\[(\w+)\]", install):
        assert f"\n{extra} = [" in extras
    assert "uv==" in (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_compose_starts_the_image() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    assert set(compose) == {"services", "volumes", "secrets"}
    service = compose["services"]["docdetect"]
    assert service["build"] == "."
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    assert service["init"] is True  # the first process of a container gets no SIGTERM before it has asked for it
    (volume,), (secret,) = service["volumes"], service["secrets"]
    assert volume.split(":")[0] in compose["volumes"]
    assert volume.split(":")[1] in instructions("VOLUME")
    assert compose["secrets"][secret]["file"] == "token.txt"
    assert f"/run/secrets/{secret}" in DOCKERFILE
