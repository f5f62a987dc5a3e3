"""The bundled recording: made by its script, and what it claims to be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfiltfilt

from spa2v.core.media.audio import read_audio
from spa2v.demo import demo_recording
from spa2v.demo.make import DURATION_S, RATE_HZ, Pass, car_passing, write


@pytest.fixture(scope="module")
def band() -> np.ndarray:
    """The recording between 200 and 8000 Hz, shape (2, n)."""
    sos = butter(4, (200, 8000), "bandpass", fs=RATE_HZ, output="sos")
    return sosfiltfilt(sos, read_audio(demo_recording()).samples.astype(np.float64))


def test_the_script_makes_the_bundled_recording(tmp_path: Path) -> None:
    write(tmp_path / "again.flac")
    again, bundled = (soundfile.read(path, dtype="int16")[0] for path in (tmp_path / "again.flac", demo_recording()))
    assert again.shape == bundled.shape == (int(DURATION_S * RATE_HZ), 2)
    assert np.abs(again.astype(int) - bundled).max() <= 1
    assert demo_recording().stat().st_size <= 400_000


def test_its_path_is_printed() -> None:
    printed = subprocess.run([sys.executable, "-m", "spa2v.demo"], capture_output=True, text=True, check=True).stdout
    assert Path(printed.strip()) == demo_recording()


def test_the_level_rises_and_falls(band: np.ndarray) -> None:
    pieces = band.reshape(2, 16, -1).std(axis=2).mean(axis=0)
    level_db = 20 * np.log10(pieces)
    assert np.argmax(level_db) in (7, 8)
    assert np.all(np.diff(level_db[:8]) > -0.3)
    assert np.all(np.diff(level_db[8:]) < 0.3)
    assert 5 < level_db.max() - level_db[0] < 15


def test_it_moves_from_left_to_right(band: np.ndarray) -> None:
    left, right = band.reshape(2, 16, -1).std(axis=2)
    difference_db = 20 * np.log10(right / left)
    assert np.all(np.diff(difference_db) > 0)
    assert difference_db[0] < -5 < 5 < difference_db[-1]
    assert difference_db + difference_db[::-1] == pytest.approx(np.zeros(16), abs=1.0)


def test_the_delay_follows_the_place(band: np.ndarray) -> None:
    pieces = band.reshape(2, 16, -1)
    n, fine = 2 * pieces.shape[2], 8
    cross = np.fft.rfft(pieces[0], n) * np.conj(np.fft.rfft(pieces[1], n))
    waves = np.fft.irfft(cross, n * fine)
    reach = 40 * fine
    lags = np.argmax(np.concatenate([waves[:, -reach:], waves[:, :reach]], axis=1), axis=1) - reach
    delay_us = lags / fine / RATE_HZ * 1e6
    times_s = (np.arange(16) + 0.5) / 4
    wanted_us = 0.17 / 343 * np.sin(Pass().position(times_s)[1]) * 1e6
    assert delay_us == pytest.approx(wanted_us, abs=45)


def test_the_pitch_falls_as_it_passes() -> None:
    """The tone of the engine at 10 times half the firing rate, by the Doppler formula."""
    mono = car_passing().mean(axis=0)
    found = [_peak_hz(mono[:RATE_HZ], 380, 470), _peak_hz(mono[-RATE_HZ:], 380, 470)]
    tone_hz = 10 * 2500 / 60
    wanted = [tone_hz / (1 - 11 / 343 * 0.83), tone_hz / (1 + 11 / 343 * 0.83)]
    assert found == pytest.approx(wanted, abs=4)


def _peak_hz(wave: np.ndarray, low: float, high: float) -> float:
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 4 * len(wave)))
    frequencies = np.fft.rfftfreq(4 * len(wave), 1 / RATE_HZ)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    return float(frequencies[np.argmax(spectrum)])


def test_emission_times_solve_the_path() -> None:
    path = Pass()
    heard_s = np.linspace(0, 4, 50)
    left_s = path.emission_times(heard_s, 0.085)
    distance = np.hypot(path.speed_m_s * (left_s - path.abeam_s) - 0.085, path.distance_m)
    assert heard_s - left_s == pytest.approx(distance / 343.0, abs=1e-9)
