"""Sound, cues and video: what is refused, how parts merge."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v import AudioClip, AudioError, ContractError, GeneratedVideo, SoundSource, SpatialCues, Tag, Track


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros(100), 44_100, "'x.wav': samples have shape (100,)"),
        (np.zeros((3, 4410)), 44_100, "'x.wav': samples have shape (3, 4410)"),
        (np.zeros((2, 0)), 44_100, "'x.wav': the sound is empty"),
        (np.zeros((2, 441)), 44_100, "'x.wav': the sound lasts 0.0100 s\n  at least 0.05 s are needed"),
        (np.zeros((2, 44_100)), 4_000, "'x.wav': the sample rate is 4000 Hz\n  8000 to 192000 Hz are supported"),
        (np.full((1, 44_100), np.nan), 44_100, "'x.wav': the samples hold NaN or Inf"),
        (np.full((1, 44_100), -np.inf), 44_100, "'x.wav': the samples hold NaN or Inf"),
        (np.full((1, 44_100), 1e30), 44_100, "'x.wav': the samples reach 1e+30"),
    ],
)
def test_sound_that_cannot_be_used(samples: np.ndarray, rate: int, message: str) -> None:
    with pytest.raises(AudioError) as caught:
        AudioClip(samples, rate, "x.wav")
    assert str(caught.value).startswith(message)


def test_a_clip_is_frozen_and_knows_its_sides() -> None:
    samples = np.stack([np.zeros(4410), np.ones(4410)])
    clip = AudioClip(samples, 44_100)
    samples[:] = 5
    assert clip.left.max() == 0
    assert clip.right.min() == 1
    assert clip.duration_s == pytest.approx(0.1)
    assert clip.mono == pytest.approx(np.full(4410, 0.5))
    assert (clip.swapped().left == clip.right).all()
    with pytest.raises(ValueError, match="read-only"):
        clip.samples[0, 0] = 1
    mono = AudioClip(np.ones((1, 4410)), 44_100)
    assert mono.stereo.shape == (2, 4410)
    assert (mono.left == mono.right).all()


def test_reversing_twice_changes_nothing(noise: AudioClip) -> None:
    assert (noise.reversed().reversed().samples == noise.samples).all()
    assert noise.reversed().left[0] == noise.left[-1]


@pytest.mark.parametrize(
    ("times", "values", "confidence", "message"),
    [
        ([0, 1], [1], None, "a Track has 2 times, 1 values, 1 confidences"),
        ([], [], None, "a Track has 0 times"),
        ([0, 0], [1, 1], None, "Track.times_s is not strictly increasing"),
        ([0, 1], [1, np.nan], None, "Track.values holds NaN or Inf"),
        ([0, 1], [1, 1], [0, 2], "Track.confidence leaves 0..1"),
        ([[0]], [1], None, "Track.times_s has shape (1, 1)"),
    ],
)
def test_tracks_that_are_refused(times: list, values: list, confidence: list | None, message: str) -> None:
    with pytest.raises(ContractError) as caught:
        Track(times, values, "dB", confidence)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


def test_a_track_is_read_between_its_samples() -> None:
    track = Track([0, 1], [0, 10], "dB", [1, 0])  # type: ignore[arg-type]
    assert track.at([-1, 0.5, 2]) == pytest.approx([0, 5, 10])
    assert track.confidence_at(0.25) == pytest.approx(0.75)


def test_parts_merge_into_one() -> None:
    level, pitch = Track([0.0], [-20.0], "dBFS"), Track([0.0], [440.0], "Hz")  # type: ignore[arg-type]
    one = SpatialCues(1.0, {"level": level}, {"a": 1}, tags=(Tag("car", 0.2),), notes=("quiet",))
    two = SpatialCues(
        1.0, {"pitch": pitch}, {"b": 2}, (SoundSource("s0", 1.0),), (Tag("violin", 0.9),), ("quiet", "high")
    )
    merged = SpatialCues.merge({"one": one, "two": two}, 1.0)
    assert set(merged.tracks) == {"level", "pitch"}
    assert merged.measures == {"a": 1.0, "b": 2.0}
    assert [tag.label for tag in merged.tags] == ["violin", "car"]
    assert merged.notes == ("quiet", "high")
    assert [source.id for source in merged.sources] == ["s0"]
    assert merged.to_json()["tracks"]["pitch"]["values"] == [440.0]


def test_parts_that_collide_are_refused() -> None:
    part = SpatialCues(1.0, measures={"a": 1})
    with pytest.raises(ContractError, match="two cue extractors give measure 'a': 'one' and 'two'"):
        SpatialCues.merge({"one": part, "two": part}, 1.0)


def test_cues_that_are_refused() -> None:
    with pytest.raises(ContractError, match="measures\\['a'\\] is nan"):
        SpatialCues(1.0, measures={"a": float("nan")})
    with pytest.raises(ContractError, match="duration_s is 0"):
        SpatialCues(0)
    with pytest.raises(ContractError, match="repeats an id"):
        SpatialCues(1.0, sources=(SoundSource("a", 0.5), SoundSource("a", 0.5)))
    with pytest.raises(ContractError, match="empty label"):
        Tag(" ", 0.5)
    with pytest.raises(ContractError, match=r"Tag.confidence is 1\.5"):
        Tag("car", 1.5)


@pytest.mark.parametrize(
    ("frames", "fps", "message"),
    [
        (np.zeros((4, 32, 32), np.uint8), 1.0, "frames has shape"),
        (np.zeros((0, 32, 32, 3), np.uint8), 1.0, "frames has shape"),
        (np.zeros((4, 32, 32, 3)), 1.0, "frames has type float64"),
        (np.zeros((4, 32, 32, 3), np.uint8), 0.0, "fps is 0.0"),
        (np.zeros((4, 32, 32, 3), np.uint8), float("nan"), "fps is nan"),
    ],
)
def test_videos_that_are_refused(frames: np.ndarray, fps: float, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        GeneratedVideo(frames, fps)
