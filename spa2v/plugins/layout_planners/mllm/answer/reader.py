"""The tolerant reader: what a model wrote, as a Video Scene Layout, with a list of the repairs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import LayoutError
from spa2v.core.types import Box, KeyFrame, SceneObject, VideoSceneLayout, keyframe_times
from spa2v.plugins.layout_planners.mllm.answer.boxes import MIN_SIDE, fractions_of_frame
from spa2v.plugins.layout_planners.mllm.answer.json_text import find_json
from spa2v.plugins.layout_planners.mllm.answer.repairs import Repairs
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm
from spa2v.plugins.layout_planners.mllm.answer.shape import RawAnswer, RawFrame, answer_score, shape_answer
from spa2v.plugins.layout_planners.mllm.answer.timing import keyframe_positions
from spa2v.plugins.layout_planners.mllm.answer.tracking import ObjectTrack, link_objects

MAX_CAPTION, MAX_REASONING = 4_000, 50_000
Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class ReadAnswer:
    """A layout and the repairs that it took, one line a kind."""

    layout: VideoSceneLayout
    repairs: tuple[str, ...]


def read_answer(text: str, form: AnswerForm) -> ReadAnswer:
    """The layout in an answer, with exactly `form.keyframes` key frames.

    Repaired: text around the JSON, broken or cut-off JSON, other keys, boxes in other units, swapped corners, boxes
    past the frame, missing numbers and frames (interpolated between neighbors), ids that change, too many objects.

    Raises:
        LayoutError: it cannot be repaired; the message is for the model.
    """
    repairs = Repairs()
    found = find_json(text, answer_score, repairs)
    raw = shape_answer(found.value, repairs)
    frames = raw.frames
    if found.cut and not found.last_whole:
        frames = frames[:-1]
    if found.cut and len(frames) * 2 < form.keyframes:
        raise LayoutError(f"the answer is cut off after frame {len(frames)} of {form.keyframes}")
    raw = _in_fractions(replace(raw, frames=frames), form, repairs)
    tracks = _named(link_objects(raw.frames, repairs), repairs)
    positions = keyframe_positions(raw.frames, found.cut, form, repairs)
    grid = _boxes_on_grid(tracks, raw.frames, positions, form, repairs)
    kept = _largest(grid, form.max_objects, repairs)
    layout = _layout(raw, [tracks[i] for i in kept], grid[kept], positions, form, repairs)
    return ReadAnswer(layout, tuple(repairs.listed()))


def _in_fractions(raw: RawAnswer, form: AnswerForm, repairs: Repairs) -> RawAnswer:
    """The answer with all boxes in parts of the frame; objects wholly outside it are left out."""
    items = [item for frame in raw.frames if frame for item in frame.objects]
    if not items:
        return raw
    boxes = np.stack([item.box for item in items])
    percent = np.array([item.percent for item in items])
    repaired = iter(fractions_of_frame(boxes, percent, form, repairs))
    frames: list[RawFrame | None] = []
    for frame in raw.frames:
        moved = tuple(replace(item, box=next(repaired)) for item in frame.objects) if frame else ()
        inside = tuple(item for item in moved if not np.isinf(item.box).any())
        frames.append(replace(frame, objects=inside) if frame else None)
    return replace(raw, frames=tuple(frames))


def _named(tracks: list[ObjectTrack], repairs: Repairs) -> list[ObjectTrack]:
    named = [track for track in tracks if track.name]
    repairs.note("objects without a name dropped", len(tracks) - len(named))
    repairs.note("objects that change their name", sum(len(track.names) > 1 for track in named))
    return named


def _boxes_on_grid(
    tracks: Sequence[ObjectTrack],
    frames: Sequence[RawFrame | None],
    positions: Boxes,
    form: AnswerForm,
    repairs: Repairs,
) -> Boxes:
    """Boxes at the key frames, shape (tracks, keyframes, 4), NaN where an object is absent."""
    known = np.array([frame is not None for frame in frames])
    if not known.any():
        raise LayoutError("no frame of the answer can be read")
    grid = np.arange(form.keyframes, dtype=np.float64)
    boxes = np.full((len(tracks), form.keyframes, 4), np.nan)
    for row, track in enumerate(tracks):
        written = np.full((len(frames), 4), np.nan)
        for index, item in track.seen.items():
            written[index] = item.box
        boxes[row] = _resampled(written, np.isin(np.arange(len(frames)), list(track.seen)), known, positions, grid)
    if np.all(positions == np.round(positions)):
        repairs.note("missing frames filled in from their neighbors", int(np.setdiff1d(grid, positions[known]).size))
    return boxes


def _resampled(
    track: Boxes, present: NDArray[np.bool_], known: NDArray[np.bool_], positions: Boxes, grid: Boxes
) -> Boxes:
    """One track at the grid positions: linear between whole boxes, absent where the nearest known frame lacks it."""
    whole = np.isfinite(track).all(axis=1)
    if not whole.any():
        return np.full((len(grid), 4), np.nan)
    boxes = _lines(grid, positions[whole], track[whole])
    after = np.clip(np.searchsorted(positions[known], grid, side="left"), 0, known.sum() - 1)
    before = np.clip(np.searchsorted(positions[known], grid, side="right") - 1, 0, known.sum() - 1)
    nearer = np.where(positions[known][after] - grid < grid - positions[known][before], after, before)
    shown = present[known]
    boxes[~((shown[before] & shown[after]) | shown[nearer])] = np.nan
    return boxes


def _lines(grid: Boxes, positions: Boxes, track: Boxes) -> Boxes:
    """Linear between the given boxes and, before the first and after the last, on along the line of the outer two."""
    boxes = np.stack([np.interp(grid, positions, track[:, side]) for side in range(4)], axis=1)
    if len(positions) > 1:
        for outside, edge, inner in ((grid < positions[0], 0, 1), (grid > positions[-1], -1, -2)):
            slope = (track[edge] - track[inner]) / (positions[edge] - positions[inner])
            boxes[outside] = track[edge] + (grid[outside, None] - positions[edge]) * slope
    boxes = np.clip(boxes, 0.0, 1.0)
    boxes[(boxes[:, 2:] - boxes[:, :2] < MIN_SIDE / 2).any(axis=1)] = np.nan
    return boxes


def _largest(grid: Boxes, limit: int, repairs: Repairs) -> list[int]:
    """Rows to keep: those with a box, at most `limit`, the ones with the most area over time; the order stays."""
    area = np.nansum((grid[..., 2] - grid[..., 0]) * (grid[..., 3] - grid[..., 1]), axis=1)
    rows = np.flatnonzero(area > 0.0)
    repairs.note("objects without a usable box dropped", len(grid) - len(rows))
    repairs.note("too many objects: least shown ones dropped", max(len(rows) - limit, 0))
    best = rows[np.argsort(-area[rows], kind="stable")[:limit]]
    return sorted(int(row) for row in best)


def _layout(
    raw: RawAnswer, tracks: list[ObjectTrack], grid: Boxes, positions: Boxes, form: AnswerForm, repairs: Repairs
) -> VideoSceneLayout:
    ids = _ids(tracks)
    captions = _captions(raw, positions, form)
    frames = []
    for index, time_s in enumerate(keyframe_times(form.duration_s, form.keyframes)):
        objects = tuple(
            SceneObject(object_id, track.name, Box(*(float(side) for side in boxes[index])))
            for object_id, track, boxes in zip(ids, tracks, grid, strict=True)
            if np.isfinite(boxes[index]).all()
        )
        frames.append(KeyFrame(float(time_s), captions[index], objects))
    caption = raw.caption[:MAX_CAPTION]
    if not caption:
        repairs.note("video caption missing")
        caption = next(filter(None, captions), "") or ", ".join(track.name for track in tracks)
    return VideoSceneLayout(form.duration_s, caption, tuple(frames), raw.reasoning[:MAX_REASONING])


def _captions(raw: RawAnswer, positions: Boxes, form: AnswerForm) -> list[str]:
    """The caption of the nearest frame that has one, else of the video."""
    frames = zip(positions, raw.frames, strict=True)
    captioned = [(position, frame.caption) for position, frame in frames if frame and frame.caption]
    if not captioned:
        return [raw.caption[:MAX_CAPTION]] * form.keyframes
    at = np.array([position for position, _ in captioned])
    return [captioned[int(np.abs(at - index).argmin())][1][:MAX_CAPTION] for index in range(form.keyframes)]


def _ids(tracks: list[ObjectTrack]) -> list[str]:
    """Unique ids: a number gets the name in front (car_0), a text stays."""
    ids: list[str] = []
    for number, track in enumerate(tracks):
        slug = re.sub(r"[^\w]+", "_", track.name.lower()).strip("_") or "object"
        wanted = f"{slug}_{track.id or number}" if not track.id or track.id.isdigit() else track.id
        taken = wanted
        while taken in ids:
            taken = f"{wanted}_{sum(other.startswith(wanted) for other in ids) + len(ids)}"
        ids.append(taken)
    return ids
