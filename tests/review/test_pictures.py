"""Pictures of pages: what they show, what is kept of them, and what a hostile document does to the others: nothing."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from docdetect.documents.document import Document, DocumentError
from docdetect.documents.reader import open_document
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import InputError, InterruptedRunError
from docdetect.files import sha256_file
from docdetect.review.pictures import PagePicture, PictureCache, PictureMaker
from docdetect.review.sources import SourceDocuments
from docdetect.types import FailureKind
from tests.support.fakes import COLOURS, make_image, make_pdf

STAMP = ("stamp", (20.0, 20.0, 60.0, 50.0))


def hostile(file: DocumentFile) -> Document:
    """Opens documents; one called crash.pdf ends the process."""
    if file.name == "crash.pdf":
        os._exit(13)
    with (file.path.parent / "opened.txt").open("a") as stream:
        stream.write("x")
    return open_document(file)


@pytest.fixture(scope="module")
def maker() -> Iterator[PictureMaker]:
    pictures = PictureMaker(hostile, processes=2, memory_bytes=2 << 30)
    yield pictures
    pictures.close()


def document(path: Path, kind: DocumentKind = DocumentKind.PDF) -> DocumentFile:
    return DocumentFile(path, path.name, kind)


def opened(folder: Path) -> int:
    return len((folder / "opened.txt").read_text())


def decoded(data: bytes) -> Any:
    return Image.open(io.BytesIO(data)).convert("RGB")


def is_near(colour: Any, name: str) -> bool:
    return bool(max(abs(a - b) for a, b in zip(colour, COLOURS[name], strict=True)) < 40)


def test_a_page_is_shown_as_displayed(tmp_path: Path, maker: PictureMaker) -> None:
    turned = document(make_pdf(tmp_path / "a.pdf", [[STAMP]], rotate=90))
    picture = decoded(maker.page(turned, PagePicture("turned", 1, 300)))
    assert picture.size == (300, 200)
    assert is_near(picture.getpixel((300 - 35, 40)), "stamp")
    image = document(make_image(tmp_path / "b.png", [STAMP]), DocumentKind.IMAGE)
    assert decoded(maker.page(image, PagePicture("image", 1, 5000))).size == (300, 200)


def test_marks_of_a_page_are_cut_out_in_one_go(tmp_path: Path, maker: PictureMaker) -> None:
    file = document(make_pdf(tmp_path / "a.pdf", [[STAMP, ("qr", (100, 200, 150, 250))]]))
    stamp = PagePicture("cut", 1, 64, region=(0.1, 20 / 300, 0.3, 50 / 300))
    code = PagePicture("cut", 1, 64, region=(0.5, 200 / 300, 0.75, 250 / 300))
    assert is_near(decoded(maker.crop(file, stamp, (stamp, code))).getpixel((32, 24)), "stamp")
    assert is_near(decoded(maker.crop(file, code)).getpixel((32, 32)), "qr")
    assert opened(tmp_path) == 1


def test_requests_for_one_picture_are_one_rendering(tmp_path: Path, maker: PictureMaker) -> None:
    file = document(make_pdf(tmp_path / "a.pdf", [[STAMP]]))
    wanted = PagePicture("once", 1, 400)
    with ThreadPoolExecutor(8) as threads:
        pictures = set(threads.map(lambda _: maker.page(file, wanted), range(16)))
    assert (len(pictures), opened(tmp_path)) == (1, 1)


def test_a_document_that_crashes_takes_down_nothing_else(tmp_path: Path, maker: PictureMaker) -> None:
    good = document(make_pdf(tmp_path / "good.pdf", [[STAMP]] * 4))
    bad = document(make_pdf(tmp_path / "crash.pdf", [[STAMP]]))
    failures: list[FailureKind] = []

    def crash() -> None:
        with pytest.raises(DocumentError) as error:
            maker.page(bad, PagePicture("crash", 1, 100))
        failures.append(error.value.failure.kind)

    threads = [threading.Thread(target=crash) for _ in range(3)]
    for thread in threads:
        thread.start()
    sizes = [decoded(maker.page(good, PagePicture("good", number, 90))).size for number in (1, 2, 3, 4)]
    for thread in threads:
        thread.join()
    assert sizes == [(60, 90)] * 4
    assert failures == [FailureKind.CRASHED] * 3


def test_the_cache_is_bounded_and_keeps_what_was_used_last() -> None:
    cache = PictureCache(most_bytes=100)
    pages = [PagePicture("a", number, 10) for number in range(1, 5)]
    for page in pages[:3]:
        cache.put(page, b"x" * 30)
    assert cache.get(pages[0]) == b"x" * 30
    cache.put(pages[3], b"y" * 30)
    assert [cache.get(page) is not None for page in pages] == [True, False, True, True]
    cache.put(pages[3], b"z" * 10)
    assert cache.size_bytes == 70
    cache.put(pages[1], b"w" * 101)
    assert cache.size_bytes == 0


def test_a_maker_that_is_closed_says_so(tmp_path: Path) -> None:
    pictures = PictureMaker(processes=1)
    pictures.close()
    with pytest.raises(InterruptedRunError):
        pictures.page(document(make_pdf(tmp_path / "a.pdf", [[]])), PagePicture("a", 1, 100))


def test_documents_are_found_by_name_and_content(tmp_path: Path) -> None:
    deep = make_pdf(tmp_path / "in" / "deep" / "a.pdf", [[STAMP]])
    other = make_pdf(tmp_path / "other" / "b.pdf", [[]])
    secret = make_pdf(tmp_path / "secret.pdf", [[], []])
    digest, secret_digest = sha256_file(deep), sha256_file(secret)
    one = SourceDocuments([str(tmp_path / "in")])
    assert one.find("deep/a.pdf", digest).path.samefile(deep)
    both = SourceDocuments([str(tmp_path / "in"), str(other)])
    assert both.find("in/deep/a.pdf", digest).path.samefile(deep)
    assert both.find("other/b.pdf", sha256_file(other)).path.samefile(other)
    glob = SourceDocuments([str(tmp_path / "*" / "*.pdf")])
    assert glob.find("other/b.pdf", sha256_file(other)).path.samefile(other)
    for name in ("../secret.pdf", str(secret), "deep/../../secret.pdf", "secret.pdf"):
        with pytest.raises(InputError, match="is not in"):
            one.find(name, secret_digest)
    (tmp_path / "in" / "link.pdf").symlink_to(secret)
    with pytest.raises(InputError, match="is not in"):
        one.find("link.pdf", secret_digest)
    with pytest.raises(InputError, match="was changed after the run"):
        one.find("deep/a.pdf", "0" * 64)
    with pytest.raises(InputError, match="was changed after the run"):
        one.find("deep/a.pdf", "")
