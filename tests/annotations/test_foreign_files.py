"""Files of COCO, Pascal VOC and LabelMe as other programs write them, and what is wrong with some of them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from docdetect.annotations.coco import read_coco
from docdetect.annotations.exchange import LabelFile, Reading, ReadSettings
from docdetect.annotations.labelme import read_labelme
from docdetect.annotations.voc import read_voc
from docdetect.errors import InputError

PLAIN = ReadSettings()


def coco(**changes: Any) -> Reading:
    """As CVAT exports COCO 1.0, with its attributes."""
    data: dict[str, Any] = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {"contributor": "", "date_created": "", "description": "", "url": "", "version": "", "year": ""},
        "categories": [{"id": 3, "name": "stamp", "supercategory": ""}, {"id": 7, "name": "qr", "supercategory": ""}],
        "images": [
            {"id": 10, "width": 100, "height": 200, "file_name": "act.pdf/page_0002.jpg", "license": 0, "coco_url": ""},
            {"id": 11, "width": 100, "height": 200, "file_name": "empty.png", "license": 0, "coco_url": ""},
        ],
        "annotations": [
            {
                "id": 1,
                "image_id": 10,
                "category_id": 7,
                "segmentation": [],
                "area": 50.0,
                "bbox": [1.0, 2.0, 5.0, 10.0],
                "iscrowd": 0,
                "attributes": {"occluded": False, "rotation": 0.0},
            }
        ],
    }
    return read_coco(LabelFile("instances.json", json.dumps(data | changes)), PLAIN)


def test_coco_of_cvat() -> None:
    read_back = coco()
    (mark,) = read_back.annotations["act.pdf"][2].marks
    assert (mark.category, mark.xywh, mark.confidence) == ("qr", (1.0, 2.0, 5.0, 10.0), None)
    assert read_back.annotations["empty.png"][1].marks == ()
    assert not read_back.remarks


def test_coco_ids_of_programs_that_keep_tables() -> None:
    box = {"bbox": [0, 0, 9, 9], "iscrowd": 0}
    read_back = coco(
        categories=[{"id": 3.0, "name": "stamp"}, {"id": 7.0, "name": "qr"}],
        annotations=[{"id": 1, "image_id": 10.0, "category_id": 3.0, **box}],
    )
    assert [mark.category for mark in read_back.annotations["act.pdf"][2].marks] == ["stamp"]
    assert not read_back.remarks


@pytest.mark.parametrize("categories", [[{"id": 3, "name": "stamp"}, {"id": 3, "name": "qr"}], [{"name": "stamp"}]])
def test_coco_categories_that_cannot_be_told_apart_are_refused(categories: list[dict[str, Any]]) -> None:
    with pytest.raises(InputError, match="categories without an id, or with the same id"):
        coco(categories=categories)


def test_coco_annotations_that_belong_to_nothing_are_counted() -> None:
    box = {"bbox": [0, 0, 9, 9], "iscrowd": 0}
    read_back = coco(
        annotations=[
            {"id": 1, "image_id": 99, "category_id": 3, **box},
            {"id": 2, "image_id": 10, "category_id": 1, **box},
            {"id": 3, "image_id": 10, "category_id": 3, **box, "iscrowd": 1},
            {"id": 4, "image_id": 10, "category_id": 3, "segmentation": [[1, 1, 5, 1, 5, 9]]},
            {"id": 5, "image_id": 10, "category_id": 3, **box, "attributes": {"rotation": 45}},
            {"id": 6, "image_id": 10, "category_id": 3},
        ]
    )
    assert list(read_back.remarks.counts.values()) == [1] * 5
    outline, turned, without = read_back.annotations["act.pdf"][2].marks
    assert outline.xywh == (1.0, 1.0, 4.0, 8.0)
    assert turned.xywh[2] == pytest.approx(9 * math.sqrt(2), abs=0.01)
    assert math.isnan(without.xywh[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"images": {}},
        {"categories": 1},
        {"annotations": [1]},
        {"images": [{"id": 1}, {"id": 1}]},
        {"images": [{"id": []}] * 2},
    ],
)
def test_what_is_no_coco_file(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"instances\.json"):
        coco(**changes)


def test_coco_results_alone_have_no_pages() -> None:
    with pytest.raises(InputError, match="list of images"):
        read_coco(LabelFile("r.json", '[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}]'), PLAIN)


VOC = """<annotation verified="yes">
	<folder>scans</folder>
	<filename>scan 1.jpg</filename>
	<path>/home/ann/scans/scan 1.jpg</path>
	<source><database>Unknown</database></source>
	<size><width>500</width><height>700</height><depth>3</depth></size>
	<segmented>0</segmented>
	<object>
		<name>stamp</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>
		<bndbox><xmin>48</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371</ymax></bndbox>
	</object>
	<object>
		<type>robndbox</type><name>stamp</name>
		<robndbox><cx>100</cx><cy>100</cy><w>40</w><h>20</h><angle>1.570796</angle></robndbox>
	</object>
</annotation>"""


def test_voc_of_labelimg_and_of_programs_with_turned_boxes() -> None:
    files = [LabelFile("Annotations/deep/scan 1.xml", VOC)]
    read_back = read_voc(files, "dataset", PLAIN)
    page = read_back.annotations["deep/scan 1.jpg"][1]
    assert page.size_wh == (500, 700)
    assert page.marks[0].xywh == (48.0, 240.0, 147.0, 131.0)
    assert page.marks[1].xywh == pytest.approx((90, 80, 20, 40), abs=0.01)
    assert list(read_back.remarks.counts) == ["boxes turned by an angle, of which the enclosing boxes are used"]
    counted_from_one = read_voc(files, "dataset", ReadSettings(voc_origin=1))
    assert counted_from_one.annotations["deep/scan 1.jpg"][1].marks[0].xywh == (47.0, 239.0, 148.0, 132.0)


def test_voc_refuses_entities_and_names_the_file() -> None:
    bomb = LabelFile("x/a.xml", '<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>')
    with pytest.raises(InputError, match=r"x/a\.xml"):
        read_voc([bomb], "dataset", PLAIN)


LABELME: dict[str, Any] = {
    "version": "2.4.4",
    "flags": {},
    "shapes": [
        {
            "label": "stamp",
            "score": 0.88,
            "points": [[10.0, 20.0], [110.0, 20.0], [110.0, 70.0], [10.0, 70.0]],
            "group_id": None,
            "description": "",
            "difficult": False,
            "shape_type": "rectangle",
            "flags": {},
            "attributes": {},
            "kie_linking": [],
        },
        {"label": "signature", "points": [[50, 60], [5, 6]], "shape_type": "rectangle"},
        {"label": "stamp", "points": [[50, 50], [50, 60]], "shape_type": "circle"},
        {"label": "stamp", "points": [[0, 0], [9, 1], [4, 7]], "shape_type": "polygon"},
        {"label": "stamp", "points": [[0, 0], [9, 1]], "shape_type": "line"},
        {"label": "", "points": [[0, 0], [9, 1]], "shape_type": "rectangle"},
    ],
    "imagePath": "..\\images\\scan 2.png",
    "imageData": None,
    "imageHeight": 480,
    "imageWidth": 640,
}


def test_labelme_and_x_anylabeling() -> None:
    read_back = read_labelme([LabelFile("deep/scan 2.json", json.dumps(LABELME))], "folder", PLAIN)
    page = read_back.annotations["deep/scan 2.png"][1]
    assert page.size_wh == (640, 480)
    assert [(mark.xywh, mark.confidence) for mark in page.marks] == [
        ((10.0, 20.0, 100.0, 50.0), 0.88),
        ((5.0, 6.0, 45.0, 54.0), None),
        ((40.0, 40.0, 20.0, 20.0), None),
        ((0.0, 0.0, 9.0, 7.0), None),
    ]
    assert read_back.remarks.counts == {
        "circles, of which the enclosing boxes are used": 1,
        "polygons, of which the enclosing boxes are used": 1,
        "shapes of the kind 'line', which are no boxes, left out": 1,
        "shapes without a label, left out": 1,
    }


def test_labelme_refuses_other_json() -> None:
    with pytest.raises(InputError, match=r"a\.json: not a JSON file of LabelMe"):
        read_labelme([LabelFile("a.json", '{"images": []}')], "folder", PLAIN)
