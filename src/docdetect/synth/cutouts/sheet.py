"""The contact sheet of cut-outs: one HTML page that works from the disk, without a network.

Each cut-out has a tick. Those that are unticked are out of the list that the page writes; the list then replaces
cutouts.csv. The page shows the pictures that lie beside it and loads nothing from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from docdetect.reports.page import html_template
from docdetect.synth.cutouts.folder import LIST_NAME, Cutout


def sheet_html(cutouts: Sequence[Cutout], listed: str, left_out: Mapping[str, int]) -> str:
    """The page.

    Args:
        cutouts: in the order of the list.
        listed: the content of cutouts.csv.
        left_out: reason -> number of marks that were not cut out.
    """
    lines = listed.splitlines()
    # Each line without its last cell, so that the page can put another one there.
    kept_apart = [lines[0], *(line.rpartition(",")[0] for line in lines[1:])]
    tiles = [
        {
            "index": index,
            "src": quote(one.file),
            "category": one.category,
            "where": f"{one.document}, page {one.page}",
            "facts": f"{one.size_mm[0]:.0f} x {one.size_mm[1]:.0f} mm, {one.colour}",
            "quality": f"{one.quality:.2f}",
            "keep": one.keep,
        }
        for index, one in enumerate(cutouts)
    ]
    return html_template("docdetect.synth.cutouts", "contact_sheet.html.j2").render(
        tiles=tiles,
        categories=sorted({one.category for one in cutouts}),
        left_out=left_out,
        list_name=LIST_NAME,
        # In a script element nothing but "<" could end the data.
        lines=json.dumps(kept_apart, ensure_ascii=True).replace("<", "\\u003c"),
    )
