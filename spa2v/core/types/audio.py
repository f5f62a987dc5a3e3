"""`AudioClip`: a piece of sound with one or two channels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import AudioError

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
MIN_DURATION_S = 0.05
MAX_PEAK = 1_000.0


@dataclass(frozen=True, eq=False)
class AudioClip:
    """Sound samples of one or two channels.

    Args:
        samples: shape (channels, n), channels 1 or 2 (left, right); any float type, kept as float32. Full scale is
            -1..1; larger values are allowed up to `MAX_PEAK`.
        sample_rate: in Hz, 8000 to 192000.
        source: where the sound came from, for messages and manifests (a file name, not a full path).
        notes: what was done to the sound on the way in, such as a downmix, one sentence each.
        notices: what the user should know of it, such as a part that could not be decoded; printed by a run.

    Raises:
        AudioError: wrong shape, empty, shorter than `MIN_DURATION_S`, NaN or Inf, absurd values, rate out of range.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    source: str = "audio"
    notes: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        raw = np.asarray(self.samples)
        if raw.ndim != 2 or raw.shape[0] not in (1, 2):
            raise AudioError(
                f"{self.source!r}: samples have shape {raw.shape}", "expected (channels, n) with 1 or 2 channels"
            )
        if not MIN_RATE_HZ <= self.sample_rate <= MAX_RATE_HZ:
            raise AudioError(
                f"{self.source!r}: the sample rate is {self.sample_rate} Hz",
                f"{MIN_RATE_HZ} to {MAX_RATE_HZ} Hz are supported",
            )
        if raw.shape[1] == 0:
            raise AudioError(f"{self.source!r}: the sound is empty")
        if raw.shape[1] < MIN_DURATION_S * self.sample_rate:
            raise AudioError(
                f"{self.source!r}: the sound lasts {raw.shape[1] / self.sample_rate:.4f} s",
                f"at least {MIN_DURATION_S} s are needed",
            )
        peak = max(float(raw.max()), -float(raw.min()))  # NaN and Inf carry through both
        if not np.isfinite(peak):
            raise AudioError(f"{self.source!r}: the samples hold NaN or Inf")
        if peak > MAX_PEAK:
            raise AudioError(
                f"{self.source!r}: the samples reach {peak:.3g}", "full scale is 1.0; is this file really sound?"
            )
        samples = np.array(raw, dtype=np.float32, order="C")
        samples.setflags(write=False)
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "sample_rate", int(self.sample_rate))

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def duration_s(self) -> float:
        return float(self.samples.shape[1] / self.sample_rate)

    @property
    def left(self) -> NDArray[np.float32]:
        return self.samples[0]

    @property
    def right(self) -> NDArray[np.float32]:
        return self.samples[-1]

    @cached_property
    def stereo(self) -> NDArray[np.float32]:
        """The samples as (2, n); a mono clip is repeated."""
        return self.samples if self.channels == 2 else np.repeat(self.samples, 2, axis=0)

    @cached_property
    def mono(self) -> NDArray[np.float32]:
        """The mean of the channels, shape (n,)."""
        return self.samples[0] if self.channels == 1 else self.samples.mean(axis=0)

    def swapped(self) -> AudioClip:
        """The clip with left and right exchanged."""
        return AudioClip(self.samples[::-1], self.sample_rate, self.source, self.notes, self.notices)

    def reversed(self) -> AudioClip:
        """The clip played backwards."""
        return AudioClip(self.samples[:, ::-1], self.sample_rate, self.source, self.notes, self.notices)
