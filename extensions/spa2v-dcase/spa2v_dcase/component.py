"""`dcase_directions`: what people annotated, in place of what is measured. It tells what a planner does with perfect ears."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from spa2v import AudioClip, Run, SoundSource, SpatialCues, Tag, Track

from spa2v_dcase.annotations import ANNOTATION, FRAME_S, read_events
from spa2v_dcase.things import Thing, things_of


class DcaseDirections:
    """Serves the annotations of a benchmark that `spa2v-dcase` made, found by the name of the sound file.

    Tracks: azimuth and distance (m) of what sounds longest; confidence 0 while it is silent.
    Measures: lateral_evidence, 1 where anything is annotated. Sources and tags: every thing that sounds, in and out of the
    picture. What is behind is heard as in front, as in the recording. A clip without annotation gives nothing but a note.

    Args:
        data: folder of the benchmark, or None (nothing is annotated).
    """

    def __init__(self, data: str | None = None) -> None:
        self.data = data

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        """The annotated directions of a clip.

        Raises:
            ConfigError: its annotation cannot be read.
        """
        things = self._things(Path(audio.source).stem)
        left, right = audio.stereo
        if not things or np.array_equal(left, right):
            return SpatialCues(audio.duration_s, notes=(f"No direction is annotated for {audio.source!r}.",))
        frames = max(1, int(audio.duration_s / FRAME_S + 1e-6))
        things = sorted(things, key=lambda thing: -len(thing.events))
        total = sum(len(thing.events) for thing in things)
        sources = [
            SoundSource(thing.id, len(thing.events) / total, _tracks(thing, frames), _tags([thing])) for thing in things
        ]
        return SpatialCues(
            audio.duration_s,
            tracks=sources[0].tracks,
            measures={"lateral_evidence": 1.0},
            sources=tuple(sources),
            tags=_tags(things),
        )

    def _things(self, name: str) -> Sequence[Thing]:
        path = Path(self.data or "") / "clips" / name / ANNOTATION
        return things_of(read_events(path)) if self.data is not None and path.is_file() else ()


def _tracks(thing: Thing, frames: int) -> Mapping[str, Track]:
    times = (np.arange(frames, dtype=np.float64) + 0.5) * FRAME_S
    events = [thing.nearest(frame) for frame in range(frames)]
    sounds = np.array([frame in thing.events for frame in range(frames)], np.float64)
    heard = np.array([event.heard_deg for event in events], np.float64)
    far = np.array([event.distance_m or np.nan for event in events], np.float64)
    tracks = {"azimuth": Track(times, heard, "deg", sounds)}
    return tracks | ({} if np.isnan(far).any() else {"distance": Track(times, far, "m", sounds)})


def _tags(things: Iterable[Thing]) -> tuple[Tag, ...]:
    return tuple(Tag(name, 1.0, "annotated") for name in dict.fromkeys(thing.name for thing in things))
