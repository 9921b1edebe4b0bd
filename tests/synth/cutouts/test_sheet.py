"""The contact sheet in a browser, opened from the disk: what is unticked is out of the list that it writes."""

from __future__ import annotations

from pathlib import Path

from docdetect.config.schema import CutoutsConfig
from docdetect.synth.cutouts.cutting import cut_out
from docdetect.synth.cutouts.folder import Cutout, list_text, read_kept, read_list
from docdetect.synth.cutouts.sheet import sheet_html
from tests.support.browser import errors_of, open_browser

# Tells whether the first pictures can be decoded, those below the window too.
_ALL_SHOWN = """
const done = arguments[0], first = [...document.images].slice(0, 4);
first.forEach((image) => { image.loading = "eager"; });
Promise.all(first.map((image) => image.decode())).then(() => done(true), () => done(false));
"""


def test_names_of_strangers_are_shown_as_text() -> None:
    hostile = 'a"><script>alert(1)</script>,</script>.pdf'
    one = Cutout("stamp/a b#1.png", "stamp", hostile, 1, (0, 0, 9, 9), (99, 99), (9, 9), "red", 0.5, True)
    html = sheet_html([one], list_text([one]), {"<b>": 2})
    assert "<script>alert" not in html
    assert html.count("</script>") == 2
    assert 'src="stamp/a%20b%231.png"' in html
    assert "Not cut out because &lt;b&gt;: 2." in html


def test_unticked_cut_outs_are_out_of_the_list(labelled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    cut_out(CutoutsConfig(data=str(labelled), output=str(folder), workers=1, quality=0.3))
    before = read_kept(folder)
    out = before.kept[0]
    with open_browser() as browser:
        browser.get((folder / "contact_sheet.html").as_uri())
        assert browser.execute_async_script(_ALL_SHOWN)
        index = [one.file for one in read_list(folder)].index(out.file)
        browser.execute_script(f"document.querySelectorAll('label.tile')[{index}].click()")
        kept = browser.find_element("id", "count").text
        written = browser.execute_script("return listText()")
        assert errors_of(browser) == []
    assert kept == f"{len(before.kept) - 1} of {len(read_list(folder))} kept"
    (folder / "cutouts.csv").write_text(written, encoding="utf-8")
    after = read_kept(folder)
    assert [one.file for one in after.kept] == [one.file for one in before.kept if one.file != out.file]
    assert read_list(folder)[index].keep is False
