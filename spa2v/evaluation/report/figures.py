"""What the figures show, in the units of the drawing; the templates turn it into inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spa2v.core.types import KeyFrame

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 150, 52, 20, 16, 24
COLORS = 8
"""Classes c0 to c7 of palette.css."""
MAX_POINTS = 600


@dataclass(frozen=True)
class Curve:
    """A value against time.

    Args:
        title, unit: of the value.
        path: polyline points, "x,y x,y ...".
        dots: (x, y, opacity) of single values; opacity is the confidence.
        ticks_x, ticks_y: (position, text).
        zero: y of the value 0, or None where it is not in range.
    """

    title: str
    unit: str
    path: str
    dots: tuple[tuple[float, float, float], ...]
    ticks_x: tuple[tuple[float, str], ...]
    ticks_y: tuple[tuple[float, str], ...]
    zero: float | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def curve(title: str, track: Mapping[str, Any], duration_s: float) -> Curve | None:
    """A cue track, as `cues.json` has it; None where it holds nothing that can be drawn."""
    times, values = _numbers(track.get("times_s")), _numbers(track.get("values"))
    sure = _numbers(track.get("confidence"))
    sure = sure if len(sure) == len(times) else np.ones(len(times))
    good = np.isfinite(times) & np.isfinite(values) if len(times) == len(values) else np.zeros(0, bool)
    if not good.any():
        return None
    step = max(1, int(good.sum() // MAX_POINTS))
    times, values, sure = times[good][::step], values[good][::step], np.clip(sure[good][::step], 0, 1)
    low, high = _range(values)
    x = LEFT + times / max(duration_s, float(times[-1]), 1e-9) * (WIDTH - LEFT - RIGHT)
    y = HEIGHT - BOTTOM - (values - low) / (high - low) * (HEIGHT - BOTTOM - TOP)
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    dots = tuple(
        (round(float(a), 1), round(float(b), 1), round(float(c), 2)) for a, b, c in zip(x, y, sure, strict=True)
    )
    zero = HEIGHT - BOTTOM + low / (high - low) * (HEIGHT - BOTTOM - TOP) if low < 0 < high else None
    return Curve(title, str(track.get("unit", "")), path, dots, _ticks_x(duration_s), _ticks_y(low, high), zero)


def _numbers(values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        return np.asarray(values, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        return np.zeros(0)


def _range(values: np.ndarray[Any, Any]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.08 * (high - low) or max(1.0, abs(high) * 0.1)
    return low - margin, high + margin


def _ticks_x(duration_s: float) -> tuple[tuple[float, str], ...]:
    times = np.linspace(0.0, duration_s, 6)
    return tuple((round(LEFT + float(t) / duration_s * (WIDTH - LEFT - RIGHT), 1), f"{t:.1f} s") for t in times)


def _ticks_y(low: float, high: float) -> tuple[tuple[float, str], ...]:
    values = np.linspace(low, high, 4)[[0, 1, 2, 3]]
    span = HEIGHT - BOTTOM - TOP
    return tuple(
        (
            round(HEIGHT - BOTTOM - (float(v) - low) / (high - low) * span, 1),
            f"{v:.0f}" if abs(v) >= 100 else f"{v:.3g}",
        )
        for v in values
    )


@dataclass(frozen=True)
class Boxed:
    """A box in a frame, in hundredths of its sides, with the class of its color; `dashed` for ground truth."""

    x: float
    y: float
    width: float
    height: float
    label: str
    color: str
    dashed: bool = False


def boxes_of(frame: KeyFrame, colors: Mapping[str, str], dashed: bool = False) -> list[Boxed]:
    """The things of a frame."""
    return [
        Boxed(
            round(100 * item.box.x1, 2),
            round(100 * item.box.y1, 2),
            round(100 * (item.box.x2 - item.box.x1), 2),
            round(100 * (item.box.y2 - item.box.y1), 2),
            item.name,
            colors.get(item.id, colors.get(item.name, "c0")),
            dashed,
        )
        for item in frame.objects
    ]


def colors_of(names: Iterable[str]) -> dict[str, str]:
    """A class of color for each name or id, the same on both sides."""
    return {name: f"c{place % COLORS}" for place, name in enumerate(dict.fromkeys(names))}


@dataclass(frozen=True)
class Histogram:
    """How scores are spread: bars (x, y, width, height, text), ticks, and where the mean lies."""

    title: str
    bars: tuple[tuple[float, float, float, float, str], ...]
    ticks: tuple[tuple[float, str], ...]
    mean: float
    mean_text: str
    width: int = 300
    height: int = 120


def histogram(title: str, values: Sequence[float], text: Any, bins: int = 20) -> Histogram | None:
    """Of the scores of a metric; `text` prints a stored value."""
    if not values:
        return None
    array = np.asarray(values, dtype=np.float64)
    low, high = float(array.min()), float(array.max())
    low, high = (0.0, 1.0) if low >= 0.0 and high <= 1.0 and high > 0.2 else (low, high if high > low else low + 1.0)
    counts, edges = np.histogram(array, bins, (low, high))
    span, tall = 280.0, 84.0
    bars = tuple(
        (
            round(10 + place * span / bins, 2),
            round(12 + tall * (1 - count / counts.max()), 2),
            round(span / bins - 1.5, 2),
            round(tall * count / counts.max(), 2),
            f"{text(edges[place])} to {text(edges[place + 1])}: {count}",
        )
        for place, count in enumerate(counts)
        if count
    )
    mean = float(array.mean())
    ticks = tuple((10 + span * part, text(low + (high - low) * part)) for part in (0.0, 0.5, 1.0))
    return Histogram(title, bars, ticks, round(10 + span * (mean - low) / (high - low), 2), text(mean))


@dataclass(frozen=True)
class IntervalRow:
    """A variant in an interval plot; positions in pixels, None for what is not known."""

    name: str
    y: float
    point: float | None
    low: float | None
    high: float | None
    paper: float | None
    text: str


@dataclass(frozen=True)
class IntervalPlot:
    """Values of variants with intervals, one line each."""

    title: str
    rows: tuple[IntervalRow, ...]
    ticks: tuple[tuple[float, str], ...]
    width: int
    height: int
    left: int


Measured = tuple[str, float | None, float | None, float | None, float | None]
"""Name, value, low, high, the paper's value."""


def interval_plot(title: str, rows: Sequence[Measured], text: Any) -> IntervalPlot | None:
    """Variants under each other on one axis."""
    known = [value for row in rows for value in row[1:] if value is not None]
    if not known:
        return None
    low, high = min(0.0, *known), max(known)
    high = high if high > low else low + 1.0
    longest = max(len(row[0]) for row in rows)
    left, width = int(min(max(6.4 * longest + 24, 110), 400)), 760

    def place(value: float | None) -> float | None:
        return None if value is None else round(left + (value - low) / (high - low) * (width - left - 70), 1)

    made = tuple(
        IntervalRow(name, 20 + 24 * i, place(value), place(a), place(b), place(paper), text(value))
        for i, (name, value, a, b, paper) in enumerate(rows)
    )
    ticks = tuple(
        (float(place(low + (high - low) * part) or 0.0), text(low + (high - low) * part)) for part in (0, 0.5, 1)
    )
    return IntervalPlot(title, made, ticks, width, 24 * len(rows) + 44, left)
