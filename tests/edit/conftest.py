"""The demo under edit, and a browser where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spa2v import Pipeline
from spa2v.demo import demo_recording
from tests.kit.editing import Served, serving

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)


@pytest.fixture(scope="session")
def planned() -> str:
    """The text of the demo's layout."""
    pipeline = Pipeline.from_preset(overrides=["layout_planner.options.objects=[car]"])
    return pipeline.plan(pipeline.read(demo_recording())).dumps()


@pytest.fixture
def layout_path(tmp_path: Path, planned: str) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(planned)
    return path


@pytest.fixture
def served(layout_path: Path) -> Iterator[Served]:
    """The editor of the demo's layout with its recording."""
    with serving(layout_path, demo_recording()) as found:
        yield found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed; see `make browser`")
    path = os.environ.get("SPA2V_BROWSER") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium; see `make browser`")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Any) -> Iterator[Any]:
    """Opens pages that must not log an error or ask anyone but the server."""
    faults: list[str] = []
    contexts: list[Any] = []

    def make(served: Served, width: int = 1280, height: int = 800, scheme: str = "light") -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type in ("error", "warning") else None)
        page.on("request", lambda item: None if item.url.startswith(served.url) else faults.append(item.url))
        page.goto(served.url)
        page.wait_for_selector("body.ready")
        return page

    yield make
    for context in contexts:
        context.close()
    assert not [fault for fault in faults if "409 (Conflict)" not in fault and "422 (Unprocess" not in fault]
