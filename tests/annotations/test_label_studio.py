"""Exports of Label Studio in the form that it documents: completed, cancelled and unfinished tasks."""

from __future__ import annotations

import json
import math
from typing import Any
from xml.etree import ElementTree

import pytest

from docdetect.annotations.exchange import LabelFile, Reading, ReadSettings
from docdetect.annotations.label_studio import read_label_studio
from docdetect.annotations.writing import WriteSettings
from docdetect.errors import InputError
from tests.support.labels import CLASSES, SAMPLE, written


def region(label: str = "stamp", **changes: Any) -> dict[str, Any]:
    value = {"x": 10.0, "y": 20.0, "width": 30.0, "height": 5.0, "rotation": 0, "rectanglelabels": [label]}
    data = {
        "original_width": 1000,
        "original_height": 2000,
        "image_rotation": 0,
        "value": value | changes.pop("value", {}),
        "id": "Dx_aB91ISN",
        "from_name": "label",
        "to_name": "image",
        "type": "rectanglelabels",
        "origin": "manual",
    }
    return data | changes


def work(*results: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An entry of `annotations` as the JSON export has it."""
    data = {
        "id": 1001,
        "completed_by": 1,
        "result": list(results),
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-03-09T22:16:08.728353Z",
        "updated_at": "2026-03-09T22:16:08.728378Z",
        "draft_created_at": None,
        "lead_time": 4.288,
        "prediction": {},
        "result_count": len(results),
        "unique_id": "0e5b",
        "import_id": None,
        "last_action": None,
        "task": 1,
        "project": 83,
        "updated_by": 1,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
    }
    return data | changes


def task(
    *annotations: dict[str, Any], task_id: int = 1, data: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    image = "/data/upload/83/3f2c1a9b-scan%20one.jpg"
    return {
        "id": task_id,
        "annotations": list(annotations),
        "file_upload": "3f2c1a9b-scan_one.jpg",
        "drafts": [],
        "predictions": [],
        "data": {"image": image} if data is None else data,
        "meta": {},
        "created_at": "2026-03-09T21:52:49.513742Z",
        "updated_at": "2026-03-09T22:16:08.746926Z",
        "inner_id": task_id,
        "total_annotations": len(annotations),
        "cancelled_annotations": 0,
        "total_predictions": 0,
        "comment_count": 0,
        "project": 83,
        "updated_by": 1,
        "comment_authors": [],
    } | more


def read(*tasks: dict[str, Any], **settings: Any) -> Reading:
    return read_label_studio(LabelFile("export.json", json.dumps(tasks)), ReadSettings(**settings))


def test_a_completed_task() -> None:
    read_back = read(task(work(region(score=0.7), region("qr", value={"x": 0, "y": 0}))))
    ((document, pages),) = read_back.annotations.items()
    assert (document, list(pages)) == ("scan one.jpg", [1])
    stamp, code = pages[1].marks
    assert pages[1].size_wh == (1000, 2000)
    assert (stamp.category, stamp.xywh) == ("stamp", (100.0, 400.0, 300.0, 100.0))
    assert (code.category, code.xywh) == ("qr", (0.0, 0.0, 300.0, 100.0))
    assert stamp.confidence is None, "what a person confirmed is ground truth"
    assert not read_back.remarks


def test_the_newest_annotation_counts_and_cancelled_ones_do_not() -> None:
    old = work(region("qr"), updated_at="2026-01-01T00:00:00Z")
    new = work(region("stamp"), updated_at="2026-02-01T00:00:00Z")
    cancelled = work(region("signature"), updated_at="2026-03-01T00:00:00Z", was_cancelled=True)
    read_back = read(task(new, old, cancelled), task(work(was_cancelled=True), task_id=2), task(task_id=3))
    (pages,) = read_back.annotations.values()
    assert [mark.category for mark in pages[1].marks] == ["stamp"]
    assert read_back.remarks.counts == {
        "tasks with several annotations, of which the newest is used": 1,
        "tasks that were cancelled (skipped), left out": 1,
        "tasks that nobody has completed, left out": 1,
    }
    assert "task 2" in read_back.remarks.sentences()[1]


def test_predictions_count_only_where_nobody_has_annotated_anything() -> None:
    prediction = {"id": 5, "model_version": "v2", "score": 0.4, "result": [region(score=0.4)]}
    data = {"image": "s3://bucket/scans/a.png", "width": 1000, "height": 2000}
    (pages,) = read(task(data=data, predictions=[prediction])).annotations.values()
    assert [mark.confidence for mark in pages[1].marks] == [0.4]
    read_back = read(task(data=data, predictions=[prediction]), task(work(), task_id=2, data=data | {"image": "b.png"}))
    assert {name: len(pages[1].marks) for name, pages in read_back.annotations.items()} == {"b.png": 0}
    assert read_back.remarks.counts == {"tasks that nobody has completed, left out": 1}


def test_what_docdetect_wrote_comes_back_corrected_with_its_page_numbers() -> None:
    """Label Studio keeps the data of a task; a person has moved one mark and removed another."""
    tasks = json.loads(written("label-studio", SAMPLE)["labels.json"])
    for position, one in enumerate(tasks, start=1):
        results = one["predictions"][0]["result"][:1]
        for result in results:
            result["value"]["x"] = 50.0
        one |= {"id": position, "annotations": [work(*results)], "predictions": [7, 8]}
    found = read(*tasks).annotations
    assert [(name, number) for name, pages in found.items() for number in pages] == [
        ("договор № 7.pdf", 1),
        ("договор № 7.pdf", 2),
        ("договор № 7.pdf", 12),
        ("deep/b & c.jpg", 1),
    ]
    assert found["договор № 7.pdf"][2].marks == ()
    (code,) = found["договор № 7.pdf"][12].marks
    assert (code.xywh[0], code.text) == (700.0, "https://пример/?a=1&b=<2>")


def test_tasks_of_several_pages_refer_to_them_by_item_index() -> None:
    pages = ["/data/local-files/?d=images/act.pdf/page_0003.jpg", "/data/local-files/?d=images/act.pdf/page_0004.jpg"]
    read_back = read(task(work(region(item_index=1), region("qr", item_index=0)), data={"pages": pages}))
    assert {number: page.marks[0].category for number, page in read_back.annotations["act.pdf"].items()} == {
        3: "qr",
        4: "stamp",
    }
    named = {"document": "act.pdf", "pages": ["http://host/x/1.png", "http://host/x/2.png"], "width": 10, "height": 20}
    assert list(read(task(work(region(item_index=1)), data=named)).annotations["act.pdf"]) == [1, 2]
    beyond = read(task(work(region(item_index=7)), data=named))
    assert beyond.remarks.counts == {"regions of pictures that the task does not list, left out": 1}


def test_other_shapes_become_boxes_and_are_counted() -> None:
    polygon = region(type="polygonlabels", value={"points": [[10, 10], [30, 20], [20, 40]], "polygonlabels": ["stamp"]})
    ellipse = region(
        type="ellipselabels", value={"x": 50, "y": 50, "radiusX": 10, "radiusY": 5, "ellipselabels": ["stamp"]}
    )
    turned = region(value={"x": 50, "y": 50, "width": 10, "height": 5, "rotation": 90})
    brush = region(type="brushlabels", value={"format": "rle", "rle": [0, 1], "brushlabels": ["stamp"]})
    choice = {"type": "choices", "from_name": "kind", "to_name": "image", "value": {"choices": ["letter"]}, "id": "c"}
    read_back = read(task(work(polygon, ellipse, turned, brush, choice)))
    (pages,) = read_back.annotations.values()
    assert [mark.xywh for mark in pages[1].marks] == [
        (100.0, 200.0, 200.0, 600.0),
        (400.0, 900.0, 200.0, 200.0),
        (400.0, 1000.0, 100.0, 100.0),  # turned clockwise by 90 degrees about its top left corner
    ]
    assert read_back.remarks.counts == {
        "polygons, of which the enclosing boxes are used": 1,
        "ellipses, of which the enclosing boxes are used": 1,
        "boxes turned by an angle, of which the enclosing boxes are used": 1,
        "answers of the kind 'brushlabels', which are no boxes with a label, left out": 1,
        "answers of the kind 'choices', which are no boxes with a label, left out": 1,
    }


def test_rectangles_with_labels_and_text_of_their_own_tags() -> None:
    """`<Rectangle>` and `<Labels>` give two results with one id; a `<TextArea>` for each region gives a third."""
    shape = region(type="rectangle", id="r1")
    labels = region(type="labels", id="r1", value={"labels": ["qr"]})
    text = {"type": "textarea", "id": "r1", "value": {"text": ["https://x"]}, "from_name": "t", "to_name": "image"}
    read_back = read(task(work(shape, labels, text)))
    (pages,) = read_back.annotations.values()
    assert [(mark.category, mark.text) for mark in pages[1].marks] == [("qr", "https://x")]
    assert not read_back.remarks
    assert read(task(work(region(type="rectangle", id="r2")))).remarks


def test_json_min() -> None:
    box = {"x": 10, "y": 20, "width": 30, "height": 5, "rotation": 0, "rectanglelabels": ["stamp"]}
    size = {"original_width": 1000, "original_height": 2000}
    data = {"image": "/data/upload/1/ab12cd34-a.png", "id": 1, "label": [box | size], "annotator": 1, "lead_time": 3.0}
    (pages,) = read(data).annotations.values()
    assert pages[1].marks[0].xywh == (100.0, 400.0, 300.0, 100.0)


def test_what_is_no_box_is_counted_in_every_form() -> None:
    relation = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"}
    task = {"id": 5, "data": {"image": "a.png"}, "annotations": [work(region(), relation, None)]}  # type: ignore[arg-type]
    read_back = read_label_studio(LabelFile("tasks.json", json.dumps([task])), ReadSettings())
    assert len(read_back.annotations["a.png"][1].marks) == 1
    assert read_back.remarks.counts == {
        "answers of the kind 'relation', which are no boxes with a label, left out": 1,
        "results that are no objects, left out": 1,
    }
    size = {"original_width": 1000, "original_height": 2000}
    least = {
        "image": "a.png",
        "id": 5,
        "annotator": 1,
        "label": [region()["value"] | size],
        "tag": [{"format": "rle", "rle": [1], "brushlabels": ["stamp"], **size}],
        "points": [{"x": 1, "y": 1, "width": 1, "keypointlabels": ["qr"], **size}],
    }
    read_back = read_label_studio(LabelFile("least.json", json.dumps([least])), ReadSettings())
    assert [mark.category for mark in read_back.annotations["a.png"][1].marks] == ["stamp"]
    assert read_back.remarks.counts == {
        "answers of the kind 'brushlabels', which are no boxes with a label, left out": 1,
        "answers of the kind 'keypointlabels', which are no boxes with a label, left out": 1,
    }


def test_results_that_are_a_text_are_read() -> None:
    task = {"id": 5, "data": {"image": "a.png"}, "annotations": [work(result=json.dumps([region()]))]}
    read_back = read_label_studio(LabelFile("tasks.json", json.dumps([task])), ReadSettings())
    assert len(read_back.annotations["a.png"][1].marks) == 1


def test_regions_of_copies_of_another_size_are_scaled() -> None:
    small = region("qr", id="b", original_width=500, original_height=1000)
    task = {"id": 5, "data": {"image": "a.png"}, "annotations": [work(region(), small)]}
    read_back = read_label_studio(LabelFile("tasks.json", json.dumps([task])), ReadSettings())
    page = read_back.annotations["a.png"][1]
    assert page.size_wh == (1000, 2000)
    assert page.marks[0].xywh == page.marks[1].xywh == (100.0, 400.0, 300.0, 100.0)
    assert read_back.remarks.counts == {"regions that refer to another size of their picture, scaled": 1}


def test_a_page_without_marks_needs_its_size_from_somewhere() -> None:
    lost = read(task(work()), task(work(region()), task_id=2, data={"image": "b.png"}))
    assert list(lost.annotations) == ["b.png"]
    assert "--images" in lost.remarks.sentences()[0]
    kept = read(task(work()), size_of=lambda name: (30, 40) if name == "scan one.jpg" else None)
    assert kept.annotations["scan one.jpg"][1].size_wh == (30, 40)


def test_boxes_that_are_none_stay_visible_as_such() -> None:
    (pages,) = read(task(work(region(value={"x": None}), region(value={"width": "wide"})))).annotations.values()
    assert math.isnan(pages[1].marks[0].xywh[0])
    assert math.isnan(pages[1].marks[1].xywh[2])


def test_addresses_below_a_base() -> None:
    data = {"image": "https://host/pages/deep/a.pdf/page_0002.jpg"}
    found = read(task(work(region()), data=data), base_url="https://host/pages/").annotations
    assert {name: list(pages) for name, pages in found.items()} == {"deep/a.pdf": [2]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "not a list of tasks"),
        ("{}", "no data"),
        ('[{"id": 1, "annotations": []}]', "no data"),
        ("[", "line 1"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_what_is_no_export(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_label_studio(LabelFile("export.json", text), ReadSettings())


def test_a_page_that_comes_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"task 2: scan one\.jpg, page 1 stands there twice"):
        read(task(work()), task(work(region()), task_id=2), size_of=lambda name: (10, 10))


def test_the_configuration_fits_the_tasks() -> None:
    settings = WriteSettings((*CLASSES, 'a <b> & "c"'), name="labels.json", colours={"stamp": "#dc2800"})
    files = written("label-studio", SAMPLE, settings)
    root = ElementTree.fromstring(files["labels.config.xml"])
    labels, image = root.find("RectangleLabels"), root.find("Image")
    assert labels is not None
    assert image is not None
    assert [label.get("value") for label in labels] == [*CLASSES, 'a <b> & "c"']
    assert labels[2].get("background") == "#dc2800"
    (result,) = json.loads(files["labels.json"])[0]["predictions"][0]["result"]
    assert (result["from_name"], result["to_name"]) == (labels.get("name"), image.get("name"))
    assert image.get("value") == "$image"


def test_the_score_of_a_task_is_that_of_its_least_certain_mark() -> None:
    first, second, third, _ = json.loads(written("label-studio", SAMPLE)["labels.json"])
    assert first["predictions"][0]["score"] == 0.91
    assert "score" not in second["predictions"][0]
    assert third["predictions"][0]["score"] == 0.5
    assert first["predictions"][0]["model_version"] == "docdetect"


def test_addresses_of_pictures() -> None:
    first, *_ = json.loads(written("label-studio", SAMPLE)["labels.json"])
    assert first["data"]["image"].startswith("/data/local-files/?d=images/%D0%B4%D0%BE")
    settings = WriteSettings(CLASSES, name="labels.json", base_url="https://host/p/")
    *_, last = json.loads(written("label-studio", SAMPLE, settings)["labels.json"])
    assert last["data"]["image"] == "https://host/p/deep/b%20%26%20c.jpg/page_0001.jpg"
