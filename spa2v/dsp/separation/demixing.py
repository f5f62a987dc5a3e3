"""Two still sources from a determined demixing, each with the direction of its image and its own signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spa2v.core.types import AudioClip, SoundSource, Track
from spa2v.dsp.filters import Array, decibel
from spa2v.dsp.separation.auxiva import Demixing, demix
from spa2v.dsp.trends import change_over_clip, steadiness

SPEED_OF_SOUND = 343.0  # m/s
LAG_STEP_S = 1e-5
LAG_BAND_HZ = (150.0, 4_000.0)
MAX_LAG = 1.3  # times the spacing: what is searched; a best lag in the outer tenth belongs to no direction
MIN_DURATION_S = 0.5  # ten frames; from fewer no covariance can be estimated
MIN_SHARE = 0.06  # of the energy, for the weaker output
MIN_PEAK = 0.3  # of the phase transform: the residue of one source in a room has no common delay
APART = (
    0.5  # in sine, 30 degrees, between the directions: outputs of one source in noise or in a room lie up to 0.35 apart
)
NEGLIGIBLE_LAG_COST = 0.02  # among equal peaks (tones) the smaller delay is the likelier
MOVED = 0.5  # of the angle between the outputs that the azimuth of the whole sound must cross to be one moving source
STEADY_TREND = 0.5  # Kendall's tau of that azimuth: ToyWorld's crossings reach 0.86, most still pairs stay under 0.3


@dataclass(frozen=True)
class Direction:
    """The direction of one output's image.

    Args:
        sine: of the azimuth, -1..1, positive to the right.
        level_sine: by energy panning, (R - L) / (R + L).
        delay_us: by the phase transform, positive where the right channel is earlier.
        peak: of the phase transform, 0..1: how far all lines agree on the delay.
    """

    sine: float
    level_sine: float
    delay_us: float
    peak: float


def directions(demixing: Demixing, mic_spacing_m: float) -> tuple[Direction, Direction]:
    """Directions of both outputs."""
    first, second = (_direction(demixing, output, mic_spacing_m) for output in (0, 1))
    return first, second


def _direction(demixing: Demixing, output: int, mic_spacing_m: float) -> Direction:
    hz, energy = demixing.frequencies_hz, demixing.power[output].sum(axis=1)
    left, right = demixing.mixing[:, 0, output], demixing.mixing[:, 1, output]
    gains = np.abs(left) ** 2, np.abs(right) ** 2
    parts = energy / np.maximum(gains[0] + gains[1], 1e-30)
    low, high = float(parts @ gains[0]), float(parts @ gains[1])
    level_sine = (high - low) / max(high + low, 1e-30)
    band = (hz > LAG_BAND_HZ[0]) & (hz < LAG_BAND_HZ[1])
    cross = (right * left.conj())[band]
    weights = np.sqrt(np.maximum(energy[band], 0.0))
    limit = MAX_LAG * mic_spacing_m / SPEED_OF_SOUND
    lags = np.arange(-round(limit / LAG_STEP_S), round(limit / LAG_STEP_S) + 1) * LAG_STEP_S
    phases = np.exp(1j * np.angle(cross)) * weights / max(float(weights.sum()), 1e-30)
    correlation = np.real(phases @ np.exp(-2j * np.pi * hz[band][:, None] * lags))
    best = int(np.argmax(correlation - NEGLIGIBLE_LAG_COST * np.abs(lags) / limit))
    peak = float(correlation[best]) if abs(lags[best]) < 0.9 * limit else 0.0
    delay_sine = float(np.clip(lags[best] * SPEED_OF_SOUND / mic_spacing_m, -1.0, 1.0))
    size = abs(level_sine) + abs(delay_sine)
    sine = (level_sine * abs(level_sine) + delay_sine * abs(delay_sine)) / size if size > 0 else 0.0
    return Direction(sine, level_sine, float(lags[best] * 1e6), peak)


@dataclass(frozen=True, eq=False)
class DemixedPair:
    """Two still sources: the demixing and the direction of each output."""

    demixing: Demixing
    directions: tuple[Direction, Direction]

    @property
    def order(self) -> tuple[int, int]:
        """The outputs, the louder first."""
        energy = self.demixing.power.sum(axis=(1, 2))
        return (0, 1) if energy[0] >= energy[1] else (1, 0)


def find_pair(audio: AudioClip, azimuth_sine: Array, mic_spacing_m: float) -> DemixedPair | None:
    """The two still sources of a recording; None where one output is a residue, or both are one moving source.

    Args:
        audio: a recording whose channels differ.
        azimuth_sine: azimuth of the whole sound over time, shape (T,).
        mic_spacing_m: distance of the microphones that delays are read against.
    """
    if audio.duration_s < MIN_DURATION_S:
        return None
    demixing = demix(audio)
    energy = demixing.power.sum(axis=(1, 2))
    if energy.min() < MIN_SHARE * energy.sum():
        return None
    first, second = pair = directions(demixing, mic_spacing_m)
    gap = abs(first.sine - second.sine)
    if gap < APART or min(first.peak, second.peak) < MIN_PEAK or _moves(azimuth_sine, gap):
        return None
    return DemixedPair(demixing, pair)


def _moves(azimuth_sine: Array, gap: float) -> bool:
    steady = abs(steadiness(azimuth_sine)) >= STEADY_TREND
    return steady and abs(change_over_clip(azimuth_sine)) >= MOVED * gap


def pair_sources(pair: DemixedPair, track_times_s: Array) -> tuple[SoundSource, ...]:
    """The sources of a pair, the louder first, each with its level over time and its one azimuth."""
    demixing = pair.demixing
    levels = demixing.power.sum(axis=1)  # (2, F)
    total = float(levels.sum())
    return tuple(
        SoundSource(
            id=f"source_{rank}",
            share=float(levels[output].sum()) / total,
            tracks=_tracks(pair.directions[output], levels[output], demixing.times_s, track_times_s),
            confidence=0.5 + 0.5 * min(pair.directions[output].peak, 1.0),
        )
        for rank, output in enumerate(pair.order)
    )


def _tracks(direction: Direction, power: Array, times_s: Array, track_times_s: Array) -> dict[str, Track]:
    level = np.interp(track_times_s, times_s, power)
    heard = np.clip(np.sqrt(level / max(float(level.max()), 1e-30)) * 2.0, 0.0, 1.0)
    angle = np.degrees(np.arcsin(np.clip(direction.sine, -1.0, 1.0)))
    return {
        "level": Track(track_times_s, decibel(level), "dBFS"),
        "azimuth": Track(track_times_s, np.full(len(track_times_s), angle), "deg", heard),
    }
