"""Opposing passes: one vehicle recedes while another approaches; the level dips in between as no single pass does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spa2v.core.types import SoundSource, Track
from spa2v.dsp.filters import Array, decibel
from spa2v.dsp.interaural import Azimuth
from spa2v.dsp.stft import StereoStft

BLOCKS = 16
RATIOS = (2.6, 3.4, 4.4, 5.6)  # of the farthest over the nearest distance
MAX_MISFIT = 0.12  # relative, 0.5 dB: gears, gusts and beats leave more
MIN_SHARE = 0.2  # of the weaker over the stronger one where each is nearest, -7 dB
MIN_DIP_DB = 1.5  # of the middle under the softer end; a single pass is loudest between its ends
CONFIDENCE = 0.7


@dataclass(frozen=True)
class OpposingPasses:
    """Two sources at constant speed along the view, one away from the listener and one toward.

    Args:
        ratio: of the farthest over the nearest distance.
        receding, approaching: power of each where it is nearest.
    """

    ratio: float
    receding: float
    approaching: float

    def powers(self, progress: Array) -> tuple[Array, Array]:
        """Power of the receding and of the approaching source at parts 0..1 of the sounding part of the clip."""
        return (
            self.receding * _inverse_square(self.ratio, 1.0 - progress),
            self.approaching * _inverse_square(self.ratio, progress),
        )


def _inverse_square(ratio: float, progress: Array) -> Array:
    """Power by the square of the distance, which falls linearly from `ratio` to 1."""
    return 1.0 / (ratio - (ratio - 1.0) * progress) ** 2


def fit_opposing_passes(stft: StereoStft) -> OpposingPasses | None:
    """The two passes whose powers add up to the level of a clip; None where no two do."""
    power = 10.0 ** (stft.level_dbfs / 10.0)
    if len(power) < BLOCKS:
        return None
    starts = np.arange(BLOCKS) * len(power) // BLOCKS
    measured = np.add.reduceat(power, starts) / np.diff(np.append(starts, len(power)))
    progress = (np.arange(BLOCKS) + 0.5) / BLOCKS
    misfit, found = min((_least_squares(ratio, progress, measured) for ratio in RATIOS), key=lambda fit: fit[0])
    weaker, stronger = sorted((found.receding, found.approaching))
    if misfit > MAX_MISFIT or weaker < MIN_SHARE * stronger:
        return None
    total = np.sum(found.powers(progress), axis=0)
    dip = 10.0 * np.log10(min(total[0], total[-1]) / total.min())
    return found if dip >= MIN_DIP_DB else None


def _least_squares(ratio: float, progress: Array, measured: Array) -> tuple[float, OpposingPasses]:
    """Relative misfit (root mean square) and the passes of least misfit."""
    courses = [_inverse_square(ratio, 1.0 - progress), _inverse_square(ratio, progress)]
    relative = np.stack(courses, axis=1) / measured[:, None]
    receding, approaching = np.linalg.lstsq(relative, np.ones(len(progress)), rcond=None)[0]
    misfit = float(np.sqrt(np.mean((relative @ (receding, approaching) - 1.0) ** 2)))
    return misfit, OpposingPasses(ratio, float(receding), float(approaching))


def opposing_sources(passes: OpposingPasses, stft: StereoStft, azimuth: Azimuth) -> tuple[SoundSource, ...]:
    """Both passes as sources, the louder first; each has one azimuth, that of the sound while it is near.

    Args:
        passes: of the clip.
        stft: of the clip.
        azimuth: of the whole sound on the track frames.
    """
    times = stft.track_times_s
    powers = np.array(passes.powers((times - stft.start_s) / stft.duration_s))
    shares = powers / powers.sum(axis=0)
    weights = azimuth.confidence
    sines = np.linalg.lstsq(shares.T * weights[:, None], azimuth.sine * weights, rcond=None)[0]
    found = sorted(
        zip(powers, np.clip(sines, -1.0, 1.0), weights * shares, strict=True), key=lambda each: -each[0].sum()
    )
    return tuple(
        SoundSource(
            id=f"source_{rank}",
            share=float(power.sum() / powers.sum()),
            tracks={
                "level": Track(times, decibel(power), "dBFS"),
                "azimuth": Track(times, np.full(len(times), np.degrees(np.arcsin(sine))), "deg", confidence),
            },
            confidence=CONFIDENCE,
        )
        for rank, (power, sine, confidence) in enumerate(found)
    )
