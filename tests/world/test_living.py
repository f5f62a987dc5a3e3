"""Animals and walking people: their shapes, their steps and their voices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pytest
from scipy import signal

from spa2v.world.drawing import birds, people, render
from spa2v.world.drawing.parts import Figure
from spa2v.world.synth import SYNTHESIZERS, voices
from spa2v.world.synth import birds as bird_voices
from spa2v.world.synth.tools import Samples


def _alone(made: Callable[[int, str | None, bool], Figure], seed: int, moving: bool) -> Figure:
    return made(seed, None, moving)


FIGURES: Mapping[str, Callable[[int, bool], Figure]] = {
    **render.LIVING,
    **{name: partial(_alone, made) for name, made in render.PLAYERS.items()},
}
HEIGHTS_M = {
    "dog": 0.9,
    "cat": 0.62,
    "horse": 2.25,
    "cow": 1.7,
    "sheep": 1.05,
    "child": 1.2,
    "woman": 1.76,
    "man": 1.82,
}
VOICES: Mapping[str, Callable[[np.random.Generator, int, int], Samples]] = {
    **{name: SYNTHESIZERS[name] for name in render.LIVING if name != "bird"},
    "songbird": bird_voices.songbird,
    "crow": bird_voices.crow,
}
RATE = 32_000


def points(figure: Figure, time_s: float = 0.0, way_m: float = 0.0) -> np.ndarray:
    return np.concatenate([part.points_at(time_s, way_m) for part in figure.parts])


def colors(figure: Figure) -> np.ndarray:
    return np.concatenate([part.mesh.colors for part in figure.parts])


def voiced(name: str, seed: int, seconds: float = 4.0) -> Samples:
    return VOICES[name](np.random.default_rng(seed), int(seconds * RATE), RATE)


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_finite_and_stays_above_the_ground_and_near_its_footprint(name: str, moving: bool) -> None:
    for seed in range(8):
        figure = FIGURES[name](seed, moving)
        for step in range(8):
            places = points(figure, 0.13 * step, 0.21 * step)
            assert np.isfinite(places).all()
            assert places[:, 1].min() > -0.06
            normals = np.concatenate([part.normals_at(0.13 * step, 0.21 * step) for part in figure.parts])
            assert np.linalg.norm(normals, axis=1).max() < 1.0 + 1e-6
        assert figure.footprint.shape[1] == 3
        assert not figure.footprint[:, 1].any()
        assert np.abs(figure.footprint).max() <= np.abs(places).max() + 0.2


@pytest.mark.parametrize("name", HEIGHTS_M)
def test_a_figure_is_as_tall_as_its_kind_and_has_its_feet_on_the_ground(name: str) -> None:
    heights = points(FIGURES[name](1, True))[:, 1]
    assert heights.max() == pytest.approx(HEIGHTS_M[name], rel=0.08)
    assert heights.min() == pytest.approx(0.0, abs=0.06)


@pytest.mark.parametrize("name", FIGURES)
def test_seeds_give_different_colors_and_the_same_seed_the_same_figure(name: str) -> None:
    drawn = [FIGURES[name](seed, True) for seed in range(12)]
    assert len({colors(figure).tobytes() for figure in drawn}) >= 4
    again = FIGURES[name](3, True)
    assert np.array_equal(points(again, 0.4, 0.7), points(drawn[3], 0.4, 0.7))
    assert np.array_equal(colors(again), colors(drawn[3]))


@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"bird"}))
def test_legs_follow_the_way_and_a_stride_later_they_are_where_they_were(name: str) -> None:
    figure = FIGURES[name](2, True)
    start = points(figure)
    feet = start[:, 1] < 0.12 * start[:, 1].max()
    travels = [np.abs(points(figure, 0.0, way)[feet, 0] - start[feet, 0]).max() for way in np.arange(0.05, 3.0, 0.05)]
    assert max(travels) > 0.1 * start[:, 1].max()
    assert min(travels[5:]) < 0.25 * max(travels)  # the step repeats
    standing = FIGURES[name](2, False)
    assert np.array_equal(points(standing, 0.3, 0.0), points(standing, 0.3, 0.9))


@pytest.mark.parametrize("name", FIGURES)
def test_what_does_not_travel_still_moves_a_little_and_is_posed_differently(name: str) -> None:
    standing = FIGURES[name](2, False)
    assert 0.003 < np.abs(points(standing, 0.7) - points(standing, 0.1)).max() < 0.5
    walking = FIGURES[name](2, True)
    assert points(walking).shape != points(standing).shape or not np.allclose(points(walking), points(standing))


def test_wings_flap_with_time_and_fold_when_the_bird_sits() -> None:
    flying = birds.bird(4, True)
    spans = [np.ptp(points(flying, time)[:, 2]) for time in np.arange(0, 1, 0.05)]
    tips = [points(flying, time)[np.abs(points(flying, 0.0)[:, 2]).argmax(), 1] for time in np.arange(0, 1, 0.05)]
    assert max(spans) > 1.2
    assert np.ptp(tips) > 0.5
    assert np.ptp(points(birds.bird(4, False))[:, 2]) < 0.4


def test_a_child_is_smaller_than_adults_with_a_larger_head_for_its_height() -> None:
    child, woman = (points(FIGURES[name](5, True))[:, 1].max() for name in ("child", "woman"))
    assert 0.6 < child / woman < 0.75


def test_who_stands_faces_the_camera_and_who_walks_faces_the_way() -> None:
    standing, walking = (points(people.child(1, moving)) for moving in (False, True))
    toes = [places[places[:, 1] < 0.06] for places in (standing, walking)]
    assert abs(toes[0][:, 2].min()) > 1.3 * toes[0][:, 2].max()  # toes point to the camera, at -z
    assert np.ptp(standing[:, 0]) > np.ptp(standing[:, 2])


@pytest.mark.parametrize("name", VOICES)
def test_a_voice_is_finite_the_same_for_a_seed_and_another_for_the_next(name: str) -> None:
    first, again, other = (voiced(name, seed, 2.0) for seed in (1, 1, 2))
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


@pytest.mark.parametrize("name", VOICES)
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_voice_fits_any_rate_and_length(name: str, rate: int) -> None:
    assert len(VOICES[name](np.random.default_rng(3), 777, rate)) == 777
    assert np.abs(VOICES[name](np.random.default_rng(3), 2 * rate, rate)).max() > 0.1


def envelope(sound: Samples, smooth_s: float) -> np.ndarray:
    """The loudness over time, smoothed."""
    window = signal.windows.hann(int(smooth_s * RATE))
    return np.sqrt(signal.fftconvolve(np.square(sound, dtype=np.float64), window / window.sum(), "same").clip(0))


def test_a_baa_trembles_eight_to_ten_times_a_second() -> None:
    for seed in range(4):
        loud = envelope(voiced("sheep", seed, 8.0), 0.02)
        frequencies, power = signal.welch(loud, RATE, nperseg=2 * RATE, nfft=4 * RATE)
        inside = (frequencies > 5) & (frequencies < 16)
        assert 8.0 <= frequencies[inside][power[inside].argmax()] <= 10.3


def test_barks_are_short_bursts_with_pauses() -> None:
    for seed in range(4):
        loud = envelope(voiced("dog", seed, 8.0), 0.03)
        peaks, _ = signal.find_peaks(loud, height=0.4 * loud.max(), distance=int(0.12 * RATE))
        widths = signal.peak_widths(loud, peaks, rel_height=0.5)[0] / RATE
        assert len(peaks) >= 8
        assert np.median(widths) < 0.25
        assert np.quantile(loud, 0.1) < 0.05 * loud.max()


def test_birdsong_lies_between_two_and_seven_kilohertz_and_a_crow_below() -> None:
    for seed in range(4):
        power = {}
        for name in ("songbird", "crow"):
            frequencies, spectrum = signal.welch(voiced(name, seed), RATE, nperseg=2048)
            power[name] = spectrum[(frequencies > 1700) & (frequencies < 7200)].sum() / spectrum.sum()
            if name == "songbird":
                assert power[name] > 0.9
            else:
                assert frequencies[spectrum.argmax()] < 2500


def test_a_child_sings_higher_than_a_woman_with_higher_formants() -> None:
    centers = []
    for sing in (voices.woman, voices.child):
        spectra = [
            signal.welch(sing(np.random.default_rng(seed), 4 * RATE, RATE), RATE, nperseg=4096) for seed in range(6)
        ]
        centers.append(np.mean([(f * p).sum() / p.sum() for f, p in spectra]))
    assert centers[1] > 1.15 * centers[0]
