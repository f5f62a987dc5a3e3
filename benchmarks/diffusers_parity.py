"""Compares sampling with diffusers' own pipeline: `python -m benchmarks.diffusers_parity [BASE MOTION]`.

Both load the same weights and draw from generators with the same seed: text, noise, every step and the latents are
their own. Without arguments the weights are small and random. A row a case, then `N passed, N failed`; exit 0 when
all pass.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor

from spa2v.core.runtime import Run
from spa2v.core.types import KeyFrame, VideoSceneLayout
from spa2v.plugins.motion_backbones.animatediff import AnimateDiff
from spa2v.plugins.motion_backbones.animatediff.options import FILTERS, SCHEDULERS
from spa2v.plugins.motion_backbones.animatediff.sampling import LINEAR
from spa2v.testing import tiny_weights

TOLERANCE = 1e-4
"""Of the largest difference between latents, relative to the largest latent where that is above 1."""
CAPTIONS = ("A red car drives along a street.", "A dog barks.")
SMALL: dict[str, Any] = {
    "width": 64,
    "height": 48,
    "frames": 4,
    "steps": 6,
    "guidance": 7.5,
    "negative_prompt": "blurry, bad quality",
}
LAYERS = {"spatial": ".attentions.", "temporal": ".motion_modules."}


@dataclass(frozen=True)
class Case:
    """One comparison.

    Args:
        name: in the table.
        options: of `AnimateDiff`, beside `SMALL`.
        loras: kinds of layers, with the scale of a random LoRA on all of their queries.
        videos: drawn in one batch here, one by one there.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    loras: Mapping[str, float] = field(default_factory=dict)
    videos: int = 1


def cases() -> list[Case]:
    """All samplers with and without guidance, and each addition with AnimateDiff's own sampler."""
    runge_kutta = {"scheduler": {"name": "PNDMScheduler", "skip_prk_steps": False}}
    window = {"frames": 20, "context_frames": 8, "context_stride": 4, "free_noise": "on"}
    passes = {"iterations": 2, "order": 3, "spatial_stop": 0.3, "temporal_stop": 0.2}
    return [
        *(Case(name, {"scheduler": {"name": name}}) for name in SCHEDULERS),
        *(Case(f"{name}, no guidance", {"scheduler": {"name": name}, "guidance": 1.0}) for name in SCHEDULERS),
        Case("PNDMScheduler, Runge-Kutta steps", runge_kutta),
        Case("two videos", {"scheduler": {"name": "EulerAncestralDiscreteScheduler"}}, videos=2),
        Case("FreeNoise", window),
        Case("FreeNoise, LCMScheduler", {**window, "scheduler": {"name": "LCMScheduler"}}),
        *(Case(f"FreeInit, {kind}", {"free_init": {**passes, "filter": kind}}) for kind in FILTERS),
        Case("FreeNoise and FreeInit", {**window, "free_init": passes}),
        Case("LoRA, spatial", loras={"spatial": 0.7}),
        Case("LoRA, temporal", loras={"temporal": 1.0}),
        Case("two LoRAs and FreeNoise", window, {"spatial": 0.5, "temporal": -0.5}),
    ]


@dataclass(frozen=True)
class Comparison:
    """The weights, and both ways to draw with them.

    Args:
        base, motion: diffusers folders.
        folder: for LoRA files.
    """

    base: str
    motion: str
    folder: Path

    def difference(self, case: Case) -> float:
        """The largest difference between the latents of both, over all videos of a case; see `TOLERANCE`."""
        options = {**SMALL, **case.options}
        loras = {kind: self._lora(kind) for kind in case.loras}
        ours, theirs = self._ours(case, options, loras), self._theirs(case, options, loras)
        if ours.shape != theirs.shape:
            raise ValueError(f"latents of shape {tuple(ours.shape)}, diffusers' are {tuple(theirs.shape)}")
        error = float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1.0))
        return error if error == error else float("inf")  # NaN is no number

    def _ours(self, case: Case, options: Mapping[str, Any], loras: Mapping[str, Path]) -> Tensor:
        added = [{"source": str(path), "scale": case.loras[kind]} for kind, path in loras.items()]
        backbone = AnimateDiff(base=self.base, motion=self.motion, captions="global", loras=added, **options)
        layouts = [VideoSceneLayout(2.0, text, (KeyFrame(0.0, text),)) for text in CAPTIONS[: case.videos]]
        run = Run(device="cpu", dtype="float32")
        return backbone.engine.draw_latents(layouts, [_generator(k) for k in range(case.videos)], run)

    def _theirs(self, case: Case, options: Mapping[str, Any], loras: Mapping[str, Path]) -> Tensor:
        scheduler = dict(options.get("scheduler", {"name": "DDIMScheduler"}))
        kind = getattr(diffusers, scheduler.pop("name"))
        adapter = diffusers.MotionAdapter.from_pretrained(self.motion)
        pipeline = diffusers.AnimateDiffPipeline.from_pretrained(self.base, motion_adapter=adapter)
        pipeline.scheduler = kind.from_config(pipeline.scheduler.config, **{**LINEAR, **scheduler})
        pipeline.set_progress_bar_config(disable=True)
        for name, path in loras.items():
            pipeline.load_lora_weights(path.parent, weight_name=path.name, adapter_name=name)
        if loras:
            pipeline.set_adapters([*loras], [case.loras[name] for name in loras])
        if options.get("free_noise") == "on":
            if loras:  # FreeNoise replaces blocks, which must not hold adapters
                pipeline.fuse_lora()
                pipeline.unload_lora_weights()
            pipeline.enable_free_noise(options["context_frames"], options["context_stride"])
        if settings := options.get("free_init"):
            pipeline.enable_free_init(
                num_iters=settings["iterations"],
                method=settings.get("filter", "butterworth"),
                order=settings["order"],
                spatial_stop_frequency=settings["spatial_stop"],
                temporal_stop_frequency=settings["temporal_stop"],
            )
        sizes = {"num_frames": options["frames"], "width": options["width"], "height": options["height"]}
        drawn = [
            pipeline(
                prompt=text.rstrip("."),
                negative_prompt=options["negative_prompt"],
                num_inference_steps=options["steps"],
                guidance_scale=options["guidance"],
                generator=_generator(k),
                output_type="latent",
                **sizes,
            ).frames
            for k, text in enumerate(CAPTIONS[: case.videos])
        ]
        return torch.cat(drawn)

    def _lora(self, kind: str) -> Path:
        """A random LoRA of rank 2 on every query projection of one kind of layers."""
        path = self.folder / f"{kind}.safetensors"
        if not path.is_file():
            backbone = AnimateDiff(base=self.base, motion=self.motion, **SMALL)
            unet = backbone.denoiser(Run(device="cpu", dtype="float32"))
            draw, tensors = _generator(9), {}
            for name, layer in unet.named_modules():
                if name.endswith("to_q") and LAYERS[kind] in name:
                    width, height = layer.in_features, layer.out_features
                    tensors[f"unet.{name}.lora_A.weight"] = torch.randn(2, width, generator=draw) / width**0.5
                    tensors[f"unet.{name}.lora_B.weight"] = torch.randn(height, 2, generator=draw)
            save_file(tensors, path)
        return path


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def run(comparison: Comparison, chosen: Sequence[Case], report: Callable[[str], None] = print) -> int:
    """Runs the cases; returns the number that failed."""
    failed = 0
    for case in chosen:
        error = comparison.difference(case)
        passed = error <= TOLERANCE
        failed += not passed
        report(f"{'pass' if passed else 'FAIL'}  {case.name:<48} {error:.2e}  (at most {TOLERANCE:.0e})")
    report(f"{len(chosen) - failed} passed, {failed} failed")
    return failed


def main(arguments: Sequence[str]) -> int:
    if len(arguments) not in (0, 2):
        print("usage: python -m benchmarks.diffusers_parity [BASE MOTION]", file=sys.stderr)
        return 2
    for log in (diffusers.logging, transformers.logging):
        log.set_verbosity_error()
        log.disable_progress_bar()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if arguments:
            base, motion = arguments
        else:
            base = str(tiny_weights.stable_diffusion(folder / "sd"))
            motion = str(tiny_weights.motion_adapter(folder / "motion"))
        return 1 if run(Comparison(base, motion, folder), cases()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
