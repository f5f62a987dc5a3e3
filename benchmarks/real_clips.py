"""Scores the localizer on recordings: `python -m benchmarks.real_clips ANNOTATIONS.json AUDIO_DIR [KEY=VALUE ...]`.

One row a clip and a last line `N passed, N failed`; exit 0 when all pass. A clip passes when its scenario is right,
and the movement of its dominant thing where the annotation says that the sound supports it, and nothing sideways is
claimed where the channels are identical. Nothing is written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from spa2v.core.errors import Spa2vError
from spa2v.core.pipeline import Pipeline
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, VideoSceneLayout
from spa2v.plugins.layout_planners.stereo_rules.planner import StereoRules

MOVEMENTS = ("left_to_right", "right_to_left", "approaching", "receding")
SIDES = ("left", "right", "left_to_right", "right_to_left")


@dataclass(frozen=True)
class Row:
    """One clip: what the annotation says, what the localizer says and calls the objects."""

    id: str
    scenario_asked: str | None
    scenario_said: str | None
    asked: tuple[str, ...]
    said: tuple[str, ...]
    supports: str | None
    failures: tuple[str, ...]
    names: tuple[str, ...] = ()

    def line(self) -> str:
        cells = (
            f"{self.id:<24}",
            f"{self.scenario_asked or '-':>13} / {self.scenario_said or '-':<13}",
            f"{','.join(self.asked) or '-':>42} / {','.join(self.said) or '-':<30}",
            f"{self.supports or '-':<14}",
            f"{', '.join(self.names) or '-':<20}",
            "pass" if not self.failures else "FAIL: " + "; ".join(self.failures),
        )
        return "  ".join(cells)


def read_clip(path: Path) -> AudioClip:
    from spa2v.core.media.audio import read_audio

    return read_audio(path)


@cache
def pipeline(*overrides: str) -> Pipeline:
    """The default with overrides KEY=VALUE; nothing is drawn."""
    return Pipeline.from_preset("default", overrides=overrides, quiet=True)


def cues_of(audio: AudioClip, *overrides: str) -> SpatialCues:
    """What the extractors measure."""
    return pipeline(*overrides).measure(audio)


def localize(audio: AudioClip, *overrides: str) -> VideoSceneLayout:
    """The plan of the extractors and `stereo_rules`."""
    return StereoRules().plan(audio, cues_of(audio, *overrides), Run())


def dominant(objects: Sequence[Mapping[str, Any]]) -> str | None:
    """The attribute of the object with the largest visible area over the frames."""
    return max(objects, key=_area).get("attribute") if objects else None


def _area(item: Mapping[str, Any]) -> float:
    return sum((box[2] - box[0]) * (box[3] - box[1]) for box in item.get("boxes") or [] if box)


def said_first(layout: VideoSceneLayout) -> str | None:
    """The attribute of the thing with the largest visible area over the key frames."""
    areas: dict[str, float] = {}
    for frame in layout.keyframes:
        for item in frame.objects:
            areas[item.id] = areas.get(item.id, 0.0) + item.box.area
    return layout.attributes.get(max(areas, key=lambda key: areas[key])) if areas else None


def score(clip: Mapping[str, Any], layout: VideoSceneLayout) -> Row:
    """A row from an annotation and a plan; what the annotation leaves out is not asked."""
    objects = [item for item in clip.get("objects") or [] if isinstance(item, Mapping)]
    asked = tuple(str(item.get("attribute")) for item in objects if item.get("attribute"))
    said, names = tuple(layout.attributes.values()), tuple(layout.names.values())
    supports = (clip.get("audio_evidence") or {}).get("supports_attribute")
    failures = []
    if clip.get("scenario") and layout.scenario != clip["scenario"]:
        failures.append("scenario")
    target = dominant(objects)
    if supports == "yes" and target in MOVEMENTS and said_first(layout) != target:
        failures.append("movement")
    if clip.get("lateral_information") is False and any(word in SIDES for word in said):
        failures.append("claims a side without lateral information")
    scenarios = clip.get("scenario"), layout.scenario
    return Row(str(clip.get("id")), *scenarios, asked, said, supports, tuple(failures), names)


def run_clip(clip: Mapping[str, Any], folder: Path, *overrides: str) -> Row:
    try:
        return score(clip, localize(read_clip(folder / str(clip.get("audio_file"))), *overrides))
    except Spa2vError as error:
        return Row(str(clip.get("id")), clip.get("scenario"), None, (), (), None, (str(error).splitlines()[0],))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_clips", description=__doc__)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("audio_dir", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    given = parser.parse_args(arguments)
    clips = json.loads(given.annotations.read_text(encoding="utf-8"))["clips"]
    rows = [run_clip(clip, given.audio_dir, *given.overrides) for clip in clips]
    for row in rows:
        print(row.line())
    failed = sum(bool(row.failures) for row in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
