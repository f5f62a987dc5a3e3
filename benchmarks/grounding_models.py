"""Random networks of Stable Diffusion 1.5's size, or small ones, to time and to measure: no weights are needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spa2v.core.protocols import AttentionSite, Denoising, EncodedText
from spa2v.core.runtime import Run
from spa2v.core.types import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.plugins.grounding_injectors.migc.modules import MIGCModule, ModuleSizes
from spa2v.plugins.motion_backbones.animatediff.attention_sites import attention_sites

SIZES: dict[str, dict[str, Any]] = {
    "sd15": {"block_out_channels": (320, 640, 1280, 1280), "cross_attention_dim": 768, "layers": 2, "groups": 32},
    "narrow": {"block_out_channels": (32, 64, 128, 128), "cross_attention_dim": 128, "layers": 2, "groups": 16},
    "tiny": {"block_out_channels": (16, 32, 32, 32), "cross_attention_dim": 32, "layers": 1, "groups": 8},
}
HEADS, TOKENS = 8, 77


def filled(module: nn.Module, seed: int = 0, spread: float = 0.02) -> nn.Module:
    """A module made on the meta device, with normal values: faster than its own initialization."""
    module = module.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            tensor.data.normal_(0.0, spread, generator=generator)
    for layer in module.modules():
        if isinstance(layer, (nn.GroupNorm, nn.LayerNorm)) and layer.weight is not None:
            layer.weight.data.fill_(1.0)
    return module.requires_grad_(False).eval()


def motion_unet(size: str = "sd15") -> Any:
    """A `UNetMotionModel` with the layers of AnimateDiff v2."""
    from diffusers import UNetMotionModel

    about = SIZES[size]
    with torch.device("meta"):
        unet = UNetMotionModel(
            block_out_channels=about["block_out_channels"],
            layers_per_block=about["layers"],
            norm_num_groups=about["groups"],
            cross_attention_dim=about["cross_attention_dim"],
            num_attention_heads=HEADS,
            motion_num_attention_heads=HEADS,
            use_motion_mid_block=True,
        )
    return filled(unet)


def migc_modules(sites: Sequence[AttentionSite]) -> dict[str, MIGCModule]:
    """MIGC modules where the released weights have them: the middle block and the deepest block of the way up."""
    return {site.name: _module(site, seed) for seed, site in enumerate(released_sites(sites))}


def released_sites(sites: Sequence[AttentionSite]) -> list[AttentionSite]:
    """The layers that the released weights serve."""
    cross = [site for site in sites if site.role == "cross" and site.kind == "spatial"]
    upper = min((site for site in cross if site.name.startswith("up")), key=lambda site: site.resolution).resolution
    return [s for s in cross if s.name.startswith("mid") or (s.name.startswith("up") and s.resolution == upper)]


def module_sizes(site: AttentionSite) -> ModuleSizes:
    width = site.channels
    return ModuleSizes(width, site.heads, site.text_width or 0, 30, max(width // 16, 1), 30, 64, 512, 7, 7)


def _module(site: AttentionSite, seed: int) -> MIGCModule:
    with torch.device("meta"):
        module = MIGCModule(module_sizes(site))
    made = filled(module, seed)
    assert isinstance(made, MIGCModule)
    return made


class StepBackbone:
    """A bare denoiser as a backbone: injectors attach to it, text features are random."""

    def __init__(self, unet: Any, frames: int, height: int, width: int) -> None:
        self.unet, self.frames, self.height, self.width = unet, frames, height, width
        self.denoising = Denoising(steps=50)

    def denoiser(self, run: Run) -> nn.Module:
        return self.unet

    def latent_size(self, run: Run) -> tuple[int, int]:
        return self.height // 8, self.width // 8

    def attention_sites(self, run: Run) -> tuple[AttentionSite, ...]:
        return attention_sites(self.unet, self.latent_size(run))

    def encode_text(self, texts: Sequence[str], run: Run) -> EncodedText:
        width = self.unet.config.cross_attention_dim
        like = next(self.unet.parameters())
        states = torch.randn(len(texts), TOKENS, width).to(like)
        return EncodedText(states, states[:, 0])

    def generate(self, layout: VideoSceneLayout, run: Run) -> Any:
        raise NotImplementedError("one step at a time: see `step`")

    @torch.no_grad()
    def step(self, latents: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        """One evaluation with guidance: latents (1, 4, F, h, w), text (2F, tokens, width)."""
        return self.unet(latents.repeat(2, 1, 1, 1, 1), 500, encoder_hidden_states=text, return_dict=False)[0]

    def inputs(self, run: Run) -> tuple[torch.Tensor, torch.Tensor]:
        """Random latents and text rows for `step`."""
        like = next(self.unet.parameters())
        latents = torch.randn(1, 4, self.frames, *self.latent_size(run)).to(like)
        return latents, self.encode_text([""] * (2 * self.frames), run).states


def moving_layout(objects: int) -> VideoSceneLayout:
    """Things side by side that move to the right over two seconds."""
    width = 0.8 / max(objects, 1)

    def things(shift: float) -> tuple[SceneObject, ...]:
        return tuple(
            SceneObject(f"thing_{k}", f"thing {k}", Box(k * width + shift, 0.2, (k + 1) * width + shift, 0.9))
            for k in range(objects)
        )

    return VideoSceneLayout(2.0, "a street", (KeyFrame(0.0, "", things(0.0)), KeyFrame(1.9, "", things(0.2))))


def stable_diffusion(folder: Path, size: str = "sd15", dtype: torch.dtype = torch.float16) -> dict[str, str]:
    """Folders and files of random weights in the real formats; the options of the components that load them."""
    from diffusers import AutoencoderKL, DDIMScheduler, MotionAdapter, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    about = SIZES[size]
    width, channels = about["cross_attention_dim"], about["block_out_channels"]
    small = size == "tiny"
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            block_out_channels=channels,
            layers_per_block=about["layers"],
            norm_num_groups=about["groups"],
            cross_attention_dim=width,
            attention_head_dim=HEADS,
        )
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8, 8) if small else (128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1 if small else 2,
            norm_num_groups=8 if small else 32,
            latent_channels=4,
        )
        adapter = MotionAdapter(
            block_out_channels=channels,
            motion_layers_per_block=about["layers"],
            motion_norm_num_groups=about["groups"],
            motion_num_attention_heads=HEADS,
        )
    tokens = _tokenizer()
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokens) if small else 49408,
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=2 if small else 12,
            num_attention_heads=8 if small else 12,
            eos_token_id=tokens.eos_token_id,
            bos_token_id=tokens.bos_token_id,
            pad_token_id=tokens.pad_token_id,
        )
    )
    parts = {"vae": filled(vae).to(dtype), "unet": filled(unet).to(dtype), "text_encoder": text.to(dtype)}
    pipeline = StableDiffusionPipeline(
        **parts,
        tokenizer=tokens,
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder / "sd")
    filled(adapter).to(dtype).save_pretrained(folder / "motion")  # type: ignore[operator]
    return {"base": str(folder / "sd"), "motion": str(folder / "motion")}


def migc_file(path: Path, sites: Sequence[AttentionSite]) -> str:
    """A MIGC checkpoint of random values for these layers."""
    from safetensors.torch import save_file

    save_file(
        {
            f"{name}.migc.{key}": t
            for name, module in migc_modules(sites).items()
            for key, t in module.state_dict().items()
        },
        path,
    )
    return str(path)


def _tokenizer() -> Any:
    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: k for k, word in enumerate(words)}, merges=[], model_max_length=TOKENS)
