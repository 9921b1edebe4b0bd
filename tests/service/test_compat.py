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

import cv2
import numpy as np
import pytest
from PIL import Image

from docdetect.service.compat import PATHS as ALL_PATHS
from docdetect.types import ByteArray, Detections
from tests.service.conftest import Client, Start, fake_detector
from tests.service.test_detect import STAMP, slow_detector
from tests.support.fakes import ColourEngine, make_image, make_pdf
from tests.support.photographs import CORNERS, PICTURE_WH, SHEET_WH, box_in_photograph, make_photograph, sheet_with

SIGNATURE = ("signature", (100.0, 150.0, 150.0, 180.0))
QR = ("qr", (200.0, 20.0, 240.0, 60.0))

PATHS = [path for path in ALL_PATHS if path != "/health"]
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
ONE_META = META | {"total_processing_time_ms", "is_pdf"}
BATCHED_META = META | {"is_pdf", "batch_inference_time_ms", "avg_time_per_image_ms", "batch_size", "image_index"}
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


def check_page(
    page: dict[str, Any],
    *,
    is_pdf: bool,
    batched: tuple[int, int] | None = None,
    extra: set[str] = frozenset(),  # type: ignore[assignment]
) -> None:
    """PAGE has the fields of the original system, each of its type, and no others.

    `batched` is the index of a page among the images of the request, and how many of them were looked at in one go.
    """
    optional = {"page_image"} if is_pdf else set()
    assert set(page) == {"image_size", "stamps", "signatures", "qrs", "summary", "meta"} | optional | extra
    assert set(page["image_size"]) == {"width_px", "height_px"}
    assert set(page["summary"]) == PAGE_SUMMARY
    assert set(page["meta"]) == (ONE_META if batched is None else BATCHED_META)
    assert page["meta"]["is_pdf"] is is_pdf
    assert isinstance(page["meta"]["grouping_enabled"], bool)
    assert all(page["meta"][name] >= 0 for name in page["meta"] if name.endswith("_ms"))
    if batched is not None:
        assert (page["meta"]["image_index"], page["meta"]["batch_size"]) == batched
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
            assert type(detection["class_id"]) is int
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
    assert health.json() == {"status": "model_not_loaded", "model_loaded": False, "model_path": None, "classes": None}
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
    for index, page in enumerate(answer["pages"]):
        check_page(page, is_pdf=True, batched=(index, 3))
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


def test_every_error_has_a_detail(start: Start, tmp_path: Path) -> None:
    """Of every address, whatever is wrong: the front end shows `detail`, and a text in it."""
    client = start(compat=True, max_upload_mb=1, max_documents=3)
    small = make_image(tmp_path / "a.png", [])
    large = b"\x89PNG\r\n\x1a\n" + bytes(2 << 20)
    for path in PATHS:
        field = "files" if path.startswith("/batch") else "file"
        answers = [
            (client.post(path), 400),  # no form at all
            (client.post(path, files={field: (None, "no file")}), 400),
            (client.post(path, files={"document": ("a.png", b"x")}), 400),  # another name of the field
            (client.post(path, files={field: ("large.png", large)}), 413),
            (client.post(path, files=[(field, ("a.png", small.read_bytes()))] * 4), 400),  # too many
            (client.get(path), 405),
        ]
        if path not in ("/scan-document", "/classify-document"):
            wrong = {"confidence": "high"}
            answers.append((client.post(path, params=wrong, files={field: ("a.png", small.read_bytes())}), 400))
        for answer, status in answers:
            assert (answer.status_code, type(answer.json()["detail"])) == (status, str), (path, answer.text)
            assert answer.json()["detail"]
    assert list((client.service.folder / "incoming").iterdir()) == []


def test_other_fields_of_a_form_are_passed_over(client: Client, tmp_path: Path) -> None:
    """Its documentation sends `confidence` as a field of the form, which never had a meaning."""
    picture = make_image(tmp_path / "a.png", [STAMP]).read_bytes()
    form = {"confidence": "0.99", "note": "x" * 100_000}
    page = client.post("/detect", data=form, files={"file": ("a.png", picture)}).json()
    check_page(page, is_pdf=False)
    assert (len(page["stamps"]), page["meta"]["confidence_threshold"]) == (1, 0.15)
    batch = client.post("/batch-detect", data=form, files=[("files", ("a.png", picture))]).json()
    assert batch["successful_detections"] == 1
    assert client.post("/v1/detect", data=form, files={"file": ("a.png", picture)}).status_code == 422


def test_its_front_end_may_send_its_header_from_another_origin(start: Start) -> None:
    origin, wanted = "https://scans.example.org", "ngrok-skip-browser-warning"
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": wanted}
    client = start(compat=True, allow_origins=[origin])
    answer = client.options("/detect", headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)
    assert wanted in answer.headers["access-control-allow-headers"]
    assert client.get("/health", headers={"Origin": origin}).headers["access-control-allow-origin"] == origin
    with client.websocket_connect("/ws/detect", headers={"Origin": origin}) as socket:
        socket.send_text("{}")
        assert "error" in socket.receive_json()


def test_its_descriptions_lead_to_ours(client: Client) -> None:
    for path in ("/docs", "/redoc"):
        assert "/v1/detect" in client.get(path).text
    assert "/v1/detect" in client.get("/openapi.json").json()["paths"]


def photo(path: Path) -> Path:
    """A picture with the EXIF data that phones write."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Phonemaker", "Phone 7"
    details = exif.get_ifd(0x8769)
    details[0x829A], details[0x829D], details[0x8827], details[0x920A] = 0.01, 1.8, 200, 4.2
    Image.new("RGB", (300, 200), "white").save(path, exif=exif)
    return path


PROCESSING = {
    "filename",
    "file_size_bytes",
    "format",
    "classification",
    "scan_reason",
    "scan",
    "page_count",
    "preprocessing_time_ms",
}
PDF_CLASSIFICATION = {"classification": "digital_document", "confidence": 1.0, "reason": "pdf_format"}
NOT_SCANNED = {"applied": False, "reason": "not_camera_photo"}
FALLBACK = {"applied", "error", "scan_success", "fallback_to_original"}


def sent(path: Path, name: str | None = None) -> dict[str, tuple[str, bytes]]:
    return {"file": (name or path.name, path.read_bytes())}


def picture_of(data_url: str) -> Image.Image:
    head, _, data = data_url.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def check_classification(kind: dict[str, Any], expected: str) -> None:
    assert set(kind) == CLASSIFICATION
    assert kind["classification"] == expected
    assert set(kind["scores"]) == {"exif", "visual", "final"}
    assert all(0 <= score <= 1 for score in kind["scores"].values())
    assert kind["confidence"] == kind["scores"]["final"]
    assert (kind["confidence"] > kind["threshold"]) == (expected == "camera_photo")
    assert set(kind["indicators"]) == {"exif", "visual"}
    assert isinstance(kind["indicators"]["exif"]["has_exif"], bool)
    photo = expected == "camera_photo"
    assert kind["recommendation"] == ("apply_perspective_correction" if photo else "use_as_is")


def test_classifying(client: Client, tmp_path: Path) -> None:
    scan = make_image(tmp_path / "scan.jpg", [STAMP])
    camera, slanted = photo(tmp_path / "photo.jpg"), make_photograph(tmp_path / "Фото.png", [])
    for path, kind in ((scan, "digital_document"), (camera, "camera_photo"), (slanted, "camera_photo")):
        answer = client.post("/classify-document", files=sent(path)).json()
        names = {"filename", "file_size_bytes", "is_camera_photo", "classification", "confidence", "recommendation"}
        assert set(answer) == names | {"details"}
        assert (answer["filename"], answer["file_size_bytes"]) == (path.name, path.stat().st_size)
        assert answer["is_camera_photo"] == (kind == "camera_photo")
        check_classification(answer["details"], kind)
        assert [answer[name] for name in ("classification", "confidence", "recommendation")] == [
            answer["details"][name] for name in ("classification", "confidence", "recommendation")
        ]
    exif = client.post("/classify-document", files=sent(camera)).json()["details"]["indicators"]["exif"]
    assert (exif["make"], exif["has_iso"], exif["phone_aspect_ratio"]) == ("Phonemaker", True, True)
    assert "is_phone_camera" not in exif  # nobody has heard of this maker
    assert exif["iso"] == 200
    visual = client.post("/classify-document", files=sent(slanted)).json()["details"]["indicators"]["visual"]
    assert visual["document_contour"]
    assert visual["perspective_distortion"]
    assert visual["visible_background"]
    assert visual["has_focus_variation"] == (visual["blur_variance"] > 0.15)
    assert 0.3 < visual["contour_area_ratio"] < 0.8


def test_classifying_what_is_no_picture(client: Client, tmp_path: Path) -> None:
    document = make_pdf(tmp_path / "a.pdf", [[STAMP]])
    answer = client.post("/classify-document", files=sent(document)).json()
    assert (answer["is_camera_photo"], answer["details"]) == (False, PDF_CLASSIFICATION)
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    answer = client.post("/classify-document", files=sent(tmp_path / "b.jpg")).json()
    assert set(answer["details"]) == {"classification", "confidence", "error", "recommendation"}
    assert (answer["classification"], answer["confidence"]) == ("digital_document", 0.0)


def test_scanning(client: Client, tmp_path: Path) -> None:
    slanted = make_photograph(tmp_path / "photo.png", [STAMP])
    answer = client.post("/scan-document", files=sent(slanted)).json()
    assert set(answer) == {"success", "corners", "transformed_image"}
    assert answer["success"] is True
    assert np.abs(np.array(answer["corners"]) - CORNERS).max() < 3
    assert all(type(value) is int for corner in answer["corners"] for value in corner)
    with picture_of(answer["transformed_image"]) as picture:
        assert picture.format == "JPEG"
        assert max(picture.size) == pytest.approx(615, abs=15)  # the sheet as large as it is in the photograph
        assert picture.size[1] / picture.size[0] == pytest.approx(1.33, abs=0.1)
        assert np.asarray(picture)[6, 6].min() > 180  # paper: the desk is gone


def test_scanning_a_picture_without_a_sheet_gives_the_whole_picture(client: Client, tmp_path: Path) -> None:
    scan = make_image(tmp_path / "scan.png", [STAMP])
    answer = client.post("/scan-document", files=sent(scan)).json()
    assert answer["corners"] == [[0, 0], [300, 0], [300, 200], [0, 200]]
    with picture_of(answer["transformed_image"]) as picture:
        assert picture.size == (300, 200)


def test_scanning_what_is_no_picture(client: Client, tmp_path: Path) -> None:
    for path in (make_pdf(tmp_path / "a.pdf", [[]]), tmp_path / "b.jpg", tmp_path / "c.txt"):
        if not path.exists():
            path.write_bytes(b"no picture")
        answer = client.post("/scan-document", files=sent(path))
        assert (answer.status_code, set(answer.json())) == (400, {"detail"})
    assert list((client.service.folder / "incoming").iterdir()) == []


def test_processing(client: Client, tmp_path: Path) -> None:
    scan = make_image(tmp_path / "scan.jpg", [STAMP])
    camera = photo(tmp_path / "photo.jpg")
    document = make_pdf(tmp_path / "a.pdf", [[STAMP], []])
    for path, flags, kind, reason in (
        (scan, {}, "digital_document", "classifier_decision_digital_document"),
        (camera, {}, "camera_photo", "classifier_decision_camera_photo"),
        (camera, {"skip_scan": "true"}, "camera_photo", "skip_scan_flag"),
        (camera, {"force_scan": "true"}, "camera_photo", "force_scan_flag"),
        (scan, {"force_scan": "true"}, "digital_document", "force_scan_flag"),
        (document, {}, "pdf", "pdf_never_scanned"),
        (document, {"skip_scan": "true"}, "pdf", "pdf_never_scanned"),
        (document, {"force_scan": "true"}, "pdf", "force_scan_override"),
    ):
        answer = client.post("/process-document", params=flags, files=sent(path)).json()
        processing = answer.pop("processing")
        if path == document:
            assert (answer["document_type"], len(answer["pages"]), processing["page_count"]) == ("pdf", 2, 2)
        else:
            check_page(answer, is_pdf=False)
        assert set(processing) == PROCESSING
        assert (processing["filename"], processing["format"]) == (path.name, path.suffix)
        assert processing["file_size_bytes"] == path.stat().st_size
        if kind == "pdf":
            assert processing["classification"] == PDF_CLASSIFICATION
        else:
            check_classification(processing["classification"], kind)
        assert processing["scan_reason"] == reason
        if "force_scan" in flags or reason == "classifier_decision_camera_photo":  # no sheet is seen in these pictures
            assert set(processing["scan"]) == FALLBACK
            assert (processing["scan"]["scan_success"], processing["scan"]["fallback_to_original"]) == (False, True)
        else:
            assert processing["scan"] == NOT_SCANNED
        assert processing["scan"]["applied"] is False


def test_processing_a_photograph(client: Client, tmp_path: Path) -> None:
    """Its perspective is corrected, and marks are those of the corrected picture, which the answer has."""
    box = (250.0, 400.0, 330.0, 450.0)
    slanted = make_photograph(tmp_path / "photo.png", [("stamp", box)])
    answer = client.post("/process-document", files=sent(slanted)).json()
    processing, url = answer.pop("processing"), answer.pop("transformed_image")
    check_page(answer, is_pdf=False)
    assert set(processing["scan"]) == {"applied", "corners_detected", "scan_success"}
    assert (processing["scan"]["applied"], processing["scan"]["scan_success"]) == (True, True)
    assert np.abs(np.array(processing["scan"]["corners_detected"]) - CORNERS).max() < 3
    assert processing["scan_reason"] == "classifier_decision_camera_photo"
    with picture_of(url) as picture:
        assert picture.size == (answer["image_size"]["width_px"], answer["image_size"]["height_px"])
        width, height = picture.size
    (stamp,) = answer["stamps"]
    expected = [box[0] / SHEET_WH[0] * width, box[1] / SHEET_WH[1] * height]
    assert stamp["bbox"][:2] == pytest.approx(expected, abs=5)
    skipped = client.post("/process-document", params={"skip_scan": "true"}, files=sent(slanted)).json()
    assert "transformed_image" not in skipped
    assert skipped["image_size"] == {"width_px": PICTURE_WH[0], "height_px": PICTURE_WH[1]}
    assert skipped["stamps"][0]["bbox"] == pytest.approx(box_in_photograph(box), abs=4)
    assert list((client.service.folder / "incoming").iterdir()) == []


def test_a_correction_that_is_forced(client: Client, tmp_path: Path) -> None:
    """A sheet that was seen from straight above before a black lid is no photograph, and can be cut out."""
    page = cv2.copyMakeBorder(sheet_with([]), 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(2, 2, 2))
    Image.fromarray(page).save(tmp_path / "scan.png")
    plain = client.post("/process-document", files=sent(tmp_path / "scan.png")).json()
    assert (plain["processing"]["scan"], "transformed_image" in plain) == (NOT_SCANNED, False)
    forced = client.post("/process-document", params={"force_scan": "true"}, files=sent(tmp_path / "scan.png")).json()
    assert forced["processing"]["scan"]["applied"] is True
    assert forced["processing"]["scan_reason"] == "force_scan_flag"
    with picture_of(forced["transformed_image"]) as picture:
        assert picture.size == pytest.approx(SHEET_WH, abs=6)


def test_a_batch_of_processed_documents(client: Client, tmp_path: Path) -> None:
    slanted = make_photograph(tmp_path / "photo.png", [STAMP])
    scan = make_image(tmp_path / "scan.png", [SIGNATURE, QR])
    document = make_pdf(tmp_path / "a.pdf", [[STAMP], [SIGNATURE]])
    files = [slanted, scan, document, make_pdf(tmp_path / "one.pdf", [[STAMP]])]
    upload = [("files", (path.name, path.read_bytes())) for path in files]
    upload.insert(1, ("files", ("broken.jpg", b"this is no picture")))
    answer = client.post("/batch-process-document", params={"max_workers": 4}, files=upload).json()
    totals = {"total_files", "successful_documents", "failed_documents"}
    assert set(answer) == totals | {"results", "summary", "meta"}
    assert [answer[name] for name in sorted(totals)] == [1, 4, 5]
    results = answer["results"]
    assert [(one["file_index"], one["filename"], one["success"]) for one in results] == [
        (0, "photo.png", True),
        (1, "broken.jpg", False),
        (2, "scan.png", True),
        (3, "a.pdf", True),
        (4, "one.pdf", True),
    ]
    head = {"file_index", "filename", "success", "document_type", "processing", "summary"}
    assert set(results[0]) == head | {"transformed_image", "result"}
    assert set(results[1]) == {"file_index", "filename", "success", "error"}
    assert set(results[2]) == head | {"result"}
    assert set(results[3]) == head | {"pages"}
    assert set(results[4]) == head | {"result"}
    assert [one.get("document_type") for one in results] == ["image", None, "image", "pdf", "pdf"]
    check_page(results[0]["result"], is_pdf=False, batched=(0, 1))
    check_page(results[2]["result"], is_pdf=False, batched=(1, 1))
    check_page(results[4]["result"], is_pdf=True, batched=(4, 1))
    for index, page in enumerate(results[3]["pages"], 2):
        check_page(page, is_pdf=True, batched=(index, 2))
    for one in (results[0], *results[2:]):
        assert set(one["processing"]) == PROCESSING
        assert set(one["summary"]) == COUNTS
    assert results[0]["processing"]["scan"]["applied"] is True
    assert [len(results[2]["result"][name]) for name in ("stamps", "signatures", "qrs")] == [0, 1, 1]
    assert answer["summary"] == {"total_stamps": 3, "total_signatures": 2, "total_qrs": 1, "total_detections": 6}
    more = {"documents_ready_for_detection", "pages_processed", "max_workers"}
    assert set(answer["meta"]) == BATCH_META | more
    assert [answer["meta"][name] for name in sorted(more)] == [4, 4, 5]
    assert list((client.service.folder / "incoming").iterdir()) == []


@pytest.mark.parametrize(("flags", "applied"), [({}, True), ({"skip_scan": "true"}, False)])
def test_photographs_in_a_batch_keep_their_pixels(
    client: Client, tmp_path: Path, flags: dict[str, str], applied: bool
) -> None:
    """The answer of a batch has no corrected pictures: boxes are those of the picture that was sent."""
    box = (250.0, 400.0, 330.0, 450.0)
    slanted = make_photograph(tmp_path / "photo.png", [("stamp", box)])
    upload = [("files", (slanted.name, slanted.read_bytes()))]
    (result,) = client.post("/batch-detect", params=flags, files=upload).json()["results"]
    assert result["scan_applied"] is applied
    check_classification(result["classification"], "camera_photo")
    assert result["image_size"] == {"width_px": PICTURE_WH[0], "height_px": PICTURE_WH[1]}
    assert result["stamps"][0]["bbox"] == pytest.approx(box_in_photograph(box), abs=5)


@pytest.mark.parametrize("path", ["/batch-detect", "/batch-detect-hq"])
def test_a_batch_lists_every_file_with_its_own_results(client: Client, tmp_path: Path, path: str) -> None:
    one, two = make_image(tmp_path / "one.png", [STAMP]), make_image(tmp_path / "two.png", [SIGNATURE, QR])
    document = make_pdf(tmp_path / "three.pdf", [[STAMP], [SIGNATURE]])
    batch = [
        ("scan.png", one.read_bytes()),
        ("broken.jpg", b"this is no picture"),
        ("scan.png", two.read_bytes()),
        ("Договор.pdf", document.read_bytes()),
        ("one page.pdf", make_pdf(tmp_path / "four.pdf", [[]]).read_bytes()),
    ]
    answer = client.post(path, params={"max_workers": 10}, files=[("files", one) for one in batch]).json()
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
    check_page(results[0], is_pdf=False, batched=(0, 1), extra=own)
    check_page(results[2], is_pdf=False, batched=(1, 1), extra=own)
    check_page(results[4], is_pdf=True, batched=(4, 1), extra=own)
    check_classification(results[0]["classification"], "digital_document")
    assert results[4]["classification"] == PDF_CLASSIFICATION
    assert [len(results[0][name]) for name in ("stamps", "signatures", "qrs")] == [1, 0, 0]
    assert [len(results[2][name]) for name in ("stamps", "signatures", "qrs")] == [0, 1, 1]
    assert set(results[1]) == {"file_index", "filename", "success", "error"}
    many = {"file_index", "filename", "success", "document_type", "total_pages", "pages", "summary"}
    assert set(results[3]) == many
    assert (results[3]["document_type"], results[3]["total_pages"]) == ("multi_page_pdf", 2)
    for number, page in enumerate(results[3]["pages"], 1):
        check_page(page, is_pdf=True, batched=(number + 1, 2), extra={"page_number", "document_type"})
        assert (page["page_number"], page["document_type"]) == (number, "pdf_page")
    assert answer["summary"] == {"total_stamps": 2, "total_signatures": 2, "total_qrs": 1, "total_detections": 5}
    quality = {"quality_mode", "inference_resolution", "classification_mode"} if path.endswith("hq") else set()
    assert set(answer["meta"]) == BATCH_META | quality
    if quality:
        assert (answer["meta"]["quality_mode"], answer["meta"]["inference_resolution"]) == ("high", "256px")
        assert answer["meta"]["classification_mode"] == "full_analysis"
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
        for wrong in ("no JSON", "{}", "[]", '{"frame": 7}', '{"frame": "!!"}', frame_of(Path(__file__))):
            socket.send_text(wrong)
            answer = socket.receive_json()
            assert set(answer) == {"error", "message"}
            assert all(isinstance(text, str) and text for text in answer.values())
        socket.send_bytes(b"a frame in bytes")
        assert set(socket.receive_json()) == {"error", "message"}
        socket.send_text(frame_of(picture))
        assert socket.receive_json()["meta"]["frame_count"] == 3


def test_frames_that_are_no_single_picture_leave_the_connection_open(client: Client, tmp_path: Path) -> None:
    picture = make_image(tmp_path / "a.jpg", [STAMP])
    with Image.open(picture) as image:
        image.save(tmp_path / "pages.tif", save_all=True, append_images=[image, image])
    with client.websocket_connect("/ws/detect") as socket:
        for wrong in (tmp_path / "pages.tif", make_pdf(tmp_path / "a.pdf", [[STAMP]] * 2)):
            socket.send_text(frame_of(wrong))
            assert socket.receive_json() == {
                "error": "no-frame",
                "message": "a frame is one picture, and this has several",
            }
        socket.send_text(frame_of(picture))
        assert len(socket.receive_json()["stamps"]) == 1


def test_a_frame_that_cannot_be_written_leaves_the_connection_open(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = frame_of(make_image(tmp_path / "a.jpg", [STAMP]))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with client.websocket_connect("/ws/detect") as socket:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full)
            socket.send_text(frame)
            assert socket.receive_json()["error"] == "not-kept"
        socket.send_text(frame)
        assert len(socket.receive_json()["stamps"]) == 1


def test_a_frame_while_the_network_is_loaded(start: Start, tmp_path: Path) -> None:
    loading = threading.Event()

    def load() -> Any:
        loading.wait(30)
        return fake_detector()

    client = start(load=load, wait=False, compat=True)
    picture = make_image(tmp_path / "a.jpg", [STAMP])
    with client.websocket_connect("/ws/detect") as socket:
        socket.send_text(frame_of(picture))
        assert set(socket.receive_json()) == {"error", "message"}
        loading.set()
        assert client.service.warm.wait(30)
        socket.send_text(frame_of(picture))
        assert len(socket.receive_json()["stamps"]) == 1


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
