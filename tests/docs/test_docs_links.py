"""No link of the documentation is dead: pages, anchors, pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.doc_pages import DOCS, ROOT, Page, pages, slugged


def dead(page: Page) -> list[str]:
    """The targets of a page that lead nowhere; addresses outside are not asked."""
    return [target for target in page.links if "://" not in target and not _leads(page, target)]


def _leads(page: Page, target: str) -> bool:
    path, _, anchor = target.partition("#")
    there = (page.path.parent / path).resolve() if path else page.path
    if not there.exists() or not there.is_relative_to(ROOT):
        return False
    return not anchor or (there.suffix == ".md" and anchor in Page(there).anchors)


PACKAGES = [Page(path) for path in sorted((ROOT / "extensions").glob("*/README.md"))]


@pytest.mark.parametrize("page", [*pages(), *PACKAGES], ids=lambda page: page.name)
def test_no_link_is_dead(page: Page) -> None:
    assert dead(page) == []


@pytest.mark.parametrize("page", [page for page in pages() if page.path.parent == DOCS], ids=lambda page: page.name)
def test_pages_of_the_site_link_to_the_site(page: Page) -> None:
    """What lies outside docs/ is not on the site; name it in code instead of linking to it."""
    outside = [target for target in page.links if target.startswith("..")]
    assert outside == []


def test_every_picture_is_used() -> None:
    used = {(page.path.parent / target).resolve() for page in pages() for target in page.links}
    pictures = [path for path in DOCS.rglob("*") if path.suffix in (".png", ".svg", ".gif")]
    assert [path.name for path in pictures if path not in used] == []


def test_dead_links_are_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.docs.test_docs_links.ROOT", tmp_path)
    (tmp_path / "other.md").write_text("# One `two`: three_four\n\n## Same\n\n## Same\n")
    page = tmp_path / "page.md"
    good = "[a](other.md) [b](other.md#one-two-three_four) [c](#here) [d](other.md#same-1) <https://a.org>\n\n# Here\n"
    bad = "[a](gone.md) [b](other.md#five) ![c](gone.png) [d](#there) [e](../outside.md)\n\n    [f](code.md)\n"
    page.write_text(good + bad)
    assert dead(Page(page)) == ["gone.md", "other.md#five", "gone.png", "#there", "../outside.md"]
    assert slugged("What it costs, and why?") == "what-it-costs-and-why"
