"""The words that stamps are made of, invented, by script."""

from __future__ import annotations

from docdetect.synth.fonts import Script

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
}
PURPOSES = {
    Script.LATIN: ("FOR DOCUMENTS", "APPROVED", "ACCOUNTS DEPT.", "TRUE COPY", "SEAL", "PAID", "ORIGINAL"),
    Script.CYRILLIC: ("Для документов", "Для справок", "Отдел кадров", "Канцелярия", "Для протоколов", "Для счетов"),
    Script.KAZAKH: ("Құжаттар үшін", "Кеңсе", "Анықтама үшін", "Мөр орны"),
    Script.GREEK: ("ΑΚΡΙΒΕΣ ΑΝΤΙΓΡΑΦΟ", "ΕΓΚΡΙΝΕΤΑΙ"),
    Script.DEVANAGARI: ("सत्यापित", "प्रतिलिपि", "कार्यालय"),
}
NUMBERS = {Script.CYRILLIC: ("ОГРН", "ИНН"), Script.KAZAKH: ("БИН", "БСН", "ЖСН")}
SCRIPT_CHANCES = (
    (Script.CYRILLIC, 0.34),
    (Script.KAZAKH, 0.22),
    (Script.LATIN, 0.32),
    (Script.GREEK, 0.05),
    (Script.DEVANAGARI, 0.07),
)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
