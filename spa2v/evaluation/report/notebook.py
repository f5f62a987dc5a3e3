"""What a notebook shows for a layout, cues, a video or a result: a small page, sealed like a report."""

from __future__ import annotations

import html
import tempfile
from pathlib import Path
from typing import Any

from spa2v.core.types import GeneratedVideo, SpatialCues, VideoSceneLayout
from spa2v.evaluation.report.figures import curve
from spa2v.evaluation.report.page import media_uri, render

SHOWN = ("level", "azimuth", "pitch", "centroid")
HEIGHTS = {"player": 480, "cues": 430}
MAX_WIDTH_PX = 760


def html_of(value: Any) -> str:
    """HTML for a notebook; scripts in it run in a frame without an origin, and nothing is loaded.

    Args:
        value: a `VideoSceneLayout`, `SpatialCues`, `GeneratedVideo`, or a result that has all three.
    """
    if isinstance(value, VideoSceneLayout):
        return _framed(_player(value, None), HEIGHTS["player"])
    if isinstance(value, SpatialCues):
        return _framed(_cues(value), HEIGHTS["cues"])
    if isinstance(value, GeneratedVideo):
        return _framed(_player(None, value), HEIGHTS["player"])
    return _framed(_player(value.layout, value.video), HEIGHTS["player"])


def _player(layout: VideoSceneLayout | None, video: GeneratedVideo | None) -> str:
    return render(
        "notebook.html",
        title="layout" if video is None else "video",
        layout=layout,
        overlay=layout.to_json() if layout else None,
        player=_video_uri(video) if video is not None else None,
    )


def _video_uri(video: GeneratedVideo) -> str | None:
    from spa2v.core.media.video import write_video

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        write_video(path, video)
        return media_uri(path)


def _cues(cues: SpatialCues) -> str:
    data = cues.to_json()
    curves = (curve(name, data["tracks"][name], cues.duration_s) for name in SHOWN if name in data["tracks"])
    found = [item for item in curves if item is not None]
    return render("notebook.html", title="cues", curves=found, tags=data["tags"], notes=data["notes"])


def _framed(page: str, height: int) -> str:
    source = html.escape(page, quote=True)
    style = f"width:100%;max-width:{MAX_WIDTH_PX}px;height:{height}px;border:0"
    return f'<iframe sandbox="allow-scripts" srcdoc="{source}" style="{style}" title="spa2v"></iframe>'
