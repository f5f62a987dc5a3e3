"""Ambisonics to stereo: two virtual cardioid microphones in one place, 55 degrees to the left and to the right.

That is the opening of the ORTF and similar pairs. With it the level difference follows the azimuth closely by the
energy rule that `interaural` measures with: sources at 15, 30, 60 and 90 degrees are found within 12 degrees, where
cardioids at 90 degrees would put a source at 30 degrees to 53.

Only the first order is used. Conventions: AmbiX (ACN order, SN3D: Nachbar et al., "ambiX", 2011) and B-format after
Furse and Malham (W X Y Z, W at -3 dB).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MICROPHONE_DEG = 55.0
_SQUARES = {(order + 1) ** 2: order for order in range(1, 8)}
_FULL_B_FORMAT = {3, 4, 5, 6, 7, 8, 9, 11, 16}  # channels of the horizontal, mixed and full orders up to three
_MAX_SCAN_BYTES = 64 * 1024**2
_AMBIX = re.compile(r"ambi\W?x|ambisonic", re.IGNORECASE)
_B_FORMAT = re.compile(r"b-format|fu-?ma\b", re.IGNORECASE)


@dataclass(frozen=True)
class Ambisonics:
    """A convention of Ambisonics channels.

    Args:
        name: for the note.
        order: of the spherical harmonics; 0 where it is mixed.
        indices: which channels are W, X and Y.
        gains: what makes each of them SN3D.
    """

    name: str
    order: int
    indices: tuple[int, int, int]
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def matrix(self, channels: int) -> NDArray[np.float32]:
        """Gains of shape (channels, 2) into left and right."""
        angle = math.radians(MICROPHONE_DEG)
        found = np.zeros((channels, 2), np.float32)
        for index, gain, part in zip(
            self.indices,
            self.gains,
            (np.ones(2), np.full(2, math.cos(angle)), (math.sin(angle), -math.sin(angle))),
            strict=True,
        ):
            found[index] = 0.5 * gain * np.asarray(part)
        return found

    def describe(self) -> str:
        """What was done, in one sentence for the manifest."""
        kind = f"order {self.order} " if self.order else ""
        return (
            f"Ambisonics ({kind}{self.name}) was decoded to stereo for two virtual cardioid microphones, "
            f"{MICROPHONE_DEG:g} degrees to the left and to the right."
        )


def recognize(path: Path, names: tuple[str, ...], metadata: Mapping[str, str], b_format: bool) -> Ambisonics | None:
    """The convention of a file's channels, by what the file itself says; None where it says nothing of Ambisonics.

    Args:
        path: the file; an MP4 is searched for the box of spatial audio.
        names: of the channels, by FFmpeg ("AMBI0", ... where the codec or the container declares Ambisonics).
        metadata: tags.
        b_format: whether the WAV format is that of .amb files.
    """
    channels = len(names)
    if channels < 3:
        return None
    text = " ".join(str(value) for value in metadata.values())
    if b_format and channels in _FULL_B_FORMAT:
        return _b_format(channels)
    declared = sum(name.startswith("AMBI") for name in names) >= 4
    if declared:
        return _ambix(sum(name.startswith("AMBI") for name in names))
    if channels in _SQUARES and _B_FORMAT.search(text):
        return _b_format(channels)
    squares = channels if channels in _SQUARES else channels - 2  # two more: a stereo track that stays put
    if squares in _SQUARES and (_AMBIX.search(text) or _has_spatial_box(path, channels)):
        return _ambix(squares)
    return None


def _ambix(channels: int) -> Ambisonics:
    return Ambisonics("AmbiX", _SQUARES.get(channels, 0), (0, 3, 1))


def _b_format(channels: int) -> Ambisonics:
    return Ambisonics("B-format", _SQUARES.get(channels, 0), (0, 1, 2), (math.sqrt(2), 1.0, 1.0))


def _has_spatial_box(path: Path, channels: int) -> bool:
    """Whether an MP4 holds the box SA3D (Google's "Spatial Audio RFC"): version 0, ACN order, SN3D."""
    with path.open("rb") as file:
        if file.read(12)[4:8] not in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
            return False
        size = path.stat().st_size
        for start in sorted({0, max(0, size - _MAX_SCAN_BYTES)}):
            file.seek(start)
            content = file.read(_MAX_SCAN_BYTES)
            at = content.find(b"SA3D")
            box = content[at + 4 : at + 16]
            if at >= 0 and len(box) == 12 and box[0] == 0 and box[1] & 0x7F == 0 and box[6] == 0 == box[7]:
                return int.from_bytes(box[8:12], "big") == channels
    return False
