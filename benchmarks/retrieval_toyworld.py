"""Do the in-context examples that are found share the query's attribute? Spatial key against a mono one, on ToyWorld.

    python -m benchmarks.retrieval_toyworld [--clips 1600] [--seed 11] [--data FOLDER] [--neighbors 3]

Renders a data set (or takes one in the benchmark format), indexes its database split, and searches for every clip of
the test split. Columns: the nearest neighbor holds an object with an attribute of the query's objects; the share of all
neighbors that do; at least two neighbors share the kind of object (vehicle, instrument, person) and one the attribute.
The mono key is the spectrum of the mixed channels, the most that a mono embedding such as CLAP can use. Last line:
"N passed, N failed"; exit 0 when the spatial key reaches 90 % in the first and the last column on the queries whose
attributes can be heard, and no neighbor is a twin.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spa2v import Pipeline, Run
from spa2v.core.types.benchmark import BenchmarkClip, read_manifest
from spa2v.plugins.layout_planners.mllm.examples.building import build_index
from spa2v.plugins.layout_planners.mllm.examples.features import retrieval_key
from spa2v.plugins.layout_planners.mllm.examples.index import ExampleIndex
from spa2v.plugins.layout_planners.mllm.examples.search import (
    SPECTRAL_ONLY,
    WEIGHTS,
    distances,
    key_weights,
    nearest,
)
from spa2v.plugins.layout_planners.mllm.examples.selection import twins
from spa2v.plugins.layout_planners.stereo_rules.priors import class_named
from spa2v.world.dataset import Settings, write_dataset

TARGET = 0.90


@dataclass(frozen=True)
class Query:
    """A test clip with its key and the candidates that it may be shown."""

    clip: BenchmarkClip
    key: NDArray[np.float32]
    allowed: NDArray[np.bool_]


def attributes(clip: BenchmarkClip) -> tuple[str, ...]:
    """The attributes of a clip's things, in order of the alphabet."""
    return tuple(sorted(item.attribute or "" for item in clip.objects))


def audible(clip: BenchmarkClip) -> bool:
    """Whether the recording holds evidence of every thing's attribute; the center needs none."""

    def evident(attribute: str | None, lateral: bool | None, distance: bool | None) -> bool:
        return distance is not False if attribute in ("approaching", "receding") else lateral is not False

    return all(evident(item.attribute, item.lateral_evidence, item.distance_evidence) for item in clip.objects)


def kinds(clip: BenchmarkClip) -> set[str]:
    """The kinds of a clip's objects."""
    return {class_named(item.name).kind for item in clip.objects}


def queries(data: Path, index: ExampleIndex, pipeline: Pipeline) -> list[Query]:
    found = []
    with Run(quiet=False).progress("Measuring queries") as done:
        for clip in read_manifest(data):
            if clip.split == "test":
                audio = pipeline.read(data / clip.audio)
                key = retrieval_key(audio, pipeline.measure(audio)).astype(np.float32)
                found.append(Query(clip, key, ~twins(index, audio)))
                done(1)
    return found


def agreement(
    asked: list[Query], index: ExampleIndex, weights: Mapping[str, float], count: int
) -> list[tuple[float, float, float]]:
    """For each query: the nearest shares an attribute; share of all that do; two share the kind, one an attribute."""
    factors = key_weights(index.keys.shape[1], weights)
    known = {clip.id: kinds(clip) for clip in read_manifest(index.data)}
    shares = []
    for query in asked:
        rows = nearest(distances(index.keys, query.key, factors), count, query.allowed)
        same = [bool(set(index.clips[row].attributes) & set(attributes(query.clip))) for row in rows]
        alike = [bool(known[index.clips[row].id] & kinds(query.clip)) for row in rows]
        shares.append((float(same[0]), float(np.mean(same)), float(sum(alike) >= 2 and any(same))))
    return shares


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=int, default=1600)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--test-share", type=float, default=0.25)
    parser.add_argument("--neighbors", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = options.data or Path(scratch) / "toyworld"
        if options.data is None:
            settings = Settings(seed=options.seed, width=64, height=40, test_share=options.test_share)
            write_dataset(data, options.clips, settings, run=Run(quiet=False))
        return report(data, Path(scratch) / "index", options.neighbors)


def report(data: Path, folder: Path, count: int) -> int:
    pipeline = Pipeline.from_preset("default")
    extractors = [{"name": item.name, "options": dict(item.options)} for item in pipeline.config.cue_extractors]
    index = build_index(data, folder, pipeline.measure, extractors, Run(quiet=False))
    asked = queries(data, index, pipeline)
    print(f"{len(index.clips)} candidates, {len(asked)} queries, {count} neighbors")
    print(f"{'queries':34} {'n':>5} {'spatial 1st':>12} {'all':>6} {'2+1':>6} {'mono 1st':>9} {'all':>6} {'2+1':>6}")
    headline = np.zeros(3)
    for title, chosen in groups(asked).items():
        if not chosen:
            continue
        spatial = np.mean(agreement(chosen, index, WEIGHTS, count), axis=0)
        mono = np.mean(agreement(chosen, index, SPECTRAL_ONLY, count), axis=0)
        print(
            f"{title:34} {len(chosen):5d} {spatial[0]:12.1%} {spatial[1]:6.1%} {spatial[2]:6.1%}"
            f" {mono[0]:9.1%} {mono[1]:6.1%} {mono[2]:6.1%}",
            flush=True,
        )
        headline = spatial if title == "audible" else headline
    leaked = leaks(asked, index, count)
    print(f"neighbors that are twins of their query: {leaked}")
    good = [headline[0] >= TARGET, headline[2] >= TARGET, leaked == 0]
    print(f"{sum(good)} passed, {len(good) - sum(good)} failed")
    return 0 if all(good) else 1


def groups(asked: list[Query]) -> dict[str, list[Query]]:
    single = [query for query in asked if query.clip.quantity == "single"]
    heard = [query for query in single if audible(query.clip)]
    found = {
        "all": asked,
        "audible": [query for query in asked if audible(query.clip)],
        "single": single,
        "single, audible": heard,
        "single, not audible": [query for query in single if not audible(query.clip)],
        "multiple, audible": [query for query in asked if query.clip.quantity == "multiple" and audible(query.clip)],
    }
    for attribute in sorted({attributes(query.clip)[0] for query in heard}):
        found[f"single, audible, {attribute}"] = [query for query in heard if attributes(query.clip)[0] == attribute]
    return found


def leaks(asked: list[Query], index: ExampleIndex, count: int) -> int:
    """Neighbors from the query's own source, also when the queries' own clips were candidates."""
    factors = key_weights(index.keys.shape[1], WEIGHTS)
    found = 0
    for query in asked:
        rows = nearest(distances(index.keys, query.key, factors), count, query.allowed)
        found += sum(index.clips[row].source_id == query.clip.source_id for row in rows)
    return found


if __name__ == "__main__":
    sys.exit(main())
