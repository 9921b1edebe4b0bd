"""Dumps of CVAT 1.1: tasks and jobs for images, tracks, other shapes, and hostile XML."""

from __future__ import annotations

import json

import pytest

from docdetect.annotations.cvat import read_cvat
from docdetect.annotations.exchange import LabelFile, Reading, ReadSettings
from docdetect.errors import InputError
from tests.support.labels import SAMPLE, written

META = """
  <version>1.1</version>
  <meta>
    <job>
      <id>12</id><size>3</size><mode>annotation</mode><overlap>0</overlap><bugtracker></bugtracker>
      <created>2026-03-09 21:52:49+00:00</created><updated>2026-03-09 22:16:08+00:00</updated><subset>default</subset>
      <start_frame>0</start_frame><stop_frame>2</stop_frame><frame_filter></frame_filter>
      <segments><segment><id>12</id><start>0</start><stop>2</stop><url>http://localhost:8080/api/jobs/12</url></segment></segments>
      <owner><username>ann</username><email>ann@example.org</email></owner><assignee></assignee>
      <labels>
        <label><name>stamp</name><color>#dc2800</color><type>any</type><attributes>
          <attribute><name>confidence</name><mutable>False</mutable><input_type>text</input_type>
            <default_value></default_value><values></values></attribute></attributes></label>
      </labels>
    </job>
    <dumped>2026-03-09 22:20:00+00:00</dumped>
  </meta>"""


def read(body: str, meta: str = META) -> Reading:
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>{meta}{body}</annotations>\n'
    return read_cvat(LabelFile("annotations.xml", text), ReadSettings())


def test_a_job() -> None:
    read_back = read(
        """
  <image id="0" name="act.pdf/page_0001.jpg" subset="default" task_id="5" width="1000" height="1400">
    <box label="stamp" source="auto" occluded="0" xtl="10.50" ytl="20.25" xbr="110.50" ybr="70.25" z_order="0">
      <attribute name="confidence">0.875</attribute>
    </box>
    <box label="signature" source="manual" occluded="1" xtl="1" ytl="2" xbr="3" ybr="5" z_order="1" group_id="2"></box>
  </image>
  <image id="1" name="act.pdf/page_0002.jpg" width="1000" height="1400">
  </image>
  <image id="2" name="photo.png" width="640" height="480"/>"""
    )
    assert {name: list(pages) for name, pages in read_back.annotations.items()} == {"act.pdf": [1, 2], "photo.png": [1]}
    first = read_back.annotations["act.pdf"][1]
    assert first.size_wh == (1000, 1400)
    assert [(mark.category, mark.xywh, mark.confidence) for mark in first.marks] == [
        ("stamp", (10.5, 20.25, 100.0, 50.0), 0.875),
        ("signature", (1.0, 2.0, 2.0, 3.0), None),
    ]
    assert read_back.annotations["photo.png"][1].marks == ()
    assert not read_back.remarks


def test_other_shapes_become_boxes_or_are_counted() -> None:
    read_back = read(
        """
  <image id="0" name="a.png" width="1000" height="1400">
    <polygon label="stamp" source="manual" occluded="0" points="10.00,20.00;30.00,25.50;15.00,60.00" z_order="0"/>
    <ellipse label="stamp" source="manual" occluded="0" cx="100" cy="200" rx="30" ry="10" z_order="0"/>
    <mask label="stamp" source="manual" occluded="0" rle="2, 3" left="5" top="6" width="7" height="8" z_order="0"/>
    <box label="stamp" source="manual" occluded="0" xtl="0" ytl="0" xbr="100" ybr="20" rotation="90.00" z_order="0"/>
    <polyline label="stamp" source="manual" occluded="0" points="1,2;3,4" z_order="0"/>
    <points label="stamp" source="manual" occluded="0" points="1,2" z_order="0"/>
    <tag label="letter" source="manual"/>
    <box label="stamp" occluded="0" xtl="0" ytl="0" xbr="9" ybr="9"><attribute name="ink">blue</attribute></box>
  </image>"""
    )
    assert [mark.xywh for mark in read_back.annotations["a.png"][1].marks] == [
        (10.0, 20.0, 20.0, 40.0),
        (70.0, 190.0, 60.0, 20.0),
        (5.0, 6.0, 7.0, 8.0),
        (40.0, -40.0, 20.0, 100.0),  # turned about its centre
        (0.0, 0.0, 9.0, 9.0),
    ]
    assert read_back.remarks.counts == {
        "polygons, of which the enclosing boxes are used": 1,
        "ellipses, of which the enclosing boxes are used": 1,
        "masks, of which the enclosing boxes are used": 1,
        "boxes turned by an angle, of which the enclosing boxes are used": 1,
        "polylines, which are no boxes, left out": 1,
        "points, which are no boxes, left out": 1,
        "tags, which belong to whole pictures, left out": 1,
        "attributes 'ink' of marks, left out": 1,
    }


def test_tracks_are_read_frame_by_frame_and_have_no_mark_outside_the_picture() -> None:
    meta = """
  <version>1.1</version>
  <meta><task><id>5</id><name>contracts</name><size>4</size><mode>interpolation</mode>
    <original_size><width>800</width><height>600</height></original_size><source>contract.pdf</source></task></meta>"""
    box = '<box frame="{}" keyframe="{}" outside="{}" occluded="0" xtl="{}" ytl="0" xbr="{}" ybr="10" z_order="0"/>'
    frames = box.format(0, 1, 0, 5, 25) + box.format(1, 0, 0, 6, 26) + box.format(2, 1, 1, 6, 26)
    read_back = read(f'<track id="0" label="stamp" source="manual">{frames}</track>', meta)
    pages = read_back.annotations["contract.pdf"]
    assert {number: [mark.xywh[0] for mark in page.marks] for number, page in pages.items()} == {
        1: [5.0],
        2: [6.0],
        3: [],
        4: [],
    }
    assert pages[1].size_wh == (800, 600)


@pytest.mark.parametrize(
    ("frames", "numbers"),
    [
        ("<size>3</size><start_frame>10</start_frame><stop_frame>12</stop_frame>", [11, 12, 13]),
        (
            "<size>2</size>\n<start_frame>\n10</start_frame><stop_frame>19</stop_frame>"
            "<frame_filter> step = 5\n</frame_filter>",
            [11, 16],
        ),
        ("<start_frame>10</start_frame><stop_frame>11</stop_frame><frame_filter></frame_filter>", [11, 12]),
        ("<size>3</size>", [1, 2, 3]),
    ],
    ids=["a part", "every fifth", "no size", "size alone"],
)
def test_frames_that_are_not_of_the_task_are_no_pages_without_marks(frames: str, numbers: list[int]) -> None:
    size = "<original_size><width>800</width><height>600</height></original_size>"
    meta = f"<meta><task><mode>interpolation</mode>{frames}{size}<source>\n contract.pdf\n</source></task></meta>"
    empty = read("", meta)
    assert {name: list(pages) for name, pages in empty.annotations.items()} == {"contract.pdf": numbers}
    box = f'<box frame="{numbers[-1] - 1}" outside="0" xtl="1" ytl="2" xbr="3" ybr="4"/>'
    pages = read(f'<track id="0" label="stamp">{box}</track>', meta).annotations["contract.pdf"]
    assert [number for number, page in pages.items() if page.marks] == numbers[-1:]
    assert list(pages) == numbers


def test_frames_that_a_dump_does_not_say_are_not_made_up() -> None:
    meta = """<meta><job><size>3</size><start_frame>0</start_frame><stop_frame>9</stop_frame><source>a.pdf</source>
        <original_size><width>800</width><height>600</height></original_size></job></meta>"""
    box = '<box frame="4" outside="0" xtl="1" ytl="2" xbr="3" ybr="4"/>'
    read_back = read(f'<track id="0" label="stamp">{box}</track>', meta)
    assert list(read_back.annotations["a.pdf"]) == [5]
    assert list(read_back.remarks.counts) == [
        "dumps that do not say which frames they are about: frames without a mark, left out"
    ]


def test_a_text_that_names_another_encoding_keeps_its_names() -> None:
    image = '<image name="Акт.png" width="9" height="8"/>'
    text = f'<?xml version="1.0" encoding="windows-1251"?><annotations>{image}</annotations>'
    assert list(read_cvat(LabelFile("a.xml", text), ReadSettings()).annotations) == ["Акт.png"]


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations>&x;</annotations>',
        '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><annotations>&b;</annotations>',
        '<!DOCTYPE annotations SYSTEM "http://example.org/x.dtd"><annotations/>',
    ],
    ids=["external entity", "billion laughs", "external definition"],
)
def test_xml_with_entities_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="entities or a document type definition"):
        read_cvat(LabelFile("a.xml", text), ReadSettings())


@pytest.mark.parametrize(
    ("text", "message"), [("<a", "not valid XML"), ("", "not valid XML"), ("<annotation/>", "root element")]
)
def test_what_is_no_dump(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_cvat(LabelFile("a.xml", text), ReadSettings())


def test_a_picture_that_stands_in_it_twice_is_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        read('<image id="0" name="a.png" width="9" height="9"/><image id="1" name="a.png" width="9" height="9"/>')


def test_the_labels_beside_the_xml_have_the_attributes_of_its_boxes() -> None:
    files = written("cvat", SAMPLE)
    labels = json.loads(files["labels.labels.json"])
    assert [label["name"] for label in labels] == ["qr", "signature", "stamp"]
    assert {attribute["name"] for attribute in labels[0]["attributes"]} == {"confidence", "text"}
    assert '<attribute name="confidence">0.91</attribute>' in files["labels.xml"]
