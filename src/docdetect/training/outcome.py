"""What every training does with its run folder: holds it alone, records how it ended, writes what it has found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from docdetect.config.schema import Config
from docdetect.datasets.origins import read_origins
from docdetect.datasets.reader import YoloDataset
from docdetect.documents.pictures import read_picture
from docdetect.errors import InterruptedRunError
from docdetect.files import locked_folder
from docdetect.metrics.figures import BootstrapSettings, ClassFigures, class_figures
from docdetect.metrics.matching import LOWEST_CONF, Matches, Sample, match
from docdetect.models.engines.select import load_engine
from docdetect.training.listeners import Listeners
from docdetect.training.plots import write_contact_sheets, write_plots
from docdetect.training.records import RunFolder, update_record, write_predictions
from docdetect.training.report import write_report
from docdetect.training.samples import sample_of
from docdetect.types import ByteArray

# Time in which the loader processes of a killed session notice that the session is gone.
_PATIENCE_S = 15.0
# Pages whose pictures are in memory at once.
_PAGES_AT_ONCE = 8


def run_alone(run: RunFolder) -> AbstractContextManager[None]:
    """The run folder for this process only: two sessions of one run would overwrite each other's checkpoints."""
    return locked_folder(run.path, "Wait until it has finished.", patience_s=_PATIENCE_S)


@contextmanager
def state_recorded(run: RunFolder) -> Iterator[None]:
    """Writes into `run.json` how a run ended that did not finish."""
    try:
        yield
    except (KeyboardInterrupt, InterruptedRunError):
        update_record(run, state="interrupted")
        raise
    except BaseException as error:
        update_record(run, state="failed", reason=str(error).splitlines()[0] if str(error) else type(error).__name__)
        raise


def evaluated(
    weights: Path, config: Config, dataset: YoloDataset, tell: Listeners
) -> tuple[list[Sample], Matches, tuple[ClassFigures, ...]]:
    """What a network finds on the validation split, and its figures, "all" first.

    Raises:
        InputError: the weights or a picture cannot be read.
    """
    engine = load_engine(weights, imgsz=config.train.imgsz, device=config.train.device)
    images, origins = dataset.splits["val"], read_origins(dataset.root)
    samples: list[Sample] = []
    for first in range(0, len(images), _PAGES_AT_ONCE):
        chosen = images[first : first + _PAGES_AT_ONCE]
        found = engine.detect([read_picture(one.path).pixels for one in chosen], LOWEST_CONF, config.val.iou)
        samples += [sample_of(image, origins, one) for image, one in zip(chosen, found, strict=True)]
        tell.on_progress(len(samples), len(images), f"evaluating {weights.stem}")
    matches = match(samples, len(dataset.class_names))
    conf = (config.val.conf,) * len(dataset.class_names)
    return samples, matches, class_figures(matches, dataset.class_names, conf, BootstrapSettings(resamples=0))


def write_outcome(
    run: RunFolder,
    config: Config,
    names: Sequence[str],
    samples: Sequence[Sample],
    matches: Matches,
    figures: Sequence[ClassFigures],
    pixels: Callable[[int], ByteArray],
) -> None:
    """Writes plots, contact sheets, predictions and the report about the best weights.

    Args:
        run: the run folder.
        config: the recipe, and the threshold of precision and recall.
        names: class names in the order of their ids.
        samples, matches, figures: what the evaluation of the best weights on the validation split has found.
        pixels: position of a sample -> uint8 (H, W, 3) RGB pixels of its page.

    Raises:
        InputError: a picture cannot be read.
        OutputError: a file cannot be written.
    """
    conf = config.val.conf
    write_plots(run.path, samples, matches, names, conf)
    write_contact_sheets(run.path, samples, names, conf, pixels)
    write_predictions(run.predictions, samples, names)
    write_report(run, config, figures, samples, matches, names)
