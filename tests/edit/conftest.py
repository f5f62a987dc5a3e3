"""The demo under edit, and its page in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spa2v import Pipeline
from spa2v.demo import demo_recording
from tests.kit.editing import Served, serving


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
def listening(tmp_path_factory: pytest.TempPathFactory, planned: str) -> Iterator[Served]:
    """The same for all tests that change nothing."""
    path = tmp_path_factory.mktemp("edit") / "plan.json"
    path.write_text(planned)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPA2V_EXTENSIONS", "")
        with serving(path, demo_recording()) as found:
            yield found
    assert path.read_text() == planned
    assert [item.name for item in path.parent.iterdir()] == [path.name]


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
