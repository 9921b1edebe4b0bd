"""Made-up text: sentences, names, dates, numbers and payloads of codes, in several languages.

The word lists of `words.yaml`: what made-up documents in each language are written with.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np


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


_CAPITALS = {"ru": "АБВГДЕЖЗИКЛМНОПРСТУФХЭЮЯ", "kk": "АӘБГҒДЕЖИКҚЛМНОӨПРСТУҰҮШІ", "el": "ΑΒΓΔΕΖΗΘΙΚΛΜΝΠΡΣΤΦΧ"}


@dataclass(frozen=True)
class Writer:
    """Writes in one language, with a second one beside it where documents are bilingual; draws from `rng`."""

    rng: np.random.Generator
    language: Language
    second: Language

    def pick(self, items: tuple[str, ...]) -> str:
        """One of `items`."""
        return items[int(self.rng.integers(len(items)))]

    def other(self) -> Writer:
        """The same writer in the second language."""
        return Writer(self.rng, self.second, self.language)

    def words(self, low: int, high: int) -> list[str]:
        """Between `low` and `high` words of running text: runs of neighbours in the list, so that they read well."""
        count = int(self.rng.integers(low, high + 1))
        source = self.language.words
        found: list[str] = []
        while len(found) < count:
            start = int(self.rng.integers(len(source)))
            found.extend(source[start : start + int(self.rng.integers(2, 9))])
        return found[:count]

    def sentence(self, low: int = 6, high: int = 22) -> str:
        """A sentence with a number or a comma here and there."""
        words = self.words(low, high)
        for position in range(1, len(words) - 1):
            chance = self.rng.random()
            if chance < 0.06:
                words[position] += ","
            elif chance < 0.10:
                words[position] = self.number()
        text = " ".join(words)
        return f"{text[0].upper()}{text[1:]}."

    def paragraph(self, sentences: int) -> str:
        """So many sentences."""
        return " ".join(self.sentence() for _ in range(sentences))

    def phrase(self, low: int = 1, high: int = 4) -> str:
        """A few words that begin with a capital: a cell of a table, a subject line."""
        text = " ".join(self.words(low, high))
        return text[0].upper() + text[1:]

    def number(self) -> str:
        """A number, amount, reference or percentage."""
        value = int(self.rng.integers(1, 10 ** int(self.rng.integers(1, 7))))
        style = int(self.rng.integers(5))
        if style == 0:
            return f"{value:,}".replace(",", " ")
        if style == 1:
            return f"{value / 100:.2f}".replace(".", "," if self.language.code != "en" else ".")
        if style == 2:
            return f"{value}-{int(self.rng.integers(1, 100))}"
        return str(value) if style == 3 else f"{int(self.rng.integers(1, 100))}%"

    def amount(self) -> str:
        """A sum of money with two decimals."""
        text = f"{float(self.rng.lognormal(8, 2)):,.2f}"
        return text if self.language.code == "en" else text.replace(",", " ").replace(".", ",")

    def date(self) -> str:
        """A date, in figures or with the month's name."""
        day, month, year = (int(self.rng.integers(*span)) for span in ((1, 29), (1, 13), (1985, 2027)))
        style = int(self.rng.integers(4))
        if style == 0:
            return f"{day:02d}.{month:02d}.{year}"
        if style == 1:
            return f"{day:02d}/{month:02d}/{year % 100:02d}"
        if self.language.code == "en":
            return f"{self.language.months[month - 1]} {day}, {year}"
        suffix = " г." if self.language.code == "ru" else ""
        return f"{day:02d} {self.language.months[month - 1]} {year}{suffix}"

    def initials(self) -> str:
        """Initials such as `A.B.`"""
        letters = _CAPITALS.get(self.language.code, "ABCDEFGHJKLMNOPRSTW")
        return "".join(f"{letters[int(self.rng.integers(len(letters)))]}." for _ in range(int(self.rng.integers(1, 3))))

    def person(self) -> str:
        """A made-up name with initials before or after it."""
        surname, initials = self.pick(self.language.surnames), self.initials()
        return f"{initials} {surname}" if self.rng.random() < 0.5 else f"{surname} {initials}"

    def address(self) -> str:
        """A line of an address."""
        return f"{self.pick(self.language.cities)}, {self.phrase(1, 2)} {int(self.rng.integers(1, 200))}"

    def reference(self) -> str:
        """A document number."""
        letters = "".join("ABCDEKMNPRT"[int(self.rng.integers(11))] for _ in range(2))
        return (
            f"№ {letters}-{int(self.rng.integers(1, 99999))}"
            if self.rng.random() < 0.6
            else f"{letters}{self.digits(9)}"
        )

    def digits(self, count: int) -> str:
        """`count` decimal digits."""
        return "".join(str(digit) for digit in self.rng.integers(0, 10, count))


def draw_writer(rng: np.random.Generator) -> Writer:
    """A writer in a random language; Kazakh goes with Russian, the others mostly with English."""
    known = languages()
    weights = np.array([language.weight for language in known.values()])
    language = list(known.values())[int(rng.choice(len(known), p=weights / weights.sum()))]
    return Writer(rng, language, known[{"kk": "ru", "ru": "kk"}.get(language.code, "en")])
