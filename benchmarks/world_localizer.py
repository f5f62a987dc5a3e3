"""Scores the rule-based localizer on fresh scenes of ToyWorld.

Run it by `python -m benchmarks.world_localizer [--clips N] [KEY=VALUE ...]`.

It hears the two channels and nothing else. Counted are things whose attribute can be heard at all (the evidence that
the world notes for each); dual mono clips are scored apart: nothing sideways may be claimed there. With several things
the said attributes are matched with the true ones as sets that may repeat; `places` counts each place once, since two
sources in one place (a singer at a piano) cannot be told apart by direction. With `--named` the localizer is told what
sounds, as a user may, and each thing is looked up by its name.

Prints tables by scenario, attribute, level over the noise, receiver and class, and a last line `N passed, N failed`;
exit 0 when all targets are met.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial

from spa2v.core.pipeline import Pipeline
from spa2v.core.types import VideoSceneLayout
from spa2v.core.types.benchmark import ClipObject
from spa2v.world.acoustics import record
from spa2v.world.evidence import judge, measure
from spa2v.world.sampling import sample_scene

FIRST_SEED = 10_000_000
SIDEWAYS = ("left", "right", "left_to_right", "right_to_left")
TARGETS = {"single, with evidence": 0.95, "several, with evidence": 0.80, "dual mono, no side claimed": 1.0}


@dataclass(frozen=True)
class Result:
    """One clip: the truth that can be heard, and what was said."""

    seed: int
    scenario: str
    quantity: str
    receiver: str
    snr_db: float
    objects: tuple[ClipObject, ...]
    said_scenario: str | None
    said: tuple[str, ...]
    said_names: tuple[str, ...]
    named: bool = False

    @property
    def heard(self) -> tuple[ClipObject, ...]:
        return tuple(item for item in self.objects if item.lateral_evidence or item.distance_evidence)

    @property
    def true_attributes(self) -> tuple[str, ...]:
        return tuple(item.attribute or "" for item in self.heard)

    def hits(self) -> int:
        """How many of the things that can be heard have a said attribute of their own (with their name, if told)."""
        if self.named:
            true = Counter((item.name, item.attribute or "") for item in self.heard)
            return sum((true & Counter(zip(self.said_names, self.said, strict=True))).values())
        return sum((Counter(self.true_attributes) & Counter(self.said)).values())

    def place_hits(self) -> tuple[int, int]:
        true = set(self.true_attributes)
        return len(true & set(self.said)), len(true)


def run_clip(seed: int, named: bool, overrides: Sequence[str] = ()) -> Result:
    scene = sample_scene(seed)
    heard = record(scene)
    objects = judge(scene, measure(scene, heard))
    names = ",".join(item.name for item in objects)
    given = [f"layout_planner.options.objects=[{names}]"] if named else []
    layout = _pipeline(*overrides, *given).plan(heard.audio)
    order = _by_size(layout)
    return Result(
        seed,
        scene.scenario,
        scene.quantity,
        scene.receiver.kind,
        scene.snr_db or 99.0,
        objects,
        layout.scenario,
        tuple(layout.attributes[key] for key in order),
        tuple(layout.names[key] for key in order),
        named,
    )


@lru_cache(maxsize=1)  # most clips of a process share one
def _pipeline(*overrides: str) -> Pipeline:
    return Pipeline.from_preset(overrides=overrides, quiet=True)


def _by_size(layout: VideoSceneLayout) -> list[str]:
    """The ids of things with an attribute, the one with the largest visible area first."""
    areas: dict[str, float] = defaultdict(float)
    for frame in layout.keyframes:
        for item in frame.objects:
            areas[item.id] += item.box.area
    return sorted(layout.attributes, key=lambda key: -areas[key])


def table(title: str, rows: Iterable[tuple[str, Sequence[bool]]]) -> None:
    print(f"\n{title}")
    for name, outcomes in rows:
        if outcomes:
            print(f"  {name:<28} {sum(outcomes) / len(outcomes):6.1%}  of {len(outcomes)}")


def grouped(results: Iterable[Result], key: Callable[[Result], str]) -> list[tuple[str, list[bool]]]:
    """Outcomes of single things with evidence by a key."""
    found: dict[str, list[bool]] = defaultdict(list)
    for result in results:
        if result.heard:
            found[key(result)].append(result.said[:1] == result.true_attributes)
    return sorted(found.items())


def snr_band(result: Result) -> str:
    low = 10 * int(result.snr_db // 10)
    return f"{low} to {low + 10} dB"


def report(results: Sequence[Result]) -> int:
    single = [item for item in results if item.quantity == "single"]
    several = [item for item in results if item.quantity == "multiple"]
    mono = [item for item in results if item.receiver == "mono"]
    things = [hit for item in several for hit in _flags(item.hits(), len(item.heard))]
    places = [hit for item in several for hit in _flags(*item.place_hits())]
    outcomes = {
        "single, with evidence": [flag for _, flags in grouped(single, lambda _: "") for flag in flags],
        "several, with evidence": things,
        "dual mono, no side claimed": [not set(item.said) & set(SIDEWAYS) for item in mono],
    }
    table("Scenario right", [(name, _scenarios(results, name)) for name in ("stationary", "translational")])
    table("Single things with evidence, by scenario", grouped(single, lambda item: item.scenario))
    table("by attribute", grouped(single, lambda item: item.true_attributes[0]))
    table("by level over the noise", grouped(single, snr_band))
    table("by receiver", grouped(single, lambda item: item.receiver))
    table("by class", grouped(single, lambda item: item.heard[0].name))
    names = [(item.objects[0].name, item.said_names == (item.objects[0].name,)) for item in single]
    table("Names of single things right", [("all", [right for _, right in names]), *_by_name(names)])
    table("Several things with evidence", [("things", things), ("places", places)])
    counts = [("single", [len(item.said) == 1 for item in single])]
    counts.append(("several", [len(item.said) == len(item.objects) for item in several]))
    table("Number of things right", counts)
    confusion(single)
    return verdict(outcomes)


def _by_name(names: Sequence[tuple[str, bool]]) -> list[tuple[str, list[bool]]]:
    return [(name, [right for other, right in names if other == name]) for name in sorted({name for name, _ in names})]


def _scenarios(results: Sequence[Result], name: str) -> list[bool]:
    return [item.said_scenario == name for item in results if item.scenario == name]


def _flags(hits: int, total: int) -> list[bool]:
    return [True] * hits + [False] * (total - hits)


def confusion(single: Sequence[Result]) -> None:
    wrong = Counter(
        f"{item.true_attributes[0]} -> {item.said[0] if item.said else 'nothing'}"
        for item in single
        if item.heard and item.said[:1] != item.true_attributes
    )
    print("\nSingle things, what was said instead")
    for name, count in wrong.most_common(12):
        print(f"  {name:<40} {count}")


def verdict(outcomes: dict[str, list[bool]]) -> int:
    failed = 0
    print()
    for name, target in TARGETS.items():
        share = sum(outcomes[name]) / max(1, len(outcomes[name]))
        failed += share < target
        word = "pass" if share >= target else "FAIL"
        print(f"{word}  {name:<28} {share:6.1%}  of {len(outcomes[name])}, target {target:.0%}")
    print(f"{len(TARGETS) - failed} passed, {failed} failed")
    return int(failed > 0)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.world_localizer", description=__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first scene")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--named", action="store_true", help="tell the localizer which things sound")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--wrong", action="store_true", help="list the seeds of single things that were missed")
    given = parser.parse_args(arguments)
    seeds = range(given.seed, given.seed + given.clips)
    with ProcessPoolExecutor(given.workers) as pool:
        results = list(pool.map(partial(run_clip, named=given.named, overrides=given.overrides), seeds, chunksize=8))
    for item in results if given.wrong else []:
        if item.quantity == "single" and item.heard and item.said[:1] != item.true_attributes:
            told = (item.heard[0].name, *item.true_attributes, dict(item.heard[0].cues))
            print(item.seed, item.receiver, f"{item.snr_db:.0f} dB", *told, "said", item.said, item.said_names)
    return report(results)


if __name__ == "__main__":
    sys.exit(main())
