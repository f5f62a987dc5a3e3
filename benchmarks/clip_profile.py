"""What a clip of the default costs, part by part: planning, loading, text, denoiser, decoding, encoding.

    python -m benchmarks.clip_profile [KEY=VALUE ...] [--clips N] [--plain] [--preview] [--config NAME ...]

Processor seconds of one thread, so that other load on the machine counts little; the mean over N clips of ToyWorld,
loading apart. With several presets each later one is compared with the first; --plain draws each preset with the
library's own layers first, and --preview adds the editor's preview of the first.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.small_weights import HELD_OUT, known_movers
from spa2v.core.media.video import write_video
from spa2v.core.pipeline import Pipeline
from spa2v.core.types import GeneratedVideo
from spa2v.edit.preview import preview_of
from spa2v.plugins.motion_backbones.animatediff import memory
from spa2v.world.clips import render_clip
from spa2v.world.sampling import Choice, sample_scene

PARTS = ("planning", "text", "denoiser", "decoding", "encoding")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--config", nargs="+", default=["default"])
    parser.add_argument("--plain", action="store_true", help="without the forms of layers for a CPU, too")
    parser.add_argument("--preview", action="store_true")
    parser.add_argument("overrides", nargs="*")
    asked = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    overrides = ["run.device=cpu", *asked.overrides]
    configs = {name: Pipeline.from_preset(name, overrides=overrides).config for name in asked.config}
    plain = {f"{name}, plain layers": config for name, config in configs.items() if asked.plain}
    if asked.preview:
        found = preview_of(configs[asked.config[0]], configs)
        if found is None:
            parser.error("none of the presets draws the preview of the first")
        configs[f"preview by {found[0]}"] = found[1]
    first: float | None = None
    for name, config in (plain | configs).items():
        with mock.patch.object(memory, "adapt") if name in plain else nullcontext():
            spent = profile(Pipeline(config), asked.clips)
        total = sum(spent[part] for part in PARTS) / asked.clips
        print(f"\n{name}: {total:.1f} s a clip; loading {spent['loading']:.1f} s once")
        for part in PARTS:
            print(f"| {part} | {spent[part] / asked.clips:.2f} | {spent[part] / asked.clips / total:.0%} |")
        first = first or total
        print(f"{total / first:.2f} of the first")


def profile(pipeline: Pipeline, clips: int) -> dict[str, float]:
    """Processor seconds by part, over all clips."""
    spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        began = time.process_time()
        yield
        spent[part] += time.process_time() - began

    backbone: Any = pipeline.motion_backbone
    run = pipeline.new_run()
    with timed("loading"):
        networks = backbone.engine.pipeline(run)
    choice = Choice("translational", "single", classes=known_movers())
    warm = render_clip(sample_scene(HELD_OUT, choice))
    pipeline.plan(warm.audio, pipeline.new_run())  # tagger and tables
    for index in range(clips):
        clip = render_clip(sample_scene(HELD_OUT + index, choice))
        run = pipeline.new_run()
        with timed("planning"):
            layout = pipeline.plan(clip.audio, run)
        (layout,) = pipeline._fitting([layout], [run])
        with timed("text"):
            backbone.engine.text_rows([layout], run)
        with timed("denoiser"), pipeline.grounding_injector.attach(backbone, layout, run):
            latents = backbone.engine.draw_latents([layout], [run.torch_generator("animatediff/noise")], run)
        spent["denoiser"] -= spent["text"] / (index + 1)  # which drawing encodes once more
        with timed("decoding"):
            frames = backbone.engine._decode(networks.vae, latents, run)[0]
        video = GeneratedVideo(frames, len(frames) / layout.duration_s)
        with tempfile.TemporaryDirectory() as folder, timed("encoding"):
            write_video(Path(folder) / "clip.mp4", video, clip.audio)
    return spent


if __name__ == "__main__":
    main()
