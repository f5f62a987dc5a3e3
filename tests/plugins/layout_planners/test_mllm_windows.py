"""Long recordings are planned in overlapping windows, in which an object keeps its id."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from spa2v import Box, ConfigError, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.core.types import keyframe_times
from spa2v.plugins.layout_planners.mllm.windows import cut_cues, joined, spans
from tests.kit.loopback import kit
from tests.kit.loopback.kit import SERVICES, answer, planner
from tests.kit.loopback.server import serving

WHOLE_S = 60.0


def box(kind: str, time_s: float) -> list[float]:
    """Where things are at a time of the recording: a car crosses in a minute, a dog stands; a second car far right."""
    left = {"car": 0.8 * time_s / WHOLE_S, "dog": 0.4, "second": 0.85}[kind]
    top = {"car": 0.3, "dog": 0.7, "second": 0.0}[kind]
    return [left, top, left + 0.15, top + 0.2]


def window(start_s: float, end_s: float, ids: dict[str, str]) -> VideoSceneLayout:
    """What a model would plan of a part of the recording, under ids of its own choice."""
    frames = tuple(
        KeyFrame(
            float(t),
            "A street.",
            tuple(SceneObject(i, k.replace("second", "car"), Box(*box(k, start_s + t))) for k, i in ids.items()),
        )
        for t in keyframe_times(end_s - start_s, 16)
    )
    return VideoSceneLayout(end_s - start_s, "A street.", frames, "It is louder.", "translational")


@pytest.mark.parametrize(("duration_s", "count"), [(10.0, 1), (30.0, 1), (31.0, 2), (60.0, 3), (600.0, 27)])
def test_windows_cover_the_recording_and_overlap(duration_s: float, count: int) -> None:
    found = spans(duration_s, 30.0)
    assert len(found) == count
    assert (found[0][0], found[-1][1]) == (0.0, pytest.approx(duration_s))
    assert all(end - start <= 30.0 + 1e-9 for start, end in found)
    for (_, end), (start, _) in pairwise(found):
        assert end - start == pytest.approx(0.25 * (found[0][1] - found[0][0]), rel=1e-6)


def test_an_object_keeps_its_id_whatever_each_window_calls_it() -> None:
    times = spans(WHOLE_S, 30.0)
    ids = [{"car": "a", "dog": "b"}, {"second": "b", "dog": "x", "car": "7"}, {"dog": "a", "car": "b", "second": "c"}]
    layout = joined([window(*span, each) for span, each in zip(times, ids, strict=True)], times)
    assert layout.duration_s == WHOLE_S
    assert layout.names["a"] == "car"
    assert layout.names["b"] == "dog"
    assert len(layout.names) == 3
    (second,) = set(layout.names) - {"a", "b"}
    moments = np.linspace(0, WHOLE_S * 0.95, 40)
    for kind, key in (("car", "a"), ("dog", "b")):
        for moment, found in zip(moments, layout.boxes(key, moments), strict=True):
            assert found is not None
            assert np.allclose(found, box(kind, float(moment)), atol=1e-6)
    assert layout.boxes(second, [5.0]) == [None]
    assert np.allclose(layout.boxes(second, [50.0])[0], box("second", 50.0))
    assert len(layout.keyframes) > 3 * 10
    assert layout.notes[-1] == "The recording was planned in 3 overlapping windows of 24.0 s."


def test_cues_are_cut_and_begin_at_zero() -> None:
    cues = kit.cues(10.0)
    part = cut_cues(cues, 4.0, 6.0)
    assert part.duration_s == 2.0
    for name, track in part.tracks.items():
        assert track.times_s.min() >= 0.0
        assert track.times_s.max() < 2.0
        assert np.allclose(track.values, cues.tracks[name].at(track.times_s + 4.0))


@pytest.mark.parametrize("service", SERVICES)
def test_a_planner_asks_once_a_window(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    kit.use_keys(monkeypatch)
    times = spans(10.0, 4.0)
    asked = []
    for start_s, end_s in times:
        frames = [
            {"caption": "A street.", "objects": [{"id": 0, "name": "car", "box": box("car", start_s + float(t))}]}
            for t in keyframe_times(end_s - start_s, 16)
        ]
        asked.append(answer(service, json.dumps({"reasoning": "Louder.", "caption": "A street.", "frames": frames})))
    with serving(*asked) as server:
        kit.aim(monkeypatch, server)
        run = kit.quiet_run()
        made = planner(service, window_s=4.0, shots=0)
        layout = made.plan(kit.recording(seconds=10.0), kit.cues(10.0), run)
    assert len(server.requests) == len(times) == 3
    assert (layout.duration_s, len(layout.names)) == (10.0, 1)
    assert len(run.record["planner"]["windows"]) == 3
    key = next(iter(layout.names))
    for moment, found in zip((1.0, 5.0, 9.0), layout.boxes(key, (1.0, 5.0, 9.0)), strict=True):
        assert found is not None
        assert np.allclose(found, box("car", moment), atol=0.01)


def test_a_window_that_is_no_length_is_refused() -> None:
    with pytest.raises(ConfigError, match="window_s: 0"):
        planner("gemini", window_s=0)
