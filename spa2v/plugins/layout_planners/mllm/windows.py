"""Long recordings in overlapping windows: a model plans each, and an object in two of them keeps its id."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from spa2v.core.errors import ConfigError
from spa2v.core.types import AudioClip, KeyFrame, SceneObject, SpatialCues, Track, VideoSceneLayout
from spa2v.core.types.layout import MAX_CAPTION, MAX_KEYFRAMES, MAX_REASONING
from spa2v.dsp.boxes import iou

OVERLAP = 0.25  # of a window
_OF_THE_WHOLE = "values over the whole clip, shares of energy, and tags describe the entire recording."
_MOMENTS = 5  # of an overlap, at which boxes are compared
_SAME_NAME = 0.01  # what two objects of one name are worth where their boxes do not meet


def spans(duration_s: float, window_s: float | None) -> list[tuple[float, float]]:
    """Windows of equal length, at most `window_s`, that cover a recording and overlap by `OVERLAP`: (start, end).

    The last one ends at `duration_s` exactly. None for `window_s` is one window.
    """
    if window_s is None or duration_s <= window_s:
        return [(0.0, duration_s)]
    count = math.ceil((duration_s / window_s - OVERLAP) / (1 - OVERLAP))
    length = duration_s / (count - (count - 1) * OVERLAP)
    starts = [index * length * (1 - OVERLAP) for index in range(count)]
    return [*((start, start + length) for start in starts[:-1]), (starts[-1], duration_s)]


def keyframes_each(wanted: int, windows: int) -> int:
    """Key frames to ask for in each window: fewer than wanted where the whole layout could not hold them.

    Raises:
        ConfigError: there are more windows than a layout has key frames.
    """
    if windows > MAX_KEYFRAMES:
        raise ConfigError(
            f"window_s: the recording has {windows} windows, and a layout has at most {MAX_KEYFRAMES} key frames",
            "raise layout_planner.options.window_s, or plan a part: --start and --duration",
        )
    return min(wanted, MAX_KEYFRAMES // windows)


def cut_audio(audio: AudioClip, start_s: float, end_s: float) -> AudioClip:
    """A part of a recording."""
    first, last = (round(time_s * audio.sample_rate) for time_s in (start_s, end_s))
    return AudioClip(audio.samples[:, first:last], audio.sample_rate, audio.source, audio.notes)


def cut_cues(cues: SpatialCues, start_s: float, end_s: float) -> SpatialCues:
    """What was measured in a part of a recording; measures and tags remain those of the whole, and a note says so."""
    note = f"This is {start_s:.1f} to {end_s:.1f} s of a recording of {cues.duration_s:.1f} s; {_OF_THE_WHOLE}"
    sources = [replace(source, tracks=_cut(source.tracks, start_s, end_s)) for source in cues.sources]
    return replace(
        cues,
        duration_s=end_s - start_s,
        tracks=_cut(cues.tracks, start_s, end_s),
        sources=tuple(sources),
        notes=(note, *cues.notes),
    )


def _cut(tracks: Mapping[str, Track], start_s: float, end_s: float) -> dict[str, Track]:
    found = {}
    for name, track in tracks.items():
        inside = (track.times_s >= start_s) & (track.times_s < end_s)
        if inside.any():
            values, weights = track.values[inside], track.weights[inside]
            found[name] = Track(track.times_s[inside] - start_s, values, track.unit, weights)
    return found


def joined(layouts: Sequence[VideoSceneLayout], times: Sequence[tuple[float, float]]) -> VideoSceneLayout:
    """One layout from those of the windows; each gives way to the next in the middle of their overlap.

    Args:
        layouts: of the windows, in order.
        times: their (start, end) in the recording, in seconds.
    """
    frames: list[KeyFrame] = []
    attributes: dict[str, str] = {}
    names: dict[str, str] = {}
    before: VideoSceneLayout | None = None
    for index, (layout, (start_s, end_s)) in enumerate(zip(layouts, times, strict=True)):
        known = {} if before is None else _same_objects(before, layout, times[index - 1], (start_s, end_s))
        layout = _renamed(layout, known, names)
        begin_s = (start_s + times[index - 1][1]) / 2 if index else 0.0
        until_s = (times[index + 1][0] + end_s) / 2 if index + 1 < len(times) else math.inf
        inside = [replace(f, time_s=f.time_s + start_s) for f in layout.keyframes if f.time_s + start_s < until_s]
        frames += [frame for frame in inside if frame.time_s >= begin_s] or [_at(layout, start_s, begin_s)]
        names |= layout.names
        attributes = {**layout.attributes, **attributes}
        before = layout
    shown = {item.id for frame in frames for item in frame.objects}
    scenarios = {layout.scenario for layout in layouts if layout.scenario}
    moving = "translational" if "translational" in scenarios else None
    length_s = times[0][1] - times[0][0]
    return VideoSceneLayout(
        times[-1][1],
        _together([layout.caption for layout in layouts], " ")[:MAX_CAPTION],
        tuple(frames),
        "\n".join(f"{a:.0f}-{b:.0f} s: {x.reasoning}" for (a, b), x in zip(times, layouts, strict=True))[
            :MAX_REASONING
        ],
        moving or next(iter(scenarios), None),
        {key: value for key, value in attributes.items() if key in shown},
        (
            *dict.fromkeys(note for layout in layouts for note in layout.notes),
            f"The recording was planned in {len(layouts)} overlapping windows of {length_s:.1f} s.",
        ),
    )


def _at(layout: VideoSceneLayout, start_s: float, time_s: float) -> KeyFrame:
    return replace(layout.at(time_s - start_s), time_s=time_s)


def _together(texts: Sequence[str], between: str) -> str:
    return between.join(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _same_objects(
    a: VideoSceneLayout, b: VideoSceneLayout, first: tuple[float, float], second: tuple[float, float]
) -> dict[str, str]:
    """Id in `b` to id in `a` of the objects of one name that lie most alike where the windows overlap."""
    ids, others = list(a.names), list(b.names)
    if not ids or not others:
        return {}
    worth = np.zeros((len(ids), len(others)))
    for time_s in np.linspace(second[0], first[1], _MOMENTS):
        old, new = a.at(float(time_s) - first[0]), b.at(float(time_s) - second[0])
        for i, j in np.ndindex(worth.shape):
            x, y = old.get(ids[i]), new.get(others[j])
            if x is not None and y is not None and x.name.casefold() == y.name.casefold():
                overlap = iou(x.box, y.box)
                worth[i, j] += (overlap + _SAME_NAME) / _MOMENTS
    rows, columns = linear_sum_assignment(-worth)
    return {others[j]: ids[i] for i, j in zip(rows, columns, strict=True) if worth[i, j] > 0}


def _renamed(layout: VideoSceneLayout, known: Mapping[str, str], names: Mapping[str, str]) -> VideoSceneLayout:
    """The layout with the ids of what is known, and with new ids for what is new."""
    ids = dict(known)
    for key in layout.names:
        number, free = 1, key
        while key not in known and (free in names or free in ids.values()):
            number, free = number + 1, f"{key}_{number + 1}"
        ids.setdefault(key, free)

    def renamed(item: SceneObject) -> SceneObject:
        return replace(item, id=ids[item.id], name=names.get(ids[item.id], item.name))

    frames = tuple(replace(f, objects=tuple(renamed(item) for item in f.objects)) for f in layout.keyframes)
    attributes = {ids[key]: value for key, value in layout.attributes.items()}
    return replace(layout, keyframes=frames, attributes=attributes)
