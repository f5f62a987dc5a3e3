"""The pictures of the documentation, taken from the page: `SPA2V_PICTURES=docs/images` writes them there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.edit.test_page import drag, seek, wait
from tests.kit.editing import Served

pytestmark = pytest.mark.browser

VIEWS = [
    ("editor-light", 1280, 800, "light", "1"),
    ("editor-dark", 1920, 1080, "dark", "3"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width", "height", "scheme", "panel"), VIEWS, ids=[view[0] for view in VIEWS])
def test_pictures_of_the_editor(
    served: Served, new_page: Any, tmp_path: Path, name: str, width: int, height: int, scheme: str, panel: str
) -> None:
    page = new_page(served, width, height, scheme)
    page.keyboard.press("3")
    page.select_option("#preset", "default")
    page.keyboard.press("d")
    page.wait_for_selector("#tries .try", timeout=300_000)
    if panel == "3":
        page.keyboard.press("p")
        wait(page, "document.querySelectorAll('#tries .try').length === 2", timeout=60_000)
        page.click("#tries .try >> nth=1")
    wait(page, "document.getElementById('video').readyState >= 2")
    page.keyboard.press(panel)
    seek(page, 2.5)
    drag(page, "svg.thing[data-id=car_0]", 6, 4)
    wait(page, "Math.abs(document.getElementById('video').currentTime - 2.5) < 0.05")
    wait(page, "document.getElementById('note').hidden", timeout=20_000)
    path = Path(os.environ.get("SPA2V_PICTURES", tmp_path)) / f"{name}.png"
    page.screenshot(path=path)
    picture = Image.open(path)
    assert picture.size == (width, height)
    picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=256).save(path, optimize=True)
