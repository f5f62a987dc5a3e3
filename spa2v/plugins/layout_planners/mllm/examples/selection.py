"""Which candidates become in-context examples for a recording."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import ConfigError, LayoutError, near, shell
from spa2v.core.media.audio import read_audio
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, VideoSceneLayout
from spa2v.plugins.layout_planners.mllm.examples.clap import ClapEmbedder
from spa2v.plugins.layout_planners.mllm.examples.features import retrieval_key
from spa2v.plugins.layout_planners.mllm.examples.index import (
    ExampleIndex,
    find_index,
    fingerprint,
    inside,
    read_index,
)
from spa2v.plugins.layout_planners.mllm.examples.search import distances, key_weights, nearest
from spa2v.plugins.layout_planners.mllm.presentation import Shot

SELECTIONS = ("knn", "random", "fixed")
BUNDLED = Path(__file__).with_name("bundled")


@dataclass(frozen=True)
class ExampleSelector:
    """Chooses examples.

    Args:
        selection: "knn" (nearest by cues and spectrum), "random" (by the run's seed and the recording), "fixed".
        examples: folder of an index or of a data set that has one; None for the set that comes with spa2v.
        fixed: ids for "fixed"; empty for the first ones.

    Raises:
        ConfigError: an unknown selection.
    """

    selection: str = "knn"
    examples: str | None = None
    fixed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.selection not in SELECTIONS:
            raise ConfigError(f"selection: {self.selection!r}", f"expected one of: {', '.join(SELECTIONS)}")

    @cached_property
    def index(self) -> ExampleIndex | None:
        """The candidates; None where none are given and none come with spa2v."""
        if self.examples is not None:
            return read_index(find_index(self.examples))
        return read_index(find_index(BUNDLED)) if BUNDLED.is_dir() else None

    def select(self, audio: AudioClip, cues: SpatialCues, count: int, run: Run) -> tuple[Shot, ...]:
        """At most `count` examples, the nearest last; never the recording itself or a twin of it.

        Raises:
            ConfigError: there is no index, a fixed id is unknown, or a file of an example cannot be used.
        """
        if self.index is None:
            run.notice("no in-context examples: layout_planner.options.examples names no example set")
            return ()
        numbers = self.numbers(self.index, audio, cues, count, run)
        return tuple(load_shot(self.index, int(number)) for number in numbers)

    def numbers(
        self, index: ExampleIndex, audio: AudioClip, cues: SpatialCues, count: int, run: Run
    ) -> NDArray[np.intp]:
        """Rows of the chosen candidates in the order in which they are shown."""
        allowed = ~twins(index, audio)
        if self.selection == "random":
            rows = np.flatnonzero(allowed)
            return run.rng(f"examples/{fingerprint(audio)}").permutation(rows)[:count]
        if self.selection == "fixed":
            return self._fixed(index, allowed, count)
        query = self._query(index, audio, cues, run)
        return nearest(distances(index.keys, query, key_weights(len(query))), count, allowed)[::-1]

    def _query(self, index: ExampleIndex, audio: AudioClip, cues: SpatialCues, run: Run) -> NDArray[np.float32]:
        if "level_difference" not in cues.tracks:
            run.notice("examples are chosen by sound alone: no cue extractor gives level_difference (add interaural)")
        key = retrieval_key(audio, cues)
        if (model := index.built_from.get("clap")) is not None:
            key = np.concatenate([key, _clap(str(model)).embed(audio, run)])
        if len(key) != index.keys.shape[1]:
            raise ConfigError(
                f"the example index has keys of {index.keys.shape[1]} numbers, the recording one of {len(key)}",
                f"build it again: spa2v bench index {shell(index.data)}",
            )
        return key.astype(np.float32)

    def _fixed(self, index: ExampleIndex, allowed: NDArray[np.bool_], count: int) -> NDArray[np.intp]:
        ids = {clip.id: number for number, clip in enumerate(index.clips)}
        for name in self.fixed:
            if name not in ids:
                raise ConfigError(f"fixed_examples: no clip {name!r} in the example set", near(name, ids))
        rows = [ids[name] for name in self.fixed] if self.fixed else list(range(len(index.clips)))
        return np.array([row for row in rows if allowed[row]][:count], dtype=np.intp)


@cache
def _clap(model: str) -> ClapEmbedder:
    return ClapEmbedder(model)


def twins(index: ExampleIndex, audio: AudioClip) -> NDArray[np.bool_]:
    """Candidates that are the recording, or come from the same source: by content, then by the name of the file."""
    mark, name = fingerprint(audio), Path(audio.source).name
    named = [clip for clip in index.clips if Path(clip.audio).name == name]  # a name says something if it is unique
    same = {clip.source_id for clip in index.clips if clip.fingerprint == mark}
    same |= {clip.source_id for clip in named} if len(named) == 1 else set()
    return np.array([clip.source_id in same for clip in index.clips], dtype=np.bool_)


def load_shot(index: ExampleIndex, number: int) -> Shot:
    """A candidate with its recording, cues and layout."""
    clip = index.clips[number]
    try:
        layout = VideoSceneLayout.loads(inside(index.data, clip.layout).read_bytes())
    except (OSError, LayoutError) as error:
        raise ConfigError(f"the layout of the example {clip.id!r} cannot be used", str(error)) from error
    return Shot(clip.id, read_audio(inside(index.data, clip.audio)), index.cues(number), layout)
