"""The documents beside the code: links lead somewhere, and the model card belongs to the bundled weights."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CARD = ROOT / "docs" / "model-card.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_files_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert missing == []


def test_the_model_card_is_about_the_bundled_weights() -> None:
    manifest = json.loads((ROOT / "src/docdetect/weights/weights.json").read_text(encoding="utf-8"))["weights"]
    card = CARD.read_text(encoding="utf-8")
    assert card.startswith("# Model card: docdetect-s\n")
    for name in ("docdetect-s", "docdetect-s.int8"):
        assert f"`{manifest[name]['sha256'][:12]}`" in card
