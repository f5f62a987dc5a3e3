"""Makes the in-context examples that come with the MLLM planners, from ToyWorld.

    python -m tools.bundle_examples

Two single things for each attribute and four scenes with several, each with evidence of its attributes in the sound;
two seconds at 16 kHz. Writes recordings, layouts, manifest and index.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import soundfile

from spa2v import Pipeline, Run
from spa2v.core.media.files import write_text
from spa2v.core.types import ATTRIBUTES
from spa2v.core.types.benchmark import MANIFEST, BenchmarkClip, manifest_text
from spa2v.plugins.layout_planners.mllm.examples.building import build_index
from spa2v.plugins.layout_planners.mllm.examples.index import FOLDER
from spa2v.plugins.layout_planners.mllm.examples.selection import BUNDLED
from spa2v.world.clips import ToyClip, render_clip
from spa2v.world.sampling import Choice, sample_scene

RATE, SECONDS, SEED = 16_000, 2.0, 9_000
EACH, SEVERAL = 2, {"stationary": 3, "translational": 1}


def wanted() -> Iterator[Choice]:
    """What each example shows."""
    for attribute in ATTRIBUTES:
        yield from [Choice(None, "single", attribute, None, SECONDS)] * EACH
    for scenario, count in SEVERAL.items():
        yield from [Choice(scenario, "multiple", None, None, SECONDS)] * count


def examples() -> Iterator[ToyClip]:
    """Clips in which every attribute can be heard; the two of an attribute show different things."""
    seed, names = SEED, set[tuple[str | None, str]]()
    for choice in wanted():
        while True:
            seed += 1
            clip = render_clip(sample_scene(seed, choice), (64, 40), sample_rate=RATE)
            told = all(
                (item.distance_evidence if item.attribute in ("approaching", "receding") else item.lateral_evidence)
                for item in clip.objects
            )
            key = (choice.attribute, clip.objects[0].name)
            if told and (choice.attribute is None or key not in names):
                names.add(key)
                yield clip
                break


def store(number: int, clip: ToyClip) -> BenchmarkClip:
    name = f"{number:03d}"
    folder = BUNDLED / "clips" / name
    folder.mkdir(parents=True)
    soundfile.write(folder / "audio.flac", clip.audio.samples.T, RATE, subtype="PCM_16")
    write_text(folder / "layout.json", clip.layout.dumps())
    paths = [f"clips/{name}/{file}" for file in ("audio.flac", "layout.json")]
    scene = clip.scene
    return BenchmarkClip(
        name, f"toyworld-scene-{scene.seed}", "database", scene.scenario, scene.quantity, scene.duration_s,
        clip.objects, *paths, caption=clip.layout.caption,
    )  # fmt: skip


def main() -> None:
    shutil.rmtree(BUNDLED, ignore_errors=True)
    clips = [store(number, clip) for number, clip in enumerate(examples())]
    write_text(BUNDLED / MANIFEST, manifest_text(clips))
    pipeline = Pipeline.from_preset("gemini")
    extractors = [{"name": item.name, "options": dict(item.options)} for item in pipeline.config.cue_extractors]
    build_index(BUNDLED, BUNDLED / FOLDER, pipeline.measure, extractors, Run(quiet=False))
    for clip in clips:
        print(clip.id, clip.caption)
    size = sum(path.stat().st_size for path in Path(BUNDLED).rglob("*") if path.is_file())
    print(f"{len(clips)} examples, {size / 1e6:.2f} MB in {BUNDLED}")


if __name__ == "__main__":
    main()
