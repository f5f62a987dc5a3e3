"""A data set folder into a benchmark folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spa2v import BenchmarkClip, ConfigError, Run, write_json, write_text
from spa2v.core.types.benchmark import MANIFEST, manifest_text

from spa2v_dcase.clips import LeftOut, Recipe, make_clips
from spa2v_dcase.recordings import find_recordings
from spa2v_dcase.scene import NOTE

REJECTED, DATASET = "rejected.jsonl", "dataset.json"
ASSUMED = "a level camera at the microphone; sizes of things and the height of the camera are usual ones"


def convert(root: Path, out: Path, recipe: Recipe, run: Run) -> tuple[int, Mapping[str, int]]:
    """Makes the benchmark; how many clips there are, and how many were left out, by reason.

    What is there already, made by the same recipe, is not made again. Each clip that is left out stands in
    `rejected.jsonl` with its reason.

    Raises:
        ConfigError: no recordings, or a folder that cannot be used.
    """
    recordings = find_recordings(root)
    _claim(out, {"maker": "spa2v-dcase", "boxes": NOTE, "assumed": ASSUMED, "recipe": asdict(recipe)})
    clips: list[BenchmarkClip] = []
    left_out: list[LeftOut] = []
    with run.progress("Converting", total=len(recordings)) as step:
        for recording in recordings:
            for made in make_clips(recording, out, recipe):
                if isinstance(made, LeftOut):
                    left_out.append(made)
                else:
                    clips.append(made)
            step(1)
    write_text(out / MANIFEST, manifest_text(clips))
    write_text(out / REJECTED, "".join(json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in left_out))
    return len(clips), Counter(item.kind for item in left_out)


def _claim(out: Path, about: Mapping[str, Any]) -> None:
    """Makes the folder, or goes on with one of the same recipe."""
    path = out / DATASET
    try:
        out.mkdir(parents=True, exist_ok=True)
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        strange = known is None and any(out.iterdir())
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"cannot use the folder {str(out)!r}", str(error)) from error
    if strange or known not in (None, about):
        raise ConfigError(
            f"the folder {str(out)!r} holds something else", "take a new one, or the options it was made with"
        )
    write_json(path, about)
