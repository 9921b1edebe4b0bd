"""The Python API of docdetect: `from docdetect import Detector`.

    from docdetect import Detector

    with Detector() as detector:                       # the bundled networks, the fastest engine of this machine
        for page in detector.detect("contract.pdf"):   # a path, bytes, a Pillow image or a NumPy array
            for mark in page.marks:
                print(page.number, mark.category, mark.confidence, mark.xyxy)

`docdetect infer` is built on the same class, so both find the same marks.
"""

from __future__ import annotations

from docdetect.inference.detector import Detector
from docdetect.inference.pages import Document, Mark, Page, to_dict, to_pandas

__all__ = ["Detector", "Document", "Mark", "Page", "to_dict", "to_pandas"]
