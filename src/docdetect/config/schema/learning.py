"""Sections about learning from a run: which pages to label next, and when new weights are promoted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from docdetect.config.option import Option
from docdetect.config.schema.values import (
    BUNDLED,
    DATASET,
    DEVICE,
    FREE_DEVICE,
    IMGSZ,
    TRAINED_SIZE,
    AtLeastOne,
    Count,
    ImageSize,
    Section,
)


class SelectConfig(Section):
    """Which pages of a run of infer are labelled next."""

    run: Annotated[str, Option("Input", shown=True, metavar="RUN", unset="the newest run of infer")] = Field(
        "", description="Folder that infer wrote, or last (the newest)."
    )
    data: Annotated[str, Option("Input", shown=True, metavar="PATH", unset="none")] = Field(
        "", description=f"{DATASET} Its pages are labelled already and are left out."
    )
    count: Annotated[AtLeastOne, Option("Contents", shown=True)] = Field(
        50, description="Number of pages in the queue."
    )
    random_share: Annotated[float, Field(ge=0, lt=1), Option("Contents", shown=True)] = Field(
        0.15,
        description="Share of the queue that is drawn at random among all pages and kept for tests. On pages that were "
        "chosen because they are difficult, every network would look worse than it is.",
    )
    seed: Annotated[Count, Option("Reproducibility", shown=True)] = Field(
        0, description="Seed of the pages that are drawn at random."
    )
    diversity: Annotated[Literal["features", "off"], Option("Contents", shown=True)] = Field(
        "features",
        description="How pages that differ from each other are chosen. features renders the best pages again, leaves "
        "out near-duplicates and prefers pages whose features in the network differ; off uses only what the run has "
        "written, and needs neither documents nor weights.",
    )
    weights: Annotated[str, Option("Model", metavar="WEIGHTS", unset="those that the run names")] = Field(
        "", description="Weights of the run, if they are in another place now."
    )
    overwrite: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Replace the queue in the folder of the run."
    )


class PromoteConfig(Section):
    """Which weights take the place of the present ones, and on which pages they have to be as good."""

    weights: Annotated[str, Option("Model", shown=True, metavar="WEIGHTS")] = Field(
        "last", description="New weights: a file, a run folder, or last (the newest training run)."
    )
    to: Annotated[str, Option("Output", shown=True, metavar="FILE")] = Field(
        "runs/weights/current.pt",
        min_length=1,
        description="File of the promoted weights, for infer --weights. The weights in it now are the present ones.",
    )
    present: Annotated[str, Option("Model", metavar="WEIGHTS", unset=BUNDLED)] = Field(
        "", description="The present weights, if nothing was promoted yet."
    )
    data: Annotated[str, Option("Input", shown=True, metavar="PATH")] = Field(
        "data/datasets/main", min_length=1, description=f"{DATASET} The pages for tests are in it."
    )
    force: Annotated[str, Option("Output", shown=True, metavar="REASON", unset="refuse weights that are worse")] = (
        Field("", description="Promote the new weights whatever the figures are; the reason is recorded.")
    )
    back: Annotated[bool, Option("Output", shown=True)] = Field(
        False, description="Restore the weights that were there before the present ones."
    )
    imgsz: Annotated[ImageSize | None, Option("Model", unset=TRAINED_SIZE)] = Field(None, description=IMGSZ)
    device: Annotated[str, Option("Speed", shown=True, unset=FREE_DEVICE)] = Field("", description=DEVICE)
