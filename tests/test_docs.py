"""The documents beside the code: links lead somewhere, the site builds, the model card is about the bundled weights."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from docdetect.cli.tree import TREE
from tests.support.documentation import DOCUMENTS, ROOT, inline_code, prose
from tests.test_imports import FLOORS

ARCHITECTURE = ROOT / "ARCHITECTURE.md"
CARD = ROOT / "docs" / "model-card.md"
LINK = re.compile(r"\]\((<[^>]*>|[^)\s]+)(?:\s+\"[^\"]*\")?\)|(?:src|href)=\"([^\"]+)\"")


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub and mkdocs make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(document), flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[\s]", "-", re.sub(r"[^\w\s-]", "", plain.strip().lower())))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """Links to files and headings are followed; links to other sites only have to be well formed."""
    wrong = []
    for first, second in LINK.findall(prose(document)):
        link = first or second
        if "://" in link:
            parts = urlsplit(link)
            if parts.scheme not in ("https", "http") or "." not in parts.netloc:
                wrong.append(link)
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed: make setup installs it")
def test_the_site_builds_without_warnings_and_asks_nothing_of_other_sites(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = sorted((tmp_path / "site").glob("*.html"))
    assert {"index.html", "infer.html", "ARCHITECTURE.html"} <= {page.name for page in pages}
    loaded = re.compile(
        r"<(?:script|img|iframe)[^>]*\ssrc=\"?(https?:[^\" >]+)|<link[^>]*rel=\"?stylesheet[^>]*(https?:[^\" >]+)"
    )
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert loaded.findall(text) == [], page.name
        assert 'class="mermaid"' not in text, "the script that draws such blocks would come from another site"


def test_the_files_that_the_architecture_names_exist() -> None:
    source = ROOT / "src" / "docdetect"
    folders = (ROOT, source, source / "models", source / "inference")
    for code in inline_code(ARCHITECTURE):
        if not re.fullmatch(r"[\w./-]+(\.py|/)", code):
            continue
        is_there = any((folder / code).exists() for folder in folders)
        assert is_there or ("/" not in code.rstrip("/") and any(source.rglob(code.rstrip("/")))), code


def test_the_floors_of_the_architecture_are_those_that_imports_are_held_to() -> None:
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", ARCHITECTURE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    told = {
        name.removesuffix(".py"): int(floor) for floor, names in rows for name in re.findall(r"`([\w.]+)/?`", names)
    }
    source = ROOT / "src" / "docdetect"
    rooms = {name for name in FLOORS if (source / name).is_dir() or (source / f"{name}.py").is_file()} - {"__init__"}
    assert told == {name: FLOORS[name] for name in rooms}


def test_every_page_of_the_site_is_in_its_menu_and_says_what_it_is_for() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f": {page.name}\n" in menu, page.name


def test_the_home_page_leads_to_every_page() -> None:
    home = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert {page for page in pages if f"({page}" not in home} == set()


def test_every_extra_is_told_with_its_commands() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", (ROOT / "docs" / "install.md").read_text("utf-8"), re.MULTILINE))
    wrong = [entry.name for entry in TREE if entry.extra and f"`{entry.name}`" not in rows[entry.extra]]
    assert wrong == []


def test_the_model_card_is_about_the_bundled_weights() -> None:
    manifest = json.loads((ROOT / "src/docdetect/weights/weights.json").read_text(encoding="utf-8"))["weights"]
    card = CARD.read_text(encoding="utf-8")
    assert card.startswith("# Model card: docdetect-s and docdetect-n\n")
    assert set(manifest) == {
        name + form for name in ("docdetect-s", "docdetect-n") for form in ("", ".int8", ".openvino")
    }
    for name in manifest:
        assert f"`{manifest[name]['sha256'][:12]}`" in card
