"""`labels --from --to`: annotations of one format become annotations of another, and nothing is lost in silence."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from docdetect.annotations.exchange import Reading, ReadSettings, Remarks
from docdetect.annotations.formats import FORMATS, Format
from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.annotations.writing import WriteSettings
from docdetect.config.schema import DataConfig, LabelsConfig
from docdetect.datasets.label_files import READERS, sizes_in, write_labels
from docdetect.documents.drawing import colours_of
from docdetect.errors import InputError, OutputExistsError, did_you_mean
from docdetect.files import LOCK_NAME, nfc


@dataclass(frozen=True)
class LabelConversion:
    """What a conversion did.

    Attributes:
        output: the file or folder that was written.
        files: names of the files and folders beside or in it.
        documents, pages, empty: how many there are now; empty pages have no mark.
        marks: category -> how many.
        remarks: sentences about what was changed or left out, each with a count and the first places.
        counts: what was changed or left out -> how often.
    """

    output: Path
    files: tuple[str, ...]
    documents: int
    pages: int
    empty: int
    marks: Mapping[str, int]
    remarks: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


def convert_labels(
    source: Path,
    output: Path,
    config: LabelsConfig,
    data: DataConfig,
    read: Callable[[Path, ReadSettings], Reading] | None = None,
) -> LabelConversion:
    """Reads annotations of the format `config.from_format` and writes them in the format `config.to_format`.

    Categories are renamed or dropped by `data.class_map`; categories beyond `data.classes` are kept, with a remark.
    Boxes that no format can hold (not finite, negative sizes) are left out, with a remark.

    Args:
        source: file or folder of annotations.
        output: the file, or for formats with a file for each page the folder, that is written.
        config: the formats, and how things are named.
        data: classes and the class map; `data.overwrite` allows files that are there to be replaced.
        read: reads the source, where the format is none of `READERS`.

    Raises:
        InputError: annotations that cannot be read, or without any page.
        OutputExistsError: the output is there.
        OutputError: the output cannot be written.
    """
    target = FORMATS[config.to_format]
    images = Path(config.images) if config.images else None
    _check_output(output, target, overwrite=data.overwrite)
    settings = ReadSettings(sizes_in(images), config.base_url, config.voc_origin)
    found = (read or READERS[config.from_format])(source, settings)
    annotations, remarks = _usable(found, data.class_map, target)
    if not annotations:
        raise InputError(
            "\n".join([f"{source}: no page to convert", *remarks.sentences()]), "Check --from and the path."
        )
    marks = Counter(mark.category for pages in annotations.values() for page in pages.values() for mark in page.marks)
    categories = tuple(dict.fromkeys((*data.classes, *sorted(marks))))
    for name in categories[len(data.classes) :]:
        hint = did_you_mean(name, data.classes)
        where = f"--map {name}=CLASS renames it, --map {name}=null drops it"
        remarks.add(f"marks of the category {name!r}, which is no class{hint}, kept", where, marks[name])
    _note_losses(annotations, target, config, remarks)
    writer = target.writer(_write_settings(config, target, output, images, categories))
    files = write_labels(annotations, writer, output if target.is_folder else output.parent)
    pages = [page for found in annotations.values() for page in found.values()]
    return LabelConversion(
        output,
        files,
        len(annotations),
        len(pages),
        sum(not page.marks for page in pages),
        {name: marks[name] for name in categories},
        tuple(remarks.sentences()),
        remarks.counts,
    )


def _usable(read: Reading, class_map: Mapping[str, str | None], target: Format) -> tuple[Annotations, Remarks]:
    """The annotations with renamed categories and without boxes that nobody can write down."""
    remarks = Remarks()
    remarks.merge(read.remarks)
    renamed = {nfc(name).strip(): to for name, to in class_map.items()}
    annotations: Annotations = {}
    for document, pages in read.annotations.items():
        if pages or target.keeps_documents:
            annotations[document] = {}
        else:
            remarks.add("documents of which no page is listed, left out", document)
        for number, page in sorted(pages.items()):
            where = f"{document}, page {number}"
            marks = [kept for mark in page.marks if (kept := _usable_mark(mark, renamed, remarks, where))]
            if not target.keeps_outside:
                _note_cut(page, marks, remarks, where)
            annotations[document][number] = replace(page, marks=tuple(marks))
    return annotations, remarks


def _usable_mark(mark: Mark, renamed: Mapping[str, str | None], remarks: Remarks, where: str) -> Mark | None:
    category = nfc(mark.category).strip()
    to = renamed.get(category, category)
    if to is None:
        remarks.add(f"marks of the category {category!r}, dropped by the class map", where)
        return None
    x, y, width, height = mark.xywh
    if not all(map(math.isfinite, (x, y, width, height, x + width, y + height, width * height))):
        remarks.add("marks whose box is no box (missing, or not finite), left out", where)
        return None
    if width < 0 or height < 0:
        remarks.add("marks whose box has a negative size, left out", where)
        return None
    return replace(mark, category=to)


def _note_cut(page: AnnotatedPage, marks: list[Mark], remarks: Remarks, where: str) -> None:
    """Notes boxes that are cut at the edge of the page."""
    width_px, height_px = page.size_wh
    for mark in marks:
        x, y, width, height = mark.xywh
        if min(x, y, width_px - x - width, height_px - y - height) < -1:
            remarks.add("boxes that reach over the edge of the page, cut there", where)


def _note_losses(annotations: Annotations, target: Format, config: LabelsConfig, remarks: Remarks) -> None:
    """Notes what the target has no place for."""
    for document, pages in annotations.items():
        for number, page in pages.items():
            where = f"{document}, page {number}"
            for mark in page.marks:
                if mark.confidence is not None and not target.keeps_confidence and not config.confidences:
                    remarks.add("confidences (--confidences writes them as a sixth value), left out", where)
                if mark.text is not None and not target.keeps_texts:
                    remarks.add("texts of codes, which the format has no place for, left out", where)
                elif mark.text is not None and not target.holds_text(mark.text):
                    cannot = f"texts of codes with characters that {target.name} cannot hold"
                    remarks.add(f"{cannot}, question marks in their place", where)


def _write_settings(
    config: LabelsConfig, target: Format, output: Path, images: Path | None, categories: tuple[str, ...]
) -> WriteSettings:
    folder = output if target.is_folder else output.parent
    if images is None:
        named = target.images
    elif target.names_images_from_root:
        named = images.name
    else:
        named = Path(os.path.relpath(images, folder)).as_posix()
    return WriteSettings(
        categories,
        output.name,
        named,
        config.base_url,
        config.model_version,
        colours_of(categories),
        config.confidences,
        config.voc_origin,
    )


def _check_output(output: Path, target: Format, *, overwrite: bool) -> None:
    """Refuses an output that is there, or of the wrong kind, before anything is read."""
    if target.is_folder:
        if output.is_file():
            raise OutputExistsError(f"{output}: is a file, but {target.name} is a folder", "Choose another folder.")
        is_taken = output.is_dir() and any(one.name != LOCK_NAME for one in output.iterdir())
    else:
        if output.is_dir():
            raise OutputExistsError(
                f"{output}: is a folder, but {target.name} is one file", f"Name a file, such as labels{target.suffix}."
            )
        is_taken = output.exists()
    if is_taken and not overwrite:
        raise OutputExistsError(
            f"{output}: is there already", "Choose another name, or add --overwrite to replace files of the same names."
        )
