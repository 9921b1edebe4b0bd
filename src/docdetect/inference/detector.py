"""`Detector`: weights loaded once, kept warm, and asked for the marks of documents as often as wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from docdetect.config.limits import (
    IMGSZ_STEP,
    LARGEST_IMGSZ,
    LEAST_DPI,
    MOST_DPI,
    PAGE_TIME_LIMIT_S,
    PROCESS_MEMORY_MB,
)
from docdetect.console import say_nothing
from docdetect.documents.batches import prepare_processes
from docdetect.documents.document import DocumentError
from docdetect.documents.reader import DocumentOpener, Opener
from docdetect.documents.sources import DocumentFile
from docdetect.errors import ConfigError, UsageError, did_you_mean
from docdetect.inference.events import FinishedEvent, FinishedPage, ReadDocument, ReadEvent
from docdetect.inference.finishing import Finisher, IsolatedRegionReader, save_pictures
from docdetect.inference.given_documents import GivenDocuments, several
from docdetect.inference.networks import (
    EngineName,
    Precision,
    WantedNetworks,
    load_networks,
    refuse_sizes_for_ensemble,
)
from docdetect.inference.pages import Document, Page
from docdetect.inference.pipeline import Pipeline
from docdetect.inference.reading import PageReading, Plan, read_documents
from docdetect.inference.selection import documents_of
from docdetect.inference.settings import Dewarp, Rotations, RunSettings
from docdetect.interrupts import StopSignal
from docdetect.machine import OwnProcess, available_cores
from docdetect.merging import GroupingSettings
from docdetect.models.engines.base import Engine
from docdetect.models.thresholds import DEFAULT_CHECK_CONF, DEFAULT_CONF, read_calibration, read_thresholds
from docdetect.types import FailedPage, PageResult
from docdetect.workers.parts import WorkerSettings

if TYPE_CHECKING:
    from docdetect.inference.given_documents import Source

Grouping: TypeAlias = Literal["default", "original", "none"]
Conf: TypeAlias = float | Mapping[str, float] | None

# Bytes of a rendered page that waits for the network: most pages have 2 MB, an enlarged one up to 200.
_BYTES_A_PAGE = 6 << 20
# Bytes of the pictures of a page that people look at: about 9 MB for a drawn page, 12 MB for a clean one.
_BYTES_A_PICTURE = 12 << 20


class Detector:
    """Finds QR codes, signatures and stamps in documents. It loads its weights once and stays warm.

        with Detector() as detector:
            for page in detector.detect("contract.pdf"):
                for mark in page.marks:
                    print(page.number, mark.category, mark.confidence, mark.xyxy)

    All methods may be called from several threads at once. Documents are opened and rendered in isolated processes,
    which damaged or hostile files may crash, hang or fill without harm to the program; arrays and Pillow images are
    taken as they are.

    Args:
        weights: a `.pt` file, the folder of a training run or of an export, `last` for the best weights of the newest
            training run, the file of an ensemble, or the name of bundled weights or of a bundled ensemble; None takes
            the networks that come with docdetect, as an ensemble, or docdetect-s alone where `imgsz`, `screen` or
            `alone` is given.
        imgsz: long side in px of the picture of a page that the network sees, a multiple of 32; None takes the size
            that the weights were trained at.
        engine: what runs the network: `auto` (OpenVINO on a CPU, PyTorch on a GPU), `openvino`, `onnx`, `torch`,
            `tensorrt`, or a loaded engine of your own, for which no weights are needed.
        precision: of the network's arithmetic: `auto` (the fastest that the hardware has natively), `fp32`, `bf16`,
            `fp16` or `int8`.
        device: `cpu`, the number of a GPU, several (`0,1`), or "" for a GPU where there is one.
        conf: lowest score of a mark, in [0, 1], for all categories or for each one by name; None takes the thresholds
            that are kept with the weights, else 0.15. Every call can choose another. Where the weights have a
            calibration (`docdetect calibrate`), `Mark.confidence` is the probability that belongs to the score, and
            thresholds still refer to the score.
        check_conf: lowest score of a possible mark that a person should check (`Page.possible_marks`), in [0, 1], for
            all categories or for each one by name; None takes the thresholds that are kept with the weights, else 0.05.
        iou: IoU of non-maximum suppression, in [0, 1].
        screen: weights of a smaller network, named as `weights`, that looks at every page first; pages on which it sees
            nothing have no marks. "" for no such network.
        screen_conf: lowest score at which that network sees something, in [0, 1].
        batch: pages in one call of the network; 0 is what suits the engine.
        workers: isolated processes that render pages; None is one for each core, 0 renders in this process, without
            protection from the files.
        trim: leave out the blank borders of pages, which saves time on CPUs.
        page_timeout_s: seconds that a page of a document may take to render.
        page_memory_mb: MiB that an isolated process may take; kept on Linux.
        runs: folder of training runs, for `last`.
        alone: where no weights are named, take docdetect-s alone and not the ensemble, as `imgsz` and `screen` do.
        announce: told when something takes a while once, such as the conversion of weights.

    Raises:
        InputError: the weights are missing, damaged, or no detection network.
        ConfigError: engine, precision and device do not go together, there is no such device or category, or the
            smaller network is the network itself.
        MissingDependencyError: the engine's package is not installed.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        *,
        imgsz: int | None = None,
        engine: EngineName | Engine = "auto",
        precision: Precision = "auto",
        device: str = "",
        conf: Conf = None,
        check_conf: Conf = None,
        iou: float = 0.7,
        screen: str | Path = "",
        screen_conf: float = 0.05,
        batch: int = 0,
        workers: int | None = None,
        trim: bool = True,
        page_timeout_s: float = PAGE_TIME_LIMIT_S,
        page_memory_mb: int = PROCESS_MEMORY_MB,
        runs: str | Path = "runs/train",
        alone: bool = False,
        announce: Callable[[str], None] = say_nothing,
    ) -> None:
        if imgsz is not None and (not IMGSZ_STEP <= imgsz <= LARGEST_IMGSZ or imgsz % IMGSZ_STEP):
            raise ConfigError(
                f"imgsz: {imgsz} is no multiple of {IMGSZ_STEP} up to {LARGEST_IMGSZ}",
                "Give a size such as 640, 1024 or 1280.",
            )
        if batch < 0 or (workers is not None and workers < 0) or not page_timeout_s > 0 or page_memory_mb < 1:
            raise ConfigError("batch, workers, page_timeout_s or page_memory_mb is too small", "Leave it out.")
        for name, share in (("iou", iou), ("screen_conf", screen_conf)):
            if not 0 <= share <= 1:
                raise ConfigError(f"{name}: {share:g} is not between 0 and 1", "Leave it out.")
        alone = alone or imgsz is not None or bool(screen)
        named = str(weights or "")
        wanted = WantedNetworks(named, str(screen), Path(runs), imgsz, engine, precision, device, trim, alone)
        self._networks = load_networks(wanted, announce)
        self.weights, self.imgsz, self.engine = self._networks.weights, self._networks.imgsz, self._networks.engine
        self._screen_conf = screen_conf if screen else 0.0
        self._iou, self._batch, self._trim = iou, batch, trim
        self._workers = available_cores() if workers is None else workers
        self._page_timeout_s, self._page_memory_mb = page_timeout_s, page_memory_mb
        kept = None if self.weights is None else read_thresholds(self.weights)
        self._kept_conf = None if kept is None else kept.of(self.class_names, DEFAULT_CONF)
        self._conf, self._class_conf = self._thresholds(conf)
        self._check_conf = (DEFAULT_CHECK_CONF,) * len(self.class_names)
        if kept is not None:
            self._check_conf = kept.check_of(self.class_names, DEFAULT_CHECK_CONF)
        if check_conf is not None:
            self._check_conf = self._by_class("check_conf", check_conf, self._check_conf)
        self._calibration = None if self.weights is None else read_calibration(self.weights)
        self._lanes = ThreadPoolExecutor(max(1, self.engine.traits.lanes), thread_name_prefix="detect")
        self._own_process = OwnProcess()
        self._lock = threading.Lock()
        self._runs: set[StopSignal] = set()
        self._closed = False

    @property
    def class_names(self) -> tuple[str, ...]:
        """The categories that the network knows, in the order of their ids."""
        return self.engine.class_names

    def __repr__(self) -> str:
        traits, weights = self.engine.traits, "" if self.weights is None else f"{str(self.weights)!r}, "
        return f"Detector({weights}imgsz={self.imgsz}, engine={traits.name!r}, precision={traits.precision!r})"

    def detect(
        self,
        source: Source,
        *,
        conf: Conf = None,
        rotations: Rotations = "auto",
        tile: bool = True,
        dewarp: Dewarp = "auto",
        dpi: int = 200,
        password: str | Sequence[str] | None = None,
        grouping: Grouping | GroupingSettings = "default",
        read_codes: bool = True,
        stop: threading.Event | None = None,
    ) -> Generator[Page, None, None]:
        """The pages of one document, one after the other.

        Args:
            source: the path of a PDF or image file, the bytes of one, a Pillow image, or a NumPy array, uint8
                (H, W, 3) RGB (of OpenCV's pictures, which are BGR, give `picture[..., ::-1]`), (H, W, 4) RGBA or
                (H, W) grey.
            conf: lowest score of a mark, for all categories or for each one by name; None takes the Detector's.
            rotations: `auto` also sees pages turned whose text runs up or down, `all` sees every page in four
                orientations, `off` sees pages only as they are displayed.
            tile: also see drawings larger than A3 in tiles of the size of A4.
            dewarp: `auto` lays the sheet of paper in a photograph flat before marks are looked for, `all` the sheet in
                every picture in which one is seen, `off` none; boxes are in px of the picture as it is.
            dpi: px/inch of the page that boxes of a PDF refer to; boxes of images and arrays are in their own pixels.
            password: tried on an encrypted PDF, in order if there are several.
            grouping: how raw boxes are merged into one box for each mark: `default`, `original` (the rules of the
                system that docdetect grew out of), `none` (every raw box is a mark), or all settings.
            read_codes: read what QR codes say.
            stop: once this event is set, for instance by another thread, no further page is begun.

        Yields:
            Pages that have a result, in order.

        Raises:
            DocumentError: the document, or the page whose turn it is, cannot be read. `detect_documents` gives such
                failures as data.
            InputError: an array is no page.
            ConfigError: there is no such category, or an option has a value that it cannot have.
        """
        settings = self.settings(
            conf=conf,
            rotations=rotations,
            tile=tile,
            dewarp=dewarp,
            dpi=dpi,
            grouping=grouping,
            read_codes=read_codes,
        )
        return self._pages([source], settings, DocumentOpener(_passwords(password)), stop)

    def detect_documents(
        self,
        documents: str | Path | Iterable[Source],
        *,
        conf: Conf = None,
        rotations: Rotations = "auto",
        tile: bool = True,
        dewarp: Dewarp = "auto",
        dpi: int = 200,
        password: str | Sequence[str] | None = None,
        grouping: Grouping | GroupingSettings = "default",
        read_codes: bool = True,
        stop: threading.Event | None = None,
    ) -> Generator[Document, None, None]:
        """Many documents, one after the other, in order; what cannot be read is data.

        The number of pages in memory is bounded, whatever the number of documents; the results of one document are in
        memory at a time. From an iterable that gives documents faster than they are worked on, some dozens are taken
        ahead; while it is slow, each document comes out as soon as it is done.

        Args:
            documents: a folder (documents are named relative to it, as `docdetect infer` names them; results of earlier
                runs in it are left out), or anything that gives documents one by one; for their types see `detect`.
            conf: see `detect`, as for all other options.
            rotations: see `detect`.
            tile: see `detect`.
            dewarp: see `detect`.
            dpi: see `detect`.
            password: see `detect`.
            grouping: see `detect`.
            read_codes: see `detect`.
            stop: once this event is set, no further document is begun. The document in the middle comes out with the
                pages that are done, and with `complete` False.

        Yields:
            One Document for each that was given.

        Raises:
            InputError: there is no such folder, or it has no documents.
            UsageError: a single picture was given, or the content of a single document.
            ConfigError: there is no such category, or an option has a value that it cannot have.
        """
        settings = self.settings(
            conf=conf,
            rotations=rotations,
            tile=tile,
            dewarp=dewarp,
            dpi=dpi,
            grouping=grouping,
            read_codes=read_codes,
        )
        if isinstance(documents, (str, Path)):
            documents = documents_of(Path(documents))
        sources = several(documents)
        return self._documents(sources, settings, DocumentOpener(_passwords(password)), stop)

    def stop(self) -> None:
        """Stops all calls under way, from any thread; later calls work as before.

        What was done comes out: `detect` ends after the pages that are finished, `detect_documents` after the document
        in the middle, which has the pages that are done.
        """
        with self._lock:
            for signal in self._runs:
                signal.set()

    def close(self) -> None:
        """Stops all calls under way and lets go of the network; the Detector cannot be used any more."""
        self.stop()
        self._closed = True
        self._lanes.shutdown(wait=False)

    def __enter__(self) -> Detector:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def settings(
        self,
        *,
        conf: Conf = None,
        scales: Sequence[int] = (),
        second_look: bool = False,
        rotations: Rotations = "auto",
        tile: bool = True,
        dewarp: Dewarp = "auto",
        dpi: int = 200,
        grouping: Grouping | GroupingSettings = "default",
        read_codes: bool = True,
        code_class: str = "qr",
        save_pages: bool = False,
        save_images: bool = False,
        save_crops: bool = False,
        save_pdf: bool = False,
    ) -> RunSettings:
        """All settings of one call or run: those of the Detector, and these.

        Args:
            conf: see `detect`, as for the options up to `read_codes`.
            scales: px, smaller sizes at which the network sees every page as well; a mark then has the mean of its
                scores at all sizes.
            second_look: see pages at the smallest of these sizes first, and at the others only where something is
                unsure.
            rotations: see `detect`.
            tile: see `detect`.
            dewarp: see `detect`.
            dpi: see `detect`.
            grouping: see `detect`.
            read_codes: see `detect`.
            code_class: the category whose marks are QR codes.
            save_pages: a run draws every page into its result folder.
            save_images: a run keeps every page as a clean picture in its result folder.
            save_crops: a run cuts every mark out into its result folder.
            save_pdf: a run copies every PDF with its marks as annotations into its result folder.

        Raises:
            ConfigError: there is no such category, an option has a value that it cannot have, a scale is no smaller
                size, or the networks of an ensemble have sizes of their own.
        """
        for name, word, known in (("rotations", rotations, Rotations), ("dewarp", dewarp, Dewarp)):
            _check_word(name, word, known)
        if not isinstance(grouping, GroupingSettings):
            _check_word("grouping", grouping, Grouping)
        if not LEAST_DPI <= dpi <= MOST_DPI:
            raise ConfigError(f"dpi: {dpi} is not between {LEAST_DPI} and {MOST_DPI}", "Give a number such as 200.")
        if self.weights is not None:
            refuse_sizes_for_ensemble(self.weights, scales=scales, second_look=second_look)
        lowest, by_class = (self._conf, self._class_conf) if conf is None else self._thresholds(conf)
        return RunSettings(
            class_names=self.class_names,
            weights_sha256=self._networks.weights_sha256,
            int8_sha256=self._networks.int8_sha256,
            conf=lowest,
            class_conf=by_class,
            check_conf=self._check_conf,
            calibration=self._calibration,
            iou=self._iou,
            engine=self.engine.traits.name,
            precision=self.engine.traits.precision,
            imgsz=self.imgsz,
            ensemble=self._networks.ensemble,
            scales=self._checked(scales),
            second_look=self._networks.second_look or self._checked_second_look(second_look, scales),
            screen_sha256=self._networks.screen_sha256,
            screen_conf=self._screen_conf,
            dpi=dpi,
            rotations=rotations,
            tile=tile,
            dewarp=dewarp,
            trim=self._trim,
            grouping=grouping if isinstance(grouping, GroupingSettings) else GroupingSettings(method=grouping),
            save_pages=save_pages,
            save_images=save_images,
            save_crops=save_crops,
            save_pdf=save_pdf,
            read_codes=read_codes,
            code_class=code_class,
            batch=self._batch,
            workers=self._workers,
            doc_timeout_s=self._page_timeout_s,
            doc_memory_mb=self._page_memory_mb,
        )

    @staticmethod
    def _checked_second_look(second_look: bool, scales: Sequence[int]) -> bool:
        """Raises ConfigError: there is no second size to see pages at."""
        if second_look and not scales:
            raise ConfigError(
                "second_look: there is no smaller size to see pages at first", "Add one, for example --scales 768."
            )
        return second_look

    def _checked(self, scales: Sequence[int]) -> tuple[int, ...]:
        """The smaller sizes, largest first; the usual size may stand among them. Raises ConfigError: one is larger."""
        smaller = {px for px in scales if px != self.imgsz} or set(scales)
        wrong = [px for px in smaller if not 0 < px < self.imgsz]
        if wrong:
            raise ConfigError(
                f"scales: {wrong[0]} is not smaller than {self.imgsz}, the long side that the network sees anyway",
                f"Give sizes such as {max(32, self.imgsz * 5 // 8 // 32 * 32)}, or a larger --imgsz.",
            )
        return tuple(sorted(smaller, reverse=True))

    def run(
        self,
        work: Plan,
        settings: RunSettings,
        *,
        opener: Opener,
        stop: StopSignal,
        output: Path | None = None,
    ) -> Generator[FinishedEvent, None, None]:
        """The results of documents, page by page, as `docdetect infer` takes them; see `Pipeline.results`.

        Args:
            work: the documents, and what of them is to be left out.
            settings: of the run.
            opener: opens a document; picklable.
            stop: once this is set, no further page is begun.
            output: folder for drawn pages and crops, where the settings ask for them.
        """
        reading = PageReading(
            settings.imgsz,
            settings.dpi,
            work.done,
            settings.rotations,
            settings.tile,
            settings.dewarp,
            drawn=settings.save_pages and output is not None,
            clean=settings.save_images and output is not None,
        )
        events = read_documents(work, reading, self._limits(settings), opener, stop)
        regions = IsolatedRegionReader(settings.doc_timeout_s, settings.doc_memory_mb << 20, opener)
        return self._results(events, settings, regions, stop, output)

    def draw(
        self,
        work: Plan,
        settings: RunSettings,
        result_of: Callable[[str, int], PageResult | FailedPage],
        *,
        opener: Opener,
        stop: StopSignal,
        output: Path,
    ) -> None:
        """Writes drawn pages and crops of results that are there already, without the network; see `save_pictures`.

        Args:
            work: the documents.
            settings: of the run.
            result_of: the result of page `number` of a document.
            opener: opens a document; picklable.
            stop: once this is set, nothing more is written.
            output: the result folder.
        """
        reading = PageReading(
            settings.imgsz, settings.dpi, work.done, drawn=settings.save_pages, clean=settings.save_images
        )
        with IsolatedRegionReader(settings.doc_timeout_s, settings.doc_memory_mb << 20, opener) as regions:
            events = read_documents(work, reading, self._limits(settings), opener, stop)
            save_pictures(events, Finisher(settings, regions, output), result_of, stop)

    def _results(
        self,
        events: Generator[ReadEvent, None, None],
        settings: RunSettings,
        regions: IsolatedRegionReader,
        stop: StopSignal,
        output: Path | None = None,
    ) -> Generator[FinishedEvent, None, None]:
        self._check_usable()
        with self._lock:
            self._runs.add(stop)
        try:
            finisher = Finisher(settings, regions, output)
            pipeline = Pipeline(self.engine, finisher, settings, self._lanes, stop, regions.stop, self._networks.screen)
            with regions, closing(pipeline.results(events)) as results:
                yield from results
        finally:
            with self._lock:
                self._runs.discard(stop)

    def _check_usable(self) -> None:
        """Raises UsageError: the Detector is closed, or this process is a fork of the one that made it."""
        if self._closed:
            raise UsageError("this Detector is closed", "Make a new one, or ask before its `with` block ends.")
        self._own_process.check()

    def _limits(self, settings: RunSettings) -> WorkerSettings:
        """How many pages may be rendered ahead: enough that all lanes find a batch and every process has a page."""
        pictures = settings.save_pages + settings.save_images
        batch = settings.batch or self.engine.traits.batch
        ahead = max(16, 2 * self.engine.traits.lanes * batch, 2 * settings.workers)
        return WorkerSettings(
            settings.workers,
            settings.doc_timeout_s,
            settings.doc_memory_mb << 20,
            max_in_flight=ahead,
            max_in_flight_bytes=ahead * (_BYTES_A_PAGE + pictures * _BYTES_A_PICTURE),
        )

    def _thresholds(self, conf: Conf) -> tuple[float, tuple[float, ...]]:
        """The lowest threshold, and that of each class, empty where one holds for all. Raises ConfigError."""
        if conf is None:
            return (DEFAULT_CONF, ()) if self._kept_conf is None else (min(self._kept_conf), self._kept_conf)
        kept = self._kept_conf or (DEFAULT_CONF,) * len(self.class_names)
        by_class = self._by_class("conf", conf, kept)
        return (min(by_class), by_class) if isinstance(conf, Mapping) else (by_class[0], ())

    def _by_class(self, name: str, conf: float | Mapping[str, float], kept: Sequence[float]) -> tuple[float, ...]:
        """A threshold for each category, `kept` for a category that a mapping does not name. Raises ConfigError."""
        if isinstance(conf, Mapping):
            unknown = [category for category in conf if category not in self.class_names]
            if unknown:
                raise ConfigError(
                    f"{name}: {', '.join(unknown)} not among the classes of these weights"
                    f"{did_you_mean(unknown[0], self.class_names)}",
                    f"Classes: {', '.join(self.class_names)}.",
                )
            by_class = tuple(float(conf.get(one, value)) for one, value in zip(self.class_names, kept, strict=True))
        else:
            by_class = (float(conf),) * len(self.class_names)
        wrong = [value for value in by_class if not 0 <= value <= 1]
        if wrong:
            raise ConfigError(f"{name}: {wrong[0]:g} is not between 0 and 1", "Give a number such as 0.25.")
        return by_class

    def _pages(
        self, sources: Iterable[Source], settings: RunSettings, opener: DocumentOpener, stop: threading.Event | None
    ) -> Generator[Page, None, None]:
        with (
            GivenDocuments(sources, opener, settings) as given,
            closing(self._events(given, settings, stop)) as events,
        ):
            for event in events:
                if isinstance(event, ReadDocument):
                    if event.failure is not None:
                        raise given.refused(event.file) or DocumentError(event.file.name, event.failure)
                elif isinstance(event.result, FailedPage):
                    raise DocumentError(f"{event.file.name}: page {event.result.page}", event.result.failure)
                else:
                    yield Page.from_result(event.result, settings, given.renderer(event.file))

    def _documents(
        self,
        sources: Iterable[Source],
        settings: RunSettings,
        opener: DocumentOpener,
        stop: threading.Event | None,
    ) -> Generator[Document, None, None]:
        with (
            GivenDocuments(sources, opener, settings) as given,
            closing(self._events(given, settings, stop)) as events,
        ):
            pages: list[Page] = []
            failures: list[FailedPage] = []
            file: DocumentFile | None = None
            for event in events:
                file = event.file
                if isinstance(event, FinishedPage):
                    if isinstance(event.result, FailedPage):
                        failures.append(event.result)
                    else:
                        pages.append(Page.from_result(event.result, settings, given.renderer(file)))
                    continue
                given.forget(file)
                if event.failure is not None:
                    failures.append(FailedPage(file.name, None, event.failure))
                yield Document(file.name, tuple(pages), tuple(failures), event.page_count, notes=event.notes)
                pages, failures, file = [], [], None
            if file is not None:
                yield Document(file.name, tuple(pages), tuple(failures), len(pages) + len(failures), complete=False)

    def _events(
        self, given: GivenDocuments, settings: RunSettings, stop: threading.Event | None
    ) -> Generator[FinishedEvent, None, None]:
        self._check_usable()
        signal = StopSignal(stop)
        if self._workers:
            prepare_processes()
        events = given.events(self._limits(settings), signal)
        return self._results(events, settings, given.regions, signal)


def _passwords(password: str | Sequence[str] | None) -> tuple[str, ...]:
    return (password,) if isinstance(password, str) else tuple(password or ())


def _check_word(name: str, word: object, known: object) -> None:
    """Raises ConfigError where an option has none of the words that its type allows."""
    words = get_args(known)
    if word not in words:
        raise ConfigError(
            f"{name}: {word!r} is none of {', '.join(words)}{did_you_mean(str(word), words)}", "Give one."
        )
