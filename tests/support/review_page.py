"""The review page in a real browser: served from this process on a finished run, or with a service that takes jobs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from docdetect.config.schema import Config, InferConfig, ServeConfig
from docdetect.inference.detector import Detector
from docdetect.review.pictures import PictureMaker
from docdetect.service.app import make_app
from docdetect.service.review_app import ReviewPlan, Stopping, make_review_app
from docdetect.service.runner import Service
from docdetect.service.server import listening_socket, serve_until_stopped
from tests.support.fakes import SETTINGS, run_once
from tests.support.waiting import wait_until

# The engine of the fakes is more confident of larger rectangles: those of 5 % of the page and more are marks, smaller
# ones are possible marks.
WITH_POSSIBLE_MARKS = replace(SETTINGS, conf=0.55, check_conf=(0.5, 0.5, 0.5))

BASE = "/v1/jobs/run/review"


@contextmanager
def _serving(app: Any, work: Any) -> Iterator[str]:
    """The address of an application that answers in a thread."""
    addresses: list[str] = []
    thread = threading.Thread(
        target=serve_until_stopped, args=(app, work, listening_socket("127.0.0.1", 0), addresses.append), daemon=True
    )
    thread.start()
    try:
        wait_until(lambda: bool(addresses))
        yield addresses[0]
    finally:
        work.stop()
        thread.join(30)


@contextmanager
def reviewing(source: Path, output: Path, required: Sequence[str] = ()) -> Iterator[str]:
    """The address of the review page on a run over the documents of a folder; the run is made where it is not there."""
    if not output.exists():
        run_once(source, output, WITH_POSSIBLE_MARKS)
    config = Config(infer=InferConfig(source=(str(source),), require=tuple(required)))
    pictures = PictureMaker(processes=1, memory_bytes=3 << 30)
    try:
        with _serving(make_review_app(ReviewPlan(output, config), pictures), Stopping()) as address:
            yield address
    finally:
        pictures.close()


@contextmanager
def taking_jobs(
    folder: Path, load: Callable[[], Detector], token: str = "", most_documents: int = 100, root_path: str = ""
) -> Iterator[str]:
    """The address of a service that takes jobs and finds coloured rectangles."""
    keys = {"folder": str(folder), "min_free_mb": 0, "max_documents": most_documents, "root_path": root_path}
    config = Config(serve=ServeConfig.model_validate(keys))
    with Service(config, load) as service:
        assert service.warm.wait(30)
        with _serving(make_app(service, token=token, any_host=bool(token)), service) as address:
            yield address


@dataclass
class Reviewer:
    """A person at the review page.

    Attributes:
        browser: of Selenium.
        address: of the service.
    """

    browser: Any
    address: str

    def open(self, place: str) -> None:
        """Opens a place such as `jobs/run` from nothing."""
        self.browser.get("about:blank")
        self.browser.get(f"{self.address}/#/{place}")

    def open_page(self, number: int = 0, search: str = "") -> str:
        """Opens the page view at one of the pages of the run, waits for its picture, and gives the page's id."""
        page = str(self.get("/pages", limit=5000)["pages"][number]["id"])
        self.open(f"jobs/run/pages/{page}{search}")
        self.wait_for_page(page)
        return page

    def wait_for_page(self, page: str) -> None:
        """Waits until the picture of a page is there and the page has the focus."""
        wait_until(
            lambda: self.js(
                "return document.querySelector('.stage')?.dataset.page === arguments[0]"
                " && !!document.querySelector('.sheet .whole')?.naturalWidth"
                " && !!document.activeElement?.closest('.stage')",
                page,
            )
        )

    def js(self, script: str, *arguments: Any) -> Any:
        """What a script gives."""
        return self.browser.execute_script(script, *arguments)

    def keys(self, *keys: str) -> None:
        """Presses keys one after the other; `Control+z` and the like hold the first ones."""
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        for key in keys:
            *held, last = key.split("+") if len(key) > 1 else [key]
            chain = ActionChains(self.browser)
            for one in held:
                chain.key_down(getattr(Keys, one.upper()))
            chain.send_keys(getattr(Keys, last.upper()) if len(last) > 1 else last)
            for one in held:
                chain.key_up(getattr(Keys, one.upper()))
            chain.perform()

    def type(self, text: str) -> None:
        """Types letters, as plain keys."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser).send_keys(text).perform()

    def on_screen(self, x: float, y: float) -> tuple[int, int]:
        """Where a point of the page, in px of the page, lies in the window, however the view is turned."""
        left, top, width, height, turn, scale = self.js(
            "const sheet = document.querySelector('.sheet'), at = sheet.getBoundingClientRect();"
            "const scale = parseFloat(sheet.style.getPropertyValue('--s')), turn = Number(sheet.dataset.turn);"
            "return [at.left, at.top, sheet.offsetWidth, sheet.offsetHeight, turn, scale]"
        )
        x, y = x * scale, y * scale
        x, y = ((x, y), (height - y, x), (width - x, height - y), (y, width - x))[turn]
        return round(left + x), round(top + y)

    def drag(self, start: tuple[float, float], end: tuple[float, float], kind: str = "mouse") -> None:
        """Drags from one point of the page to another one, with a mouse or a finger (`touch`)."""
        from selenium.webdriver.common.actions.action_builder import ActionBuilder
        from selenium.webdriver.common.actions.pointer_input import PointerInput

        a, b = self.on_screen(*start), self.on_screen(*end)
        actions = ActionBuilder(self.browser, mouse=PointerInput(kind, kind), duration=20)
        pointer = actions.pointer_action
        pointer.move_to_location(*a).pointer_down()
        for share in (0.3, 0.7, 1.0):
            pointer.move_to_location(*(round(a[axis] + (b[axis] - a[axis]) * share) for axis in (0, 1)))
        pointer.pointer_up()
        actions.perform()

    def click(self, x: float, y: float, kind: str = "mouse") -> None:
        """Clicks or taps a point of the page."""
        from selenium.webdriver.common.actions.action_builder import ActionBuilder
        from selenium.webdriver.common.actions.pointer_input import PointerInput

        actions = ActionBuilder(self.browser, mouse=PointerInput(kind, kind), duration=20)
        actions.pointer_action.move_to_location(*self.on_screen(x, y)).pointer_down().pointer_up()
        actions.perform()

    def tap(self, x: float, y: float) -> None:
        """Taps a point of the page with a finger."""
        self.click(x, y, "touch")

    def press(self, name: str) -> None:
        """Clicks the button or link of this name."""
        self.find(name).click()

    def find(self, name: str) -> Any:
        """The button or link whose name or text begins with `name`, once it is there."""
        script = (
            "const all = (document.querySelector('dialog[open]') ?? document).querySelectorAll('button, a, summary');"
            "return [...all].find((one) => one.checkVisibility() &&"
            " (one.getAttribute('aria-label') ?? one.textContent).trim().startsWith(arguments[0]))"
        )
        return wait_until(lambda: self.js(script, name))

    def shown(self) -> list[dict[str, Any]]:
        """The boxes on the screen: names, and whether they are possible marks or selected."""
        boxes: list[dict[str, Any]] = self.js(
            "return [...document.querySelectorAll('.boxes [data-box]')].map((box) => ({id: box.dataset.box,"
            " name: box.ariaLabel, possible: 'possible' in box.dataset, selected: box.classList.contains('selected'),"
            " focus: box === document.activeElement}))"
        )
        return boxes

    def text(self, selector: str = "body") -> str:
        """The text of an element; "" where it is not there."""
        return str(self.js("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def saved(self) -> None:
        """Waits until the service has everything."""
        wait_until(lambda: self.js("return document.querySelector('[data-save]')?.dataset.save") == "saved")

    def get(self, path: str, **query: Any) -> Any:
        """What the service answers below the review of the run."""
        answer = httpx2.get(f"{self.address}{BASE}{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, page: dict[str, Any], **changes: Any) -> Any:
        """Corrects a page as another person does, past the browser."""
        body = {"boxes": page["boxes"], "review_state": "corrected", "by": "Somebody"} | changes
        headers = {"If-Match": f'"{page["revision"]}"'}
        answer = httpx2.put(f"{self.address}{BASE}/pages/{page['id']}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def hosts(self) -> set[str]:
        """Addresses that the browser has asked since the last call."""
        asked = set()
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.add(str(message["params"]["request"]["url"]))
        return asked
