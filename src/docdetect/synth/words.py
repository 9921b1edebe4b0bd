"""The word lists of `words.yaml`: what made-up documents in each language are written with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Language:
    """What a made-up document in one language is written with.

    Attributes:
        code: ISO 639-1.
        weight: how often the language is drawn.
        seal: the mark for the place of a stamp; empty where there is no such custom.
        signed: what a printed electronic signature begins with.
        date: the word for it.
        words: running text.
        titles: headings of documents.
        roles: who signs.
        fields: labels of forms and table columns.
        surnames, cities, firms: made-up names.
        months: as written in a date.
        closing: words above a signature.
    """

    code: str
    weight: float
    seal: str
    signed: str
    date: str
    words: tuple[str, ...]
    titles: tuple[str, ...]
    roles: tuple[str, ...]
    fields: tuple[str, ...]
    surnames: tuple[str, ...]
    cities: tuple[str, ...]
    firms: tuple[str, ...]
    months: tuple[str, ...]
    closing: tuple[str, ...]


@cache
def languages() -> dict[str, Language]:
    """Every language by its code, in the order of the file."""
    import yaml

    text = files("docdetect.synth").joinpath("words.yaml").read_text(encoding="utf-8")
    return {entry["code"]: _language(entry) for entry in yaml.safe_load(text)}


def _language(entry: dict[str, Any]) -> Language:
    lists = {
        name: tuple(item.strip() for item in (value.split() if name == "words" else value.split("|")))
        for name, value in entry.items()
        if name not in ("code", "weight", "seal", "signed", "date")
    }
    return Language(entry["code"], float(entry["weight"]), entry["seal"], entry["signed"], entry["date"], **lists)
