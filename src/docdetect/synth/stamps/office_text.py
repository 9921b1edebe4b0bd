"""The words of office stamps: receipts, classifications, dates, times, numbers, names, departments, addresses.

The words are those that offices of many countries stamp; names of people, places and firms are made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from docdetect.synth.fonts import Script
from docdetect.synth.stamps.text import (
    BRANDS,
    CITIES,
    MONTHS,
    OFFICES,
    PURPOSES,
    STATES,
    SURNAMES,
    number,
    pick,
)

Rng = np.random.Generator


class OfficeKind(str, Enum):
    """What an office stamp says."""

    WORD = "word"  # one word or phrase: PAID, COPY, BEZAHLT
    CLASSIFIED = "classified"  # SECRET, CONFIDENTIAL, RESTRICTED
    DATE = "date"  # a date alone
    TIME = "time"  # a date with the time of day, as clocks at post rooms print it
    RECEIVED = "received"  # a word, a date and often an office
    NUMBER = "number"  # a number of a numbering machine, often after a word
    NAME = "name"  # a person's name, often with the office below
    DEPARTMENT = "department"  # a department, or "Bureau" with letters
    ADDRESS = "address"  # several lines of a firm or an office
    CLAUSE = "clause"  # a sentence or two in small letters


# How often each kind is drawn. Half of the office stamps that networks miss are words and dates.
_P_KINDS = {
    OfficeKind.WORD: 0.22,
    OfficeKind.CLASSIFIED: 0.12,
    OfficeKind.DATE: 0.15,
    OfficeKind.TIME: 0.06,
    OfficeKind.RECEIVED: 0.14,
    OfficeKind.NUMBER: 0.06,
    OfficeKind.NAME: 0.08,
    OfficeKind.DEPARTMENT: 0.08,
    OfficeKind.ADDRESS: 0.06,
    OfficeKind.CLAUSE: 0.03,
}


@dataclass(frozen=True)
class OfficeText:
    """The text of an office stamp.

    Attributes:
        kind: what it says.
        lines: its lines, from the top.
        heights: height of the letters of each line, relative to the largest.
    """

    kind: OfficeKind
    lines: tuple[str, ...]
    heights: tuple[float, ...]


# fmt: off
_WORDS = {
    Script.LATIN: (
        "PAID", "RECEIVED", "COPY", "ORIGINAL", "URGENT", "APPROVED", "CANCELLED", "ENTERED", "DRAFT", "FAXED",
        "POSTED", "FINAL", "REJECTED", "VOID", "DUPLICATE", "CERTIFIED", "CHECKED", "COMPLETED", "FILED", "RECORDED",
        "INDEXED",
        "ENCLOSURE", "EXHIBIT A", "TRUE COPY", "FILE COPY", "CUSTOMER COPY", "PAST DUE", "AIR MAIL", "FIRST CLASS",
        "NOT NEGOTIABLE", "CERTIFIED MAIL", "FOR DEPOSIT ONLY", "SAME AS RELEASED", "DO NOT DESTROY", "UNRECORDED",
        "BEZAHLT", "GEBUCHT", "EINGEGANGEN", "ERLEDIGT", "KOPIE", "WARENSENDUNG", "STORNIERT", "MAHNUNG", "EILT",
        "GEPRÜFT", "EINGANG", "BÜCHERSENDUNG", "LUFTPOST", "UNGÜLTIG", "ABSCHRIFT", "DRUCKSACHE", "EINSCHREIBEN",
        "PAYÉ", "REÇU", "COPIE", "ANNULÉ", "PRIORITAIRE", "ACQUITTÉ", "ARRIVÉE", "DÉPART", "DUPLICATA", "COURRIER",
        "PAGADO", "RECIBIDO", "COPIA", "ANULADO", "CANCELADO", "ENTRADA", "SALIDA", "ES COPIA FIEL", "VISTO BUENO",
        "PAGATO", "RICEVUTO", "URGENTE", "ANNULLATO", "OPŁACONO", "WPŁYNĘŁO", "KOPIA", "ODPIS", "ZAPŁACONO",
        "BETAALD", "ONTVANGEN", "KOPIE CONFORM", "PAGO", "RECEBIDO", "CÓPIA", "ÖDENDI", "ASLI GİBİDİR", "SALINAN",
        "LUNAS", "DITERIMA", "BETALT", "MODTAGET", "MAKSETTU", "ZAPLACENO", "DORUČENO", "FIZETVE", "PLĂTIT",
    ),
    Script.CYRILLIC: (
        "ОПЛАЧЕНО", "ПОЛУЧЕНО", "КОПИЯ", "СРОЧНО", "ВХОДЯЩИЙ", "ИСХОДЯЩИЙ", "ПОГАШЕНО", "ПРИНЯТО", "КОПИЯ ВЕРНА",
        "ВЕРНО", "АРХИВ", "ДУБЛИКАТ", "СОГЛАСОВАНО", "К ОПЛАТЕ", "ЗАРЕГИСТРИРОВАНО", "ПРОВЕРЕНО", "АННУЛИРОВАНО",
        "В ДЕЛО", "КОНТРОЛЬ", "НЕ ПРИНЯТО", "ОРИГИНАЛ", "ОТПУЩЕНО", "ЗАВЕРЕНО",
    ),
    Script.KAZAKH: ("ТӨЛЕНДІ", "КЕЛІСІЛДІ", "КӨШІРМЕ", "КІРІС", "ШЫҒЫС", "ТҮПНҰСҚА", "ҚАБЫЛДАНДЫ", "ТІРКЕЛДІ"),
    Script.GREEK: ("ΠΛΗΡΩΘΗΚΕ", "ΑΝΤΙΓΡΑΦΟ", "ΕΞΟΦΛΗΘΗ", "ΕΙΣΕΡΧΟΜΕΝΟ", "ΑΚΥΡΟ", "ΕΠΕΙΓΟΝ"),
}
_CLASSIFIED = {
    Script.LATIN: (
        "SECRET", "SECRET", "CONFIDENTIAL", "CONFIDENTIAL", "RESTRICTED", "TOP SECRET", "UNCLASSIFIED", "DECLASSIFIED",
        "OFFICIAL USE ONLY", "SECRET - EYES ONLY", "CLASSIFIED", "CONTROLLED", "CS COPY", "PERSONAL", "PRIVATE",
        "STRICTLY CONFIDENTIAL", "VERTRAULICH", "GEHEIM", "STRENG GEHEIM", "CONFIDENTIEL", "TRÈS SECRET", "RESERVADO",
        "RISERVATO", "POUFNE", "TAJNE", "VERTROUWELIJK", "RAHASIA", "GİZLİ", "HEMLIG", "WITHHELD",
    ),
    Script.CYRILLIC: ("СЕКРЕТНО", "СОВ. СЕКРЕТНО", "КОНФИДЕНЦИАЛЬНО", "ДЛЯ СЛУЖЕБНОГО ПОЛЬЗОВАНИЯ", "РАССЕКРЕЧЕНО"),
}
_RECEIVED = {
    Script.LATIN: (
        "RECEIVED", "FILED", "RECEIVED ON", "RECORDED", "EINGEGANGEN", "EINGANG", "REÇU LE", "ARRIVÉ LE", "RECIBIDO",
        "PROTOCOLLO", "WPŁYNĘŁO DNIA", "INGEKOMEN", "APPROVED AS PER", "COPIES DESTROYED", "DATE ISSUED", "ENTRADA",
        "DITERIMA", "ALINDI", "INDKOMMET", "SAAPUNUT", "POSTEINGANG", "COURRIER ARRIVÉ", "CHECKED BY",
    ),
    Script.CYRILLIC: ("ПОЛУЧЕНО", "Вх. №", "ПОСТУПИЛО", "КАНЦЕЛЯРИЯ", "ПРИНЯТО", "Входящий №", "ЗАРЕГИСТРИРОВАНО"),
    Script.KAZAKH: ("КІРІС №", "ҚАБЫЛДАНДЫ", "ТІРКЕЛДІ", "Кіріс күні"),
    Script.GREEK: ("ΠΑΡΕΛΗΦΘΗ", "ΑΡ. ΠΡΩΤ.", "ΕΛΗΦΘΗ"),
}
_DEPARTMENTS = {
    Script.LATIN: (
        "Bureau", "Service", "Division", "Abteilung", "Sekretariat", "Office of the Chief", "Department", "Dept.",
        "Ufficio", "Oficina", "Referat", "Le Chef de", "Prüfdienst", "Buchhaltung", "Cabinet", "Direction", "Registry",
        "Central Files", "Finance Office", "Legal Division", "Kanzlei", "Registratur", "Verwaltung",
        "Personalabteilung", "Rechnungsprüfung", "Afdeling", "Wydział", "Secretaría", "Archives", "Greffe",
        "Mail Room", "Zentralarchiv",
    ),
    Script.CYRILLIC: ("Отдел", "Канцелярия", "Бухгалтерия", "Управление", "Архив", "Отдел кадров", "Секретариат"),
    Script.KAZAKH: ("Бөлім", "Кеңсе", "Басқарма", "Мұрағат"),
}
_TITLES = {
    Script.LATIN: (
        "Mayor", "Secretary", "Director", "City Recorder", "County Clerk", "Colonel, USAF", "Notary Public", "Clerk",
        "Bürgermeister", "Geschäftsführer", "Oberinspektor", "Leiter", "Chef de Bureau", "Le Maire", "Secretario",
        "Fedatario", "Prefeito Municipal", "Kepala Biro", "Assessor", "Deputy", "Adjutant General", "Cashier",
    ),
    Script.CYRILLIC: ("Директор", "Главный инженер", "Начальник отдела", "Секретарь", "Главный бухгалтер", "Нотариус"),
    Script.KAZAKH: ("Директор", "Бас инженер", "Бас бухгалтер", "Бөлім басшысы"),
}
_CLAUSES = (
    ("This document contains neither recommendations", "nor conclusions of this office. It is the property",
     "of the office and is loaned to your agency."),
    ("Sachlich und rechnerisch richtig", "festgestellt am"),
    ("Signé par Nous Juge pour Monsieur", "le Président du Tribunal Civil", "Paris, le"),
    ("Enregistré à", "le", "folio      case      reçu"),
    ("I certify that this is a true", "and correct copy of the original"),
    ("Unauthorized disclosure of information", "contained in this report is prohibited"),
    ("Es copia fiel del original que", "he tenido a la vista"),
    ("Salinan sesuai dengan aslinya", "Kepala Biro Hukum"),
    ("Mit der Bitte um Kenntnisnahme", "Rücksprache", "Erledigung"),
    ("Payable at par at all branches", "not over one thousand only"),
)
# fmt: on


def office_text(rng: Rng, script: Script, kind: OfficeKind | None = None) -> OfficeText:
    """The text of an office stamp.

    Args:
        rng: random generator.
        script: script of the words; scripts that have no words of their own take the purposes that seals name.
        kind: what the stamp says; None for the usual mixture.
    """
    kinds = list(_P_KINDS)
    chosen = kind or kinds[int(rng.choice(len(kinds), p=list(_P_KINDS.values())))]
    lines = _LINES[chosen](rng, script)
    first = float(rng.uniform(0.9, 1.0))
    rest = float(rng.uniform(0.5, 1.0))
    return OfficeText(chosen, lines, (first, *(rest * float(rng.uniform(0.9, 1.1)) for _ in lines[1:])))


def stamp_date(rng: Rng) -> str:
    """A date as stamps with rubber bands of digits print it, in the order and with the months of many countries."""
    day, month, year = int(rng.integers(1, 32)), int(rng.integers(1, 13)), int(rng.integers(1908, 2027))
    name = pick(rng, (MONTHS[month - 1], _LOCAL_MONTHS[int(rng.integers(len(_LOCAL_MONTHS)))]))
    forms = (
        f"{day:02d} {name} {year}", f"{name} {day} {year}", f"{name} {day:2d} {year}", f"{day:02d}.{month:02d}.{year}",
        f"{day}. {name.title()} {year}", f"{year}-{month:02d}-{day:02d}", f"{day:02d}/{month:02d}/{year % 100:02d}",
        f"{day} -{month}- {year % 100:02d}", f"{name} {day} '{year % 100:02d}",
        f"{day:02d} {month:02d} {year % 100:02d}",
    )  # fmt: skip
    return pick(rng, forms)


_LOCAL_MONTHS = (
    "JANV", "FÉVR", "MARS", "AVRIL", "JUIN", "AOUT", "DÉC", "MÄRZ", "MAI", "OKT", "DEZ", "JUNI", "ENE", "ABR", "AGO",
    "DIC", "GEN", "MAG", "LUG", "SET", "STY", "KWI", "LIP", "ABRIL", "JULI", "SEPT",
)  # fmt: skip


def _of(rng: Rng, words: dict[Script, tuple[str, ...]], script: Script) -> str:
    """A word of the script; of another script's purposes or of Latin words where the table lacks the script."""
    if script in words:
        return pick(rng, words[script])
    return pick(rng, PURPOSES[script]) if script in PURPOSES else pick(rng, words[Script.LATIN])


def _word(rng: Rng, script: Script) -> tuple[str, ...]:
    return (_cased(rng, _of(rng, _WORDS, script)),)


def _classified(rng: Rng, script: Script) -> tuple[str, ...]:
    return (_of(rng, _CLASSIFIED, script if script in _CLASSIFIED else Script.LATIN),)


def _date(rng: Rng, _script: Script) -> tuple[str, ...]:
    return (stamp_date(rng),)


def _time(rng: Rng, script: Script) -> tuple[str, ...]:
    hour, minute = int(rng.integers(1, 13)), int(rng.integers(0, 60))
    half = pick(rng, ("AM", "PM"))
    clock = pick(rng, (f"{hour} {minute:02d} {half}", f"{half} {hour}:{minute:02d}", f"{hour + 8}:{minute:02d}"))
    line = f"{stamp_date(rng)} {clock}"
    if rng.random() < 0.4:
        return (line,)
    return line, _department_name(rng, script).upper()


def _received(rng: Rng, script: Script) -> tuple[str, ...]:
    lines = [_of(rng, _RECEIVED, script), stamp_date(rng)]
    if rng.random() < 0.6:
        tail = pick(rng, ("office", "name", "number"))
        below = {
            "office": _department_name(rng, script).upper(),
            "name": _person(rng, script).upper(),
            "number": f"No. {number(rng, 5)}",
        }
        lines.append(below[tail])
        if rng.random() < 0.35:
            lines.append(pick(rng, CITIES[script]).upper())
    return tuple(lines)


def _number(rng: Rng, script: Script) -> tuple[str, ...]:
    digits = number(rng, int(rng.integers(4, 8)))
    head = pick(
        rng, ("", "No ", "Nr. ", "№ ", "# ") if script in (Script.CYRILLIC, Script.KAZAKH) else ("", "No ", "# ")
    )
    forms = (digits, head + digits, f"BOOK {number(rng, 3)} PAGE {number(rng, 3)}", f"{digits[:2]}-{digits[2:]}")
    return (pick(rng, forms),)


def _person(rng: Rng, script: Script) -> str:
    known = script if script in SURNAMES else Script.LATIN
    if known in (Script.DEVANAGARI, Script.TAMIL, Script.MALAYALAM):
        return pick(rng, SURNAMES[known])
    initial = pick(rng, "АБВГДИКМНС" if known in (Script.CYRILLIC, Script.KAZAKH) else "ABCDEFGHJKLMRSTW")
    second = f" {pick(rng, 'ABCDEHJLMR')}." if known is Script.LATIN and rng.random() < 0.4 else ""
    return f"{initial}.{second} {pick(rng, SURNAMES[known])}"


def _name(rng: Rng, script: Script) -> tuple[str, ...]:
    name = _cased(rng, _person(rng, script))
    if rng.random() < 0.25:
        return (name,)
    title = _of(rng, _TITLES, script if script in _TITLES else Script.LATIN)
    office = pick(rng, OFFICES.get(script, OFFICES[Script.LATIN]))
    return (name, title, office) if rng.random() < 0.3 else (name, title)


def _department_name(rng: Rng, script: Script) -> str:
    known = script if script in _DEPARTMENTS else Script.LATIN
    head = pick(rng, _DEPARTMENTS[known])
    uniform = rng.random()
    if uniform < 0.3:
        return head
    if uniform < 0.65:
        letters = "".join(pick(rng, "ABCDEFGHIKLMNOPRSTUVZ") for _ in range(int(rng.integers(1, 5))))
        return f"{head} {letters}" if rng.random() < 0.6 else f"{head} {int(rng.integers(1, 60))}"
    return f"{head} {pick(rng, SURNAMES[known])}"


def _department(rng: Rng, script: Script) -> tuple[str, ...]:
    line = _department_name(rng, script)
    return (line, stamp_date(rng)) if rng.random() < 0.2 else (line,)


def _address(rng: Rng, script: Script) -> tuple[str, ...]:
    known = script if script in BRANDS else Script.LATIN
    lines = (
        pick(rng, (pick(rng, BRANDS[known]).upper(), pick(rng, OFFICES[known]), pick(rng, STATES[known]))),
        f"{pick(rng, CITIES[known])}, {number(rng, 5)}",
        f"{number(rng, int(rng.integers(1, 4)))} {pick(rng, SURNAMES[known])} ",
        f"Tel. {number(rng, 3)}/{number(rng, 6)}",
    )
    return lines[: int(rng.integers(2, 5))]


def _clause(rng: Rng, _script: Script) -> tuple[str, ...]:
    lines = _CLAUSES[int(rng.integers(len(_CLAUSES)))]
    return (*lines, stamp_date(rng)) if rng.random() < 0.3 else lines


def _cased(rng: Rng, text: str) -> str:
    """The text as it is, or now and then with small letters after the first."""
    return text.title() if rng.random() < 0.22 else text


_LINES = {
    OfficeKind.WORD: _word,
    OfficeKind.CLASSIFIED: _classified,
    OfficeKind.DATE: _date,
    OfficeKind.TIME: _time,
    OfficeKind.RECEIVED: _received,
    OfficeKind.NUMBER: _number,
    OfficeKind.NAME: _name,
    OfficeKind.DEPARTMENT: _department,
    OfficeKind.ADDRESS: _address,
    OfficeKind.CLAUSE: _clause,
}
