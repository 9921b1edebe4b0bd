"""Which annotations are drawn: what a viewer shows, and nothing that docdetect or MuPDF added."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pymupdf
import pytest

from docdetect.documents.reader import open_document
from docdetect.documents.sizes import AtDpi
from docdetect.documents.sources import list_documents
from docdetect.types import ByteArray

BLUE = b"0 0 1 rg 0 0 100 50 re f"


def signature_field(path: Path, *, appearance: bool, inherited: bool = False, signed: bool = False) -> Path:
    """A page of 300 x 300 pt with one signature field at 100 to 200 pt from the left and 150 to 200 from the top."""
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=300, height=300)
        widget, parent, form, value = (pdf.get_new_xref() for _ in range(4))
        pdf.update_object(form, "<</Type/XObject/Subtype/Form/BBox[0 0 100 50]>>")
        pdf.update_stream(form, BLUE)
        pdf.update_object(value, "<</Type/Sig/Filter/Adobe.PPKLite>>")
        about = "/FT/Sig/T(S)" + (f"/V {value} 0 R" if signed else "")
        pdf.update_object(parent, f"<<{about}/Kids[{widget} 0 R]>>")
        own = f"/Parent {parent} 0 R" if inherited else about
        drawn = f"/AP<</N {form} 0 R>>" if appearance else ""
        pdf.update_object(widget, f"<</Type/Annot/Subtype/Widget/F 4/Rect[100 100 200 150]{own}{drawn}>>")
        pdf.xref_set_key(page.xref, "Annots", f"[{widget} 0 R]")
        pdf.save(path)
    return path


def drawn(path: Path) -> ByteArray:
    with open_document(list_documents(path)[0]) as document:
        first = document.render(1, AtDpi(72)).pixels
        np.testing.assert_array_equal(document.render(1, AtDpi(72)).pixels, first)
    return first


@pytest.mark.parametrize("inherited", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_a_signature_field_is_shown_with_its_own_appearance(tmp_path: Path, inherited: bool, signed: bool) -> None:
    path = signature_field(tmp_path / "a.pdf", appearance=True, inherited=inherited, signed=signed)
    before = path.read_bytes()
    expected = np.full((300, 300, 3), 255, np.uint8)
    expected[150:200, 100:200] = (0, 0, 255)
    assert np.abs(drawn(path).astype(int) - expected).max() < 40, "edges are smoothed"
    assert path.read_bytes() == before


@pytest.mark.parametrize("inherited", [False, True])
def test_an_empty_signature_field_is_not_shown(tmp_path: Path, inherited: bool) -> None:
    path = signature_field(tmp_path / "a.pdf", appearance=False, inherited=inherited)
    with pymupdf.open(path) as pdf:
        assert np.frombuffer(pdf[0].get_pixmap().samples, np.uint8).min() < 255  # MuPDF draws its arrow
    assert (drawn(path) == 255).all()


def test_frames_of_a_marked_copy_are_not_looked_at_again(tmp_path: Path) -> None:
    from docdetect.documents.marked_copies import PdfMark, write_marked_pdf
    from docdetect.files import sha256_file

    path = tmp_path / "a.pdf"
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=300, height=300)
        page.draw_rect((50, 50, 90, 90), color=None, fill=(1, 0, 0))
        page.add_circle_annot((10, 200, 60, 260))
        pdf.save(path)
    (file,) = list_documents(path)
    mark = PdfMark(1, (50, 50, 90, 90), "stamp", "confidence 0.93\nmore", (215, 25, 35))
    write_marked_pdf(file, sha256_file(path), [mark], tmp_path / "copy" / "a.pdf")
    np.testing.assert_array_equal(drawn(tmp_path / "copy" / "a.pdf"), drawn(path))


@pytest.mark.parametrize(
    ("contents", "shown"), [("confidence 0.93", False), ("confidence 0.57\ntext", False), ("See confidence 0.93", True)]
)
def test_frames_of_older_copies_are_known_by_their_note(tmp_path: Path, contents: str, shown: bool) -> None:
    path = tmp_path / "a.pdf"
    with pymupdf.open() as pdf:
        frame = pdf.new_page(width=300, height=300).add_rect_annot((50, 50, 90, 90))
        frame.set_info(title="stamp", content=contents)
        frame.update()
        pdf.save(path)
    assert bool(drawn(path).min() < 255) is shown


@pytest.mark.parametrize("annotations", ["(no array)", "[null 7 99 0 R <</Subtype/Widget/FT/Sig>> (text)]"])
def test_odd_lists_of_annotations_do_not_cost_the_page(tmp_path: Path, annotations: str) -> None:
    path = tmp_path / "a.pdf"
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=300, height=300)
        page.draw_rect((50, 50, 90, 90), color=None, fill=(1, 0, 0))
        pdf.xref_set_key(page.xref, "Annots", annotations)
        pdf.save(path)
    assert (drawn(path)[60, 60] == (255, 0, 0)).all()
