"""Which classes are labelled where, for sources in which people labelled some classes only.

A page of a source that labels stamps alone says nothing about signatures: a signature without a box is no background
there, and a signature that a network finds there is no false alarm. Training leaves the other classes of such a page
out of its classification loss, and evaluation scores only what is labelled.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from docdetect.errors import InputError
from docdetect.files import absolute, nfc, read_json, relative_name, write_json

EVERYWHERE = "."
"""The place that stands for a whole dataset, or for all documents."""
_FILE = "labelled.json"


@dataclass(frozen=True)
class LabelRules:
    """Places and the classes that are labelled there; of several places that hold a page the deepest decides.

    Attributes:
        classes: place -> names of the classes. A place is a folder, or a picture or document itself, POSIX, relative
            to the dataset or to the folder of the documents; `EVERYWHERE` is all of it.
        written: what a data.yaml says: a list of names, a mapping, or the path of a JSON file with the mapping.
    """

    classes: Mapping[str, tuple[str, ...]]
    written: Any = field(default=None, compare=False)

    def names_at(self, name: str) -> tuple[str, ...] | None:
        """The names of the classes that are labelled on a page; None where no rule says anything: all of them.

        Args:
            name: of the picture or of the document, POSIX.
        """
        place = name
        while True:
            if place in self.classes:
                return self.classes[place]
            above, slash, _ = place.rpartition("/")
            if not slash:
                return self.classes.get(EVERYWHERE)
            place = above

    def ids_at(self, name: str, class_names: Sequence[str]) -> frozenset[int] | None:
        """As `names_at`, as class ids; None where all classes are labelled."""
        named = self.names_at(name)
        ids = range(len(class_names)) if named is None else [class_names.index(one) for one in named]
        return None if len(set(ids)) == len(class_names) else frozenset(ids)


def read_rules(entry: Any, root: Path, folder: Path, class_names: Sequence[str]) -> LabelRules | None:
    """What `labelled` of a data.yaml says.

    Args:
        entry: the value of the key; None where it is not there.
        root: the folder of the dataset, which places are relative to.
        folder: the folder of the data.yaml.
        class_names: the classes of the dataset.

    Raises:
        ValueError: it says nothing that can be meant, names an unknown class, or a place that is not there.
        InputError: the JSON file that it names cannot be read.
    """
    if entry is None:
        return None
    if isinstance(entry, list):
        return LabelRules({EVERYWHERE: _names(entry, class_names)}, list(entry))
    written: Any = entry
    if isinstance(entry, str):
        file = next((place for place in (root / entry, folder / entry) if place.is_file()), None)
        if file is None:
            raise ValueError(f"{entry!r} is neither a list of classes nor a JSON file that is there")
        written, entry = absolute(file).as_posix(), read_json(file)
    if not isinstance(entry, Mapping):
        raise ValueError(f"expected a list of classes, or folders with lists of classes, found {entry!r}")
    rules = {}
    for place, names in entry.items():
        path = root / str(place)
        if not path.exists():
            raise ValueError(f"{place!r} is no folder and no picture of the dataset (looked for {path})")
        rules[_place(path, root)] = _names(names, class_names)
    return LabelRules(rules, written if isinstance(written, str) else {str(k): list(v) for k, v in entry.items()})


def written_rules(places: Mapping[str, frozenset[int] | None], class_names: Sequence[str]) -> Any:
    """What `labelled` must say of pictures: None (everything is labelled), a list (the same for all), or a mapping.

    Args:
        places: name of a picture -> class ids that are labelled on it; None for all.
        class_names: in the order of their ids.
    """
    partial = {name: [class_names[one] for one in sorted(ids)] for name, ids in places.items() if ids is not None}
    if not partial:
        return None
    first = next(iter(partial.values()))
    if len(partial) == len(places) and all(names == first for names in partial.values()):
        return first
    return dict(sorted(partial.items()))


def write_rules(folder: Path, places: Mapping[str, frozenset[int] | None], class_names: Sequence[str]) -> Any:
    """What `labelled` of a data.yaml in this folder must say, see `written_rules`; a mapping goes into a file.

    Returns:
        None, a list, or the name of the file.

    Raises:
        OutputError: the file cannot be written.
    """
    rules = written_rules(places, class_names)
    if not isinstance(rules, dict):
        return rules
    write_json(folder / _FILE, rules)
    return _FILE


def document_rules(classes: Mapping[str, tuple[str, ...]], documents: Sequence[str]) -> LabelRules | None:
    """What `data.labelled` of a configuration says about documents; None where it says nothing.

    Args:
        classes: folder of documents or document -> names of the classes, see `LabelRules`.
        documents: names of the documents.

    Raises:
        InputError: a place holds no document.
    """
    if not classes:
        return None
    known = {EVERYWHERE}
    for name in documents:
        known.add(name)
        known.update(parent.as_posix() for parent in PurePosixPath(name).parents)
    if wrong := sorted(set(classes) - known):
        raise InputError(
            f"data.labelled: {wrong[0]!r} is no folder of documents and no document",
            f"Name a folder or a document relative to data.pdfs, or {EVERYWHERE!r} for all documents.",
        )
    return LabelRules(classes)


def rules_of_pages(
    pages: Sequence[tuple[str, tuple[str, ...] | None]], class_names: Sequence[str]
) -> LabelRules | None:
    """What the pages of a dataset say about the documents that they come from; None where every class is labelled.

    Args:
        pages: document and classes that are labelled on a page of it, None for all; once for each page.
        class_names: in the order of their ids. A class counts as labelled in a document where it is on all its pages.
    """
    classes: dict[str, tuple[str, ...]] = {}
    for document, named in pages:
        before = classes.get(document, tuple(class_names))
        classes[document] = before if named is None else tuple(name for name in before if name in named)
    partial = {document: named for document, named in classes.items() if len(named) < len(class_names)}
    return LabelRules(partial) if partial else None


def _place(path: Path, root: Path) -> str:
    plain, plain_root = Path(os.path.normpath(path)), Path(os.path.normpath(root))
    if plain == plain_root:
        return EVERYWHERE
    return relative_name(plain, plain_root) if plain.is_relative_to(plain_root) else nfc(plain.absolute().as_posix())


def _names(listed: Any, class_names: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise ValueError(f"expected a list of classes, found {listed!r}")
    if unknown := [one for one in listed if one not in class_names]:
        raise ValueError(f"{', '.join(unknown)} not among the classes {', '.join(class_names)}")
    return tuple(listed)
