"""The annotation formats by name: what writes each of them, and what kind of file or folder it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from docdetect.annotations.coco import CocoWriter
from docdetect.annotations.cvat import CvatWriter
from docdetect.annotations.label_studio import LabelStudioWriter
from docdetect.annotations.labelme import LabelmeWriter
from docdetect.annotations.native import NativeWriter
from docdetect.annotations.voc import VocWriter
from docdetect.annotations.writing import LabelWriter, WriteSettings, fits_xml
from docdetect.annotations.yolo import YoloWriter


def _holds_any_text(text: str) -> bool:
    return True


@dataclass(frozen=True)
class Format:
    """A format that annotations are written in.

    Attributes:
        name: as in `docdetect labels --to`.
        writer: makes the writer of one file or folder.
        suffix: of the one file, or of the files of a folder, such as `.json`.
        is_folder: whether there is a file for each page, in a folder.
        keeps_confidence: whether confidences survive without a word about it.
        keeps_texts: whether it has a place for what codes say.
        keeps_outside: whether boxes may reach over the edge of the page; where they may not, they are cut there.
        keeps_documents: whether it has a place for documents of which no page is listed.
        holds_text: whether the format can hold all characters of a text; it puts `?` in place of those it cannot.
        images: folder, relative to what is written, in which its program looks for pictures.
        names_images_from_root: whether it names the folder of the pictures below a root that its program serves, and
            not relative to what is written.
    """

    name: str
    writer: Callable[[WriteSettings], LabelWriter]
    suffix: str
    is_folder: bool = False
    keeps_confidence: bool = True
    keeps_texts: bool = True
    keeps_outside: bool = True
    keeps_documents: bool = False
    holds_text: Callable[[str], bool] = _holds_any_text
    images: str = "images"
    names_images_from_root: bool = False


FORMATS: Mapping[str, Format] = {
    found.name: found
    for found in (
        Format("native", NativeWriter, ".json", keeps_documents=True),
        Format("label-studio", LabelStudioWriter, ".json", names_images_from_root=True),
        Format("cvat", CvatWriter, ".xml", holds_text=fits_xml),
        Format("coco", CocoWriter, ".json"),
        Format("voc", VocWriter, ".xml", is_folder=True, holds_text=fits_xml),
        Format(
            *("yolo", YoloWriter, ".txt"),
            is_folder=True,
            keeps_confidence=False,
            keeps_texts=False,
            keeps_outside=False,
        ),
        Format("labelme", LabelmeWriter, ".json", is_folder=True, images="."),
    )
}
"""Name -> format. `docdetect.datasets.label_files.READERS` has the readers, which need files and folders."""
