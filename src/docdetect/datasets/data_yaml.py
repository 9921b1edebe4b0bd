"""The `data.yaml` of a YOLO dataset: class names, and where the pictures of each split lie.

docdetect reads the dialects that people have: docdetect's own (`prepare`, `synth`, and the file that `train` writes
into its run folder), Ultralytics', Roboflow's and CVAT's. A split names one place or a list of places; a place is a
folder of pictures or a text file that lists pictures, one path a line. A path is tried relative to `path:`, then
relative to the folder of the data.yaml, and then, as Ultralytics does it, without a leading "../".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docdetect.config.loading import parse_yaml
from docdetect.datasets.labelled import LabelRules, read_rules
from docdetect.datasets.split import SPLIT_NAMES
from docdetect.documents.kinds import DocumentKind, suffix_kind
from docdetect.errors import ConfigError, InputError, problem_list
from docdetect.files import read_text

DATA_YAML = "data.yaml"
_LIST_SUFFIX = ".txt"
# Files beside images/ and labels/ in what Label Studio exports as YOLO, with and without pictures.
_FILES_OF_LABEL_STUDIO = ("classes.txt", "notes.json")
# Other names of a split that are in use; Ultralytics reads `validation`, too.
_OTHER_NAMES = {"val": ("validation", "valid")}
_PREPARE = "docdetect prepare makes a dataset from documents and annotations."
_USUAL_PLACES = ("images/{0}", "{0}/images", "{0}", "{0}.txt")


@dataclass(frozen=True)
class DataYaml:
    """What a data.yaml says.

    Attributes:
        file: the data.yaml.
        root: the folder that `path:` names, or else the folder of the file.
        class_names: in the order of their ids.
        entries: split name -> the places that it names, as written.
        distractors: the JSON file of places that resemble marks; None where the data.yaml names none.
        lines: key -> its line in the file, from 1.
        labelled: which classes are labelled where; None where all of them are labelled everywhere.
    """

    file: Path
    root: Path
    class_names: tuple[str, ...]
    entries: Mapping[str, tuple[str, ...]]
    distractors: Path | None = None
    lines: Mapping[str, int] = field(default_factory=dict)
    labelled: LabelRules | None = None

    def places(self, split: str) -> tuple[Path, ...]:
        """The folders and lists of pictures of a split, all of them there.

        Raises:
            InputError: the split is not named, or a place is not there; the remedy says which line to change.
        """
        entries = self.entries.get(split)
        if not entries:
            raise self._wrong(split, "no folder of pictures is named", self._advice(split))
        found = [_first_existing(entry, (self.root, self.file.parent)) for entry in entries]
        for entry, place in zip(entries, found, strict=True):
            if place is None or not (place.is_dir() or place.suffix.lower() == _LIST_SUFFIX):
                reason = f"{entry!r} is no folder of pictures and no list of pictures (looked for {self.root / entry})"
                raise self._wrong(split, reason, self._advice(split))
        return tuple(place for place in found if place is not None)

    def pictures(self, split: str) -> tuple[Path, ...]:
        """The pictures of a split, each once, sorted by path.

        Raises:
            InputError: as `places`; or a list names pictures that are not there, all of which the message has.
        """
        found: set[Path] = set()
        for place in self.places(split):
            found.update(self._listed(place) if place.is_file() else _in_folder(place))
        return tuple(sorted(found))

    def _listed(self, file: Path) -> Iterator[Path]:
        """The pictures that a list names, relative to the list's own folder or to the dataset's."""
        problems = []
        for number, line in enumerate(read_text(file).splitlines(), start=1):
            if not (name := line.strip()):
                continue
            picture = _first_existing(name, (file.parent, self.root, self.file.parent))
            if picture is None or not picture.is_file():
                problems.append(f"line {number}: {name}: no such picture")
            else:
                yield picture
        if problems:
            raise InputError(
                problem_list(f"{file}: the list names pictures that are not there", problems),
                f"Write each path relative to {file.parent}, or correct path: in {self.file}.",
            )

    def _wrong(self, key: str, reason: str, remedy: str) -> InputError:
        return wrong_entry(self.file, self.lines, key, reason, remedy)

    def _advice(self, split: str) -> str:
        where = f"change line {self.lines[split]}" if split in self.lines else "add a line"
        for usual in _USUAL_PLACES:
            for name in (split, *_OTHER_NAMES.get(split, ())):
                place = usual.format(name)
                if (self.file.parent / place).exists():
                    return f"In {self.file} {where} to: {split}: {place}"
        example = f"{split}: images/{split}"
        # prepare makes a test split only where one is asked for.
        if split == "test" and self.entries:
            return (
                f"In {self.file} {where} to name the folder of the pictures, for example: {example}. "
                "docdetect prepare --test 0.1 makes a dataset with a test split of a tenth of its pages."
            )
        if self.entries.get(split) == (f"images/{split}",):  # the example would be what stands there already
            return f"Put the pictures of the split there, or {where} of {self.file} to name their folder ({_PREPARE})"
        return f"In {self.file} {where} to name the folder of the pictures, for example: {example} ({_PREPARE})"


def find_data_yaml(data: str | Path) -> Path:
    """The data.yaml that `data` means: the file, or the folder it lies in.

    Raises:
        InputError: there is none, or an export that is no dataset.
    """
    path = Path(data)
    file = path / DATA_YAML if path.is_dir() else path
    if file.suffix.lower() == ".zip":
        raise InputError(f"{file}: archives are not read", f"Unpack it, and give the folder with its {DATA_YAML}.")
    if not file.is_file() and all((path / name).is_file() for name in _FILES_OF_LABEL_STUDIO):
        raise InputError(
            f"{path}: an export of Label Studio in its format YOLO, which keeps only the last part of the names of "
            "pictures, so that pages of different documents overwrite each other",
            "In Label Studio, export the project as JSON, and convert it: "
            "docdetect labels --from label-studio --to native export.json annotations.json.",
        )
    if not file.is_file():
        raise InputError(f"{file}: no such dataset", f"Give the folder of a dataset, or its {DATA_YAML}. {_PREPARE}")
    return file


def read_data_yaml(data: str | Path) -> DataYaml:
    """What the data.yaml of a dataset says; which places exist is looked at later.

    Args:
        data: a data.yaml, or the folder it lies in.

    Raises:
        InputError: no dataset, not YAML, wrong names or paths; the remedy says which line to change.
    """
    file = find_data_yaml(data)
    text = read_text(file)
    try:
        tree = parse_yaml(text, str(file))
    except ConfigError as error:  # to the reader of a dataset a broken data.yaml is bad input, not a configuration
        raise InputError(error.message, f"Correct {file}, or make it again. {_PREPARE}") from error
    lines = _key_lines(text)
    names = _class_names(tree, file, lines)
    root = _root(tree.get("path"), file, lines)
    entries = {split: _entries(tree, split, file, lines) for split in SPLIT_NAMES}
    return DataYaml(
        file,
        root,
        names,
        {split: found for split, found in entries.items() if found},
        _distractors(tree.get("distractors"), root, file, lines),
        lines,
        _labelled(tree.get("labelled"), root, file, names, lines),
    )


def data_yaml_text(
    classes: Sequence[str],
    places: Mapping[str, Sequence[Path | str]],
    *,
    root: Path | None = None,
    distractors: Path | str | None = None,
    labelled: Any = None,
) -> str:
    """The text of a data.yaml that docdetect and Ultralytics read alike.

    Without `root` there is no `path` in it: Ultralytics then takes the folder that the data.yaml lies in, whatever
    folder it is run in, and the dataset can be moved. (`path: .` would mean the folder that a training is started in.)

    Args:
        classes: class names in the order of their ids.
        places: split name -> folders or lists of pictures, relative to the folder of the file or absolute.
        root: the folder of the dataset where the file does not lie in it.
        distractors: the JSON file of places that resemble marks, relative to the folder of the file or absolute.
        labelled: the classes that are labelled, by folder or picture, or the JSON file that says so; None for all. See
            `docdetect.datasets.labelled`.
    """
    import yaml

    tree: dict[str, Any] = {} if root is None else {"path": root.as_posix()}
    for split in SPLIT_NAMES:
        if found := [Path(place).as_posix() for place in places.get(split, ())]:
            tree[split] = found[0] if len(found) == 1 else found
    tree["names"] = dict(enumerate(classes))
    if distractors is not None:
        tree["distractors"] = Path(distractors).as_posix()
    if labelled is not None:
        tree["labelled"] = labelled
    note = "# Made by docdetect. Paths are relative to this file.\n" if root is None else "# Made by docdetect.\n"
    return note + str(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))


def wrong_entry(file: Path, lines: Mapping[str, int], key: str, reason: str, remedy: str) -> InputError:
    """The error about one key of a data.yaml, with the line that the key stands in where it is there."""
    where = f", line {lines[key]}" if key in lines else ""
    return InputError(f"{file}{where}: {key}: {reason}", remedy)


def _first_existing(entry: str, folders: Sequence[Path]) -> Path | None:
    """The first of the places that an entry can mean and that is there; see the head of this module."""
    spellings = [entry]
    if "\\" in entry:  # written on Windows
        spellings.append(entry.replace("\\", "/"))
    for spelling in list(spellings):
        shorter = spelling
        while shorter.startswith("../"):
            shorter = shorter.removeprefix("../")
            spellings.append(shorter)
        if spelling.startswith("data/"):  # CVAT and Datumaro begin the paths of a list with the folder of their archive
            spellings.append(spelling.removeprefix("data/"))
    candidates = (folder / spelling for spelling in spellings for folder in dict.fromkeys(folders))
    return next((place for place in candidates if place.exists()), None)


def _in_folder(folder: Path) -> Iterator[Path]:
    """The pictures in a folder and the folders in it; hidden files, such as those of macOS, are none."""
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and suffix_kind(path) is DocumentKind.IMAGE and path.is_file():
            yield path


def _key_lines(text: str) -> dict[str, int]:
    """Key of the outermost mapping of a YAML text -> its line, from 1."""
    import yaml

    node = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(key.value): key.start_mark.line + 1 for key, _ in pairs}


def _class_names(tree: Mapping[str, Any], file: Path, lines: Mapping[str, int]) -> tuple[str, ...]:
    names, remedy = tree.get("names"), f"In {file} write for example: names: [qr, signature, stamp]"
    listed = names
    if isinstance(names, dict):
        by_id = {int(key) if str(key).isdecimal() else key: name for key, name in names.items()}
        listed = [by_id[key] for key in range(len(by_id))] if set(by_id) == set(range(len(names))) else None
    if not isinstance(listed, list) or not listed or not all(isinstance(name, str) and name for name in listed):
        reason = f"expected the class names as texts in the order of their ids from 0, found {names!r}"
        raise wrong_entry(file, lines, "names", reason, remedy)
    if len(set(listed)) != len(listed):
        raise wrong_entry(file, lines, "names", f"a name stands twice in {listed}", remedy)
    count = tree.get("nc")
    if isinstance(count, int) and count != len(listed):
        reason = f"{count} classes, but names has {len(listed)}"
        raise wrong_entry(file, lines, "nc", reason, f"Take the line nc: out of {file}, or correct names.")
    return tuple(listed)


def _root(path: Any, file: Path, lines: Mapping[str, int]) -> Path:
    """The folder of the dataset; the folder of the file where `path` is not there, so that a dataset can be moved."""
    if path is None:
        return file.parent
    if not isinstance(path, str):
        remedy = f"In {file} take the line path: out, or name the folder of the dataset."
        raise wrong_entry(file, lines, "path", f"expected a folder, found {path!r}", remedy)
    root = file.parent / path  # an absolute path wins
    return root if root.is_dir() else file.parent


def _entries(tree: Mapping[str, Any], split: str, file: Path, lines: Mapping[str, int]) -> tuple[str, ...]:
    key = next((name for name in (split, *_OTHER_NAMES.get(split, ())) if tree.get(name) is not None), split)
    value = tree.get(key)
    listed = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(entry, str) and entry for entry in listed):
        remedy = f"In {file} write for example: {key}: images/{split}"
        raise wrong_entry(file, lines, key, f"expected a folder or a list of folders, found {value!r}", remedy)
    return tuple(listed)


def _distractors(entry: Any, root: Path, file: Path, lines: Mapping[str, int]) -> Path | None:
    if entry is None:
        return None
    if not isinstance(entry, str):
        remedy = f"In {file} name the JSON file, or take the line distractors: out."
        raise wrong_entry(file, lines, "distractors", f"expected a JSON file, found {entry!r}", remedy)
    return root / entry


def _labelled(entry: Any, root: Path, file: Path, names: Sequence[str], lines: Mapping[str, int]) -> LabelRules | None:
    try:
        return read_rules(entry, root, file.parent, names)
    except ValueError as error:
        example = f"labelled: [{names[-1]}], or labelled: {{images/train: [{names[-1]}]}}"
        raise wrong_entry(file, lines, "labelled", str(error), f"In {file} write for example: {example}") from error
