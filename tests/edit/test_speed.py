"""What the browser's own trace says of loading and dragging; figures go to a file and are never asserted as times."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa2v import AudioClip, Pipeline
from spa2v.core.media.audio import read_audio, write_audio
from spa2v.demo import demo_recording
from tests.edit.test_page import wait
from tests.kit.editing import serving

pytestmark = pytest.mark.browser

OUT = "SPA2V_BROWSER_REPORT"
"""Names a JSON file for the figures."""


def recording(path: Path, duration_s: float) -> Path:
    """The demo's car, again and again."""
    clip = read_audio(demo_recording())
    count = round(duration_s * clip.sample_rate)
    write_audio(
        path, AudioClip(np.tile(clip.samples, (1, -(-count // clip.samples.shape[1])))[:, :count], clip.sample_rate)
    )
    return path


def loaded_ms(page: Any) -> float:
    """From the start of the navigation to the page that can be used."""
    return page.evaluate("performance.getEntriesByName('spa2v-ready')[0].startTime")


def frames_of_drag(chromium: Any, page: Any) -> dict[str, float]:
    """Frames a second while a box is dragged for about two seconds, and the slowest pieces of work in the trace."""
    page.evaluate(
        """() => {
          globalThis.stamps = [];
          const tick = (time) => { stamps.push(time); requestAnimationFrame(tick); };
          requestAnimationFrame(tick);
        }"""
    )
    area = page.locator("svg.thing").first.bounding_box()
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    chromium.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
    page.mouse.move(x, y)
    page.mouse.down()
    first = page.evaluate("stamps.length")
    for step in range(120):
        page.mouse.move(x + 60 * np.sin(step / 8), y + 20 * np.cos(step / 8))
    last = page.evaluate("stamps.length")
    page.mouse.up()
    trace = json.loads(chromium.stop_tracing())
    stamps = page.evaluate("stamps")[first:last]
    gaps = np.diff(stamps)
    names = ("FunctionCall", "UpdateLayoutTree", "Layout", "Paint", "PrePaint", "Layerize", "Commit")
    work = [event["dur"] / 1000 for event in trace["traceEvents"] if event.get("name") in names and "dur" in event]
    return {
        "frames": len(stamps),
        "fps": round(1000 / float(np.mean(gaps)), 1),
        "p95_gap_ms": round(float(np.percentile(gaps, 95)), 1),
        "work_a_frame_ms": round(sum(work) / max(1, len(stamps)), 2),
        "longest_work_ms": round(max(work), 2),
    }


def keep(name: str, values: dict[str, Any]) -> None:
    if path := os.environ.get(OUT):
        target = Path(path)
        found = json.loads(target.read_text()) if target.exists() else {}
        found["machine"] = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
        target.write_text(json.dumps(found | {name: values}, indent=1) + "\n")


def test_a_clip_of_ten_seconds_loads_and_drags(tmp_path: Path, chromium: Any, new_page: Any) -> None:
    path = tmp_path / "plan.json"
    sound = recording(tmp_path / "ten.flac", 10.0)
    pipeline = Pipeline.from_preset()
    path.write_text(pipeline.plan(pipeline.read(sound)).dumps())
    with serving(path, sound) as served:
        page = new_page(served)
        times = [loaded_ms(page)]
        for _ in range(4):
            page.reload()
            page.wait_for_selector("body.ready")
            times.append(loaded_ms(page))
        figures = frames_of_drag(chromium, page)
    assert figures["frames"] > 10
    keep("ten_seconds", {"first_load_ms": round(times[0]), "load_ms": round(float(np.median(times[1:]))), **figures})


@pytest.mark.slow
def test_ten_minutes_open_and_can_be_edited(tmp_path: Path, chromium: Any, new_page: Any) -> None:
    path = tmp_path / "plan.json"
    sound = recording(tmp_path / "long.flac", 600.0)
    pipeline = Pipeline.from_preset()
    path.write_text(pipeline.plan(pipeline.read(sound)).dumps())
    with serving(path, sound) as served:
        page = new_page(served)
        time = loaded_ms(page)
        assert page.locator("#duration").text_content() == "10:00.00"
        assert page.evaluate("document.querySelector('#lane-wave path.wave').getAttribute('d').length") > 5_000
        page.evaluate("spa2vEditor.seek(432.1)")
        page.keyboard.press("+")
        page.keyboard.press("+")
        page.keyboard.press("k")
        page.keyboard.press("Space")
        wait(page, "spa2vEditor.store.time > 432.2")
        page.keyboard.press("Space")
        figures = frames_of_drag(chromium, page)
    keep("ten_minutes", {"first_load_ms": round(time), **figures})
