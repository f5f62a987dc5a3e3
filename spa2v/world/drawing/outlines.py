"""Rectangles, as lists of corners."""

from __future__ import annotations


def rect(cx: float, cy: float, half_width: float, half_height: float) -> list[tuple[float, float]]:
    """A rectangle by its middle."""
    w, h = half_width, half_height
    return [(cx - w, cy - h), (cx + w, cy - h), (cx + w, cy + h), (cx - w, cy + h)]


def block(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    """A rectangle by its lower left corner."""
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def rect_between(x1: float, x2: float, y1: float, y2: float) -> list[tuple[float, float]]:
    """A rectangle by its sides."""
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
