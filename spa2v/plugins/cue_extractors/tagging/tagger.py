"""Patches of a sound to scores of the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spa2v.dsp.log_mel import PATCH_FRAMES, mel_magnitudes, patches, resampled, sounding
from spa2v.plugins.cue_extractors.tagging.network import Network
from spa2v.vocabulary import vocabulary

SHORT_S = 5.0  # sound below this is heard in patches that overlap by half
MOST_PATCHES = 64  # of a long recording, spread evenly
ACTIVE_DB = 30.0  # a patch further below the loudest one is a pause
ODDS = 0.26  # of a score's odds, cautious: see the model card for what it names right and wrong
MARGIN = 1.0  # of the next best object's score: two names that are about as likely are both doubtful
MEAN_SHARE = 0.7  # of a clip's score: the mean over its patches; the rest is the highest patch


@dataclass(frozen=True)
class Tagger:
    """The tagger of the package, or one trained by `spa2v world train tagger`."""

    network: Network

    @classmethod
    def read(cls, path: Path) -> Tagger:
        """Reads weights.

        Raises:
            WeightsError: they cannot be read, or are of another vocabulary.
        """
        return cls(Network.read(path, len(vocabulary().classes)))

    def tag(self, samples: NDArray[np.floating], rate: int) -> dict[str, float]:
        """Scores 0..1 of the classes of the vocabulary for mono samples (n,); all 0 for silence."""
        scores = clip_scores(self.network, samples, rate)
        return dict(zip(vocabulary().classes, scores.tolist(), strict=True))


@cache
def packaged_tagger() -> Tagger:
    """The tagger whose weights come with the package."""
    with as_file(files("spa2v").joinpath("weights", "tagger", "tagger.npz")) as path:
        return Tagger.read(path)


def clip_scores(network: Network, samples: NDArray[np.floating], rate: int) -> NDArray[np.float32]:
    """Scores of a whole sound, (classes,): of its patches, the loud ones count more; pauses do not count."""
    sound = resampled(sounding(samples), rate)
    if not len(sound):
        return np.zeros(network.head_bias.shape, dtype=np.float32)
    chosen, weights = active_patches(mel_magnitudes(sound))
    scores = network.scores(chosen)
    mean = weights @ scores / weights.sum()
    pooled = MEAN_SHARE * mean + (1 - MEAN_SHARE) * scores.max(axis=0)
    return np.asarray(ODDS * pooled / (1 - (1 - ODDS) * pooled), dtype=np.float32)


def active_patches(magnitudes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The patches that are not pauses, (N, 96, 64), and their weights, (N,)."""
    short = len(magnitudes) < SHORT_S * 100
    every = patches(magnitudes, PATCH_FRAMES // 2 if short else PATCH_FRAMES)
    if len(every) > MOST_PATCHES:
        every = every[np.linspace(0, len(every) - 1, MOST_PATCHES).astype(int)]
    loudness = np.sqrt(np.mean(np.square(every), axis=(1, 2)))
    kept = loudness > 10 ** (-ACTIVE_DB / 20) * loudness.max()
    return every[kept], np.sqrt(loudness[kept] / loudness.max())
