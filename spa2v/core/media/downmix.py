"""Two channels from more, by the equations of ITU-R BS.775-3, annex 4.

The front channels keep their gain, the center and the surround channels are added at -3 dB, a single rear channel is
shared by both sides, and the LFE channel is left out. Nothing else is scaled here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HALF_POWER = float(np.sqrt(0.5))  # -3 dB

# Gain into left and right, by the usual short names of loudspeakers.
GAINS: dict[str, tuple[float, float]] = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "FC": (HALF_POWER, HALF_POWER),
    "LFE": (0.0, 0.0),
    "LFE2": (0.0, 0.0),
    "BL": (HALF_POWER, 0.0),
    "BR": (0.0, HALF_POWER),
    "SL": (HALF_POWER, 0.0),
    "SR": (0.0, HALF_POWER),
    "BC": (0.5, 0.5),
    "FLC": (1.0, 0.0),
    "FRC": (0.0, 1.0),
    "WL": (HALF_POWER, 0.0),
    "WR": (0.0, HALF_POWER),
    "TFL": (HALF_POWER, 0.0),
    "TFR": (0.0, HALF_POWER),
    "TBL": (HALF_POWER, 0.0),
    "TBR": (0.0, HALF_POWER),
}

# The order of channels in WAVE_FORMAT_EXTENSIBLE and FLAC, by their number.
DEFAULT_ORDER: dict[int, tuple[str, ...]] = {
    3: ("FL", "FR", "FC"),
    4: ("FL", "FR", "BL", "BR"),
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}
LAYOUT_NAMES = {3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


def channel_order(channels: int, names: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """The loudspeaker of each channel: the file's own names where it gives known ones, else the WAV order.

    Returns None where neither is known: more than eight channels without names, or names of another system.
    """
    if len(names) == channels and all(name in GAINS for name in names):
        return names
    if any(name.startswith("AMBI") for name in names):
        return None
    return DEFAULT_ORDER.get(channels)


def matrix(order: tuple[str, ...]) -> NDArray[np.float32]:
    """The gains as an array of shape (channels, 2), for samples of shape (n, channels)."""
    return np.array([GAINS[name] for name in order], dtype=np.float32)


def describe(order: tuple[str, ...]) -> str:
    """What was done, in one sentence for the manifest."""
    kind = LAYOUT_NAMES.get(len(order), f"{len(order)}-channel")
    if order.count("LFE") == 1 and len(order) == 3:
        kind = "2.1"
    lfe = ", LFE left out" if any(name.startswith("LFE") for name in order) else ""
    return (
        f"{kind} sound ({' '.join(order)}) was mixed down to stereo after ITU-R BS.775: "
        f"center and surround channels at -3 dB{lfe}."
    )
