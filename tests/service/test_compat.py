"""`--compat`: the JSON of the original system, field by field, and none of its bugs."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docdetect.service.pictures import camera_facts
from docdetect.types import ByteArray, Detections
from tests.service.conftest import Client, Start, fake_detector
from tests.service.test_detect import STAMP, slow_detector
from tests.support.fakes import ColourEngine, make_image, make_pdf

SIGNATURE = ("signature", (100.0, 150.0, 150.0, 180.0))
QR = ("qr", (200.0, 20.0, 240.0, 60.0))

DETECTION = {"id", "bbox", "confidence", "class_name", "class_id"}
COUNTS = {"total_stamps", "total_signatures", "total_qrs", "total_detections"}
PAGE_SUMMARY = COUNTS | {"raw_detections", "grouped_detections"}
META = {
    "model_version",
    "inference_time_ms",
    "confidence_threshold",
    "grouping_enabled",
    "group_iou_threshold",
    "page_number",
}
CLASSIFICATION = {"classification", "confidence", "scores", "indicators", "recommendation", "threshold"}
BATCH_META = {
    "total_processing_time_ms",
    "read_time_ms",
    "preprocessing_time_ms",
    "detection_time_ms",
    "avg_time_per_file_ms",
    "avg_time_per_image_ms",
    "throughput_files_per_sec",
    "throughput_images_per_sec",
    "confidence_threshold",
    "batch_optimization",
}


@pytest.fixture
def client(start: Start) -> Client:
    return start(compat=True)


def check_page(page: dict[str, Any], *, is_pdf: bool, extra: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """PAGE has the fields of the original system, each of its type, and no others."""
    optional = {"page_image"} if is_pdf else set()
    assert set(page) == {"image_size", "stamps", "signatures", "qrs", "summary", "meta"} | optional | extra
    assert set(page["image_size"]) == {"width_px", "height_px"}
    assert set(page["summary"]) == PAGE_SUMMARY
    assert META <= set(page["meta"]) <= META | {"total_processing_time_ms", "is_pdf"}
    assert isinstance(page["meta"]["model_version"], str)
    assert isinstance(page["meta"]["page_number"], int if is_pdf else type(None))
    for name, category in (("stamps", "stamp"), ("signatures", "signature"), ("qrs", "qr")):
        assert page["summary"][f"total_{name}"] == len(page[name])
        for detection in page[name]:
            assert set(detection) - {"grouped", "group_count"} == DETECTION
            assert detection["class_name"] == category
            assert detection["id"].startswith(f"{category}_")
            assert len(detection["bbox"]) == 4
            assert all(type(value) is int for value in detection["bbox"])
            assert isinstance(detection["confidence"], float)
    if is_pdf:
        head, _, data = page["page_image"].partition(",")
        assert head == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert picture.size == (page["image_size"]["width_px"], page["image_size"]["height_px"])


def test_root_and_health(client: Client) -> None:
    assert client.get("/").json() == {"message": "Document Detection API", "status": "running", "model_loaded": True}
    assert client.get("/health").json() == {
        "status": "healthy",
        "model_loaded": True,
        "model_path": "fake.pt",
        "classes": {"0": "qr", "1": "signature", "2": "stamp"},
        "grouping_enabled": True,
        "group_iou_threshold": 0.2,
        "confidence_threshold": 0.15,
    }


def test_health_while_the_network_is_loaded(start: Start) -> None:
    loading = threading.Event()

    def load() -> Any:
        loading.wait(30)
        return fake_detector()

    client = start(load=load, wait=False, compat=True)
    health = client.get("/health")
    assert health.status_code == 200
    assert health.json() == {"status": "model_not_loaded", "model_loaded": False, "model_path": None, "classes": {}}
    answer = client.post("/detect", files={"file": ("a.png", b"x")})
    assert (answer.status_code, set(answer.json())) == (503, {"detail"})
    loading.set()


def test_a_picture(client: Client, tmp_path: Path) -> None:
    picture = make_image(tmp_path / "a.png", [STAMP, SIGNATURE, QR])
    page = client.post("/detect", files={"file": ("a.png", picture.read_bytes())}).json()
    check_page(page, is_pdf=False)
    assert page["image_size"] == {"width_px": 300, "height_px": 200}
    (stamp,) = page["stamps"]
    assert stamp["bbox"] == pytest.approx([20, 20, 60, 50], abs=2)
    marks = [mark for name in ("stamps", "signatures", "qrs") for mark in page[name]]
    assert sorted(mark["id"].rpartition("_")[2] for mark in marks) == ["0", "1", "2"]
    assert not any("grouped" in mark for mark in marks)
    assert page["summary"]["total_detections"] == page["summary"]["raw_detections"] == 3
    assert page["summary"]["grouped_detections"] == 0
    assert page["meta"]["confidence_threshold"] == 0.15


class DoublingEngine(ColourEngine):
    """Finds everything twice, the second time a little to the right."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        return [
            Detections(
                np.concatenate([one.xyxy, one.xyxy + np.array([2, 0, 2, 0], np.float32)]),
                np.concatenate([one.class_ids, one.class_ids]),
                one.size_wh,
                None if one.scores is None else np.concatenate([one.scores, one.scores - np.float32(0.1)]),
            )
            for one in super().detect(pages, conf, iou)
        ]


def test_boxes_that_were_grouped(start: Start, tmp_path: Path) -> None:
    client = start(compat=True, load=lambda: fake_detector(DoublingEngine()))
    picture = make_image(tmp_path / "a.png", [STAMP, QR])
    page = client.post("/detect", files={"file": ("a.png", picture.read_bytes())}).json()
    check_page(page, is_pdf=False)
    assert [(mark["grouped"], mark["group_count"]) for mark in [*page["stamps"], *page["qrs"]]] == [(True, 2)] * 2
    summary = page["summary"]
    assert [summary[f"{name}_detections"] for name in ("raw", "grouped", "total")] == [4, 2, 2]


def test_a_pdf_of_one_page_is_a_page(client: Client, tmp_path: Path) -> None:
    document = make_pdf(tmp_path / "a.pdf", [[STAMP]])
    page = client.post("/detect", files={"file": ("a.pdf", document.read_bytes())}).json()
    check_page(page, is_pdf=True)
    assert page["meta"]["page_number"] == 1
    assert page["image_size"] == {"width_px": 556, "height_px": 833}


def test_a_pdf_of_several_pages(client: Client, tmp_path: Path) -> None:
    document = make_pdf(tmp_path / "a.pdf", [[STAMP], [], [STAMP, SIGNATURE]])
    answer = client.post("/detect", files={"file": ("a.pdf", document.read_bytes())}).json()
    assert set(answer) == {"document_type", "total_pages", "pages", "summary", "meta"}
    assert (answer["document_type"], answer["total_pages"]) == ("pdf", 3)
    for page in answer["pages"]:
        check_page(page, is_pdf=True)
    assert [page["meta"]["page_number"] for page in answer["pages"]] == [1, 2, 3]
    assert answer["summary"] == {"total_stamps": 2, "total_signatures": 1, "total_qrs": 0, "total_detections": 3}
    assert set(answer["meta"]) == {"total_processing_time_ms", "confidence_threshold", "is_pdf", "batch_optimized"}
    assert list((client.service.folder / "incoming").iterdir()) == []


def test_thresholds_belong_to_their_request(start: Start, tmp_path: Path) -> None:
    client = start(compat=True, load=slow_detector)
    picture = make_image(tmp_path / "a.png", [STAMP]).read_bytes()

    def count(confidence: float) -> int:
        answer = client.post("/detect", params={"confidence": confidence}, files={"file": ("a.png", picture)}).json()
        assert answer["meta"]["confidence_threshold"] == confidence
        return len(answer["stamps"])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(count, [0.1, 0.99, 0.1, 0.99])) == [1, 0, 1, 0]


def test_what_is_wrong_has_a_detail(client: Client, tmp_path: Path) -> None:
    for path, files, status in (
        ("/detect", {"file": ("broken.pdf", b"this is no PDF")}, 400),
        ("/process-document", {"file": ("notes.txt", b"hello")}, 400),
        ("/batch-detect", {"options": (None, "{}")}, 400),
    ):
        answer = client.post(path, files=files)
        assert (answer.status_code, set(answer.json())) == (status, {"detail"}), path
        assert isinstance(answer.json()["detail"], str)
    picture = make_image(tmp_path / "a.png", []).read_bytes()
    wrong = client.post("/detect", params={"confidence": 7}, files={"file": ("a.png", picture)})
    assert wrong.status_code == 400
    assert "confidence" in wrong.json()["detail"]


def photo(path: Path) -> Path:
    """A picture with the EXIF data that phones write."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Phonemaker", "Phone 7"
    details = exif.get_ifd(0x8769)
    details[0x829A], details[0x829D], details[0x8827], details[0x920A] = 0.01, 1.8, 200, 4.2
    Image.new("RGB", (300, 200), "white").save(path, exif=exif)
    return path


def test_what_cameras_note(tmp_path: Path) -> None:
    facts = camera_facts(str(photo(tmp_path / "a.jpg")))
    assert (facts["make"], facts["model"], facts["has_iso"], facts["has_gps"]) == ("Phonemaker", "Phone 7", True, False)
    assert camera_facts(str(make_image(tmp_path / "b.png", []))) == {"has_exif": False}
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    assert camera_facts(str(tmp_path / "c.jpg")) == {"has_exif": False}


def test_processing(client: Client, tmp_path: Path) -> None:
    scan = make_image(tmp_path / "scan.jpg", [STAMP])
    camera = photo(tmp_path / "photo.jpg")
    document = make_pdf(tmp_path / "a.pdf", [[STAMP], []])
    for path, flags, kind, reason in (
        (scan, {}, "digital_document", "classifier_decision_use_as_is"),
        (camera, {}, "camera_photo", "classifier_decision_apply_perspective_correction"),
        (camera, {"skip_scan": "true"}, "camera_photo", "skip_scan_flag"),
        (camera, {"force_scan": "true"}, "camera_photo", "force_scan_flag"),
        (document, {}, "digital_document", "pdf_never_scanned"),
    ):
        answer = client.post("/process-document", params=flags, files={"file": (path.name, path.read_bytes())}).json()
        processing = answer.pop("processing")
        if path == document:
            assert (answer["document_type"], len(answer["pages"]), processing["page_count"]) == ("pdf", 2, 2)
        else:
            check_page(answer, is_pdf=False)
        assert set(processing) == {
            "filename",
            "file_size_bytes",
            "format",
            "classification",
            "scan_reason",
            "scan",
            "page_count",
            "preprocessing_time_ms",
        }
        assert (processing["filename"], processing["format"]) == (path.name, path.suffix)
        assert processing["file_size_bytes"] == path.stat().st_size
        assert set(processing["classification"]) == CLASSIFICATION
        assert processing["classification"]["classification"] == kind
        assert set(processing["classification"]["scores"]) == {"exif", "visual", "final"}
        assert processing["scan_reason"] == reason
        assert processing["scan"]["applied"] is False


@pytest.mark.parametrize("path", ["/batch-detect", "/batch-detect-hq"])
def test_a_batch_lists_every_file_with_its_own_results(client: Client, tmp_path: Path, path: str) -> None:
    one, two = make_image(tmp_path / "one.png", [STAMP]), make_image(tmp_path / "two.png", [SIGNATURE, QR])
    document = make_pdf(tmp_path / "three.pdf", [[STAMP], [SIGNATURE]])
    sent = [
        ("scan.png", one.read_bytes()),
        ("broken.jpg", b"this is no picture"),
        ("scan.png", two.read_bytes()),
        ("Договор.pdf", document.read_bytes()),
        ("one page.pdf", make_pdf(tmp_path / "four.pdf", [[]]).read_bytes()),
    ]
    answer = client.post(path, params={"max_workers": 10}, files=[("files", one) for one in sent]).json()
    totals = {"total_files", "total_images_processed", "successful_detections", "failed_detections"}
    assert set(answer) == totals | {"results", "summary", "meta"}
    assert [answer[name] for name in sorted(totals)] == [1, 4, 5, 5]
    results = answer["results"]
    assert [(one["file_index"], one["filename"], one["success"]) for one in results] == [
        (0, "scan.png", True),
        (1, "broken.jpg", False),
        (2, "scan.png", True),
        (3, "Договор.pdf", True),
        (4, "one page.pdf", True),
    ]
    own = {"file_index", "filename", "success", "classification", "scan_applied"}
    check_page(results[0], is_pdf=False, extra=own)
    check_page(results[2], is_pdf=False, extra=own)
    check_page(results[4], is_pdf=True, extra=own)
    assert set(results[0]["classification"]) == CLASSIFICATION
    assert [len(results[0][name]) for name in ("stamps", "signatures", "qrs")] == [1, 0, 0]
    assert [len(results[2][name]) for name in ("stamps", "signatures", "qrs")] == [0, 1, 1]
    assert set(results[1]) == {"file_index", "filename", "success", "error"}
    many = {"file_index", "filename", "success", "document_type", "total_pages", "pages", "summary"}
    assert set(results[3]) == many
    assert (results[3]["document_type"], results[3]["total_pages"]) == ("multi_page_pdf", 2)
    for number, page in enumerate(results[3]["pages"], 1):
        check_page(page, is_pdf=True, extra={"page_number", "document_type"})
        assert (page["page_number"], page["document_type"]) == (number, "pdf_page")
    assert answer["summary"] == {"total_stamps": 2, "total_signatures": 2, "total_qrs": 1, "total_detections": 5}
    quality = {"quality_mode", "inference_resolution", "classification_mode"} if path.endswith("hq") else set()
    assert set(answer["meta"]) == BATCH_META | quality
    if quality:
        assert (answer["meta"]["quality_mode"], answer["meta"]["inference_resolution"]) == ("high", "256px")
    assert list((client.service.folder / "incoming").iterdir()) == []


def frame_of(path: Path) -> str:
    return json.dumps({"frame": "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()})


def test_frames(client: Client, tmp_path: Path) -> None:
    picture = make_image(tmp_path / "a.jpg", [STAMP])
    with client.websocket_connect("/ws/detect") as socket:
        for count in (1, 2):
            socket.send_text(frame_of(picture))
            frame = socket.receive_json()
            lists = {"stamps", "signatures", "qrs"}
            assert set(frame) == {"image_size", "summary", "classification", "meta"} | lists
            assert frame["image_size"] == {"width": 300, "height": 200}
            assert len(frame["stamps"]) == 1
            assert set(frame["summary"]) == PAGE_SUMMARY
            assert set(frame["classification"]) == {
                "is_camera_photo",
                "confidence",
                "reasons",
                "exif_data",
                "visual_features",
                "classification_time_ms",
            }
            assert set(frame["meta"]) == {
                "frame_count",
                "avg_inference_time_ms",
                "inference_time_ms",
                "total_processing_time_ms",
                "quality_mode",
                "detector_type",
            }
            assert frame["meta"]["frame_count"] == count
        for wrong in ("no JSON", "{}", '{"frame": 7}', '{"frame": "!!"}', frame_of(Path(__file__))):
            socket.send_text(wrong)
            assert set(socket.receive_json()) == {"error", "message"}
        socket.send_text(frame_of(picture))
        assert socket.receive_json()["meta"]["frame_count"] == 3


def test_frames_do_not_pile_up(start: Start, tmp_path: Path) -> None:
    client = start(compat=True, load=slow_detector)
    first, last = make_image(tmp_path / "a.jpg", [STAMP]), make_image(tmp_path / "b.jpg", [STAMP, SIGNATURE])
    with client.websocket_connect("/ws/detect") as socket:
        for _ in range(30):
            socket.send_text(frame_of(first))
        socket.send_text(frame_of(last))
        started_s, answers = time.monotonic(), 0
        while len(socket.receive_json()["signatures"]) == 0:
            answers += 1
        assert answers < 10
        assert time.monotonic() - started_s < 20


def test_without_compat_these_addresses_are_none(start: Start) -> None:
    client = start()
    assert client.get("/health").status_code == 404
    assert client.post("/detect").status_code == 404
    assert client.get("/").json()["service"] == "docdetect"
