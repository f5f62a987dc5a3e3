"""Long recordings are planned in overlapping windows, in which an object keeps its id."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from spa2v import AudioClip, Box, ConfigError, KeyFrame, PlannerError, SceneObject, VideoSceneLayout
from spa2v.core.types import keyframe_times
from spa2v.core.types.layout import MAX_KEYFRAMES
from spa2v.plugins.layout_planners.mllm.planner import silent_layout
from spa2v.plugins.layout_planners.mllm.windows import cut_cues, joined, keyframes_each, spans
from tests.kit.loopback import kit
from tests.kit.loopback.kit import SERVICES, answer, planner
from tests.kit.loopback.server import Act, serving

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
    assert (found[0][0], found[-1][1]) == (0.0, duration_s)
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


@pytest.mark.parametrize("samples", range(500_000, 9_600_000, 77_777))
def test_the_last_window_ends_exactly_with_the_recording(samples: int) -> None:
    assert spans(samples / 16_000, 30.0)[-1][1] == samples / 16_000


@pytest.mark.parametrize("wanted", [1, 16, 128])
@pytest.mark.parametrize("minutes", [1, 40, 120])
def test_a_layout_of_any_length_holds_its_key_frames(wanted: int, minutes: int) -> None:
    times = spans(minutes * 60.0, 30.0)
    each = keyframes_each(wanted, len(times))
    assert 1 <= each <= wanted
    layout = joined([silent_layout(end - start, each) for start, end in times], times)
    assert len(times) <= len(layout.keyframes) <= MAX_KEYFRAMES
    assert layout.duration_s == minutes * 60.0


def test_too_many_windows_are_refused_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    kit.use_keys(monkeypatch)
    audio = kit.recording(seconds=800.0)
    with serving(answer("gemini")) as server:
        kit.aim(monkeypatch, server)
        with pytest.raises(ConfigError, match=r"^window_s: the recording has \d+ windows"):
            planner("gemini", window_s=1.0).plan(audio, kit.cues(800.0), kit.quiet_run())
    assert server.requests == []


@pytest.mark.parametrize("service", SERVICES)
def test_without_windows_a_long_recording_is_one_conversation(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    kit.use_keys(monkeypatch)
    with serving(answer(service)) as server:
        kit.aim(monkeypatch, server)
        made = planner(service, window_s=None)
        layout = made.plan(kit.recording(seconds=40.0), kit.cues(40.0), kit.quiet_run())
    assert len(server.requests) == 1
    assert b"of a recording of" not in server.requests[0].body
    assert layout.duration_s == 40.0


@pytest.mark.parametrize("service", SERVICES)
def test_each_window_says_which_part_it_is(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    kit.use_keys(monkeypatch)
    with serving(answer(service)) as server:
        kit.aim(monkeypatch, server)
        planner(service, window_s=4.0).plan(kit.recording(seconds=10.0), kit.cues(10.0), kit.quiet_run())
    notes = [f"This is {part} s of a recording of 10.0 s" for part in ("0.0 to 4.0", "3.0 to 7.0", "6.0 to 10.0")]
    for request, note in zip(server.requests, notes, strict=True):
        assert note in request.body.decode()


def test_a_silent_window_is_neither_sent_nor_taken_for_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    kit.use_keys(monkeypatch)
    samples = kit.recording(seconds=10.0).samples.copy()
    samples[:, 70_000:] = 0.0
    with serving(answer("gemini")) as server:
        kit.aim(monkeypatch, server)
        made = planner("gemini", window_s=4.0)
        layout = made.plan(AudioClip(samples, kit.RATE), kit.cues(10.0), kit.quiet_run())
    assert len(server.requests) == 2
    assert layout.notes[0] == "6.0 to 10.0 s are silent: nothing is planned there."
    assert "empty" not in layout.caption.lower()
    assert layout.at(9.0).objects == ()


def test_windows_paid_for_stay_in_the_record_when_a_later_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    kit.use_keys(monkeypatch)
    refusal = Act(403, {"error": {"code": 403, "message": "no", "status": "PERMISSION_DENIED"}})
    run = kit.quiet_run()
    with serving(answer("gemini"), answer("gemini"), refusal) as server:
        kit.aim(monkeypatch, server)
        with pytest.raises(PlannerError, match="403"):
            planner("gemini", window_s=4.0).plan(kit.recording(seconds=10.0), kit.cues(10.0), run)
    record = run.record["planner"]
    assert [len(window["answers"]) for window in record["windows"]] == [1, 1, 0]
    assert record["clip_cost_usd_estimated"] == pytest.approx(
        sum(window["clip_cost_usd_estimated"] for window in record["windows"])
    )
    assert record["clip_cost_usd_estimated"] > 0


@pytest.mark.parametrize("value", [0, float("nan"), True, "long"])
def test_a_window_that_is_no_length_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match=rf"^window_s: {value!r}\n  expected seconds, 1 or more, or null"):
        planner("gemini", window_s=value)
