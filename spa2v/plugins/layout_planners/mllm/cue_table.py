"""The cues as a compact text table: one line a key frame, with confidences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import SoundSource, SpatialCues, Tag, Track, keyframe_times

_COLUMNS = (
    ("level", "level dBFS", ".1f", False),
    ("level_difference", "R-L dB", "+.1f", True),
    ("delay", "delay us", "+.0f", True),
    ("azimuth", "azimuth deg", "+.0f", True),
    ("coherence", "coherence", ".2f", False),
    ("centroid", "centroid Hz", ".0f", False),
    ("pitch", "pitch Hz", ".0f", True),
)
"""Track, heading, number format, whether its confidence is shown."""
MAX_TAGS, MAX_MEASURES, MAX_SOURCES = 5, 24, 6
UNHEARD = 0.05


def cue_table(cues: SpatialCues, keyframes: int) -> str:
    """The cues of a clip as text; times are those of the key frames."""
    times = keyframe_times(cues.duration_s, keyframes)
    lines = [f"Recording of {cues.duration_s:.2f} s, {keyframes} frames."]
    lines += _track_lines(cues, times)
    if cues.measures:
        shown = list(cues.measures.items())[:MAX_MEASURES]
        lines.append("Over the whole clip: " + ", ".join(f"{name} {value:.4g}" for name, value in shown) + ".")
    lines += _tag_lines("Sounds like", cues.tags)
    for source in cues.sources[:MAX_SOURCES]:
        lines += _source_lines(source, times)
    lines += [f"Note: {note}" for note in cues.notes[:10]]
    return "\n".join(lines)


def _track_lines(cues: SpatialCues, times: NDArray[np.float64]) -> list[str]:
    columns = [column for column in _COLUMNS if column[0] in cues.tracks]
    if not columns:
        return ["Nothing was measured over time."]
    head = " | ".join(["frame", "time s", *(f"{title} (c)" if sure else title for _, title, _, sure in columns)])
    cells = [_cells(cues.tracks[name], times, form, sure) for name, _, form, sure in columns]
    rows = zip(range(1, len(times) + 1), times, *cells, strict=True)
    return [head, *(" | ".join([str(index), f"{time:.2f}", *values]) for index, time, *values in rows)]


def _cells(track: Track, times: NDArray[np.float64], form: str, sure: bool) -> list[str]:
    values, confidence = track.at(times), track.confidence_at(times)
    if not sure:
        return [format(value, form) for value in values]
    return [
        "-" if trust < UNHEARD else f"{value:{form}} ({trust:.1f})"
        for value, trust in zip(values, confidence, strict=True)
    ]


def _tag_lines(title: str, tags: tuple[Tag, ...]) -> list[str]:
    listed = ", ".join(f"{tag.label} ({tag.confidence:.2f})" for tag in tags[:MAX_TAGS])
    return [f"{title}: {listed}."] if listed else []


def _source_lines(source: SoundSource, times: NDArray[np.float64]) -> list[str]:
    lines = [f"Source {source.id}: {source.share:.0%} of the energy, confidence {source.confidence:.1f}."]
    lines += _tag_lines("  sounds like", source.tags)
    ends = times[[0, len(times) // 2, -1]]
    for key, title, form, _ in _COLUMNS:
        if key in source.tracks:
            values = ", ".join(format(value, form) for value in source.tracks[key].at(ends))
            lines.append(f"  {title} at the start, middle, end: {values}")
    return lines
