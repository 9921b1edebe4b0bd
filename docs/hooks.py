"""Hooks of mkdocs: the documents of the repository's root become pages of the site, too, and links between both hold.

In the repository a page of docs/ links to `../ARCHITECTURE.md`, and ARCHITECTURE.md links to `docs/infer.md`. On the
site all pages lie in one folder.

The picture in ARCHITECTURE.md is a Mermaid block, which GitHub draws. The script that draws such blocks on a site would
come from elsewhere, so the site shows docs/architecture.svg: the same picture, drawn before. Its first line names the
block that it was drawn from, and a picture of an older block is not shown.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
ROOT_PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
DRAWN = "architecture.svg"


def on_files(files: Files, config: Any) -> Files:
    """Adds the documents of the root to the pages of the site."""
    for name in ROOT_PAGES:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page as it is on the site: links lead to pages of one folder, and a Mermaid block is a picture."""
    markdown = re.sub(r"\]\((?:\.\./|docs/)([\w.-]+\.\w+(?:#[\w-]+)?)\)", r"](\1)", markdown)
    return re.sub(r"```mermaid\n(.*?)```", _drawn, markdown, flags=re.DOTALL)


def _drawn(block: re.Match[str]) -> str:
    """The picture of a Mermaid block, or the block as text where its picture is an older one."""
    wanted = f"<!-- of {hashlib.sha256(block[1].encode()).hexdigest()[:16]} -->"
    with (ROOT / "docs" / DRAWN).open(encoding="utf-8") as stream:
        is_current = stream.readline().strip() == wanted
    return f"![Rooms and the data that flows between them]({DRAWN})" if is_current else block[0]
