"""`docdetect review` as a program: it says where the page is, opens it, ends on Ctrl-C, and refuses what is no run."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import httpx2
import pytest

from docdetect.cli.main import run
from docdetect.config.schema import Config, InferConfig
from docdetect.errors import InputError
from docdetect.review.sources import present_sources
from docdetect.service.review_app import review_plan
from tests.support.fakes import make_pdf, run_once
from tests.support.process_tree import ProcessTree
from tests.support.waiting import wait_until

STAMP = ("stamp", (20.0, 20.0, 60.0, 50.0))

_PROGRAM = """
import sys
from pathlib import Path
from docdetect.cli.main import run
sys.stderr = Path(sys.argv[1]).open("a", encoding="utf-8", buffering=1)
code = run(sys.argv[2:])
heavy = [name for name in ("openvino", "torch", "onnxruntime", "ultralytics") if name in sys.modules]
sys.stderr.write(f"loaded: {heavy}\\n")
sys.exit(code)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_the_page_opens_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    run_once(tmp_path / "in", tmp_path / "out")
    log, opened = tmp_path / "log.txt", tmp_path / "opened.txt"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    command = [sys.executable, "-c", _PROGRAM, str(log), "review", str(tmp_path / "out"), "--source", "in"]
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    tree = ProcessTree(command, cwd=tmp_path)
    try:
        wait_until(lambda: log.is_file() and "review it at " in log.read_text())
        found = re.search(r"review it at (http://127\.0\.0\.1:\d+) ", log.read_text())
        assert found
        wait_until(lambda: opened.is_file() and bool(opened.read_text()))
        assert opened.read_text() == f"{found[1]}/#/jobs/run\n"
        with httpx2.Client(base_url=found[1], timeout=30) as client:
            assert client.get("/", headers={"Accept": "text/html"}).headers["content-type"].startswith("text/html")
            assert client.get("/v1/about").json()["run"] == "out"
            (page,) = client.get("/v1/jobs/run/review/pages").json()["pages"]
            address = f"/v1/jobs/run/review/pages/{page['id']}"
            assert client.get(f"{address}/image").headers["content-type"] == "image/jpeg"
            body = {"boxes": [], "review_state": "corrected"}
            assert client.put(address, json=body, headers={"If-Match": '"0"'}).json()["revision"] == 1
        tree.interrupt()
        assert tree.process.wait(20) == 0, log.read_text()
        assert tree.left_after(15) == 0
    finally:
        tree.kill()
    assert "loaded: []" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_what_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "file.txt").write_text("x")
    for name, what in (
        ("nothing", "no such folder"),
        ("other", "no results of docdetect infer"),
        ("file.txt", "a file"),
    ):
        assert run(["review", str(tmp_path / name), "--no-browser"]) == 4
        assert f"{tmp_path / name}: {what}" in capsys.readouterr().err
    assert run(["review", "--no-browser", "--set", f"infer.runs={tmp_path}/none"]) == 4
    assert "holds no results" in capsys.readouterr().err


def test_the_plan_knows_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP]])
    for name in ("first", "second"):
        run_once(tmp_path / "in", tmp_path / "runs" / name)
    said: list[str] = []
    newest = review_plan("last", str(tmp_path / "runs"), announce=said.append)
    assert newest.folder == tmp_path / "runs" / "second"
    assert newest.config == Config()
    kept = tmp_path / "runs" / "first" / "config.yaml"
    kept.write_text("infer:\n  source: [in]\n  require: [stamp]\n")
    plan = review_plan(str(kept.parent), "", announce=said.append)
    assert (plan.config.infer.source, plan.config.infer.require) == (("in",), ("stamp",))
    assert review_plan(str(kept.parent), "", [str(tmp_path)]).config.infer.source == (str(tmp_path),)
    with pytest.raises(InputError, match="no such file or folder"):
        review_plan(str(kept.parent), "", [str(tmp_path / "nothing")])
    assert said == []
    kept.write_text("infer:\n  an_older_key: 3\n")
    assert review_plan(str(kept.parent), "", announce=said.append).config.infer == InferConfig()
    assert "the configuration of the run is not used" in said[0]
    monkeypatch.chdir(tmp_path / "runs")
    assert present_sources(["in", "gone", "/gone"], kept.parent) == [str(tmp_path / "in"), "gone", "/gone"]
