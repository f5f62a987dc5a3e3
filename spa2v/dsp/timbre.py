"""Signal properties that tell coarse kinds of sound apart. None of them changes when time is reversed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from spa2v.dsp.pitch import pitch_track
from spa2v.dsp.stft import Array, Spectra, decibel

Mask = NDArray[np.float32]

DETAIL_HZ = (200.0, 5_000.0)  # where engines hold little and instruments and voices much
DETAIL_LINES = 15  # the envelope under the detail: about 325 Hz
LAG_S = 0.0465  # two hops: windows that share no sample, so noise has no likeness left
EVENT_BAND_HZ = (100.0, 8_000.0)
EVENT_BANDS = 20
EVENT_QUANTILE = 0.98  # one frame in fifty: two onsets a second at 23 ms
SLOW_S = 0.5
DYNAMIC_RANGE_DB = 70.0
PITCH_SURE = 0.2


@dataclass(frozen=True)
class Texture:
    """Properties of one sound.

    Args:
        tonality: how much of the spectral detail is still there two windows later; 0 for noise, 1 for steady tones.
        abruptness_db: mean change of the bands from one frame to the next in the most eventful fiftieth of the
            frames, on a 23 ms hop; 2.0 to 2.5 for noise (its own scatter), 3.5 and more for plucked, 10 for drums.
        asymmetry: skewness of level changes, absolute; 0 for steady or gliding sounds, over 0.5 where sounds start
            fast and die slowly.
        liveliness_db: spread of the level around its half-second mean: syllables, notes, hits.
        low_share: part of the power in 40..250 Hz.
        pitch_hz: median fundamental where one is heard, else 0.
        pitch_heard: part of the frames with a fundamental.
    """

    tonality: float
    abruptness_db: float
    asymmetry: float
    liveliness_db: float
    low_share: float
    pitch_hz: float
    pitch_heard: float

    def measures(self) -> dict[str, float]:
        return {name: float(value) for name, value in asdict(self).items()}


def texture_of(spectra: Spectra, mask: Mask | None = None) -> Texture:
    """The properties of a clip, or of one source in it.

    Args:
        spectra: of the clip.
        mask: share of the source in every frame and line, (F, K). It weights what is seen and never cuts it out: the
            edges of a cut would look like tones and onsets.
    """
    hop = float(np.median(np.diff(spectra.times_s))) if len(spectra.times_s) > 1 else LAG_S
    power = spectra.power if mask is None else spectra.power * mask
    bands, heard = _band_levels(spectra, mask)
    level = decibel(power[:, spectra.lines(*EVENT_BAND_HZ)].sum(axis=1, dtype=np.float64))
    level = np.maximum(level, level.max() - DYNAMIC_RANGE_DB)
    quick = level - uniform_filter1d(level, max(3, int(SLOW_S / hop)) | 1)  # a pass rises and falls, too, but slowly
    pitch, clear = pitch_track(spectra, power)
    sure = clear > PITCH_SURE
    return Texture(
        tonality=_tonality(spectra, max(1, round(LAG_S / hop)), mask),
        abruptness_db=_abruptness(bands, heard),
        asymmetry=_asymmetry(quick),
        liveliness_db=float(np.std(quick)),
        low_share=_share(spectra, power, 40.0, 250.0),
        pitch_hz=float(np.median(pitch[sure])) if sure.any() else 0.0,
        pitch_heard=float(np.mean(sure)),
    )


def _tonality(spectra: Spectra, lag: int, mask: Mask | None) -> float:
    lines = spectra.lines(*DETAIL_HZ)
    power = spectra.power[:, lines]
    if len(power) <= lag or power.shape[1] < DETAIL_LINES:
        return 0.0
    logs = np.log(power + np.float32(1e-7) * power.max() + np.float32(1e-14))
    detail = logs - uniform_filter1d(logs, DETAIL_LINES, axis=1)
    both = detail[lag:] * detail[:-lag]
    square = 0.5 * (detail[lag:] ** 2 + detail[:-lag] ** 2)
    if mask is not None:
        weight = mask[lag:, lines] * mask[:-lag, lines]
        both, square = both * weight, square * weight
    same = float(np.sum(square, dtype=np.float64))
    return float(np.clip(np.sum(both, dtype=np.float64) / same, 0.0, 1.0)) if same > 1e-6 else 0.0


def _band_levels(spectra: Spectra, mask: Mask | None) -> tuple[Array, Array]:
    """Levels of the bands in dB and how far they belong to the source, both (F, bands)."""
    lines = spectra.lines(*EVENT_BAND_HZ)
    hz = spectra.frequencies_hz[lines]
    edges = np.geomspace(max(hz[0], 1.0), hz[-1] + 1e-6, EVENT_BANDS + 1)[:-1]
    starts = np.unique(np.minimum(np.searchsorted(hz, edges), len(hz) - 1))
    power: Array = np.add.reduceat(spectra.power[:, lines].astype(np.float64), starts, axis=1)
    heard = np.ones_like(power)
    if mask is not None:
        heard = np.add.reduceat(mask[:, lines].astype(np.float64), starts, axis=1)
        heard /= np.diff(np.append(starts, len(hz)))
    return decibel(np.maximum(power, power.max() * 10 ** (-DYNAMIC_RANGE_DB / 10))), heard


def _abruptness(bands: Array, heard: Array) -> float:
    if len(bands) < 2:
        return 0.0
    change, weight = np.diff(bands, axis=0), np.minimum(heard[1:], heard[:-1])
    rise, fall = (
        np.sum(np.maximum(sign * change, 0.0) * weight, axis=1) / np.maximum(weight.sum(axis=1), 1.0)
        for sign in (1, -1)
    )
    return float(max(np.quantile(rise, EVENT_QUANTILE), np.quantile(fall, EVENT_QUANTILE)))


def _asymmetry(level: Array) -> float:
    change = level[2:] - level[:-2]
    square = float(np.mean(change**2)) if len(change) else 0.0
    return abs(float(np.mean(change**3))) / square**1.5 if square > 1e-9 else 0.0


def _share(spectra: Spectra, power: Mask, low_hz: float, high_hz: float) -> float:
    total = float(power.sum(dtype=np.float64))
    return float(power[:, spectra.lines(low_hz, high_hz)].sum(dtype=np.float64)) / total if total > 0 else 0.0
