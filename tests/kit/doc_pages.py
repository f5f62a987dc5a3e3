"""The pages of the documentation as a reader of Markdown sees them: headings, links, pictures, code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.kit.paths import ROOT

DOCS = ROOT / "docs"
_PARSER = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Page:
    """A Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path from the top of the source."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def _tokens(self) -> list[Token]:
        return _PARSER.parse(self.text)

    def _inline(self) -> Iterator[Token]:
        for token in self._tokens:
            yield from token.children or ()

    @cached_property
    def anchors(self) -> set[str]:
        """The anchors of its headings, as GitHub makes them."""
        found: list[str] = []
        for token, inside in zip(self._tokens, self._tokens[1:], strict=False):
            if token.type == "heading_open":
                plain = "".join(part.content for part in inside.children or ())
                slug = slugged(plain)
                found.append(slug if slug not in found else f"{slug}-{found.count(slug)}")
        return set(found)

    @property
    def links(self) -> list[str]:
        """The targets of links and pictures."""
        attributes = {"link_open": "href", "image": "src"}
        return [str(token.attrs[attributes[token.type]]) for token in self._inline() if token.type in attributes]

    @property
    def spans(self) -> list[str]:
        """Code within a line."""
        return [token.content for token in self._inline() if token.type == "code_inline"]

    @property
    def indented(self) -> list[str]:
        """Code blocks without a fence."""
        return [token.content for token in self._tokens if token.type == "code_block"]


def slugged(heading: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def pages() -> list[Page]:
    """README, changelog, and everything in docs/."""
    return [Page(path) for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")))]
