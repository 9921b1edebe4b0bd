"""A labelled picture and what a network found on it, as the page that figures are computed from."""

from __future__ import annotations

from collections.abc import Mapping

from docdetect.datasets.origins import Origin, origin_of
from docdetect.datasets.reader import LabelledImage
from docdetect.metrics.matching import Sample
from docdetect.types import Detections


def sample_of(image: LabelledImage, origins: Mapping[str, Origin], found: Detections) -> Sample:
    """The page of a picture of a dataset.

    Args:
        image: the picture with its ground truth.
        origins: where the pictures of the dataset come from, see `docdetect.datasets.origins.read_origins`.
        found: detections with scores, in px of the picture.
    """
    origin = origin_of(image, origins)
    return Sample(origin.document, origin.page, origin.group, image.ground_truth, found, image.labelled)
