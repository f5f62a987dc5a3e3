"""Puts stages together: pools on disk, networks from earlier stages frozen, seeds for what starts from nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spa2v.core.media.files import atomic_path, write_json
from spa2v.core.runtime import Run
from spa2v.core.weights import read_tensors
from spa2v.training.base import BaseStage, Latents, Prompter, make_unet, with_fast_attention
from spa2v.training.detector import DetectorStage, detector_pool, with_classes
from spa2v.training.few_steps import FewStepsStage
from spa2v.training.gligen import GLIGENStage
from spa2v.training.grounding import Frozen
from spa2v.training.loop import CHECKPOINT, Stage, Trainer, averaged
from spa2v.training.migc import MIGCGrounder, MIGCStage
from spa2v.training.motion import MotionStage, make_adapter, with_motion
from spa2v.training.pictures import Pool, kept_pool
from spa2v.training.plan import Plan
from spa2v.training.scenes import NAMES
from spa2v.training.tokenizer import knows_words, load_tokenizer, make_text_encoder, with_vocabulary, write_tokenizer
from spa2v.training.vae import VAEStage, encode_pool, make_vae, spread_of
from spa2v.world.detector import found_classes

BASE, ADAPTER, ADAPTER_FILE = "stable-diffusion", "motion-adapter", "diffusion_pytorch_model.safetensors"
MIGC_FILE, GLIGEN_FILE, DETECTOR_FILE = "migc.safetensors", f"gligen/{ADAPTER_FILE}", "detector.safetensors"
FEW_STEPS_FILE = "few-steps.safetensors"
"""Where the parts lie in a folder of exported weights."""


class Trainings:
    """One folder of trainings.

    Args:
        out: the folder; each stage has its own in it.
        plan: sizes and recipes.
        run: gives seed and device.
        start: a folder of exported weights to start all stages from, or None to start from nothing.
        workers: processes that draw pools and batches; 0 for this one alone.
        trackers: where losses are logged.
        with_pools: False leaves the pools of stages on the frozen base empty, for an export.
    """

    def __init__(
        self,
        out: Path,
        plan: Plan,
        run: Run,
        start: Path | None = None,
        workers: int = 0,
        trackers: Sequence[str] = (),
        with_pools: bool = True,
    ) -> None:
        self.out, self.plan, self.run, self.start, self.workers = out, plan, run, start, workers
        self.trackers, self.with_pools = trackers, with_pools

    def trainer(self, stage: str, **changes: int | float | None) -> Trainer:
        """The trainer of a stage, at its last checkpoint if there is one."""
        recipe = self.plan.recipe(stage, **changes)
        return Trainer(BUILDERS[stage](self), recipe, self.out / stage, self.run, self.workers, self.trackers)

    def _seeded(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` gives, with its random weights drawn from its own seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.run.derived_seed(f"{name}/start"))
            return make().to(self.run.device)

    def _starts(self, part: str) -> bool:
        """Whether a part is to start from exported weights: there is a folder of them, and it has the part."""
        return self.start is not None and (self.start / part).exists()

    @property
    def _given(self) -> Path:
        assert self.start is not None  # _starts
        return self.start

    def _pool(self, name: str, clips: int, frames: int) -> Pool:
        folder = self._pool_folder(name, clips, frames)
        with self.run.progress(f"drawing {name}", clips) as tick:
            seed = self.run.derived_seed(f"pool/{name}")
            return kept_pool(folder, seed, clips, frames, self.plan.size, max(1, self.workers), tick, self.names)

    def _pool_folder(self, name: str, clips: int, frames: int) -> Path:
        names = self.plan.classes
        few = f"-{hashlib.sha256(','.join(names).encode()).hexdigest()[:8]}" if names else ""
        return self.out / "pools" / f"{name}-{clips}x{frames}-{self.plan.size[0]}x{self.plan.size[1]}{few}"

    @property
    def names(self) -> tuple[str, ...]:
        """The classes to draw; see `spa2v.training.scenes.any_scene`."""
        return self.plan.classes or NAMES

    @cached_property
    def stills(self) -> Pool:
        """Single pictures, two of each scene."""
        return self._pool("stills", self.plan.stills, 2)

    @cached_property
    def clips(self) -> Pool:
        """Clips of as many frames as a video has."""
        return self._pool("clips", self.plan.clips, self.plan.frames)

    def latents(self, name: str) -> Tensor:
        """The latents of a pool by the frozen encoder, scaled, float16 on the CPU; kept on disk."""
        pool: Pool = getattr(self, name)
        folder = self._pool_folder(name, pool.clips, pool.frames)
        path = folder.with_name(f"{folder.name}-{state_hash(self.vae.encoder)[:16]}.pt")
        if not path.exists():
            encoded = encode_pool(self.vae, pool, self.run)
            with atomic_path(path) as target:
                torch.save(encoded, target)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)

    @cached_property
    def vae(self) -> Any:
        """The VAE, trained and frozen."""
        vae = self._new_vae()
        if not self._starts(f"{BASE}/vae") or (self.out / "vae" / CHECKPOINT).exists():
            vae.load_state_dict(averaged(self.out / "vae"))
            vae.register_to_config(scaling_factor=1.0 / self._spread(vae))
        return vae.requires_grad_(False).eval()

    def _spread(self, vae: Any) -> float:
        """Of the latents; kept on disk, so that all later stages take the same."""
        path = self.out / "vae" / f"spread-{state_hash(vae.encoder)[:16]}.json"
        if not path.exists():
            write_json(path, {"spread": spread_of(vae, self.stills, self.run)})
        return float(json.loads(path.read_text(encoding="utf-8"))["spread"])

    def _new_vae(self) -> Any:
        plan = self.plan
        if self._starts(f"{BASE}/vae"):
            from diffusers import AutoencoderKL

            return AutoencoderKL.from_pretrained(self._given / BASE / "vae").float().to(self.run.device)
        return self._seeded("vae", lambda: make_vae(plan.vae_widths, plan.latent_channels))

    @cached_property
    def prompter(self) -> Prompter:
        """Tokenizer and text encoder; untrained, or from `start`, with the words that the base stage adds."""
        folder = self.out / "tokenizer"
        if self._starts(f"{BASE}/text_encoder"):
            from transformers import CLIPTextModel

            given = self._given / BASE
            encoder = CLIPTextModel.from_pretrained(given / "text_encoder").float().to(self.run.device)
            tokenizer = load_tokenizer(given / "tokenizer")
            if (folder / "vocab.json").exists():
                old, tokenizer = tokenizer, load_tokenizer(folder)
                self._seeded("text", lambda: with_vocabulary(encoder, old, tokenizer))
            return Prompter(tokenizer, encoder)
        if not (folder / "vocab.json").exists():
            write_tokenizer(folder)
        tokenizer, plan = load_tokenizer(folder), self.plan
        make = lambda: make_text_encoder(tokenizer, plan.text_width, plan.text_layers, plan.text_heads)  # noqa: E731
        return Prompter(tokenizer, self._seeded("text", make))

    def _new_unet(self) -> Any:
        if self._starts(f"{BASE}/unet"):
            from diffusers import UNet2DConditionModel

            folder = self._given / BASE / "unet"
            unet = UNet2DConditionModel.from_pretrained(folder).float().to(self.run.device)
            return with_fast_attention(unet, self.run)
        p = self.plan
        make = lambda: make_unet(p.unet_widths, p.latent_channels, p.text_width, p.heads, p.groups)  # noqa: E731
        return with_fast_attention(self._seeded("unet", make), self.run)

    def _detector(self) -> Stage:
        scenes = self.plan.stills // 2
        with self.run.progress("drawing for the detector", scenes) as tick:
            seed, folder = self.run.derived_seed("pool/detector"), self._pool_folder("detector", scenes, 2)
            pool = detector_pool(folder, seed, scenes, self.plan.size, max(1, self.workers), tick, self.names)
        stage = self._seeded_stage("detector", lambda: DetectorStage(pool))
        if self._starts(DETECTOR_FILE):
            path = self._given / DETECTOR_FILE
            given = with_classes(read_tensors(path), found_classes(path), stage.network.state_dict())
            stage.network.load_state_dict(given, strict=False)
        return stage

    def _seeded_stage(self, name: str, make: Callable[[], Any]) -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.run.derived_seed(f"{name}/start"))
            stage = make()
        stage.trained().to(self.run.device)
        return stage

    def _vae(self) -> Stage:
        return VAEStage(self._new_vae(), [self.stills, self.clips] if self.plan.clips else [self.stills])

    def _base(self) -> Stage:
        given = self._given / BASE / "tokenizer" if self._starts(f"{BASE}/tokenizer") else None
        if given and not knows_words(load_tokenizer(given)) and not (self.out / "tokenizer" / "vocab.json").exists():
            write_tokenizer(self.out / "tokenizer")
        sources = [self.latents("stills")] + ([self.latents("clips")] if self.plan.clips else [])
        pools = [self.stills] + ([self.clips] if self.plan.clips else [])
        return BaseStage(self._new_unet(), self.prompter, Latents(pools, sources), self.vae)

    def base(self) -> Any:
        """The UNet of the base stage, frozen; the prompter's text encoder with it."""
        both = nn.ModuleDict({"unet": self._new_unet(), "text_encoder": self.prompter.encoder})
        if not self._starts(f"{BASE}/unet") or (self.out / "base" / CHECKPOINT).exists():
            both.load_state_dict(averaged(self.out / "base"))
        both.requires_grad_(False).eval()
        return both["unet"]

    def frozen(self) -> Frozen:
        """The base as grounding sees it."""
        drawn = ([self.stills], [self.latents("stills")]) if self.with_pools else ([], [])
        latents = Latents(*drawn, only_with_things=True)
        return Frozen(self.base(), self.prompter, self.vae, latents, self._pixels)

    @property
    def _pixels(self) -> tuple[int, int]:
        """(height, width) of a picture."""
        return self.plan.size[1], self.plan.size[0]

    def _motion(self) -> MotionStage:
        unet, plan = self.base(), self.plan
        adapter = self._seeded("motion", lambda: make_adapter(unet, plan.heads, plan.frames))
        if self._starts(ADAPTER):
            adapter.load_state_dict(read_tensors(self._given / ADAPTER / ADAPTER_FILE))
        network = with_fast_attention(with_motion(unet, adapter).to(self.run.device), self.run)
        empty = Pool(np.empty((0, plan.frames, plan.size[1], plan.size[0], 3), np.uint8), (), ())
        drawn = (self.clips, self.latents("clips")) if self.with_pools else (empty, torch.empty(0))
        return MotionStage(network, self.prompter, self.vae, *drawn)

    def _migc(self) -> Stage:
        stage = self._seeded_stage("migc", lambda: MIGCStage(self.frozen()))
        if self._starts(MIGC_FILE):
            stage.grounder.load_tensors(read_tensors(self._given / MIGC_FILE))
        return stage

    def _gligen(self) -> Stage:
        stage = self._seeded_stage("gligen", lambda: GLIGENStage(self.frozen()))
        if self._starts(GLIGEN_FILE):
            stage.grounder.load_tensors(read_tensors(self._given / GLIGEN_FILE))
        return stage

    def _few_steps(self) -> Stage:
        motion = self._motion()
        if not self._starts(ADAPTER) or (self.out / "motion" / CHECKPOINT).exists():
            motion.trained().load_state_dict(averaged(self.out / "motion"))
        frozen = Frozen(motion.network, self.prompter, self.vae, Latents([], []), self._pixels)
        grounder = MIGCGrounder(frozen.sites).to(self.run.device)
        if not self._starts(MIGC_FILE) or (self.out / "migc" / CHECKPOINT).exists():
            grounder.load_state_dict(averaged(self.out / "migc"))
        else:
            grounder.load_tensors(read_tensors(self._given / MIGC_FILE))
        stage: FewStepsStage = self._seeded_stage("few_steps", lambda: FewStepsStage(motion, frozen, grounder))
        if self._starts(FEW_STEPS_FILE):
            stage.load_tensors(read_tensors(self._given / FEW_STEPS_FILE))
        return stage


BUILDERS: Mapping[str, Callable[[Trainings], Stage]] = {
    "detector": Trainings._detector,
    "vae": Trainings._vae,
    "base": Trainings._base,
    "motion": Trainings._motion,
    "migc": Trainings._migc,
    "gligen": Trainings._gligen,
    "few_steps": Trainings._few_steps,
}
"""By stage: from earlier stages to the one to train."""


def state_hash(module: nn.Module) -> str:
    """SHA-256 of all tensors of a module, in the order of their names: what must not change has the same hash."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
