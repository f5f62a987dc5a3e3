"""What the metrics read of a clip, from its files; what is missing has a reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spa2v.core.errors import AudioError, LayoutError, MediaError
from spa2v.core.manifest import MAX_MANIFEST_BYTES, NAME
from spa2v.core.media.audio import read_audio
from spa2v.core.media.files import read_layout
from spa2v.core.media.video import read_video
from spa2v.core.types import KeyFrame, ScoredClip, VideoSceneLayout
from spa2v.core.untrusted import read_json
from spa2v.evaluation.engine.inputs import ClipFiles
from spa2v.evaluation.engine.journal import content_key

Lack = tuple[list[str], list[str]]
"""Flags and reasons why an input is missing."""


@dataclass
class Inputs:
    """What was read of a clip.

    Args:
        files: where it was read.
        given: inputs by the names of `ScoredClip`, those that are there.
        lacks: input name to why it is missing.
        flags, reasons: what is known of the predicted layout.
        marks: by which equal layouts are found.
    """

    files: ClipFiles
    given: dict[str, Any] = field(default_factory=dict)
    lacks: dict[str, Lack] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> set[str]:
        """The names of objects on both sides."""
        return {name for layout in self._layouts().values() for name in layout.names.values()}

    def _layouts(self) -> dict[str, VideoSceneLayout]:
        return {side: self.given[side] for side in ("truth", "layout") if side in self.given}

    def clip(self, stage: int, frames: int, table: Mapping[str, str]) -> ScoredClip:
        """The clip that metrics see, its labels replaced after a table."""
        sounding = {table.get(item.name, item.name) for item in self.files.clip.objects}
        flags, reasons = list(self.flags), list(self.reasons)
        changed = {label: table[label] for label in sorted(self.labels) if table.get(label, label) != label}
        given = {**self.given, **{side: layout.relabeled(changed) for side, layout in self._layouts().items()}}
        if changed:
            flags.append("labels_mapped")
            reasons.append("Labels were mapped: " + ", ".join(f"{a!r} to {b!r}" for a, b in changed.items()) + ".")
        return ScoredClip(
            self.files.clip.id, stage=stage, frames=frames, sounding=sounding, flags=flags, reasons=reasons, **given
        )


def read_planned(files: ClipFiles, wanted: Collection[str]) -> Inputs:
    """Stage 1: ground truth, planned layout and, where it is wanted, the sound."""
    inputs = Inputs(files)
    _read_truth(inputs)
    layout = _planned(inputs)
    if layout is None:
        layout = VideoSceneLayout(files.clip.duration_s, "", (KeyFrame(0.0),))
    else:
        inputs.marks["layout"] = layout_mark(layout)
        _compare(inputs, layout)
    inputs.given["layout"] = layout
    if "audio" in wanted:
        _read_audio(inputs)
    return inputs


def _planned(inputs: Inputs) -> VideoSceneLayout | None:
    if inputs.files.layout is None:
        inputs.flags.append("no_layout")
        inputs.reasons.append("There is no layout for this clip; it is scored as empty frames.")
        return None
    try:
        return read_layout(inputs.files.layout)
    except LayoutError as error:
        inputs.flags += ["layout_unreadable", "no_layout"]
        inputs.reasons.append(f"The layout cannot be read and is scored as empty frames: {error.fact}")
        return None


def _compare(inputs: Inputs, layout: VideoSceneLayout) -> None:
    """Notes where the layout lasts differently, or was made for another sound."""
    truth = inputs.given.get("truth")
    if truth is not None and abs(truth.duration_s - layout.duration_s) > 0.02 * truth.duration_s:
        inputs.flags.append("duration_differs")
        inputs.reasons.append(f"The layout lasts {layout.duration_s:.3g} s, the ground truth {truth.duration_s:.3g} s.")
    if (other := _other_sound(inputs.files)) is not None:
        inputs.flags.append("other_sound")
        inputs.reasons.append(other)


def read_drawn(
    files: ClipFiles, wanted: Collection[str], seen: Mapping[str, Any], vectors: Mapping[str, Any]
) -> Inputs:
    """Stage 2: those inputs that are wanted.

    Args:
        files, wanted: of the clip.
        seen: the record of `detecting.detect`, where there is a detector.
        vectors: the record of `detecting.extract`, where there is a feature extractor.
    """
    inputs = Inputs(files)
    if "truth" in wanted:
        _read_truth(inputs)
    if "audio" in wanted:
        _read_audio(inputs)
    for name, path in (("video", files.video), ("real_video", files.real_video)):
        if name in wanted:
            read_one_video(inputs, name, path)
    if "layout" in seen:
        inputs.given["layout"] = VideoSceneLayout.loads(seen["layout"])
    elif "lack" in seen:
        inputs.lacks["layout"] = seen["lack"]
    for name in ("features", "real_features"):
        if name in vectors:
            inputs.given[name] = np.array(vectors[name], dtype=np.float64)
        elif f"{name}_lack" in vectors:
            inputs.lacks[name] = vectors[f"{name}_lack"]
    return inputs


def _read_truth(inputs: Inputs) -> None:
    try:
        truth = read_layout(inputs.files.truth)
    except LayoutError as error:
        inputs.lacks["truth"] = (["no_truth"], [f"The ground truth cannot be read: {error.fact}"])
    else:
        inputs.given["truth"], inputs.marks["truth"] = truth, layout_mark(truth)


def _read_audio(inputs: Inputs) -> None:
    try:
        inputs.given["audio"] = read_audio(inputs.files.audio)
    except AudioError as error:
        inputs.lacks["audio"] = (["no_audio"], [f"The sound cannot be read: {error.fact}"])


def read_one_video(inputs: Inputs, name: str, path: Path | None) -> None:
    """The generated ("video") or the real one ("real_video")."""
    if path is None:
        what = "video" if name == "video" else "real video"
        inputs.lacks[name] = ([f"no_{name}"], [f"There is no {what} for this clip."])
        return
    try:
        inputs.given[name] = read_video(path)
    except MediaError as error:
        inputs.lacks[name] = ([f"{name}_unreadable", f"no_{name}"], [f"The video cannot be read: {error.fact}"])


def _other_sound(files: ClipFiles) -> str | None:
    """Why the run that made a layout heard another sound than the clip's, after its manifest; None if it did not."""
    if files.layout is None or files.layout.name != "layout.json":
        return None
    try:
        manifest = read_json(files.layout.parent / NAME, MAX_MANIFEST_BYTES)
        made_of, cut = manifest["audio"]["sha256"], manifest["config"]["audio"]
        if cut.get("start_s") or cut.get("duration_s"):
            return None
        own = sound_digest(files.audio)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, AudioError):
        return None
    return None if made_of == own else f"The run that made this layout heard another sound ({str(made_of)[:12]})."


def sound_digest(path: Path) -> str:
    """Of the decoded samples, as the manifest of a run has it."""
    from spa2v.core.manifest import describe_audio

    return str(describe_audio(read_audio(path))["sha256"])


def layout_mark(layout: VideoSceneLayout) -> str:
    """The same for layouts with the same objects in the same places at the same times."""
    frames = [
        [round(f.time_s, 4), sorted((o.name, *(round(edge, 5) for edge in o.box)) for o in f.objects)]
        for f in layout.keyframes
    ]
    return content_key(round(layout.duration_s, 4), frames)
