"""From a direction and a distance to a box, by the camera of the data set and the size that things usually have."""

from __future__ import annotations

import math
from dataclasses import dataclass

from spa2v import Box

from spa2v_dcase.annotations import Event
from spa2v_dcase.classes import SOUNDS

UNKNOWN_M = 2.0
"""The distance where none is annotated (STARSS22)."""
NEAREST_M = 0.2
LEAST_SIDE = 1e-3


@dataclass(frozen=True)
class Camera:
    """A level camera at the microphone, looking to the front.

    Args:
        field_of_view_deg: horizontal; 100 in the stereo data.
        aspect: width over height of the picture; 16:9 there.
        height_m: over the floor, assumed; used where no elevation is annotated.
    """

    field_of_view_deg: float = 100.0
    aspect: float = 640 / 360
    height_m: float = 1.5

    def box(self, event: Event) -> Box | None:
        """The box of the thing that makes a sound; None where it is out of the picture.

        Left and right follow from the azimuth alone, exactly; the size is the prior's at the annotated distance; up and down
        follow from the annotated elevation, or from where on such a thing the sound comes from.
        """
        sound = SOUNDS[event.sound]
        distance = max(event.distance_m or UNKNOWN_M, NEAREST_M)
        azimuth, up = math.radians(event.azimuth_deg), self._height_of(event, distance)
        depth = math.sqrt(distance**2 - up**2) * math.cos(azimuth)
        if event.onscreen is False or depth < NEAREST_M / 10:
            return None
        across = 1.0 / (2.0 * math.tan(math.radians(self.field_of_view_deg) / 2.0))
        x, y = 0.5 + math.tan(azimuth) * across, 0.5 - up / depth * across * self.aspect
        if event.onscreen is None and not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
            return None
        half, scale = sound.width_m / 2 / depth * across, across * self.aspect / depth
        top = y - (sound.base_m + sound.height_m - sound.mouth_m) * scale
        return _clipped(x - half, top, x + half, top + sound.height_m * scale)

    def _height_of(self, event: Event, distance: float) -> float:
        """How far the sound is above the camera, in meters."""
        if event.elevation_deg is not None:
            return math.sin(math.radians(event.elevation_deg)) * distance
        over = SOUNDS[event.sound].mouth_m - self.height_m
        return math.copysign(min(abs(over), 0.9 * distance), over)


def _clipped(x1: float, y1: float, x2: float, y2: float) -> Box | None:
    """The part inside the picture; None where next to nothing is."""
    x1, y1, x2, y2 = (min(max(edge, 0.0), 1.0) for edge in (x1, y1, x2, y2))
    return Box(x1, y1, x2, y2) if min(x2 - x1, y2 - y1) >= LEAST_SIDE else None
