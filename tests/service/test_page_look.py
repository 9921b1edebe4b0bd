"""How the review page looks, computed in a real browser: contrasts, names, widths, light and dark, less motion."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.browser import errors_of, open_browser
from tests.support.fakes import make_pdf
from tests.support.review_page import Reviewer, reviewing
from tests.support.waiting import wait_until

# Of every visible text: its contrast with what lies behind it, and what WCAG AA asks for (3 for large letters, else
# 4.5). Of every field and framed button: the contrast of its border, for which WCAG asks 3.
CONTRASTS = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgba = (text) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const behind = (node) => { const layers = [];
  for (let one = node; one; one = one.parentElement) {
    const colour = rgba(getComputedStyle(one).backgroundColor); layers.push(colour); if (colour[3] === 1) break; }
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]); };
const light = (colour) => { const [r, g, b] = colour.slice(0, 3).map((v) => v / 255)
  .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const contrast = (a, b) => { const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05); };
const found = [];
const scope = document.querySelector('dialog[open]') ?? document.body;
const walker = document.createTreeWalker(scope, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
  if (!text || !node.checkVisibility({opacityProperty: true}) || node.closest('.hidden')) continue;
  const style = getComputedStyle(node), px = parseFloat(style.fontSize), bold = style.fontWeight >= 700;
  const ground = behind(node), ink = over(rgba(style.color), ground);
  found.push([text.slice(0, 40), contrast(ink, ground), px >= 24 || (bold && px >= 18.66) ? 3 : 4.5]);
}
for (const node of scope.querySelectorAll('input, select, .chip, .button:not(.quiet, .tools *, .primary)')) {
  if (!node.checkVisibility() || node.matches('.hidden, [type=checkbox], [type=range], [aria-disabled=true]')) continue;
  const border = rgba(getComputedStyle(node).borderTopColor), ground = behind(node.parentElement);
  const name = `border of ${node.textContent || node.name || node.type}`;
  if (border[3] > 0) found.push([name, contrast(over(border, ground), ground), 3]);
}
return found;
"""

NAMELESS = """
const kinds = 'button, a, input, select, [role=button], dialog, [role=group], [role=list], nav';
return [...document.querySelectorAll(kinds)]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.getAttribute('aria-labelledby')))
  .filter((one) => !one.labels?.length)
  .map((one) => one.outerHTML.slice(0, 120))
"""

VIEWS = ("jobs/run", "PAGE", "jobs/run/wall?category=stamp", "jobs/run/files")


@pytest.fixture(scope="module")
def reviewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewer]:
    folder = tmp_path_factory.mktemp("look")
    large, small = ("stamp", (20.0, 20.0, 90.0, 80.0)), ("signature", (20.0, 220.0, 50.0, 240.0))
    make_pdf(
        folder / "in" / "A contract with a very long name that does not fit into a line of a telephone.pdf", [[large]]
    )
    make_pdf(folder / "in" / "b.pdf", [[large, small], [], [("qr", (20.0, 20.0, 90.0, 80.0))]])
    (folder / "in" / "broken.pdf").write_bytes(b"no PDF")
    with open_browser() as window, reviewing(folder / "in", folder / "out", ("qr",)) as address:
        yield Reviewer(window, address)
        assert not errors_of(window)


def show(reviewer: Reviewer, view: str, width: int, height: int, scheme: str) -> None:
    send = reviewer.browser.execute_cdp_cmd
    send(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    send("Emulation.setEmulatedMedia", {"features": features})
    if view == "PAGE":
        reviewer.open_page(1)
    else:
        reviewer.open(view)
        wanted = "detections.json" if "files" in view else "stamps" if "wall" in view else "b.pdf"
        wait_until(lambda: wanted in reviewer.text("main"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_contrasts_and_names(reviewer: Reviewer, view: str, scheme: str) -> None:
    show(reviewer, view, 1280, 800, scheme)
    measured = reviewer.js(CONTRASTS)
    assert len(measured) > 10
    assert not [one for one in measured if one[1] < one[2]]
    assert reviewer.js(NAMELESS) == []
    dark = reviewer.js("return getComputedStyle(document.body).backgroundColor") != "rgb(243, 244, 247)"
    assert dark == (scheme == "dark")
    if view == "PAGE":
        reviewer.keys("Tab")
        reviewer.type("?")
        wait_until(lambda: reviewer.text("dialog[open]"))
        assert not [one for one in reviewer.js(CONTRASTS) if one[1] < one[2]]


@pytest.mark.parametrize(("width", "height"), [(390, 844), (640, 400), (2560, 1300)])
@pytest.mark.parametrize("view", VIEWS)
def test_every_width_shows_everything(reviewer: Reviewer, view: str, width: int, height: int) -> None:
    """640 x 400 px is what a window of 1280 x 800 px has at a zoom of 200 %."""
    show(reviewer, view, width, height, "light")
    assert reviewer.js("return document.documentElement.scrollWidth") <= width
    outside = reviewer.js(
        "return [...document.querySelectorAll('button, a, input, select')].filter((one) => one.checkVisibility() &&"
        " !one.closest('.hidden, .stage, .strip') && !one.matches('.hidden')).filter((one) => {"
        " const at = one.getBoundingClientRect(); return at.width > 0 && (at.left < -1 || at.right > innerWidth + 1) })"
        ".map((one) => one.outerHTML.slice(0, 120))"
    )
    assert outside == []
    if width < 700:
        small = reviewer.js(
            "return [...document.querySelectorAll('.button, .chip, nav a')].filter((one) => one.checkVisibility())"
            ".map((one) => one.getBoundingClientRect()).filter((at) => at.width < 24 || at.height < 24).length"
        )
        assert small == 0
    if view == "PAGE":
        stage = reviewer.js("return document.querySelector('.stage').getBoundingClientRect().toJSON()")
        assert stage["height"] >= 250
        assert stage["width"] >= min(width, 390) * 0.9


def test_the_switch_of_colours_is_kept(reviewer: Reviewer) -> None:
    show(reviewer, "jobs/run", 1280, 800, "light")
    ground = "return getComputedStyle(document.body).backgroundColor"
    bright = reviewer.js(ground)
    reviewer.press("Colours of the system")
    reviewer.press("Light colours")
    wait_until(lambda: reviewer.js(ground) != bright)
    reviewer.browser.refresh()
    wait_until(lambda: "b.pdf" in reviewer.text("main"))
    assert reviewer.js(ground) != bright
    reviewer.press("Dark colours")
    wait_until(lambda: reviewer.js(ground) == bright)


def test_nothing_moves_for_those_who_want_less_motion(reviewer: Reviewer) -> None:
    show(reviewer, "jobs/run", 1280, 800, "light")
    moving = reviewer.js(
        "return [...document.querySelectorAll('*')].filter((one) => { const style = getComputedStyle(one);"
        " return style.animationName !== 'none' || style.transitionDuration.split(', ').some((one) => one !== '0s') })"
        ".length"
    )
    assert moving == 0
