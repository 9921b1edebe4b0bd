"""Bundled weights against their manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

from docdetect.errors import InputError
from docdetect.files import sha256_file
from docdetect.models.bundled import Listed, WeightsState, list_bundled, read_manifest, write_manifest
from docdetect.models.conversions import FORM_SUFFIXES, form_path
from docdetect.models.ensemble import read_ensemble
from docdetect.models.thresholds import read_thresholds
from docdetect.models.weights import (
    BUNDLED_FOLDER,
    BUNDLED_NAMES,
    DEFAULT_ENSEMBLE,
    bundled_ensembles,
    bundled_weights,
    networks_in,
    resolve_for_pages,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in (("good", b"one"), ("spoilt", b"two"), ("stranger", b"three")):
        (tmp_path / f"{name}.pt").write_bytes(content)
    digest = sha256_file(tmp_path / "good.pt")
    write_manifest(
        tmp_path,
        {
            "spoilt": Listed(("qr",), 640, 3, "0" * 64),
            "good": Listed(("qr", "stamp"), 1024, 3, digest),
            "gone": Listed(("qr",), 640, 3, "1" * 64),
        },
    )
    return tmp_path


def test_every_file_and_every_entry_is_listed_with_its_state(folder: Path) -> None:
    assert [(one.name, one.state.value) for one in list_bundled(folder)] == [
        ("gone", "missing"),
        ("good", "ok"),
        ("spoilt", "damaged"),
        ("stranger", "unlisted"),
    ]
    good = next(one for one in list_bundled(folder) if one.name == "good")
    assert (good.classes, good.imgsz, good.size_bytes) == (("qr", "stamp"), 1024, 3)
    assert good.sha256 == sha256_file(good.file)


def test_the_manifest_reads_back_and_does_not_depend_on_the_order(folder: Path) -> None:
    listed = read_manifest(folder)
    text = (folder / "weights.json").read_text(encoding="utf-8")
    write_manifest(folder, dict(reversed(listed.items())))
    assert read_manifest(folder) == listed
    assert (folder / "weights.json").read_text(encoding="utf-8") == text


def test_no_folder_is_an_empty_box(tmp_path: Path) -> None:
    assert list_bundled(tmp_path / "none") == ()


@pytest.mark.parametrize(
    "text",
    [
        *("[]", '{"format": 2, "weights": {}}', '{"format": 1, "weights": {"a": {}}}'),
        '{"format": 1, "weights": {"a": {"classes": [], "imgsz": Infinity}}}',
    ],
)
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "weights.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"weights\.json: not a manifest of weights"):
        list_bundled(tmp_path)


def test_what_ships_with_docdetect_is_as_its_manifest_says() -> None:
    assert [one.name for one in list_bundled(BUNDLED_FOLDER) if one.state is not WeightsState.OK] == []


def test_all_bundled_weights_come_with_thresholds_of_their_own_and_with_all_forms() -> None:
    """All lie beside the weights, where `infer` looks for them, and are ignored where they belong to other weights."""
    assert tuple(bundled_weights()) == tuple(sorted(BUNDLED_NAMES))
    for file in bundled_weights().values():
        kept = read_thresholds(file)
        assert kept is not None
        assert set(kept.conf) == set(kept.check) == {"qr", "signature", "stamp"}
        assert all(form_path(file, form).is_file() for form in FORM_SUFFIXES), "without PyTorch, on any processor"


def test_the_bundled_ensemble_is_whole_and_has_thresholds_of_its_own() -> None:
    assert set(bundled_ensembles()) == {DEFAULT_ENSEMBLE}
    file = bundled_ensembles()[DEFAULT_ENSEMBLE]
    assert resolve_for_pages("", BUNDLED_FOLDER) == file
    whole = read_ensemble(file)
    assert whole.second_look
    assert {look.weights for look in whole.looks} == set(BUNDLED_NAMES), "names, so that a copy elsewhere finds them"
    assert min(whole.looks, key=lambda look: look.imgsz) == whole.looks[0], "the look at every page is the cheapest"
    assert [network for network, _ in networks_in(file)] == [bundled_weights()[look.weights] for look in whole.looks]
    kept = read_thresholds(file)
    assert kept is not None
    assert set(kept.conf) == set(kept.check) == {"qr", "signature", "stamp"}
    assert all(kept.check[name] < kept.conf[name] for name in kept.conf)
