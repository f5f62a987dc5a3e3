"""Spatial alignment, track IoU and flicker."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from spa2v.core.types import AudioClip, Box, GeneratedVideo, KeyFrame, SceneObject
from spa2v.plugins.metrics.flicker import Flicker, box_jitter, brightness_flicker, warp_errors
from spa2v.plugins.metrics.spatial_alignment import SpatialAlignment, heard, spatial_alignment
from spa2v.plugins.metrics.track_iou import Tracks, track_iou
from tests.kit.scored_clips import score_frames

RATE, SECONDS, FRAMES = 22_050, 2.0, 16


def _sound(place: np.ndarray | float, delay_us: float = 0.0, level_db: float = 8.0) -> AudioClip:
    """Noise whose right channel is louder by place * level_db and earlier by delay_us."""
    count = int(RATE * SECONDS)
    mono = np.random.default_rng(0).normal(0, 0.1, count + 200)
    gain = 10 ** (np.broadcast_to(place, count) * level_db / 40)
    shift = round(delay_us * 1e-6 * RATE)
    left, right = mono[100 : 100 + count], mono[100 + shift : 100 + shift + count]
    return AudioClip(np.stack([left / gain, right * gain]), RATE)


def _frames(*paths: np.ndarray | float, names: tuple[str, ...] = ("car", "bus", "dog")) -> tuple[KeyFrame, ...]:
    """Things whose centers follow paths in -1..1."""
    tracks = [np.broadcast_to(path, FRAMES) * 0.4 + 0.5 for path in paths]
    return tuple(
        KeyFrame(
            i * SECONDS / FRAMES,
            "",
            tuple(
                SceneObject(f"t{k}", names[k], Box(float(x[i]) - 0.05, 0.4, float(x[i]) + 0.05, 0.6))
                for k, x in enumerate(tracks)
            ),
        )
        for i in range(FRAMES)
    )


RISE = np.linspace(-1, 1, int(RATE * SECONDS))
PATH = np.linspace(-1, 1, FRAMES)


@pytest.mark.parametrize("audio", [_sound(1.0), _sound(0.0, delay_us=400.0)], ids=["level", "delay"])
def test_sides_are_heard_by_level_and_by_delay(audio: AudioClip) -> None:
    assert (heard(audio, FRAMES, SECONDS).place > 0.5).all()
    assert (heard(audio.swapped(), FRAMES, SECONDS).place < -0.5).all()
    right, left, middle = (spatial_alignment(audio, _frames(x), SECONDS) for x in (0.8, -0.8, 0.0))
    assert (right.value, left.value, middle.value) == (1.0, 0.0, 0.5)
    assert right.motion is None


def test_motion_is_compared_with_what_is_heard() -> None:
    along = spatial_alignment(_sound(RISE), _frames(PATH), SECONDS)
    against = spatial_alignment(_sound(RISE), _frames(-PATH), SECONDS)
    assert along.motion is not None
    assert against.motion is not None
    assert along.motion > 0.95
    assert against.motion < -0.95
    assert along.value > 0.9 > 0.2 > against.value  # type: ignore[operator]


def test_mirroring_both_changes_nothing() -> None:
    audio, frames = _sound(RISE), _frames(PATH**2, -0.5)
    mirrored = tuple(
        KeyFrame(f.time_s, "", tuple(SceneObject(o.id, o.name, o.box.mirrored()) for o in f.objects)) for f in frames
    )
    first, second = spatial_alignment(audio, frames, SECONDS), spatial_alignment(audio.swapped(), mirrored, SECONDS)
    assert first.value == pytest.approx(second.value)


def test_one_thing_at_each_side_sounds_from_the_middle() -> None:
    audio = AudioClip(_sound(0.0).samples + 1e-3 * np.random.default_rng(1).normal(size=(2, int(RATE * SECONDS))), RATE)
    assert spatial_alignment(audio, _frames(-0.8, 0.8), SECONDS).value == 1.0
    assert spatial_alignment(audio, _frames(0.8), SECONDS).value == 0.5
    assert spatial_alignment(_sound(1.0), _frames(-0.8, 0.8), SECONDS, sounding={"car"}).value == 0.0


def test_what_cannot_be_told_has_no_value_and_a_reason() -> None:
    mono = AudioClip(_sound(0.0).samples[:1], RATE)
    dual = AudioClip(np.repeat(mono.samples, 2, axis=0), RATE)
    silent = AudioClip(np.zeros((2, RATE)), RATE)
    for audio, reason in (
        (mono, "Both channels are alike: the sound has no side."),
        (dual, "Both channels are alike: the sound has no side."),
        (silent, "The sound is silent."),
    ):
        score = score_frames(SpatialAlignment(), _frames(0.8), audio=audio, duration_s=SECONDS)
        assert (score.value, score.flags, score.reasons) == (None, ("no_lateral_evidence",), (reason,))
    unseen = score_frames(SpatialAlignment(), _frames(), audio=_sound(1.0), duration_s=SECONDS)
    assert (unseen.value, unseen.flags) == (0.0, ("nothing_seen",))
    assert unseen.reasons[0] == "Nothing is seen in any frame."
    moving = score_frames(SpatialAlignment(), _frames(PATH), audio=_sound(RISE), duration_s=SECONDS)
    assert moving.reasons[0].startswith("Sides agree to ")
    assert moving.reasons[1].startswith("The azimuth of the sound and the position in the picture correlate by ")


def test_track_iou_sees_identity_and_counts_missing_tracks() -> None:
    apart = _frames(-0.8, 0.8, names=("car", "car"))
    half = FRAMES // 2
    crossed = tuple(
        frame
        if i < half
        else KeyFrame(frame.time_s, "", tuple(SceneObject(a.id, a.name, b.box) for a, b in _swap(frame)))
        for i, frame in enumerate(apart)
    )
    tracks, swapped = Tracks.of_frames(apart), Tracks.of_frames(crossed)
    assert track_iou(tracks, tracks) == pytest.approx(1.0)
    assert track_iou(tracks, swapped) == pytest.approx(1 / 3)  # half of each volume is shared
    assert track_iou(tracks, Tracks.of_frames(_frames(-0.8))) == pytest.approx(0.5)
    assert track_iou(tracks, Tracks.of_frames(_frames(-0.8, names=("bus",)))) == 0.0
    assert track_iou(tracks, Tracks.of_frames(_frames())) == 0.0
    assert track_iou(Tracks.of_frames(_frames()), Tracks.of_frames(_frames())) == 1.0


def _swap(frame: KeyFrame) -> list[tuple[SceneObject, SceneObject]]:
    return list(zip(frame.objects, frame.objects[::-1], strict=True))


def test_a_track_that_comes_late_loses_its_absent_part() -> None:
    full = _frames(0.0)
    late = tuple(frame if i >= 4 else KeyFrame(frame.time_s) for i, frame in enumerate(full))
    assert track_iou(Tracks.of_frames(full), Tracks.of_frames(late)) == pytest.approx(12 / 16)


def _drift(step: float, noise: float = 0.0, flash: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    x, y = np.arange(96)[None], np.arange(64)[:, None]
    frames = []
    for i in range(6):
        wave = 128 + 50 * np.sin(2 * np.pi * (x - step * i) / 24) + 40 * np.cos(2 * np.pi * y / 20)
        frames.append(wave + noise * rng.normal(size=wave.shape) + flash * (i % 2))
    return np.repeat(np.clip(np.stack(frames), 0, 255).astype(np.uint8)[..., None], 3, axis=3)


def test_motion_is_no_flicker_but_noise_and_flashes_are() -> None:
    pytest.importorskip("cv2")
    still, moving, noisy, flashing = (
        score_frames(Flicker(), _frames(0.0), video=GeneratedVideo(frames, 8.0)).value
        for frames in (_drift(0.0), _drift(1.5), _drift(1.5, noise=20.0), _drift(1.5, flash=40.0))
    )
    assert still < 1e-3  # type: ignore[operator]
    assert moving < 0.01  # type: ignore[operator]
    assert noisy > 5 * moving  # type: ignore[operator]
    assert flashing > 5 * moving  # type: ignore[operator]
    plain = np.abs(np.diff(_drift(1.5)[..., 0].astype(float), axis=0)).mean() / 255
    assert moving < plain / 4  # type: ignore[operator]


def _texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    waves = gaussian_filter(rng.normal(size=(height, width)), 6)
    return np.clip(128 + 45 * waves / waves.std(), 0, 255)


def test_what_is_covered_or_uncovered_does_not_count() -> None:
    pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    ground, thing = _texture(rng, 96, 160), _texture(rng, 48, 48)
    frames = np.stack([ground] * 3).astype(np.uint8)
    for i in range(3):
        frames[i, 24:72, 30 + 16 * i : 78 + 16 * i] = thing
    assert warp_errors(np.repeat(frames[..., None], 3, axis=3)).max() < 0.02


def test_flicker_of_one_frame_is_not_defined() -> None:
    pytest.importorskip("cv2")
    score = score_frames(Flicker(), _frames(0.0)[:1], video=GeneratedVideo(_drift(0.0)[:1], 8.0))
    assert (score.value, score.flags) == (None, ("no_comparable_frames",))
    assert score.details == {"pairs": [], "brightness": 0.0, "box_jitter": 0.0}
    assert len(warp_errors(_drift(0.0)[:1])) == 0


def test_brightness_flicker_ignores_fades() -> None:
    fade = np.stack([np.full((8, 8, 3), 10 * i, dtype=np.uint8) for i in range(6)])
    flash = np.stack([np.full((8, 8, 3), 51 * (i % 2), dtype=np.uint8) for i in range(6)])
    assert brightness_flicker(fade) == pytest.approx(0.0, abs=1e-12)
    assert brightness_flicker(flash) == pytest.approx(0.4)


def test_box_jitter_ignores_even_motion() -> None:
    assert box_jitter(_frames(PATH)) == pytest.approx(0.0, abs=1e-12)
    trembling = box_jitter(_frames(PATH * 0.5 + 0.1 * (-1.0) ** np.arange(FRAMES)))
    assert trembling == pytest.approx(0.1 * 0.4 * 4 / 2)  # x edges bend by 4 amplitudes, y edges do not
    assert box_jitter(_frames()) == box_jitter(_frames(0.0)[:2]) == 0.0
