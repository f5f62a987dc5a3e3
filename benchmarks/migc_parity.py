"""Compares the MIGC of this package with golden values: `python -m benchmarks.migc_parity FILE.safetensors`.

The file holds weights in the released key format, inputs and outputs of many cases; the metadata says what each case
is. Every case runs through the classes that `spa2v render` uses. A row a case, then `N passed, N failed`; exit 0 when
all pass.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from spa2v.core.protocols import AttentionSite, Denoising, EncodedText
from spa2v.plugins.grounding_injectors.instances import Instances
from spa2v.plugins.grounding_injectors.migc.masks import LatentMasks, ShadingMasks, shading_masks
from spa2v.plugins.grounding_injectors.migc.modules import MIGCModule, Scales, fourier
from spa2v.plugins.grounding_injectors.migc.processor import MIGCProcessor, Scene, Schedule, slot_positions
from spa2v.plugins.grounding_injectors.migc.weights import load_modules
from spa2v.plugins.motion_backbones.animatediff.attention_sites import attention_sites

TOLERANCE, UNET_TOLERANCE = 1e-5, 1e-4
POSITIONS = "pos_embed.pe"  # computed, not trained: need not be stored
STEPS = 50  # the loop length to which the files' step counts refer
ORIGINAL_NAMES = {"mid": "middle_block.1", "up1": "output_blocks.4.1"}
Checks = Iterator[tuple[str, Tensor, Tensor]]


@dataclass(frozen=True)
class Golden:
    """One file of golden values."""

    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any]
    cases: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Golden:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            names = file.keys()
            tensors = {name: _upcast(file.get_tensor(name)) for name in names}
        return cls(tensors, json.loads(metadata["config"]), json.loads(metadata["cases"]))

    def group(self, prefix: str) -> dict[str, Tensor]:
        return {key.removeprefix(prefix): value for key, value in self.tensors.items() if key.startswith(prefix)}

    @cached_property
    def unet(self) -> Any:
        """The file's UNet for pictures."""
        from diffusers import UNet2DConditionModel

        unet = UNet2DConditionModel(**self.config["unet_config"])
        unet.load_state_dict(self.group("unet/"), strict=True)
        return unet.requires_grad_(False).eval()

    @cached_property
    def motion_unet(self) -> Any:
        """The UNet with the file's motion modules."""
        from diffusers import MotionAdapter, UNetMotionModel

        adapter = MotionAdapter(**self.config["motion_adapter_config"])
        unet = UNetMotionModel.from_unet2d(self.unet, adapter)
        rest = unet.load_state_dict(self.group("motion/"), strict=False)
        missing = [key for key in rest.missing_keys if "motion_modules" in key and not key.endswith(POSITIONS)]
        if rest.unexpected_keys or missing:
            raise SystemExit(f"the motion modules of the file do not fit: {[*rest.unexpected_keys, *missing][:8]}")
        return unet.requires_grad_(False).eval()

    @cached_property
    def modules(self) -> dict[str, MIGCModule]:
        """The MIGC modules by layer, through the loader and a checkpoint of the released container."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "migc.ckpt"
            torch.save({"state_dict": self.group("ckpt/")}, path)
            return load_modules(path, attention_sites(self.unet, (64, 64)))

    def named(self, name: str) -> MIGCModule:
        """The module that a case calls "mid" or "up1"."""
        sites = attention_sites(self.unet, (64, 64))
        return next(
            self.modules[s.name] for s in sites if s.role == "cross" and s.original_name == ORIGINAL_NAMES[name]
        )

    def text(self) -> tuple[Tensor, Tensor, EncodedText]:
        """Negative and global text (L, T), and the features of the things' phrases."""
        text, pooled = self.tensors["shared/text"], self.tensors["shared/pool"]
        return text[0], text[1], EncodedText(text[2:], pooled[1:, 0])


def _upcast(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


@dataclass(frozen=True)
class Case:
    """One case: what its metadata say, its inputs and outputs."""

    name: str
    facts: Mapping[str, Any]
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]

    @property
    def size(self) -> tuple[int, int]:
        return self.facts["H"], self.facts["W"]

    def variants(self) -> list[tuple[str, Tensor | None]]:
        """The permutations of the slots: (name, permutation or rows of them, or None for the identity)."""
        names = sorted({key.split("/")[0] for key in self.outputs if "/" in key})
        return [(n, self.outputs.get(f"{n}/perm", self.outputs.get(f"{n}/perms"))) for n in names]

    def scales(self) -> Scales:
        given = (self.facts.get(f"{part}_scale") for part in ("ca", "ea", "sac"))
        return Scales(*(None if values is None else torch.tensor([values]) for values in given))

    def boxes(self) -> list[list[list[float]]]:
        """Boxes of each frame."""
        return self.facts["frame_bboxes"] if "frame_bboxes" in self.facts else [self.facts["bboxes_x1y1x2y2"]]


def _fourier(golden: Golden, case: Case) -> Checks:
    frequencies = case.outputs["emb"].shape[-1] // 8
    yield "emb", fourier(case.inputs["boxes"], frequencies), case.outputs["emb"]


def _posnet(golden: Golden, case: Case) -> Checks:
    yield "tok", golden.named("mid").pos_net(case.inputs["boxes"]), case.outputs["tok"]


def _ea(golden: Golden, case: Case) -> Checks:
    attention = golden.named("mid").ea
    out, share = attention(case.inputs["x"], attention.prepare(case.inputs["context"]))
    yield "out", out, case.outputs["out"]
    yield "attn", torch.stack([share, 1 - share], dim=-1).transpose(1, 2), case.outputs["attn"]


def _la(golden: Golden, case: Case) -> Checks:
    things, rest = case.inputs["mask"][:, :-1], case.inputs["mask"][:, -1]
    masks = shading_masks(LatentMasks(things, rest), case.size)
    yield "out", golden.named("mid").la(case.inputs["x"], masks.visible), case.outputs["out"]


def _cbam(golden: Golden, case: Case) -> Checks:
    gate = getattr(golden.named("mid").sac, case.name)
    x = case.inputs["x"]  # (B, C, H, W)
    size = (x.shape[2], x.shape[3])
    yield "out", gate(x.flatten(2).transpose(1, 2), size).transpose(1, 2).reshape(x.shape), case.outputs["out"]


def _sac(golden: Golden, case: Case) -> Checks:
    controller, size = golden.named("mid").sac, case.size
    x, mask = case.inputs["x"], case.inputs["mask"].flatten(2)
    things = x.shape[1] - 2
    present = torch.ones(1, things, dtype=torch.bool)
    for name, order in case.variants():
        slots = slot_positions(controller.slots, order=order)[:things]
        out, weights = controller(x, mask, present, slots, controller.null_map(size), size)
        yield f"{name}/out", out[:, None], case.outputs[f"{name}/out"]
        yield f"{name}/scale", weights[..., None], case.outputs[f"{name}/scale"]


def _module(golden: Golden, case: Case) -> Checks:
    module, size, given = golden.named(case.facts["module"]), case.size, case.inputs
    masks: ShadingMasks = shading_masks(
        LatentMasks(given["guidance_mask_latent"], given["supplement_mask_latent"][:, 0]), size
    )
    things = case.facts["K"]
    pooled = golden.text()[2].pooled[None, :things]
    form = module.prepare(pooled, given["box_x1x2y1y2"][..., [0, 2, 1, 3]])
    present = torch.ones(1, things, dtype=torch.bool)
    for name, order in case.variants():
        slots = slot_positions(module.capacity, order=order)[:things]
        null = module.sac.null_map(size)
        whole, text = given["ca_x"][:, 0], given["ca_x"][:, 1:]
        made = module(given["image_token"][:, 0], whole, text, form, masks, present, slots, null, case.scales())
        yield f"{name}/out", made.out[:, None], case.outputs[f"{name}/out"]
        yield f"{name}/sac_scale", made.weights.reshape(1, -1, *size), case.outputs[f"{name}/sac_scale"]
    share = made.phrase.mean(dim=-1).reshape(1, things, *size)
    yield "ea_attn", torch.stack([share, 1 - share], dim=-1), case.outputs["ea_attn"]


class Denoiser:
    """A network with MIGC's processors on some layers, as the injector puts them there."""

    def __init__(self, golden: Golden, case: Case, latents: tuple[int, int]) -> None:
        self.negative, self.whole, phrases = golden.text()
        facts = case.facts
        rows = [[(str(k), box) for k, box in enumerate(boxes)] for boxes in case.boxes()]
        instances = Instances.from_rows(rows, limit=99)
        order = [int(name) for name in instances.phrases]
        text = EncodedText(phrases.states[order], phrases.pooled[order])
        self.scene = Scene(instances, text, (facts["height"], facts["width"]), latents, case.scales())
        self.now = Denoising(step=facts["ith"], steps=STEPS)
        self.schedule = _schedule(facts["MIGCsteps"])
        self.naive = _schedule(facts.get("NaiveFuserSteps", -1))
        self.global_text = case.inputs.get("global_text", self.whole.expand(len(rows), -1, -1))

    @property
    def text(self) -> Tensor:
        """Rows of text: negative, then each frame's own."""
        return torch.cat([self.negative.expand(self.scene.rows, -1, -1), self.global_text])

    def processor(self, module: MIGCModule | None, site: AttentionSite, order: Tensor | None, inner: Any) -> Any:
        slots = slot_positions(0 if module is None else module.capacity, order=order)
        return MIGCProcessor(module, site, self.scene, self.now, self.schedule, self.naive, slots, inner)


def _schedule(last: int) -> Schedule:
    """Active up to and including step `last` of `STEPS`."""
    return Schedule(share=max(last, 0) / STEPS)


def _attention(golden: Golden) -> Any:
    from diffusers.models.attention_processor import Attention

    tensors = golden.group("attn/")
    width, text_width, heads = len(tensors["to_q.weight"]), tensors["to_k.weight"].shape[1], golden.config["heads"]
    attention = Attention(width, text_width, heads=heads, dim_head=width // heads)
    attention.load_state_dict(tensors, strict=True)
    return attention.requires_grad_(False).eval()


def _layer(golden: Golden, case: Case) -> Checks:
    facts, attention = case.facts, _attention(golden)
    latents = (facts["height"] // 8, facts["width"] // 8)
    module = None if facts["module"] == "none" else golden.named(facts["module"])
    site = AttentionSite("attn", "spatial", "cross", case.size, attention.to_q.in_features, attention.heads, 768)
    plain = attention.processor
    for name, order in case.variants() or [("", None)]:
        denoiser = Denoiser(golden, case, latents)
        processor = denoiser.processor(module, site, order, plain)
        attention.set_processor(processor)
        prefix = f"{name}/" if name else ""
        out = attention(case.inputs["hidden_states"], encoder_hidden_states=denoiser.text)
        yield f"{prefix}out", out, case.outputs[f"{prefix}out"]
        if f"{prefix}sac_scale" in case.outputs:
            weights = processor.weights.reshape(1, -1, *case.size)
            yield f"{prefix}sac_scale", weights, case.outputs[f"{prefix}sac_scale"]


def _ground(golden: Golden, unet: Any, denoiser: Denoiser, latents: tuple[int, int], orders: Tensor | None) -> None:
    """Sets processors on every cross-attention layer; `orders` has a row for each grounded one, as they run."""
    sites = [site for site in attention_sites(unet, latents) if site.role == "cross"]
    grounded = [site.name for site in sites if site.name in golden.modules]
    for site in sites:
        order = None if orders is None or site.name not in grounded else orders[grounded.index(site.name)]
        attention = unet.get_submodule(site.name)
        inner = getattr(attention.processor, "inner", attention.processor)
        attention.set_processor(denoiser.processor(golden.modules.get(site.name), site, order, inner))


def _unet2d(golden: Golden, case: Case) -> Checks:
    sample = case.inputs["sample"]
    latents = (sample.shape[2], sample.shape[3])
    for name, orders in case.variants():
        denoiser = Denoiser(golden, case, latents)
        _ground(golden, golden.unet, denoiser, latents, orders)
        out = golden.unet(sample, case.facts["timestep"], denoiser.text).sample
        yield f"{name}/out", out, case.outputs[f"{name}/out"]


def _motion(golden: Golden, case: Case) -> Checks:
    sample = case.inputs["sample"]  # (1, 4, F, h, w)
    latents = (sample.shape[3], sample.shape[4])
    denoiser = Denoiser(golden, case, latents)
    _ground(golden, golden.motion_unet, denoiser, latents, None)
    out = golden.motion_unet(sample.repeat(2, 1, 1, 1, 1), case.facts["timestep"], denoiser.text).sample
    yield "out", out, case.outputs["out"]


FAMILIES: dict[str, Callable[[Golden, Case], Checks]] = {
    "fourier": _fourier,
    "posnet": _posnet,
    "ea": _ea,
    "la": _la,
    "cbam1": _cbam,
    "cbam2": _cbam,
    "sac": _sac,
    "migc": _module,
    "proc": _layer,
    "frames": _layer,
    "unet2d": _unet2d,
    "motion": _motion,
}


def compare(golden: Golden, name: str) -> tuple[float, float, str]:
    """The worst error of a case, relative to the largest golden value; the tolerance; and what failed, in words."""
    family = name.split("_")[0]
    tolerance = UNET_TOLERANCE if family in ("unet2d", "motion") else TOLERANCE
    if family not in FAMILIES:
        return np.inf, tolerance, f"the family {family!r} is not known"
    inputs, outputs = (golden.group(f"case/{name}/{side}/") for side in ("in", "out"))
    case = Case(name, golden.cases[name], inputs, outputs)
    worst, seen = 0.0, set()
    for key, got, reference in FAMILIES[family](golden, case):
        seen.add(key)
        if got.shape != reference.shape:
            return np.inf, tolerance, f"{key} has shape {tuple(got.shape)} instead of {tuple(reference.shape)}"
        error = float((got - reference).abs().max() / reference.abs().max())
        worst = max(worst, error if np.isfinite(error) else np.inf)
    unseen = {key for key in outputs if key.rpartition("/")[2] not in ("perm", "perms")} - seen
    return (np.inf, tolerance, f"not compared: {sorted(unseen)}") if unseen or not seen else (worst, tolerance, "")


def run(path: Path, report: Callable[[str], None] = print) -> int:
    """Runs every case of a file; returns the number that failed."""
    golden = Golden.read(path)
    failed = 0
    for name in golden.cases:
        with torch.no_grad():
            error, tolerance, why = compare(golden, name)
        passed = error <= tolerance
        failed += not passed
        report(f"{'pass' if passed else 'FAIL'}  {name:<28} {error:.2e}  (at most {tolerance:.0e})  {why}".rstrip())
    report(f"{len(golden.cases) - failed} passed, {failed} failed")
    return failed


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m benchmarks.migc_parity FILE.safetensors", file=sys.stderr)
        return 2
    return 1 if run(Path(arguments[0])) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
