"""Builds the index of a data set in the benchmark format: measures every clip once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from spa2v.core.errors import AudioError, ConfigError, near
from spa2v.core.media.audio import read_audio
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues
from spa2v.core.types.benchmark import MANIFEST, SPLITS, BenchmarkClip, read_manifest
from spa2v.plugins.layout_planners.mllm.examples import features
from spa2v.plugins.layout_planners.mllm.examples.clap import ClapEmbedder
from spa2v.plugins.layout_planners.mllm.examples.index import (
    NAME,
    Candidate,
    ExampleIndex,
    IndexWriter,
    file_digest,
    index_key,
    read_index,
)


def build_index(
    data: Path,
    folder: Path,
    measure: Callable[[AudioClip], SpatialCues],
    extractors: Sequence[Mapping[str, Any]],
    run: Run,
    *,
    split: str = "database",
    clap: str | None = None,
    force: bool = False,
) -> ExampleIndex:
    """Measures the clips of one split and writes their index; one that is up to date is left as it is.

    Args:
        data: folder of the data set.
        folder: where the index goes.
        measure: gives the cues of a clip.
        extractors: names and options of the cue extractors behind `measure`, for the index's key.
        run: gives progress, notices and the device of CLAP.
        split: "database", "test" or "all".
        clap: hub id or folder of a CLAP model whose embedding joins the key.
        force: build again even where nothing changed.

    Raises:
        ConfigError: no manifest, an invalid line, an unknown split, or no clip that can be read.
    """
    if split not in (*SPLITS, "all"):
        raise ConfigError(f"unknown split {split!r}", near(split, [*SPLITS, "all"]))
    clips = [clip for clip in read_manifest(data) if split in ("all", clip.split)]
    built_from = {
        "manifest": MANIFEST,
        "manifest_sha256": file_digest(data / MANIFEST),
        "split": split,
        "cue_extractors": [dict(extractor) for extractor in extractors],
        "clap": clap,
    }
    if not force and (ready := _ready(folder, built_from)) is not None:
        return ready
    writer = IndexWriter(data, folder, built_from)
    embedder = ClapEmbedder(clap) if clap else None
    with run.progress(f"Indexing {data.name}", total=len(clips)) as done:
        for clip in clips:
            _add(writer, data, clip, measure, embedder, run)
            done(1)
    if not writer.count:
        raise ConfigError(f"no clip of the split {split!r} in {str(data)!r} can be indexed")
    return writer.finish()


def _ready(folder: Path, built_from: Mapping[str, Any]) -> ExampleIndex | None:
    """The index in the folder, if it was built from the same things."""
    if not (folder / NAME).is_file():
        return None
    try:
        index = read_index(folder)
    except ConfigError:
        return None
    wanted = index_key({**built_from, "key_version": features.VERSION})
    return index if index_key(index.built_from) == wanted else None


def _add(
    writer: IndexWriter,
    data: Path,
    clip: BenchmarkClip,
    measure: Callable[[AudioClip], SpatialCues],
    embedder: ClapEmbedder | None,
    run: Run,
) -> None:
    """Adds a clip; one whose recording cannot be read is left out, and said so."""
    try:
        audio = read_audio(data / clip.audio)
    except AudioError as error:
        run.notice(f"left out of the index: clip {clip.id!r}: {error.fact}")
        return
    attributes = tuple(item.attribute or "" for item in clip.objects)
    candidate = Candidate(clip.id, clip.source_id, clip.audio, clip.layout, attributes)
    writer.add(candidate, audio, measure(audio), embedder.embed(audio, run) if embedder else None)
