"""The thirteen classes of sound, and what is assumed of the things that make them."""

from __future__ import annotations

from typing import NamedTuple


class Sound(NamedTuple):
    """A class of sound.

    Args:
        label: as the data set calls it.
        thing: what is seen of it.
        verb: what the thing does.
        width_m, height_m: size of the thing.
        base_m: its lower edge over the floor.
        mouth_m: where on it the sound comes from, over the floor.
        of_a_person: the thing is the person whose number the annotation gives.
    """

    label: str
    thing: str
    verb: str
    width_m: float
    height_m: float
    base_m: float
    mouth_m: float
    of_a_person: bool = False


SOUNDS = (
    Sound("Female speech", "woman", "speaks", 0.55, 1.65, 0.0, 1.5, True),
    Sound("Male speech", "man", "speaks", 0.60, 1.75, 0.0, 1.6, True),
    Sound("Clapping", "person", "claps", 0.60, 1.70, 0.0, 1.2, True),
    Sound("Telephone", "telephone", "rings", 0.20, 0.10, 0.75, 0.8),
    Sound("Laughter", "person", "laughs", 0.60, 1.70, 0.0, 1.55, True),
    Sound("Domestic sounds", "household appliance", "runs", 0.50, 0.50, 0.5, 0.75),
    Sound("Footsteps", "person", "walks", 0.60, 1.70, 0.0, 0.05, True),
    Sound("Door", "door", "moves", 0.90, 2.00, 0.0, 1.0),
    Sound("Music", "loudspeaker", "plays music", 0.30, 0.45, 0.8, 1.0),
    Sound("Musical instrument", "musical instrument", "plays", 0.80, 0.60, 0.6, 0.9),
    Sound("Water tap", "water tap", "runs", 0.25, 0.35, 0.9, 1.05),
    Sound("Bell", "bell", "rings", 0.20, 0.20, 0.9, 1.0),
    Sound("Knock", "door", "is knocked at", 0.90, 2.00, 0.0, 1.3),
)
"""In the order of the class index. Names and order are the data set's; things and sizes are our priors, in meters."""
