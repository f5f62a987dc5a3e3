"""Figures and sounds of bicycles, boats, aircraft, emergency vehicles, bells, loudspeakers, cellos and saxophones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from spa2v.world.drawing import bicycles, emergency, instruments, render, vehicles
from spa2v.world.drawing.hulls import ball, loft, rounds, slab, tube
from spa2v.world.drawing.look import PAINT, PALETTES, paint_name
from spa2v.world.drawing.mesh import Color, MeshBuilder
from spa2v.world.drawing.parts import Figure, alternating, spinning
from spa2v.world.drawing.people import HANDS
from spa2v.world.drawing.projection import View, faces
from spa2v.world.scene import Camera, Path, Thing
from spa2v.world.synth import SYNTHESIZERS, strings
from spa2v.world.synth.tools import Samples, unit

RATE = 16_000
MOVING = {
    name: render.FIGURES[name]
    for name in ("bicycle", "boat", "airplane", "helicopter", "police car", "ambulance", "fire engine")
}
FIGURES = MOVING | {name: render.FIGURES[name] for name in ("bell", "loudspeaker", "cello", "saxophone")}
SYNTHS = {name: SYNTHESIZERS[name] for name in FIGURES}


def sound(name: str, seed: int, seconds: float = 4.0, rate: int = RATE) -> Samples:
    return unit(SYNTHS[name](np.random.default_rng([seed, 0x50D]), int(seconds * rate), rate))


def points_at(figure: Figure, time_s: float, way_m: float = 0.0) -> NDArray[np.float64]:
    return np.concatenate([part.points_at(time_s, way_m) for part in figure.parts])


def colors_of(figure: Figure) -> set[Color]:
    return {tuple(color) for part in figure.parts for color in part.mesh.colors.tolist()}


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_a_figure_is_finite_stands_on_its_lowest_point_and_has_a_shadow(name: str) -> None:
    for seed in range(12):
        figure = FIGURES[name](seed)
        for time in (0.0, 0.7, 1.9):
            points = points_at(figure, time, 3.0 * time)
            assert np.isfinite(points).all()
            assert -0.2 < points[:, 1].min() < 0.3, seed
        assert figure.footprint.shape[1] == 3
        assert np.all(figure.footprint[:, 1] == 0.0)


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_figures_differ_by_seed_and_are_the_same_for_the_same_seed(name: str) -> None:
    looks = {frozenset(colors_of(FIGURES[name](seed))) for seed in range(24)}
    assert len(looks) >= 3
    first, again = FIGURES[name](5), FIGURES[name](5)
    assert np.array_equal(points_at(first, 0.3, 1.0), points_at(again, 0.3, 1.0))
    assert colors_of(first) == colors_of(again)


@pytest.mark.parametrize("name", [name for name in MOVING if name in PALETTES])
def test_the_color_of_a_caption_is_on_the_figure(name: str) -> None:
    for seed in range(12):
        assert tuple(map(float, PAINT[str(paint_name(name, seed))])) in colors_of(MOVING[name](seed))


@pytest.mark.parametrize("name", sorted(MOVING))
def test_what_drives_sails_or_flies_is_a_body_seen_from_every_side(name: str) -> None:
    """It has an extent and several faces whichever way it turns, and is longer than wide."""
    view = View(Camera(1.5, 65, 0.45), 128, 80)
    for heading in (0.0, 45.0, 90.0, 180.0, -90.0):
        thing = Thing("a_0", "car", "center", Path((0.0, 0.0, 14.0)), heading_deg=heading)
        painted = faces(MOVING[name](3), thing, view, 0.2)
        corners = np.concatenate([polygon for polygon, _ in painted])
        assert len(painted) > 20, heading
        assert (np.ptp(corners, axis=0) > 3.0).all(), heading


@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"saxophone", "airplane"}))
def test_figures_move_by_themselves_or_with_the_way(name: str) -> None:
    figure = FIGURES[name](2)
    assert not np.allclose(points_at(figure, 0.0, 0.0), points_at(figure, 0.33, 1.1))


def test_the_feet_of_a_rider_stay_on_the_pedals_and_legs_keep_their_length() -> None:
    for way in np.linspace(0, 4, 9):
        for side in (-1.0, 1.0):
            thigh, shin = (bicycles._pedaling(side, bone)(0.0, way) for bone in (0, 1))
            knee = thigh[0] @ (bicycles.LEG_M, 0.0, 0.0) + thigh[1]
            ankle = shin[0] @ (bicycles.LEG_M, 0.0, 0.0) + shin[1]
            assert np.allclose(knee, shin[1], atol=1e-9)
            assert np.hypot(*(ankle[:2] - bicycles.CRANK)) < bicycles.CRANK_M + 0.12


def test_a_police_car_is_a_car_with_beacons() -> None:
    police, car = emergency.police_car(3), vehicles.car(3)
    assert len(police.parts) == len(car.parts) + 2
    lamp = police.parts[-1]
    sides = {round(float(lamp.points_at(time, 0.0)[:, 2].mean()), 3) for time in np.linspace(0, 2, 21)}
    assert len(sides) == 2
    assert min(sides) < 0 < max(sides)


def test_cello_and_saxophone_can_be_held() -> None:
    for figure in (instruments.cello, instruments.saxophone):
        alone, held = points_at(figure(4), 0.0), points_at(figure(4, held=True), 0.0)
        assert len(held) < len(alone)  # no chair, no stand
    assert {"cello", "saxophone"} <= set(HANDS)


def test_spinning_turns_about_its_axis_and_alternating_jumps() -> None:
    rotation, shift = spinning(1, 1.0, (0.0, 5.0, 0.0))(0.25, 0.0)
    assert np.allclose(rotation @ (0.0, 0.0, 1.0) + shift, (1.0, 0.0, 0.0), atol=1e-9)
    assert np.allclose(rotation @ (0.0, 5.0, 0.0) + shift, (0.0, 5.0, 0.0), atol=1e-9)
    jump = alternating((0.0, 0.0, 1.0), 1.0)
    assert [float(jump(time, 0.0)[1][2]) for time in (0.1, 0.6, 1.1)] == [0.0, 1.0, 0.0]


def test_faces_of_round_bodies_look_outwards() -> None:
    builder = MeshBuilder()
    ball(builder, (0.0, 0.0, 0.0), (1.0, 2.0, 1.0), (9, 9, 9))
    loft(builder, rounds([(-1, 0, 0.5, 0.5), (1, 0, 0.5, 0.5)]), (9, 9, 9))
    tube(builder, (0.0, -1.0, 0.0), (0.0, 1.0, 0.0), 0.3, color=(9, 9, 9))
    slab(builder, [(-1, -1), (1, -1), (1, 1), (-1, 1)], 0.0, 0.2, (9, 9, 9))
    mesh = builder.build()
    centers = np.add.reduceat(mesh.points, mesh.starts[:-1], axis=0) / np.diff(mesh.starts)[:, None]
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1.0)
    assert (np.einsum("ij,ij->i", mesh.normals, centers) > 0).all()


@pytest.mark.parametrize("name", sorted(SYNTHS))
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_sound_is_finite_steady_in_level_and_a_function_of_its_seed(name: str, rate: int) -> None:
    first, again, other = sound(name, 1, 3.0, rate), sound(name, 1, 3.0, rate), sound(name, 2, 3.0, rate)
    assert first.dtype == np.float32
    assert first.shape == (3 * rate,)
    assert np.isfinite(first).all()
    assert float(np.sqrt(np.mean(first.astype(np.float64) ** 2))) == pytest.approx(1.0, abs=1e-3)
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert np.abs(first).max() < 15.0


@pytest.mark.parametrize("name", sorted(SYNTHS))
def test_a_sound_may_be_short(name: str) -> None:
    assert np.isfinite(SYNTHS[name](np.random.default_rng(1), 400, RATE)).all()


def peaks_hz(samples: Samples, low: float = 200.0, high: float = 2000.0) -> NDArray[np.float64]:
    """The frequency of the strongest bin in each 64 ms."""
    freqs, _, power = signal.spectrogram(samples, RATE, nperseg=1024, noverlap=512)
    inside = (freqs >= low) & (freqs <= high)
    return np.asarray(freqs[inside][power[inside].argmax(axis=0)])


@pytest.mark.parametrize("seed", range(4))
def test_a_police_siren_sweeps_over_an_octave(seed: int) -> None:
    low, high = np.percentile(peaks_hz(sound("police car", seed, 6.0)), [3, 97])
    assert low < 800
    assert 1150 < high < 1750


@pytest.mark.parametrize("seed", range(4))
def test_an_ambulance_changes_between_two_tones_about_a_fourth_apart(seed: int) -> None:
    track = peaks_hz(sound("ambulance", seed, 6.0), 400, 1100)
    middle = (track.min() + track.max()) / 2
    low, high = np.median(track[track < middle]), np.median(track[track >= middle])
    assert 1.24 < high / low < 1.41
    assert np.mean(np.minimum(np.abs(track / low - 1), np.abs(track / high - 1)) < 0.03) > 0.9
    changes = np.count_nonzero(np.diff(track > middle)) / 6.0
    assert 1.3 < changes < 2.7


@pytest.mark.parametrize("seed", range(4))
def test_a_fire_engine_sounds_lower_than_a_police_car(seed: int) -> None:
    def share(name: str, low: float, high: float) -> float:
        freqs, power = signal.welch(sound(name, seed, 8.0), RATE, nperseg=4096)
        return float(power[(freqs > low) & (freqs < high)].sum() / power.sum())

    assert share("fire engine", 0, 950) > 0.5
    assert share("fire engine", 0, 950) > share("police car", 0, 950) + 0.1
    assert share("fire engine", 0, 240) > 3 * share("police car", 0, 240)  # the diesel and the air horn


@pytest.mark.parametrize("seed", range(5))
def test_a_helicopter_chops_ten_to_twenty_times_a_second(seed: int) -> None:
    envelope = np.abs(sound("helicopter", seed, 6.0)).astype(np.float64)
    slow = signal.decimate(signal.decimate(envelope, 10), 8)
    power = np.abs(np.fft.rfft((slow - slow.mean()) * np.hanning(len(slow)))) ** 2
    freqs = np.fft.rfftfreq(len(slow), 80 / RATE)
    band = (freqs > 3) & (freqs < 60)
    assert 10.0 < freqs[band][power[band].argmax()] < 20.0


@pytest.mark.parametrize("seed", range(5))
def test_a_bell_is_struck_again_and_again_and_decays_in_between(seed: int) -> None:
    samples = sound("bell", seed, 8.0).astype(np.float64)
    levels = 10 * np.log10(np.mean(samples.reshape(-1, RATE // 20) ** 2, axis=1))
    strokes = np.flatnonzero(np.diff(levels) > 3.0) + 1
    strokes = strokes[np.diff(strokes, prepend=-9) > 4]
    assert 4 <= len(strokes) <= 9
    for first, after in pairwise(strokes):
        assert levels[first : first + 2].max() - levels[after - 1] > 3.0


def test_a_bell_has_the_minor_third_of_bells_and_no_harmonic_row() -> None:
    spectrum = np.abs(np.fft.rfft(sound("bell", 3, 8.0)))
    freqs = np.fft.rfftfreq(8 * RATE, 1 / RATE)
    found, _ = signal.find_peaks(spectrum, height=0.15 * spectrum.max(), distance=80)
    ratios = freqs[found][:, None] / freqs[found][None, :]
    assert (np.abs(ratios - 1.2) < 0.03).any()


def test_a_cello_lies_more_than_an_octave_below_a_violin() -> None:
    def floor_hz(samples: Samples) -> float:
        freqs, power = signal.welch(samples, RATE, nperseg=8192)
        return float(freqs[np.searchsorted(np.cumsum(power) / power.sum(), 0.05)])

    for seed in range(4):
        violin = unit(strings.violin(np.random.default_rng([seed, 0x50D]), 4 * RATE, RATE))
        assert floor_hz(sound("cello", seed)) < 0.5 * floor_hz(violin)


def test_a_saxophone_rests_between_phrases() -> None:
    for seed in range(3):
        samples = sound("saxophone", seed, 8.0)
        levels = np.sqrt(np.mean(samples.reshape(-1, RATE // 50) ** 2, axis=1))
        assert 0.01 < np.mean(levels < 0.25 * np.median(levels)) < 0.35
