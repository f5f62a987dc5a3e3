"""What two microphones, or the two ears of a head, make of sound from a direction.

Each channel hears `low(t) * LP(x) + high(t) * HP(x)` of a sound x, where LP and HP split x with a first-order filter.
Microphones have low = high, their gain towards the source. A head follows the structural model of Brown and Duda
(1998): its shadow is the shelf (1 + a s) / (1 + s) with s = j w r / 2c, that is low = 1 and high = a, where a depends
on the angle between the source and the ear. Its delay is Woodworth's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.world.scene import SPEED_OF_SOUND_M_S, Receiver

Floats = NDArray[np.float64]
SIDES = (-1.0, 1.0)  # the left channel, the right channel
SHADOW_MIN, SHADOW_ANGLE_DEG = 0.1, 150.0  # of Brown and Duda


@dataclass(frozen=True)
class Ear:
    """One channel of a receiver.

    Args:
        receiver: whose.
        side: -1 for left, 1 for right.
        height_m: of the receiver.
        balance_db: constant gain, half of it on each channel.
    """

    receiver: Receiver
    side: float
    height_m: float
    balance_db: float = 0.0

    @property
    def place(self) -> Floats:
        """Where it is, shape (3,). The two ears of a head share the middle; their delay is added by `extra_m`."""
        apart = self.receiver.spacing_m if self.receiver.kind == "spaced" else 0.0
        return np.array([self.side * apart / 2, self.height_m, 0.0])

    @property
    def gain(self) -> float:
        return float(10 ** (self.side * self.balance_db / 40))

    @property
    def corner_hz(self) -> float | None:
        """Where LP and HP part; None for microphones, which do not need them."""
        radius = self.receiver.spacing_m / 2
        return SPEED_OF_SOUND_M_S / (np.pi * radius) if self.receiver.kind == "sphere" else None

    def extra_m(self, offsets: Floats) -> Floats:
        """The way around the head that comes on top of the distance to its middle, in meters, shape (...)."""
        if self.receiver.kind != "sphere":
            return np.zeros(offsets.shape[:-1])
        angle = np.arcsin(np.clip(self.side * _sine(offsets), -1, 1))  # towards this ear is positive
        radius = self.receiver.spacing_m / 2
        return np.asarray(np.where(angle > 0, -radius * np.sin(angle), -radius * angle))

    def gains(self, offsets: Floats) -> tuple[Floats, Floats]:
        """Low and high gain for sources at `offsets` from the ear, shape (..., 3), without the loss over distance."""
        match self.receiver.kind:
            case "mono":
                low = high = np.ones(offsets.shape[:-1])
            case "sphere":
                low = np.ones(offsets.shape[:-1])
                high = _shadow(np.degrees(np.arccos(np.clip(self.side * _sine(offsets), -1, 1))))
            case _:
                low = high = self._directional(offsets)
        return self.gain * low, self.gain * high

    def _directional(self, offsets: Floats) -> Floats:
        splay, share = np.radians(self.receiver.splay_deg), self.receiver.directivity
        axis = np.array([self.side * np.sin(splay), 0.0, np.cos(splay)])
        cosine = offsets @ axis / np.linalg.norm(offsets, axis=-1)
        return np.asarray(1 - share + share * cosine)


def ears(receiver: Receiver, height_m: float, mirrored: bool) -> tuple[Ear, Ear]:
    """The left and the right channel of a receiver; in a mirrored scene its imbalance changes sides."""
    balance = -receiver.balance_db if mirrored else receiver.balance_db
    left, right = (Ear(receiver, side, height_m, 0.0 if receiver.is_mono else balance) for side in SIDES)
    return left, right


def _sine(offsets: Floats) -> Floats:
    """Sine of the angle to the right of straight ahead (or behind)."""
    return np.asarray(offsets[..., 0] / np.linalg.norm(offsets, axis=-1))


def _shadow(angle_deg: Floats) -> Floats:
    """Gain of the high frequencies at an ear, by the angle between its axis and the source."""
    middle = (1 + SHADOW_MIN / 2, 1 - SHADOW_MIN / 2)
    return np.asarray(middle[0] + middle[1] * np.cos(np.pi * np.clip(angle_deg / SHADOW_ANGLE_DEG, 0, 1)))
