"""Hooks of mkdocs: the documents of the repository's root become pages of the site, too, and links between both hold.

In the repository a page of docs/ links to `../ARCHITECTURE.md`, and ARCHITECTURE.md links to `docs/infer.md`. On the
site all pages lie in one folder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
ROOT_PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")


def on_files(files: Files, config: Any) -> Files:
    """Adds the documents of the root to the pages of the site."""
    for name in ROOT_PAGES:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with links as they are on the site: all pages in one folder."""
    return re.sub(r"\]\((?:\.\./|docs/)([\w.-]+\.\w+(?:#[\w-]+)?)\)", r"](\1)", markdown)
