"""Annotation files: of the DCASE2025 Task 3 stereo data, which have a header, and of STARSS22 and STARSS23, which have none.

One line for each sounding event in each frame of 100 ms. With a header the columns are frame, class, source, azimuth,
distance, onscreen; without, they are frame, class, source, azimuth, elevation and (STARSS23) distance. Angles are in
degrees, azimuth counts to the LEFT from the front, distance is in cm. In the stereo data what comes from behind is
folded to the front, so azimuth lies in -90..90 and `onscreen` alone tells front from back.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spa2v import ConfigError

FRAME_S = 0.1
ANNOTATION = "annotation.csv"
"""The name of the file in the folder of a clip."""
HEADER = ("frame", "class", "source", "azimuth", "distance", "onscreen")
BARE = ("frame", "class", "source", "azimuth", "elevation", "distance")
RANGES = {
    "frame": (0, 36_000),
    "class": (0, 12),
    "source": (0, 10_000),
    "azimuth": (-180, 180),
    "elevation": (-90, 90),
    "distance": (1, 100_000),
    "onscreen": (0, 1),
}
WHOLE = ("frame", "class", "source", "onscreen")
MAX_BYTES, MAX_AT_ONCE = 16 * 1024**2, 32


@dataclass(frozen=True)
class Event:
    """What sounds in one frame, in spa2v's conventions.

    Args:
        frame: of 100 ms, from 0.
        sound: index of the class.
        source: number of the person that makes it; 0 where none does.
        azimuth_deg: -180..180, positive at the RIGHT.
        elevation_deg: positive upward; None where it is not annotated.
        distance_m: None where it is not annotated.
        onscreen: whether it comes from inside the picture; None where it is not annotated.
    """

    frame: int
    sound: int
    source: int
    azimuth_deg: float
    elevation_deg: float | None = None
    distance_m: float | None = None
    onscreen: bool | None = None

    @property
    def heard_deg(self) -> float:
        """The azimuth that two channels can tell, -90..90: what is behind is heard as in front."""
        front = abs(self.azimuth_deg) <= 90
        return self.azimuth_deg if front else math.copysign(180.0, self.azimuth_deg) - self.azimuth_deg


def read_events(path: Path) -> tuple[Event, ...]:
    """The events of a file, in the order of their frames. A file without any is a recording in which nothing sounds.

    Raises:
        ConfigError: unreadable, too large, other columns, or a value out of range; names the line.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"the annotation {path.name!r} is larger than {MAX_BYTES >> 20} MiB")
        lines = raw.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the annotation {str(path)!r}", str(error)) from error
    rows = [(number, line.split(",")) for number, line in enumerate(lines, start=1) if line.strip()]
    columns: tuple[str, ...] = BARE
    if rows and not rows[0][1][0].strip().lstrip("-").isdigit():
        columns = tuple(word.strip().lower() for word in rows.pop(0)[1])
        if columns != HEADER:
            raise ConfigError(f"the annotation {path.name!r} has the columns {', '.join(columns)[:80]}", _expected())
    found = [_event(words, columns, f"{path.name} line {number}") for number, words in rows]
    for frame, count in Counter(event.frame for event in found).most_common(1):
        if count > MAX_AT_ONCE:
            raise ConfigError(f"{path.name}: {count} events in frame {frame}", f"expected at most {MAX_AT_ONCE}")
    return tuple(sorted(found, key=lambda event: event.frame))


def events_text(events: Sequence[Event]) -> str:
    """The text of a file with these events: with a header where `onscreen` is known, else without, as STARSS has it."""
    with_header = any(event.onscreen is not None for event in events)
    lines = [",".join(HEADER)] if with_header else []
    for event in events:
        place = [] if with_header else [event.elevation_deg]
        far = [] if event.distance_m is None else [100 * event.distance_m]
        flag = [int(bool(event.onscreen))] if with_header else []
        numbers = [event.frame, event.sound, event.source, -event.azimuth_deg, *place, *far, *flag]
        lines.append(",".join(f"{number:.10g}" for number in numbers))
    return "\n".join(lines) + "\n"


def _expected() -> str:
    return f"expected {','.join(HEADER)}, or without a header {','.join(BARE)}"


def _event(words: Sequence[str], columns: tuple[str, ...], where: str) -> Event:
    if len(words) not in ({5, 6} if columns is BARE else {len(columns)}):
        raise ConfigError(f"{where}: {len(words)} columns", _expected())
    value = {name: _number(word, name, where) for name, word in zip(columns, words, strict=False)}
    distance, onscreen = value.get("distance"), value.get("onscreen")
    return Event(
        frame=int(value["frame"]),
        sound=int(value["class"]),
        source=int(value["source"]),
        azimuth_deg=-value["azimuth"] or 0.0,
        elevation_deg=value.get("elevation"),
        distance_m=None if distance is None else distance / 100,
        onscreen=None if onscreen is None else bool(onscreen),
    )


def _number(word: str, name: str, where: str) -> float:
    low, high = RANGES[name]
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not low <= value <= high or (name in WHOLE and value != int(value)):
        raise ConfigError(f"{where}: {name} is {word.strip()[:40]!r}", f"expected {low} to {high}")
    return value
