"""What notebooks show: a sealed frame with a player, or the cues."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest

from spa2v import Box, GeneratedVideo, KeyFrame, SceneObject, SpatialCues, Tag, Track, VideoSceneLayout
from spa2v.core.pipeline import Result

HOSTILE = '</script><img src=x onerror="alert(1)">\'"&lt;'


def layout(name: str = "car") -> VideoSceneLayout:
    frames = [KeyFrame(t, name, (SceneObject("a", name, Box(t / 4, 0.2, t / 4 + 0.3, 0.8)),)) for t in (0.0, 2.0)]
    return VideoSceneLayout(2.0, name, tuple(frames), name)


def page_of(value: object) -> str:
    """The page in the frame."""
    shown = value._repr_html_()  # type: ignore[attr-defined]
    match = re.fullmatch(
        r'<iframe sandbox="allow-scripts" srcdoc="([^"]*)" style="[^"]*" title="spa2v"></iframe>', shown
    )
    assert match
    return html.unescape(match[1])


@pytest.fixture
def video() -> GeneratedVideo:
    return GeneratedVideo(np.zeros((4, 32, 48, 3), np.uint8), 2.0)


def test_a_layout_has_a_player_with_its_boxes() -> None:
    page = page_of(layout())
    assert 'id="play"' in page
    assert '"id": "a"' in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_a_video_is_held_in_the_page(video: GeneratedVideo) -> None:
    assert 'src="data:video/mp4;base64,' in page_of(video)


def test_a_result_shows_boxes_over_its_video(video: GeneratedVideo) -> None:
    page = page_of(Result(SpatialCues(2.0), layout(), video))
    assert "data:video/mp4" in page
    assert 'id="overlay"' in page


def test_cues_show_their_curves_and_tags() -> None:
    track = Track(np.arange(5.0), np.arange(5.0), "dBFS")
    page = page_of(SpatialCues(5.0, {"level": track}, tags=(Tag("engine", 0.9),), notes=(HOSTILE,)))
    assert "polyline" in page
    assert "engine (0.9)" in page
    assert "<img" not in page


def test_hostile_names_stay_text() -> None:
    page = page_of(layout(HOSTILE))
    assert "<img" not in page
    assert page.count("</script>") == 2
