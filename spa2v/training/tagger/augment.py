"""What a recording may have gone through, done to mel magnitudes: filters, a room, other sounds, noise.

Powers of unrelated sounds add, so mixing and reverberation work on the squares of the magnitudes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spa2v.dsp.log_mel import HOP, RATE_HZ

Array32 = NDArray[np.float32]

EQ, LOW_PASS, HIGH_PASS, ROOM, MIXED, NOISY, MASKED = 0.75, 0.22, 0.15, 0.35, 0.38, 0.55, 0.3  # how often
HEARD_DB, DOUBTFUL_DB, SOFTEST_DB = 9.0, 18.0, 24.0  # of the second sound below the first: a label, ignored, none


def leveled(patches: Array32) -> Array32:
    """Each patch with its loudest bin at 1."""
    return np.asarray(patches / (patches.max(axis=(1, 2), keepdims=True) + 1e-9), dtype=np.float32)


def filtered(patches: Array32, rng: np.random.Generator) -> Array32:
    """A smooth random response over the bands, and now and then a low-pass or a high-pass."""
    count, height = len(patches), np.linspace(0, 1, patches.shape[2])
    curve = rng.normal(size=(count, 4)) * (7.0, 4.0, 3.0, 2.5)
    gain_db = curve[:, :1] * (height - 0.5) * 1.6
    for order in (1, 2, 3):
        gain_db = gain_db + curve[:, order : order + 1] * np.cos(np.pi * order * height)
    gain_db = gain_db * (rng.random((count, 1)) < EQ)
    above = np.clip((height - rng.uniform(0.45, 1.0, (count, 1))) * 400, 0, 60)
    below = np.clip((rng.uniform(0.0, 0.25, (count, 1)) - height) * 200, 0, 40)
    gain_db -= above * (rng.random((count, 1)) < LOW_PASS) + below * (rng.random((count, 1)) < HIGH_PASS)
    return np.asarray(patches * 10 ** (gain_db / 20)[:, None, :], dtype=np.float32)


def reverberated(patches: Array32, rng: np.random.Generator) -> Array32:
    """A decaying tail of power with the statistics of late reverberation, in some of the patches."""
    chosen = np.nonzero(rng.random(len(patches)) < ROOM)[0]
    if not len(chosen):
        return patches
    power = np.square(patches[chosen])
    seconds = rng.uniform(0.15, 1.6, (len(chosen), 1))
    decay = (10 ** (-6 * HOP / RATE_HZ / seconds)).astype(np.float32)
    share = (rng.uniform(0.02, 0.35, (len(chosen), 1)) * (1 - decay) * 12).astype(np.float32)
    late = (power.mean(axis=1) * rng.random((len(chosen), 1)) / (1 - decay) * 0.5).astype(np.float32)
    made = np.empty_like(power)
    for frame in range(power.shape[1]):
        made[:, frame] = power[:, frame] + share * late * rng.exponential(1.0, late.shape)
        late = decay * late + power[:, frame]
    result = patches.copy()
    result[chosen] = np.sqrt(made)
    return result


def mixed(
    patches: Array32, labels: Array32, weights: Array32, rng: np.random.Generator
) -> tuple[Array32, Array32, Array32, NDArray[np.bool_]]:
    """A second sound of the batch under some of the patches, with its labels as far as it can be heard.

    Returns patches, labels, weights, and which of the patches are of one sound still.
    """
    made, new_labels, new_weights = patches.copy(), labels.copy(), weights.copy()
    alone = np.ones(len(patches), dtype=bool)
    partner, level = rng.permutation(len(patches)), np.sqrt(np.square(patches).mean(axis=(1, 2))) + 1e-9
    for index in np.nonzero(rng.random(len(patches)) < MIXED)[0]:
        other = partner[index]
        if other == index:
            continue
        below_db = rng.uniform(0, SOFTEST_DB)
        second = patches[other] * (level[index] / level[other] * 10 ** (-below_db / 20))
        made[index] = np.sqrt(np.square(patches[index]) + np.square(second))
        alone[index] = False
        if below_db < HEARD_DB:
            new_labels[index] = np.maximum(labels[index], labels[other])
            new_weights[index] = np.where(new_labels[index] > 0.5, 1.0, np.minimum(weights[index], weights[other]))
        elif below_db < DOUBTFUL_DB:
            new_weights[index] = np.where((labels[other] > 0.5) & (labels[index] < 0.5), 0.0, weights[index])
    return made, new_labels, new_weights, alone


def noisy(patches: Array32, rng: np.random.Generator) -> Array32:
    """Steady noise of any slope, 4 to 45 dB below the sound, under some of the patches."""
    chosen = rng.random(len(patches)) < NOISY
    count, height = int(chosen.sum()), np.linspace(0, 1, patches.shape[2])
    slope = 10 ** (rng.uniform(-18, 6, (count, 1)) * height / 20)[:, None, :]
    level = np.sqrt(np.square(patches[chosen]).mean(axis=(1, 2), keepdims=True))
    spread = np.sqrt(rng.gamma(2.0, 0.5, (count, *patches.shape[1:])))
    noise = slope * level * 10 ** (-rng.uniform(4, 45, (count, 1, 1)) / 20) * spread
    made = patches.copy()
    made[chosen] = np.sqrt(np.square(patches[chosen]) + np.square(noise))
    return made


def masked(inputs: Array32, rng: np.random.Generator) -> Array32:
    """A few bands and frames of some inputs at their mean (SpecAugment, Park et al. 2019)."""
    made = inputs.copy()
    for index in np.nonzero(rng.random(len(inputs)) < MASKED)[0]:
        band, frame = int(rng.integers(56)), int(rng.integers(80))
        made[index, :, band : band + int(rng.integers(2, 9))] = made[index].mean()
        made[index, frame : frame + int(rng.integers(3, 16))] = made[index].mean()
    return made
