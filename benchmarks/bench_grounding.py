"""What grounding costs, as ratios within one run, on random networks of Stable Diffusion 1.5's size.

`python -m benchmarks.bench_grounding layers|step|curve|clip [--device cuda] [--size sd15|tiny] ...`

- layers: the four grounded layers at 16 frames against the same maths frame by frame (`migc_frame_by_frame`).
- step: one guided evaluation of the motion UNet, grounded against ungrounded, and the peak memory of the process.
- curve: the grounded layers against frames and against objects, as a table and an SVG plot.
- clip: seconds for whole clips through the real components, ungrounded and grounded, and peak memory with and without
  offload. Meant for a GPU.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import grounding_models as models
from benchmarks import migc_frame_by_frame as slow
from spa2v.core.protocols import AttentionSite, Denoising, EncodedText
from spa2v.core.runtime import Run
from spa2v.plugins.grounding_injectors.instances import Instances
from spa2v.plugins.grounding_injectors.migc.injector import MIGC
from spa2v.plugins.grounding_injectors.migc.modules import MIGCModule
from spa2v.plugins.grounding_injectors.migc.processor import MIGCProcessor, Scene, Schedule, slot_positions

PIXELS = (320, 512)


def seconds(work: Callable[[], Any], rounds: int, device: torch.device) -> float:
    """The median time of some rounds: wall time; on one CPU thread the processor's, which leaves out others' load."""
    on_gpu = device.type == "cuda"
    clock = time.process_time if not on_gpu and torch.get_num_threads() == 1 else time.perf_counter
    taken = []
    for _ in range(rounds):
        start = clock()
        work()
        if on_gpu:
            torch.cuda.synchronize()
        taken.append(clock() - start)
    return statistics.median(taken)


class Layers:
    """The released weights' four layers on their own, with random features, for F frames of K things."""

    def __init__(self, frames: int, things: int, device: torch.device, size: str) -> None:
        unet = models.SIZES[size]
        self.width, self.text_width = unet["block_out_channels"][-1], unet["cross_attention_dim"]
        self.frames, self.things, self.device = frames, things, device
        layout = models.moving_layout(things)
        self.instances = Instances.from_layouts([layout], frames, 28)
        self.text = self._random(2 + things, models.TOKENS, self.text_width)
        self.sites = [self._site(k, (5, 8) if k == 0 else (10, 16)) for k in range(4)]
        self.attns = [self._attention(k) for k in range(4)]
        self.modules = [self._module(site, k) for k, site in enumerate(self.sites)]
        self.inputs = [self._random(2 * frames, s.resolution[0] * s.resolution[1], self.width) for s in self.sites]

    def _random(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape))).to(self.device)

    def _site(self, index: int, resolution: tuple[int, int]) -> AttentionSite:
        return AttentionSite(f"l{index}", "spatial", "cross", resolution, self.width, models.HEADS, self.text_width)

    def _attention(self, seed: int) -> Any:
        from diffusers.models.attention_processor import Attention

        with torch.device("meta"):
            attn = Attention(self.width, self.text_width, heads=models.HEADS, dim_head=self.width // models.HEADS)
        return models.filled(attn, seed).to(self.device)

    def _module(self, site: AttentionSite, seed: int) -> MIGCModule:
        with torch.device("meta"):
            module = MIGCModule(models.module_sizes(site))
        return models.filled(module, seed).to(self.device)  # type: ignore[return-value]

    def processors(self) -> list[MIGCProcessor]:
        """The product's processors on one generation's scene."""
        things = EncodedText(self.text[2:], self.text[2:, 0])
        scene = Scene(self.instances, things, PIXELS, (PIXELS[0] // 8, PIXELS[1] // 8))
        now = Denoising(steps=50)
        slots = slot_positions(28).to(self.device)
        made = []
        for site, module, attn in zip(self.sites, self.modules, self.attns, strict=True):
            plain = attn.processor
            made.append(MIGCProcessor(module, site, scene, now, Schedule(0.5), Schedule(0.0), slots, plain))
        return made

    @torch.no_grad()
    def fast(self, processors: Sequence[MIGCProcessor], rows: Tensor) -> list[Tensor]:
        """All frames at once; `rows` are the text rows (2F, L, T)."""
        layers = zip(processors, self.attns, self.inputs, strict=True)
        return [processor(attn, x, rows) for processor, attn, x in layers]

    def rows(self) -> Tensor:
        return self.text[:2].repeat_interleave(self.frames, dim=0)

    @torch.no_grad()
    def frame_by_frame(self) -> list[Tensor]:
        """The same, one frame after the other, everything anew."""
        outs = []
        for site, module, attn, x in zip(self.sites, self.modules, self.attns, self.inputs, strict=True):
            frames = [
                slow.frame(
                    module,
                    attn,
                    x[[f, self.frames + f]],
                    self.text,
                    self.text[2:, 0],
                    self.instances.boxes[f].tolist(),
                    PIXELS,
                    site.resolution,
                )
                for f in range(self.frames)
            ]
            outs.append(torch.stack(frames).transpose(0, 1).flatten(0, 1))
        return outs


def layers(options: argparse.Namespace) -> dict[str, Any]:
    """The layers batched and cached, against frame by frame."""
    work = Layers(options.frames, options.objects, options.device, options.size)
    processors, rows = work.processors(), work.rows()
    fast, reference = work.fast(processors, rows), work.frame_by_frame()
    error = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(fast, reference, strict=True))
    quick = seconds(lambda: work.fast(processors, rows), options.rounds, options.device)
    long = seconds(work.frame_by_frame, options.rounds, options.device)
    return {"batched_s": quick, "frame_by_frame_s": long, "times_faster": long / quick, "relative_difference": error}


def step(options: argparse.Namespace) -> dict[str, Any]:
    """One guided evaluation of the motion UNet, grounded against not."""
    run = Run(device=options.device.type, dtype="float32" if options.device.type == "cpu" else "float16")
    unet = models.motion_unet(options.size).to(options.device, run.dtype)
    backbone = models.StepBackbone(unet, options.frames, *PIXELS)
    latents, text = backbone.inputs(run)
    loaded = _peak_gib(options.device)
    with tempfile.TemporaryDirectory() as folder:
        file = models.migc_file(Path(folder) / "migc.safetensors", backbone.attention_sites(run))
        plain = None
        if not options.grounded_only:
            plain = seconds(lambda: backbone.step(latents, text), options.rounds, options.device)
        with MIGC(weights=file).attach(backbone, models.moving_layout(options.objects), run) as attached:
            if options.rounds > 1:
                backbone.step(latents, text)  # fills the caches of the generation
            grounded = seconds(lambda: backbone.step(latents, text), options.rounds, options.device)
    return {
        "ungrounded_s": plain,
        "grounded_s": grounded,
        "ratio": grounded / plain if plain else None,
        "layers": len(attached.sites),
        "peak_gib_before_the_step": loaded,
        "peak_gib": _peak_gib(options.device),
    }


def _peak_gib(device: torch.device) -> float:
    """The most memory so far: of the GPU, or resident of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def curve(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of the layers against the number of frames (two objects) and of objects (options.frames frames)."""

    def measure(frames: int, things: int) -> float:
        work = Layers(frames, things, options.device, options.size)
        processors, rows = work.processors(), work.rows()
        work.fast(processors, rows)
        return seconds(lambda: work.fast(processors, rows), options.rounds, options.device)

    frames = {count: measure(count, options.objects) for count in (4, 8, 16, 24, 32)}
    objects = {count: measure(options.frames, count) for count in (1, 2, 4, 6, 8)}
    if options.plot:
        options.plot.write_text(plot({"frames": frames, "objects": objects}))
    return {"frames": frames, "objects": objects}


def plot(curves: dict[str, dict[int, float]], width: int = 420, height: int = 260) -> str:
    """An SVG with one panel a curve, each relative to its first point."""
    pad, panels = 48, []
    for index, (name, points) in enumerate(curves.items()):
        first = next(iter(points.values()))
        ratios = {x: seconds / first for x, seconds in points.items()}
        top, right = max(ratios.values()) * 1.1, max(ratios)
        at = {
            x: (pad + (width - 2 * pad) * x / right, height - pad - (height - 2 * pad) * y / top)
            for x, y in ratios.items()
        }
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in at.values())
        marks = "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/><text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">'
            f'{ratios[count]:.2f}</text><text x="{x:.1f}" y="{height - pad + 16}" text-anchor="middle">{count}</text>'
            for count, (x, y) in at.items()
        )
        axes = f'<path d="M{pad} {pad / 2} V{height - pad} H{width - pad / 2}" fill="none" stroke="#888"/>'
        title = f'<text x="{width / 2}" y="{height - 8}" text-anchor="middle">number of {name}</text>'
        drawn = f'<polyline points="{line}" fill="none" stroke="#246" stroke-width="2"/>'
        panels.append(f'<g transform="translate({index * width} 0)">{axes}{drawn}{marks}{title}</g>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * len(curves)}" height="{height}"'
    paper = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'{head} font-family="sans-serif" font-size="11">{paper}{"".join(panels)}</svg>\n'


def clip(options: argparse.Namespace) -> dict[str, Any]:
    """Whole clips through the components: plain and grounded, then each kind of offload."""
    from spa2v.plugins.motion_backbones.animatediff.backbone import AnimateDiff

    layout = models.moving_layout(options.objects)
    run = Run(device=options.device.type)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        sources = models.stable_diffusion(Path(folder), options.size, run.dtype)
        file = ""
        for offload in ("none", "model", "sequential") if options.device.type == "cuda" else ("none",):
            _forget_peak(options.device)
            backbone = AnimateDiff(
                **sources,
                frames=options.frames,
                steps=options.steps,
                width=PIXELS[1],
                height=PIXELS[0],
                offload=offload,
            )
            file = file or models.migc_file(Path(folder) / "migc.safetensors", backbone.attention_sites(run))
            backbone.generate(layout, run)  # loads, and warms up
            plain = seconds(lambda b=backbone: b.generate(layout, run), options.rounds, options.device)  # type: ignore[misc]
            with MIGC(weights=file).attach(backbone, layout, run):
                grounded = seconds(lambda b=backbone: b.generate(layout, run), options.rounds, options.device)  # type: ignore[misc]
            found[offload] = {
                "ungrounded_s": plain,
                "grounded_s": grounded,
                "ratio": grounded / plain,
                "peak_gib": _peak_gib(options.device),
            }
            del backbone
    return found


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def test_layers(benchmark: Any) -> None:
    """The grounded layers at full width, 4 frames of 2 things, against frame by frame."""
    work = Layers(4, 2, torch.device("cpu"), "sd15")
    processors, rows = work.processors(), work.rows()
    work.fast(processors, rows)
    long = seconds(work.frame_by_frame, 1, work.device)
    benchmark.pedantic(lambda: work.fast(processors, rows), rounds=3)
    quick = seconds(lambda: work.fast(processors, rows), 3, work.device)
    benchmark.extra_info["times_faster_than_frame_by_frame"] = round(long / quick, 2)
    print(f"\ngrounded layers: {long / quick:.2f} times faster than frame by frame")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_grounding")
    parser.add_argument("what", choices=("layers", "step", "curve", "clip"))
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--size", choices=tuple(models.SIZES), default="sd15")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--objects", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--grounded-only", action="store_true", help="step: leave the comparison out")
    parser.add_argument("--plot", type=Path, help="where curve writes its SVG")
    options = parser.parse_args(arguments)
    work = {"layers": layers, "step": step, "curve": curve, "clip": clip}[options.what]
    found = {"device": str(options.device), "threads": torch.get_num_threads(), "torch": torch.__version__}
    print(json.dumps({**found, **work(options)}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
