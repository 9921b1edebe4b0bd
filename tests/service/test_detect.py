"""One document, answered at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pymupdf

from docdetect.inference.detector import Detector
from docdetect.types import ByteArray, Detections
from tests.service.conftest import Start, fake_detector
from tests.support.fakes import ColourEngine, make_image, make_pdf, run_once

STAMP = ("stamp", (20.0, 20.0, 60.0, 50.0))


class SlowEngine(ColourEngine):
    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        time.sleep(0.1)
        return super().detect(pages, conf, iou)


def slow_detector() -> Detector:
    return fake_detector(SlowEngine())


def test_the_answer_is_that_of_detections_json(start: Start, tmp_path: Path) -> None:
    document = make_pdf(tmp_path / "in" / "Договор.pdf", [[STAMP], []])
    answer = start().upload("/v1/detect", document).json()
    assert answer["document"] == "Договор.pdf"
    assert (answer["status"], answer["pages"], answer["failures"]) == ("ok", 2, [])
    assert answer["size_bytes"] == document.stat().st_size
    assert answer["times"]["detect_s"] > 0
    with fake_detector() as detector:
        (expected,) = detector.detect_documents(tmp_path / "in")
    assert answer["detections"] == expected.to_dict()
    run_once(tmp_path / "in", tmp_path / "out")
    assert '"category": "stamp"' in (tmp_path / "out" / "detections.json").read_text(encoding="utf-8")


def test_options_belong_to_one_request(start: Start, tmp_path: Path) -> None:
    picture = make_image(tmp_path / "a.png", [STAMP])
    client = start()
    assert (
        len(client.upload("/v1/detect", picture, conf=0.99).json()["detections"]["a.png"]["page_1"]["annotations"]) == 0
    )
    assert len(client.upload("/v1/detect", picture).json()["detections"]["a.png"]["page_1"]["annotations"]) == 1


def test_nothing_of_a_document_stays(start: Start, tmp_path: Path) -> None:
    client = start()
    assert client.upload("/v1/detect", make_image(tmp_path / "a.png", [STAMP])).status_code == 200
    assert client.upload("/v1/detect", ("broken.pdf", b"this is no PDF")).status_code == 422
    assert list((tmp_path / "serve" / "incoming").iterdir()) == []


def test_what_cannot_be_read_is_told_with_its_reason(start: Start) -> None:
    answer = start().upload("/v1/detect", ("broken.pdf", b"this is no PDF"))
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["type"]) == (
        422,
        422,
        "urn:docdetect:problem:document-unreadable",
    )
    assert problem["detail"].startswith("broken.pdf: ")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "serve/incoming" not in problem["detail"]


def test_wrong_options_are_named(start: Start, tmp_path: Path) -> None:
    client, picture = start(), make_image(tmp_path / "a.png", [STAMP])
    for options, part in (
        ({"conf": 2}, "conf"),
        ({"nonsense": 1}, "nonsense"),
        ({"conf": {"seal": 0.5}}, "seal"),
        ({"save_pages": True}, "save_pages"),
    ):
        answer = client.upload("/v1/detect", picture, **options)
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:docdetect:problem:wrong-options"
        assert part in answer.json()["detail"]


def test_an_unknown_option_comes_with_the_ones_that_there_are(start: Start, tmp_path: Path) -> None:
    client, picture = start(), make_image(tmp_path / "a.png", [STAMP])
    problem = client.upload("/v1/detect", picture, rotation="all").json()
    assert problem["detail"] == "rotation: unknown key"
    assert problem["remedy"] == (
        "Did you mean rotations? The options are conf, dpi, rotations, tile, dewarp, read_codes, grouping."
    )
    assert client.upload("/v1/detect", picture, conf=2).json()["detail"] == "conf: should be between 0 and 1 (found 2)"


def test_an_encrypted_document_is_told_what_opens_it(start: Start) -> None:
    with pymupdf.open() as document:
        document.new_page()
        locked = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret")
    problem = start().upload("/v1/detect", ("locked.pdf", locked)).json()
    assert problem["type"] == "urn:docdetect:problem:document-encrypted"
    assert problem["remedy"] == "Send a copy without a password, or start the service with --password-file."


def test_work_that_takes_too_long_stops(start: Start, tmp_path: Path) -> None:
    client = start(load=slow_detector, detect_timeout_s=0.3)
    started_s = time.monotonic()
    answer = client.upload("/v1/detect", make_pdf(tmp_path / "long.pdf", [[STAMP]] * 200))
    assert (answer.status_code, answer.json()["type"]) == (504, "urn:docdetect:problem:too-long")
    assert time.monotonic() - started_s < 10
    assert client.upload("/v1/detect", make_image(tmp_path / "a.png", [STAMP])).status_code == 200


def test_only_so_many_requests_at_once(start: Start, tmp_path: Path) -> None:
    client = start(parallel=1)
    with client.service.slots:
        answer = client.upload("/v1/detect", make_image(tmp_path / "a.png", [STAMP]))
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:docdetect:problem:busy")
    assert answer.headers["retry-after"] == "1"
    assert client.upload("/v1/detect", make_image(tmp_path / "a.png", [STAMP])).status_code == 200
