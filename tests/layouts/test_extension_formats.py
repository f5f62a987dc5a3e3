"""Formats that extension packages bring: found by name, listed with their origin, refused where the name is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spa2v import RegistryError, UnknownComponent, VideoSceneLayout
from spa2v.layouts import format_names, format_targets, get_format, write_any
from spa2v.testing import toy_layout

SOURCE = """
import spa2v
from spa2v.layouts import LayoutFormat


def write(layout, path, raster):
    path.write_text(layout.caption)
    return ["nothing but the caption is written"]


CAPTION = LayoutFormat("The caption alone.", (".caption",), write, holds=frozenset({{"caption"}}))


@spa2v.hookimpl
def spa2v_layout_formats():
    return {{"{name}": "{module}:CAPTION"}}
"""


@pytest.fixture
def bring(install: Callable[..., str]) -> Callable[[str, str], None]:
    def make(module: str, name: str) -> None:
        install(module, SOURCE.format(module=module, name=name))

    return make


def test_a_format_of_an_extension_is_found_by_name(bring: Callable[[str, str], None], tmp_path: Path) -> None:
    bring("captioner", "caption")
    assert format_names()[-1] == "caption"
    assert format_targets()["caption"] == ("captioner:CAPTION", "extension captioner 1.0")
    layout: VideoSceneLayout = toy_layout()
    remarks = write_any(layout, tmp_path / "plan.caption")
    assert (tmp_path / "plan.caption").read_text() == layout.caption
    assert remarks[-1] == "nothing but the caption is written"


def test_the_name_of_a_built_in_format_is_refused(bring: Callable[[str, str], None]) -> None:
    bring("impostor", "cvat")
    with pytest.raises(RegistryError, match=r"'cvat' of extension impostor 1.0 has the name of a built-in one"):
        format_names()


def test_an_unknown_format_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownComponent, match=r"unknown layout format 'cvatt'\n  did you mean 'cvat'"):
        get_format("cvatt")
