"""The networks in data/starts, from which training goes on."""

import hashlib
from pathlib import Path

from docdetect.models.checkpoint import load_network
from docdetect.models.weights import network_imgsz

STARTS = Path(__file__).parents[2] / "data" / "starts"


def test_the_small_network_is_the_one_that_its_page_describes() -> None:
    """The page beside the file states its SHA-256, so that a file that was exchanged is noticed."""
    file = STARTS / "docdetect-n.pt"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert f"`{digest}`" in (STARTS / "README.md").read_text(encoding="utf-8")


def test_the_small_network_knows_the_three_categories_and_its_size() -> None:
    """What is needed to infer and to train with it can be read from the file."""
    file = STARTS / "docdetect-n.pt"
    assert vars(load_network(file))["names"] == {0: "qr", 1: "signature", 2: "stamp"}
    assert network_imgsz(file) == 640
