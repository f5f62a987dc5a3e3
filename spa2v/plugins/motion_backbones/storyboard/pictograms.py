"""Plain pictograms of common kinds of objects, as polygons in parts of the box; other names keep a bare box."""

from __future__ import annotations

import math

from spa2v.plugins.motion_backbones.storyboard.sheet import Area, Color, Pencil
from spa2v.vocabulary import object_of, vocabulary

Polygon = list[tuple[float, float]]
MIN_PIXELS = 8.0  # of the shorter side: below, a pictogram is a blot
INSET = 0.1  # of the box, on every side
SHADE = 0.6  # of the color of the box


def _disc(x: float, y: float, rx: float, ry: float) -> Polygon:
    return [(x + rx * math.cos(t * math.pi / 12), y + ry * math.sin(t * math.pi / 12)) for t in range(24)]


def _rect(x1: float, y1: float, x2: float, y2: float) -> Polygon:
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


_WHEELS = [_disc(0.22, 0.86, 0.1, 0.14), _disc(0.78, 0.86, 0.1, 0.14)]
_LEGS = [_rect(x, 0.6, x + 0.07, 1) for x in (0.2, 0.3, 0.62, 0.72)]
_PERSON = [_disc(0.5, 0.12, 0.16, 0.12), [(0.22, 0.28), (0.78, 0.28), (0.7, 1), (0.3, 1)]]
SHAPES: dict[str, list[Polygon]] = {
    "car": [[(0, 0.8), (0, 0.5), (0.2, 0.45), (0.32, 0.1), (0.72, 0.1), (0.86, 0.45), (1, 0.52), (1, 0.8)], *_WHEELS],
    "bus": [_rect(0, 0.05, 1, 0.82), *_WHEELS],
    "truck": [_rect(0, 0, 0.68, 0.82), [(0.72, 0.3), (0.92, 0.3), (1, 0.55), (1, 0.82), (0.72, 0.82)], *_WHEELS],
    "train": [
        [(0, 0.1), (0.85, 0.1), (1, 0.6), (1, 0.82), (0, 0.82)],
        *[_disc(x, 0.9, 0.05, 0.1) for x in (0.15, 0.4, 0.65, 0.88)],
    ],
    "motorcycle": [
        _disc(0.2, 0.75, 0.2, 0.25),
        _disc(0.8, 0.75, 0.2, 0.25),
        [(0.2, 0.45), (0.65, 0.35), (0.75, 0.1), (0.85, 0.15), (0.75, 0.7), (0.3, 0.75)],
    ],
    "boat": [[(0, 0.6), (1, 0.6), (0.85, 1), (0.15, 1)], [(0.5, 0), (0.5, 0.55), (0.85, 0.55)]],
    "airplane": [
        [(0, 0.4), (0.15, 0.5), (0.85, 0.5), (1, 0.58), (0.85, 0.66), (0.1, 0.66)],
        [(0, 0), (0.1, 0), (0.25, 0.5), (0.05, 0.5)],
        [(0.4, 0.6), (0.6, 0.6), (0.35, 1), (0.25, 1)],
    ],
    "helicopter": [
        _disc(0.65, 0.55, 0.32, 0.3),
        _rect(0, 0.42, 0.6, 0.52),
        _rect(0.3, 0.04, 1, 0.1),
        _rect(0.63, 0.06, 0.67, 0.3),
        _rect(0.4, 0.92, 0.95, 0.98),
    ],
    "person": _PERSON,
    "crowd": [[(x * 0.36 + shift, y) for x, y in part] for shift in (0.0, 0.32, 0.64) for part in _PERSON],
    "animal": [
        [
            (0.12, 0.35),
            (0.7, 0.35),
            (0.78, 0.1),
            (0.98, 0.2),
            (0.98, 0.36),
            (0.84, 0.45),
            (0.8, 0.66),
            (0.18, 0.66),
            (0.02, 0.2),
        ],
        *_LEGS,
    ],
    "bird": [
        _disc(0.5, 0.6, 0.3, 0.25),
        _disc(0.78, 0.35, 0.14, 0.17),
        [(0.9, 0.32), (1, 0.4), (0.9, 0.44)],
        [(0.25, 0.55), (0, 0.3), (0.05, 0.7)],
    ],
    "piano": [_rect(0, 0, 1, 0.5), _rect(0, 0.5, 1, 0.62), _rect(0.05, 0.62, 0.15, 1), _rect(0.85, 0.62, 0.95, 1)],
    "guitar": [
        _disc(0.25, 0.72, 0.25, 0.28),
        _disc(0.45, 0.5, 0.18, 0.2),
        [(0.5, 0.4), (0.93, 0), (1, 0.08), (0.58, 0.5)],
    ],
    "violin": [_disc(0.5, 0.78, 0.3, 0.22), _disc(0.5, 0.5, 0.22, 0.16), _rect(0.45, 0, 0.55, 0.45)],
    "harp": [
        [(0.1, 0), (0.25, 0), (0.3, 0.9), (0.15, 1)],
        [(0.1, 0), (1, 0.25), (0.92, 0.35), (0.2, 0.12)],
        [(0.9, 0.3), (1, 0.3), (0.35, 1), (0.2, 0.95)],
    ],
    "drum": [_disc(0.5, 0.18, 0.5, 0.15), _rect(0, 0.2, 1, 0.8), _disc(0.5, 0.82, 0.5, 0.15)],
    "wind": [[(0, 0.35), (0.7, 0.42), (1, 0.1), (1, 0.9), (0.7, 0.58), (0, 0.65)]],
    "bell": [[(0.4, 0.1), (0.6, 0.1), (0.78, 0.7), (1, 0.85), (0, 0.85), (0.22, 0.7)], _disc(0.5, 0.92, 0.1, 0.08)],
    "clock": [_disc(0.5, 0.5, 0.5, 0.5)],
    "telephone": [
        [
            (0, 0.3),
            (0, 0.1),
            (0.25, 0),
            (0.75, 0),
            (1, 0.1),
            (1, 0.3),
            (0.78, 0.3),
            (0.7, 0.18),
            (0.3, 0.18),
            (0.22, 0.3),
        ],
        [(0.3, 0.3), (0.7, 0.3), (0.95, 1), (0.05, 1)],
    ],
    "door": [_rect(0.05, 0, 0.95, 1)],
}
_BY_NOUN = {
    "police car": "car",
    "tram": "train",
    "bicycle": "motorcycle",
    "man": "person",
    "woman": "person",
    "child": "person",
    "chicken": "bird",
    "duck": "bird",
    "cello": "violin",
    "double bass": "violin",
    "alarm clock": "clock",
    "organ": "piano",
    "synthesizer": "piano",
    "xylophone": "piano",
    "cymbal": "drum",
    "aircraft": "airplane",
}
_BY_GROUP = {
    "vehicle": "car",
    "aircraft": "airplane",
    "person": "person",
    "animal": "animal",
    "wind instrument": "wind",
}


def pictogram_of(name: str) -> str | None:
    """The pictogram of a name ("a red car", "dogs"), None for an uncommon kind."""
    words = " ".join(name.casefold().replace("_", " ").split())
    for text in (words, *reversed(words.split())):
        for form in (text, text.removesuffix("s")):
            noun = object_of(form) or form
            if (found := _BY_NOUN.get(noun, noun)) in SHAPES:
                return found
            known = vocabulary().classes.get(form) or vocabulary().classes.get(noun)
            if (group := _BY_GROUP.get(known.group if known else form)) is not None:
                return group
    return None


def draw_pictogram(pencil: Pencil, area: Area, name: str, color: Color) -> None:
    """Draws the pictogram of a name into a box, in a darker shade of its color."""
    shape = pictogram_of(name)
    if shape is None or min(area.w, area.h) < MIN_PIXELS:
        return
    x, y, w, h = area.x + INSET * area.w, area.y + INSET * area.h, area.w * (1 - 2 * INSET), area.h * (1 - 2 * INSET)
    shade = tuple(round(SHADE * value) for value in color[:3])
    for polygon in SHAPES[shape]:
        pencil.shape([(x + px * w, y + py * h) for px, py in polygon], shade)
