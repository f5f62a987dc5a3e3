"""One that goes while another comes: a level that dips between two ends as no single pass does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spa2v.core.types import SoundSource, Track
from spa2v.dsp.azimuth import Place
from spa2v.dsp.stft import Array, Spectra, decibel

BLOCKS = 16
RATIOS = (2.6, 3.4, 4.4, 5.6)  # of the farthest over the nearest distance
MAX_MISFIT = 0.12  # relative, 0.5 dB: gears, gusts and beats leave more
MIN_PART = 0.2  # of the weaker over the stronger one where each is nearest, -7 dB
MIN_DIP_DB = 1.5  # of the middle under the softer end; a single pass is loudest between its ends
SURE = 0.7


@dataclass(frozen=True)
class Exchange:
    """Two things at constant speed along the view, one away from the listener and one toward.

    Args:
        ratio: of the farthest over the nearest distance.
        going, coming: power of each where it is nearest.
    """

    ratio: float
    going: float
    coming: float

    def powers(self, part: Array) -> tuple[Array, Array]:
        """Power of the one that goes and of the one that comes at parts 0..1 of the clip."""
        return self.going * _nearness(self.ratio, 1.0 - part), self.coming * _nearness(self.ratio, part)


def _nearness(ratio: float, part: Array) -> Array:
    """Power by the square of the distance, which falls evenly from `ratio` to 1."""
    return 1.0 / (ratio - (ratio - 1.0) * part) ** 2


def exchange_in(spectra: Spectra) -> Exchange | None:
    """The exchange whose two courses add up to the level of a clip; None where they do not."""
    power = 10.0 ** (spectra.level_dbfs / 10.0)
    if len(power) < BLOCKS:
        return None
    starts = np.arange(BLOCKS) * len(power) // BLOCKS
    heard = np.add.reduceat(power, starts) / np.diff(np.append(starts, len(power)))
    part = (np.arange(BLOCKS) + 0.5) / BLOCKS
    fits = [_fitted(ratio, part, heard) for ratio in RATIOS]
    misfit, found = min(fits, key=lambda fit: fit[0])
    weaker, stronger = sorted((found.going, found.coming))
    if misfit > MAX_MISFIT or weaker < MIN_PART * stronger:
        return None
    total = np.sum(found.powers(part), axis=0)
    dip = 10.0 * np.log10(min(total[0], total[-1]) / total.min())
    return found if dip >= MIN_DIP_DB else None


def _fitted(ratio: float, part: Array, heard: Array) -> tuple[float, Exchange]:
    """Relative misfit in the mean square, and the exchange of least misfit."""
    courses = np.stack([_nearness(ratio, 1.0 - part), _nearness(ratio, part)], axis=1) / heard[:, None]
    going, coming = np.linalg.lstsq(courses, np.ones(len(part)), rcond=None)[0]
    misfit = float(np.sqrt(np.mean((courses @ (going, coming) - 1.0) ** 2)))
    return misfit, Exchange(ratio, float(going), float(coming))


def two_of(exchange: Exchange, spectra: Spectra, place: Place, duration_s: float) -> tuple[SoundSource, ...]:
    """Both things as sources, the louder first; each has one place, in which it is heard where it is near."""
    times = spectra.track_times_s
    powers = np.array(exchange.powers(times / duration_s))
    shares = powers / powers.sum(axis=0)
    sines = np.linalg.lstsq(shares.T * place.confidence[:, None], place.sine * place.confidence, rcond=None)[0]
    confidence = place.confidence * shares
    strands = sorted(zip(powers, np.clip(sines, -1.0, 1.0), confidence, strict=True), key=lambda each: -each[0].sum())
    return tuple(
        SoundSource(
            id=f"source_{rank}",
            share=float(power.sum() / powers.sum()),
            tracks={
                "level": Track(times, decibel(power), "dBFS"),
                "azimuth": Track(times, np.full(len(times), np.degrees(np.arcsin(sine))), "deg", sure),
            },
            confidence=SURE,
        )
        for rank, (power, sine, sure) in enumerate(strands)
    )
