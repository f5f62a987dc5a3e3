"""The report and the notebook view in a real browser: they draw boxes with the editor's code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spa2v import Pipeline, VideoSceneLayout
from spa2v.demo import demo_recording
from spa2v.evaluation.report.run_page import run_page

pytestmark = pytest.mark.browser


@pytest.fixture
def open_file(chromium: Any):
    """Opens a page from disk, which must log no error."""
    faults: list[str] = []
    contexts: list[Any] = []

    def make(path: Path) -> Any:
        contexts.append(chromium.new_context(viewport={"width": 1100, "height": 800}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.goto(path.as_uri())
        return page

    yield make
    for context in contexts:
        context.close()
    assert faults == []


def test_the_report_draws_the_boxes_of_the_moment(tmp_path: Path, planned: str, open_file: Any) -> None:
    from spa2v.core.media.video import write_video

    run = Pipeline.from_preset("storyboard")
    with run.recorded(tmp_path / "run") as (_, manifest):
        layout = VideoSceneLayout.loads(planned)
        (tmp_path / "run" / "layout.json").write_text(planned)
        write_video(tmp_path / "run" / "video.mp4", run.render(layout))
        manifest.output("video", tmp_path / "run" / "video.mp4")
        manifest.data["config"]["motion_backbone"]["name"] = "another"  # a storyboard's picture has its own boxes
    path = tmp_path / "report.html"
    path.write_text(run_page(tmp_path / "run"))
    page = open_file(path)
    page.wait_for_selector(".player svg rect.box")
    x = float(page.locator(".player svg rect.box").get_attribute("x").rstrip("%"))
    assert x == pytest.approx(100 * layout.at(0.0).get("car_0").box.x1, abs=0.01)


def test_the_notebook_view_plays(tmp_path: Path, planned: str, open_file: Any) -> None:
    layout = VideoSceneLayout.loads(planned)
    path = tmp_path / "cell.html"
    path.write_text(f"<!doctype html><meta charset='utf-8'>{layout._repr_html_()}")
    page = open_file(path)
    frame = page.frame_locator("iframe")
    box = frame.locator("svg rect.box")
    first = box.get_attribute("x")
    frame.locator("#at").fill("3.75")
    page.wait_for_timeout(200)
    last = box.get_attribute("x")
    assert float(last.rstrip("%")) > float(first.rstrip("%")) + 20
    frame.locator("#play").click()
    page.wait_for_timeout(300)
    assert float(frame.locator("#at").input_value()) != 3.75


def test_cues_in_a_notebook(tmp_path: Path, open_file: Any) -> None:
    pipeline = Pipeline.from_preset()
    path = tmp_path / "cell.html"
    path.write_text(
        f"<!doctype html><meta charset='utf-8'>{pipeline.measure(pipeline.read(demo_recording()))._repr_html_()}"
    )
    page = open_file(path)
    assert page.frame_locator("iframe").locator("polyline.curve").count() >= 3
