"""The Python API: arrays, bytes, threads, stops, failures as data, and the same results as `infer`."""

from __future__ import annotations

import io
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pymupdf
import pytest
import zxingcpp
from PIL import Image

import docdetect
from docdetect.api import Detector, Document, Page, to_dict, to_pandas
from docdetect.config.schema import Config, InferConfig
from docdetect.documents.sources import collect_documents
from docdetect.errors import ConfigError, InputError, MissingDependencyError, UsageError
from docdetect.files import read_json
from docdetect.inference.folder import claimed_folder
from docdetect.inference.journal import JOURNAL_NAME, Journal
from docdetect.inference.networks import EngineName, Precision
from docdetect.inference.run import infer, run, run_settings
from docdetect.tables import read_csv
from docdetect.types import ByteArray, Detections, DocumentStatus
from tests.support.fakes import COLOURS, ColourEngine, make_folder, make_image, make_pdf, run_once, with_pages
from tests.support.hostile import fake_file, open_fake

STAMP = ("stamp", (20.0, 20.0, 60.0, 50.0))


@pytest.fixture(scope="module")
def detector() -> Iterator[Detector]:
    with Detector(engine=ColourEngine(), imgsz=256, workers=1) as detector:
        yield detector


def picture(width: int = 300, height: int = 200) -> ByteArray:
    """A white page with a stamp of 70 x 50 px at (50, 40)."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[40:90, 50:120] = COLOURS["stamp"]
    return pixels


def marks(page: Page) -> list[tuple[str, tuple[float, float, float, float]]]:
    return [(mark.category, mark.xyxy) for mark in page.marks]


def test_a_path_gives_its_pages_one_by_one(detector: Detector, tmp_path: Path) -> None:
    path = make_pdf(tmp_path / "a.pdf", [[STAMP], [], [STAMP, ("signature", (100, 200, 150, 220))]])
    pages = list(detector.detect(path))
    assert [page.number for page in pages] == [1, 2, 3]
    assert [[mark.category for mark in page.marks] for page in pages] == [["stamp"], [], ["stamp", "signature"]]
    assert pages[0].size_wh == (556, 833)
    assert pages[0].size_pt == (200.0, 300.0)
    assert pages[0].marks[0].xyxy == pytest.approx([value * 200 / 72 for value in STAMP[1]], abs=5)
    assert next(detector.detect(str(path), dpi=72)).size_wh == (200, 300)


@pytest.mark.parametrize("form", ["array", "grey", "alpha", "Pillow", "PNG", "PDF"])
def test_every_kind_of_source_gives_the_same_mark(detector: Detector, tmp_path: Path, form: str) -> None:
    pixels, stream = picture(), io.BytesIO()
    alpha = np.dstack([pixels, np.where(pixels.sum(axis=2) == 765, 0, 255).astype(np.uint8)])
    alpha[..., :3][alpha[..., 3] == 0] = 0  # black where it is transparent: viewers show the paper
    source: Any
    if form == "PNG":
        Image.fromarray(pixels).save(stream, "PNG")
        source = stream.getvalue()
    elif form == "PDF":
        source = make_pdf(tmp_path / "a.pdf", [[("stamp", (50, 40, 120, 90))]], size_pt=(300, 200)).read_bytes()
    else:
        source = {"array": pixels, "grey": pixels[..., 0], "alpha": alpha, "Pillow": Image.fromarray(pixels)}[form]
    (page,) = detector.detect(source, dpi=72)
    assert page.size_wh == (300, 200)
    assert page.document == "document_1"
    if form == "grey":
        assert page.marks == ()
    else:
        ((category, box),) = marks(page)
        assert category == "stamp"
        assert box == pytest.approx((50, 40, 120, 90), abs=2)


def test_an_array_and_its_file_give_the_same(detector: Detector, tmp_path: Path) -> None:
    Image.fromarray(picture(900, 600)).save(tmp_path / "a.png")
    (of_file,) = detector.detect(tmp_path / "a.png")
    (of_array,) = detector.detect(picture(900, 600))
    assert of_array.marks == of_file.marks


@pytest.mark.parametrize(
    "array", [np.zeros((20, 30, 3)), np.zeros((20, 30, 2), np.uint8), np.zeros((0, 4, 3), np.uint8), np.zeros(9, "u1")]
)
def test_an_array_that_is_no_page_is_refused_with_what_is_wanted(detector: Detector, array: ByteArray) -> None:
    with pytest.raises(InputError, match="uint8 of shape"):
        list(detector.detect(array))


def test_codes_are_read_from_the_array_s_own_pixels(detector: Detector) -> None:
    code = zxingcpp.create_barcode("https://example.org", zxingcpp.BarcodeFormat.QRCode)
    side = 60  # of 2400: at 256 px, which the network sees, 6 px
    small = Image.fromarray(np.array(code.to_image(scale=8))).resize((side, side), Image.Resampling.LANCZOS)
    pixels = np.full((1200, 2400, 3), 255, np.uint8)
    pixels[380:480, 480:580] = COLOURS["qr"]
    pixels[400:460, 500:560] = np.array(small.convert("RGB"))
    ((mark,),) = [page.marks for page in detector.detect(pixels)]
    assert (mark.text, mark.status) == ("https://example.org", "decoded")
    ((unread,),) = [page.marks for page in detector.detect(pixels, read_codes=False)]
    assert (unread.text, unread.status) == (None, None)


def test_thresholds_hold_for_all_or_by_category(detector: Detector) -> None:
    pixels = picture()
    pixels[150:160, 200:240] = COLOURS["signature"]

    def found(conf: object) -> list[str]:
        (page,) = detector.detect(pixels, conf=conf)  # type: ignore[arg-type]
        return sorted(mark.category for mark in page.marks)

    assert found(None) == ["signature", "stamp"]
    assert found(0.55) == ["stamp"]
    assert found({"signature": 0.55}) == ["stamp"]
    assert found({"stamp": 0.9}) == ["signature"]
    for wrong, message in (({"seal": 0.5}, "seal"), (1.5, "between 0 and 1")):
        with pytest.raises(ConfigError, match=message):
            found(wrong)


def test_boxes_can_stay_unmerged(detector: Detector) -> None:
    pixels = picture()
    pixels[40:90, 121:190] = COLOURS["stamp"]  # two halves of a mark, one px apart, and at 256 px none
    assert len(next(detector.detect(pixels)).marks) <= len(next(detector.detect(pixels, grouping="none")).marks)


def test_what_cannot_be_read_raises_in_detect_and_is_data_in_detect_documents(
    detector: Detector, tmp_path: Path
) -> None:
    good = make_pdf(tmp_path / "good.pdf", [[STAMP]])
    (tmp_path / "broken.pdf").write_bytes(b"this is no PDF")
    with pytest.raises(InputError, match=r"broken\.pdf"):
        list(detector.detect(tmp_path / "broken.pdf"))
    sources: list[Path | bytes | ByteArray] = [
        good,
        tmp_path / "missing.pdf",
        b"\x00\x01",
        picture(),
        tmp_path / "broken.pdf",
        good.read_bytes(),
    ]
    documents = list(detector.detect_documents(sources))
    assert [document.name.rpartition("/")[2] for document in documents] == [
        *("good.pdf", "missing.pdf", "document_3", "document_4", "broken.pdf", "document_6"),
    ]
    ok, failed = DocumentStatus.OK, DocumentStatus.FAILED
    assert [document.status for document in documents] == [ok, failed, failed, ok, failed, ok]
    assert [document.failure is None for document in documents] == [True, False, False, True, False, True]
    assert [len(list(document)) for document in documents] == [1, 0, 0, 1, 0, 1]


def test_pictures_that_are_no_pages_are_data_too(detector: Detector) -> None:
    stored = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)).save(stored, "PNG")
    cut_off = Image.open(io.BytesIO(stored.getvalue()[:9000]))
    empty = Image.new("RGB", (0, 5))
    given: list[Any] = [picture(), cut_off, picture().astype(float), empty, "a\0b.pdf", bytearray(b"x"), None]
    found = list(detector.detect_documents(given))
    reasons = ["truncated", "is no page", "0 x 5 px", "not a file of a kind", "not a file of a kind", "is no page"]
    assert [document.name for document in found] == [
        *(f"document_{number}" for number in range(1, 5)),
        *("a\0b.pdf", "document_6", "document_7"),
    ]
    assert found[0].status is DocumentStatus.OK
    for document, reason in zip(found[1:], reasons, strict=True):
        assert document.failure is not None
        assert reason in document.failure.message
        assert not document.failure.message.startswith(document.name)
    with pytest.raises(InputError, match=r"document_1: damaged picture .*truncated"):
        list(detector.detect(cut_off))
    with pytest.raises(InputError, match=r"document_1: the picture has 0 x 5 px"):
        list(detector.detect(empty))


@pytest.mark.parametrize("one", [picture(), picture()[..., 0], b"%PDF-", Image.new("RGB", (9, 9)), None])
def test_one_document_is_not_taken_for_many(detector: Detector, one: Any) -> None:
    with pytest.raises(UsageError, match="takes many documents, and was given one") as caught:
        detector.detect_documents(one)
    assert caught.value.remedy == "Give one document to detect, or a list of documents."


def test_a_stack_of_pages_is_many_documents(detector: Detector) -> None:
    found = list(detector.detect_documents(np.stack([picture(), picture()])))
    assert [len(page.marks) for document in found for page in document] == [1, 1]


@pytest.mark.skipif(sys.platform != "linux", reason="signals, and a memory limit that only Linux keeps")
def test_documents_that_crash_or_hang_their_process_are_failures_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docdetect.inference.detector.DocumentOpener", lambda passwords: open_fake)
    monkeypatch.chdir(tmp_path)
    names = ["good-2-a", "crash2-3-a", "hang0-2-a", "hog2-2-a", "good-1-b"]
    for name in names:
        Path(name).touch()
    with Detector(engine=ColourEngine(), imgsz=32, workers=2, page_timeout_s=1.5) as detector:
        documents = list(detector.detect_documents([fake_file(name) for name in names]))
    assert [document.name for document in documents] == names
    assert [len(document.pages) for document in documents] == [2, 1, 0, 1, 1]
    kinds = [document.failures[0].failure.kind.value if document.failures else "" for document in documents]
    assert kinds == ["", "crashed", "timeout", "memory", ""]


def test_what_a_document_leaves_in_doubt_is_noted(detector: Detector, tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.jpg", quality=95)
    whole = (tmp_path / "a.jpg").read_bytes()
    with pymupdf.open(make_pdf(tmp_path / "a.pdf", [[STAMP]])) as pdf:
        pdf.embfile_add("more.txt", b"more")
        attached = pdf.tobytes()
    cut, sound, holder = detector.detect_documents([whole[:-40], whole, attached])
    assert cut.pages[0].damaged is not None
    assert sound.pages[0].damaged is None
    assert [note.message for note in holder.notes] == ["holds 1 attached file that was not opened"]


def test_passwords_open_documents(detector: Detector, tmp_path: Path) -> None:
    make_pdf(tmp_path / "plain.pdf", [[STAMP]])
    with pymupdf.open(tmp_path / "plain.pdf") as pdf:
        pdf.save(tmp_path / "a.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="open", owner_pw="own")
    with pytest.raises(InputError, match="password"):
        list(detector.detect(tmp_path / "a.pdf"))
    assert len(list(detector.detect(tmp_path / "a.pdf", password=["wrong", "open"]))) == 1


def config_for(source: Path, output: Path) -> Config:
    return Config(infer=InferConfig(source=(str(source),), output=str(output), imgsz=256, workers=1, save_pages=False))


def test_documents_are_those_of_infer(detector: Detector, tmp_path: Path) -> None:
    source, output = make_folder(tmp_path / "in"), tmp_path / "out"
    config = config_for(source, output)
    settings = run_settings(config, detector)
    with claimed_folder(output, "refuse"), Journal(output / JOURNAL_NAME, settings) as journal:
        run(collect_documents([str(source)]), detector, journal, config.infer)
    documents = list(detector.detect_documents(source))
    assert to_dict(documents) == read_json(output / "detections.json")
    table = to_pandas(documents)
    rows = read_csv(output / "detections.csv")
    assert list(table.columns) == list(rows.columns)
    assert table["document"].tolist() == rows["document"].tolist()
    assert table["confidence"].tolist() == [float(value) for value in rows["confidence"]]
    assert table["x"].dtype == "float64"
    assert table["page"].dtype == "int64"


def test_a_folder_is_what_infer_makes_of_it(detector: Detector, tmp_path: Path) -> None:
    """Names that differ in their Unicode form only both stay in, and results of earlier runs are no documents."""
    for name in ("caf\u00e9.pdf", "cafe\u0301.pdf"):
        make_pdf(tmp_path / name, [[STAMP]])
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this file system has one form of names")
    run_once(tmp_path, tmp_path / "found", with_pages())
    documents = list(detector.detect_documents(tmp_path))
    assert sorted(to_dict(documents)) == sorted(read_json(tmp_path / "found" / "detections.json"))
    assert [len(document.pages) for document in documents] == [1, 1]
    with pytest.raises(InputError, match="no such file or folder"):
        detector.detect_documents(tmp_path / "nowhere")
    (tmp_path / "only" / "results").mkdir(parents=True)
    (tmp_path / "found").rename(tmp_path / "only" / "results" / "found")
    with pytest.raises(InputError, match="no documents but the results of earlier runs"):
        detector.detect_documents(tmp_path / "only")


def test_defaults_are_those_of_infer(detector: Detector) -> None:
    of_command, of_call = run_settings(Config(), detector), detector.settings()
    left_out = {"save_pages"}
    assert {key: value for key, value in vars(of_command).items() if key not in left_out} == {
        key: value for key, value in vars(of_call).items() if key not in left_out
    }
    fields = InferConfig.model_fields
    assert get_args(fields["engine"].annotation) == get_args(EngineName)
    assert get_args(fields["precision"].annotation) == get_args(Precision)


def test_several_threads_may_ask_at_once(tmp_path: Path) -> None:
    paths = [make_pdf(tmp_path / f"{number}.pdf", [[STAMP]] * (1 + number % 3)) for number in range(6)]
    for workers in (1, 0):
        with Detector(engine=ColourEngine(), imgsz=256, workers=workers) as detector, ThreadPoolExecutor(4) as threads:

            def pages_of(path: Path, shared: Detector = detector) -> list[Page]:
                return list(shared.detect(path))

            found = list(threads.map(pages_of, paths))
        assert [len(pages) for pages in found] == [1, 2, 3, 1, 2, 3]
        assert {page.document for pages in found for page in pages} == {path.as_posix() for path in paths}
        assert all(len(page.marks) == 1 for pages in found for page in pages)


class SlowEngine(ColourEngine):
    """Takes its time for each page."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        time.sleep(0.05 * len(pages))
        return super().detect(pages, conf, iou)


@pytest.mark.parametrize("how", ["event", "method"])
def test_a_call_can_be_stopped_from_another_thread_and_keeps_what_is_done(tmp_path: Path, how: str) -> None:
    paths = [make_pdf(tmp_path / f"{number}.pdf", [[STAMP]] * 4) for number in range(50)]
    stop = threading.Event()
    documents: list[Document] = []
    begun_s = time.monotonic()
    with Detector(engine=SlowEngine(), imgsz=256, workers=1, batch=1) as detector:
        ask = stop.set if how == "event" else detector.stop
        for document in detector.detect_documents(paths, stop=stop):
            documents.append(document)
            if len(documents) == 2:
                threading.Thread(target=ask).start()
        assert time.monotonic() - begun_s < 8, "200 pages would take 10 s"
        assert [document.complete for document in documents[:2]] == [True, True]
        assert len(documents) < 50
        assert all(document.complete for document in documents[:-1])
        assert len(list(detector.detect(paths[0]))) == 4, "later calls work as before"


def test_infer_can_be_stopped_from_another_thread_and_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docdetect.inference.networks.load_engine", lambda *_, **__: SlowEngine())
    for number in range(20):
        make_pdf(tmp_path / "in" / f"{number:02}.pdf", [[STAMP]] * 3)
    stop = threading.Event()

    def on_progress(done: int, total: int, note: str) -> None:
        if done >= 6:
            stop.set()

    config = config_for(tmp_path / "in", tmp_path / "out")
    report = infer(config, on_progress, stop=stop)
    assert report.interrupted
    assert 6 <= report.totals.pages < 60
    assert len(read_json(tmp_path / "out" / "detections.json")) == len(report.totals.documents)
    resumed = config.model_copy(update={"infer": config.infer.model_copy(update={"resume": True})})
    report = infer(resumed)
    assert not report.interrupted
    assert report.totals.pages == 60
    whole = config_for(tmp_path / "in", tmp_path / "whole")
    infer(whole)
    for name in ("detections.json", "detections.csv", "detections.jsonl", "documents.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_slow_source_gives_each_document_when_it_is_done(detector: Detector) -> None:
    given = seen = 0

    def slow() -> Iterator[ByteArray]:
        nonlocal given
        for number in range(4):
            if number > 1:  # the first documents tell that the source is slow
                assert seen >= number - 1
            time.sleep(0.3)
            given += 1
            yield picture()

    for _ in detector.detect_documents(slow()):
        seen += 1
    assert (given, seen) == (4, 4)


def test_a_generator_of_documents_is_not_read_far_ahead(detector: Detector) -> None:
    given = 0

    def many() -> Iterator[ByteArray]:
        nonlocal given
        while True:
            given += 1
            yield picture()

    documents = detector.detect_documents(many())
    for _ in range(5):
        next(documents)
    documents.close()
    assert given < 200


def test_a_page_is_drawn_from_file_bytes_and_array(detector: Detector, tmp_path: Path) -> None:
    path = make_image(tmp_path / "a.png", [("stamp", (50, 40, 120, 90))], size_wh=(300, 200))
    for source in (path, path.read_bytes(), picture()):
        (page,) = detector.detect(source)
        drawn = page.plot()
        assert drawn.dtype == np.uint8
        assert drawn.shape == (200, 300, 3)
        assert (drawn != picture()).any()
        assert page.plot(long_side_px=150).shape == (100, 150, 3)
    make_pdf(tmp_path / "a.pdf", [[STAMP]])
    (page,) = detector.detect(tmp_path / "a.pdf")
    assert page.plot(1000).shape == (1000, 667, 3)
    (tmp_path / "a.pdf").unlink()
    with pytest.raises(InputError, match=r"a\.pdf"):
        page.plot()


def test_supervision_takes_the_marks(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    (page,) = detector.detect(picture())
    supervision = pytest.importorskip("supervision")
    found = page.to_supervision()
    assert isinstance(found, supervision.Detections)
    assert found.xyxy.tolist() == [pytest.approx(page.marks[0].xyxy)]
    assert found.confidence.tolist() == [pytest.approx(page.marks[0].confidence)]
    assert found.data["class_name"].tolist() == ["stamp"]
    assert len(next(detector.detect(picture()[:30])).to_supervision()) == 0
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingDependencyError, match="pip install supervision"):
        page.to_supervision()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"imgsz": 1000}, {"imgsz": 0}, {"imgsz": 8224}, {"workers": -1}, {"iou": 2.0}, {"iou": math.nan}),
        *({"page_timeout_s": 0}, {"page_timeout_s": math.nan}, {"screen_conf": 2.0}, {"screen_conf": math.nan}),
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Detector(engine=ColourEngine(), **wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dpi": 0}, "dpi: 0 is not between 20 and 1200"),
        ({"dpi": 1_000_000}, "dpi: 1000000 is not between 20 and 1200"),
        ({"rotations": "on"}, "rotations: 'on' is none of off, auto, all"),
        ({"dewarp": True}, "dewarp: True is none of off, auto, all"),
        (
            {"grouping": "orignal"},
            r"grouping: 'orignal' is none of default, original, none \(did you mean original\?\)",
        ),
    ],
)
def test_options_of_a_call_that_make_no_sense_are_refused(
    detector: Detector, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        detector.detect(picture(), **wrong)
    with pytest.raises(ConfigError, match=message):
        detector.detect_documents([picture()], **wrong)


def test_no_password_may_be_said_as_none(detector: Detector) -> None:
    assert len(next(detector.detect(picture(), password=None)).marks) == 1


def test_closing_a_detector_ends_the_calls_of_other_threads(tmp_path: Path) -> None:
    paths = [make_pdf(tmp_path / f"{number}.pdf", [[STAMP]] * 4) for number in range(50)]
    detector = Detector(engine=SlowEngine(), imgsz=256, workers=1, batch=1)
    first = threading.Event()

    def ask() -> int:
        count = 0
        for _ in detector.detect_documents(paths):
            count += 1
            first.set()
        return count

    with ThreadPoolExecutor(1) as thread:
        counted = thread.submit(ask)
        assert first.wait(30)
        detector.close()
        assert 1 <= counted.result(10) < 50


def test_a_closed_detector_says_so() -> None:
    detector = Detector(engine=ColourEngine())
    detector.close()
    with pytest.raises(UsageError, match="closed"):
        list(detector.detect(picture()))


def test_a_script_without_a_main_guard_may_use_it(tmp_path: Path) -> None:
    make_pdf(tmp_path / "a.pdf", [[STAMP]])
    script = tmp_path / "script.py"
    script.write_text(
        "print('once')\n"
        "from docdetect import Detector\n"
        "from tests.support.fakes import ColourEngine\n"
        "with Detector(engine=ColourEngine(), imgsz=256) as detector:\n"
        "    for page in detector.detect('a.pdf'):\n"
        "        print(page.number, [mark.category for mark in page.marks])\n",
        encoding="utf-8",
    )
    root = Path(__file__).parents[1]
    code = f"import sys, runpy; sys.path.insert(0, {str(root)!r}); runpy.run_path({str(script)!r}, run_name='__main__')"
    for command in ([str(script)], ["-c", code]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == "once\n1 ['stamp']\n", done.stderr


# Argument 1: how processes start. Argument 2: what the program does before it starts them.
POOL = """
import multiprocessing, sys
from docdetect import Detector
from docdetect.errors import UsageError
from tests.support.fakes import ColourEngine

def make():
    return Detector(engine=ColourEngine(), imgsz=256, workers=1)

def count(given):
    try:
        with given or make() as detector:
            return [len(page.marks) for page in detector.detect("a.pdf")]
    except UsageError as error:
        return error.message

def own(number):
    return count(None)

def inherited(number):
    return count(DETECTOR)

if __name__ == "__main__":
    if sys.argv[2] in ("made", "used"):
        DETECTOR = make()
    if sys.argv[2] == "used":
        list(DETECTOR.detect("a.pdf"))
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        print(pool.map_async(inherited if sys.argv[2] == "made" else own, [1]).get(60)[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ways to start processes that only Linux has")
@pytest.mark.parametrize(
    ("start", "before", "answer"),
    [
        ("fork", "nothing", "[1]"),
        ("spawn", "used", "[1]"),
        ("fork", "made", "this process is a fork of one that has used docdetect"),
        ("fork", "used", "this process is a fork of one that has used docdetect"),
    ],
)
def test_processes_of_a_pool_have_a_detector_each_and_forks_of_a_used_one_are_refused(
    start: str, before: str, answer: str, tmp_path: Path
) -> None:
    make_pdf(tmp_path / "a.pdf", [[STAMP]])
    (tmp_path / "script.py").write_text(POOL, encoding="utf-8")
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "script.py", start, before],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith(answer), done.stdout + done.stderr


def test_the_package_is_cheap_to_import_and_names_its_api() -> None:
    code = "import sys, docdetect; print(sorted({'numpy', 'cv2', 'docdetect.api'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert docdetect.Detector is Detector
    assert {"Detector", "Document", "Page", "Mark"} <= set(dir(docdetect))
    with pytest.raises(AttributeError, match="no attribute 'Detectr'"):
        docdetect.Detectr  # noqa: B018
