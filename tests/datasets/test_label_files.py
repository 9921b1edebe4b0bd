"""Files and folders of annotations on disk: every file is read, or named as left out."""

from __future__ import annotations

import json
from pathlib import Path

from docdetect.annotations.exchange import ReadSettings
from docdetect.datasets.label_files import READERS
from tests.support.fakes import make_image


def test_suffixes_in_capitals_are_suffixes(tmp_path: Path) -> None:
    size = "<size><width>9</width><height>8</height></size>"
    for name in ("a.xml", "B.XML"):
        (tmp_path / name).write_text(f"<annotation><filename>{name}.png</filename>{size}</annotation>")
    assert set(READERS["voc"](tmp_path, ReadSettings()).annotations) == {"a.xml.png", "B.XML.png"}
    page = json.dumps({"shapes": [], "imagePath": "c.png", "imageWidth": 9, "imageHeight": 8})
    (tmp_path / "C.JSON").write_text(page)
    assert set(READERS["labelme"](tmp_path, ReadSettings()).annotations) == {"c.png"}


def test_labels_without_a_picture_are_counted(tmp_path: Path) -> None:
    make_image(tmp_path / "images" / "a.png", [])
    labels = tmp_path / "labels"
    labels.mkdir()
    for name in ("a.txt", "lost.txt"):
        # As a program on Windows writes them: a byte order mark, and two characters at the end of a line.
        (labels / name).write_bytes(b"\xef\xbb\xbf0 0.5 0.5 0.1 0.1\r\n")
    (labels / "classes.txt").write_text("stamp\n")
    (tmp_path / "data.yaml").write_text("names: [stamp]\ntrain: images\nval: images\n")
    read_back = READERS["yolo"](tmp_path, ReadSettings())
    assert [mark.category for mark in read_back.annotations["a.png"][1].marks] == ["stamp"]
    assert read_back.remarks.counts == {"label files without a picture, left out": 1}
    assert any("lost.txt" in sentence for sentence in read_back.remarks.sentences())
