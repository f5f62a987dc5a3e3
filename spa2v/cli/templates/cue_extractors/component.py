"""How wide a recording sounds: the part of its energy that differs between left and right."""

from __future__ import annotations

import numpy as np
from spa2v import AudioClip, Run, SpatialCues, Track

SILENT_POWER = 1e-10


class TemplateName:
    """Measures the share of the side signal (left minus right) in the energy of each window.

    Tracks: template_name, from 0 (both channels are the same) to 1 (they are opposite).
    Measures: template_name_mean, its mean over the sounding windows.

    Args:
        window_s: length of a window in seconds, 0.01 to 10.

    Raises:
        ValueError: the window is out of range.
    """

    def __init__(self, window_s: float = 0.1) -> None:
        if not 0.01 <= window_s <= 10:
            raise ValueError(f"window_s: {window_s!r} is not in 0.01..10")
        self.window_s = window_s

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        """The width over time; silent windows have confidence 0."""
        left, right = audio.stereo.astype(np.float64)
        size = max(1, round(self.window_s * audio.sample_rate))
        starts = np.arange(0, len(left), size)
        ends = np.append(starts[1:], len(left))
        side = np.add.reduceat(((left - right) / 2) ** 2, starts) / (ends - starts)
        middle = np.add.reduceat(((left + right) / 2) ** 2, starts) / (ends - starts)
        power = side + middle
        sounds = power > SILENT_POWER
        share = np.where(sounds, side / np.maximum(power, SILENT_POWER), 0.0)
        times = (starts + ends) / 2 / audio.sample_rate
        mean = float(share[sounds].mean()) if sounds.any() else 0.0
        track = Track(times, share, "1", sounds.astype(np.float64))
        return SpatialCues(audio.duration_s, {"template_name": track}, {"template_name_mean": mean})
