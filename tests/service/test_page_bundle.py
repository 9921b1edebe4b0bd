"""The review page as it is shipped: built from its sources, small, and without a word of other hosts."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from docdetect.service.source import source_archive
from tests.support.documentation import ROOT

SERVICE = ROOT / "src" / "docdetect" / "service"
PAGE, STATIC = SERVICE / "page", SERVICE / "static"
BUNDLE = ("app.css", "app.js", "icon.svg", "index.html")


def test_the_bundle_is_what_the_sources_give(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("no Node.js: the bundle cannot be built here")
    if not (PAGE / "node_modules").is_dir():
        pytest.skip("the packages of the page are not installed: make page")
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=PAGE, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(BUNDLE)
    for name in BUNDLE:
        assert (tmp_path / name).read_bytes() == (STATIC / name).read_bytes(), f"{name}: run make page"


def test_the_bundle_is_small() -> None:
    sizes = {name: (STATIC / name).read_bytes() for name in BUNDLE}
    assert sorted(path.name for path in STATIC.iterdir()) == sorted(BUNDLE)
    assert sum(len(content) for content in sizes.values()) < 160_000
    assert sum(len(gzip.compress(content)) for content in sizes.values()) < 60_000


def test_the_bundle_names_no_other_host() -> None:
    for name in BUNDLE:
        text = (STATIC / name).read_text(encoding="utf-8")
        hosts = set(re.findall(r"(?:https?:)?//([a-z0-9.-]+\.[a-z]{2,})", text))
        assert hosts <= {"www.w3.org"}, name  # names of namespaces of SVG and MathML, which nobody loads
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'(?:src|href)="([^"]+)"', page)) == {"static/icon.svg", "static/app.css", "static/app.js"}
    script = (STATIC / "app.js").read_text(encoding="utf-8")
    assert not re.findall(r"[\"'`]/(?:v1|static|docs|source)\b[^\"'`]*", script)  # a proxy may put a path before them
    assert {"v1/jobs", "v1/about", "docs", "source"} <= set(re.findall(r"[\"'`]([a-z0-9/]+)[\"'`]", script))
    assert "style=" not in page
    assert "<script>" not in page  # the policy of the page allows scripts of files only


def test_colours_need_no_browser_of_this_year() -> None:
    style = (STATIC / "app.css").read_text(encoding="utf-8")
    assert "light-dark(" not in style  # browsers before May 2024 drop what holds it, so that nothing has a colour
    for scheme, chosen in {"light": ("initial", ""), "dark": ("", "initial")}.items():
        (rules,) = re.findall(rf":root\[data-theme={scheme}\]\{{([^}}]*)\}}", style)
        values = {name: value.strip() for name, _, value in (rule.partition(":") for rule in rules.split(";"))}
        assert (values["color-scheme"], values["--light"], values["--dark"]) == (scheme, *chosen)


def test_versions_are_exact() -> None:
    package = json.loads((PAGE / "package.json").read_text(encoding="utf-8"))
    versions = package["devDependencies"] | package.get("dependencies", {})
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values()), versions
    lock = json.loads((PAGE / "package-lock.json").read_text(encoding="utf-8"))
    for name, version in versions.items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert all("integrity" in one for name, one in lock["packages"].items() if name)


def test_the_source_archive_has_the_sources_of_the_page_and_no_packages_of_others() -> None:
    import io
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(source_archive())) as archive:
        names = archive.getnames()
    assert any(name.endswith("service/page/src/main.tsx") for name in names)
    assert any(name.endswith("service/static/app.js") for name in names)
    assert not any("node_modules" in name for name in names)


def test_packages_of_others_stay_out_of_wheels_and_images() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for target in ("wheel", "sdist"):
        section = text.split(f"[tool.hatch.build.targets.{target}]", 1)[1].split("\n[", 1)[0]
        assert 'exclude = ["node_modules"]' in section.splitlines()
    assert "**/node_modules" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_the_documentation_lists_the_keys_of_the_page() -> None:
    source = (PAGE / "src" / "editor" / "keys.ts").read_text(encoding="utf-8")
    keys = re.findall(r'\{ keys: "([^"]+)", does: "([^"]+)" \}', source)
    assert len(keys) > 20
    rows = (ROOT / "docs" / "review.md").read_text(encoding="utf-8").splitlines()
    for names, does in keys:
        assert f"| {names} | {does} |" in rows


def test_the_pictures_of_the_documentation_are_small() -> None:
    pictures = sorted((ROOT / "docs" / "images").glob("review-*.webp"))
    assert len(pictures) == 10
    assert sum(path.stat().st_size for path in pictures) < 300_000
    text = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
    assert all(f"(images/{path.name})" in text for path in pictures)
