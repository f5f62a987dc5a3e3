"""AV-Align: onsets, motion, peaks, matching."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest

from spa2v.core.errors import MetricError, MissingDependency
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, GeneratedVideo, Score, ScoredClip
from spa2v.plugins.metrics.av_align import AVAlign, av_align, counted_onsets, video_peaks
from spa2v.plugins.metrics.flow import gray, motion
from spa2v.plugins.metrics.onsets import (
    HOP,
    RATE_HZ,
    audio_peaks,
    mel_filters,
    onset_envelope,
    peak_frames,
    resampled,
)

CLICKS_S = (0.4, 0.9, 1.35)


def _clicks(rate_hz: int = 44_100, times_s: tuple[float, ...] = CLICKS_S, channels: int = 2) -> AudioClip:
    t = np.arange(2 * rate_hz) / rate_hz
    mono = sum(np.where(t >= s, np.exp(-(t - s) / 0.03) * np.sin(2 * np.pi * 660 * (t - s)), 0.0) for s in times_s)
    return AudioClip(np.repeat(0.5 * np.asarray(mono)[None], channels, axis=0), rate_hz)


def _moving(steps: list[float], height: int = 64, width: int = 96) -> np.ndarray:
    x, y = np.arange(width)[None], np.arange(height)[:, None]
    shifts = np.cumsum(steps)
    wave = [
        128 + 60 * np.sin(2 * np.pi * (x - s) / 24) + 50 * np.cos(2 * np.pi * (y + 0.5 * (x - s)) / 20) for s in shifts
    ]
    return np.repeat(np.clip(np.stack(wave), 0, 255).astype(np.uint8)[..., None], 3, axis=3)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100, 48_000])
def test_onsets_are_found_at_their_times_at_any_rate(rate_hz: int) -> None:
    found = audio_peaks(_clicks(rate_hz))
    assert len(found) == len(CLICKS_S)
    np.testing.assert_allclose(found, CLICKS_S, atol=2 * HOP / RATE_HZ)


def test_silence_and_a_steady_tone_have_no_onsets() -> None:
    assert len(audio_peaks(AudioClip(np.zeros((2, 22_050)), 22_050))) == 0
    assert len(peak_frames(np.zeros(40))) == 0
    assert len(peak_frames(np.array([0.0, np.nan, 1.0]))) == 0
    assert len(peak_frames(np.zeros(0))) == 0


def test_the_envelope_has_three_leading_zeros_and_a_value_a_frame() -> None:
    envelope = onset_envelope(np.random.default_rng(0).normal(size=10_000))
    assert envelope.shape == (1 + 10_000 // HOP,)
    assert (envelope[:3] == 0).all()
    assert (envelope[3:] > 0).all()


def test_mel_filters_are_triangles_of_equal_area() -> None:
    filters = mel_filters()
    assert filters.shape == (128, 1_025)
    high = filters[60:].sum(axis=1) * RATE_HZ / 2_048
    np.testing.assert_allclose(high, 1.0, atol=0.05)
    assert (np.diff(filters.argmax(axis=1)) >= 0).all()


def test_resampling_keeps_the_band_and_drops_what_lies_above() -> None:
    t = np.arange(44_100) / 44_100
    low, high = (resampled(np.sin(2 * np.pi * hertz * t), 44_100)[2_000:-2_000] for hertz in (5_000, 12_000))
    assert np.sqrt(2) * low.std() == pytest.approx(1.0, abs=1e-5)
    assert high.std() < 1e-5
    samples = np.arange(5.0)
    np.testing.assert_array_equal(resampled(samples, RATE_HZ), samples)


def test_peak_frames_by_hand() -> None:
    envelope = np.zeros(30)
    envelope[[5, 6, 20]] = 0.9, 1.0, 0.5
    np.testing.assert_array_equal(peak_frames(envelope), [5, 20])  # 6 is nearer than two frames to 5
    envelope[20] = 0.07
    np.testing.assert_array_equal(peak_frames(envelope), [5])


def test_video_peaks_by_hand() -> None:
    series = np.array([1.0, 1.0, 3.0, 0.2, 0.05, 0.09, 0.02, 2.0, 2.0, 0.5])
    np.testing.assert_allclose(video_peaks(series, 10.0), [0.2])
    np.testing.assert_allclose(video_peaks(series, 10.0, "2023"), [0.2, 0.5])
    assert all(len(video_peaks(np.ones(count), 8.0)) == 0 for count in (0, 1, 2, 3))


def test_matching_rules() -> None:
    onsets, peaks = np.array([0.45, 0.5, 0.55]), np.array([0.5])
    assert counted_onsets(onsets, peaks, 8.0) == 1
    assert counted_onsets(onsets, peaks, 8.0, "2023") == 3
    assert av_align(onsets, peaks, 8.0) == pytest.approx(1 / 3)
    assert av_align(onsets, peaks, 8.0, "2023") == pytest.approx(3.0)
    edge = np.array([0.375, 0.625])  # the window is open
    assert av_align(edge, peaks, 8.0) == 0.0


def test_edge_cases() -> None:
    none, some = np.zeros(0), np.array([0.5])
    assert av_align(none, none, 8.0) == 0.0
    assert np.isnan(av_align(none, none, 8.0, nothing=float("nan")))
    assert av_align(none, some, 8.0) == av_align(some, none, 8.0) == 0.0
    with pytest.raises(MetricError, match=r"^rule: 'new'\n  expected current or 2023$"):
        av_align(some, some, 8.0, "new")  # type: ignore[arg-type]


def test_motion_measures_the_shift() -> None:
    pytest.importorskip("cv2")
    series = motion(_moving([0.0, 0.5, 1.0, 2.0, 1.0]))
    np.testing.assert_allclose(series, [0.5, 0.5, 1.0, 2.0, 1.0], atol=0.06)
    np.testing.assert_array_equal(motion(_moving([0.0])), [0.0])
    assert gray(np.full((1, 4, 4, 3), [255, 0, 0], dtype=np.uint8))[0, 0, 0] == 76


def _score(video: GeneratedVideo) -> Score:
    (values,) = AVAlign().score([ScoredClip("c", stage=2, video=video, audio=_clicks())], Run())
    return values["av_align"]


def test_a_clip_with_motion_on_its_onsets_scores_higher() -> None:
    pytest.importorskip("cv2")
    fps = 10.0
    on, off = ([0.02] * 20 for _ in range(2))
    for time_s in CLICKS_S:
        on[round(time_s * fps)] = 2.0
        off[round((time_s + 0.25) * fps)] = 2.0
    scores = [_score(GeneratedVideo(_moving(steps), fps)) for steps in (on, off)]
    assert scores[0].value == 1.0
    assert scores[1].value == 0.0
    assert scores[0].reasons == ("3 of 3 onsets match one of 3 motion peaks within 0.100 s.",)
    assert len(scores[0].details["motion_px"]) == 20


def test_onsets_after_the_video_do_not_count_and_coarse_frames_are_told() -> None:
    pytest.importorskip("cv2")
    video = GeneratedVideo(_moving([0.0, 0.0]), 2.0)
    score = _score(video)
    assert score.value == 0.0
    assert score.flags == ("no_motion_peaks", "coarse_frames")
    assert len(score.details["onsets_s"]) == 2
    assert "At 2 frames a second" in score.reasons[1]


def test_without_opencv_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "cv2":
            raise ImportError("No module named 'cv2'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDependency) as caught:
        motion(np.zeros((2, 8, 8, 3), dtype=np.uint8))
    assert str(caught.value) == (
        "optical flow needs the package 'opencv-python-headless'\n  pip install 'spa2v[metrics]'"
    )
