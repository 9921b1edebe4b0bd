"""`docdetect weights`: the weights that came with docdetect, and how new ones get there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docdetect.cli.options import Request, takes
from docdetect.console import Console

if TYPE_CHECKING:
    from docdetect.models.bundled import BundledEnsemble, BundledWeights

_DIGEST_SHOWN = 10


@takes("weights")
def weights(request: Request) -> None:
    """List the bundled weights and ensembles, and check each against the manifest; with --pack, add weights first.

    Packed weights are in half precision and hold nothing but the network. Forms of replaced weights are removed. Exit
    code 4 when a file is damaged or missing.
    """
    from docdetect.models.bundled import list_bundled, list_ensembles
    from docdetect.models.weights import BUNDLED_FOLDER

    console, settings = request.console, request.settings
    if settings.weights.pack:
        from docdetect.evaluation.export import bundle_weights

        bundle_weights(settings, console.info)
    folder = Path(settings.weights.folder or BUNDLED_FOLDER)
    _show(console, folder, list_bundled(folder), list_ensembles(folder))


def _show(
    console: Console, folder: Path, found: tuple[BundledWeights, ...], ensembles: tuple[BundledEnsemble, ...]
) -> None:
    from docdetect.errors import InputError
    from docdetect.models.bundled import WeightsState

    rows = [
        (
            one.state.value,
            one.name,
            ", ".join(one.classes) or "-",
            f"{one.imgsz} px" if one.imgsz else "-",
            f"{one.size_bytes / 1e6:.2f} MB",
            one.sha256[:_DIGEST_SHOWN],
        )
        for one in found
    ]
    if rows:
        console.table(
            f"Weights in {folder}", ("", "name", "classes", "imgsz", "size", "SHA-256"), rows, whole=("name",)
        )
    else:
        console.info(f"no weights in {folder}")
    for ensemble in ensembles:
        console.info(f"{ensemble.name} is an ensemble of {', '.join(ensemble.networks) or 'nothing that can be read'}")
    console.summary(
        {
            "folder": str(folder),
            "weights": [
                {
                    "name": one.name,
                    "state": one.state.value,
                    "file": str(one.file),
                    "classes": list(one.classes),
                    "imgsz": one.imgsz,
                    "bytes": one.size_bytes,
                    "sha256": one.sha256,
                }
                for one in found
            ],
            "ensembles": [
                {
                    "name": one.name,
                    "state": (WeightsState.DAMAGED if one.problem else WeightsState.OK).value,
                    "file": str(one.file),
                    "networks": list(one.networks),
                }
                for one in ensembles
            ],
        }
    )
    spoilt = [
        f"{one.name} is {one.state.value}" for one in found if one.state in (WeightsState.DAMAGED, WeightsState.MISSING)
    ]
    spoilt += [one.problem for one in ensembles if one.problem]
    if spoilt:
        raise InputError(
            f"{folder}: {', '.join(spoilt)}",
            "Install docdetect again, or restore the folder from the repository.",
        )
