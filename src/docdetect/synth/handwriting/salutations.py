"""Distractors written by hand above and below the text of letters: salutations, names after them, and closings.

They are real words in several languages, since what tells a closing from the signature below it is that it can be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from docdetect.synth.handwriting.kinematics import Trace
from docdetect.synth.handwriting.manuscripts import writing_hand
from docdetect.synth.handwriting.pen import draw_traces
from docdetect.synth.handwriting.writing import Hand, noting_hand, write_capital, write_digits, write_word
from docdetect.synth.ink import Ink, Pen
from docdetect.synth.patch import Patch

Rng = np.random.Generator

SalutationPart: TypeAlias = Literal["opening", "addressee", "closing"]

# x-height of salutations, in mm.
_X_HEIGHT_MM = (1.3, 2.7)

# Probability that a comma ends a salutation or a closing.
_P_COMMA = 0.6

# Probability that the language of a handwritten salutation is another one than that of the document.
_P_OTHER_LANGUAGE = 0.15


@dataclass(frozen=True)
class SalutationWords:
    """How letters in one language begin and end.

    Attributes:
        with_name: salutations that a name follows.
        whole: salutations without a name.
        names: made-up names of those who are addressed.
        closings: what stands above the signature.
    """

    with_name: tuple[str, ...]
    whole: tuple[str, ...]
    names: tuple[str, ...]
    closings: tuple[str, ...]


# By ISO 639-1 code. All letters are forms of `letterforms.py`, which has no j, no q and no x.
SALUTATIONS = {
    "en": SalutationWords(
        ("Dear", "Dear Mr", "Dear Mrs", "Dear Dr", "My dear"),
        ("Dear Sir or Madam", "Dear Sirs", "Dear colleagues", "To whom it may concern"),
        ("Harwood", "Ellery", "Marsden", "Whitlock", "Barrow", "Fenwick", "Dunmore", "Ashby", "Nolan", "Thorne"),
        ("Yours sincerely", "Yours faithfully", "Sincerely yours", "Kind regards", "Best regards", "Very truly yours",
         "With best wishes", "Respectfully yours"),
    ),
    "de": SalutationWords(
        ("Sehr geehrter Herr", "Sehr geehrte Frau", "Lieber Herr", "Liebe Frau"),
        ("Sehr geehrte Damen und Herren", "Liebe Kolleginnen und Kollegen", "Guten Tag"),
        ("Lindemann", "Vogel", "Brückner", "Krämer", "Steinfeld", "Wagenbach", "Möller", "Rühl", "Hölzer"),
        ("Mit freundlichen Grüßen", "Viele Grüße", "Mit besten Grüßen", "Freundliche Grüße", "Hochachtungsvoll"),
    ),
    "fr": SalutationWords(
        ("Cher Monsieur", "Chère Madame", "Cher"),
        ("Madame, Monsieur", "Chers amis", "Monsieur le Directeur"),
        ("Lavergne", "Castaing", "Delaunay", "Ferrand", "Roussel", "Garnier", "Bétrémieu"),
        ("Bien à vous", "Bien cordialement", "Sincères salutations", "Cordialement", "Veuillez agréer mes salutations"),
    ),
    "es": SalutationWords(
        ("Estimado señor", "Estimada señora", "Apreciado", "Apreciada"),
        ("Muy señor mío", "Estimados señores"),
        ("Robles", "Montero", "Salinas", "Cifuentes", "Ibarra", "Peralta", "Zamora", "Valverde"),
        ("Atentamente", "Un cordial saludo", "Le saluda atentamente", "Saludos cordiales", "Muy atentamente"),
    ),
    "ru": SalutationWords(
        ("Уважаемый господин", "Уважаемый доктор"),
        ("Уважаемые коллеги", "Уважаемые господа"),
        ("Ветров", "Орлов", "Андреев", "Волков", "Комаров", "Маслов", "Дроздов", "Карпов", "Сомов"),
        ("С уважением", "Искренне Ваш", "С наилучшими пожеланиями"),
    ),
}  # fmt: skip

# Languages of documents in whose country letters are often written in another language that stands in the table.
_NEIGHBOURS = {"kk": "ru"}


def printed_openings(language: str) -> tuple[str, ...]:
    """The salutations that a name follows, in the language of this code; empty where none are known."""
    return SALUTATIONS[language].with_name if language in SALUTATIONS else ()


def salutation_text(rng: Rng, part: SalutationPart, language: str) -> str:
    """The words of a part of a letter.

    Args:
        rng: random generator.
        part: "opening" for a salutation, often with a name; "addressee" for a name alone; "closing".
        language: ISO 639-1 code of the document's language. Where the table lacks it, and now and then elsewhere, an
            opening or a closing is in another language of the table.
    """
    code = _NEIGHBOURS.get(language, language)
    if code not in SALUTATIONS or (part != "addressee" and rng.random() < _P_OTHER_LANGUAGE):
        code = list(SALUTATIONS)[int(rng.integers(len(SALUTATIONS)))]
    words = SALUTATIONS[code]
    if part == "closing":
        return _pick(rng, words.closings)
    name = _pick(rng, words.names)
    if part == "addressee":
        return name
    return f"{_pick(rng, words.with_name)} {name}" if rng.random() < 0.6 else _pick(rng, words.whole)


def make_salutation(rng: Rng, px_per_mm: float, part: SalutationPart, language: str, tool: tuple[Ink, Pen]) -> Patch:
    """Draws a part of a letter by hand, on one line; see `salutation_text`.

    A name alone is written in a legible hand, as people fill in forms: in a swift one it would be a signature.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page.
        part: what is written.
        language: ISO 639-1 code of the document's language.
        tool: ink and pen.
    """
    text = salutation_text(rng, part, language)
    hand = noting_hand(rng) if part == "addressee" else writing_hand(rng)
    traces, end = write_text(rng, hand, text)
    if rng.random() < _P_COMMA:
        traces += write_digits(rng, hand, ",", end)[0]
    scale = np.eye(2) * float(rng.uniform(*_X_HEIGHT_MM))
    return draw_traces(rng, [one.moved(scale, np.zeros(2)) for one in traces], tool[1], tool[0], px_per_mm)


def write_text(rng: Rng, hand: Hand, text: str) -> tuple[list[Trace], float]:
    """Writes words in x-heights on one line; returns the traces and the x where they end.

    Args:
        rng: random generator.
        hand: the person's hand.
        text: words separated by blanks, of letters of `letterforms.py`; each may begin with a capital and end with a
            comma.
    """
    traces: list[Trace] = []
    x = 0.0
    for word in text.split():
        letters = word.rstrip(",")
        if letters[0].isupper():
            more, x = write_capital(rng, hand, letters[0], x)
            traces += more
            letters = letters[1:]
        if letters:
            more, x = write_word(rng, hand, letters, x)
            traces += more
        if word.endswith(","):
            more, x = write_digits(rng, hand, ",", x)
            traces += more
        x += float(rng.uniform(0.7, 1.2))
    return traces, x - 0.7


def _pick(rng: Rng, items: tuple[str, ...]) -> str:
    return items[int(rng.integers(len(items)))]
