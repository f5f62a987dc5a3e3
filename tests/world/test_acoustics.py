"""The sound of a scene against closed forms of physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from spa2v.core.errors import ConfigError
from spa2v.world.acoustics import record
from spa2v.world.acoustics.channels import in_the_open
from spa2v.world.acoustics.propagation import emission_times, place_impulses, read_between
from spa2v.world.acoustics.receivers import Ear, ears
from spa2v.world.acoustics.rooms import images
from spa2v.world.classes import CLASSES
from spa2v.world.evidence import direct_delay_us
from spa2v.world.sampling import Choice, sample_scene
from spa2v.world.scene import SPEED_OF_SOUND_M_S as C
from spa2v.world.scene import OpenPlace, Path, Receiver, Room, Scene, Thing
from spa2v.world.synth import SYNTHESIZERS, synthesize

RATE = 44_100
MONO = Ear(Receiver("mono"), -1.0, 0.0)


def tone(hertz: float, count: int) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(count) / RATE).astype(np.float32)


def rms_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.asarray(samples, dtype=np.float64) ** 2)))


def frequency_hz(samples: np.ndarray) -> float:
    """Of a pure tone, from the slope of the phase of its analytic signal."""
    phase = np.unwrap(np.angle(signal.hilbert(samples)))
    inner = phase[len(phase) // 10 : -len(phase) // 10]
    return float(np.polyfit(np.arange(len(inner)), inner, 1)[0] * RATE / (2 * np.pi))


@pytest.mark.parametrize("distance", [1.0, 3.0, 10.0, 40.0])
def test_level_falls_six_decibels_with_each_doubling_of_distance(distance: float) -> None:
    heard = [
        in_the_open(tone(1000, 2 * RATE), Path((0, 0, d)), MONO, 1.0, RATE, RATE) for d in (distance, 2 * distance)
    ]
    assert rms_db(heard[0]) - rms_db(heard[1]) == pytest.approx(20 * np.log10(2), abs=0.02)


@pytest.mark.parametrize("speed", [-40.0, -15.0, 15.0, 40.0])
def test_doppler_ratio_head_on_is_c_over_c_minus_v(speed: float) -> None:
    """Towards the listener v is positive; the source passes the listener's place outside the clip."""
    start = 150.0 if speed > 0 else 5.0
    heard = in_the_open(tone(1000, 3 * RATE), Path((0, 0, start), (0, 0, -speed)), MONO, 1.0, RATE, RATE)
    flat = heard * np.linalg.norm(Path((0, 0, start), (0, 0, -speed)).at(np.arange(RATE) / RATE), axis=1)
    assert frequency_hz(flat) / 1000 == pytest.approx(C / (C - speed), rel=2e-4)


def test_doppler_of_a_pass_goes_from_c_over_c_minus_v_to_c_over_c_plus_v() -> None:
    """Each moment of a pass has the frequency that the speed towards the listener at emission gives."""
    path = Path((-60.0, 0.0, 6.0), (30.0, 0.0, 0.0))
    heard = in_the_open(tone(800, 6 * RATE), path, MONO, 1.0, 4 * RATE, RATE)
    times = np.arange(4 * RATE) / RATE
    emitted = emission_times(path, np.zeros(3), times)
    places = path.at(emitted)
    towards = -(places @ np.array(path.velocity)) / np.linalg.norm(places, axis=1)
    expected = 800 * C / (C - towards)
    for first in range(RATE // 4, 4 * RATE - RATE // 4, RATE // 2):
        part = slice(first, first + RATE // 20)
        assert frequency_hz(heard[part]) == pytest.approx(float(expected[part].mean()), rel=2e-3)
    assert expected[0] / expected[-1] == pytest.approx((C + 30) / (C - 30), rel=0.01)


def test_a_pass_has_no_clicks() -> None:
    """Whatever lies outside the band of shifted frequencies is at least 60 dB down."""
    heard = in_the_open(tone(1000, 4 * RATE), Path((-30, 0, 5), (30, 0, 0)), MONO, 1.0, 2 * RATE, RATE)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) ** 2
    hertz = np.fft.rfftfreq(len(heard), 1 / RATE)
    inside = (hertz > 850) & (hertz < 1150)
    assert 10 * np.log10(spectrum[~inside].sum() / spectrum[inside].sum()) < -55


def test_emission_times_solve_the_wave_equation() -> None:
    path, place, times = Path((-20, 1, 7), (25, 0, -3)), np.array([0.1, 1.6, 0.0]), np.linspace(0, 3, 50)
    emitted = emission_times(path, place, times)
    assert np.allclose(times - emitted, np.linalg.norm(path.at(emitted) - place, axis=1) / C, atol=1e-12)
    assert np.all(emitted < times)


@pytest.mark.parametrize("hertz", [100.0, 1000.0, 8000.0, 12000.0])
def test_reading_between_samples_is_exact_to_60_db(hertz: float) -> None:
    positions = np.linspace(100.3, 3900.7, 5000)
    wanted = np.sin(2 * np.pi * hertz * positions / RATE)
    error = read_between(tone(hertz, 4000), positions) - wanted
    assert rms_db(error) - rms_db(wanted) < -58


def test_reading_outside_the_signal_gives_silence() -> None:
    assert not read_between(np.ones(100, np.float32), np.array([-500.0, -40.0, 140.0, 1e6])).any()


def test_impulses_stand_at_their_fractional_delay() -> None:
    response = np.zeros(200)
    place_impulses(response, np.array([50.25]), np.array([2.0]))
    assert response.sum() == pytest.approx(2.0)
    assert (response * np.arange(200)).sum() / response.sum() == pytest.approx(50.25, abs=0.01)


def lag_of_right(left: np.ndarray, right: np.ndarray, most: int = 200) -> int:
    """By how many samples the right channel comes first."""
    both = signal.correlate(left, right, "full", "fft")
    middle = len(right) - 1
    return int(np.argmax(both[middle - most : middle + most + 1])) - most


@pytest.mark.parametrize(
    "receiver", [Receiver("spaced", 0.4), Receiver("spaced", 1.0, 0.3, 45.0), Receiver("sphere", 0.175)]
)
@pytest.mark.parametrize("x", [-4.0, -1.5, 0.0, 2.5])
def test_the_delay_matches_the_geometry_within_one_sample(receiver: Receiver, x: float) -> None:
    thing = Thing("car_0", "car", "center", Path((x, 0.0, 5.0)))
    scene = Scene(1, 1.0, "translational", (thing,), OpenPlace(), receiver=receiver, snr_db=None)
    stem = record(scene, RATE).stems["car_0"]
    if receiver.kind == "sphere":  # below 4 kHz the shadow of a head adds a delay of its own
        stem = signal.sosfilt(signal.butter(4, 4000, "high", fs=RATE, output="sos"), stem, axis=1)
    wanted = direct_delay_us(scene, thing, np.array([0.5]))[0] * 1e-6 * RATE
    assert abs(lag_of_right(*stem) - wanted) <= 1.0
    assert np.sign(round(wanted)) == np.sign(round(x)) or abs(wanted) < 1


def test_woodworths_formula_gives_the_delay_around_a_head() -> None:
    left, right = ears(Receiver("sphere", 0.175), 0.0, False)
    angle = np.radians(40)
    far = 1000 * np.array([[np.sin(angle), 0.0, np.cos(angle)]])
    delay = (left.extra_m(far) - right.extra_m(far))[0] / C
    assert delay == pytest.approx(0.0875 / C * (angle + np.sin(angle)), rel=1e-9)


def test_a_head_shadows_the_far_ear_in_high_frequencies_only() -> None:
    left, right = ears(Receiver("sphere", 0.175), 0.0, False)
    low, high = left.gains(np.array([[3.0, 0.0, 3.0]])), right.gains(np.array([[3.0, 0.0, 3.0]]))
    assert low[0] == high[0] == pytest.approx(1.0)
    assert 20 * np.log10(high[1] / low[1])[0] > 8


def test_a_cardioid_hears_nothing_from_behind() -> None:
    ear = Ear(Receiver("coincident", 0.0, 0.5, 0.0), 1.0, 0.0)
    assert ear.gains(np.array([[0.0, 0.0, -2.0]]))[0] == pytest.approx(0.0)
    assert ear.gains(np.array([[0.0, 0.0, 2.0]]))[0] == pytest.approx(1.0)


def test_first_order_images_are_reflections_at_the_walls() -> None:
    room = Room(width_m=6, depth_m=7, height_m=3, left_m=2, behind_m=1, reflection=0.5)
    places, gains = images(room, np.array([1.0, 1.2, 3.0]), max_order=1)
    found = {tuple(np.round(place, 9)): gain for place, gain in zip(places, gains, strict=True)}
    walls = [(-5, 1.2, 3), (7, 1.2, 3), (1, -1.2, 3), (1, 4.8, 3), (1, 1.2, -5), (1, 1.2, 9)]
    assert found == {(1.0, 1.2, 3.0): 1.0} | {tuple(map(float, wall)): 0.5 for wall in walls}


def test_a_mirrored_room_has_mirrored_images() -> None:
    room = Room(left_m=2.0)
    places, gains = images(room, np.array([1.0, 1.2, 3.0]))
    others, same = images(room, np.array([-1.0, 1.2, 3.0]), side=-1)
    key = lambda rows: sorted(map(tuple, np.round(rows, 9)))  # noqa: E731
    assert key(np.column_stack([places * (-1, 1, 1), gains])) == key(np.column_stack([others, same]))


@pytest.mark.parametrize("receiver", ["mono", "coincident", "spaced", "sphere"])
@pytest.mark.parametrize("scenario", ["stationary", "translational"])
def test_mirroring_the_scene_swaps_the_channels(scenario: str, receiver: str) -> None:
    scene = sample_scene(7, Choice(scenario, "multiple", duration_s=0.6, receiver=receiver))
    heard, other = (record(which, 16_000).audio.samples for which in (scene, scene.mirrored()))
    assert np.abs(heard - other[::-1]).max() < 1e-6 * np.abs(heard).max() + 2e-7
    assert receiver == "mono" or np.abs(heard - other).max() > 1e-3 * np.abs(heard).max()


def test_mono_channels_are_equal_to_the_bit() -> None:
    samples = record(sample_scene(3, Choice(receiver="mono", duration_s=0.5))).audio.samples
    assert np.array_equal(samples[0], samples[1])


def test_noise_stands_at_its_level_below_the_things() -> None:
    scene = replace(sample_scene(5, Choice(duration_s=1.0, snr_db=17.0)), rumble_db=None)
    heard = record(scene)
    things = np.sum(list(heard.stems.values()), axis=0)
    assert rms_db(things) - rms_db(heard.noise) == pytest.approx(17.0, abs=0.05)
    assert np.allclose(things + heard.noise, heard.audio.samples, atol=1e-5)


def test_the_clip_has_the_level_of_the_scene() -> None:
    scene = replace(sample_scene(5, Choice(duration_s=1.0)), level_dbfs=-30.0)
    assert rms_db(record(scene).audio.samples) == pytest.approx(-30.0, abs=0.01)


def test_an_approach_gets_louder_by_five_to_fifteen_decibels() -> None:
    """First against last sixteenth, on the thing alone, over twelve scenes."""
    steady = tuple(name for name, kind in CLASSES.items() if kind.kind == "vehicle")  # voices rise by themselves
    rises = []
    for seed in range(12):
        scene = sample_scene(seed, Choice("translational", "single", "approaching", classes=steady))
        stem = record(scene, 16_000).stems[scene.things[0].id]
        parts = np.array_split(stem, 16, axis=1)
        rises.append(rms_db(parts[-1]) - rms_db(parts[0]))
    assert min(rises) > 4
    assert max(rises) < 17
    assert 6 < np.median(rises) < 14


@pytest.mark.parametrize("name", sorted(SYNTHESIZERS))
def test_every_class_sounds_and_is_varied_by_its_seed(name: str) -> None:
    sounds = [synthesize(name, seed, 22_050, 22_050) for seed in (1, 1, 2)]
    assert np.array_equal(sounds[0], sounds[1])
    assert np.abs(sounds[0] - sounds[2]).max() > 0.1
    assert rms_db(sounds[0]) == pytest.approx(0.0, abs=1e-3)
    assert np.isfinite(sounds[0]).all()
    halves = [rms_db(half) for half in np.array_split(synthesize(name, 3, 88_200, 22_050), 4)]
    pauses_db = 10 if CLASSES[name].is_event else 0
    assert max(halves) - min(halves) < 12 + pauses_db  # sounds all the way through


def test_an_unknown_receiver_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"receiver\.kind: 'ambisonic'"):
        Receiver("ambisonic")
