"""Documents that crash, hang or fill memory, through a whole run: each is in the results with its reason."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from docdetect.config.schema import InferConfig
from docdetect.documents.sources import collect_documents
from docdetect.inference.detector import Detector
from docdetect.inference.folder import claimed_folder
from docdetect.inference.journal import JOURNAL_NAME, Journal
from docdetect.inference.report import write_summary
from docdetect.inference.run import run
from tests.support.fakes import SETTINGS, ColourEngine
from tests.support.hostile import open_fake


@pytest.mark.skipif(sys.platform != "linux", reason="signals, and a memory limit that only Linux keeps")
def test_every_document_has_its_outcome_and_its_reason(tmp_path: Path) -> None:
    names = ("bad2-3-a", "bug1-1-a", "crash2-3-a", "encrypted-1-a", "good-4-a", "hang0-2-a", "hog2-2-a", "oomkill1-1-a")
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / f"{name}.pdf").touch()
    settings, output = replace(SETTINGS, workers=2, doc_timeout_s=1.5), tmp_path / "out"
    with (
        Detector(engine=ColourEngine()) as detector,
        claimed_folder(output, "refuse"),
        Journal(output / JOURNAL_NAME, settings) as journal,
    ):
        chosen = collect_documents([str(tmp_path / "in")])
        report = run(chosen, detector, journal, InferConfig(), opener=open_fake)
        write_summary(report, settings, source="in", weights=Path("fake.pt"))
    with (output / "documents.csv").open(encoding="utf-8-sig", newline="") as stream:
        told = {
            row["document"].removesuffix("-a.pdf"): (row["status"], row["reason"]) for row in csv.DictReader(stream)
        }
    assert told == {
        "bad2-3": ("partial", "unreadable: page 2: damaged"),
        "bug1-1": ("failed", "internal: page 1: KeyError: 'unexpected'"),
        "crash2-3": ("partial", "crashed: page 2: the worker crashed (SIGSEGV)"),
        "encrypted-1": ("failed", "encrypted: needs a password"),
        "good-4": ("ok", ""),
        "hang0-2": ("failed", "timeout: page 1: no result within 1.5 s"),
        "hog2-2": ("partial", "memory: page 2: not enough memory"),
        "oomkill1-1": ("failed", "memory: page 1: the system killed the worker, most likely for lack of memory"),
    }
    assert report.failed_documents == 7
