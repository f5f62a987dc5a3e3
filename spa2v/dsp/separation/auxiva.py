"""Determined blind source separation of two channels by independent vector analysis.

AuxIVA (N. Ono, "Stable and fast update rules for independent vector analysis based on auxiliary function technique",
WASPAA 2011) with the joint update of both rows (N. Ono, "Fast stereo independent vector analysis and its
implementation on mobile phone", IWAENC 2012): the rows are the generalized eigenvectors of both weighted covariances.
It assumes sources that keep their direction, and no model of panning, microphones or room. Only second-order statistics
of the channels enter, so the recording is transformed once and each iteration is two matrix products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import AudioClip

if TYPE_CHECKING:
    from scipy import signal

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

WINDOW_S = 0.09  # longer windows hold more of a room's response, shorter ones keep onsets apart
MAX_FRAMES = 1_000  # that the estimate sees; of longer recordings evenly spaced ones
TOP_HZ = 8_000.0
ITERATIONS = 10  # 30 separate no better
LOUDNESS_RANGE = 1e-4  # frames of an output under this part of its loudest weigh no more than at it
REGULARIZATION = 1e-9  # of the mean power of a line: two equal channels leave the covariance singular


@dataclass(frozen=True, eq=False)
class Demixing:
    """Two outputs of a demixing system.

    Args:
        frequencies_hz: of the K lines, shape (K,).
        times_s: middles of the F frames, shape (F,).
        rows: demixing matrices, shape (K, 2 outputs, 2 channels).
        mixing: their inverses, shape (K, 2 channels, 2 outputs).
        power: of the image of each output, the mean of both channels, shape (2 outputs, K, F); sums to a mean square.
    """

    frequencies_hz: Array
    times_s: Array
    rows: Complex
    mixing: Complex
    power: Array


def transform(rate: int) -> signal.ShortTimeFFT:
    """The short-time Fourier transform that the demixing matrices belong to, by half windows."""
    from scipy import signal

    window = 2 ** round(math.log2(WINDOW_S * rate))
    return signal.ShortTimeFFT(np.hanning(window + 1)[:-1], window // 2, rate, scale_to="magnitude")


def demix(audio: AudioClip, iterations: int = ITERATIONS) -> Demixing:
    """Estimates the demixing system of a recording; two equal channels give one output and an empty one.

    The recording has at least half a window, or the transform raises a ValueError.
    """
    stft, stereo = transform(audio.sample_rate), audio.stereo.astype(np.float64)
    lines = stft.f <= TOP_HZ
    step = max(1, math.ceil(stft.p_num(stereo.shape[1]) / MAX_FRAMES))
    left, right = stft.stft(stereo)[:, lines, ::step]
    cross = right * left.conj()
    products = np.stack([np.abs(left) ** 2, np.abs(right) ** 2, cross.real, cross.imag])
    rows = estimate_rows(products, iterations)
    mixing: Complex = np.linalg.inv(rows).astype(np.complex128)
    power = np.mean(np.abs(mixing) ** 2, axis=1).T[:, :, None] * output_powers(rows, products)
    return Demixing(stft.f[lines], stft.t(stereo.shape[1])[::step], rows, mixing, power)


def separate(audio: AudioClip, demixing: Demixing) -> NDArray[np.float32]:
    """The image of each output in the channel where it is louder, at its mean level, shape (2 outputs, n)."""
    stft, stereo = transform(audio.sample_rate), audio.stereo.astype(np.float64)
    spectrum = stft.stft(stereo)
    kept = len(demixing.frequencies_hz)
    gain = np.abs(demixing.mixing) ** 2  # (K, 2 channels, 2 outputs)
    louder = np.einsum("kco,oki->co", gain, demixing.power.sum(axis=2, keepdims=True)).argmax(axis=0)
    phase = np.stack([demixing.mixing[:, louder[output], output] for output in (0, 1)], axis=1)
    level = np.sqrt(gain.mean(axis=1)) * phase / np.maximum(np.abs(phase), 1e-30)
    rows = demixing.rows * level[:, :, None]
    separated = np.zeros_like(spectrum)
    for output in (0, 1):
        left, right = rows[:, output, :, None].swapaxes(0, 1)
        separated[output, :kept] = left * spectrum[0, :kept] + right * spectrum[1, :kept]
    return stft.istft(separated, k1=stereo.shape[1]).astype(np.float32)


def estimate_rows(products: Array, iterations: int) -> Complex:
    """Demixing matrices, shape (K, 2, 2), by AuxIVA with a spherical Laplace prior.

    Args:
        products: power left, power right, real and imaginary part of right times conj(left), shape (4, K, F).
        iterations: of the auxiliary function.
    """
    _, lines, frames = products.shape
    flat = products.reshape(4 * lines, frames)
    rows = np.broadcast_to(np.eye(2, dtype=np.complex128), (lines, 2, 2))
    floor = REGULARIZATION * products[:2].mean() + 1e-30
    for _ in range(iterations):
        power = _quadratic(rows).reshape(4 * lines, 2).T @ flat  # over all lines, (2, F)
        weights = 1.0 / np.sqrt(np.maximum(power, LOUDNESS_RANGE * power.max(axis=1, keepdims=True) + 1e-30))
        left, right, real, imag = (flat @ weights.T / frames).reshape(4, lines, 2)
        floors = floor * weights.mean(axis=1)
        rows = _joint_update(left + floors, right + floors, real - 1j * imag)
    return rows


def output_powers(rows: Complex, products: Array) -> Array:
    """|rows @ channels| squared from the products of the channels, shape (2 outputs, K, F)."""
    powers = (_quadratic(rows).transpose(1, 2, 0) @ products.transpose(1, 0, 2)).swapaxes(0, 1)
    return np.maximum(powers, 0.0)  # rounding leaves the residue of equal channels below 0


def _quadratic(rows: Complex) -> Array:
    """Weights of the four products of the channels in the power of each output, shape (4, K, 2)."""
    first, second = rows[:, :, 0], rows[:, :, 1]
    cross = 2.0 * second * first.conj()  # times right conj(left)
    return np.stack([np.abs(first) ** 2, np.abs(second) ** 2, cross.real, -cross.imag])


def _joint_update(left: Array, right: Array, cross: Complex) -> Complex:
    """Rows from the covariances V of both outputs: [[left, cross], [conj(cross), right]], each of shape (K, 2).

    The eigenvectors h of V_1^-1 V_0 with the smaller and the larger eigenvalue are the first and the second row
    (conjugated), each scaled to h^H V h = 1 by its own V.
    """
    det = left[:, 1] * right[:, 1] - np.abs(cross[:, 1]) ** 2
    a = (right[:, 1] * left[:, 0] - cross[:, 1] * cross[:, 0].conj()) / det
    b = (right[:, 1] * cross[:, 0] - cross[:, 1] * right[:, 0]) / det
    c = (left[:, 1] * cross[:, 0].conj() - cross[:, 1].conj() * left[:, 0]) / det
    d = (left[:, 1] * right[:, 0] - cross[:, 1].conj() * cross[:, 0]) / det
    spread = np.sqrt(((a - d) / 2) ** 2 + b * c)
    spread = np.where(spread.real < 0, -spread, spread)
    rows = np.empty((len(a), 2, 2), dtype=np.complex128)
    for output, sign in ((0, -1.0), (1, 1.0)):
        value = (a + d) / 2 + sign * spread
        upper, lower = np.stack([b, value - a], 1), np.stack([value - d, c], 1)
        longer = np.sum(np.abs(upper) ** 2 - np.abs(lower) ** 2, axis=1) >= 0
        vector = np.where(longer[:, None], upper, lower)
        vector[~vector.any(axis=1), output] = 1.0  # equal covariances without cross terms: any vector serves
        p, q = vector.T
        scale = left[:, output] * np.abs(p) ** 2 + right[:, output] * np.abs(q) ** 2
        scale = scale + 2.0 * (p.conj() * cross[:, output] * q).real
        rows[:, output] = vector.conj() / np.sqrt(np.maximum(scale, 1e-60))[:, None]
    return rows
