"""Jobs: accepted once, worked on, cancelled, deleted, gone on with after a restart."""

from __future__ import annotations

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from docdetect.errors import OutputError
from docdetect.service import runner
from docdetect.service.runner import Service
from docdetect.service.store import JobStore
from tests.service.conftest import Start, fake_detector
from tests.service.test_detect import STAMP, slow_detector
from tests.support.fakes import compared_files, make_folder, make_image, make_pdf, run_once


def test_results_are_those_of_infer(start: Start, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "in")
    names = ["a.pdf", "broken.pdf", "deep/Договор.PDF", "photo.jpg"]
    client = start()
    answer = client.upload("/v1/jobs", *((name, (folder / name).read_bytes()) for name in names))
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == job["links"]["self"] == f"/v1/jobs/{job['id']}"
    assert (job["documents"], job["pages"]["total"]) == (4, 6)
    done = client.ended(job["id"])
    assert (done["state"], done["problem"]) == ("done", None)
    assert (done["totals"]["ok"], done["totals"]["failed"], done["pages"]["done"]) == (3, 1, 6)
    assert [one["name"] for one in done["files"]] == names
    # `infer` with the same detector writes the same files; config.yaml names the folders.
    settings = fake_detector().settings(save_pages=True)
    run_once(folder, tmp_path / "out", settings)
    ours = {one["name"]: client.get(one["url"]).content for one in client.get(job["links"]["results"]).json()["files"]}
    theirs = compared_files(tmp_path / "out")
    assert {name: ours[name] for name in theirs} == theirs
    assert set(ours) - set(theirs) == {"config.yaml", "summary.json", "results.xlsx"}


def test_options_of_a_job(start: Start, tmp_path: Path) -> None:
    client, picture = start(), make_image(tmp_path / "a.png", [STAMP])
    job = client.upload("/v1/jobs", picture, formats=["coco"], save_pages=False, save_crops=True, require=["qr"]).json()
    details = client.ended(job["id"])
    assert details["options"] == {"formats": ["coco"], "save_pages": False, "save_crops": True, "require": ["qr"]}
    names = {one["name"] for one in client.get(job["links"]["results"]).json()["files"]}
    assert {"detections_coco.json", "crops/a.png/page_0001_stamp_01.jpg"} <= names
    assert not {"detections.csv", "pages/a.png/page_0001.jpg"} & names
    assert client.get(f"{job['links']['results']}/summary.json").json()["lacking"] == {"a.png": ["qr"]}


def test_a_repeated_request_gives_the_same_job(start: Start, tmp_path: Path) -> None:
    client, picture = start(), make_image(tmp_path / "a.png", [STAMP])
    key = {"Idempotency-Key": "invoice 17"}
    first = client.upload("/v1/jobs", picture, headers=key).json()
    assert client.upload("/v1/jobs", picture, headers=key).json()["id"] == first["id"]
    assert client.upload("/v1/jobs", picture).json()["id"] != first["id"]
    other = client.upload("/v1/jobs", picture, headers=key, dpi=100)
    assert (other.status_code, other.json()["type"]) == (422, "urn:docdetect:problem:key-reused")
    # An empty key names nothing.
    empty = client.upload("/v1/jobs", picture, headers={"Idempotency-Key": ""})
    assert (empty.status_code, empty.json()["type"]) == (422, "urn:docdetect:problem:wrong-request")
    # Of requests that come at once with one key, one becomes a job.
    with ThreadPoolExecutor(4) as pool:
        at_once = pool.map(
            lambda _: client.upload("/v1/jobs", picture, headers={"Idempotency-Key": "at once"}).json()["id"], range(4)
        )
        assert len(set(at_once)) == 1
    assert len(list((tmp_path / "serve" / "jobs").iterdir())) == len(client.get("/v1/jobs").json()["jobs"]) == 3
    client.service.__exit__()
    again = start()
    assert again.upload("/v1/jobs", picture, headers=key).json()["id"] == first["id"]
    assert again.upload("/v1/jobs", picture, headers=key, dpi=100).json()["type"] == "urn:docdetect:problem:key-reused"


def test_names_stay_apart_and_inside(start: Start, tmp_path: Path) -> None:
    client, picture = start(), make_image(tmp_path / "a.png", [STAMP]).read_bytes()
    sent = ["a.png", "A.png", "../../../evil.png", "C:\\scans\\b.png", "a.png/c.png", ".hidden.png", "..", "d\n.png"]
    job = client.ended(client.upload("/v1/jobs", *((name, picture) for name in sent)).json()["id"])
    names = [one["name"] for one in job["files"]]
    assert names[:6] == ["a.png", "A (2).png", "evil.png", "b.png", "c.png", "hidden.png"]
    assert len({name.casefold() for name in names}) == len(sent)
    assert job["totals"]["documents"] == len(sent)
    folder = tmp_path / "serve" / "jobs" / job["id"] / "documents"
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == sorted(names)


def test_a_waiting_job_is_cancelled_and_an_ended_one_deleted(start: Start, tmp_path: Path) -> None:
    client = start(load=slow_detector)
    long = client.upload("/v1/jobs", make_pdf(tmp_path / "long.pdf", [[STAMP]] * 200)).json()
    waiting = client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()
    assert client.get(waiting["links"]["self"]).json()["position"] == 1
    for _ in range(2):
        assert client.delete(waiting["links"]["self"]).json()["state"] == "cancelled"
    while client.get(long["links"]["self"]).json()["pages"]["done"] < 2:
        time.sleep(0.02)
    assert client.delete(long["links"]["self"]).status_code == 200
    ended = client.ended(long["id"])
    assert ended["state"] == "cancelled"
    journal = client.get(f"{long['links']['results']}/detections.jsonl").text
    assert 2 <= journal.count('"record":"page"') < 200
    for query in ("", "?purge=false"):  # a request that is sent again deletes nothing that the first one kept
        assert client.delete(long["links"]["self"] + query).json()["state"] == "cancelled"
    assert client.get(f"{long['links']['results']}/detections.jsonl").text == journal
    assert client.delete(f"{long['links']['self']}?purge=true").status_code == 200
    assert client.get(long["links"]["self"]).status_code == 404
    assert not (tmp_path / "serve" / "jobs" / long["id"]).exists()


def test_a_job_that_has_ended_is_deleted_unless_it_was_only_to_be_cancelled(start: Start, tmp_path: Path) -> None:
    client = start()
    address = client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()["links"]["self"]
    done = client.ended(address.rpartition("/")[2])
    assert done["state"] == "done"
    assert client.delete(f"{address}?purge=false").json()["state"] == "done"  # it ended before the request came
    assert client.get(f"{address}/results/detections.json").status_code == 200
    assert client.delete(address).json()["state"] == "done"
    assert client.get(address).status_code == client.delete(address).status_code == 404


def test_a_job_that_ended_before_it_could_be_cancelled_is_kept_when_the_request_is_sent_again(
    start: Start, tmp_path: Path
) -> None:
    client = start()
    address = client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()["links"]["self"]
    job = client.ended(address.rpartition("/")[2])["id"]
    client.service.store._connection.execute("UPDATE jobs SET cancel = 1 WHERE id = ?", (job,))
    assert client.delete(address).json()["state"] == "done"
    assert client.get(f"{address}/results/detections.json").status_code == 200


def test_a_job_that_takes_too_long_fails_and_keeps_its_pages(start: Start, tmp_path: Path) -> None:
    client = start(load=slow_detector, job_timeout_s=0.5)
    job = client.upload("/v1/jobs", make_pdf(tmp_path / "long.pdf", [[STAMP]] * 200)).json()
    ended = client.ended(job["id"])
    assert (ended["state"], ended["problem"]["type"]) == ("failed", "urn:docdetect:problem:too-long")
    found = client.get(f"{job['links']['results']}/detections.json").json()
    assert 0 < len(found["long.pdf"]) < 200


def test_a_stopped_service_goes_on_with_its_jobs(start: Start, tmp_path: Path) -> None:
    source = make_pdf(tmp_path / "in" / "long.pdf", [[STAMP]] * 30)
    client = start(load=slow_detector)
    job = client.upload("/v1/jobs", source).json()
    waiting = client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()
    while client.get(job["links"]["self"]).json()["pages"]["done"] < 3:
        time.sleep(0.02)
    client.service.__exit__()
    again = start(load=slow_detector)
    assert again.ended(job["id"])["state"] == "done"
    assert again.ended(waiting["id"])["state"] == "done"
    settings = fake_detector().settings(save_pages=True)
    run_once(tmp_path / "in", tmp_path / "out", settings)
    theirs = compared_files(tmp_path / "out")
    ours = compared_files(tmp_path / "serve" / "jobs" / job["id"] / "results")
    assert {name: ours[name] for name in theirs} == theirs


def test_old_jobs_are_deleted(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = start(keep=2)
    job = client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()
    client.ended(job["id"])
    client.service.remove_old_jobs()
    assert client.get(job["links"]["self"]).status_code == 200
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2.1 * 86_400)
    client.service.remove_old_jobs()
    assert client.get(job["links"]["self"]).status_code == 404
    assert list((tmp_path / "serve" / "jobs").iterdir()) == []


def test_what_a_killed_process_left_is_removed(start: Start, tmp_path: Path) -> None:
    for folder in ("incoming/half", "jobs/never-accepted/documents"):
        (tmp_path / "serve" / folder).mkdir(parents=True)
    start()
    assert list((tmp_path / "serve" / "incoming").iterdir()) == []
    assert list((tmp_path / "serve" / "jobs").iterdir()) == []


def test_one_service_for_each_folder(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    from docdetect.errors import OutputExistsError
    from docdetect.service import runner

    client = start()
    monkeypatch.setattr(runner, "LOCK_PATIENCE_S", 0.1)
    with pytest.raises(OutputExistsError, match="another docdetect"):
        Service(client.service.config, fake_detector).__enter__()


def test_files_beside_the_results_are_not_given(start: Start, tmp_path: Path) -> None:
    client = start()
    job = client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()
    client.ended(job["id"])
    base = job["links"]["results"]
    assert client.get(f"{base}/detections.json").status_code == 200
    outside = ("..%2Fdocuments%2Fa.png", "%2Fetc%2Fpasswd", "a%00b")
    for name in (*outside, ".docdetect.lock", ".docdetect.lock%2F", "pages", "no.json"):
        answer = client.get(f"{base}/{name}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:docdetect:problem:no-such-file"), name


def test_events_come_from_the_journal_and_go_on_behind_the_last_one(start: Start, tmp_path: Path) -> None:
    client = start()
    folder = make_folder(tmp_path / "in")
    names = ["a.pdf", "broken.pdf", "deep/Договор.PDF", "photo.jpg"]
    job = client.upload("/v1/jobs", *((name, (folder / name).read_bytes()) for name in names)).json()
    events = _events(client.get(job["links"]["events"]).text)
    pages = [(event["data"]["document"], event["data"]["page"]) for event in events if event["event"] == "page"]
    assert pages == [("a.pdf", 1), ("a.pdf", 2), ("a.pdf", 3), (names[2], 1), (names[2], 2), ("photo.jpg", 1)]
    assert [event["data"]["document"] for event in events if event["event"] == "document"] == names
    assert events[0]["data"]["marks"][0]["category"] in ("stamp", "signature")
    assert (events[-1]["event"], events[-1]["data"]["state"]) == ("end", "done")
    for position, event in enumerate(events[:-1]):
        rest = client.get(job["links"]["events"], headers={"Last-Event-ID": event["id"]})
        assert [one["id"] for one in _events(rest.text)] == [one["id"] for one in events[position + 1 :]]


def test_a_cancelled_flag_survives_a_kill(tmp_path: Path) -> None:
    from docdetect.service.store import Job, StoredDocument

    store = JobStore(tmp_path / "jobs.sqlite")
    for name in ("one", "two"):
        job = Job(name, "queued", 1.0, None, None, {}, (StoredDocument("a.pdf", 3),), 1)
        store.add(job, key=None, digest="", most_queued=9)
    assert [store.claim(), store.claim()] != [None, None]
    assert store.cancel("one")
    store.close()
    again = JobStore(tmp_path / "jobs.sqlite")
    again.requeue()
    states = {job.id: job.state for job in again.newest(9)}
    assert states == {"one": "cancelled", "two": "queued"}
    again.close()


def _events(text: str) -> list[dict[str, Any]]:
    found = []
    for block in text.split("\n\n"):
        members = dict(line.partition(": ")[::2] for line in block.splitlines() if line and not line.startswith(":"))
        if members:
            found.append({**members, "data": json.loads(members["data"])})
    return found


def test_a_long_job_makes_room_for_a_short_one(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "SHORTEST_TURN_S", 0.2)
    source = make_pdf(tmp_path / "in" / "long.pdf", [[STAMP], []] * 30)
    client = start(load=slow_detector)
    long = client.upload("/v1/jobs", source).json()
    while client.get(long["links"]["self"]).json()["pages"]["done"] < 3:
        time.sleep(0.02)
    short = client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()
    assert client.ended(short["id"])["state"] == "done"
    waiting = client.get(long["links"]["self"]).json()
    assert waiting["state"] in ("queued", "running")
    assert 3 <= waiting["pages"]["done"] < 60
    done = client.ended(long["id"])
    assert (done["state"], done["pages"]["done"]) == ("done", 60)
    assert datetime.fromisoformat(done["ended"]) > datetime.fromisoformat(client.ended(short["id"])["ended"])
    settings = fake_detector().settings(save_pages=True)
    run_once(tmp_path / "in", tmp_path / "out", settings)
    theirs = compared_files(tmp_path / "out")
    ours = compared_files(tmp_path / "serve" / "jobs" / long["id"] / "results")
    assert {name: ours[name] for name in theirs} == theirs
    events = client.get(long["links"]["events"]).text
    assert events.count("event: page") == 60


def test_a_job_is_not_interrupted_for_one_that_is_hardly_shorter(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SHORTEST_TURN_S", 0.0)
    client = start(load=slow_detector)
    jobs = [client.upload("/v1/jobs", make_pdf(tmp_path / f"{n}.pdf", [[STAMP]] * n)).json()["id"] for n in (12, 8)]
    first, second = (client.ended(job) for job in jobs)
    assert datetime.fromisoformat(first["ended"]) <= datetime.fromisoformat(second["started"])


def test_a_job_that_makes_room_is_cancelled_as_any_other(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SHORTEST_TURN_S", 0.0)
    client = start(load=slow_detector)
    long = client.upload("/v1/jobs", make_pdf(tmp_path / "long.pdf", [[STAMP]] * 200)).json()
    shorts = [client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()["id"] for _ in range(3)]
    assert client.delete(long["links"]["self"]).status_code == 200
    assert [client.ended(job)["state"] for job in (*shorts, long["id"])] == ["done"] * 3 + ["cancelled"]


def test_the_time_of_a_job_counts_over_its_turns(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "SHORTEST_TURN_S", 0.2)
    client = start(load=slow_detector, job_timeout_s=1.5)
    long = client.upload("/v1/jobs", make_pdf(tmp_path / "long.pdf", [[STAMP]] * 400)).json()
    state = "queued"
    while state in ("queued", "running"):
        client.ended(client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()["id"])
        state = client.get(long["links"]["self"]).json()["state"]
    ended = client.get(long["links"]["self"]).json()
    assert (ended["state"], ended["problem"]["type"]) == ("failed", "urn:docdetect:problem:too-long")


def test_who_is_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from docdetect.service.store import LONGEST_WAIT_S, Job, StoredDocument

    now_s = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now_s[0])
    store = JobStore(tmp_path / "jobs.sqlite")

    def add(name: str, pages: int) -> None:
        job = Job(name, "queued", now_s[0], None, None, {}, (StoredDocument("a.pdf", 1),), pages)
        store.add(job, key=None, digest="", most_queued=99)
        now_s[0] += 1

    def claimed() -> str:
        job = store.claim()
        assert job is not None
        return job.id

    for name, pages in (("archive", 10_000), ("letter", 2), ("other letter", 2), ("broken", 0)):
        add(name, pages)
    assert [store.position(name) for name in ("letter", "other letter", "broken", "archive")] == [1, 2, 3, 4]
    assert store.has_shorter(2)
    assert [claimed() for _ in range(4)] == ["letter", "other letter", "broken", "archive"]
    assert not store.has_shorter(10_000)
    # The archive is put back with half of its pages; whatever has waited for long enough comes first.
    store.note_work("archive", 5_000, 100.0)
    store.requeue("archive")
    back = store.get("archive")
    assert back is not None
    assert (back.pages, back.done, back.worked_s, back.state) == (10_000, 5_000, 100.0, "queued")
    now_s[0] += LONGEST_WAIT_S - 2
    add("letter 2", 2)
    assert store.position("archive") == 2
    now_s[0] += 1
    assert (store.position("archive"), store.position("letter 2")) == (1, 2)
    assert [claimed(), claimed()] == ["archive", "letter 2"]
    assert store.claim() is None
    assert store.position("archive") is None


def test_a_job_does_not_starve_where_the_clock_was_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from docdetect.service.store import LONGEST_WAIT_S, Job, StoredDocument

    now_s = [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now_s[0])
    store = JobStore(tmp_path / "jobs.sqlite")

    def add(name: str) -> None:
        job = Job(name, "queued", now_s[0], None, None, {}, (StoredDocument("a.pdf", 1),), 2)
        store.add(job, key=None, digest="", most_queued=99)

    add("before")
    now_s[0] -= 86_400.0
    claimed = []
    for number in range(5):
        add(f"later {number}")
        now_s[0] += LONGEST_WAIT_S / 2
        job = store.claim()
        assert job is not None
        claimed.append(job.id)
    assert "before" in claimed
    store.close()


def test_a_table_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as table:
        table.execute(
            "CREATE TABLE jobs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, "
            "state TEXT NOT NULL, created_s REAL NOT NULL, started_s REAL, ended_s REAL, key TEXT UNIQUE, "
            "digest TEXT NOT NULL, options TEXT NOT NULL, documents TEXT NOT NULL, pages INTEGER NOT NULL, "
            "cancel INTEGER NOT NULL DEFAULT 0, totals TEXT, problem TEXT)"
        )
        table.execute(
            "INSERT INTO jobs (id, state, created_s, digest, options, documents, pages) "
            "VALUES ('old', 'running', 5.0, '', '{}', '[]', 7)"
        )
        table.execute("PRAGMA user_version=1")
    for _ in range(2):
        store = JobStore(path)
        store.requeue()
        job = store.claim()
        assert job is not None
        assert (job.id, job.pages, job.done, job.worked_s) == ("old", 7, 0, 0.0)
        store.close()
    with closing(sqlite3.connect(path)) as table:
        table.execute("PRAGMA user_version=99")
    with pytest.raises(OutputError, match="another version"):
        JobStore(path)
