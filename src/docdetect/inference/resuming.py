"""`infer --resume`: which results a run goes on from, with which configuration, and what of them has to start over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from docdetect.config.loading import load_config
from docdetect.errors import InputError, UsageError
from docdetect.inference.folder import CONFIG_NAME, is_result_folder
from docdetect.inference.journal import JOURNAL_NAME, Journal
from docdetect.inference.settings import RunSettings

if TYPE_CHECKING:
    from docdetect.config.schema import Config

LAST = "last"
"""What commands call the newest result folder."""


def infer_config(
    file: str | None = None,
    assignments: Iterable[str] = (),
    flags: Mapping[str, object] | None = None,
    names: Mapping[str, str] | None = None,
) -> Config:
    """The configuration of `infer`, for the arguments see `load_config`.

    With `infer.resume` it is the configuration that lies in the result folder, and what is given here comes on top, so
    that `--resume` alone goes on with the newest results. Formats are added to those of the folder, whose files would
    otherwise stay behind as they were. A configuration file that is given takes the place of the one in the folder.

    Raises:
        UsageError: `infer.resume` and `infer.overwrite` together.
        InputError: there are no results to go on from.
        ConfigError: a setting is wrong.
    """
    assignments, flags = tuple(assignments), dict(flags or {})
    asked = load_config(file, assignments, flags, names)
    if asked.infer.overwrite and asked.infer.resume:
        raise UsageError("--overwrite and --resume exclude each other", "Give one of them.")
    if not asked.infer.resume:
        return asked
    output = asked.infer.output
    if output in ("", LAST):
        output = str(newest_results(Path(asked.infer.runs)))
        flags["infer.output"] = output
    kept = Path(output) / CONFIG_NAME
    if file is None and kept.is_file():
        config = load_config(str(kept), assignments, {"infer.overwrite": False, **flags}, names)
        formats = dict.fromkeys((*load_config(str(kept)).infer.formats, *config.infer.formats))
        return config.model_copy(update={"infer": config.infer.model_copy(update={"formats": tuple(formats)})})
    if not asked.infer.source:
        raise InputError(
            f"{output}: holds no results of docdetect infer to go on from",
            "Name the folder of results that is meant with --output; a new run needs --source FOLDER.",
        )
    return load_config(file, assignments, flags, names)


def newest_results(runs: Path) -> Path:
    """The folder of results in `runs` that was written last. Raises InputError where there is none."""
    found = [path for path in runs.iterdir() if is_result_folder(path)] if runs.is_dir() else []
    if not found:
        raise InputError(
            f"{runs}: holds no results of docdetect infer to go on from",
            "Name the folder of results that is meant, or make one with docdetect infer first.",
        )
    return max(found, key=lambda path: ((path / JOURNAL_NAME).stat().st_mtime_ns, path.name))


def what_starts_over(journal: Journal) -> str:
    """Why documents of an earlier run are done again, as a sentence; "" when none is for the sake of its settings."""
    if not journal.stale_documents:
        return ""
    before, now = _comparable(journal.stale_settings), _comparable(journal.settings.influential())
    known = ["docdetect", *(item.name for item in fields(RunSettings))]
    changed = [name for name in known if name in now and name in before and before[name] != now[name]]
    changes = [f"{name} was {_short(before[name])} and is {_short(now[name])}" for name in changed]
    why = f" ({'; '.join(changes)})" if changes else ""
    count = len(journal.stale_documents)
    documents = "1 document starts" if count == 1 else f"{count} documents start"
    return f"{documents} over, because settings are others than those of the results in {journal.path.parent}{why}"


def _comparable(settings: Mapping[str, object]) -> Mapping[str, object]:
    """The settings without those that do not decide by themselves whether documents start over."""
    decided = {"second_look"} if settings.get("ensemble") else set()  # by the weights, see `RunSettings.content_hash`
    return {name: value for name, value in settings.items() if name not in decided}


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) or "none" if isinstance(value, (list, tuple)) else str(value)
    return text if len(text) <= 60 else f"{text[:16]}..."
