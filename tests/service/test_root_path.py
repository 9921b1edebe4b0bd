"""The service below a path of a reverse proxy, which passes the path on or takes it away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from docdetect.config.schema import ServeConfig
from docdetect.errors import ConfigError
from tests.service.conftest import Client, Start, fake_detector
from tests.service.test_detect import STAMP
from tests.support.browser import errors_of, open_browser
from tests.support.fakes import make_image, make_pdf
from tests.support.review_page import Reviewer, taking_jobs
from tests.support.waiting import wait_until

ROOT_PATH = "/docdetect"
TOKEN = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def window() -> Iterator[Any]:
    with open_browser(network=True) as browser:
        yield browser


class Proxy:
    """Asks for addresses as a browser behind a proxy does.

    Args:
        client: of the service.
        passes_on: whether the proxy leaves the path in the requests.
    """

    def __init__(self, client: Client, passes_on: bool) -> None:
        self._client, self._passes_on = client, passes_on

    def get(self, address: str, **more: Any) -> Any:
        """The answer; the address has to lie below the path."""
        assert address.startswith(f"{ROOT_PATH}/"), address
        asked = address if self._passes_on else address.removeprefix(ROOT_PATH)
        return self._client.get(asked, follow_redirects=False, **more)


@pytest.mark.parametrize("passes_on", [True, False])
def test_addresses_in_answers_lead_below_the_path(start: Start, tmp_path: Path, passes_on: bool) -> None:
    client = start(root_path=ROOT_PATH, compat=True)
    proxy = Proxy(client, passes_on)
    document = make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    sent = client.upload(f"{ROOT_PATH if passes_on else ''}/v1/jobs", document)
    assert sent.status_code == 202
    job = client.ended(sent.json()["id"])  # without the path, as programs of this machine ask
    links = job["links"]
    assert sent.headers["location"] == links["self"] == f"{ROOT_PATH}/v1/jobs/{job['id']}"
    assert proxy.get(links["self"]).json()["state"] == "done"
    assert "event: end" in proxy.get(links["events"]).text
    files = {one["name"]: one["url"] for one in proxy.get(links["results"]).json()["files"]}
    assert {"detections.json", "index.html"} <= set(files)
    for address in files.values():
        assert proxy.get(address).status_code == 200, address
    missing = proxy.get(f"{links['results']}/none.json")
    assert missing.json()["remedy"] == f"{links['results']} lists the files."
    (page,) = proxy.get(f"{links['self']}/review/pages").json()["pages"]
    (crop,) = proxy.get(f"{links['self']}/review/crops").json()["crops"]
    for picture in (proxy.get(f"{links['self']}/review/pages/{page['id']}").json()["image"], crop["image"]):
        assert proxy.get(picture).headers["content-type"].startswith("image/"), picture

    about = proxy.get(f"{ROOT_PATH}/v1/about").json()
    assert proxy.get(about["source_url"]).headers["content-type"] == "application/gzip"
    moved = proxy.get(f"{ROOT_PATH}/redoc")
    assert proxy.get(moved.headers["location"]).status_code == 200
    assert proxy.get(f"{ROOT_PATH}/nowhere").json()["remedy"] == f"{ROOT_PATH}/docs lists the addresses."
    description = proxy.get(f"{ROOT_PATH}/openapi.json").json()
    assert description["servers"] == [{"url": ROOT_PATH}]
    assert "/v1/jobs" in description["paths"]
    docs = proxy.get(f"{ROOT_PATH}/docs").text
    assert f"<code>{ROOT_PATH}/v1/jobs</code>" in docs
    assert set(re.findall(r'href="([^"]+)"', docs)) == {"openapi.json", "source"}


@pytest.mark.parametrize("passes_on", [True, False])
def test_original_addresses_lie_below_the_path(start: Start, tmp_path: Path, passes_on: bool) -> None:
    client, before = start(root_path=ROOT_PATH, compat=True), ROOT_PATH if passes_on else ""
    picture = make_image(tmp_path / "a.png", [STAMP])
    batch = client.post(f"{before}/batch-detect", files=[("files", (picture.name, picture.read_bytes()))])
    assert batch.status_code == 200
    assert batch.json()["results"]
    wrong = client.post(f"{before}/detect", files=[("file", ("a.pdf", b"no PDF"))])
    assert set(wrong.json()) == {"detail"}  # in the form of the original system
    with client.websocket_connect(f"{before}/ws/detect") as socket:
        socket.send_text("no JSON")
        assert socket.receive_json()


def test_what_programs_are_told_at_the_start_lies_below_the_path(start: Start) -> None:
    client = start(root_path=ROOT_PATH)
    about = client.get(f"{ROOT_PATH}/").json()
    assert (about["docs"], about["source"]) == (f"{ROOT_PATH}/docs", f"{ROOT_PATH}/source")
    moved = client.get(ROOT_PATH, follow_redirects=False)  # relative addresses of the page need the slash
    assert (moved.status_code, moved.headers["location"]) == (307, f"{ROOT_PATH}/")
    assert client.get(f"{ROOT_PATH}{ROOT_PATH}/livez").status_code == 404
    assert client.get("/docdetector/livez").status_code == 404


def test_the_token_protects_what_lies_below_the_path(start: Start) -> None:
    client = start(root_path=ROOT_PATH, token=TOKEN)
    for before in ("", ROOT_PATH):
        for path in ("/livez", "/docs", "/v1/about", "/static/app.js"):
            assert client.get(before + path).status_code == 200
        for path in ("/v1/jobs", "/metrics", "/", "/docdetect/livez/../metrics"):
            assert client.get(before + path).status_code == 401
        assert client.get(f"{before}/v1/jobs", headers={"X-API-Key": TOKEN}).status_code == 200
        assert client.get(f"{before}/", headers={"Accept": "text/html"}).status_code == 200


def test_a_path_that_cannot_be_told_from_an_address_is_refused(start: Start, tmp_path: Path) -> None:
    for path in ("/v1", "/docs", "/static", "/v1/jobs"):
        with pytest.raises(ConfigError, match=f"serve.root_path: {path} is the beginning"):
            start(root_path=path, folder=str(tmp_path / path[1:]))
    for path in ("docdetect", "/docdetect/", "/a/../b", "//host", "/ü", "/a b"):
        with pytest.raises(ValidationError):
            ServeConfig(root_path=path)
    start(root_path="/scans/docdetect-2.0").get("/livez").raise_for_status()


def test_the_review_page_works_below_the_path(window: Any, tmp_path: Path) -> None:
    document = make_pdf(tmp_path / "a.pdf", [[STAMP]])
    with taking_jobs(tmp_path / "serve", fake_detector, root_path=ROOT_PATH) as address:
        reviewer = Reviewer(window, f"{address}{ROOT_PATH}")
        window.get("about:blank")
        window.get(f"{address}{ROOT_PATH}")  # without the slash, as people type it
        wait_until(lambda: "There is no job yet" in reviewer.text())
        reviewer.browser.find_element("css selector", "[data-input=documents]").send_keys(str(document))
        wait_until(lambda: reviewer.js("return document.querySelector('.job')?.dataset.state") == "done")
        links = reviewer.js("return [...document.querySelectorAll('footer a')].map((one) => one.href)")
        assert links == [f"{reviewer.address}/docs", f"{reviewer.address}/source"]
        reviewer.press("Review")
        wait_until(lambda: "a.pdf" in reviewer.text(".documents"))
        reviewer.press("Start reviewing")
        wait_until(lambda: reviewer.js("return !!document.querySelector('.sheet .whole')?.naturalWidth"))
        reviewer.press("Downloads")
        wait_until(lambda: "detections.json" in reviewer.text("main"))
        links = reviewer.js("return [...document.querySelectorAll('a.file-row')].map((one) => one.href)")
        assert len(links) > 5
        for link in links:
            assert link.startswith(f"{reviewer.address}/v1/jobs/"), link
            assert reviewer.js("return fetch(arguments[0]).then((answer) => answer.status)", link) == 200, link
        asked = reviewer.js("return performance.getEntriesByType('resource').map((one) => one.name)")
        assert asked
        assert all(one.startswith((f"{reviewer.address}/", "blob:")) for one in asked), asked
        window.get("about:blank")
    assert not errors_of(window)
