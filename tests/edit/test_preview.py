"""The preview that the editor draws before a clip: what draws it, and that it shows the clip of the same seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa2v import Pipeline, VideoSceneLayout
from spa2v.core.config import Config
from spa2v.core.media.video import read_video
from spa2v.edit.preview import preview_of
from spa2v.edit.tries import Studio
from tests.kit.editing import SMALL


def config_of(preset: str, *overrides: str) -> Config:
    return Pipeline.from_preset(preset, overrides=overrides).config


@pytest.fixture
def others() -> dict[str, Config]:
    return {name: config_of(name) for name in ("storyboard", "default", "toyworld-fast", "spa2v")}


def test_the_default_has_a_preview_of_every_second_frame(others: dict[str, Config]) -> None:
    config = replace(config_of("default"), run=replace(config_of("default").run, seed=4))
    name, quick = preview_of(config, others)
    expected = config_of("toyworld-fast").motion_backbone.options | {"frames": 8, "noise_stride": 2}
    assert (name, quick.motion_backbone.options) == ("toyworld-fast", expected)
    assert (quick.run.seed, quick.grounding_injector) == (4, config.grounding_injector)


@pytest.mark.parametrize(("frames", "drawn"), [("15", 15), ("8", 8), ("auto", "auto"), ("24", 12)])
def test_previews_leave_out_frames_only_where_enough_are_left(frames: str, drawn: Any) -> None:
    override = f"motion_backbone.options.frames={frames}"
    others = {"toyworld-fast": config_of("toyworld-fast", override)}
    _, quick = preview_of(config_of("default", override), others)
    assert quick.motion_backbone.options["frames"] == drawn


@pytest.mark.parametrize(
    ("preset", "overrides"),
    [
        *(("storyboard", ()), ("spa2v", ()), ("toyworld-fast", ())),
        *(("default", ("motion_backbone.options.width=128",)), ("default", ("motion_backbone.options.steps=4",))),
        ("default", ("grounding_injector.name=ungrounded",)),
    ],
)
def test_no_preview_by_other_networks_or_in_nearly_the_same_time(
    others: dict[str, Config], preset: str, overrides: tuple[str, ...]
) -> None:
    assert preview_of(config_of(preset, *overrides), others) is None


class Drawn:
    """A studio of the small weights at a small size, its events, and the frames of previews and videos."""

    def __init__(self, folder: Path, stop_at: str = "") -> None:
        self.events: list[dict[str, Any]] = []
        self.frames: dict[tuple[str, int], np.ndarray] = {}
        self._stop_at = stop_at
        self.studio = Studio(folder, [], [*SMALL], None, self._publish)

    def _publish(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        if event["kind"] == "preview":
            self.frames["preview", event["seed"]] = read_video(self.studio.preview(event["number"])).frames
        if self._stop_at in (event["kind"], event.get("title")):
            self.studio.stop()

    def draw(self, layout: VideoSceneLayout, seed: int, preset: str = "default", preview: bool = True) -> None:
        number = self.studio.start(layout, preset, seed, preview)
        self.studio._thread.join(600)
        if self.studio.video(number).is_file():
            self.frames["video", seed] = read_video(self.studio.video(number)).frames

    @property
    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events if event["kind"] != "progress"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, planned: str) -> Drawn:
    """Two seeds of the demo."""
    found = Drawn(tmp_path_factory.mktemp("tries"))
    for seed in (3, 4):
        found.draw(VideoSceneLayout.loads(planned), seed)
    return found


def test_the_preview_is_shown_first_and_the_clip_replaces_it(drawn: Drawn) -> None:
    assert drawn.kinds == ["preview", "drawn"] * 2
    titles = [event["title"] for event in drawn.events if event["kind"] == "progress"]
    assert titles.index("preview, decoding") < titles.index("denoising")
    assert [len(drawn.frames[kind, 3]) for kind in ("preview", "video")] == [8, 16]
    assert not drawn.studio.preview(1).exists()
    assert [(item["preset"], item["seed"]) for item in drawn.studio.list()] == [("default", 3), ("default", 4)]


def test_the_preview_shows_the_clip_of_its_seed(drawn: Drawn) -> None:
    def apart(preview: int, video: int) -> float:
        whole = drawn.frames["video", video][::2].astype(float)
        return float(np.abs(drawn.frames["preview", preview] - whole).mean())

    assert apart(3, 3) < 0.8 * apart(3, 4)
    assert apart(4, 4) < 0.8 * apart(4, 3)


@pytest.mark.parametrize("moment", ["preview, denoising", "preview"])
def test_stopping_during_or_after_the_preview_leaves_nothing(tmp_path: Path, planned: str, moment: str) -> None:
    stopped = Drawn(tmp_path, stop_at=moment)
    stopped.draw(VideoSceneLayout.loads(planned), 3)
    assert stopped.kinds == [*(["preview"] if moment == "preview" else []), "stopped"]
    assert list(tmp_path.iterdir()) == []


def test_no_preview_unless_asked_or_where_a_preset_has_none(tmp_path: Path, planned: str) -> None:
    plain = Drawn(tmp_path)
    plain.draw(VideoSceneLayout.loads(planned), 3, preset="toyworld-fast")
    plain.draw(VideoSceneLayout.loads(planned), 3, preset="toyworld-fast", preview=False)
    assert plain.kinds == ["drawn", "drawn"]
    previews = {preset["name"]: preset["preview"] for preset in plain.studio.presets}
    assert previews["default"] == "toyworld-fast"
    assert set(previews.values()) == {"toyworld-fast", ""}
