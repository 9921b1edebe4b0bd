"""The networks in data/starts, from which training goes on."""

import hashlib
from pathlib import Path

import pytest

from docdetect.models.checkpoint import load_network
from docdetect.models.weights import network_imgsz

STARTS = Path(__file__).parents[2] / "data" / "starts"


@pytest.mark.parametrize("name", ["docdetect-n-early.pt", "docdetect-s-office.pt"])
def test_a_network_is_the_one_that_its_page_describes(name: str) -> None:
    """The page beside the files states their SHA-256, so that a file that was exchanged is noticed."""
    digest = hashlib.sha256((STARTS / name).read_bytes()).hexdigest()
    assert f"`{digest}`" in (STARTS / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "imgsz"), [("docdetect-n-early.pt", 640), ("docdetect-s-office.pt", 1024)])
def test_a_network_knows_the_three_categories_and_its_size(name: str, imgsz: int) -> None:
    """What is needed to infer and to train with it can be read from the file."""
    file = STARTS / name
    assert vars(load_network(file))["names"] == {0: "qr", 1: "signature", 2: "stamp"}
    assert network_imgsz(file) == imgsz
