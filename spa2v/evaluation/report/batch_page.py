"""The page of a batch: a contact sheet of each clip, to filter and to sort; failed and slowest clips first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spa2v.core.errors import LayoutError, MediaError
from spa2v.core.media.files import read_layout
from spa2v.core.media.video import contact_sheet, read_video
from spa2v.core.runtime import Run
from spa2v.evaluation.report.evaluation_page import sample_frames
from spa2v.evaluation.report.page import picture_uri, render
from spa2v.jobs.batch.folders import CLIPS, LAYOUT, VIDEO
from spa2v.jobs.batch.summary import STATUSES, Summary

MAX_SHEETS = 600  # of about 25 kB each: a page that a browser opens at once
_COLUMNS, _FRAMES, _CELL = 4, 8, 160


def batch_page(folder: Path, run: Run) -> str:
    """The page of a batch's output folder, from its `summary.json`.

    Args:
        folder: what `spa2v batch --out` filled.
        run: shows the progress, unless it is quiet.

    Raises:
        ConfigError: its summary cannot be read.
    """
    summary = Summary.read(folder)
    ordered = sorted(summary.clips, key=lambda clip: (clip["status"] != "failed", -_seconds(clip), clip["id"]))
    clips = []
    with run.progress("clips", len(ordered)) as tick:
        for place, clip in enumerate(ordered):
            clips.append(_view(clip, folder / CLIPS / clip["folder"], place < MAX_SHEETS))
            tick(1)
    counts = {status: summary.count(status) for status in STATUSES if summary.count(status)}
    return render(
        "batch.html",
        "batch.js",
        title=folder.resolve().name,
        about=next(summary.lines()),
        counts=counts,
        clips=clips,
        bare=max(0, len(clips) - MAX_SHEETS),
    )


def _seconds(clip: Mapping[str, Any]) -> float:
    return float(sum(clip["seconds"].values()))


def _view(clip: Mapping[str, Any], folder: Path, with_sheet: bool) -> dict[str, Any]:
    view = {**clip, "total": _seconds(clip), "caption": "", "sheet": None, "frames": (), "fault": ""}
    if not with_sheet:
        return view
    try:
        layout = read_layout(folder / LAYOUT)
        view["caption"] = layout.caption
    except LayoutError:
        layout = None  # a failed or given plan
    try:
        if (folder / VIDEO).is_file():
            sheet = contact_sheet(read_video(folder / VIDEO), _COLUMNS, _FRAMES, _CELL, times=False)
            view["sheet"] = picture_uri(np.asarray(sheet), sheet.width)
        elif layout is not None:
            view["frames"] = sample_frames(None, layout, None)
    except MediaError as error:
        view["fault"] = str(error)
    return view
