"""What the page draws of the sound: the peaks of the waveform and the measured tracks, thinned for a screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import AudioClip

PEAKS_PER_S = 200
MAX_PEAKS = 60_000
MAX_POINTS = 3_000
TRACKS = ("level", "azimuth", "level_difference")


def peaks(audio: AudioClip) -> NDArray[np.int8]:
    """The lowest and highest sample of each piece of the clip, for left and right, shape (pieces, 4).

    Full scale is 127; a clip that exceeds it is scaled down as a whole.
    """
    samples = audio.stereo
    count = max(1, min(MAX_PEAKS, samples.shape[1], round(audio.duration_s * PEAKS_PER_S)))
    edges = (np.arange(count) * samples.shape[1]) // count
    scale = 127.0 / max(1.0, float(np.abs(samples).max()))
    low = np.minimum.reduceat(samples, edges, axis=1) * scale
    high = np.maximum.reduceat(samples, edges, axis=1) * scale
    return np.stack([low[0], high[0], low[1], high[1]], axis=1).round().astype(np.int8)


def cues_for_page(cues: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Of the JSON of `SpatialCues`: measures, tags, notes, and the tracks that the page shows."""
    if not isinstance(cues, Mapping):
        return None
    return {
        "measures": {str(k): v for k, v in _mapping(cues.get("measures")).items() if isinstance(v, (int, float))},
        "tags": _list(cues.get("tags"))[:8],
        "notes": [str(note) for note in _list(cues.get("notes"))],
        "tracks": _tracks(cues.get("tracks")),
        "sources": [
            {
                "id": str(source.get("id", place)),
                "share": source.get("share", 0.0),
                "confidence": source.get("confidence", 1.0),
                "tags": _list(source.get("tags"))[:3],
                "tracks": _tracks(source.get("tracks")),
            }
            for place, source in enumerate(_list(cues.get("sources")))
            if isinstance(source, Mapping)
        ],
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _tracks(value: Any) -> dict[str, Any]:
    found = {name: _thinned(track) for name, track in _mapping(value).items() if name in TRACKS}
    return {name: track for name, track in found.items() if track is not None}


def _thinned(track: Any) -> dict[str, Any] | None:
    """A track of at most `MAX_POINTS` points; None where it is no track."""
    try:
        times, values = (np.asarray(track[key], dtype=np.float64) for key in ("times_s", "values"))
        sure = np.asarray(track.get("confidence", np.ones_like(values)), dtype=np.float64)
    except (TypeError, ValueError, KeyError, AttributeError):
        return None
    if times.ndim != 1 or not times.shape == values.shape == sure.shape or not len(times):
        return None
    good = np.isfinite(times) & np.isfinite(values) & np.isfinite(sure)
    step = max(1, -(-int(good.sum()) // MAX_POINTS))
    return {
        "unit": str(track.get("unit", "")),
        "times_s": times[good][::step].round(4).tolist(),
        "values": values[good][::step].round(3).tolist(),
        "confidence": sure[good][::step].clip(0, 1).round(3).tolist(),
    }
