"""Made-up text in several languages: sentences, names, dates, numbers. The words come from the file `words.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Language:
    """The words with which made-up documents in one language are written.

    Attributes:
        code: language code of ISO 639-1.
        weight: how often the language is drawn.
        seal: the letters that mark the place of a stamp; empty where there is no such custom.
        signed: the words that a printed electronic signature begins with.
        date: the word for "date".
        words: words of running text, in an order in which neighbours read well.
        titles: titles of documents.
        roles: offices of people who sign.
        fields: labels of forms and of table columns.
        surnames, cities, firms: made-up names.
        months: names of the months as they stand in a date.
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
    """Every language by its code, in the order of `words.yaml`."""
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


# Capitals of initials, by language; other languages have Latin capitals.
_CAPITALS = {"ru": "АБВГДЕЖЗИКЛМНОПРСТУФХЭЮЯ", "kk": "АӘБГҒДЕЖИКҚЛМНОӨПРСТУҰҮШІ", "el": "ΑΒΓΔΕΖΗΘΙΚΛΜΝΠΡΣΤΦΧ"}


_LATIN_CAPITALS = "ABCDEFGHJKLMNOPRSTW"


@dataclass(frozen=True)
class Writer:
    """Writes random text.

    Attributes:
        rng: random generator that decides every text.
        language: the language of the text.
        second: the other language of a bilingual document.
    """

    rng: np.random.Generator
    language: Language
    second: Language

    def pick(self, items: tuple[str, ...]) -> str:
        """One of `items`, each equally likely."""
        return items[int(self.rng.integers(len(items)))]

    def other(self) -> Writer:
        """The same writer in the second language."""
        return Writer(self.rng, self.second, self.language)

    def words(self, low: int, high: int) -> list[str]:
        """From `low` to `high` words of running text, as runs of neighbours in the language's list."""
        count = int(self.rng.integers(low, high + 1))
        source = self.language.words
        found: list[str] = []
        while len(found) < count:
            start = int(self.rng.integers(len(source)))
            found.extend(source[start : start + int(self.rng.integers(2, 9))])
        return found[:count]

    def sentence(self, low: int = 6, high: int = 22) -> str:
        """A sentence of `low` to `high` words, with a comma or a number here and there."""
        words = self.words(low, high)
        for position in range(1, len(words) - 1):
            uniform = self.rng.random()
            if uniform < 0.06:
                words[position] += ","
            elif uniform < 0.10:
                words[position] = self.number()
        text = " ".join(words)
        return f"{text[0].upper()}{text[1:]}."

    def paragraph(self, sentences: int) -> str:
        """A text of `sentences` sentences."""
        return " ".join(self.sentence() for _ in range(sentences))

    def phrase(self, low: int = 1, high: int = 4) -> str:
        """From `low` to `high` words, the first with a capital, for cells of tables and subject lines."""
        text = " ".join(self.words(low, high))
        return text[0].upper() + text[1:]

    def number(self) -> str:
        """A whole number, a number with two decimals, a number in two parts, or a percentage."""
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
        """A date from 1985 to 2026, in digits or with the month's name."""
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
        """One or two initials, such as "A.B."."""
        letters = _CAPITALS.get(self.language.code, _LATIN_CAPITALS)
        return "".join(f"{letters[int(self.rng.integers(len(letters)))]}." for _ in range(int(self.rng.integers(1, 3))))

    def person(self) -> str:
        """A made-up name with initials before or after it."""
        surname, initials = self.pick(self.language.surnames), self.initials()
        return f"{initials} {surname}" if self.rng.random() < 0.5 else f"{surname} {initials}"

    def address(self) -> str:
        """A line of an address: town, street and number."""
        return f"{self.pick(self.language.cities)}, {self.phrase(1, 2)} {int(self.rng.integers(1, 200))}"

    def reference(self) -> str:
        """The number of a document, such as "№ AB-123" or "AB123456789"."""
        letters = "".join("ABCDEKMNPRT"[int(self.rng.integers(11))] for _ in range(2))
        return (
            f"№ {letters}-{int(self.rng.integers(1, 99999))}"
            if self.rng.random() < 0.6
            else f"{letters}{self.digits(9)}"
        )

    def digits(self, count: int) -> str:
        """A text of `count` random digits."""
        return "".join(str(digit) for digit in self.rng.integers(0, 10, count))


def random_writer(rng: np.random.Generator) -> Writer:
    """A writer in a random language. Its second language is Kazakh for Russian, Russian for Kazakh, else English."""
    known = languages()
    weights = np.array([language.weight for language in known.values()])
    language = list(known.values())[int(rng.choice(len(known), p=weights / weights.sum()))]
    return Writer(rng, language, known[{"kk": "ru", "ru": "kk"}.get(language.code, "en")])
