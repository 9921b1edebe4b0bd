"""Texts of stamps: made-up companies, public bodies and notaries in several languages.

The tables at the beginning hold the words for each script; the functions below them put texts together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from docdetect.synth.fonts import FontBook, Script

SURNAMES = {
    Script.LATIN: (
        "Marlow",
        "Brenner",
        "Castell",
        "Iverson",
        "Tamworth",
        "Deshgar",
        "Ravikar",
        "Lindqar",
        "Okanor",
        "Verdano",
    ),
    Script.CYRILLIC: ("Снегов", "Полянин", "Калинцев", "Дубравин", "Озерцев", "Ветлугин", "Лучинский", "Яровцев"),
    Script.KAZAKH: ("Тұрғанов", "Әлімқұлов", "Көшербай", "Сәкенұлы", "Жәңгірхан", "Нұрболсын"),
    Script.GREEK: ("Αλεξόπουλος", "Καρβέλης", "Μυρτίδης", "Πετρινός"),
    Script.DEVANAGARI: ("वर्धन", "शर्मिल", "कमलेश", "देवराज"),
    Script.TAMIL: ("வேலன்", "முருகேசு", "இளங்கோ", "கண்மணி"),
    Script.MALAYALAM: ("രാജഗിരി", "മേനോത്ത്", "വിജയലാൽ"),
}

BRANDS = {
    Script.LATIN: (
        "Nordvale",
        "Arcadon",
        "Silverpine",
        "BlueHarbor",
        "Quantera",
        "Stonefield",
        "Helix",
        "Orion Trade",
        "MEGA-LINE",
    ),
    Script.CYRILLIC: (
        "Вектор",
        "СтройГрад",
        "Прогресс",
        "Северный ветер",
        "Атлант",
        "ТехноМир",
        "Баланс+",
        "Родник",
        "Гарант-Сервис",
    ),
    Script.KAZAKH: ("Алтын Дән", "Көкжиек", "Сарыарқа Құрылыс", "Жетісу", "Бәйтерек Қ", "Ұлы Дала", "Өркен", "Тұлпар"),
    Script.GREEK: ("ΑΙΓΑΙΟΝ", "ΟΛΥΜΠΟΣ", "ΔΕΛΤΑ ΕΜΠΟΡΙΚΗ", "ΗΛΙΟΣ"),
    Script.DEVANAGARI: ("भारती ट्रेडर्स", "गंगा उद्योग", "सूर्य निर्माण"),
    Script.TAMIL: ("தென்றல் நிறுவனம்", "பொன்னி வணிகம்", "கடல் ஆலை"),
    Script.MALAYALAM: ("കടലോരം", "മലനാട് വ്യാപാരം"),
}

CITIES = {
    Script.LATIN: (
        "Brookhaven",
        "Port Ellery",
        "Kingsmere",
        "Jaipur District",
        "Ranchi, Jharkhand",
        "Nairobi",
        "Novara",
        "Lindenau",
    ),
    Script.CYRILLIC: (
        "г. Москва",
        "г. Самара",
        "Тверская область",
        "Красноярский край",
        "г. Минусинск",
        "Республика Карелия",
    ),
    Script.KAZAKH: ("Астана қ.", "Алматы қаласы", "Шымкент қ.", "Қарағанды облысы", "Түркістан облысы"),
    Script.GREEK: ("ΑΘΗΝΑ", "ΘΕΣΣΑΛΟΝΙΚΗ", "ΠΑΤΡΑ"),
    Script.DEVANAGARI: ("जयपुर", "वाराणसी", "पटना बिहार", "भोपाल"),
    Script.TAMIL: ("சென்னை", "மதுரை மாவட்டம்", "கோவை - 641"),
    Script.MALAYALAM: ("തിരുവനന്തപുരം", "എറണാകുളം", "കോട്ടയം ജില്ല"),
}

COMPANY_FORMS = {
    Script.LATIN: (
        "Limited Liability Company",
        "PVT. LTD.",
        "Joint Stock Company",
        "GmbH & Co. KG",
        "S.p.A.",
        "Trading House",
        "INC.",
    ),
    Script.CYRILLIC: (
        "Общество с ограниченной ответственностью",
        "Закрытое акционерное общество",
        "Индивидуальный предприниматель",
        "Муниципальное унитарное предприятие",
        "Публичное акционерное общество",
    ),
    Script.KAZAKH: (
        "Жауапкершілігі шектеулі серіктестігі",
        "Товарищество с ограниченной ответственностью",
        "Акционерлік қоғамы",
        "Жеке кәсіпкер",
    ),
    Script.GREEK: ("ΑΝΩΝΥΜΗ ΕΤΑΙΡΕΙΑ", "ΕΤΑΙΡΕΙΑ ΠΕΡΙΟΡΙΣΜΕΝΗΣ ΕΥΘΥΝΗΣ"),
    Script.DEVANAGARI: ("प्राइवेट लिमिटेड", "सहकारी समिति"),
    Script.TAMIL: ("தனியார் நிறுவனம்", "கூட்டுறவு சங்கம்"),
    Script.MALAYALAM: ("സഹകരണ സംഘം", "പ്രൈവറ്റ് ലിമിറ്റഡ്"),
}

STATES = {
    Script.LATIN: (
        "Government of Rajasthan",
        "Govt. of India",
        "Republic of Kenya",
        "State of Verdana",
        "County of Ellery",
    ),
    Script.CYRILLIC: (
        "Российская Федерация",
        "Администрация городского округа",
        "Министерство образования",
        "Московская область",
    ),
    Script.KAZAKH: ("Қазақстан Республикасы", "Республика Казахстан", "Қазақстан Республикасының Әділет министрлігі"),
    Script.GREEK: ("ΕΛΛΗΝΙΚΗ ΔΗΜΟΚΡΑΤΙΑ", "ΥΠΟΥΡΓΕΙΟ ΟΙΚΟΝΟΜΙΚΩΝ"),
    Script.DEVANAGARI: ("भारत सरकार", "राजस्थान सरकार", "उत्तर प्रदेश शासन"),
    Script.TAMIL: ("தமிழ்நாடு அரசு", "இந்திய அரசு"),
    Script.MALAYALAM: ("കേരള സർക്കാർ", "ഭാരത സർക്കാർ"),
}

OFFICES = {
    Script.LATIN: (
        "Office of the Registrar",
        "District Collector",
        "Municipal Council",
        "College of Science",
        "Land Records Office",
    ),
    Script.CYRILLIC: (
        "Муниципальное бюджетное общеобразовательное учреждение",
        "Управление Федеральной налоговой службы",
        "Комитет по физической культуре и спорту",
        "Отдел архитектуры и градостроительства",
    ),
    Script.KAZAKH: ("Құрылыс басқармасы", "Жер қатынастары басқармасы", "Сәулет және қала құрылысы бөлімі"),
    Script.GREEK: ("ΔΗΜΟΣ ΠΑΤΡΕΩΝ", "ΠΡΩΤΟΔΙΚΕΙΟ"),
    Script.DEVANAGARI: ("जिला कार्यालय", "नगर पालिका", "उप पंजीयक कार्यालय"),
    Script.TAMIL: ("முத்திரைத்தாள் விற்பனையாளர்", "சார்பதிவாளர் அலுவலகம்", "கிராம நிர்வாக அலுவலர்"),
    Script.MALAYALAM: ("സബ് രജിസ്ട്രാർ ഓഫീസ്", "മുദ്രപ്പത്രം വിൽപ്പന", "വില്ലേജ് ഓഫീസ്"),
}

PURPOSES = {
    Script.LATIN: ("FOR DOCUMENTS", "APPROVED", "ACCOUNTS DEPT.", "TRUE COPY", "SEAL", "PAID", "ORIGINAL"),
    Script.CYRILLIC: ("Для документов", "Для справок", "Отдел кадров", "Канцелярия", "Для протоколов", "Для счетов"),
    Script.KAZAKH: ("Құжаттар үшін", "Кеңсе", "Анықтама үшін", "Мөр орны"),
    Script.GREEK: ("ΑΚΡΙΒΕΣ ΑΝΤΙΓΡΑΦΟ", "ΕΓΚΡΙΝΕΤΑΙ"),
    Script.DEVANAGARI: ("सत्यापित", "प्रतिलिपि", "कार्यालय"),
    Script.TAMIL: ("உண்மை நகல்", "அலுவலகம்"),
    Script.MALAYALAM: ("ശരിപ്പകർപ്പ്", "ഓഫീസ്"),
}

# What stands before a registration number; scripts without an entry have "REG. No.".
NUMBER_NAMES = {
    Script.CYRILLIC: ("ОГРН", "ИНН"),
    Script.KAZAKH: ("БИН", "БСН", "ЖСН"),
    Script.TAMIL: ("எண்",),
    Script.MALAYALAM: ("നമ്പർ",),
}

# How often a stamp has each script, where fonts cover all of them.
P_SCRIPTS = (
    (Script.CYRILLIC, 0.34),
    (Script.KAZAKH, 0.22),
    (Script.LATIN, 0.27),
    (Script.GREEK, 0.05),
    (Script.DEVANAGARI, 0.06),
    (Script.TAMIL, 0.03),
    (Script.MALAYALAM, 0.03),
)

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


Rng = np.random.Generator


@dataclass(frozen=True)
class StampText:
    """The text of one stamp.

    Attributes:
        script: the script that the stamp's font must cover.
        rings: texts along arcs, from the outermost ring inwards.
        centre: lines of text in the middle.
        kind: the mark's finest class: "stamp_company", "stamp_official" or "stamp_notary".
    """

    script: Script
    rings: tuple[str, ...]
    centre: tuple[str, ...]
    kind: str


def stamp_script(rng: Rng, fonts: FontBook) -> Script:
    """A random script among those that some font covers."""
    covered = [(script, p_script) for script, p_script in P_SCRIPTS if fonts.covers(script)]
    p_covered = np.array([p_script for _, p_script in covered])
    return covered[int(rng.choice(len(covered), p=p_covered / p_covered.sum()))][0]


def pick(rng: Rng, options: Sequence[str]) -> str:
    """One of `options`, each equally likely; of a text, one of its letters."""
    return options[int(rng.integers(len(options)))]


def brand(rng: Rng, script: Script) -> str:
    """The made-up name of a company."""
    return pick(rng, BRANDS[script])


def number(rng: Rng, digits: int) -> str:
    """A number of `digits` random digits."""
    return "".join(str(digit) for digit in rng.integers(0, 10, digits))


def date_text(rng: Rng) -> str:
    """A random date as date stamps print it."""
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(1, 13)), int(rng.integers(1996, 2027))
    forms = (
        f"{day:02d} {MONTHS[month - 1]} {year}",
        f"{day:02d}.{month:02d}.{year}",
        f"{year}-{month:02d}-{day:02d}",
        f"{day:02d}. {MONTHS[month - 1]}. {year % 100:02d}",
    )
    return pick(rng, forms)


def company_text(rng: Rng, script: Script) -> StampText:
    """The text of a company's seal."""
    form, city = pick(rng, COMPANY_FORMS[script]), pick(rng, CITIES[script])
    state = pick(rng, STATES[script])
    outer = _cased(rng, pick(rng, (f"{state} * {city}", f"{city} * {form}", f"{state} {city} {form}")))
    inner = _cased(rng, f"{form} * {_registration(rng, script)}" if rng.random() < 0.7 else form)
    name = brand(rng, script)
    quoted = f"«{name}»" if script in (Script.CYRILLIC, Script.KAZAKH) or rng.random() < 0.2 else name
    words = quoted.split() if len(quoted) > 12 else [quoted]
    centre = [*words]
    if rng.random() < 0.45:
        centre.append(_registration(rng, script) if rng.random() < 0.6 else pick(rng, PURPOSES[script]))
    return StampText(script, (outer, inner), tuple(centre), "stamp_company")


def official_text(rng: Rng, script: Script) -> StampText:
    """The text of a public body's seal; its middle says what the stamp is for, where it shows no emblem."""
    outer = _cased(rng, f"{pick(rng, STATES[script])} * {pick(rng, CITIES[script])}")
    inner = _cased(rng, pick(rng, OFFICES[script]))
    third = f"{_registration(rng, script)} * {_registration(rng, script)}"
    words = pick(rng, PURPOSES[script]).split()
    return StampText(script, (outer, inner, third), tuple(words), "stamp_official")


def notary_text(rng: Rng, script: Script) -> StampText:
    """The text of a notary's seal."""
    surname = pick(rng, SURNAMES[script])
    if script is Script.LATIN:
        lines = (
            f"{pick(rng, 'ABKMRST')}. {surname}",
            pick(rng, ("Advocate", "Notary Public", "Advocate & Notary")),
            pick(rng, CITIES[script]),
            f"Reg. No. {number(rng, 4)}",
            f"Exp. Dt. {date_text(rng)}",
        )
        rings = ("NOTARY", _cased(rng, pick(rng, STATES[script])))
        return StampText(script, rings, lines[: int(rng.integers(2, 6))], "stamp_notary")
    words = {
        Script.CYRILLIC: "Нотариус",
        Script.KAZAKH: "Нотариус Жеке нотариус",
        Script.GREEK: "Συμβολαιογράφος",
        Script.DEVANAGARI: "नोटरी",
        Script.TAMIL: "நோட்டரி",
        Script.MALAYALAM: "നോട്ടറി",
    }
    rings = (_cased(rng, f"{words[script]} {surname}"), _cased(rng, pick(rng, CITIES[script])))
    sign = NUMBER_NAMES[script][0] if script in (Script.TAMIL, Script.MALAYALAM) else "№"
    return StampText(script, rings, (f"{sign} {number(rng, 3)}",), "stamp_notary")


def attestation_lines(rng: Rng, script: Script) -> tuple[str, ...]:
    """The lines of a stamp without a ring: a certified copy, an attestation, an address."""
    surname, city = pick(rng, SURNAMES[script]), pick(rng, CITIES[script])
    sets: tuple[tuple[str, ...], ...]
    if script is Script.LATIN:
        sets = (
            ("ATTESTED", f"{surname} {pick(rng, SURNAMES[script])}", "Advocate & Notary", city),
            (f"For {pick(rng, BRANDS[script])} Pvt. Ltd.", "", "Director"),
            ("NOTARY", city, f"Registration No.: {number(rng, 5)}", f"Expiry Date : {date_text(rng)}"),
            ("TRUE COPY ATTESTED", f"({surname})", "Gazetted Officer"),
            (f"{surname} & Sons", f"P.O. Box {number(rng, 5)}", f"Tel. {number(rng, 7)}", city),
            (pick(rng, ("TRUE COPY ATTESTED", "NOTARIAL REGISTERED", "CERTIFIED TRUE COPY", "ORIGINAL SEEN", "COPY")),),
            _advocate(rng),
            _vendor(rng),
            ("Section Officer", pick(rng, OFFICES[script]), pick(rng, STATES[script]), city),
        )
    elif script is Script.DEVANAGARI:
        sets = (("सत्यापित", surname, pick(rng, OFFICES[script]), city), (surname, pick(rng, OFFICES[script])))
    elif script in (Script.TAMIL, Script.MALAYALAM):
        office, state = pick(rng, OFFICES[script]), pick(rng, STATES[script])
        sets = (
            (surname, office, city),
            (f"{surname}, {pick(rng, SURNAMES[script])}", office, f"{number(rng, 3)}, {city}", number(rng, 6)),
            (pick(rng, PURPOSES[script]), office, state),
        )
    elif script is Script.GREEK:
        sets = (("ΑΚΡΙΒΕΣ ΑΝΤΙΓΡΑΦΟ", surname, city), (pick(rng, BRANDS[script]), city, f"ΑΦΜ {number(rng, 9)}"))
    else:
        sets = (
            ("КОПИЯ ВЕРНА", "Директор ____________", f"{surname} {pick(rng, 'АБВИКМ')}.{pick(rng, 'АБВИКМ')}."),
            ("УТВЕРЖДАЮ", "Главный инженер", surname, f"«__» ________ 20{number(rng, 2)} г."),
            ("В ПРОИЗВОДСТВО РАБОТ", f"{pick(rng, BRANDS[script])}", date_text(rng), "Подпись ________"),
            ("ПРОШНУРОВАНО", "пронумеровано и скреплено", f"печатью {number(rng, 2)} листов", surname),
        )
    return sets[int(rng.integers(len(sets)))]


def _advocate(rng: Rng) -> tuple[str, ...]:
    """The lines of a person who attests: a phrase, the name, the office, an address, a date or a number."""
    surname, city = pick(rng, SURNAMES[Script.LATIN]), pick(rng, CITIES[Script.LATIN])
    name = f"{pick(rng, 'ABKMRSTV')}. {surname}".upper()
    lines = (
        pick(rng, ("ATTESTED BY me", "SIGNED BEFORE ME", "Solemnly affirmed before me", "")),
        f"{name}, {pick(rng, ('B.A., B.L.', 'M.A., LL.B.', 'B.Sc., LL.B.'))}" if rng.random() < 0.5 else name,
        pick(rng, ("ADVOCATE & NOTARY", "ADVOCATE & NOTARY PUBLIC", "NOTARY", "Oath Commissioner")),
        f"No. {number(rng, 2)}, {pick(rng, SURNAMES[Script.LATIN])} Road, {city} - {number(rng, 6)}",
        date_text(rng) if rng.random() < 0.4 else f"Roll No: {pick(rng, 'KMT')}/{number(rng, 5)}",
    )
    return tuple(line for line in lines if line)


def _vendor(rng: Rng) -> tuple[str, ...]:
    """The lines of a seller of stamped paper: name, office, licences, address and telephone."""
    surname, city = pick(rng, SURNAMES[Script.LATIN]), pick(rng, CITIES[Script.LATIN])
    lines = (
        f"{pick(rng, 'ABKMRST')}. {surname}".upper(),
        pick(rng, ("LICENCED STAMP VENDOR", "STAMP VENDOR")),
        f"LIC No {number(rng, 2)}-{number(rng, 2)}-{number(rng, 2)}/{number(rng, 4)}",
        f"REN No {number(rng, 2)}-{number(rng, 2)}/{number(rng, 4)}",
        f"H.No.{number(rng, 2)}/C, {city.upper()}",
        f"PHONE No {number(rng, 8)}",
    )
    return lines[: int(rng.integers(3, 7))]


def receipt_lines(rng: Rng, script: Script) -> tuple[str, ...]:
    """The lines of a date stamp or a receipt stamp: a word, a date, and mostly a number or an office."""
    cyrillic = script in (Script.CYRILLIC, Script.KAZAKH)
    heads = ("ПОЛУЧЕНО", "ВХОДЯЩИЙ", "ОПЛАЧЕНО", "ПОСТУПИЛО", "КІРІС" if script is Script.KAZAKH else "КАНЦЕЛЯРИЯ")
    if not cyrillic:
        heads = ("RECEIVED", "PAID", "ENTERED", "APPROVED", "POSTED")
    tail = f"№ {number(rng, 4)}" if cyrillic else pick(rng, (f"No. {number(rng, 4)}", "BY: ________", "LEGAL DEPT."))
    lines = (pick(rng, heads), date_text(rng), tail)
    return lines[: 2 if rng.random() < 0.4 else 3]


def _registration(rng: Rng, script: Script) -> str:
    """A registration number with the word that stands before it."""
    name = pick(rng, NUMBER_NAMES.get(script, ("REG. No.",)))
    return f"{name} {number(rng, 12 if script in NUMBER_NAMES else 6)}"


def _cased(rng: Rng, text: str) -> str:
    """The text in capitals, or now and then as it is."""
    return text.upper() if rng.random() < 0.8 else text
