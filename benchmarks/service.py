"""Tests `docdetect serve` under load and with kills: is a request lost, does memory grow, how long do answers take?

    python -m benchmarks.service [--pairs 8] [--clients 8] [--seconds 60] [--kills 20] [--seed 0]

1. Throughput: the same documents as one job of an idle service and with `docdetect infer`, in pages/s, in turns
   (service, infer, infer, service, ...), so that a machine that becomes slower or faster is so for both. The seconds
   of the job count from the first byte that is sent to the end of the job, those of `infer` from the first document,
   without loading the network. Printed is the median of the ratios of all pairs, with its bootstrap interval.
2. Load: many clients send single documents and jobs, large and small, damaged ones among them, and send again what is
   refused because the service is busy. Printed are the answers by status, the seconds of single documents, the memory
   of all processes of the service, and the jobs that did not end as they should.
3. Kills: while clients send jobs, every process of the service is killed (kill -9) at random moments and the service
   is started again. Every job that was accepted has to end with the bytes of a job that nothing disturbed.

The number 0 leaves a part out. The kills use a detector of colours in place of a network, so that most of them happen
during the work. Linux only.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from tests.support.fakes import compared_files, make_image, make_pdf
from tests.support.process_tree import ProcessTree

from benchmarks.measuring import tree_mib
from docdetect.machine import processor_summary

ROOT = Path(__file__).parents[1]
_STAMP = ("stamp", (20.0, 20.0, 60.0, 50.0))
# Result files that name folders or times.
_NOT_COMPARED = ("config.yaml", "results.xlsx", "summary.json")
_PATIENCE_S = 300.0
# Parts of the time of a load whose memory is printed, so that growth is seen.
_PARTS = 10
# Documents of the job whose throughput is compared, and pages of each.
_DOCUMENTS, _PAGES = 40, 8


@contextmanager
def serving(folder: Path, engine: str, *options: str) -> Iterator[tuple[ProcessTree, str]]:
    """A service in a folder, ready, and its address; every process of it is killed in the end.

    Args:
        folder: of its jobs and its log.
        engine: `network`, or the seconds that a detector of colours takes for a page.
        options: of `docdetect serve`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.txt"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.support.serving_program", engine, str(log)]
    tree = ProcessTree([*command, "--folder", str(folder / "serve"), "--port", "0", "--min-free", "0", *options], ROOT)
    try:
        deadline_s = time.monotonic() + _PATIENCE_S
        while True:
            said = log.read_text(encoding="utf-8") if log.is_file() else ""
            address = re.search(r"listening on (\S+)", said)
            if address and '"event": "ready"' in said:
                break
            if tree.process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"the service did not start: {said}")
            time.sleep(0.02)
        yield tree, address[1]
    finally:
        tree.kill()
        tree.process.wait()


@dataclass(frozen=True)
class Documents:
    """What clients send: `good` documents, and `hostile` ones that cannot be read."""

    good: tuple[Path, ...]
    hostile: tuple[Path, ...]


def make_sources(folder: Path) -> Documents:
    """PDFs of one to twelve pages, pictures, and files that are none of both."""
    good = [make_pdf(folder / f"{count}-pages.pdf", [[_STAMP]] * count, size_pt=(595, 842)) for count in (1, 2, 12)]
    good += [make_image(folder / f"picture{number}.jpg", [_STAMP], size_wh=(1240, 1754)) for number in range(3)]
    whole = good[1].read_bytes()
    hostile = []
    for name, data in (("half.pdf", whole[: len(whole) // 3]), ("empty.pdf", b""), ("text.png", b"no picture")):
        (folder / name).write_bytes(data)
        hostile.append(folder / name)
    return Documents(tuple(good), tuple(hostile))


@dataclass
class Load:
    """What clients have seen.

    Attributes:
        statuses: answers by what was sent and their status.
        seconds: of single documents that were answered with their marks.
        jobs: id -> documents and damaged documents of every job that was accepted.
        mib: memory of the service, once a second.
        wrong: what was not as it should be.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    jobs: dict[str, tuple[int, int]] = field(default_factory=dict)
    mib: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def put_under_load(
    address: str, tree: ProcessTree, sources: Documents, clients: int, seconds: float, seed: int
) -> Load:
    """Sends documents for some seconds from many clients, then waits for all jobs."""
    load, end_s = Load(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=_client, args=(address, sources, load, end_s, random.Random(seed + number)))
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        load.mib.append(tree_mib(tree.process.pid))
        time.sleep(1)
    with httpx2.Client(base_url=address, timeout=60) as client:
        for job, (documents, hostile) in load.jobs.items():
            totals = _ended(client, job)["totals"]
            if totals is None or (totals["documents"], totals["failed"]) != (documents, hostile):
                load.wrong.append(f"job {job}: {totals}")
    return load


def _client(address: str, sources: Documents, load: Load, end_s: float, rng: random.Random) -> None:
    with httpx2.Client(base_url=address, timeout=120) as client:
        while time.monotonic() < end_s:
            kind = rng.choices(("document", "hostile", "job"), (6, 2, 2))[0]
            if kind == "job":
                good, hostile = rng.choices(sources.good, k=rng.randint(1, 4)), rng.choices(sources.hostile, k=1)
                answer = _send(client, "/v1/jobs", [*good, *hostile], load, kind)
                if answer.status_code == 202:
                    load.jobs[answer.json()["id"]] = (len(good) + 1, 1)
            else:
                path = rng.choice(sources.good if kind == "document" else sources.hostile)
                started_s = time.monotonic()
                answer = _send(client, "/v1/detect", [path], load, kind)
                if answer.status_code == 200:
                    load.seconds.append(time.monotonic() - started_s)
            wanted = {"document": 200, "hostile": 422, "job": 202}[kind]
            if answer.status_code != wanted:
                load.wrong.append(f"{kind}: {answer.status_code} {answer.text[:200]}")


def _send(client: httpx2.Client, path: str, documents: Sequence[Path], load: Load, kind: str) -> httpx2.Response:
    """Sends documents, again and again while the service is busy."""
    while True:
        answer = client.post(path, files=[("files", (one.name, one.read_bytes())) for one in documents])
        load.statuses[kind, answer.status_code] += 1
        if answer.status_code != 429:
            return answer
        time.sleep(0.2)


def _ended(client: httpx2.Client, job: str) -> dict[str, Any]:
    """The job when it has ended; without `totals` where it takes too long, or is lost."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while True:
        answer: dict[str, Any] = client.get(f"/v1/jobs/{job}").json()
        if answer.get("state") not in ("queued", "running"):
            return {"totals": None} | answer
        if time.monotonic() > deadline_s:
            return {"totals": None}
        time.sleep(0.2)


def pages_per_s_of_a_job(address: str, documents: Sequence[Path]) -> float:
    """Pages/s of documents as one job of an idle service, from the first byte to the end that the service notes."""
    with httpx2.Client(base_url=address, timeout=120) as client:
        started_s = time.time()
        answer = client.post("/v1/jobs", files=[("files", (one.name, one.read_bytes())) for one in documents])
        job = _ended(client, answer.json()["id"])
        return float(job["totals"]["pages"] / (datetime.fromisoformat(job["ended"]).timestamp() - started_s))


def pages_per_s_of_infer(folder: Path, output: Path) -> float:
    """Pages/s that `docdetect infer` says it had, without loading the network."""
    program = "import sys; from docdetect.cli.main import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "--quiet", "infer", str(folder), "--output", str(output)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    run = json.loads((output / "summary.json").read_text(encoding="utf-8"))["run"]
    return float(run["pages_per_s"])


def paired_throughput(address: str, documents: Sequence[Path], folder: Path, pairs: int) -> list[tuple[float, float]]:
    """Pages/s of a job and of `infer` for each pair, which are printed; the first of each pair changes."""

    def measure(pair: int) -> tuple[float, float]:
        if pair % 2:
            infer = pages_per_s_of_infer(documents[0].parent, folder / f"infer{pair}")
            return pages_per_s_of_a_job(address, documents), infer
        job = pages_per_s_of_a_job(address, documents)
        return job, pages_per_s_of_infer(documents[0].parent, folder / f"infer{pair}")

    pages_per_s_of_a_job(address, documents[:4])  # the first pages have kernels made for their sizes
    measured = []
    for pair in range(pairs):
        job, infer = measure(pair)
        print(f"job {job:.2f} pages/s, infer {infer:.2f} pages/s, ratio {job / infer:.3f}", flush=True)
        measured.append((job, infer))
    return measured


def ratio_with_interval(pairs: Sequence[tuple[float, float]], seed: int) -> tuple[float, float, float]:
    """Median of the ratios of the pairs, and its 95 % bootstrap interval."""
    ratios = np.array([job / infer for job, infer in pairs])
    medians = np.median(np.random.default_rng(seed).choice(ratios, (10_000, len(ratios))), axis=1)
    low, high = np.quantile(medians, (0.025, 0.975))
    return float(np.median(ratios)), float(low), float(high)


@dataclass(frozen=True)
class Kills:
    """What was left after kills: jobs that were accepted, lost, and with other bytes than an undisturbed job's."""

    kills: int
    jobs: int
    lost: int
    different: int


def kill_under_load(folder: Path, sources: Documents, kills: int, seed: int) -> Kills:
    """Kills the service at random moments while a client sends jobs, and looks at every accepted job in the end."""
    options, rng = ("--imgsz", "256", "--workers", "1"), random.Random(seed)
    sent = [sources.good[0], sources.good[1], sources.good[3], sources.hostile[0]]
    with serving(folder / "calm", "0", *options) as (_, address), httpx2.Client(base_url=address) as client:
        calm = _post(client, sent, "calm")
        assert calm is not None
        _ended(client, calm)
    expected = _bytes_of(folder / "calm" / "serve" / "jobs" / calm / "results")
    accepted: list[str] = []
    for number in range(kills):
        with serving(folder / "killed", "0.1", *options) as (tree, address):
            end_s = time.monotonic() + rng.uniform(0.05, 2.0)
            killer = threading.Timer(end_s - time.monotonic(), tree.kill)
            killer.start()
            with suppress(httpx2.HTTPError), httpx2.Client(base_url=address, timeout=10) as client:
                for position in range(10_000):
                    job = _post(client, sent, f"{number} {position}")
                    accepted += [] if job is None else [job]
                    time.sleep(rng.uniform(0.1, 0.4))
            killer.join()
    with serving(folder / "killed", "0", *options) as (_, address), httpx2.Client(base_url=address) as client:
        lost = sum(_ended(client, job)["totals"] is None for job in accepted)
    results = [folder / "killed" / "serve" / "jobs" / job / "results" for job in accepted]
    return Kills(kills, len(accepted), lost, sum(_bytes_of(one) != expected for one in results))


def _post(client: httpx2.Client, documents: Sequence[Path], key: str) -> str | None:
    files = [("files", (one.name, one.read_bytes())) for one in documents]
    answer = client.post("/v1/jobs", files=files, headers={"Idempotency-Key": key})
    return str(answer.json()["id"]) if answer.status_code == 202 else None


def _bytes_of(results: Path) -> dict[str, bytes]:
    return {name: data for name, data in compared_files(results).items() if name not in _NOT_COMPARED}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    print(processor_summary())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = make_sources(folder / "in")
        if wanted.pairs or wanted.seconds:
            _compare_and_load(folder, sources, wanted.pairs, wanted.clients, wanted.seconds, wanted.seed)
        if wanted.kills:
            kills = kill_under_load(folder / "kills", sources, wanted.kills, wanted.seed)
            print(f"kills: {kills.kills}, accepted jobs {kills.jobs}, lost {kills.lost}, other bytes {kills.different}")


def _compare_and_load(folder: Path, sources: Documents, pairs: int, clients: int, seconds: float, seed: int) -> None:
    names = [folder / "many" / f"{number}.pdf" for number in range(_DOCUMENTS)]
    many = [make_pdf(name, [[_STAMP]] * _PAGES, size_pt=(595, 842)) for name in names]
    with serving(folder / "load", "network") as (tree, address):
        if pairs:
            measured = paired_throughput(address, many, folder, pairs)
            median, low, high = ratio_with_interval(measured, seed)
            print(
                f"throughput: {median:.3f} of infer's, median of {pairs} pairs, 95 % interval {low:.3f} to {high:.3f}"
            )
        if seconds:
            print(load_table(put_under_load(address, tree, sources, clients, seconds, seed)))


def load_table(load: Load) -> str:
    """What clients have seen, in lines."""
    lines = [f"{kind}, status {status}: {count}" for (kind, status), count in sorted(load.statuses.items())]
    if len(load.seconds) > 1:
        cuts = statistics.quantiles(load.seconds, n=100, method="inclusive")
        lines.append(f"seconds of a document: median {cuts[49]:.2f}, 95 % {cuts[94]:.2f}, 99 % {cuts[98]:.2f}")
    if len(load.mib) > 2:
        parts = [part for part in np.array_split(np.array(load.mib), _PARTS) if part.size]
        means = ", ".join(f"{part.mean():.0f}" for part in parts)
        lines.append(f"memory: {means} MiB, means of {len(parts)} parts of the time; at most {max(load.mib):.0f} MiB")
    return "\n".join([*lines, f"jobs: {len(load.jobs)}; wrong: {len(load.wrong)}", *load.wrong[:10]])


if __name__ == "__main__":
    main()
