"""Stage 1: planned layouts against the ground truth, clips at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spa2v.core.errors import AudioError, LayoutError
from spa2v.core.manifest import MAX_MANIFEST_BYTES, NAME
from spa2v.core.media.audio import read_audio
from spa2v.core.media.files import read_layout
from spa2v.core.types import KeyFrame, VideoSceneLayout
from spa2v.core.types.layout import DEFAULT_FRAMES
from spa2v.core.untrusted import read_json
from spa2v.evaluation.engine.inputs import ClipFiles
from spa2v.evaluation.engine.journal import content_key
from spa2v.evaluation.labels import TableLabels
from spa2v.evaluation.metrics.layout_scores import LayoutOptions, LayoutPair, frames_of, layout_scores
from spa2v.evaluation.metrics.video_scores import spatial_score
from spa2v.evaluation.scores import ClipScore

METRICS = ("max_iou", "lt_sim", "doc_sim", "track_iou")
SPATIAL = "spatial_alignment[layout]"


@dataclass(frozen=True)
class Stage1:
    """What is asked of stage 1.

    Args:
        options: conventions of the layout metrics.
        frames: at which layouts are compared.
        spatial: also whether what is planned at the left sounds at the left, from the sound itself.
    """

    options: LayoutOptions = field(default_factory=LayoutOptions)
    frames: int = DEFAULT_FRAMES
    spatial: bool = False

    def describe(self) -> dict[str, object]:
        return {**self.options.describe(), "frames": self.frames, "spatial": self.spatial}

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics that each clip gets."""
        found = [self.options.named(metric) for metric in METRICS]
        if self.options.set_level:
            found.append(self.options.named("max_iou_set"))
        return (*found, *((SPATIAL,) if self.spatial else ()))


def label_marks(options: LayoutOptions) -> list[Any]:
    """What the labels' rule depends on beyond its name."""
    synonyms = options.labels.synonyms if isinstance(options.labels, TableLabels) else {}
    return [sorted(synonyms.items()), sorted(options.vocabulary or ())]


Result = dict[str, Any]
"""JSON of one clip: its scores, and marks by which equal layouts are found."""


def score_layouts(stage: Stage1, batch: Sequence[ClipFiles]) -> dict[str, Result]:
    """Clip id to the result of each clip of a batch; never raises for what a single clip is."""
    results: dict[str, Result] = {}
    pairs: list[LayoutPair] = []
    for files in batch:
        pair, result = _pair(files, stage.frames)
        results[files.clip.id] = result
        if pair is None:
            result["scores"] = [_undefined(files.clip.id, name, result) for name in stage.names]
        else:
            pairs.append(pair)
    for scores in layout_scores(pairs, stage.options).values():
        for score in scores:
            results[score.clip]["scores"].append(score.to_json())
    if stage.spatial:
        there = {pair.clip: pair for pair in pairs}
        for files in batch:
            if (found := there.get(files.clip.id)) is not None:
                results[files.clip.id]["scores"].append(_spatial(files, found).to_json())
    return results


def _pair(files: ClipFiles, frames: int) -> tuple[LayoutPair | None, Result]:
    result: Result = {"scores": [], "marks": {}}
    try:
        truth = read_layout(files.truth)
    except LayoutError as error:
        result |= {"flags": ["no_truth"], "reasons": [f"The ground truth cannot be read: {error.fact}"]}
        return None, result
    result["marks"]["truth"] = layout_mark(truth)
    predicted, flags, reasons = _predicted(files)
    if predicted is not None:
        result["marks"]["layout"] = layout_mark(predicted)
    if flags:  # LayoutPair.of would say that there is no layout at all
        return LayoutPair(files.clip.id, frames_of(truth, frames), None, flags, reasons), result
    pair = LayoutPair.of(files.clip.id, truth, predicted, frames)
    if (other := _other_sound(files)) is not None:
        pair = replace(pair, flags=(*pair.flags, "other_sound"), reasons=(*pair.reasons, other))
    return pair, result


def _predicted(files: ClipFiles) -> tuple[VideoSceneLayout | None, tuple[str, ...], tuple[str, ...]]:
    if files.layout is None:
        return None, (), ()
    try:
        return read_layout(files.layout), (), ()
    except LayoutError as error:
        reason = f"The layout cannot be read and is scored as empty frames: {error.fact}"
        return None, ("layout_unreadable", "no_layout"), (reason,)


def _other_sound(files: ClipFiles) -> str | None:
    """A run folder tells of which sound its layout was made; says so where that is not the clip's."""
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
    """The same for layouts with the same things in the same places at the same times."""
    frames = [[round(f.time_s, 4), sorted((o.name, *map(_short, o.box)) for o in f.objects)] for f in layout.keyframes]
    return content_key(round(layout.duration_s, 4), frames)


def _short(edge: float) -> float:
    return round(edge, 5)


def _undefined(clip: str, metric: str, result: Mapping[str, Any]) -> dict[str, Any]:
    return ClipScore(clip, metric, None, tuple(result["flags"]), tuple(result["reasons"])).to_json()


def _spatial(files: ClipFiles, pair: LayoutPair) -> ClipScore:
    try:
        audio = read_audio(files.audio)
    except AudioError as error:
        return ClipScore(files.clip.id, SPATIAL, None, ("no_audio",), (f"The sound cannot be read: {error.fact}",))
    names = {item.name for item in files.clip.objects} & {o.name for f in pair.predicted or () for o in f.objects}
    frames = pair.predicted or tuple(KeyFrame(frame.time_s) for frame in pair.truth)
    score = spatial_score(files.clip.id, audio, frames, audio.duration_s, names or None)
    return replace(score, metric=SPATIAL, flags=(*pair.flags, *score.flags))
