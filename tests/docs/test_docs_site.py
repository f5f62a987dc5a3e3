"""The documentation as a whole: complete, reachable, and a site that fetches nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from spa2v.core.host import Host
from tests.kit.doc_pages import DOCS, ROOT, Page

NAMES = sorted(path.name for path in DOCS.glob("*.md"))


def test_the_site_leads_to_every_page_once() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    assert sorted(re.findall(r": (\S+\.md)$", navigation, re.MULTILINE)) == NAMES


def test_the_readme_leads_to_every_page() -> None:
    assert {f"docs/{name}" for name in NAMES} <= {link.partition("#")[0] for link in Page(ROOT / "README.md").links}


def test_every_component_is_told_of() -> None:
    told = {span for name in NAMES for span in Page(DOCS / name).spans}
    components = {component.name for component in Host(extensions=()).registry.components()}
    assert components - told == set()


def rows(page: Page) -> list[list[str]]:
    """The cells of the tables of a page."""
    lines = [line for line in page.text.splitlines() if line.startswith("| ") and not line.startswith("| figure")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.mark.parametrize("row", rows(Page(DOCS / "figures.md")), ids=lambda row: row[0][:40])
def test_a_figure_stands_on_the_page_that_it_names(row: list[str]) -> None:
    figure, _, _, link = row
    target = re.search(r"\]\(([^)#]+)", link)
    assert target
    text = Page(DOCS / target[1]).text
    numbers = re.findall(r"\d[\d,.e-]*\d|\d+", figure)
    assert [number for number in numbers if number not in text] == []


def test_the_numbers_of_the_answers_are_those_of_the_code() -> None:
    pytest.importorskip("diffusers")
    from spa2v.core.config import AudioConfig
    from spa2v.core.pipeline import Pipeline
    from spa2v.plugins.motion_backbones.animatediff.backbone import AnimateDiff
    from spa2v.plugins.motion_backbones.animatediff.options import RANGES

    text = Page(DOCS / "faq.md").text
    assert f"up to {RANGES['frames'][1]}." in text
    assert f"up to {AudioConfig().max_duration_s:.0f} seconds are read" in text
    saving = Pipeline.from_preset("low-memory").motion_backbone
    assert isinstance(saving, AnimateDiff)
    assert f"`decode_chunk` ({AnimateDiff().decode_chunk}, and {saving.decode_chunk} with `low-memory`)" in text
    assert saving.offload == "model", "networks visit the GPU in turn"
    inputs = {name: Pipeline.from_preset(name).layout_planner for name in ("gemini", "gpt4o", "openai-local", "spa2v")}
    assert {getattr(planner, "spatial_input", None) for planner in inputs.values()} == {"cues_text"}
    assert getattr(Pipeline.from_preset("paper").layout_planner, "spatial_input", None) == "raw"


class Fetched(HTMLParser):
    """What a browser fetches to show a page: addresses of scripts, styles, pictures, frames."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        follows = tag == "link" and told.get("rel") not in ("canonical", "next", "prev")
        address = told.get("href") if follows else told.get("src")
        if address is not None:
            self.addresses.append(address)


def test_the_site_builds_strictly_and_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    pages = list(tmp_path.rglob("*.html"))
    assert {f"{Path(name).stem}.html" for name in NAMES} <= {page.name for page in pages}
    fetched = {address for page in pages for address in Fetched(page.read_text(encoding="utf-8")).addresses}
    assert "assets/stylesheets" in str(fetched)
    assert [address for address in fetched if re.match(r"(\w+:)?//", address)] == []


def test_an_address_that_would_be_fetched_is_found_out() -> None:
    text = '<link rel="canonical" href="https://a"><link rel="stylesheet" href="//b"><script src="https://c"></script>'
    assert Fetched(text).addresses == ["//b", "https://c"]
