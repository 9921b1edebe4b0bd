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
NUMBERS = {
    Script.CYRILLIC: ("ОГРН", "ИНН"),
    Script.KAZAKH: ("БИН", "БСН", "ЖСН"),
    Script.TAMIL: ("எண்",),
    Script.MALAYALAM: ("നമ്പർ",),
}
SCRIPT_CHANCES = (
    (Script.CYRILLIC, 0.34),
    (Script.KAZAKH, 0.22),
    (Script.LATIN, 0.27),
    (Script.GREEK, 0.05),
    (Script.DEVANAGARI, 0.06),
    (Script.TAMIL, 0.03),
    (Script.MALAYALAM, 0.03),
)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
