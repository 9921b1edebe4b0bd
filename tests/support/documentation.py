"""The documents for people, as tests see them: README, ARCHITECTURE and the pages of docs/, and the code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = tuple(sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]))


@dataclass(frozen=True)
class Block:
    """A fenced block of code.

    Attributes:
        language: what stands behind the fence, such as bash; "" where nothing does.
        text: the lines between the fences.
    """

    language: str
    text: str


def blocks(document: Path, language: str) -> list[Block]:
    """The fenced blocks of a language in a document, in order."""
    text = document.read_text(encoding="utf-8")
    found = re.findall(r"^```([^\n]*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [Block(name.strip(), body) for name, body in found if name.strip() == language]


@dataclass(frozen=True)
class CommandLine:
    """A line of a bash block.

    Attributes:
        text: the line without its comment.
        exit_code: the one that its comment names, such as `# exit code 7 when ...`; else 0.
    """

    text: str
    exit_code: int


def command_lines(document: Path) -> list[CommandLine]:
    """The lines of the bash blocks of a document, in order."""
    found = []
    for block in blocks(document, "bash"):
        for line in block.text.splitlines():
            text, _, comment = line.partition(" #")
            if text.strip() and not text.startswith("#"):
                code = re.search(r"exit code (\d+)", comment)
                found.append(CommandLine(text.strip(), int(code[1]) if code else 0))
    return found


def prose(document: Path) -> str:
    """The document without its fenced blocks."""
    text = document.read_text(encoding="utf-8")
    return re.sub(r"^```[^\n]*\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def inline_code(document: Path) -> list[str]:
    """What stands between backticks in the prose of a document."""
    return re.findall(r"`([^`\n]+)`", prose(document))
