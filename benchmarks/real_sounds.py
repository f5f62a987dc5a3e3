"""Scores names: `python -m benchmarks.real_sounds ANNOTATIONS.json DIR [--config C] [KEY=VALUE ...]`.

One row a clip, how many names are wrong and how many not sure, and a last line `N passed, N failed`; exit 0 when all
pass. A clip passes when the largest object of its plan has one of the names of its annotation, or, with "none" among
them, when nothing is planned. Nothing is written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spa2v.core.errors import Spa2vError
from spa2v.core.pipeline import Pipeline
from spa2v.core.types import VideoSceneLayout
from spa2v.plugins.layout_planners.stereo_rules.objects import UNNAMED

NOTHING = "none"


@dataclass(frozen=True)
class Row:
    """One clip: its names, what the plan calls its largest object, and the tags behind that."""

    path: str
    names: tuple[str, ...]
    said: str
    heard: str

    @property
    def passed(self) -> bool:
        return self.said in self.names

    @property
    def unsure(self) -> bool:
        return self.said == UNNAMED

    def line(self) -> str:
        verdict = "pass" if self.passed else "not sure" if self.unsure else "WRONG"
        return f"{self.path:<32}  {verdict:<8}  {self.said:<18}  of {', '.join(self.names)[:60]:<60}  {self.heard}"


def largest_object(layout: VideoSceneLayout) -> str:
    """The name of the object with the largest area over the key frames; "none" where nothing is planned."""
    areas: dict[str, float] = {}
    names: dict[str, str] = {}
    for frame in layout.keyframes:
        for item in frame.objects:
            areas[item.id] = areas.get(item.id, 0.0) + item.box.area
            names[item.id] = item.name
    return names[max(areas, key=lambda key: areas[key])] if areas else NOTHING


def run_clip(clip: Mapping[str, Any], folder: Path, pipeline: Pipeline) -> Row:
    path, names = str(clip.get("path")), tuple(str(name) for name in clip.get("names") or ())
    try:
        audio = pipeline.read(folder / path)
        run = pipeline.new_run()
        cues = pipeline.measure(audio, run)
        layout = pipeline.plan(audio, run, cues)
    except Spa2vError as error:
        return Row(path, names, f"error: {str(error).splitlines()[0]}", "")
    heard = ", ".join(f"{tag.label} {tag.confidence:.2f}" for tag in cues.tags[:3])
    return Row(path, names, largest_object(layout), heard)


def read_arguments(arguments: Sequence[str] | None, module: str, about: str | None) -> tuple[list[Any], Path, Pipeline]:
    """The clips, their folder and the pipeline of a command line."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{module}", description=about)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--config", default="default")
    given = parser.parse_args(arguments)
    clips = json.loads(given.annotations.read_text(encoding="utf-8"))["clips"]
    return clips, given.folder, Pipeline.from_preset(given.config, overrides=given.overrides)


def main(arguments: Sequence[str] | None = None) -> int:
    clips, folder, pipeline = read_arguments(arguments, "real_sounds", __doc__)
    rows = [run_clip(clip, folder, pipeline) for clip in clips]
    for row in rows:
        print(row.line())
    failed = [row for row in rows if not row.passed]
    unsure = sum(row.unsure for row in failed)
    print(f"{len(failed) - unsure} wrong names, {unsure} not sure")
    print(f"{len(rows) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
