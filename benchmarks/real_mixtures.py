"""Scores plans of two sounds: `python -m benchmarks.real_mixtures ANNOTATIONS.json DIR [--config C] [KEY=VALUE ...]`.

One row a clip, how many clips have an object at either side, and a last line `N passed, N failed`; exit 0 when all
pass. A clip passes when an object left of 0.45 has one of the names at the left, one right of 0.55 one of those at the
right, and at most three objects are planned. Nothing is written.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.real_sounds import read_arguments
from spa2v.core.errors import Spa2vError
from spa2v.core.pipeline import Pipeline
from spa2v.core.types import VideoSceneLayout

LEFT_OF, RIGHT_OF, MOST = 0.45, 0.55, 3


@dataclass(frozen=True)
class Row:
    """One clip: what is at its sides, the planned names with their mean places, and what failed."""

    path: str
    asked: str
    said: str
    failures: tuple[str, ...]
    both_sides: bool = False

    def line(self) -> str:
        return f"{self.path:<32}  {self.asked:<28}  {self.said:<60}  {'; '.join(self.failures) or 'pass'}"


def places(layout: VideoSceneLayout) -> list[tuple[str, float]]:
    """Name and mean horizontal place, 0..1, of each object."""
    seen: dict[str, tuple[str, list[float]]] = {}
    for frame in layout.keyframes:
        for item in frame.objects:
            seen.setdefault(item.id, (item.name, []))[1].append((item.box.x1 + item.box.x2) / 2)
    return [(name, sum(centers) / len(centers)) for name, centers in seen.values()]


def score(clip: Mapping[str, Any], layout: VideoSceneLayout) -> Row:
    found = places(layout)
    asked: list[str] = []
    failures = []
    both_sides = any(x < LEFT_OF for _, x in found) and any(x > RIGHT_OF for _, x in found)
    for thing in clip["things"]:
        asked.append(f"{thing['side']}: {thing['names'][0]}")
        at_side = [name for name, x in found if (x < LEFT_OF if thing["side"] == "left" else x > RIGHT_OF)]
        if not any(name in thing["names"] for name in at_side):
            failures.append(f"{thing['side']}: {', '.join(at_side) or 'nothing'}")
    if len(found) > MOST:
        failures.append(f"{len(found)} objects")
    said = ", ".join(f"{name} {x:.2f}" for name, x in sorted(found, key=lambda item: item[1]))
    return Row(str(clip["path"]), ", ".join(asked), said or "nothing", tuple(failures), both_sides)


def run_clip(clip: Mapping[str, Any], folder: Path, pipeline: Pipeline) -> Row:
    try:
        return score(clip, pipeline.plan(pipeline.read(folder / str(clip["path"]))))
    except Spa2vError as error:
        return Row(str(clip["path"]), "", "", (str(error).splitlines()[0],))


def main(arguments: Sequence[str] | None = None) -> int:
    clips, folder, pipeline = read_arguments(arguments, "real_mixtures", __doc__)
    rows = [run_clip(clip, folder, pipeline) for clip in clips]
    for row in rows:
        print(row.line())
    print(f"{sum(row.both_sides for row in rows)} of {len(rows)} have an object at either side")
    failed = sum(bool(row.failures) for row in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
