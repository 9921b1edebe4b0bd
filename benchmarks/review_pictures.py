"""Takes the pictures of the review page that docs/review.md shows, of made-up documents.

    python -m benchmarks.review_pictures [--output docs/images] [--pages 24]

Each view is taken 1,280 and 390 CSS px wide, some in light and some in dark colours, and kept as a small WebP file.
Needs chromium and chromium-driver.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from tests.support.browser import open_browser
from tests.support.review_page import Reviewer, reviewing, taking_jobs
from tests.support.waiting import wait_until

from benchmarks.review import run_docdetect
from docdetect.inference.detector import Detector

# CSS px of the windows, and the width in px of the pictures that are kept.
_WINDOWS = {1280: ((1280, 800), 1000), 390: ((390, 800), 390)}
_QUALITY = 62

_ALL_LOADED = (
    "return [...document.querySelectorAll('.picture')].every((one) => one.naturalWidth || one.matches('.none'))"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the pictures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.review_pictures", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--output", type=Path, default=Path("docs/images"))
    parser.add_argument("--pages", type=int, default=24)
    wanted = parser.parse_args(arguments)
    wanted.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, open_browser() as window:
        folder = Path(temporary)
        made = folder / "made"
        sizes = ("--pages", str(wanted.pages), "--imgsz", "1600", "--seed", "0")
        run_docdetect("synth", *sizes, "--pdf", "--output", str(made))
        run_docdetect("infer", f"{made}/pdfs", "--output", f"{folder}/contracts", "--conf", "0.25")
        with reviewing(made / "pdfs", folder / "contracts") as address:
            _views_of_a_run(Reviewer(window, address), wanted.output)
        documents = sorted((made / "pdfs").iterdir())
        with taking_jobs(folder / "serve", Detector) as address:
            _start(Reviewer(window, address), documents[:3], wanted.output)
    return 0


def _views_of_a_run(reviewer: Reviewer, output: Path) -> None:
    pages = reviewer.get("/pages", limit=5000)["pages"]
    for page in pages[:3]:
        whole = reviewer.get(f"/pages/{page['id']}")
        reviewer.put(whole, boxes=whole["boxes"], review_state="right", by="Ann")
    # The page with the most kinds of marks, and of these the one with the fewest boxes.
    best = max(
        range(3, len(pages)),
        key=lambda at: (sum(map(bool, pages[at]["counts"].values())), -sum(pages[at]["counts"].values())),
    )

    def page_view() -> None:
        reviewer.open_page(best)
        reviewer.keys("Tab")

    def opened(place: str, wanted: str) -> Callable[[], None]:
        def act() -> None:
            reviewer.open(place)
            wait_until(lambda: wanted in reviewer.text("main"))

        return act

    _take(reviewer, output, "documents", "light", opened("jobs/run", "document_"))
    _take(reviewer, output, "page", "light", page_view)
    _take(reviewer, output, "wall", "dark", opened("jobs/run/wall?category=signature", "signatures"))
    _take(reviewer, output, "downloads", "dark", opened("jobs/run/files", "detections.json"))


def _start(reviewer: Reviewer, documents: Sequence[Path], output: Path) -> None:
    reviewer.open("")
    wait_until(lambda: "There is no job yet" in reviewer.text())
    field = reviewer.browser.find_element("css selector", "[data-input=documents]")
    field.send_keys("\n".join(map(str, documents)))
    wait_until(lambda: reviewer.js("return document.querySelector('.job')?.dataset.state") == "done")

    def act() -> None:
        reviewer.open("")
        wait_until(lambda: documents[0].name in reviewer.text(".jobs"))

    _take(reviewer, output, "start", "light", act)


def _take(reviewer: Reviewer, output: Path, name: str, scheme: str, act: Callable[[], None]) -> None:
    """Shows a view in each window and keeps its picture once all pictures within it are there."""
    send: Any = reviewer.browser.execute_cdp_cmd
    send("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    for width, ((wide, high), kept_px) in _WINDOWS.items():
        screen = {"width": wide, "height": high, "deviceScaleFactor": 1, "mobile": False}
        send("Emulation.setDeviceMetricsOverride", screen)
        act()
        wait_until(lambda: reviewer.js(_ALL_LOADED), patience_s=60)
        picture = Image.open(io.BytesIO(reviewer.browser.get_screenshot_as_png())).convert("RGB")
        picture = picture.resize((kept_px, round(picture.height * kept_px / picture.width)), Image.Resampling.LANCZOS)
        picture.save(output / f"review-{name}-{width}.webp", quality=_QUALITY, method=6)


if __name__ == "__main__":
    sys.exit(main())
