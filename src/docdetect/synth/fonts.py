"""Finds the fonts that text is drawn with, and says what they look like and which scripts they cover."""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from pathlib import Path

import numpy as np
from fontTools import agl
from fontTools.cffLib import CFFFontSet
from fontTools.ttLib import TTFont, TTLibError
from PIL import ImageFont

from docdetect.errors import InputError

_SUFFIXES = (".ttf", ".otf", ".ttc")

# First bytes of a CFF font program without an OpenType file around it, as PDF libraries embed it.
_BARE_CFF = b"\x01\x00"

# Most faces that are read from a font collection (.ttc).
_MAX_COLLECTION_FACES = 32

# Names of symbol, maths and placeholder fonts: their letters have shapes that nobody prints text in.
_NOT_FOR_TEXT = re.compile(
    r"last ?resort|math|symbol|emoji|stixsize|stixnonuni|dingbat|^cm(ex|sy|mi)|icons?$|barcode", re.I
)


class Script(str, Enum):
    """Writing systems of made-up documents."""

    LATIN = "latin"
    CYRILLIC = "cyrillic"
    KAZAKH = "kazakh"  # Cyrillic with the additional letters of Kazakh
    GREEK = "greek"
    DEVANAGARI = "devanagari"
    TAMIL = "tamil"
    MALAYALAM = "malayalam"


class FontStyle(str, Enum):
    """What a font face looks like, as far as its name and its tables say."""

    SERIF = "serif"
    SANS = "sans"
    MONO = "mono"
    SCRIPT = "script"  # a typeface that imitates handwriting


# A face covers a script when it has all letters of the script's sample.
_SAMPLES = {
    Script.LATIN: "ABCXYZabcxyz0189.,()-",
    Script.CYRILLIC: "АБЖЩЯабжщя№«»",
    Script.KAZAKH: "ӘҒҚҢӨҰҮҺІәғқңөұүһі",
    Script.GREEK: "ΑΒΓΩαβγωάή",
    Script.DEVANAGARI: "अआकखगमरसहािीु्",
    Script.TAMIL: "0189அகசதநபமரவாிு்",
    Script.MALAYALAM: "0189അകചതനപമരവാിു്",
}

# Scripts whose letters change their form beside each other.
_JOINED = frozenset((Script.DEVANAGARI, Script.TAMIL, Script.MALAYALAM))

# Words in the names of faces that tell their style; the first pattern that matches counts.
_NAME_STYLES = (
    (
        FontStyle.SCRIPT,
        re.compile(
            r"script|handwrit|\bhand\b|cursive|chancery|brush|callig|signature|vibes|dancing|comic|humor|lobster|leckerli"
            r"|kristi|isabella|karumbi|breip|joscelyn|femkeklaver|dyuthi|chilanka|because we|havana|tomson"
            r"|fraktur|germania|medieval|uncial|blackletter|allura|tangerine|italianno|monsieur",
            re.I,
        ),
    ),
    (FontStyle.MONO, re.compile(r"mono|courier|typewriter|console|consolas|\bcmtt", re.I)),
    (FontStyle.SANS, re.compile(r"sans|helvet|arial|gothic|grotesk|roboto|ubuntu|calibri|verdana|tahoma|\bcmss", re.I)),
    (
        FontStyle.SERIF,
        re.compile(
            r"serif|roman|times|georgia|garamond|cambria|caladea|charis|old standard|stix|book|\bcm(r|b|ti)\d", re.I
        ),
    ),
)


@dataclass(frozen=True)
class FontFace:
    """One font face.

    Attributes:
        family: family name, such as "DejaVu Serif".
        style: what the face looks like.
        bold, italic: whether the face is bold or slanted, as its style name says.
        scripts: the scripts whose letters the face has.
        digest: SHA-256 of the font program, in hexadecimal digits.
        program: path of the font file, or the font program itself for fonts that come inside a library.
        index: position of the face in a font collection (.ttc), 0 elsewhere.
    """

    family: str
    style: FontStyle
    bold: bool
    italic: bool
    scripts: frozenset[Script]
    digest: str
    program: Path | bytes = field(repr=False)
    index: int = 0

    def sized(self, size_px: int) -> ImageFont.FreeTypeFont:
        """The face for Pillow with an em of `size_px` px, at least 4; sized faces are cached."""
        return _sized(self, max(4, size_px))


@dataclass(frozen=True)
class FontBook:
    """All usable font faces.

    Attributes:
        faces: ordered by family name and digest, so that equal fonts give equal pages on any machine.
    """

    faces: tuple[FontFace, ...]

    @classmethod
    def scan(cls, folders: Sequence[Path] = (), *, embedded: Iterable[bytes] = (), system: bool = True) -> FontBook:
        """Looks through folders for TrueType and OpenType fonts. The fonts of matplotlib are always among them.

        Args:
            folders: the user's own font folders, searched with their subfolders.
            embedded: font programs that come inside libraries (`documents.pdf_writer.builtin_fonts`).
            system: whether to look into the font folders of the operating system, too.

        Raises:
            InputError: a folder of `folders` does not exist or holds no usable font, or there is none at all.
        """
        for folder in folders:
            if not folder.is_dir():
                raise InputError(f"{folder}: there is no such folder of fonts", "Check the path given as --fonts.")
            if not any(True for _ in _all_faces([folder], ())):
                raise InputError(
                    f"{folder}: there is no font in it that text can be drawn with",
                    f"Name a folder of {', '.join(_SUFFIXES)} files as --fonts; archives of fonts are not opened.",
                )
        places = [*folders, *(_system_folders() if system else []), _matplotlib_folder()]
        found = list(_all_faces(places, embedded))
        if not found:
            raise InputError("no usable font was found", "Install some fonts or name a folder of fonts with --fonts.")
        return cls(tuple(sorted(found, key=lambda face: (face.family, face.digest, face.index))))

    def matching(
        self, script: Script = Script.LATIN, style: FontStyle | None = None, *, italic: bool | None = None
    ) -> tuple[FontFace, ...]:
        """The faces that cover a script and look as wanted.

        Args:
            script: the script.
            style: what the faces look like; None for any style.
            italic: whether the faces are slanted; None for both.

        Returns:
            All faces that cover the script where none of them looks as wanted; nothing only where no face covers it.
        """
        covering = [face for face in self.faces if script in face.scripts]
        fitting = [face for face in covering if style in (None, face.style) and italic in (None, face.italic)]
        return tuple(fitting or covering)

    def choose(
        self, rng: np.random.Generator, script: Script = Script.LATIN, style: FontStyle | None = None
    ) -> FontFace:
        """A random face among those that `matching` finds; a family is as likely as any other, whatever its size.

        Raises:
            InputError: no face covers the script.
        """
        faces = self.matching(script, style)
        if not faces:
            raise InputError(f"no font covers {script.value}", "Name a folder with such a font with --fonts.")
        families = sorted({face.family for face in faces})
        family = families[int(rng.integers(len(families)))]
        members = [face for face in faces if face.family == family]
        return members[int(rng.integers(len(members)))]

    def covers(self, script: Script) -> bool:
        """Whether any face has the letters of the script."""
        return any(script in face.scripts for face in self.faces)


@lru_cache(maxsize=1024)
def _sized(face: FontFace, size_px: int) -> ImageFont.FreeTypeFont:
    source = io.BytesIO(face.program) if isinstance(face.program, bytes) else str(face.program)
    # Text shaping takes longer, and only scripts whose letters join need it.
    layout = None if not _JOINED.isdisjoint(face.scripts) else ImageFont.Layout.BASIC
    return ImageFont.truetype(source, size_px, index=face.index, layout_engine=layout)


def _all_faces(folders: Sequence[Path], embedded: Iterable[bytes]) -> Iterator[FontFace]:
    """Every face, once even where its font lies in several places."""
    seen: set[str] = set()
    for program, data in _programs(folders, embedded):
        digest = hashlib.sha256(data).hexdigest()
        if digest not in seen:
            seen.add(digest)
            yield from _faces(program, data, digest)


def _programs(folders: Sequence[Path], embedded: Iterable[bytes]) -> Iterator[tuple[Path | bytes, bytes]]:
    """Every font program with what `FontFace.program` keeps of it: its path, or the program itself."""
    for program in embedded:
        yield program, program
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
            if path.suffix.lower() in _SUFFIXES and path.is_file():
                yield path, path.read_bytes()


def _faces(program: Path | bytes, data: bytes, digest: str) -> Iterator[FontFace]:
    """The faces in one font program; a damaged font has none, so that it does not stop the making of documents."""
    count = int.from_bytes(data[8:12], "big") if data[:4] == b"ttcf" else 1
    for index in range(min(count, _MAX_COLLECTION_FACES)):
        try:
            family, sub_family = ImageFont.truetype(io.BytesIO(data), 16, index=index).getname()
            letters, fixed = _bare_cff_letters(data) if data[:2] == _BARE_CFF else _sfnt_letters(data, index)
        except (OSError, TTLibError, KeyError, ValueError, AssertionError):
            continue
        scripts = frozenset(script for script, sample in _SAMPLES.items() if set(map(ord, sample)) <= letters)
        name = f"{family} {sub_family}"
        if not scripts or _NOT_FOR_TEXT.search(family or "") or _NOT_FOR_TEXT.search(name):
            continue
        bold = re.search(r"bold|black|heavy|semi|demi", sub_family or "", re.I) is not None
        italic = re.search(r"italic|oblique", sub_family or "", re.I) is not None
        yield FontFace(family or "?", _style(name, fixed), bold, italic, scripts, digest, program, index)


def _sfnt_letters(data: bytes, index: int) -> tuple[frozenset[int], bool]:
    """The code points that a TrueType or OpenType face has letters for, and whether all letters have one width."""
    with TTFont(io.BytesIO(data), fontNumber=index, lazy=True) as font:
        return frozenset(font.getBestCmap() or {}), bool(font["post"].isFixedPitch)


def _bare_cff_letters(data: bytes) -> tuple[frozenset[int], bool]:
    """What `_sfnt_letters` returns, for a CFF font program without an OpenType file around it."""
    fonts = CFFFontSet()
    fonts.decompile(io.BytesIO(data), None)
    top = fonts[0]
    names = (agl.toUnicode(glyph) for glyph in top.getGlyphOrder())
    return frozenset(ord(name) for name in names if len(name) == 1), bool(top.rawDict.get("isFixedPitch", 0))


def _style(name: str, fixed_width: bool) -> FontStyle:
    """The style of a face with this full name; `fixed_width` says whether all its letters have one width."""
    if fixed_width:
        return FontStyle.MONO
    return next((style for style, pattern in _NAME_STYLES if pattern.search(name)), FontStyle.SANS)


def _system_folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    if sys.platform == "win32":
        return [Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts"]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts"]


def _matplotlib_folder() -> Path:
    from matplotlib import get_data_path

    return Path(get_data_path()) / "fonts" / "ttf"
